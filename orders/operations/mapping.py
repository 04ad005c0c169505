"""Outside codes that nobody knows: queued, mapped once by a person, and their orders go on."""

from __future__ import annotations

from django.db import connection, transaction

from inventory.models import UnknownCode
from inventory.operations import codes
from inventory.operations.codes import note_unknown
from inventory.queries import find_sku, sku_codes, sku_heads
from orderhub.actors import CLOCK, Actor
from orderhub.inbound.processing import replay
from orderhub.models import Payload
from orders.models import HoldType
from orders.operations import holds

__all__ = ["map_code", "note_unknown", "settle"]


def map_code(unknown_id: int, sku_id: int, actor: Actor) -> int:
    """Map an unknown code to a SKU for its system; lines get the SKU and their orders go on. Returns orders released.

    Raises `codes.Collision` where the spelling means another SKU; nothing is written then.
    """
    with transaction.atomic():
        unknown = UnknownCode.objects.select_for_update().get(id=unknown_id)
        codes.spell(unknown.system, unknown.code, sku_id)
        unknown.sku_id = sku_id
        unknown.save(update_fields=["sku"])
        return settle(actor)


_WAITING = """
    SELECT l.uuid, l.order_id, s.code, l.seller_code FROM orders_hold h
    JOIN orders_line l ON l.order_id = h.order_id JOIN orders_order o ON o.id = h.order_id
    JOIN orders_shop s ON s.id = o.shop_id
    WHERE h.type = 'mapping' AND h.released_at IS NULL AND l.sku_id IS NULL ORDER BY l.order_id FOR UPDATE OF o"""


def settle(actor: Actor = CLOCK) -> int:
    """Every waiting line whose code means a SKU by now gets it, and orders with no unknown code left go on.

    However the spelling became known: mapped in the queue, written on the SKU's page, or imported. Receipts of
    warehouse systems that waited for a code are read again. Returns orders released. Constant SQL.
    """
    with transaction.atomic():
        table, heads = sku_codes(fresh=True), sku_heads()
        with connection.cursor() as cursor:
            cursor.execute(_WAITING)
            rows = cursor.fetchall()
        found = {row[0]: find_sku(row[2], row[3], table) for row in rows}
        still = {row[1] for row in rows if found[row[0]] is None}
        known = [(line, sku_id, *heads[sku_id]) for line, sku_id in found.items() if sku_id is not None]
        if known:
            with connection.cursor() as cursor:
                cursor.execute(
                    """UPDATE orders_line l SET sku_id = v.sku, sku_code = v.code, sku_name = v.name
                       FROM unnest(%s::uuid[], %s::bigint[], %s::text[], %s::text[]) AS v(line, sku, code, name)
                       WHERE l.uuid = v.line""",
                    [list(column) for column in zip(*known, strict=True)],
                )
        asked = {(system, code): find_sku(system, code, table) for system, code in codes.waiting()}
        codes.answer_unknown({key: sku_id for key, sku_id in asked.items() if sku_id is not None})
        aside = Payload.objects.filter(kind="stockin", state="set_aside", reason_code="no_sku")
        again = list(aside.values_list("id", flat=True)[:500]) if any(asked.values()) else []
        if again:
            replay(again)
        done = sorted({row[1] for row in rows} - still)
        return holds.release_type(done, HoldType.MAPPING, actor, "")
