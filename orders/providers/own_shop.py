"""The own shop's orders in our words: plain receivers, so masks are made here and the text is sealed."""

from __future__ import annotations

import unicodedata
import uuid
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from orderhub import crypto, strict_json
from orderhub.inbound.keeping import Kept
from orderhub.integrations.errors import PlatformError
from orderhub.money import LIMIT
from orders.amounts import allocate_lines
from orders.providers.base import (
    ChannelState,
    ParsedLine,
    ParsedOrder,
    ParsedReceiver,
    Unreadable,
    iso_time,
    mapped,
    money,
    whole,
    words,
)
from orders.providers.channel import Channel, Offer, Showing, Told, Word

STATES = {
    "unpaid": ChannelState.UNPAID,
    "paid": ChannelState.UNPAID,  # a word of the shop proves nothing: the gateway is asked
    "cancelled": ChannelState.CANCELLED,
}
DATUMS = {"wgs84": "wgs84", "gcj02": "gcj02", "bd09": "bd09"}
#: What ships alone, in one parcel: a gift (its receiver is not the buyer), cash on delivery, anything sealed.
SEALED = {None: "", "": "", "gift": "gift", "cod": "cod", "sealed": "sealed"}
TRAFFIC = {None: "", "": "", "search": "search", "short_video": "short_video", "live": "live"}


#: The shop's words for an order that may not go on.
SAYS = {
    "cancelled": Word.CANCELLED,
    "closed": Word.CANCELLED,
    "refund_requested": Word.REFUND_ASKED,
    "refunding": Word.REFUND_ASKED,
}


class OwnShop(Channel):
    """The shop that sends its orders to us: asked about one by one, by its own small interface."""

    pulled = False
    splits_lines = True
    limits_buyers = True
    shows_stock = True
    shown_a_call = 100
    warehouse_ways = ("wangdiantong", "qimen")

    def parse(self, raw: bytes) -> ParsedOrder:
        return parse(raw)

    def seen(self, api: Any, numbers: Iterable[str]) -> dict[str, Kept | Word | PlatformError]:
        found: dict[str, Kept | Word | PlatformError] = {}
        for number in numbers:
            try:
                found[number] = SAYS.get(str(api.order_state(number).get("state", "")), Word.FINE)
            except PlatformError as error:
                found[number] = error
        return found

    def offers(self, api: Any, page: int) -> tuple[list[Offer], bool]:
        said = api.goods_page(page)
        offers = [
            Offer(
                str(row["item"]),
                str(row["sku"]),
                str(row["code"]),
                str(row.get("title") or ""),
                int(row["quantity"]),
            )
            for row in said.get("goods") or ()
        ]
        return offers, bool(said.get("more"))

    def show(self, api: Any, rows: Sequence[Showing]) -> dict[str, PlatformError]:
        return {
            str(row["sku"]): PlatformError(
                "business", str(row.get("error")), str(row.get("message") or row.get("error"))
            )
            for row in api.set_stock({row.sku: row.number for row in rows})
        }

    def ship(self, api: Any, told: Told) -> bool:
        answer = api.report_shipment(told.number, told.carrier, told.waybill_no, told.at, told.lines)
        return bool(answer.get("already"))

    def shipped(self, api: Any, told: Told) -> bool:
        shipment = api.order_state(told.number).get("shipment") or {}
        return told.waybill_no in shipment.get("waybills", ())


def parse(raw: bytes) -> ParsedOrder:
    """One order as the shop's system POSTs it to /api/v1/orders, in our words."""
    try:
        body = strict_json.loads(raw)
    except (ValueError, RecursionError):
        raise Unreadable("not_json", _("the payload is not JSON")) from None
    if not isinstance(body, dict):
        raise Unreadable("not_json", _("the payload is not an order"))
    number = plain(body.get("number"), "number", 64, required=True)
    word = _or(body.get("state"), "unpaid")
    ordered_at = iso_time(body.get("created_at"), "created_at")
    freight = _amount(body.get("freight", "0"), "freight")
    payable = _amount(body.get("payable"), "payable")
    buyer = {} if body.get("buyer") is None else body["buyer"]
    if not isinstance(buyer, dict):
        raise Unreadable("bad_text", _("%(name)s is not an object") % {"name": "buyer"})
    updated, promised = _or(body.get("updated_at"), ""), _or(body.get("promised_ship_at"), "")
    lines, goods = _lines(body, payable, freight)
    return ParsedOrder(
        channel_number=number,
        channel_state=plain(word, "state", 40),
        state=mapped(word, STATES, "order state"),
        version=iso_time(updated, "updated_at") if updated != "" else ordered_at,
        ordered_at=ordered_at,
        paid_at=None,
        goods_amount=goods,
        discount=goods + freight - payable,
        freight=freight,
        payable=payable,
        lines=lines,
        receiver=_receiver(body.get("receiver")),
        buyer_ref=plain(buyer.get("id"), "buyer.id", 80),
        buyer_ip=plain(buyer.get("ip"), "buyer.ip", 60),
        buyer_message=plain(body.get("remark"), "remark", 2000),
        traffic_source=mapped(body.get("traffic_source"), TRAFFIC, "traffic source"),
        promised_ship_at=iso_time(promised, "promised_ship_at") if promised != "" else None,
        sealed=mapped(body.get("ships_alone"), SEALED, "ships_alone"),
    )


def _lines(body: dict[str, Any], payable: Decimal, freight: Decimal) -> tuple[list[ParsedLine], Decimal]:
    rows = body.get("lines")
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise Unreadable("missing", _("the order has no lines"))
    lines: list[ParsedLine] = []
    goods: list[Decimal] = []
    for row in rows:
        quantity = whole(_written(row.get("quantity")), "quantity")
        price = _amount(row.get("unit_price"), "unit_price")
        goods.append(price * quantity)
        lines.append(
            ParsedLine(
                channel_line=plain(row.get("line_id"), "line_id", 64, required=True),
                seller_code=plain(row.get("sku"), "sku", 80, required=True),
                title=plain(row.get("title"), "title", 200),
                quantity=quantity,
                unit_price=price,
                discount=Decimal(0),
                freight_share=Decimal(0),
                payable=Decimal(0),
                claim=_claim(row.get("claim")),
            )
        )
    if len({line.channel_line for line in lines}) < len(lines):
        raise Unreadable("twice", _("Two lines have the same line_id"))
    total = sum(goods, Decimal(0))
    if total + freight > LIMIT:
        raise Unreadable("bad_money", _("The lines come to %(total)s, which is too much") % {"total": total})
    if total + freight < payable:
        raise Unreadable(
            "bad_sum",
            _("payable %(payable)s is more than goods %(total)s and freight %(freight)s")
            % {"payable": payable, "total": total, "freight": freight},
        )
    for line, parts in zip(lines, allocate_lines(goods, total + freight - payable, freight), strict=True):
        line.discount, line.freight_share, line.payable = parts
    return lines, total


def _claim(told: Any) -> str:
    """What the shop was answered when it claimed the pieces; what is no such thing claims nothing."""
    try:
        return str(uuid.UUID(told)) if isinstance(told, str) and told else ""
    except ValueError:
        return ""


def _receiver(body: Any) -> ParsedReceiver:
    if not isinstance(body, dict):
        raise Unreadable("missing", _("the order has no receiver"))
    name = plain(body.get("name"), "receiver.name", 60, required=True)
    phone = plain(body.get("phone"), "receiver.phone", 30, required=True)
    address = plain(body.get("address"), "receiver.address", 300, required=True)
    lng, lat = body.get("lng"), body.get("lat")
    point: tuple[float, float] | None = None
    if lng is not None and lat is not None:
        if not all(isinstance(at, int | float) and not isinstance(at, bool) for at in (lng, lat)):
            raise Unreadable("bad_place", _("lng and lat are not numbers"))
        point = float(lng), float(lat)
        if not (-180 <= point[0] <= 180 and -90 <= point[1] <= 90):
            raise Unreadable("bad_place", _("lng and lat are not on this earth"))
    return ParsedReceiver(
        name_mask=crypto.mask_name(name),
        phone_mask=crypto.mask_phone(phone),
        address_mask=crypto.mask_address(address)[:200],
        province=plain(body.get("province"), "receiver.province", 30, required=True),
        city=plain(body.get("city"), "receiver.city", 30),
        district=plain(body.get("district"), "receiver.district", 30),
        town=plain(body.get("town"), "receiver.town", 40),
        plain={"name": name, "phone": phone, "address": address},
        lng=point[0] if point else None,
        lat=point[1] if point else None,
        datum=mapped(_or(body.get("datum"), "wgs84"), DATUMS, "datum"),
        key=crypto.phone_hash(phone),
        address_key="|".join(_plainly(text) for text in (name, crypto.phone_hash(phone), address)),
    )


def plain(value: Any, name: str, limit: int, *, required: bool = False) -> str:
    """Text as `words` reads it. A number is refused: 18 and 19 digits would have been rounded on their way through JavaScript."""
    if isinstance(value, int):
        raise Unreadable("bad_text", _("%(name)s is not text") % {"name": name})
    return words(value, name, limit, required=required)


def _or(value: Any, other: Any) -> Any:
    """What stands in for a value that is left out, null or empty."""
    return other if value is None or value == "" else value


def _amount(value: Any, name: str) -> Decimal:
    """Money, told as a text, that is not less than nothing. A number is refused: JSON's may have been rounded."""
    amount = money(value if isinstance(value, str) else repr(value) + "?", name)
    if amount < 0:
        raise Unreadable("bad_money", _("%(name)s is less than nothing") % {"name": name})
    return amount


def _written(value: Any) -> Any:
    """JSON may write a whole number as 2.0 too; a text is none."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) else f"“{value}”"


def _plainly(text: str) -> str:
    """One spelling of the same words: full-width, case and blanks do not make another address."""
    return "".join(unicodedata.normalize("NFKC", text).lower().split())
