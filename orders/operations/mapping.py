"""Outside codes that nobody knows: queued, mapped once by a person, and their orders go on."""

from __future__ import annotations

from django.db import connection, transaction

from inventory.models import SkuCode, UnknownCode
from inventory.queries import find_sku, normal, sku_codes
from orderhub.actors import Actor
from orders.models import Hold, HoldType, Line
from orders.operations import holds


def note_unknown(seen: dict[tuple[str, str], tuple[str, int]]) -> None:
    """Count unknown codes {(system, code): (title, times)} into the mapping queue. One statement."""
    if not seen:
        return
    keys = sorted(seen)
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO inventory_unknowncode (system, code, title, seen, first_seen)
               SELECT v.*, now() FROM unnest(%s::text[], %s::text[], %s::text[], %s::int[]) AS v
               ON CONFLICT (system, code) DO UPDATE SET seen = inventory_unknowncode.seen + EXCLUDED.seen""",
            [
                [k[0] for k in keys],
                [k[1] for k in keys],
                [seen[k][0] for k in keys],
                [seen[k][1] for k in keys],
            ],
        )


def map_code(unknown_id: int, sku_id: int, actor: Actor) -> int:
    """Map an unknown code to a SKU for its system; lines get the SKU and their orders go on. Returns orders released."""
    with transaction.atomic():
        unknown = UnknownCode.objects.select_for_update().get(id=unknown_id)
        unknown.sku_id = sku_id
        unknown.save(update_fields=["sku"])
        SkuCode.objects.update_or_create(
            system=unknown.system,
            normal=normal(unknown.code),
            defaults={"code": unknown.code, "sku_id": sku_id},
        )
        codes = sku_codes(fresh=True)
        waiting = Hold.objects.filter(
            type=HoldType.MAPPING, released_at=None, order__shop__code=unknown.system
        )
        order_ids = [hold.order_id for hold in waiting if unknown.code in hold.data.get("codes", [])]
        Line.objects.filter(order_id__in=order_ids, sku=None, seller_code=unknown.code).update(sku_id=sku_id)
        still = set()
        for line in Line.objects.filter(order_id__in=order_ids, sku=None):
            found = find_sku(unknown.system, line.seller_code, codes)
            if found is None:
                still.add(line.order_id)
            else:
                Line.objects.filter(pk=line.pk).update(sku_id=found)
        done = [order_id for order_id in order_ids if order_id not in still]
        return holds.release_type(done, HoldType.MAPPING, actor, f"{unknown.code} → SKU {sku_id}")
