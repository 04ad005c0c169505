"""The gate: before the label and before the ship report the channel is asked again.

Calls go out with no transaction open; what the channel says is taken in like any payload, so a refund found
here is the same refund as one found by a pull.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from orderhub.actors import platform
from orderhub.inbound import keeping, processing
from orderhub.integrations.errors import PlatformError
from orderhub.integrations.registry import client
from orderhub.lifecycle import apply
from orders.lifecycle import BEFORE_SHIPPING, LIFECYCLE
from orders.models import Hold, HoldType, Order
from orders.operations import holds


@dataclass(frozen=True, slots=True)
class ChannelState:
    """Whether an order may go on. `again` means the channel could not be asked: try later, decide nothing."""

    ok: bool
    reason: str = ""
    again: bool = False
    destination_version: int = 1


def payload_version(modified: str, raw: bytes) -> str:
    """What makes a payload a version of its own: the channel's time, and the bytes where two share a second."""
    return f"{modified}#{hashlib.blake2b(raw, digest_size=6).hexdigest()}"


def channel_states(order_ids: list[int]) -> dict[int, ChannelState]:
    """Ask the channels about these orders (HTTP, no transaction open) and take in what changed."""
    orders = {o.id: o for o in Order.objects.filter(id__in=order_ids).select_related("shop__connection")}
    failed: dict[int, ChannelState] = {}
    by_shop: dict[int, list[Order]] = defaultdict(list)
    for order in orders.values():
        by_shop[order.shop_id].append(order)
    for group in by_shop.values():
        ask = _ask_taobao if group[0].shop.channel == "taobao" else _ask_own_shop
        try:
            failed.update(ask(group))
        except PlatformError as error:
            failed.update({order.id: ChannelState(False, error.message, again=True) for order in group})
    return {**_verdicts(list(orders)), **failed}


def _ask_taobao(orders: list[Order]) -> dict[int, ChannelState]:
    connection = orders[0].shop.connection
    answers = client(connection).fullinfo_many([order.channel_number for order in orders])
    failed: dict[int, ChannelState] = {}
    kept: list[keeping.Kept] = []
    for order in orders:
        answer = answers[order.channel_number]
        if isinstance(answer, PlatformError):
            failed[order.id] = ChannelState(False, answer.message, again=True)
            continue
        trade, raw = answer
        version = payload_version(str(trade.get("modified")), raw)
        kept.append(keeping.Kept("order", order.channel_number, version, raw, "pull"))
    fresh = keeping.keep_many(connection.id, kept)
    if fresh:
        processing.read("order", list(fresh.values()))
    return failed


def _ask_own_shop(orders: list[Order]) -> dict[int, ChannelState]:
    shop_client = client(orders[0].shop.connection)
    actor = platform("own_shop")
    failed: dict[int, ChannelState] = {}
    for order in orders:
        try:
            answer: dict[str, Any] = shop_client.order_state(order.channel_number)
        except PlatformError as error:
            failed[order.id] = ChannelState(False, error.message, again=True)
            continue
        word = str(answer.get("state", ""))
        if word in ("cancelled", "closed") and order.state in BEFORE_SHIPPING:
            apply(LIFECYCLE, "cancel", [order.id], actor=actor, params={"reason": _("cancelled in the shop")})
        elif word in ("refund_requested", "refunding") and order.state in BEFORE_SHIPPING:
            text = _("The buyer asked for a refund before shipping.")
            holds.open_holds([order.id], HoldType.REFUND, text, actor, {"shop": json.dumps(answer)[:500]})
            Order.objects.filter(id=order.id).exclude(state="closed").update(refund_state="asked")
    return failed


def _verdicts(order_ids: list[int]) -> dict[int, ChannelState]:
    stopping = dict(
        Hold.objects.filter(order_id__in=order_ids, released_at=None).values_list("order_id", "reason")
    )
    verdicts: dict[int, ChannelState] = {}
    for order_id, state, version in Order.objects.filter(id__in=order_ids).values_list(
        "id", "state", "destination_version"
    ):
        if state == "cancelled":
            verdicts[order_id] = ChannelState(
                False, _("The order is cancelled."), destination_version=version
            )
        elif order_id in stopping:
            verdicts[order_id] = ChannelState(False, stopping[order_id], destination_version=version)
        else:
            verdicts[order_id] = ChannelState(True, destination_version=version)
    return verdicts
