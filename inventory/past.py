"""What the shelves and the board said in the past, for trying drafts of the stock's rules. Reads only, nothing personal.

Shares are reckoned back from today's counters through the ledger, which always adds up: before each line that promised
pieces stands what was free and on the shelves at that moment, over all sellable bins.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from django.db import connection

from orderhub.rules.points import Past

_SHARES = """
    WITH now AS (
        SELECT s.sku_id, sum(s.on_hand)::bigint AS on_hand, sum(s.reserved)::bigint AS reserved FROM inventory_stock s
        JOIN inventory_bin b ON b.id = s.bin_id AND b.sellable GROUP BY s.sku_id
    ), back AS (
        SELECT m.id, m.sku_id, m.kind, m.at,
            coalesce(sum(m.on_hand_change) OVER later, 0) AS came, coalesce(sum(m.reserved_change) OVER later, 0) AS promised
        FROM inventory_movement m JOIN inventory_bin b ON b.id = m.bin_id AND b.sellable WHERE m.at >= %(since)s
        WINDOW later AS (PARTITION BY m.sku_id ORDER BY m.id DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
    )
    SELECT back.id, k.code, now.on_hand - back.came, now.on_hand - back.came - (now.reserved - back.promised)
    FROM back JOIN now ON now.sku_id = back.sku_id JOIN inventory_sku k ON k.id = back.sku_id
    WHERE back.kind = 'reserve' AND back.at < %(until)s AND back.id > %(after)s ORDER BY back.id LIMIT %(limit)s"""

_SHOWN = """
    SELECT h.id, k.code, h.shown, h.free, h.coming FROM inventory_shownhistory h JOIN inventory_sku k ON k.id = h.sku_id
    WHERE h.at >= %(since)s AND h.at < %(until)s AND h.id > %(after)s ORDER BY h.id LIMIT %(limit)s"""


def _read(sql: str, since: dt.datetime, until: dt.datetime, after: int, limit: int) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, {"since": since, "until": until, "after": after, "limit": limit})
        return cursor.fetchall()


def shares(
    since: dt.datetime, until: dt.datetime, ids: Sequence[int] | None, after_id: int, limit: int
) -> list[Past]:
    """Every promise of pieces: how much of the SKU was free just after it. Goods have no orders' ids: `ids` finds none."""
    if ids is not None:
        return []
    made = []
    for identity, code, on_shelf, free in _read(_SHARES, since, until, after_id, limit):
        share = round(100 * max(0, free) / on_shelf, 1) if on_shelf > 0 else 0.0
        known = {"share": share, "free": max(0, free), "on_shelf": max(0, on_shelf), "sku": code}
        made.append(Past(identity, code, known, {}, order=0))
    return made


def shown(
    since: dt.datetime, until: dt.datetime, ids: Sequence[int] | None, after_id: int, limit: int
) -> list[Past]:
    """Every number that the board showed."""
    if ids is not None:
        return []
    return [
        Past(identity, code, {"shown": n, "free": free, "coming": coming, "sku": code}, {}, order=0)
        for identity, code, n, free, coming in _read(_SHOWN, since, until, after_id, limit)
    ]
