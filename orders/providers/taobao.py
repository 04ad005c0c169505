"""Taobao's trades in our words. Receivers are masked and stay masked."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar

from django.utils.translation import gettext as _

from orderhub.inbound.keeping import Kept
from orderhub.integrations.errors import PlatformError
from orderhub.money import allocate
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
from orders.providers.channel import Channel, Offer, Showing, Told, kept
from orders.providers.showing import item_by_item

STATES = {
    "TRADE_NO_CREATE_PAY": ChannelState.UNPAID,
    "WAIT_BUYER_PAY": ChannelState.UNPAID,
    "PAY_PENDING": ChannelState.UNPAID,
    "WAIT_PRE_AUTH_CONFIRM": ChannelState.UNPAID,
    "PAID_FORBID_CONSIGN": ChannelState.LOCKED,
    "WAIT_SELLER_SEND_GOODS": ChannelState.TO_SHIP,
    "SELLER_CONSIGNED_PART": ChannelState.SHIPPED,
    "WAIT_BUYER_CONFIRM_GOODS": ChannelState.SHIPPED,
    "TRADE_BUYER_SIGNED": ChannelState.SHIPPED,
    "TRADE_FINISHED": ChannelState.FINISHED,
    "TRADE_CLOSED": ChannelState.REFUNDED,
    "TRADE_CLOSED_BY_TAOBAO": ChannelState.CANCELLED,
}
REFUNDS = {
    None: RefundState.NONE,
    "": RefundState.NONE,
    "NO_REFUND": RefundState.NONE,
    "WAIT_SELLER_AGREE": RefundState.ASKED,
    "WAIT_BUYER_RETURN_GOODS": RefundState.ASKED,
    "WAIT_SELLER_CONFIRM_GOODS": RefundState.ASKED,
    "SELLER_REFUSE_BUYER": RefundState.REFUSED,
    "CLOSED": RefundState.NONE,
    "SUCCESS": RefundState.DONE,
}
#: Cash on delivery is one trade a parcel: neither merged nor split.
COD_TYPES = {"cod", "b2c_cod", "super_market_cod_trade"}
GOODS_COME_BACK = {"WAIT_BUYER_RETURN_GOODS", "WAIT_SELLER_CONFIRM_GOODS"}
PAID = {
    ChannelState.TO_SHIP,
    ChannelState.LOCKED,
    ChannelState.SHIPPED,
    ChannelState.FINISHED,
    ChannelState.REFUNDED,
}


class Taobao(Channel):
    """A Taobao shop: trades by modification, newest first, each read in full."""

    label = "cainiao"
    warehouse_ways = ("qimen",)
    confirms_merge = True
    shows_stock = True
    #: At most twenty SKUs of one item a call; so many SKUs are told side by side.
    shown_a_call = 40
    #: Items whose SKUs are asked for by one call.
    items_a_call: ClassVar[int] = 40

    def parse(self, raw: bytes) -> ParsedOrder:
        return parse(raw)

    def pages(self, api: Any, start: dt.datetime, end: dt.datetime) -> int:
        return -(-int(api.sold_count(start, end)) // self.page_size)

    def listed(self, api: Any, start: dt.datetime, end: dt.datetime, page: int) -> list[str]:
        rows = api.sold_page(start, end, page, self.page_size)
        return [str(row.get("tid_str") or row.get("tid")) for row in rows]

    def details(self, api: Any, numbers: Iterable[str]) -> dict[str, Kept | PlatformError]:
        found: dict[str, Kept | PlatformError] = {}
        for number, answer in api.fullinfo_many(numbers).items():
            if isinstance(answer, PlatformError):
                found[number] = answer
            else:
                trade, raw = answer
                found[number] = kept(number, str(trade.get("modified")), raw)
        return found

    def ship(self, api: Any, told: Told) -> bool:
        answer = api.offline_send(told.number, told.carrier, told.waybill_no, told.lines)
        return bool(answer.get("already"))

    def shipped(self, api: Any, told: Told) -> bool:
        return api.shipped_with(told.number, told.lines) in (told.waybill_no, "")

    def offers(self, api: Any, page: int) -> tuple[list[Offer], bool]:
        items = {
            str(row["num_iid"]): str(row.get("title") or "")
            for row in api.goods_page(page, self.items_a_call)
        }
        rows = api.skus(list(items)) if items else []
        offers = [
            Offer(
                str(row["num_iid"]), str(row["sku_id"]), str(row.get("outer_id") or ""), items[str(row["num_iid"])],
                int(row["quantity"]),
            )
            for row in rows
        ]  # fmt: skip
        return offers, len(items) == self.items_a_call

    def show(self, api: Any, rows: Sequence[Showing]) -> dict[str, PlatformError]:
        return item_by_item(api, rows, 20, type(api).set_quantities)

    def together(self, api: Any, pairs: list[tuple[str, Mapping[str, str]]]) -> list[list[str]]:
        """Taobao's own answer: its oaid is one a trade, so that nothing that we hold tells two addresses apart."""
        if any(not keys.get("oaid") for _number, keys in pairs):
            raise PlatformError("business", "no_oaid", _("An order of it has no oaid."))
        found: list[list[str]] = api.oaid_merge([(number, keys["oaid"]) for number, keys in pairs])
        return found


def parse(raw: bytes) -> ParsedOrder:
    """One `trade` object of taobao.trade.fullinfo.get (exact bytes) in our words."""
    try:
        trade = json.loads(raw)
    except (ValueError, RecursionError):
        raise Unreadable("not_json", _("the payload is not JSON")) from None
    if not isinstance(trade, dict):
        raise Unreadable("not_json", _("the payload is not a trade"))
    number = words(trade.get("tid_str") or trade.get("tid"), "tid", 64, required=True)
    state = mapped(trade.get("status"), STATES, "trade status")
    freight = money(trade.get("post_fee", "0"), "post_fee")
    payable = money(trade.get("payment"), "payment")
    lines = _lines(trade, payable, freight)
    goods = sum((line.unit_price * line.quantity for line in lines), Decimal(0))
    paid_at = beijing_time(trade["pay_time"], "pay_time") if trade.get("pay_time") else None
    if state in PAID and paid_at is None:
        raise Unreadable("missing", _("the trade is paid but has no pay_time"))
    return ParsedOrder(
        channel_number=number,
        channel_state=trade["status"],
        state=state,
        version=beijing_time(trade.get("modified"), "modified"),
        ordered_at=beijing_time(trade.get("created"), "created"),
        paid_at=paid_at,
        goods_amount=goods,
        discount=goods + freight - payable,
        freight=freight,
        payable=payable,
        lines=lines,
        receiver=_receiver(trade),
        proof=ParsedProof("taobao", number, trade["status"], state in PAID, payable, "", paid_at),
        buyer_ref=words(trade.get("buyer_open_uid"), "buyer_open_uid", 80),
        buyer_message=words(trade.get("buyer_message"), "buyer_message", 2000),
        sealed="cod" if words(trade.get("type"), "type", 40) in COD_TYPES else "",
    )


def _lines(trade: dict[str, Any], payable: Decimal, freight: Decimal) -> list[ParsedLine]:
    inner = trade.get("orders")
    rows = inner.get("order") if isinstance(inner, dict) else None
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise Unreadable("missing", _("the trade has no lines"))
    goods: list[Decimal] = []
    shares: list[Decimal] = []
    lines: list[ParsedLine] = []
    for row in rows:
        quantity = whole(row.get("num"), "num")
        price = money(row.get("price"), "price")
        refund_word = row.get("refund_status")
        goods.append(price * quantity)
        shares.append(money(row.get("divide_order_fee") or "0", "divide_order_fee"))
        lines.append(
            ParsedLine(
                channel_line=words(row.get("oid_str") or row.get("oid"), "oid", 64, required=True),
                seller_code=words(row.get("outer_sku_id") or row.get("outer_iid"), "outer_sku_id", 80),
                title=words(row.get("title"), "title", 200),
                quantity=quantity,
                unit_price=price,
                discount=Decimal(0),
                freight_share=Decimal(0),
                payable=Decimal(0),
                refund=mapped(refund_word, REFUNDS, "refund status"),
                refund_id=words(row.get("refund_id"), "refund_id", 40),
                goods_back=refund_word in GOODS_COME_BACK,
            )
        )
    if sum(shares) + freight == payable:  # the channel's own division of its discounts
        freights = allocate(freight, shares if sum(shares) else [1] * len(shares))
        parts = [(g - s, f, s + f) for g, s, f in zip(goods, shares, freights, strict=True)]
    else:
        parts = allocate_lines(goods, sum(goods, Decimal(0)) + freight - payable, freight)
    for line, (discount, share, amount) in zip(lines, parts, strict=True):
        line.discount, line.freight_share, line.payable = discount, share, amount
    return lines


def _receiver(trade: dict[str, Any]) -> ParsedReceiver:
    oaid = words(trade.get("oaid"), "oaid", 200)
    return ParsedReceiver(
        name_mask=words(trade.get("receiver_name"), "receiver_name", 60),
        phone_mask=words(trade.get("receiver_mobile") or trade.get("receiver_phone"), "receiver_mobile", 30),
        address_mask=words(trade.get("receiver_address"), "receiver_address", 200),
        province=words(trade.get("receiver_state"), "receiver_state", 30, required=True),
        city=words(trade.get("receiver_city"), "receiver_city", 30),
        district=words(trade.get("receiver_district"), "receiver_district", 30),
        town=words(trade.get("receiver_town"), "receiver_town", 40),
        opaque={"oaid": oaid} if oaid else None,
        key=words(trade.get("buyer_open_uid"), "buyer_open_uid", 80),
        # of one buyer: whether two of them go to one address only `taobao.top.oaid.merge` knows, and is asked
        address_key=words(trade.get("buyer_open_uid"), "buyer_open_uid", 80) if oaid else "",
    )
