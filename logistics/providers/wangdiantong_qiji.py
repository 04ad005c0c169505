"""Wangdiantong flagship (旗舰版): how an order is pushed and which stock-outs changed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

from logistics.providers.goods import Good, goods
from logistics.providers.numbers import Numbered, Word
from logistics.queries import Shipment
from orderhub.integrations.clients.base import beijing
from orderhub.integrations.registry import client
from orderhub.models import Connection

EVERY_STATE = "5,50,51,53,54,55,60,61,63,65,70,75,77,79,90,95,105,110,113"
PAGE = 200
#: Of numbers to acknowledge in one look: what is beyond comes with the next.
MOST_PAGES = 50


def push(connection: Connection, shipments: Sequence[Shipment], *, closing: bool = False) -> dict[str, str]:
    """Push parcels as own-platform orders, at most 100 a call; {parcel number: refusal}."""
    speaker = client(connection)
    shop_no = speaker.option("shop_no")
    errors: dict[str, str] = {}
    for start in range(0, len(shipments), 100):
        part = shipments[start : start + 100]
        found = goods(connection, part)
        lines = [line for shipment in part for line in _lines(shipment, found[shipment.parcel.id], closing)]
        trades = [_trade(shipment, found[shipment.parcel.id], closing) for shipment in part]
        said = speaker.push_orders(shop_no, trades, lines)
        errors.update(said["errors"])
    return errors


def known(connection: Connection, number: str) -> str:
    """The WMS's number of a parcel, "" where it has none."""
    rows = by_number(connection, number)
    return str(rows[0].get("trade_no") or rows[0].get("src_order_no") or number) if rows else ""


def by_number(connection: Connection, number: str) -> list[dict[str, Any]]:
    """Stock-outs of one of our numbers, whatever their time."""
    data = client(connection).call(
        "wms.stockout.Sales.queryWithDetail", [{"src_tid": number}], effect=False, page=0, size=20
    )
    rows = data.get("order") if isinstance(data, dict) else data
    return [row for row in rows or [] if isinstance(row, dict) and row.get("src_trade_no") == number]


def changed(connection: Connection, start: dt.datetime, end: dt.datetime) -> Iterable[dict[str, Any]]:
    """Stock-outs whose record changed in a window of at most an hour, whatever their state.

    Only a list of states makes the platform look at the time of change for what has left too (without one it
    looks at the consign time). Pages are read from the last to the first: a record that changes meanwhile moves
    towards what is read later.
    """
    speaker = client(connection)
    asked = {"start_time": beijing(start), "end_time": beijing(end), "status_type": 3, "status": EVERY_STATE}

    def page(number: int) -> tuple[list[dict[str, Any]], int]:
        data = speaker.call(
            "wms.stockout.Sales.queryWithDetail", [asked], effect=False, page=number, size=PAGE
        )
        rows = [row for row in data.get("order") or [] if isinstance(row, dict)]
        return rows, int(data.get("total_count") or len(rows))

    first, total = page(0)
    for number in range((max(total, 1) - 1) // PAGE, 0, -1):
        yield from page(number)[0]
    yield from first


def unacknowledged(connection: Connection) -> list[Numbered]:
    """Numbers that left and were not acknowledged, all pages."""
    speaker = client(connection)
    shop_no, found = str(speaker.option("shop_no")), []
    for page in range(MOST_PAGES):
        rows = speaker.shipped_numbers(shop_no, page, PAGE).rows
        found += [
            Numbered(row["sync_id"], str(row.get("tid") or ""), str(row.get("logistics_no") or ""))
            for row in rows
        ]
        if len(rows) < PAGE:
            break
    return found


def acknowledge(connection: Connection, words: Sequence[Word]) -> None:
    """Say what became of the numbers; one that is to come again is said to."""
    status = {"taken": 0, "later": -100, "failed": 2}
    rows = [{"sync_id": w.id, "status": status[w.word], "error_msg": w.text} for w in words]
    for start in range(0, len(rows), PAGE):
        client(connection).acknowledge_numbers(rows[start : start + PAGE])


def _trade(shipment: Shipment, positions: Sequence[Good], closing: bool) -> dict[str, Any]:
    parcel, receiver, head = shipment.parcel, shipment.receiver, shipment.head
    plain = receiver.plain or {}
    return {
        "tid": parcel.number,
        "process_status": 70 if closing else 10,
        "trade_status": 90 if closing else 30,
        "refund_status": 3 if closing else 0,
        "pay_status": 0 if closing else 2,
        "order_count": len(positions),
        "goods_count": sum(good.quantity for good in positions),
        "pay_method": 1,
        "trade_time": beijing(head.ordered_at),
        "pay_time": beijing(head.paid_at or head.ordered_at),
        "end_time": None,
        "buyer_nick": "-",
        "receiver_name": plain.get("name", ""),
        "receiver_area": f"{receiver.province} {receiver.city or receiver.province} {receiver.district or receiver.city}",
        "receiver_address": plain.get("address", ""),
        "receiver_mobile": plain.get("phone", ""),
        "post_amount": str(head.freight if shipment.whole else 0),
        "discount": str(head.discount if shipment.whole else 0),
        "receivable": str(shipment.payable),
        "paid": str(shipment.payable),
        "received": str(shipment.payable),
        "delivery_term": 1,
        "is_auto_wms": 1,
        "warehouse_no": shipment.warehouse.code,
        "is_sealed": 3,
        "cust_data": f"{parcel.carrier}:{parcel.waybill_no}",
        "buyer_message": head.buyer_message[:200],
        "remark": remark(shipment),
    }


def remark(shipment: Shipment) -> str:
    """Carrier, number and sort code: the warehouse prints our label, it takes no number of its own. The shop's own
    order number closes it, because the warehouse is asked about that one by telephone.
    """
    parcel = shipment.parcel
    numbers = " ".join(head.channel_number for head in shipment.heads)
    return " ".join(f"{parcel.carrier} {parcel.waybill_no} {parcel.sort_code} {numbers}".split())


def _lines(shipment: Shipment, positions: Sequence[Good], closing: bool) -> list[dict[str, Any]]:
    return [
        {
            "tid": shipment.parcel.number,
            "oid": f"{shipment.parcel.number}-{place}",
            "status": 90 if closing else 30,
            "refund_status": 5 if closing else 0,
            "goods_id": good.code,
            "spec_id": good.code,
            "goods_no": good.code,
            "spec_no": good.code,
            "goods_name": good.name[:80],
            "num": good.quantity,
            "price": str(good.price),
            "discount": str(good.discount),
            "share_discount": "0",
            "total_amount": str(good.total),
            "adjust_amount": "0",
            "refund_amount": "0",
            "remark": "",
            "json": "",
        }
        for place, good in enumerate(positions, 1)
    ]
