"""The number that buyers see: what is on the shelf and free, and a cautious part of what is on the way.

① on sellable shelves and promised to nobody (so net of ③) · ② on the way, expected within the horizon and not overdue
for longer than that · ③ held by orders that are not paid yet · shown = ⌊① + factor × ② − waiting⌋, the factor line by
line, of the narrowest row that fits (`ShownFactor`); what waits was sold above ① before, and has a claim on ②.
What is sold above ① is sent from `later_on`. One statement, however many SKUs.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import NamedTuple

from django.db import connection

from inventory.queries import among, bigints, parts_of

#: Where no row says otherwise.
FACTOR, HORIZON_DAYS = "0.70", 14
#: From the day on which goods are expected until they lie on a shelf.
PUT_AWAY_DAYS = 1

_SQL = """
WITH asked AS (SELECT id, category FROM inventory_sku WHERE {which}),
shelf AS (
    SELECT s.sku_id, sum(s.on_hand - s.reserved) AS free FROM inventory_stock s
    WHERE s.bin_id = ANY(ARRAY(SELECT b.id FROM inventory_bin b JOIN inventory_warehouse w ON w.id = b.warehouse_id
                               WHERE b.sellable AND w.active {lies}))
      AND s.{skus} GROUP BY 1),
unpaid AS (
    SELECT sku_id, sum(quantity) AS held FROM inventory_reservation
    WHERE state = 'active' AND kind = 'unpaid' AND sku_id IN (SELECT id FROM asked) {held} GROUP BY 1),
waits AS (
    SELECT sku_id, sum(quantity) AS pieces FROM (
        SELECT sku_id, quantity FROM inventory_backorder WHERE ended_at IS NULL AND sku_id IN (SELECT id FROM asked)
        UNION ALL
        SELECT coalesce(p.part_id, c.sku_id), c.quantity * coalesce(p.quantity, 1) FROM inventory_claim c
        LEFT JOIN inventory_bundlepart p ON p.bundle_id = c.sku_id
        WHERE c.later_on IS NOT NULL AND c.state <> 'ended' AND c.expires_at > now()
          AND coalesce(p.part_id, c.sku_id) IN (SELECT id FROM asked)
          AND NOT EXISTS (SELECT 1 FROM inventory_backorder b WHERE b.reference = c.reference)
          AND NOT EXISTS (SELECT 1 FROM inventory_reservation r WHERE r.reference = c.reference)) sold {waits} GROUP BY 1),
lines AS (
    SELECT l.sku_id, greatest(0, l.ordered - l.stopped - l.received) AS pieces,
           coalesce(l.expected_at, o.expected_at) AS due, f.factor, f.horizon_days
    FROM inventory_purchaseline l JOIN inventory_purchaseorder o ON o.id = l.order_id
    JOIN asked a ON a.id = l.sku_id
    LEFT JOIN LATERAL (
        SELECT factor, horizon_days FROM inventory_shownfactor x
        WHERE x.sku_id = l.sku_id OR x.supplier_id = o.supplier_id OR (x.category <> '' AND x.category = a.category)
              OR (x.sku_id IS NULL AND x.supplier_id IS NULL AND x.category = '')
        ORDER BY x.sku_id IS NULL, x.supplier_id IS NULL, x.category = '' LIMIT 1) f ON true
    WHERE o.state IN ('placed', 'partial') AND l.ordered > l.stopped + l.received {comes}),
coming AS (
    SELECT sku_id, sum(pieces) AS pieces, sum(pieces * coalesce(factor, {factor})) AS counted, min(due) AS first
    FROM lines WHERE due BETWEEN now() - make_interval(days => coalesce(horizon_days, {days}))
                     AND now() + make_interval(days => coalesce(horizon_days, {days}))
    GROUP BY 1)
SELECT a.id, coalesce(s.free, 0)::bigint, coalesce(c.pieces, 0)::bigint, coalesce(u.held, 0)::bigint,
       greatest(0, floor(coalesce(s.free, 0) + coalesce(c.counted, 0) - coalesce(q.pieces, 0)))::bigint,
       CASE WHEN c.pieces > 0 THEN (greatest(c.first, now()) AT TIME ZONE 'Asia/Shanghai')::date + {put_away} END,
       coalesce(q.pieces, 0)::bigint
FROM asked a LEFT JOIN shelf s ON s.sku_id = a.id LEFT JOIN coming c ON c.sku_id = a.id
LEFT JOIN unpaid u ON u.sku_id = a.id LEFT JOIN waits q ON q.sku_id = a.id
"""


class Shown(NamedTuple):
    """Pieces. `later_on` is the day that a buyer above `free` is named, None where nothing comes."""

    free: int
    coming: int
    unpaid: int
    shown: int
    later_on: dt.date | None
    waiting: int = 0


def shown(sku_ids: Iterable[int] | None = None, houses: Iterable[int] | None = None) -> dict[int, Shown]:
    """{sku: its numbers} of these SKUs, or of all active ones; one statement.

    With `houses` (ids of warehouses) they are those warehouses' part: what lies there, comes there and is held there.
    Buyers are shown one number over all warehouses, and what waits for goods waits for those of any: in a part `shown` says
    only how much these warehouses add, and `waiting` is 0.
    """
    ids = None if sku_ids is None else sorted(set(sku_ids))
    which = "active" if ids is None else among("id", ids, "%(skus)s")
    skus = "sku_id IN (SELECT id FROM asked)" if ids is None else "sku_id = ANY(%(skus)s::bigint[])"
    narrow = {"lies": "AND b", "held": "AND inventory_reservation", "comes": "AND o", "waits": "WHERE false"}
    parts = {
        name: "" if houses is None else f"{begin}.warehouse_id = ANY(%(houses)s)" if "AND" in begin else begin
        for name, begin in narrow.items()
    }
    sql = _SQL.format(
        which=which, skus=skus, factor=FACTOR, days=HORIZON_DAYS, put_away=PUT_AWAY_DAYS, **parts
    )
    asked = {"skus": None if ids is None else bigints(ids), "houses": list(houses or ())}
    with connection.cursor() as cursor:
        cursor.execute(sql, asked)
        return {identity: Shown(*numbers) for identity, *numbers in cursor.fetchall()}


def for_sale(sku_ids: Iterable[int]) -> dict[int, Shown]:
    """The same for whatever is sold: of a bundle as many as its scarcest part allows. At most two statements."""
    asked = sorted(set(sku_ids))
    made_of = parts_of(asked)
    found = shown({*asked, *(part for parts in made_of.values() for part in parts)})
    for bundle, parts in made_of.items():
        rows = [(found[part], pieces) for part, pieces in parts.items() if part in found]
        if len(rows) < len(parts):
            found[bundle] = Shown(0, 0, 0, 0, None)
            continue
        free, least = (
            min(getattr(row, name) // pieces for row, pieces in rows) for name in ("free", "shown")
        )
        days = [row.later_on for row, pieces in rows if row.free // pieces < least]
        later = max((day for day in days if day is not None), default=None)
        coming = max(row.coming // pieces for row, pieces in rows)
        found[bundle] = Shown(free, coming, 0, least, None if None in days else later)
    return {identity: found[identity] for identity in asked if identity in found}


def keep_history() -> int:
    """Write down the numbers that changed since they were written last; how many SKUs. Two statements."""
    now = shown()
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO inventory_shownhistory (sku_id, free, coming, unpaid, shown)
               SELECT n.* FROM unnest(%s::bigint[], %s::int[], %s::int[], %s::int[], %s::int[])
                   AS n (sku_id, free, coming, unpaid, shown)
               LEFT JOIN LATERAL (SELECT free, coming, unpaid, shown FROM inventory_shownhistory h
                   WHERE h.sku_id = n.sku_id ORDER BY at DESC LIMIT 1) l ON true
               WHERE (l.free, l.coming, l.unpaid, l.shown) IS DISTINCT FROM (n.free, n.coming, n.unpaid, n.shown)""",
            [
                list(now),
                *([row[place] for row in now.values()] for place in range(4)),
            ],
        )
        return int(cursor.rowcount)
