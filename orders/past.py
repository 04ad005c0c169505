"""Past decisions of orders' own points, for trying a draft on them. Reads only; nothing personal leaves here.

Facts are as they are today where the past has left none (the blacklist, for one); counts are of the time before each order.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from orderhub.rules.points import Effect, Past
from orders.operations import figures, risk

_JUDGED = """
    SELECT o.id, o.number, o.payable, o.piece_count, o.paid_at, o.open_holds, EXISTS (SELECT 1 FROM orders_hold h
        WHERE h.order_id = o.id AND h.type = 'risk') FROM orders_order o WHERE o.id IN (
            SELECT e.order_id FROM orders_event e WHERE e.point = 1 AND e.occurred_at >= %(since)s
                AND e.occurred_at < %(until)s AND e.order_id > %(after)s
            UNION SELECT h.order_id FROM orders_hold h WHERE h.type = 'risk' AND h.opened_at >= %(since)s
                AND h.opened_at < %(until)s AND h.order_id > %(after)s)
      AND (%(ids)s::bigint[] IS NULL OR o.id = ANY(%(ids)s)) ORDER BY o.id LIMIT %(limit)s"""


def given(
    since: dt.datetime, until: dt.datetime, ids: Sequence[int] | None, after_id: int, limit: int
) -> dict[str, Any]:
    """The parameters of a past's statement."""
    chosen = None if ids is None else list(ids)
    return {"since": since, "until": until, "after": after_id, "ids": chosen, "limit": limit}


def payments(
    since: dt.datetime, until: dt.datetime, ids: Sequence[int] | None, after_id: int, limit: int
) -> list[Past]:
    """Orders whose payment was proved, or that were held as suspicious, in this time."""
    with connection.cursor() as cursor:
        cursor.execute(_JUDGED, given(since, until, ids, after_id, limit))
        found = cursor.fetchall()
    rows = [SimpleNamespace(id=row[0], payable=row[2], piece_count=row[3], paid_at=row[4]) for row in found]
    facts = risk.facts(rows, every=True) if rows else {}
    return [
        Past(row[0], row[1], {k: v for k, v in facts[row[0]].items() if k != "tags"}, {"hold": row[6]})
        for row in found
    ]


_PAID = """
    SELECT o.id, o.number, s.code, s.channel, s.promise_hours, o.payable, o.piece_count, o.paid_at, o.promised_ship_at
    FROM orders_order o JOIN orders_shop s ON s.id = o.shop_id
    WHERE o.ordered_at >= %(since)s AND o.ordered_at < %(until)s AND o.paid_at IS NOT NULL AND o.id > %(after)s
      AND (%(ids)s::bigint[] IS NULL OR o.id = ANY(%(ids)s)) ORDER BY o.id LIMIT %(limit)s"""


def promises(
    since: dt.datetime, until: dt.datetime, ids: Sequence[int] | None, after_id: int, limit: int
) -> list[Past]:
    """Paid orders of this time, with the hours that they were promised in."""
    with connection.cursor() as cursor:
        cursor.execute(_PAID, given(since, until, ids, after_id, limit))
        found = cursor.fetchall()
    made = []
    for identity, number, code, channel, hours, payable, pieces, paid_at, promised in found:
        known = figures.promise_input(code, channel, hours, payable, pieces)
        became = {"hours": round((promised - paid_at).total_seconds() / 3600, 1)} if promised else {}
        made.append(Past(identity, number, figures.dated(known, paid_at), became))
    return made


def promise_effects(
    pasts: Sequence[Past], before: Sequence[dict[str, Any]], after: Sequence[dict[str, Any]]
) -> list[Effect]:
    """How much sooner (below 0) or later each order would have been promised."""
    words = _("%(hours)s h, amber %(minutes)s min before")

    def said(answer: dict[str, Any]) -> str:
        return words % {"hours": f"{answer['hours']:g}", "minutes": f"{answer['amber_minutes']:g}"}

    return [
        Effect(one != other, said(one), said(other), promise=float(other["hours"] - one["hours"]))
        for _past, one, other in zip(pasts, before, after, strict=True)
    ]
