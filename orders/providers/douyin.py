"""Douyin's orders in our words. Receivers come as ciphertext and masks: both are kept, neither is opened."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from orderhub.inbound.keeping import Kept
from orderhub.integrations.errors import Forged, PlatformError
from orderhub.money import BadMoney, allocate, from_fen
from orders.amounts import allocate_lines
from orders.providers.base import (
    ChannelState,
    ParsedLine,
    ParsedOrder,
    ParsedProof,
    ParsedReceiver,
    RefundState,
    Unreadable,
    mapped,
    whole,
    words,
)
from orders.providers.channel import Channel, Letter, Offer, Reach, Showing, Told, kept
from orders.providers.showing import item_by_item, limit_unless_audited

if TYPE_CHECKING:
    from orders.queries import ReceiverRef

#: order_status
STATES = {
    1: ChannelState.UNPAID,
    105: ChannelState.LOCKED,  # paid, but the group or the risk check is open
    2: ChannelState.TO_SHIP,
    101: ChannelState.SHIPPED,
    3: ChannelState.SHIPPED,
    5: ChannelState.FINISHED,
    4: ChannelState.CANCELLED,  # refunded where it was paid
}
#: main_status where it says more than order_status; None: it repeats it.
MAIN_STATES = {
    103: ChannelState.UNPAID,  # paid in part
    21: ChannelState.REFUNDED,
    22: ChannelState.REFUNDED,
    39: ChannelState.REFUNDED,
    **dict.fromkeys((None, *STATES)),
}
#: after_sale_status of a line
REFUNDS = {
    None: RefundState.NONE,
    0: RefundState.NONE,
    6: RefundState.ASKED,
    7: RefundState.ASKED,
    8: RefundState.ASKED,
    11: RefundState.ASKED,
    12: RefundState.DONE,
    13: RefundState.ASKED,
    14: RefundState.NONE,  # exchanged, and the buyer has it
    27: RefundState.REFUSED,
    28: RefundState.NONE,
    29: RefundState.REFUSED,
    51: RefundState.DONE,
    53: RefundState.DONE,
}
#: after_sale_type: whether its end gives the line's money back (exchange, price protection, re-send, repair do not).
GIVES_BACK = {None: True, 0: True, 1: True, 2: True, 3: False, 6: False, 7: False, 8: False}
GOODS_COME_BACK = {7, 11}
PAID = {
    ChannelState.TO_SHIP,
    ChannelState.LOCKED,
    ChannelState.SHIPPED,
    ChannelState.FINISHED,
    ChannelState.REFUNDED,
}
#: Our carriers in Douyin's words.
CARRIERS = {
    "ZTO": "zhongtong",
    "YTO": "yuantong",
    "STO": "shentong",
    "YUNDA": "yunda",
    "SF": "shunfeng",
    "EMS": "ems",
    "POSTB": "youzhengguonei",
    "JTSD": "jtexpress",
    "JD": "jd",
}
#: out_range_reason of getOutRange; another text is the carrier's own and is shown as it came.
OUT_OF_RANGE = {
    "1": gettext_noop("closed for an epidemic"),
    "2": gettext_noop("closed for flood or storm"),
    "3": gettext_noop("closed for an event"),
    "4": gettext_noop("trouble at the carrier's outlet"),
    "5": gettext_noop("for another reason"),
}
#: The tag by which the console tries out an address; it speaks of nothing.
PROBE = "0"


class Douyin(Channel):
    """A Douyin shop: orders by change, newest first, each read in full; worked in our own waves only."""

    label = "douyin"
    says_reach = True
    shows_stock = True
    limits_items = True
    shown_a_call = 50

    def parse(self, raw: bytes) -> ParsedOrder:
        return parse(raw)

    def pages(self, api: Any, start: dt.datetime, end: dt.datetime) -> int:
        return -(-int(api.changed_count(start, end)) // self.page_size)

    def listed(self, api: Any, start: dt.datetime, end: dt.datetime, page: int) -> list[str]:
        rows = api.changed_page(start, end, page - 1, self.page_size)
        return [words(row.get("order_id"), "order_id", 64, required=True) for row in rows]

    def details(self, api: Any, numbers: Iterable[str]) -> dict[str, Kept | PlatformError]:
        found: dict[str, Kept | PlatformError] = {}
        for number, answer in api.details(numbers).items():
            if isinstance(answer, PlatformError):
                found[number] = answer
            else:
                order, raw = answer
                found[number] = kept(number, str(order.get("update_time")), raw)
        return found

    def offers(self, api: Any, page: int) -> tuple[list[Offer], bool]:
        products = {
            str(row["product_id"]): str(row.get("name") or "") for row in api.goods_page(page, self.page_size)
        }
        offers = []
        for item, rows in api.read_many(products, type(api).skus, 4).items():
            if isinstance(rows, PlatformError):
                raise rows
            offers += [
                Offer(item, str(row["id"]), str(row.get("code") or ""), products[item], int(row["stock_num"]))
                for row in rows
            ]
        return offers, len(products) == self.page_size

    def show(self, api: Any, rows: Sequence[Showing]) -> dict[str, PlatformError]:
        return item_by_item(api, rows, 50, type(api).set_stocks)

    def limit(self, api: Any, item: str, pieces: int) -> None:
        limit_unless_audited(api, item, pieces, ":2010004")

    def ship(self, api: Any, told: Told) -> bool:
        lines = _pieces(api, told) if told.lines else ()
        return bool(api.ship(told.number, word_of(told.carrier), told.waybill_no, lines).get("already"))

    def shipped(self, api: Any, told: Told) -> bool:
        return told.waybill_no in api.shipped_numbers(told.number)

    def reach(
        self, api: Any, carrier: str, receivers: Mapping[str, ReceiverRef]
    ) -> dict[str, Reach | PlatformError]:
        code = word_of(carrier)

        def read(one: Any, number: str) -> Reach:
            out, reason = one.out_of_range(code, _address(receivers[number]))
            return Reach(not out, _(OUT_OF_RANGE[reason]) if reason in OUT_OF_RANGE else reason)

        found: dict[str, Reach | PlatformError] = api.read_many(receivers, read)
        return found

    def letters(self, api: Any, headers: Mapping[str, str], body: bytes) -> list[Letter]:
        given = {name.lower(): value for name, value in headers.items()}
        if not api.event_is_ours(given.get("app-id", ""), given.get("event-sign", ""), body):
            raise Forged(message=_("The message is not signed for this app."))
        rows = _json(body, list)
        found: list[Letter] = []
        for row in rows:
            if not isinstance(row, dict):
                raise Unreadable("not_json", _("the message is not an object"))
            identity = words(row.get("msg_id"), "msg_id", 100, required=True)
            if words(row.get("tag"), "tag", 20, required=True) != PROBE:
                found.append(Letter(identity, json.dumps(row, ensure_ascii=False).encode("utf-8", "replace")))
        return found

    def numbers_in(self, raw: bytes) -> list[str]:
        """Whatever its tag says: a message about an order makes us ask about that order."""
        number = words(_data(raw).get("p_id"), "p_id", 64)
        return [number] if number else []

    def address_asked(self, raw: bytes) -> list[str]:
        """TradeAddressChangeApplied: an application with the new receiver; a change that was made has no apply_time."""
        data = _data(raw)
        return self.numbers_in(raw) if data.get("apply_time") and data.get("receiver_msg") else []

    def answer_address(self, api: Any, number: str, refusal: str = "") -> None:
        api.answer_address_change(number, refusal)


def word_of(code: str) -> str:
    """Douyin's word for one of our carriers; a configuration error for one that it does not know."""
    if code not in CARRIERS:
        text = _("Douyin has no word for the carrier %(code)s.") % {"code": code}
        raise PlatformError("configuration", "carrier", text)
    return CARRIERS[code]


def _address(receiver: ReceiverRef) -> dict[str, str]:
    """A receiver as the question for reach takes it: readable levels, and the door as ciphertext."""
    return {
        "province_name": receiver.province,
        "city_name": receiver.city,
        "district_name": receiver.district,
        "street_name": receiver.town,
        "detail_address": (receiver.opaque or {}).get("detail", ""),
    }


def _pieces(api: Any, told: Told) -> list[tuple[str, int]]:
    """The lines of a part with the pieces that Douyin holds of each."""
    order, _raw = api.detail(told.number)
    counts = {str(row.get("order_id")): row.get("item_num") for row in order.get("sku_order_list") or ()}
    return [(line, whole(counts.get(line), "item_num")) for line in told.lines]


def parse(raw: bytes) -> ParsedOrder:
    """One `shop_order_detail` object of order.orderDetail (exact bytes) in our words."""
    order = _json(raw, dict)
    number = words(order.get("order_id"), "order_id", 64, required=True)
    paid_at = _time(order, "pay_time")
    state = _state(order, paid_at)
    if state in PAID and paid_at is None:
        raise Unreadable("missing", _("the order is paid but has no pay_time"))
    freight, payable = (
        _fen(order.get("post_amount") or 0, "post_amount"),
        _fen(order.get("pay_amount"), "pay_amount"),
    )
    lines = _lines(order, payable, freight)
    goods = sum((line.unit_price * line.quantity for line in lines), Decimal(0))
    # The number is Douyin's word; its own text beside it is what a clerk reads.
    status = (
        f"{order['order_status']} {words(order.get('order_status_desc'), 'order_status_desc', 30)}".strip()
    )
    return ParsedOrder(
        channel_number=number,
        channel_state=status,
        state=state,
        version=_moment(order, "update_time"),
        ordered_at=_moment(order, "create_time"),
        paid_at=paid_at,
        goods_amount=goods,
        discount=goods + freight - payable,
        freight=freight,
        payable=payable,
        lines=lines,
        receiver=_receiver(order),
        proof=ParsedProof("douyin", number, status, state in PAID, payable, "", paid_at),
        buyer_ref=words(order.get("doudian_open_id"), "doudian_open_id", 80),
        buyer_message=words(order.get("buyer_words"), "buyer_words", 2000),
        promised_ship_at=_time(order, "exp_ship_time"),
    )


def _state(order: dict[str, Any], paid_at: dt.datetime | None) -> ChannelState:
    state: ChannelState = mapped(order.get("order_status"), STATES, "order_status")
    main: ChannelState | None = mapped(order.get("main_status"), MAIN_STATES, "main_status")
    if state is ChannelState.CANCELLED and paid_at is not None:
        state = ChannelState.REFUNDED
    return main or state


def _lines(order: dict[str, Any], payable: Decimal, freight: Decimal) -> list[ParsedLine]:
    rows = order.get("sku_order_list")
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise Unreadable("missing", _("the order has no lines"))
    goods: list[Decimal] = []
    shares: list[Decimal] = []
    lines: list[ParsedLine] = []
    for row in rows:
        quantity, price = (
            whole(row.get("item_num"), "item_num"),
            _fen(row.get("origin_amount"), "origin_amount"),
        )
        goods.append(price * quantity)
        shares.append(_fen(row.get("pay_amount") or 0, "pay_amount"))
        identity = words(row.get("order_id"), "order_id", 64, required=True)
        refund, goods_back = _refund(row.get("after_sale_info"))
        asked = refund in (RefundState.ASKED, RefundState.DONE)
        lines.append(
            ParsedLine(
                channel_line=identity,
                seller_code=words(row.get("code") or row.get("out_sku_id"), "code", 80),
                title=words(row.get("product_name"), "product_name", 200),
                quantity=quantity,
                unit_price=price,
                discount=Decimal(0),
                freight_share=Decimal(0),
                payable=Decimal(0),
                refund=refund,
                # The order does not name its case; a line has one at a time, so the line's own number stands for it.
                refund_id=identity[:40] if asked else "",
                goods_back=goods_back,
            )
        )
    for line, parts in zip(lines, _parts(goods, shares, payable, freight), strict=True):
        line.discount, line.freight_share, line.payable = parts
    return lines


def _parts(
    goods: list[Decimal], shares: list[Decimal], payable: Decimal, freight: Decimal
) -> list[tuple[Decimal, Decimal, Decimal]]:
    """(discount, freight share, payable) of each line: as Douyin divided its discounts, else in proportion."""
    if sum(shares) + freight != payable:
        try:
            return allocate_lines(goods, sum(goods, Decimal(0)) + freight - payable, freight)
        except BadMoney as error:
            raise Unreadable("bad_money", str(error)) from None
    freights = allocate(freight, shares if sum(shares) else [1] * len(shares))
    return [(g - s, f, s + f) for g, s, f in zip(goods, shares, freights, strict=True)]


def _refund(info: Any) -> tuple[RefundState, bool]:
    """The line's refund in our words, and whether goods come back with it."""
    if info in (None, {}):
        return RefundState.NONE, False
    if not isinstance(info, dict):
        raise Unreadable("bad_text", _("%(name)s is not an object") % {"name": "after_sale_info"})
    word = info.get("after_sale_status")
    refund: RefundState = mapped(word, REFUNDS, "after_sale_status")
    gives_back: bool = mapped(info.get("after_sale_type"), GIVES_BACK, "after_sale_type")
    if refund is RefundState.DONE and not gives_back:
        refund = RefundState.NONE
    return refund, word in GOODS_COME_BACK


def _receiver(order: dict[str, Any]) -> ParsedReceiver:
    at, masked = order.get("post_addr"), order.get("mask_post_addr")
    if not isinstance(at, dict):
        raise Unreadable("missing", _("%(name)s is missing") % {"name": "post_addr"})
    keys = {
        "receiver": words(order.get("encrypt_post_receiver"), "encrypt_post_receiver", 600),
        "tel": words(order.get("encrypt_post_tel"), "encrypt_post_tel", 600),
        "detail": words(at.get("encrypt_detail"), "encrypt_detail", 2000),
        "address_id": words(order.get("open_address_id"), "open_address_id", 200),
        "street_code": words(_part(at, "street").get("id"), "street.id", 30),
    }
    return ParsedReceiver(
        name_mask=words(order.get("mask_post_receiver"), "mask_post_receiver", 60),
        phone_mask=words(order.get("mask_post_tel"), "mask_post_tel", 30),
        address_mask=words(masked.get("detail"), "detail", 200) if isinstance(masked, dict) else "",
        province=words(_part(at, "province").get("name"), "province", 30, required=True),
        city=words(_part(at, "city").get("name"), "city", 30),
        district=words(_part(at, "town").get("name"), "town", 30),
        town=words(_part(at, "street").get("name"), "street", 40),
        opaque={name: value for name, value in keys.items() if value} or None,
        key=words(order.get("doudian_open_id"), "doudian_open_id", 80),
        address_key=keys["address_id"],
    )


def _part(address: dict[str, Any], name: str) -> dict[str, Any]:
    part = address.get(name)
    return part if isinstance(part, dict) else {}


def _fen(value: Any, name: str) -> Decimal:
    try:
        return from_fen(value)
    except BadMoney:
        said = {"name": name, "value": repr(str(value)[:40])}
        raise Unreadable("bad_money", _("%(name)s is not an amount of money: %(value)s") % said) from None


def _time(order: dict[str, Any], name: str) -> dt.datetime | None:
    """A moment of whole seconds; 0 and nothing mean none."""
    return _moment(order, name) if order.get(name) else None


def _moment(order: dict[str, Any], name: str) -> dt.datetime:
    return dt.datetime.fromtimestamp(whole(order.get(name), name, 1, 10**10), dt.UTC)


def _data(raw: bytes) -> dict[str, Any]:
    """What a message says: JSON in its `data` text."""
    data: dict[str, Any] = _json(words(_json(raw, dict).get("data"), "data", 20_000, required=True), dict)
    return data


def _json(text: bytes | str, kind: type) -> Any:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise Unreadable("not_json", _("the payload is not JSON")) from None
    if not isinstance(value, kind):
        raise Unreadable("not_json", _("the payload is not an order"))
    return value
