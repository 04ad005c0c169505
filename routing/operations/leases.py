"""Who has which address open: items are leased to the token of an open page, oldest promise first, skipped ones last.

Two tokens never hold the same item (skip locked, and a lease that is not over is not given away). A page that
dies loses its lease after `LEASE`, and the item is the next one's.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet

from routing.models import AddressReview

LEASE = dt.timedelta(seconds=90)
#: So many of a narrowed person's addresses are looked at: some are open with colleagues.
AMONG = 200

_TAKE = """
    WITH due AS (
        SELECT id FROM routing_addressreview
        WHERE state = 'waiting' AND id <> ALL(%(have)s) AND (%(only)s::bigint IS NULL OR id = %(only)s)
          AND (%(among)s::bigint[] IS NULL OR id = ANY(%(among)s::bigint[]))
          AND (lease_until IS NULL OR lease_until < clock_timestamp() OR lease_token = %(token)s)
        ORDER BY skips, promised_at, id LIMIT %(n)s FOR UPDATE SKIP LOCKED)
    UPDATE routing_addressreview t SET lease_token = %(token)s, lease_by = %(by)s,
        lease_until = clock_timestamp() + %(lease)s::interval
    FROM due WHERE t.id = due.id RETURNING t.id, t.skips, t.promised_at"""


def waiting_of(orders: QuerySet[Any] | None) -> list[int] | None:
    """The first of the queue that are of these orders, for `take`; None for all orders: whoever is narrowed to no part."""
    if orders is None:
        return None
    waiting = AddressReview.objects.filter(state=AddressReview.State.WAITING, order_id__in=orders)
    return list(waiting.order_by("skips", "promised_at", "id").values_list("id", flat=True)[:AMONG])


def take(
    token: str,
    by: str,
    n: int,
    have: Sequence[int] = (),
    only: int | None = None,
    among: Sequence[int] | None = None,
) -> list[int]:
    """Lease up to `n` more items to this page, in the queue's order; those in `have` are there already.

    With `only` it is that item or none; with `among` (what a narrowed person sees) they are some of those.
    """
    if n <= 0:
        return []
    values: dict[str, Any] = {
        "token": token,
        "by": by[:80],
        "n": n,
        "have": list(have),
        "only": only,
        "among": None if among is None else list(among),
        "lease": _interval(),
    }
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_TAKE, values)
        return [row[0] for row in sorted(cursor.fetchall(), key=lambda row: (row[1], row[2], row[0]))]


def renew(token: str, ids: Sequence[int]) -> list[int]:
    """Prolong the leases of an open page; returns the ids that are still its own."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """UPDATE routing_addressreview SET lease_until = clock_timestamp() + %s::interval
               WHERE id = ANY(%s) AND lease_token = %s AND state = 'waiting' RETURNING id""",
            [_interval(), list(ids), token],
        )
        return sorted(row[0] for row in cursor.fetchall())


def give_back(token: str, ids: Sequence[int]) -> int:
    """End the leases of a page that is closed: its items are there for others at once."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """UPDATE routing_addressreview SET lease_token = '', lease_by = '', lease_until = NULL
               WHERE id = ANY(%s) AND lease_token = %s""",
            [list(ids), token],
        )
        return int(cursor.rowcount)


def skip(token: str, item_id: int) -> bool:
    """Put an item behind the others; False when it is not this page's any more."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """UPDATE routing_addressreview SET skips = skips + 1, lease_token = '', lease_by = '', lease_until = NULL
               WHERE id = %s AND lease_token = %s AND state = 'waiting'""",
            [item_id, token],
        )
        return bool(cursor.rowcount)


def _interval() -> str:
    return f"{LEASE.total_seconds()} seconds"
