"""What must hold at every quiet moment, as questions whose answer is nothing: one statement an invariant, named by its app.

`manage.py check_invariants` asks them all. A question answers (subject, what is wrong); subjects are numbers and codes,
never a buyer. They are asked in one repeatable-read snapshot, so that a house at work is judged at one moment.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

from django.db import connection, transaction

from orderhub.dotted import resolve

#: Dotted names of lists of Invariant.
LISTS: tuple[str, ...] = (
    "inventory.invariants.INVARIANTS",
    "orders.invariants.INVARIANTS",
    "logistics.invariants.INVARIANTS",
    "routing.invariants.INVARIANTS",
    "finance.invariants.INVARIANTS",
)
SHOWN = 20


@dataclass(frozen=True, slots=True)
class Invariant:
    """`sql` selects (subject, fault) of whatever breaks it. `label` says what holds."""

    code: str
    label: Any
    sql: str


@dataclass(frozen=True, slots=True)
class Broken:
    """An invariant that does not hold: how often, and the first few."""

    code: str
    label: str
    count: int
    first: tuple[tuple[str, str], ...]


def invariants() -> Iterator[Invariant]:
    """All of them, in the order of the floors."""
    for name in LISTS:
        yield from cast(Sequence[Invariant], resolve(name))


def check(only: Sequence[str] = ()) -> list[Broken]:
    """Those that do not hold (of the codes in `only`, if any are named). One statement each."""
    broken = []
    with transaction.atomic(), connection.cursor() as cursor:
        if not connection.savepoint_ids:  # inside somebody's transaction it is his snapshot
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        for one in invariants():
            if only and one.code not in only:
                continue
            cursor.execute(
                f"SELECT count(*) OVER (), s::text, f::text FROM ({one.sql}) AS broken (s, f) LIMIT {SHOWN}"
            )
            rows = cursor.fetchall()
            if rows:
                first = tuple((str(subject), str(fault)) for _count, subject, fault in rows)
                broken.append(Broken(one.code, str(one.label), int(rows[0][0]), first))
    return broken
