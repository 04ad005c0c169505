"""Orders seen for the first time: rows for six tables, each written by one COPY."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _

from inventory.operations import claiming
from inventory.operations.release import release
from inventory.queries import find_sku, sku_heads
from orderhub import crypto, geo
from orderhub.actors import CLOCK, Actor, platform
from orderhub.copying import copy_rows
from orderhub.ordered import ordered_uuid
from orders import timeline
from orders.models import HoldType, Shop
from orders.models import OrderState as S
from orders.operations import figures, mapping
from orders.operations.duplicates import Candidate, Duplicates, key_of
from orders.providers.base import ChannelState, ParsedReceiver, RefundState

if TYPE_CHECKING:
    from orders.operations.intake import Incoming

ORDER_COLUMNS = (
    "id", "number", "shop_id", "channel_number", "state", "channel_state", "channel_version", "refund_state",
    "ordered_at", "paid_at", "promised_ship_at", "expires_at", "held_until", "received_at", "goods_amount", "discount", "freight",
    "payable", "piece_count", "line_count", "buyer_ref", "traffic_source", "buyer_message", "duplicate_key", "sealed",
    "tags", "adcode", "open_holds",
)  # fmt: skip
LINE_COLUMNS = (
    "uuid", "order_id", "channel_line", "sku_id", "seller_code", "title", "quantity", "unit_price", "discount",
    "freight_share", "payable", "refund_state", "sku_code", "sku_name",
)  # fmt: skip
RECEIVER_COLUMNS = (
    "order_id", "version", "visibility", "name_mask", "phone_mask", "address_mask", "province", "city", "district",
    "town", "adcode", "plain_enc", "opaque_enc", "phone_hash", "phone_tail_hash", "address_key", "lng", "lat",
)  # fmt: skip
PROOF_COLUMNS = ("order_id", "source", "trade_no", "state", "paid", "amount", "payee", "paid_at", "asked_at")
HOLD_COLUMNS = ("order_id", "type", "reason", "data", "opened_by")

FIRST_STATES = {
    ChannelState.UNPAID: S.UNPAID,
    ChannelState.TO_SHIP: S.CLAIMED,
    ChannelState.LOCKED: S.CLAIMED,
    ChannelState.SHIPPED: S.CLAIMED,
    ChannelState.FINISHED: S.CLAIMED,
    ChannelState.CANCELLED: S.CANCELLED,
    ChannelState.REFUNDED: S.CANCELLED,
}


def create(
    incoming: list[Incoming], codes: dict[tuple[str, str], int], counted: Iterable[str] = ()
) -> dict[tuple[int, str], int]:
    """Write new orders; returns {(shop, channel number): order id}. Constant SQL.

    `counted` are claims by which pieces are counted only (`orders.operations.limits`): nothing is held by them.
    """
    if not incoming:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence('orders_order', 'id')) FROM generate_series(1, %s)",
            [len(incoming)],
        )
        ids = [row[0] for row in cursor.fetchall()]
    now = timezone.now()
    tables = Tables(
        now, codes, _promises(incoming), dict.fromkeys(counted, False) | _claims(incoming, codes, now)
    )
    for identity, item in zip(ids, incoming, strict=True):
        tables.add(identity, item)
    duplicates = Duplicates(tables)
    duplicates.look([tables.candidate(i, item) for i, item in zip(ids, incoming, strict=True)])
    tables.write()
    duplicates.after()
    return {item.key: identity for identity, item in zip(ids, incoming, strict=True)}


def _promises(incoming: list[Incoming]) -> dict[tuple[int, str], dt.datetime]:
    """When paid newcomers must leave whose channel does not say so."""
    asked = {
        item.key: (
            figures.promise_input(
                item.shop.code, item.shop.channel, item.shop.promise_hours, item.order.payable,
                sum(line.quantity for line in item.order.lines),
            ),
            item.order.paid_at,
        )
        for item in incoming
        if item.order.promised_ship_at is None and item.order.paid_at is not None
    }  # fmt: skip
    return dict(zip(asked, figures.promised(list(asked.values())), strict=True)) if asked else {}


def _claims(incoming: list[Incoming], codes: dict[tuple[str, str], int], now: dt.datetime) -> dict[str, bool]:
    """The claims of before their orders that lines name, as the stock answers: {claim: whether goods are held by it}."""
    wanted = claims_of(incoming, codes, now)
    return {str(claim): held for claim, held in claiming.buy(wanted).items()}


def claims_of(
    incoming: Iterable[Incoming], codes: dict[tuple[str, str], int], now: dt.datetime
) -> list[tuple[int, uuid.UUID, int, int, dt.datetime | None]]:
    """(account, claim, SKU, pieces, the order's own end) of every line that names a claim."""
    wanted: list[tuple[int, uuid.UUID, int, int, dt.datetime | None]] = []
    for item in incoming:
        until = now + dt.timedelta(minutes=item.shop.unpaid_minutes)
        for line in item.order.lines:
            sku_id = find_sku(item.shop.code, line.seller_code, codes) if line.claim else None
            if sku_id is not None:
                wanted.append((item.shop.connection_id, uuid.UUID(line.claim), sku_id, line.quantity, until))
    return wanted


class Tables:
    """Rows in memory, one list a table."""

    def __init__(
        self,
        now: dt.datetime,
        codes: dict[tuple[str, str], int],
        promised: dict[tuple[int, str], dt.datetime],
        claims: dict[str, bool] | None = None,
    ) -> None:
        self.now = now
        self.claims = claims or {}
        self.taken: set[str] = set()
        self.names: dict[int, list[uuid.UUID]] = {}  # of orders that hold goods from before: their lines
        self.left: list[uuid.UUID] = []
        self.promised = promised
        self.codes = codes
        self.heads = sku_heads()
        self.orders: dict[int, list[Any]] = {}
        self.lines: list[tuple[Any, ...]] = []
        self.receivers: list[tuple[Any, ...]] = []
        self.proofs: list[tuple[Any, ...]] = []
        self.holds: list[tuple[Any, ...]] = []
        self.events: list[tuple[Any, ...]] = []
        self.unknown: dict[tuple[str, str], tuple[str, int]] = {}

    def hold(
        self, order_id: int, hold: HoldType, reason: str, actor: Actor, data: dict[str, Any] | None = None
    ) -> None:
        self.holds.append((order_id, str(hold), reason, data or {}, actor.name))
        self.orders[order_id][-1] += 1
        said = {"type": str(hold), "reason": reason}
        self.events.append(timeline.line(order_id, "hold_opened", actor=actor, now=self.now, data=said))

    def add(self, identity: int, item: Incoming) -> None:
        order, shop, now = item.order, item.shop, self.now
        actor = platform(shop.channel)
        state = FIRST_STATES[order.state]
        skus = [find_sku(shop.code, line.seller_code, self.codes) for line in order.lines]
        promised = order.promised_ship_at or self.promised.get(item.key)
        refund = {RefundState.ASKED: "asked", RefundState.DONE: "done"}.get(order.refund, "none")
        expires = now + dt.timedelta(minutes=shop.unpaid_minutes) if state == S.UNPAID else None
        uuids = [self.claimed(line.claim) or ordered_uuid() for line in order.lines]
        held = any(self.claims.get(name, False) for name in uuids)
        until = now + dt.timedelta(minutes=shop.unpaid_minutes) if held else None
        if held:
            self.names[identity] = [uuid.UUID(str(name)) for name in uuids]
        self.orders[identity] = [
            identity, f"OH{now:%y%m%d}{identity:07d}", shop.id, order.channel_number, str(state), order.channel_state,
            order.version, refund, order.ordered_at, order.paid_at, promised, expires, until, now, order.goods_amount,
            order.discount, order.freight, order.payable, sum(line.quantity for line in order.lines),
            len(order.lines), order.buyer_ref, order.traffic_source, order.buyer_message,
            key_of(shop.id, order, skus) if state != S.CANCELLED else "", order.sealed, order.tags, "", 0,
        ]  # fmt: skip
        for name, line, sku_id in zip(uuids, order.lines, skus, strict=True):
            self.lines.append(
                (name, identity, line.channel_line, sku_id, line.seller_code, line.title, line.quantity,
                 line.unit_price, line.discount, line.freight_share, line.payable, str(line.refund),
                 *self.heads.get(sku_id or 0, ("", "")))
            )  # fmt: skip
        self.receivers.append((identity, 1, *receiver_values(order.receiver)))
        if order.proof is not None:
            proof = order.proof
            self.proofs.append(
                (identity, proof.source, proof.trade_no, proof.state, proof.paid, proof.amount, proof.payee,
                 proof.paid_at, now)
            )  # fmt: skip
        self.events.append(
            timeline.line(identity, "received", actor=actor, now=now, occurred_at=order.ordered_at)
        )
        if state == S.CANCELLED:
            said = {"reason": order.channel_state}
            self.events.append(
                timeline.line(identity, "cancel", actor=actor, now=now, occurred_at=order.version, data=said)
            )
            return
        missing = [line for line, sku_id in zip(order.lines, skus, strict=True) if sku_id is None]
        if missing:
            names = [line.seller_code for line in missing]
            text = _("Unknown goods code: %(codes)s") % {"codes": ", ".join(names)}
            self.hold(identity, HoldType.MAPPING, text, actor, {"codes": names})
            for line in missing:
                title, seen = self.unknown.get((shop.code, line.seller_code), (line.title, 0))
                self.unknown[shop.code, line.seller_code] = (title, seen + 1)
        if order.state is ChannelState.LOCKED:
            self.hold(identity, HoldType.PLATFORM, _("The platform forbids shipping for now."), actor)
        if order.state in (ChannelState.SHIPPED, ChannelState.FINISHED):
            self.hold(identity, HoldType.ELSEWHERE, _("Shipped on the platform, but not from here."), actor)
        if refund != "none":
            self.hold(identity, HoldType.REFUND, _("The buyer asked for a refund before shipping."), actor)

    def claimed(self, claim: str) -> str:
        """The claim as the uuid of its line; two lines can't both have it."""
        if claim not in self.claims or claim in self.taken:
            return ""
        self.taken.add(claim)
        return claim

    def candidate(self, identity: int, item: Incoming) -> tuple[Candidate, str, Shop, bool]:
        """A newcomer as the look for duplicates wants it."""
        values = dict(zip(ORDER_COLUMNS, self.orders[identity], strict=True))
        receiver, shop = item.order.receiver, item.shop
        new = Candidate(
            identity, values["number"], item.order.ordered_at, values["state"], shop.id, shop.channel,
            address_digest(receiver), item.order.sealed, values["refund_state"],
        )  # fmt: skip
        return new, values["duplicate_key"], shop, receiver.plain is not None

    def cancel(self, identity: int, reason: str, data: dict[str, Any]) -> None:
        """A newcomer that is cancelled before it begins: it holds nothing but what its buyer claimed before."""
        self.left += self.names.pop(identity, [])
        values = self.orders[identity]
        for column, value in (
            ("state", str(S.CANCELLED)),
            ("expires_at", None),
            ("held_until", None),
            ("duplicate_key", ""),
        ):
            values[ORDER_COLUMNS.index(column)] = value
        said = {"reason": reason, "from": str(S.UNPAID), **data}
        self.events.append(timeline.line(identity, "cancel", actor=CLOCK, now=self.now, data=said))

    def write(self) -> None:
        copy_rows("orders_order", ORDER_COLUMNS, self.orders.values())
        copy_rows("orders_line", LINE_COLUMNS, self.lines)
        copy_rows("orders_receiver", RECEIVER_COLUMNS, self.receivers)
        copy_rows("orders_paymentproof", PROOF_COLUMNS, self.proofs)
        copy_rows("orders_hold", HOLD_COLUMNS, self.holds)
        timeline.append(self.events)
        mapping.note_unknown(self.unknown)
        if self.left:
            release(self.left, CLOCK.name, _("cancelled before it began"))


def receiver_values(receiver: ParsedReceiver) -> tuple[Any, ...]:
    """The receiver's columns after order and version: plain text and opaque keys sealed, the point in WGS-84."""
    plain, opaque = receiver.plain, receiver.opaque
    lng, lat = receiver.lng, receiver.lat
    if lng is not None and lat is not None and receiver.datum != "wgs84":
        point = geo.Point(lng, lat, receiver.datum).wgs84()  # type: ignore[arg-type]
        lng, lat = point.lng, point.lat
    phone = plain["phone"] if plain else ""
    return (
        "plain" if plain else "masked",
        receiver.name_mask,
        receiver.phone_mask,
        receiver.address_mask,
        receiver.province,
        receiver.city,
        receiver.district,
        receiver.town,
        "",
        crypto.encrypt(json.dumps(plain, ensure_ascii=False).encode()) if plain else None,
        crypto.encrypt(json.dumps(opaque).encode()) if opaque else None,
        crypto.phone_hash(phone) if phone else "",
        crypto.tail_hash(phone) if phone else "",
        address_digest(receiver),
        lng,
        lat,
    )


def address_digest(receiver: ParsedReceiver) -> str:
    """A keyed digest of what the channel calls the same address, with its region; "" where there is no such key."""
    if not receiver.address_key:
        return ""
    regions = (receiver.province, receiver.city, receiver.district, receiver.town)
    return crypto.keyed_hash("|".join(("address", *regions, receiver.address_key)))[:32]
