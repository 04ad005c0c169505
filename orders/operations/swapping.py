"""Another article of the series goes instead of one that is short, as the buyer agreed; and the way back while it waits.

The money stays: the buyer pays what was agreed, the difference is the shop's. The line keeps its uuid, the seller's
code and the title under which it was sold.
"""

from __future__ import annotations

import uuid

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from inventory.models import Sku
from inventory.operations.release import release
from inventory.substitutes import substitutes
from orderhub.actors import Actor
from orders import queries, timeline
from orders.models import HoldType, Line, Order
from orders.models import OrderState as S
from orders.operations import holds

#: Nothing is reserved for its payment yet.
STATES = (S.UNPAID, S.CLAIMED, S.PAID)
HELD = (HoldType.STOCK, HoldType.BACKORDER, HoldType.STOCK_LOCK)


class SwapRefused(Exception):
    """The line stays as it is; the message says why."""


def swap(line_id: uuid.UUID, sku_id: int, actor: Actor) -> Order:
    """Put another SKU into a line; its order goes on. Back to what was bought is a swap, too. Raises SwapRefused."""
    with transaction.atomic():
        line = Line.objects.filter(uuid=line_id).first()
        if line is None:
            raise SwapRefused(_("This line is no longer there."))
        order = Order.objects.select_for_update().get(id=line.order_id)
        line.refresh_from_db()
        if order.state not in STATES:
            raise SwapRefused(_("Its goods are reserved already: nothing is short any more."))
        if queries.shares([order.id]).get(order.id):
            raise SwapRefused(_("The order is split: undo that first."))
        bought = line.instead_of or line.sku_id
        back = sku_id == line.instead_of
        near = substitutes([(bought, line.quantity)]).get(bought, []) if bought is not None else []
        if not back and sku_id not in {other.sku_id for other in near}:
            raise SwapRefused(
                _("This article can't go instead: it is of another series, or there is not enough of it.")
            )
        new = Sku.objects.get(id=sku_id)
        old = line.sku_code or (line.sku.code if line.sku else "")
        lines = list(Line.objects.filter(order=order).values_list("uuid", flat=True))
        release(lines, actor.name, "another article goes instead")
        Order.objects.filter(id=order.id).update(held_until=None)
        line.sku_id, line.sku_code, line.sku_name = new.pk, new.code, new.name
        line.instead_of = None if back else bought
        line.save(update_fields=["sku", "sku_code", "sku_name", "instead_of"])
        said = {"from": old, "to": new.code, "pieces": line.quantity}
        timeline.append([timeline.line(order.id, "swapped", actor=actor, now=timezone.now(), data=said)])
        for kind in HELD:
            holds.release_type([order.id], kind, actor, _("another article goes instead"))
        return order
