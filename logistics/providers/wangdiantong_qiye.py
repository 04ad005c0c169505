"""Wangdiantong enterprise (企业版): how an order is pushed and which stock-outs changed, in the face's shape."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from logistics.providers.goods import Good, goods
from logistics.providers.numbers import Numbered, Word
from logistics.providers.wangdiantong_qiji import remark
from logistics.queries import Shipment
from orderhub.integrations.clients.base import beijing
from orderhub.integrations.clients.wangdiantong_qiye import MAX_PUSH
from orderhub.integrations.errors import PlatformError
from orderhub.integrations.registry import client
from orderhub.models import Connection

PAGE = 100
CANCELLED, ON_THE_WAY, SHIPPED = 5, 55, 110
#: Its words for a stock-out in ours: from 95 on the goods have left.
STATUS: dict[str, int] = {
    "5": CANCELLED,
    "55": ON_THE_WAY,
    "95": SHIPPED,
    "105": SHIPPED,
    "110": SHIPPED,
    "113": SHIPPED,
}
#: Order and line: waiting to be shipped, or closed.
TO_SHIP, CLOSED = 30, 90


def push(connection: Connection, shipments: Sequence[Shipment], *, closing: bool = False) -> dict[str, str]:
    """Push parcels as own-platform orders, at most 50 a call; {parcel number: refusal}.

    A refused call does not say which order it refuses: its orders are pushed again one by one, which changes
    nothing for those that were taken.
    """
    speaker = client(connection)
    shop_no = speaker.option("shop_no")
    errors: dict[str, str] = {}
    for start in range(0, len(shipments), MAX_PUSH):
        part = list(shipments[start : start + MAX_PUSH])
        found = goods(connection, part)
        trades = {one.parcel.id: _trade(one, found[one.parcel.id], closing) for one in part}
        try:
            speaker.push_orders(shop_no, list(trades.values()))
            continue
        except PlatformError as error:
            if error.kind != "business":
                raise
            if len(part) == 1:
                errors[part[0].parcel.number] = error.message
                continue
        for shipment in part:
            try:
                speaker.push_orders(shop_no, [trades[shipment.parcel.id]])
            except PlatformError as error:
                if error.kind != "business":
                    raise
                errors[shipment.parcel.number] = error.message
    return errors


def known(connection: Connection, number: str) -> str:
    """The system's number of a parcel, "" where it has none."""
    rows = client(connection).trades(number)
    return str(rows[0].get("trade_no") or number) if rows else ""


def by_number(connection: Connection, number: str) -> list[dict[str, Any]]:
    """Stock-outs of one of our numbers, found by the system's order numbers."""
    speaker = client(connection)
    found: list[dict[str, Any]] = []
    for trade_no in dict.fromkeys(str(row.get("trade_no") or "") for row in speaker.trades(number)):
        if trade_no:
            found += [shaped for row in speaker.stockouts(trade_no) for shaped in _shaped(row)]
    return [row for row in found if row["src_trade_no"] == number]


def changed(connection: Connection, start: dt.datetime, end: dt.datetime) -> Iterable[dict[str, Any]]:
    """What left in the window (by consign time) and what was cancelled in it (by time of change).

    Pages are read from the last to the first: what moves meanwhile moves towards what is read later.
    """
    for status in (None, CANCELLED):
        for row in _pages(connection, start, end, status):
            yield from _shaped(row)


def unacknowledged(connection: Connection) -> list[Numbered]:
    """Numbers that left and were not acknowledged: at most a hundred, what is beyond comes with the next look."""
    speaker = client(connection)
    return [
        Numbered(row["rec_id"], str(row.get("tid") or ""), str(row.get("logistics_no") or ""))
        for row in speaker.shipped_numbers(str(speaker.option("shop_no")), PAGE)
    ]


def acknowledge(connection: Connection, words: Sequence[Word]) -> None:
    """Say what became of the numbers; one that is to come again is left unsaid, this product has no word for it."""
    rows = [
        {"rec_id": w.id, "status": 0 if w.word == "taken" else 1, "message": w.text}
        for w in words
        if w.word != "later"
    ]
    if rows:
        client(connection).acknowledge_numbers(rows)


def _pages(
    connection: Connection, start: dt.datetime, end: dt.datetime, status: int | None
) -> Iterator[dict[str, Any]]:
    speaker = client(connection)
    first = speaker.stockouts_between(start, end, 0, PAGE, status)
    for number in range((max(first.total or 0, 1) - 1) // PAGE, 0, -1):
        yield from speaker.stockouts_between(start, end, number, PAGE, status).rows
    yield from first.rows


def _shaped(row: dict[str, Any]) -> list[dict[str, Any]]:
    """A stock-out as the face wants it: one row for each of our numbers in it (the system merges orders).

    A status that nobody has seen becomes words that `progress` can't read: it says so in a ticket.
    """
    told = str(row.get("status"))
    status = STATUS.get(told, f"status {told}")
    kept = {
        name: row.get(name) for name in ("trade_no", "weight", "consign_time", "error_info") if row.get(name)
    }
    numbers = [part.strip() for part in str(row.get("src_trade_no") or row.get("src_tids") or "").split(",")]
    return [{**kept, "src_trade_no": number, "status": status} for number in numbers if number]


def _trade(shipment: Shipment, positions: Sequence[Good], closing: bool) -> dict[str, Any]:
    parcel, receiver, head = shipment.parcel, shipment.receiver, shipment.head
    plain = receiver.plain or {}
    state = CLOSED if closing else TO_SHIP
    return {
        "tid": parcel.number,
        "trade_status": state,
        "pay_status": 0 if closing else 2,
        "delivery_term": 1,
        "trade_time": beijing(head.ordered_at),
        "pay_time": beijing(head.paid_at or head.ordered_at),
        "buyer_nick": "-",
        "receiver_name": plain.get("name", ""),
        "receiver_province": receiver.province,
        "receiver_city": receiver.city or receiver.province,
        "receiver_district": receiver.district or receiver.city,
        "receiver_address": plain.get("address", ""),
        "receiver_mobile": plain.get("phone", ""),
        "receiver_telno": "",
        "receiver_zip": "",
        "logistics_type": -1,
        "warehouse_no": shipment.warehouse.code,
        "post_amount": str(head.freight if shipment.whole else 0),
        "cod_amount": "0",
        "ext_cod_fee": "0",
        "other_amount": "0",
        "paid": str(shipment.payable),
        "buyer_message": head.buyer_message[:200],
        "seller_memo": remark(shipment),
        "order_list": _lines(shipment, positions, closing),
    }


def _lines(shipment: Shipment, positions: Sequence[Good], closing: bool) -> list[dict[str, Any]]:
    return [
        {
            "oid": f"{shipment.parcel.number}-{place}",
            "num": good.quantity,
            "price": str(good.price),
            "status": CLOSED if closing else TO_SHIP,
            "refund_status": 5 if closing else 0,
            "goods_id": good.code,
            "spec_id": good.code,
            "goods_no": good.code,
            "spec_no": good.code,
            "goods_name": good.name[:80],
            "spec_name": "",
            "adjust_amount": "0",
            "discount": str(good.discount),
            "share_discount": "0",
        }
        for place, good in enumerate(positions, 1)
    ]
