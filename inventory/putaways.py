"""From the dock to the shelf: what each warehouse takes, and for whose goods. Reads only."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import NamedTuple

from django.db import connection
from django.utils import timezone

LOOK_BACK = dt.timedelta(days=90)
#: In the sale that this house was built for, goods reached the shelf two to three hours late.
SLOW = dt.timedelta(hours=2)


class Delay(NamedTuple):
    """Of one supplier's goods in one warehouse. The supplier is "" where the receipt names no order that is known here."""

    warehouse: str
    supplier: str
    receipts: int
    pieces: int
    half: dt.timedelta  # half of the receipts took no longer
    most: dt.timedelta  # nine of ten took no longer

    @property
    def slow(self) -> bool:
        return self.half >= SLOW


def delays(now: dt.datetime | None = None, houses: Iterable[int] | None = None) -> list[Delay]:
    """Each supplier in each warehouse (all, or these) over the last ninety days, the slowest first. One statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT w.name, coalesce(s.name, ''), count(*), sum(p.pieces),
                      percentile_disc(0.5) WITHIN GROUP (ORDER BY p.shelved_at - p.received_at),
                      percentile_disc(0.9) WITHIN GROUP (ORDER BY p.shelved_at - p.received_at)
               FROM inventory_putaway p JOIN inventory_warehouse w ON w.id = p.warehouse_id
               LEFT JOIN inventory_purchaseorder o ON o.connection_id = p.account_id AND o.number = p.purchase
               LEFT JOIN inventory_supplier s ON s.id = o.supplier_id
               WHERE p.shelved_at >= %s
                 AND (%s::bigint[] IS NULL OR p.warehouse_id = ANY(%s::bigint[])) GROUP BY 1, 2 ORDER BY 5 DESC, 1, 2""",
            [(now or timezone.now()) - LOOK_BACK, *[None if houses is None else list(houses)] * 2],
        )
        return [
            Delay(house, supplier, n, int(pieces), half, most)
            for house, supplier, n, pieces, half, most in cursor.fetchall()
        ]
