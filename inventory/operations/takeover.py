"""What a warehouse system says is there is taken over as a count: one ledger line of the difference, with who said it."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _

from inventory.operations.count import Counted, Refused, count, lock

#: (warehouse, sku, sellable pieces here, the last movement of them, the bin with most free pieces) of pairs.
OURS = """
    SELECT v.house, v.sku, coalesce(sum(s.on_hand) FILTER (WHERE b.sellable), 0)::bigint,
        coalesce((SELECT max(m.id) FROM inventory_movement m JOIN inventory_bin mb ON mb.id = m.bin_id
            WHERE m.sku_id = v.sku AND mb.warehouse_id = v.house AND m.on_hand_change <> 0), 0),
        (array_agg(s.bin_id ORDER BY s.on_hand - s.reserved DESC) FILTER (WHERE b.sellable))[1]
    FROM unnest(%s::bigint[], %s::bigint[]) AS v(house, sku)
    LEFT JOIN inventory_bin b ON b.warehouse_id = v.house
    LEFT JOIN inventory_stock s ON s.bin_id = b.id AND s.sku_id = v.sku GROUP BY 1, 2"""


def write(sku_id: int, bin_id: int, figures: dict[str, Any], actor_name: str) -> None:
    """Take over what the warehouse system said, as a count of the difference. Refused where ours has changed since."""
    on_hand, _reserved, _name = lock([(sku_id, bin_id)])[sku_id, bin_id]
    with connection.cursor() as cursor:
        cursor.execute(OURS, [[figures["warehouse"]], [sku_id]])
        _house, _sku, here, moved, _place = cursor.fetchone()
    if (here, moved) != (figures["ours"], figures["moved"]):
        raise Refused(_("Goods have moved since: the next look compares again."))
    change = figures["theirs"] - here
    reason = _("%(by)s says %(theirs)d, here were %(ours)d") % figures
    reference = f"wms:{sku_id}:{bin_id}:{timezone.now():%y%m%d%H%M%S%f}"
    if on_hand + change < 0:
        raise Refused(_("More is missing than lies in that bin: count the bins of this warehouse."))
    count([Counted(sku_id, bin_id, on_hand + change, reason)], reference, actor_name)
