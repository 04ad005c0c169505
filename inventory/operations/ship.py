"""Pieces leave: reserved and on hand go down together, and the reservation is spent."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from django.db import connection


def ship(references: Iterable[uuid.UUID], actor_name: str) -> int:
    """Ship everything that the references hold, in the caller's transaction; returns the pieces. Idempotent."""
    with connection.cursor() as cursor:
        cursor.execute(
            """WITH mine AS (SELECT r.id, s.id AS stock_id, r.sku_id, r.bin_id, r.quantity, r.reference
                    FROM inventory_reservation r
                    JOIN inventory_stock s ON s.sku_id = r.sku_id AND s.bin_id = r.bin_id
                    WHERE r.reference = ANY(%s) AND r.state = 'active' ORDER BY r.sku_id, r.bin_id FOR UPDATE OF s, r),
                 spent AS (UPDATE inventory_reservation r SET state = 'shipped' FROM mine WHERE r.id = mine.id),
                 down AS (UPDATE inventory_stock s SET reserved = s.reserved - t.n, on_hand = s.on_hand - t.n
                    FROM (SELECT stock_id, sum(quantity) AS n FROM mine GROUP BY stock_id) t WHERE s.id = t.stock_id),
                 said AS (INSERT INTO inventory_movement (sku_id, bin_id, kind, on_hand_change, reserved_change,
                        reference, actor)
                    SELECT sku_id, bin_id, 'ship', -quantity, -quantity, reference::text, %s FROM mine)
               SELECT coalesce(sum(quantity), 0) FROM mine""",
            [list(references), actor_name],
        )
        row = cursor.fetchone()
    return int(row[0]) if row else 0
