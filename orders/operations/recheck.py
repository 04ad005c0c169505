"""The gate: before the label and before the ship report the channel is asked again.

Calls go out with no transaction open; what the channel says is taken in like any payload, so a refund found
here is the same refund as one found by a pull.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from django.utils.translation import gettext as _

from orderhub.actors import Actor, platform
from orderhub.inbound import keeping, processing
from orderhub.integrations.errors import PlatformError
from orderhub.integrations.registry import client
from orderhub.lifecycle import apply
from orderhub.models import Payload
from orders.lifecycle import BEFORE_SHIPPING, LIFECYCLE
from orders.models import Hold, HoldType, Order
from orders.operations import holds
from orders.providers import channel_of
from orders.providers.channel import Word


@dataclass(frozen=True, slots=True)
class ChannelState:
    """Whether an order may go on. `again` means the channel could not be asked: try later, decide nothing."""

    ok: bool
    reason: str = ""
    again: bool = False
    destination_version: int = 1


def channel_states(order_ids: list[int]) -> dict[int, ChannelState]:
    """Ask the channels about these orders (HTTP, no transaction open) and take in what changed."""
    orders = {o.id: o for o in Order.objects.filter(id__in=order_ids).select_related("shop__connection")}
    failed: dict[int, ChannelState] = {}
    by_shop: dict[int, list[Order]] = defaultdict(list)
    for order in orders.values():
        by_shop[order.shop_id].append(order)
    for group in by_shop.values():
        try:
            failed.update(_ask(group))
        except PlatformError as error:
            failed.update({order.id: ChannelState(False, error.message, again=True) for order in group})
    return {**_verdicts(list(orders)), **failed}


def _ask(orders: list[Order]) -> dict[int, ChannelState]:
    """Ask about orders of one shop and act on what it says; those that could not be asked are returned."""
    shop = orders[0].shop
    said = channel_of(shop.channel).seen(client(shop.connection), [order.channel_number for order in orders])
    failed: dict[int, ChannelState] = {}
    payloads: list[keeping.Kept] = []
    stopped: dict[Word, list[Order]] = {Word.CANCELLED: [], Word.REFUND_ASKED: []}
    for order in orders:
        answer = said[order.channel_number]
        if isinstance(answer, PlatformError):
            failed[order.id] = ChannelState(False, answer.message, again=True)
        elif isinstance(answer, keeping.Kept):
            payloads.append(answer)
        elif answer in stopped and order.state in BEFORE_SHIPPING:
            stopped[answer].append(order)
    unread = _take_in(shop.connection_id, payloads)
    failed.update({o.id: unread[o.channel_number] for o in orders if o.channel_number in unread})
    _stop(stopped, platform(shop.channel))
    return failed


def _take_in(connection_id: int, payloads: list[keeping.Kept]) -> dict[str, ChannelState]:
    """Keep and read what the channel said; {number: why} of orders whose answer nobody here understands.

    A pull or a message may have kept the same answer a moment ago without anybody having read it: what is
    unread of these orders is read now, whoever kept it.
    """
    if not payloads:
        return {}
    keeping.keep_many(connection_id, payloads)
    kept = Payload.objects.filter(
        connection_id=connection_id, kind="order", external_id__in=[row.external_id[:80] for row in payloads]
    )
    waiting = list(kept.filter(state=Payload.State.NEW).order_by("id").values_list("id", flat=True))
    if waiting:
        processing.read("order", waiting)
    said = {(row.external_id[:80], row.version[:64]): row.external_id for row in payloads}
    aside = kept.filter(state=Payload.State.SET_ASIDE, version__in=[version for _number, version in said])
    return {
        said[number, version]: ChannelState(False, reason, again=True)
        for number, version, reason in aside.values_list("external_id", "version", "reason")
        if (number, version) in said
    }


def _stop(stopped: dict[Word, list[Order]], actor: Actor) -> None:
    cancelled = [order.id for order in stopped[Word.CANCELLED]]
    if cancelled:
        apply(LIFECYCLE, "cancel", cancelled, actor=actor, params={"reason": _("cancelled in the shop")})
    asked = [order.id for order in stopped[Word.REFUND_ASKED]]
    if asked:
        text = _("The buyer asked for a refund before shipping.")
        holds.open_holds(asked, HoldType.REFUND, text, actor)
        Order.objects.filter(id__in=asked).exclude(state="closed").update(refund_state="asked")


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
