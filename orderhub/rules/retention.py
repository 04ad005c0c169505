"""Traces of rules and what notices were asked for go after a while, a bounded number at a time, so that no statement is long."""

from __future__ import annotations

import datetime as dt

from django.db import connection
from django.utils import timezone

#: Long enough for every dispute about an order; the order's own timeline stays.
KEEP = dt.timedelta(days=180)
BATCH = 5_000


def prune(*, keep: dt.timedelta = KEEP, batch: int = BATCH, most: int = 200_000) -> int:
    """Delete what is older than `keep`, at most `most` of each table; returns how many."""
    return sum(_prune(table, keep, batch, most) for table in ("orderhub_trace", "orderhub_asking"))


def _prune(table: str, keep: dt.timedelta, batch: int, most: int) -> int:
    gone = 0
    while gone < most:
        with connection.cursor() as cursor:
            cursor.execute(
                f"""DELETE FROM {table} WHERE id = ANY(ARRAY(
                       SELECT id FROM {table} WHERE at < %s ORDER BY at LIMIT %s))""",
                [timezone.now() - keep, batch],
            )
            count = cursor.rowcount
        gone += count
        if count < batch:
            break
    return gone
