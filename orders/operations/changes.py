"""A newer version of an order that is here: payment, refund, address, cancellation, each with its effect.

Work in progress stops or goes back in time: a refund before shipping holds the order, a cancellation returns
its stock, a changed address makes a new destination version that labels and parcels are checked against.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from django.utils import timezone
from django.utils.translation import gettext as _

from orderhub import crypto
from orderhub.actors import platform
from orderhub.copying import copy_rows, update_rows
from orderhub.inbound.processing import Verdict
from orderhub.lifecycle import apply
from orders import timeline
from orders.lifecycle import BEFORE_SHIPPING, LIFECYCLE
from orders.models import HoldType, Line, Receiver
from orders.models import OrderState as S
from orders.operations import aftersale, destination, figures, holds, unpaid
from orders.operations.newcomers import PROOF_COLUMNS, receiver_values
from orders.providers.base import ChannelState, RefundState

if TYPE_CHECKING:
    from orders.operations.intake import Incoming

#: The warehouse has it already: a new address needs a person.
WITH_WAREHOUSE = {S.RELEASED, S.WAVED, S.PACKED, S.PRINTED}
#: Refunded after shipping: an after-sale case, not a change of the order.
AFTER_SHIPPING = {S.SHIPPED, S.SIGNED, S.CLOSED}


class _Work:
    """What the batch of changes comes to."""

    def __init__(self) -> None:
        self.columns: dict[int, dict[str, Any]] = {}
        self.claims: dict[str, list[tuple[int, dt.datetime | None]]] = defaultdict(list)
        self.revivals: dict[str, dict[int, dt.datetime | None]] = defaultdict(dict)
        self.cancels: dict[str, list[int]] = defaultdict(list)
        self.reroutes: list[int] = []
        self.hold: dict[tuple[str, HoldType], dict[int, str]] = defaultdict(dict)
        self.unhold: dict[HoldType, list[int]] = defaultdict(list)
        self.proofs: list[tuple[Any, ...]] = []
        self.events: list[tuple[Any, ...]] = []
        self.cases: list[tuple[Any, ...]] = []
        self.lines: dict[tuple[int, str], str] = {}
        self.seals: dict[int, dict[str, Any]] = {}
        self.promises: dict[int, tuple[dict[str, Any], dt.datetime]] = {}


def apply_changes(pairs: list[tuple[dict[str, Any], Incoming]]) -> dict[int, Verdict]:
    """Apply newer versions to locked orders; {payload id: Verdict}. SQL is constant in the number of orders."""
    verdicts: dict[int, Verdict] = {}
    work = _Work()
    now = timezone.now()
    newer: list[tuple[dict[str, Any], Incoming]] = []
    for known, incoming in pairs:
        if incoming.order.version < known["channel_version"]:
            verdicts[incoming.payload.id] = Verdict.stale(known["id"])
            continue
        verdicts[incoming.payload.id] = Verdict.parsed(known["id"])
        newer.append((known, incoming))
    if not newer:
        return verdicts
    receivers = {
        r.order_id: r for r in Receiver.objects.filter(order_id__in=[known["id"] for known, _ in newer])
    }
    for known, incoming in newer:
        _compare(known, incoming, receivers[known["id"]], work, now)
    _write(work)
    return verdicts


def _compare(
    known: dict[str, Any], incoming: Incoming, receiver: Receiver, work: _Work, now: dt.datetime
) -> None:
    order, shop = incoming.order, incoming.shop
    identity, state = known["id"], known["state"]
    actor = platform(shop.channel)
    if state == S.CLOSED:
        said = {"channel_state": order.channel_state}
        work.events.append(
            timeline.line(
                identity, "channel_changed", actor=actor, now=now, occurred_at=order.version, data=said
            )
        )
        _cases(known, incoming, work)
        return
    columns = work.columns.setdefault(identity, {})
    columns.update(channel_version=order.version, channel_state=order.channel_state)
    if order.channel_state != known["channel_state"]:
        said = {"from": known["channel_state"], "to": order.channel_state}
        work.events.append(
            timeline.line(
                identity, "channel_changed", actor=actor, now=now, occurred_at=order.version, data=said
            )
        )
    for line in order.lines:
        if line.refund is not RefundState.NONE:
            work.lines[identity, line.channel_line] = str(line.refund)
    before = state in BEFORE_SHIPPING
    if before and order.state in (ChannelState.CANCELLED, ChannelState.REFUNDED):
        work.cancels[shop.channel].append(identity)
        columns["refund_state"] = "done"
        return
    if state == S.UNPAID and order.proof is not None and order.proof.paid:
        work.claims[shop.channel].append((identity, order.paid_at))
        if order.paid_at:
            pieces = sum(line.quantity for line in order.lines)
            work.promises[identity] = (
                figures.promise_input(shop.code, shop.channel, shop.promise_hours, order.payable, pieces),
                order.paid_at,
            )
    if order.proof is not None:
        proof = order.proof
        work.proofs.append(
            (
                identity,
                proof.source,
                proof.trade_no,
                proof.state,
                proof.paid,
                proof.amount,
                proof.payee,
                proof.paid_at,
                now,
            )
        )
    if (
        state == S.CANCELLED
        and order.state is ChannelState.TO_SHIP
        and order.proof is not None
        and order.proof.paid
    ):
        work.revivals[shop.channel][identity] = order.paid_at
    if before:
        _refund_before_shipping(known, incoming, work, columns)
        if order.state is ChannelState.LOCKED:
            work.hold[shop.channel, HoldType.PLATFORM][identity] = _("The platform forbids shipping for now.")
        elif order.state is ChannelState.TO_SHIP and known["open_holds"]:
            work.unhold[HoldType.PLATFORM].append(identity)
            work.unhold[HoldType.ELSEWHERE].append(identity)
        _address(known, incoming, receiver, work, columns, now)
    elif state in AFTER_SHIPPING:
        _cases(known, incoming, work)


def _refund_before_shipping(
    known: dict[str, Any], incoming: Incoming, work: _Work, columns: dict[str, Any]
) -> None:
    refund = incoming.order.refund
    word = {RefundState.ASKED: "asked", RefundState.DONE: "done"}.get(refund, "none")
    columns["refund_state"] = word
    if word != "none":
        text = _("The buyer asked for a refund before shipping.")
        work.hold[incoming.shop.channel, HoldType.REFUND][known["id"]] = text
    elif known["refund_state"] != "none":
        work.unhold[HoldType.REFUND].append(known["id"])


def _address(
    known: dict[str, Any],
    incoming: Incoming,
    receiver: Receiver,
    work: _Work,
    columns: dict[str, Any],
    now: dt.datetime,
) -> None:
    values = receiver_values(incoming.order.receiver)
    opaque = json.loads(crypto.decrypt(bytes(receiver.opaque_enc))) if receiver.opaque_enc else None
    plain = json.loads(crypto.decrypt(bytes(receiver.plain_enc))) if receiver.plain_enc else None
    parsed = incoming.order.receiver
    regions = destination.regions_as_written(receiver, plain)
    same = (parsed.province, parsed.city, parsed.district, parsed.town) == regions
    identity = known["id"]
    same = (
        same
        and parsed.plain == destination.as_written(plain)
        and _one_address(opaque, parsed.opaque) == opaque
    )
    if same:
        merged = {**(opaque or {}), **(parsed.opaque or {})}
        if merged != (opaque or {}):
            work.seals[identity] = {"opaque_enc": crypto.encrypt(json.dumps(merged).encode())}
        return
    version = known["destination_version"] + 1
    columns["destination_version"] = version
    names = ("visibility", "name_mask", "phone_mask", "address_mask", "province", "city", "district", "town", "adcode",
             "plain_enc", "opaque_enc", "phone_hash", "phone_tail_hash", "address_key", "lng", "lat")  # fmt: skip
    Receiver.objects.filter(order_id=identity).update(
        version=version, **dict(zip(names, values, strict=True))
    )
    said = {"version": version, "district": parsed.district, "was": receiver.district}
    actor = platform(incoming.shop.channel)
    work.events.append(
        timeline.line(
            identity, "address_changed", actor=actor, now=now, occurred_at=incoming.order.version, data=said
        )
    )
    if known["state"] == S.ROUTED:
        work.reroutes.append(identity)
    elif known["state"] in WITH_WAREHOUSE:
        text = _("The buyer changed the address after the order went to the warehouse.")
        work.hold[incoming.shop.channel, HoldType.ADDRESS][identity] = text


def _one_address(opaque: dict[str, str] | None, fresh: dict[str, str] | None) -> dict[str, str] | None:
    """What the channel shows now; where an address has an id of its own, the same id is the same address.

    Its cipher text may be missing (under review, after shipping) or be another one for the same words.
    """
    if opaque and fresh and opaque.get("address_id") and opaque["address_id"] == fresh.get("address_id"):
        return opaque
    return fresh or None


def _cases(known: dict[str, Any], incoming: Incoming, work: _Work) -> None:
    for line in incoming.order.lines:
        if line.refund in (RefundState.ASKED, RefundState.DONE) and line.refund_id:
            kind = "return" if line.goods_back else "refund"
            work.cases.append((known["id"], line.refund_id, kind, line.payable, str(line.refund)))


def _write(work: _Work) -> None:
    if work.promises:
        times = figures.promised(list(work.promises.values()))
        for identity, at in zip(work.promises, times, strict=True):
            work.columns[identity]["promised_ship_at"] = at
    update_rows("orders_order", "id", work.columns)
    update_rows("orders_receiver", "order_id", work.seals)
    copy_rows("orders_paymentproof", PROOF_COLUMNS, work.proofs)
    timeline.append(work.events)
    words: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for (order_id, channel_line), word in work.lines.items():
        words[word].append((order_id, channel_line))
    for word, keys in words.items():
        Line.objects.filter(order_id__in=[k[0] for k in keys], channel_line__in=[k[1] for k in keys]).exclude(
            order__state=S.CLOSED
        ).update(refund_state=word)
    for channel, rows in work.claims.items():
        paid = {identity: at for identity, at in rows if at}
        apply(
            LIFECYCLE,
            "claim",
            [row[0] for row in rows],
            actor=platform(channel),
            params={"paid_at": paid},
            occurred=paid,
        )
    for channel, heard in work.revivals.items():
        again = unpaid.expired(heard)
        if again:
            unpaid.revive({identity: heard[identity] for identity in again}, platform(channel))
    for channel, ids in work.cancels.items():
        apply(LIFECYCLE, "cancel", ids, actor=platform(channel), params={"reason": "closed on the channel"})
    if work.reroutes:
        apply(
            LIFECYCLE,
            "reroute",
            work.reroutes,
            actor=platform("channel"),
            params={"reason": _("address changed")},
        )
    for (channel, hold), reasons in work.hold.items():
        holds.open_holds(reasons, hold, reasons, platform(channel))
    for hold, ids in work.unhold.items():
        holds.release_type(ids, hold, platform("channel"), "withdrawn on the channel")
    if work.cases:
        aftersale.sync_channel_refunds(work.cases)
