"""Traces of rules go after a while, a bounded number at a time, so that no statement is long."""

from __future__ import annotations

import datetime as dt

from django.db import connection
from django.utils import timezone

#: Long enough for every dispute about an order; the order's own timeline stays.
KEEP = dt.timedelta(days=180)
BATCH = 5_000


def prune(*, keep: dt.timedelta = KEEP, batch: int = BATCH, most: int = 200_000) -> int:
    """Delete traces older than `keep`, at most `most` of them; returns how many."""
    gone = 0
    while gone < most:
        with connection.cursor() as cursor:
            cursor.execute(
                """DELETE FROM orderhub_trace WHERE id = ANY(ARRAY(
                       SELECT id FROM orderhub_trace WHERE at < %s ORDER BY at LIMIT %s))""",
                [timezone.now() - keep, batch],
            )
            count = cursor.rowcount
        gone += count
        if count < batch:
            break
    return gone
