"""How an order looks to a client of the API: texts for numbers and money, and of the receiver only what its channel allows.

`CHANNELS` is the field policy (S13): what of a receiver leaves by our own API, channel by channel. A channel that is
not in it gives nothing of the receiver. Plain text is in none: it is opened one order at a time, with a reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from orderhub import crypto
from orders.admin.next_step import what_now
from orders.admin.sentences import name
from orders.lifecycle import LIFECYCLE
from orders.models import Event, Hold, Line, Order, OrderState, Receiver

REGION = ("province", "city", "district")
MASKS = ("name_mask", "phone_mask", "address_mask")
CHANNELS: dict[str, tuple[str, ...]] = {
    "own_shop": (*REGION, "town", *MASKS),
    "spreadsheet": (*REGION, "town", *MASKS),
    "taobao": (*REGION, *MASKS),
    "douyin": (*REGION, *MASKS),
    "pinduoduo": (),
}
#: What an event's data may say outside; the rest of it is for us.
SAID = ("type", "reason", "note", "why", "carrier", "waybill_no", "number", "actions", "amount")


def opaque(order_id: int) -> str:
    """An order's name for tombstones: it tells nothing to somebody who does not see the order."""
    return crypto.keyed_hash(f"api:order:{order_id}")[:24]


def rows(orders: Sequence[Order]) -> list[dict[str, Any]]:
    """Orders for a list, with shop and warehouse loaded; their open holds and receivers in two statements."""
    ids = [order.pk for order in orders]
    held: dict[int, list[str]] = {}
    for order_id, kind in (
        Hold.objects.filter(order_id__in=ids, released_at=None).order_by("id").values_list("order_id", "type")
    ):
        held.setdefault(order_id, []).append(kind)
    receivers = {one.order_id: one for one in Receiver.objects.filter(order_id__in=ids)}
    return [_row(order, held.get(order.pk, []), receivers.get(order.pk)) for order in orders]


def detail(order: Order) -> dict[str, Any]:
    """One order with lines, holds and what may be done with it now; constant statements."""
    holds = list(Hold.objects.filter(order=order, released_at=None).order_by("id"))
    receiver = Receiver.objects.filter(order=order).first()
    shown = _row(order, [hold.type for hold in holds], receiver)
    lines = Line.objects.filter(order=order).order_by("channel_line")
    return {
        **shown,
        "lines": [
            {"id": str(line.uuid), "sku": line.sku_code, "seller_code": line.seller_code, "title": line.title,
             "quantity": line.quantity, "unit_price": str(line.unit_price), "payable": str(line.payable),
             "refund": line.refund_state}
            for line in lines
        ],
        "holds": [hold_of(hold, order.number) for hold in holds],
        "waiting_because": order.refusal,
    }  # fmt: skip


def hold_of(hold: Hold, number: str) -> dict[str, Any]:
    """One hold."""
    return {
        "id": str(hold.pk), "order": number, "type": hold.type, "label": hold.get_type_display(), "reason": hold.reason,
        "what_now": what_now(hold.type), "by": hold.opened_by,
        "since": hold.opened_at, "until": hold.until, "released_at": hold.released_at,
    }  # fmt: skip


def event_of(event: Event) -> dict[str, Any]:
    """One line of the timeline: what may be said of it."""
    return {
        "id": str(event.pk), "code": event.code, "label": name(event.code), "point": event.point,
        "happened_at": event.occurred_at, "learned_at": event.recorded_at, "by": event.actor_name,
        "data": {key: event.data[key] for key in SAID if isinstance(event.data, dict) and key in event.data},
    }  # fmt: skip


def allowed(order: Order, user: Any) -> list[str]:
    """Codes of the touches that this person may make on the order as it is now."""
    return [
        touch.code for touch in LIFECYCLE.touches
        if touch.permission and order.state in touch.start and user.has_perm(touch.permission)
    ]  # fmt: skip


def _row(order: Order, held: list[str], receiver: Receiver | None) -> dict[str, Any]:
    fields = CHANNELS.get(order.shop.channel, ())
    return {
        "id": opaque(order.pk),
        "number": order.number,
        "channel_number": order.channel_number,
        "shop": order.shop.code,
        "shop_name": order.shop.name,
        "channel": order.shop.channel,
        "state": order.state,
        "state_label": str(OrderState(order.state).label),
        "state_since": order.state_since,
        "held": order.open_holds > 0,
        "held_by": held,
        "refund": order.refund_state,
        "urgency": order.alarm,
        "tags": order.tags,
        "ordered_at": order.ordered_at,
        "paid_at": order.paid_at,
        "promised_ship_at": order.promised_ship_at,
        "payable": str(order.payable),
        "pieces": order.piece_count,
        "warehouse": order.warehouse.code if order.warehouse else None,
        "warehouse_name": order.warehouse.name if order.warehouse else None,
        "carrier": order.carrier,
        "shipped_at": order.shipped_at,
        "signed_at": order.signed_at,
        "receiver": {name: getattr(receiver, name) for name in fields} if receiver is not None else {},
    }
