"""Pinduoduo's orders in our words. Receivers are masked and stay masked; an order shows its person's cipher text only
while it waits to be shipped, so what an address is, is told by its own id."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar

from django.utils import timezone
from django.utils.translation import gettext as _

from orderhub.inbound.keeping import Kept
from orderhub.integrations.errors import Forged, PlatformError
from orderhub.money import BadMoney
from orders.amounts import allocate_lines
from orders.providers.base import (
    ChannelState,
    ParsedLine,
    ParsedOrder,
    ParsedProof,
    ParsedReceiver,
    RefundState,
    Unreadable,
    beijing_time,
    mapped,
    money,
    whole,
    words,
)
from orders.providers.channel import Channel, Letter, Offer, Showing, Told, kept

#: confirm_status: whether the order was concluded at all; order_status counts only where it was.
CONCLUDED = {0: False, 1: True, 2: False}
UNCONCLUDED = {0: ChannelState.UNPAID, 2: ChannelState.CANCELLED}
STATES = {1: ChannelState.TO_SHIP, 2: ChannelState.SHIPPED, 3: ChannelState.SHIPPED}
#: group_status: still gathering buyers, complete, failed (the money goes back).
GROUPS = {
    None: ChannelState.TO_SHIP,
    0: ChannelState.LOCKED,
    1: ChannelState.TO_SHIP,
    2: ChannelState.REFUNDED,
}
RISKS = {None: ChannelState.TO_SHIP, 0: ChannelState.TO_SHIP, 1: ChannelState.LOCKED}
REFUND_STATES = {
    None: RefundState.NONE,
    1: RefundState.NONE,
    2: RefundState.ASKED,
    3: RefundState.ASKED,
    4: RefundState.DONE,
}
#: after_sales_status; what is not a refund (exchange, repair, resend) is open work on the order all the same.
AFTER_SALES = {
    **dict.fromkeys((None, 0, 9, 11, 12, 13), RefundState.NONE),
    **dict.fromkeys((2, 3, 4, 5, 7, 8), RefundState.ASKED),
    6: RefundState.REFUSED,
    10: RefundState.DONE,
    **dict.fromkeys((14, 15, 16, 17, 18, 21, 22, 24, 25, 27, 31, 32, 33), RefundState.ASKED),
}
GOODS_COME_BACK = {3, 7, 31}
#: Which messages speak of an order; the others are about goods, chats and the shop itself.
ABOUT_ORDERS, ABOUT_OTHERS = ("pdd_trade_", "pdd_refund_"), ("pdd_goods_", "pdd_chat_", "pdd_mall_")
FRESH = dt.timedelta(minutes=10)


class Pinduoduo(Channel):
    """A Pinduoduo shop: changes by half hours, newest first, each order read in full.

    What was concluded before the shop was connected is listed by day: nobody here has seen it yet, so its changes
    need no looking for. The overlap of two pulls is longer than the three minutes that the listing may lag behind.
    """

    window = dt.timedelta(minutes=30)
    page_size = 100
    label = "pinduoduo"
    splits_lines = True
    shows_stock = True
    #: One call a SKU; so many are made side by side.
    shown_a_call = 40
    push_reply = b'{"commandType":"Ack"}'
    history: ClassVar[dt.timedelta] = dt.timedelta(hours=24)

    def parse(self, raw: bytes) -> ParsedOrder:
        return parse(raw)

    def offers(self, api: Any, page: int) -> tuple[list[Offer], bool]:
        rows = api.goods_page(page, self.page_size)
        offers = [
            Offer(
                str(row["goods_id"]), str(sku["sku_id"]), str(sku.get("outer_id") or ""), str(row.get("goods_name") or ""),
                int(sku["sku_quantity"]),
            )
            for row in rows
            for sku in row.get("sku_list") or ()
        ]  # fmt: skip
        return offers, len(rows) == self.page_size

    def show(self, api: Any, rows: Sequence[Showing]) -> dict[str, PlatformError]:
        asked = {f"{row.item}:{row.sku}:{row.number}": row.sku for row in rows}
        found = api.read_many(asked, type(api).set_quantity)
        return {asked[name]: answer for name, answer in found.items() if isinstance(answer, PlatformError)}

    def until(
        self, start: dt.datetime, target: dt.datetime, connected: dt.datetime, overlap: dt.timedelta
    ) -> dt.datetime:
        if start < connected:
            return min(start + self.history - overlap, connected, target)
        return super().until(start, target, connected, overlap)

    def pages(self, api: Any, start: dt.datetime, end: dt.datetime) -> int:
        count = api.changed_count if end - start <= self.window else api.confirmed_count
        return -(-int(count(start, end)) // self.page_size)

    def listed(self, api: Any, start: dt.datetime, end: dt.datetime, page: int) -> list[str]:
        read = api.changed_page if end - start <= self.window else api.confirmed_page
        return [str(row["order_sn"]) for row in read(start, end, page, self.page_size)]

    def details(self, api: Any, numbers: Iterable[str]) -> dict[str, Kept | PlatformError]:
        found: dict[str, Kept | PlatformError] = {}
        for number, answer in api.details(numbers).items():
            if isinstance(answer, PlatformError):
                found[number] = answer
            else:
                order, raw = answer
                found[number] = kept(number, str(order.get("updated_at")), raw)
        return found

    def ship(self, api: Any, told: Told) -> bool:
        """The first parcel ships the order; a further one is shown to the buyer beside it."""
        if told.role == "main":
            return bool(api.send(told.number, told.carrier, told.waybill_no)["already"])
        api.send_extra(told.number, [(told.carrier, told.waybill_no)], EXTRA.get(told.role, 1))
        return False

    def shipped(self, api: Any, told: Told) -> bool:
        if told.role == "main":
            return api.shipped_with(told.number) in (told.waybill_no, "")
        extra = api.detail(told.number)[0].get("extra_delivery_list") or []
        return told.waybill_no in [str(row.get("tracking_number")) for row in extra]

    def letters(self, api: Any, headers: Mapping[str, str], body: bytes) -> list[Letter]:
        """One frame of the message service, which signs the opening and not the frame: a doorbell, no proof."""
        given = [headers.get(f"X-Pdd-{name}", "") for name in ("Client-Id", "Time", "Digest")]
        if not api.opened(*given):
            raise Forged(code="signature", message=_("The message's signature is wrong."))
        if not _fresh(given[1]):
            raise Forged(code="stale", message=_("The message was opened too long ago."))
        frame = _json(body)
        message = frame.get("message")
        if frame.get("commandType") != "Common" or not isinstance(message, dict):
            return []
        if str(message.get("mallID")) != str(
            api.mall_id
        ):  # an app hears all its shops; each has an account of its own
            return []
        return [Letter(words(frame.get("id"), "id", 80, required=True), body)]

    def numbers_in(self, raw: bytes) -> list[str]:
        message = _json(raw).get("message")
        if not isinstance(message, dict):
            raise Unreadable("not_json", _("the message is not an object"))
        kind = words(message.get("type"), "type", 80, required=True)
        if kind.startswith(ABOUT_OTHERS):
            return []
        if not kind.startswith(ABOUT_ORDERS):
            raise Unreadable(
                "unknown_word", _("unknown %(name)s: %(value)s") % {"name": "type", "value": repr(kind)}
            )
        return [words(_json(str(message.get("content"))).get("tid"), "tid", 64, required=True)]


#: A parcel's part in the order as Pinduoduo counts further parcels.
EXTRA = {"split": 1, "reship": 2, "gift": 3}


def parse(raw: bytes) -> ParsedOrder:
    """One `order_info` object of pdd.order.information.get (exact bytes) in our words. Money is yuan."""
    order = _json(raw)
    number = words(order.get("order_sn"), "order_sn", 64, required=True)
    state, refund = _state(order), _refund(order)
    freight, payable = (
        money(_number(order, "postage"), "postage"),
        money(_number(order, "pay_amount"), "pay_amount"),
    )
    lines = _lines(order, payable, freight, refund)
    goods = sum((line.unit_price * line.quantity for line in lines), Decimal(0))
    paid = state not in (ChannelState.UNPAID, ChannelState.CANCELLED)
    paid_at = beijing_time(order["pay_time"], "pay_time") if order.get("pay_time") else None
    if paid and paid_at is None:
        raise Unreadable("missing", _("the order is paid but has no pay_time"))
    says = f"{order.get('order_status')}/{order.get('refund_status')}/{order.get('after_sales_status') or 0}"
    promised = order.get("last_ship_time")
    return ParsedOrder(
        channel_number=number,
        channel_state=f"{says}/{order.get('risk_control_status') or 0}",
        state=ChannelState.REFUNDED if refund is RefundState.DONE and state in TO_GO else state,
        version=beijing_time(order.get("updated_at"), "updated_at"),
        ordered_at=beijing_time(order.get("created_time"), "created_time"),
        paid_at=paid_at,
        goods_amount=goods,
        discount=goods + freight - payable,
        freight=freight,
        payable=payable,
        lines=lines,
        receiver=_receiver(order),
        proof=ParsedProof("pinduoduo", number, says, paid, payable, "", paid_at),
        buyer_message=words(order.get("buyer_memo"), "buyer_memo", 2000),
        promised_ship_at=beijing_time(promised, "last_ship_time") if promised else None,
    )


TO_GO = (ChannelState.TO_SHIP, ChannelState.LOCKED)


def _state(order: Mapping[str, Any]) -> ChannelState:
    """Concluded, sent, then whatever forbids sending: a review, a group that is not complete."""
    if not mapped(order.get("confirm_status"), CONCLUDED, "confirm_status"):
        unpaid: ChannelState = UNCONCLUDED[order["confirm_status"]]
        return unpaid
    state: ChannelState = mapped(order.get("order_status"), STATES, "order_status")
    for name, table in (("group_status", GROUPS), ("risk_control_status", RISKS)):
        stop = mapped(order.get(name), table, name)
        if state in TO_GO and stop is not ChannelState.TO_SHIP:
            state = stop
    return state


def _refund(order: Mapping[str, Any]) -> RefundState:
    """The stronger of the two words: the order's refund and its after-sale."""
    said = {
        mapped(order.get("refund_status"), REFUND_STATES, "refund_status"),
        mapped(order.get("after_sales_status"), AFTER_SALES, "after_sales_status"),
    }
    strongest = (RefundState.DONE, RefundState.ASKED, RefundState.REFUSED, RefundState.NONE)
    return next(state for state in strongest if state in said)


def _lines(
    order: Mapping[str, Any], payable: Decimal, freight: Decimal, refund: RefundState
) -> list[ParsedLine]:
    """Lines by sku_id; the discounts of the order are divided among them, its refund is every line's."""
    rows = order.get("item_list")
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise Unreadable("missing", _("the order has no lines"))
    number = words(order.get("order_sn"), "order_sn", 64)
    seen: dict[str, int] = {}
    lines: list[ParsedLine] = []
    for row in rows:
        sku = words(row.get("sku_id"), "sku_id", 40, required=True)
        seen[sku] = seen.get(sku, 0) + 1
        lines.append(
            ParsedLine(
                channel_line=sku if seen[sku] == 1 else f"{sku}-{seen[sku]}",
                seller_code=words(row.get("outer_id") or row.get("outer_goods_id"), "outer_id", 80),
                title=words(row.get("goods_name"), "goods_name", 200),
                quantity=whole(row.get("goods_count"), "goods_count"),
                unit_price=money(_number(row, "goods_price"), "goods_price"),
                discount=Decimal(0),
                freight_share=Decimal(0),
                payable=Decimal(0),
                refund=refund,
                refund_id=number if refund is not RefundState.NONE else "",
                goods_back=order.get("after_sales_status") in GOODS_COME_BACK,
            )
        )
    goods = [line.unit_price * line.quantity for line in lines]
    try:
        parts = allocate_lines(goods, sum(goods, Decimal(0)) + freight - payable, freight)
    except BadMoney as error:
        raise Unreadable("bad_money", str(error)) from None
    for line, (discount, share, amount) in zip(lines, parts, strict=True):
        line.discount, line.freight_share, line.payable = discount, share, amount
    return lines


def _receiver(order: Mapping[str, Any]) -> ParsedReceiver:
    """Region and masks in the clear; cipher text and the address's id are opaque keys. `town` is the district."""
    address = words(order.get("open_address_id"), "open_address_id", 80)
    sealed = {
        "name": words(order.get("receiver_name"), "receiver_name", 500),
        "phone": words(order.get("receiver_phone") or order.get("contact_mobile"), "receiver_phone", 500),
        "address": words(order.get("receiver_address") or order.get("address"), "receiver_address", 1000),
        "address_id": address,
    }
    for name in ("name", "phone", "address"):
        if sealed[name] and not sealed[name].startswith("~"):
            raise Unreadable("plain_receiver", _("the receiver's %(name)s is not sealed") % {"name": name})
    return ParsedReceiver(
        name_mask=words(order.get("receiver_name_mask"), "receiver_name_mask", 60),
        phone_mask=words(order.get("receiver_phone_mask"), "receiver_phone_mask", 30),
        address_mask=words(
            order.get("receiver_address_mask") or order.get("address_mask"), "address_mask", 200
        ),
        province=words(order.get("province"), "province", 30, required=True),
        city=words(order.get("city"), "city", 30),
        district=words(order.get("town"), "town", 30),
        opaque={name: text for name, text in sealed.items() if text} or None,
        key=address,
        address_key=address,
    )


def _number(row: Mapping[str, Any], name: str) -> Any:
    """A JSON number with its digits as they stood; absent counts as nothing."""
    return row.get(name) if row.get(name) is not None else "0"


def _json(raw: bytes | str) -> dict[str, Any]:
    try:
        found = json.loads(raw, parse_float=Decimal)
    except (ValueError, RecursionError):
        raise Unreadable("not_json", _("the payload is not JSON")) from None
    if not isinstance(found, dict):
        raise Unreadable("not_json", _("the payload is not an order"))
    return found


def _fresh(millis: str) -> bool:
    if not millis.isascii() or not millis.isdigit() or len(millis) > 15:
        return False
    return abs(timezone.now() - dt.datetime.fromtimestamp(int(millis) / 1000, dt.UTC)) <= FRESH
