"""Qimen in our words: a delivery order with oaid, number and print data, and the warehouse's own times back."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils import timezone

from logistics.operations.steps import Progress
from logistics.operations.waybill import payload_of
from logistics.providers.goods import goods
from logistics.queries import Shipment
from orderhub.integrations.clients.base import beijing, from_beijing
from orderhub.integrations.errors import PlatformError
from orderhub.integrations.registry import client
from orderhub.models import Connection

#: The protocol's words → what they mean to us.
GOING = frozenset({"NEW", "ACCEPT", "PARTDELIVERED", "CANCELEDFAIL", "PRINT", "PICK", "CHECK", "PACKAGE", "WEIGH", "READY",
                   "OTHER"})  # fmt: skip
DELIVERED = frozenset({"DELIVERED"})
STOPPED = frozenset({"REJECT", "CANCELED", "CLOSED", "EXCEPTION"})
#: Times in extendProps, by our step.
TIMES = {"waved": "waveTime", "packed": "weighTime", "printed": "printTime"}
TOO_LATE = ("已发货", "取消失败", "已出库")


class UnknownWord(ValueError):
    """A status that this protocol version does not have."""


def create(connection: Connection, shipment: Shipment) -> str:
    """Hand one parcel over; the warehouse's own number."""
    return str(client(connection).delivery_create(_order(connection, shipment)))


def known(connection: Connection, number: str, warehouse: str) -> str:
    """The warehouse's number of a parcel, "" where it has none."""
    answer = client(connection).delivery_query(number, warehouse)
    if answer is None:
        return ""
    return str((answer.get("deliveryOrder") or {}).get("deliveryOrderId") or number)


def stop(connection: Connection, shipment: Shipment) -> bool:
    """Ask the warehouse to stop; True where the parcel had left already."""
    try:
        client(connection).order_cancel(
            shipment.parcel.number, warehouse_code=shipment.warehouse.code, reason=shipment.parcel.stop_reason
        )
    except PlatformError as error:
        if error.kind == "business" and any(word in error.message for word in TOO_LATE):
            return True
        raise
    return False


def read(connection: Connection, number: str, warehouse: str) -> dict[str, Any] | None:
    """The delivery order as the warehouse holds it."""
    found: dict[str, Any] | None = client(connection).delivery_query(number, warehouse)
    return found


def progress(answer: dict[str, Any], parcel_id: int) -> Progress:
    """How far a delivery order is, from a query or a confirm. UnknownWord / ValueError for what can't be read."""
    order = answer.get("deliveryOrder") or {}
    status = str(order.get("status") or "ACCEPT").upper()
    props = answer.get("extendProps") or order.get("extendProps") or {}
    props = props if isinstance(props, dict) else {}
    if status in STOPPED:
        text = str(order.get("reason") or props.get("reason") or answer.get("message") or "") or status
        return Progress(parcel_id, "handed", refused=text)
    if status not in GOING | DELIVERED:
        raise UnknownWord(f"status {status}")
    times: dict[str, dt.datetime] = {
        step: from_beijing(str(props[name])) for step, name in TIMES.items() if props.get(name)
    }
    if "packed" not in times and props.get("packTime"):
        times["packed"] = from_beijing(str(props["packTime"]))
    stage = "waved" if "waved" in times else "handed"
    weight = _weight(answer)
    if status in DELIVERED:
        stage = "shipped"
        at = order.get("orderConfirmTime") or order.get("operateTime")
        if at:
            times["shipped"] = from_beijing(str(at))
    elif weight is not None:
        stage = "printed" if "printed" in times else "packed"
    return Progress(parcel_id, stage, times, weight, str(order.get("deliveryOrderId") or ""))


def _weight(answer: dict[str, Any]) -> int | None:
    """Grams of all packages together."""
    total = Decimal(0)
    for package in answer.get("packages") or []:
        if isinstance(package, dict) and package.get("weight"):
            try:
                total += Decimal(str(package["weight"]))
            except InvalidOperation as error:
                raise ValueError(f"weight {package['weight']!r}") from error
    return int((total * 1000).to_integral_value()) or None


def _order(connection: Connection, shipment: Shipment) -> dict[str, Any]:
    parcel, receiver, head, house = shipment.parcel, shipment.receiver, shipment.head, shipment.warehouse
    plain = receiver.plain or {}
    now = beijing(timezone.now())
    masked = receiver.visibility != "plain"
    payload = payload_of(parcel)
    receiver_info = {
        "name": plain.get("name") or receiver.name_mask,
        "mobile": plain.get("phone") or receiver.phone_mask,
        "province": receiver.province,
        "city": receiver.city or receiver.province,
        "area": receiver.district or None,
        "town": receiver.town or None,
        "detailAddress": plain.get("address") or receiver.address_mask,
        "oaid": (receiver.opaque or {}).get("oaid") if masked else None,
    }
    return {
        "deliveryOrder": {
            "deliveryOrderCode": parcel.number,
            "orderType": "JYCK",
            "warehouseCode": house.code,
            "createTime": now,
            "placeOrderTime": beijing(head.ordered_at),
            "payTime": beijing(head.paid_at) if head.paid_at else None,
            "operateTime": now,
            "shopNick": head.shop_code,
            "sourcePlatformCode": "TB" if head.channel == "taobao" else "OTHER",
            "logisticsCode": parcel.carrier,
            "expressCode": parcel.waybill_no,
            "oaidOrderSourceCode": head.channel_number if masked else None,
            "buyerMessage": head.buyer_message[:200] or None,
            "latestDeliveryTime": beijing(head.promised_ship_at) if head.promised_ship_at else None,
            "senderInfo": {
                "name": house.contact or house.name,
                "mobile": house.manager_phone,
                "province": house.province,
                "city": house.city,
                "area": house.district,
                "detailAddress": house.address,
            },
            "receiverInfo": receiver_info,
        },
        "orderLines": [
            {
                "orderLineNo": str(place),
                "ownerCode": connection.options.get("ownerCode") or "",
                "itemCode": good.code,
                "itemName": good.name[:100] or None,
                "planQty": good.quantity,
                "actualPrice": str(good.price),
                "inventoryType": "ZP",
            }
            for place, good in enumerate(goods(connection, [shipment])[parcel.id], 1)
        ],
        # number, sort code and print data are taken before the hand-over and passed with it
        "extendProps": {
            "expressCode": parcel.waybill_no,
            "sortCode": parcel.sort_code or None,
            "printData": payload.get("print_data") or None,
        },
    }
