"""How far suppliers keep their word: the share of what they promised that was here in time, as a suggestion with evidence."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from django.db import connection, transaction
from django.utils import timezone

from inventory.availability import FACTOR
from inventory.models import ShownFactor, Supplier

#: Orders expected in this time are looked at.
LOOK_BACK = dt.timedelta(days=180)
#: So many pieces speak for the standing factor before a supplier's own do: one delivery does not swing it.
PRIOR = 40
#: A difference smaller than this is no suggestion.
STEP = Decimal("0.05")


@dataclass(frozen=True, slots=True)
class Evidence:
    """Of a supplier: orders and pieces promised, pieces here by the promised day (with a day's grace), and later."""

    supplier: Supplier
    orders: int
    promised: int
    in_time: int
    late: int
    never: int
    mean_days: float | None  # late (+) or early (-), of what came
    stands: Decimal
    suggested: Decimal

    @property
    def worth_saying(self) -> bool:
        return self.orders >= 3 and abs(self.suggested - self.stands) >= STEP


_SQL = """
WITH promised AS (
    SELECT o.id, o.connection_id, o.number, o.supplier_id, l.sku_id, l.ordered,
           coalesce(l.expected_at, o.expected_at) AS due
    FROM inventory_purchaseorder o JOIN inventory_purchaseline l ON l.order_id = o.id
    WHERE o.state <> 'draft' AND coalesce(l.expected_at, o.expected_at) BETWEEN %(since)s AND now()),
arrived AS (
    SELECT p.id, p.sku_id, m.at, sum(m.on_hand_change) AS pieces FROM promised p
    JOIN inventory_movement m ON m.sku_id = p.sku_id AND m.kind = 'receive' AND m.reason = p.number
        AND m.reference LIKE coalesce('stockin:' || p.connection_id, 'receipt:' || p.id) || ':%%'
    GROUP BY 1, 2, 3),
line AS (
    SELECT p.supplier_id, p.id, p.ordered,
           least(p.ordered, coalesce(sum(a.pieces) FILTER (WHERE a.at <= p.due + interval '1 day'), 0)) AS in_time,
           least(p.ordered, coalesce(sum(a.pieces), 0)) AS came,
           sum(a.pieces * extract(epoch FROM a.at - p.due) / 86400) AS weighted, sum(a.pieces) AS weight
    FROM promised p LEFT JOIN arrived a ON a.id = p.id AND a.sku_id = p.sku_id
    GROUP BY p.supplier_id, p.id, p.sku_id, p.ordered, p.due)
SELECT supplier_id, count(DISTINCT id), sum(ordered), sum(in_time), sum(came - in_time), sum(ordered - came),
       sum(weighted) / nullif(sum(weight), 0)
FROM line GROUP BY 1
"""


def evidence(now: dt.datetime | None = None) -> list[Evidence]:
    """Every supplier with promises in the last half year, the least reliable first. Three statements."""
    since = (now or timezone.now()) - LOOK_BACK
    suppliers = Supplier.objects.in_bulk()
    general, own = Decimal(FACTOR), {}
    for row in ShownFactor.objects.filter(sku=None, category=""):
        if row.supplier_id is None:
            general = row.factor
        else:
            own[row.supplier_id] = row.factor
    found = []
    with connection.cursor() as cursor:
        cursor.execute(_SQL, {"since": since})
        for supplier_id, orders, promised, in_time, late, never, days in cursor.fetchall():
            stands = own.get(supplier_id, general)
            share = (Decimal(int(in_time)) + general * PRIOR) / (Decimal(int(promised)) + PRIOR)
            suggested = (share / STEP).quantize(Decimal(1), ROUND_HALF_UP) * STEP
            found.append(
                Evidence(
                    suppliers[supplier_id], orders, int(promised), int(in_time), int(late), int(never),
                    float(days) if days is not None else None, stands, min(suggested, Decimal(1)).quantize(Decimal("0.01")),
                )
            )  # fmt: skip
    return sorted(found, key=lambda one: (one.suggested, one.supplier.code))


def take(supplier_id: int, by: str) -> Evidence | None:
    """Use the suggestion for a supplier from now on; None where there is none (any more)."""
    with transaction.atomic():
        one = next((each for each in evidence() if each.supplier.pk == supplier_id), None)
        if one is None:
            return None
        ShownFactor.objects.update_or_create(
            supplier_id=supplier_id,
            sku=None,
            category="",
            defaults={"factor": one.suggested, "set_by": by[:80]},
        )
    return one
