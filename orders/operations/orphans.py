"""Reservations and orders, compared both ways: nothing is held for nobody, and no order believes in goods that it has not.

The keys are opaque to the stock, so only the orders can say whose they are.
"""

from __future__ import annotations

from django.db import connection

from inventory.models import Drift
from inventory.operations import drift

#: Orders in these states have their goods held, and not yet sent.
HOLDING = ("reserved", "routed", "released", "waved", "packed", "printed")

_ORPHANS = """
    SELECT r.sku_id, r.bin_id, r.reference::text, sum(r.quantity), min(r.created_at)
    FROM inventory_reservation r
    LEFT JOIN orders_line l ON l.uuid = r.reference LEFT JOIN orders_share h ON h.reference = r.reference
    LEFT JOIN orders_order o ON o.id = coalesce(l.order_id, h.order_id)
    LEFT JOIN inventory_claim c ON c.reference = r.reference AND c.state = 'open'
    WHERE c.id IS NULL AND r.state = 'active' AND r.kind IN ('paid', 'unpaid') AND r.created_at < now() - interval '10 minutes'
      AND (o.id IS NULL OR o.state IN ('cancelled', 'shipped', 'signed', 'closed'))
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3 LIMIT 1000"""
_UNHELD = """
    SELECT l.sku_id, l.uuid::text, o.number, o.id FROM orders_order o JOIN orders_line l ON l.order_id = o.id
    WHERE o.state = ANY(%s) AND l.sku_id IS NOT NULL AND l.refund_state <> 'done'
      AND NOT EXISTS (SELECT 1 FROM inventory_reservation r WHERE r.reference = l.uuid AND r.state = 'active')
      AND NOT EXISTS (SELECT 1 FROM orders_share h WHERE h.line_id = l.uuid)
    ORDER BY o.id LIMIT 1000"""


def look() -> tuple[int, int]:
    """(pieces' places that are held for nobody, lines whose goods are not held), noted as findings."""
    with connection.cursor() as cursor:
        cursor.execute(_ORPHANS)
        orphans = [
            (sku, place, reference, {"pieces": int(count), "since": since.isoformat()})
            for sku, place, reference, count, since in cursor.fetchall()
        ]
        cursor.execute(_UNHELD, [list(HOLDING)])
        unheld = [
            (sku, None, line, {"number": number, "order_id": order_id})
            for sku, line, number, order_id in cursor.fetchall()
        ]
    return drift.note(Drift.Kind.ORPHAN, orphans), drift.note(Drift.Kind.UNHELD, unheld)
