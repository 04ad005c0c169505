"""What every operation on after-sale cases agrees about: the columns, which are live, what they gave back."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from orders.amounts import ZERO
from orders.models import Case

TABLE = "orders_case"
COLUMNS = ("number", "order_id", "kind", "state", "amount", "lines", "reason", "receipt_key")
LIVE = (Case.State.OPEN, Case.State.RECEIVED)


def refunded_by(cases: Iterable[Case]) -> Decimal:
    """What these cases gave back: the sum of those that are done."""
    return sum((case.amount for case in cases if case.state == Case.State.DONE), ZERO)


def next_number(order_number: str, cases: Iterable[Case]) -> str:
    """A free case number of an order whose row is locked."""
    taken = {case.number for case in cases}
    n = len(taken) + 1
    while f"AS{order_number}-{n}" in taken:
        n += 1
    return f"AS{order_number}-{n}"
