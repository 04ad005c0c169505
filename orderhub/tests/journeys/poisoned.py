"""A worker in which the database refuses one order and another one ends the process: python -m … BREAKER KILLER."""

from __future__ import annotations

import os
import sys
from typing import Any

import django


def main(breaker: int, killer: int) -> None:
    """Everything that can move by itself, once, with the two poisonous orders among it."""
    django.setup()
    from django.db import connection

    from orders import tasks
    from orders.operations import stock

    assert str(connection.settings_dict["NAME"]).startswith("test_")
    real = stock.reserve

    def poisoned(live: list[Any], writer: Any) -> None:
        ids = {row.id for row in live}
        if killer in ids:
            os._exit(9)
        if breaker in ids:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 / 0")
        real(live, writer)

    stock.reserve = poisoned
    tasks.advance()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
