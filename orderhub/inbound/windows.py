"""Keeping what a platform only tells when asked: changed records by time, each version once, none skipped.

The newest kept version is the mark. Pages are read from the last to the first: a record that changes meanwhile
leaves the window, and what it stood before moves towards the pages that are read later. All pages are kept in
one statement at the end, so the mark moves only when nothing is missing; killed anywhere, the next reading asks
again from the old mark. Where a platform has no acknowledgement, keeping is ours.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from typing import Any, Protocol

from django.db import connection as database
from django.utils import timezone

from orderhub.inbound.keeping import Kept, keep_many
from orderhub.integrations.clients.base import from_beijing

OVERLAP = dt.timedelta(hours=1)


class Page(Protocol):
    """What clients answer: rows, and how many there are on all pages together (None: the platform did not say)."""

    @property
    def rows(self) -> list[dict[str, Any]]: ...

    @property
    def total(self) -> int | None: ...


Ask = Callable[[dt.datetime, dt.datetime, int, int], Page]
#: (outside number, version as Beijing text that sorts, to the second; more may follow), None: not to be kept yet.
Identify = Callable[[dict[str, Any]], tuple[str, str] | None]


def keep_changes(
    connection_id: int,
    kind: str,
    ask: Ask,
    identify: Identify,
    *,
    longest: dt.timedelta,
    size: int = 100,
    now: dt.datetime | None = None,
) -> int:
    """Keep the records of an account changed since the newest kept one, at most `longest` ago; how many are new.

    Raises what `ask` and `identify` raise; then nothing is kept.
    """
    end = now or timezone.now()
    mark = newest(connection_id, kind)
    start = end - longest if mark is None else max(mark - OVERLAP, end - longest)
    first = ask(start, end, 0, size)
    last = max(0, -(-(first.total or 0) // size) - 1)
    rows: list[dict[str, Any]] = []
    for page in range(last, -1, -1):
        rows += first.rows if page == last == 0 else ask(start, end, page, size).rows
    kept = {}
    for row in rows:
        named = identify(row)
        if named is not None:
            kept[named] = json.dumps(row, ensure_ascii=False, default=str).encode()
    return len(
        keep_many(
            connection_id, [Kept(kind, number, version, raw) for (number, version), raw in kept.items()]
        )
    )


def newest(connection_id: int, kind: str) -> dt.datetime | None:
    """The newest change that is kept; None before the first."""
    with database.cursor() as cursor:
        cursor.execute(
            "SELECT max(version) FROM orderhub_payload WHERE connection_id = %s AND kind = %s",
            [connection_id, kind],
        )
        found = cursor.fetchone()
    return from_beijing(found[0][:19]) if found and found[0] else None
