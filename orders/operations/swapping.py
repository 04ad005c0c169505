"""Another article of the series goes instead of one that is short, as the buyer agreed; and the way back until a warehouse
has the order.

The money stays: the buyer pays what was agreed, the difference is the shop's. The line keeps its uuid, the seller's
code and the title under which it was sold. What goes instead is held at once, not by the next round of the chain.
"""

from __future__ import annotations

import uuid
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from inventory.models import Sku
from inventory.operations.release import release
from inventory.substitutes import substitutes
from orderhub.actors import CLOCK, Actor
from orderhub.lifecycle import Refusal, Writer, apply
from orders import queries, timeline
from orders.lifecycle import LIFECYCLE
from orders.models import HoldType, Line, Order
from orders.models import OrderState as S
from orders.operations import holds
from orders.operations.close import references_of
from orders.operations.refusing import tied

#: Nothing is reserved for its payment yet.
STATES = (S.UNPAID, S.CLAIMED, S.PAID)
#: What was swapped may be undone: no warehouse has the order yet.
UNDONE = (*STATES, S.RESERVED, S.ROUTED)
HELD = (HoldType.STOCK, HoldType.BACKORDER, HoldType.STOCK_LOCK)


class SwapRefused(Exception):
    """The line stays as it is; the message says why."""


def swap(line_id: uuid.UUID, sku_id: int, actor: Actor) -> Order:
    """Put another SKU into a line and hold it; its order goes on. Back to what was bought is a swap, too. Raises SwapRefused."""
    line = Line.objects.filter(uuid=line_id).first()
    if line is not None and sku_id == line.instead_of:
        _loosen(line.order_id, actor)
    order = _swap(line_id, sku_id, actor)
    if order.state == S.PAID:
        apply(LIFECYCLE, "reserve", [order.id], actor=CLOCK)
        order.refresh_from_db()
    return order


def _loosen(order_id: int, actor: Actor) -> None:
    """A routed or reserved order gives its route and its goods back; one that a warehouse has stays as it is."""
    if tied([order_id]):
        raise SwapRefused(_("It is split or ships with others: undo that first."))
    why = _("what was bought goes after all")
    apply(LIFECYCLE, "reroute", [order_id], actor=actor, params={"reason": why})
    apply(LIFECYCLE, "give_back", [order_id], actor=actor, params={"reason": why})


def given_back(live: list[Any], writer: Writer) -> None:
    """RESERVED → PAID: the goods are free for anybody. An order that is split or ships with others is refused."""
    ids = [row.id for row in live]
    bound = tied(ids)
    text = _("It is split or ships with others: undo that first.")
    writer.refuse({row.id: Refusal("tied", text) for row in live if row.id in bound})
    going = [row.id for row in live if row.id not in bound]
    for identity in going:
        writer.context.setdefault("data", {})[identity] = {"reason": str(writer.params.get("reason", ""))}
    references = references_of(going)
    writer.finish(lambda: _free(references, writer.actor.name))


def _free(references: list[uuid.UUID], actor_name: str) -> None:
    if references:
        release(references, actor_name, "given back")


def _swap(line_id: uuid.UUID, sku_id: int, actor: Actor) -> Order:
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
