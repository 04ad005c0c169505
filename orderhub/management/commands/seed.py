"""``manage.py seed --orders 1000000``: an empty database full of orders, for practice and measurements."""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from orderhub.management.seeding import fill


class Command(BaseCommand):
    help = "Fill an empty database with made-up orders (real goods, baskets and addresses), as if each had been touched."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--orders", type=int, default=10_000, metavar="N", help="how many (default 10,000)"
        )
        parser.add_argument(
            "--days", type=int, default=180, metavar="N", help="over how many days (default 180)"
        )
        parser.add_argument("--seed", type=int, default=7, metavar="N", help="another number, other orders")
        parser.add_argument("--json", action="store_true", help="one JSON line and nothing else")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["orders"] < 10 or options["days"] < 1:
            raise CommandError("at least 10 orders over at least one day")
        begun = time.monotonic()
        say = (lambda words: None) if options["json"] else self.stdout.write
        try:
            fill(options["orders"], days=options["days"], seed=options["seed"], say=say)
        except ValueError as refused:
            raise CommandError(
                f"{refused}; made-up orders go into an empty database only: a new one, or one that was flushed"
            ) from None
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_database_size(current_database())")
            size = cursor.fetchone()[0]
        said = {
            "orders": options["orders"],
            "seconds": round(time.monotonic() - begun, 1),
            "bytes": size,
            "bytes_an_order": round(size / options["orders"]),
        }
        self.stdout.write(
            json.dumps(said)
            if options["json"]
            else f"{said['orders']} orders in {said['seconds']} s, {size / 1e9:.2f} GB on disk"
        )
