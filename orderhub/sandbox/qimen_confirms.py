"""What the warehouse tells the product by itself: delivery and return confirms, repeated until they are taken."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from orderhub.sandbox import qimen_xml as xml
from orderhub.sandbox.credentials import QIMEN
from orderhub.sandbox.frame import beijing
from orderhub.sandbox.places import CARRIERS
from orderhub.sandbox.pushes import Push, Reply
from orderhub.sandbox.warehouse import Floor, Handed

if TYPE_CHECKING:
    from orderhub.sandbox.world import World

PLATFORM = "qimen"
STATUS = {
    "accepted": "ACCEPT",
    "shipped": "DELIVERED",
    "cancelled": "CANCELED",
}  # any stage between is ACCEPT too
PROCESS = {"waved": "OTHER", "picked": "PICK", "packed": "PACKAGE", "printed": "PRINT", "weighed": "WEIGH",
           "shipped": "DELIVERED"}  # fmt: skip
PROPS = {"waved": "waveTime", "picked": "pickTime", "packed": "packTime", "printed": "printTime",
         "weighed": "weighTime"}  # fmt: skip
IN_FLIGHT_SECONDS = 60
ANNOUNCED_ARRIVES_AFTER = timedelta(seconds=60)


def wave_no(row: Handed, at: datetime) -> str:
    return f"W{at:%Y%m%d%H}{row.warehouse}"


def process_rows(floor: Floor, row: Handed) -> list[dict[str, str]]:
    """The steps so far, oldest first; a wave has no word of its own in the protocol and stands as OTHER."""
    rows = [{"processStatus": "ACCEPT", "operateTime": beijing(datetime.fromisoformat(row.accepted_at)),
             "operatorName": "系统", "remark": ""}]  # fmt: skip
    for name, at in floor.moments(row).items():
        remark = f"入波次{wave_no(row, at)}" if name == "waved" else ""
        rows.append({"processStatus": PROCESS[name], "operateTime": beijing(at), "operatorName": "仓管员",
                     "remark": remark})  # fmt: skip
    if row.cancelled_at:
        rows.append({"processStatus": "CANCELED", "operateTime": beijing(datetime.fromisoformat(row.cancelled_at)),
                     "operatorName": "系统", "remark": ""})  # fmt: skip
    return rows


def delivery(floor: Floor, row: Handed, status: str = "") -> dict[str, Any]:
    """deliveryOrder, packages, orderLines and extendProps as they stand now (or as `status` says)."""
    done = floor.moments(row)
    status = status or STATUS.get(floor.stage(row), "ACCEPT")
    told = {
        "deliveryOrderCode": row.number,
        "deliveryOrderId": f"WMS{row.serial:010d}",
        "warehouseCode": row.warehouse,
        "orderType": row.extra["order_type"],
        "status": status,
        "outBizCode": f"{row.number}-{status}-1",
        "confirmType": 0,
        "operateTime": beijing(done["shipped"] if "shipped" in done else floor.modified(row)),
    }
    if "shipped" in done:
        told["orderConfirmTime"] = beijing(done["shipped"])
    items = [{"itemCode": line.sku, "quantity": int(line.quantity)} for line in row.lines]
    whole: dict[str, Any] = {"deliveryOrder": told}
    if "weighed" in done and status == "DELIVERED":
        whole["packages"] = {
            "package": [
                {
                    "logisticsCode": row.carrier, "logisticsName": CARRIERS.get(row.carrier, ("", ""))[1],
                    "expressCode": row.waybill, "weight": f"{Decimal(floor.weight_g(row)) / 1000:.3f}",
                    "length": "30", "width": "20", "height": "15", "items": {"item": items},
                }
            ]
        }  # fmt: skip
        whole["orderLines"] = {
            "orderLine": [
                {"orderLineNo": line.ref, "itemCode": line.sku, "planQty": int(line.quantity),
                 "actualQty": int(line.quantity), "inventoryType": "ZP", "ownerCode": QIMEN["owner_code"]}
                for line in row.lines
            ]
        }  # fmt: skip
    props = {PROPS[name]: beijing(at) for name, at in done.items() if name in PROPS}
    if "waved" in done:
        props["waveNo"] = wave_no(row, done["waved"])
    whole["extendProps"] = props
    return whole


def accepted(reply: Reply) -> bool:
    try:
        root = xml.parsed(reply.body.decode())
    except ValueError:
        return False
    return reply.status == 200 and xml.said(root, "flag") == "success"


class Confirms:
    def __init__(self, world: World, floor: Floor) -> None:
        self.world, self.floor = world, floor
        self.lock = threading.Lock()
        self.in_flight: dict[str, float] = {}

    def reset(self) -> None:
        with self.lock:
            self.in_flight.clear()

    def drive(self, options: dict[str, Any]) -> dict[str, Any]:
        names = ("again", "duplicate", "out_of_order")
        pushed = self.push_due(
            target=str(options.get("target") or ""),
            code=str(options.get("code") or ""),
            only={str(number) for number in options.get("numbers") or []},
            **{name: bool(options.get(name)) for name in names},
        )
        return {"pushed": pushed, "idle": self.world.pushes.idle(float(options.get("seconds", 60)))}

    def push_due(self, target: str = "", code: str = "", only: set[str] | None = None, again: bool = False,
                 duplicate: bool = False, out_of_order: bool = False) -> int:  # fmt: skip
        """Push what is due and not yet taken (`again`: also what was); how many orders and returns."""
        base = (target or self.world.target).rstrip("/")
        if not base:
            raise ValueError("no target: give one, or start the sandbox with --target")
        url = f"{base}/callbacks/qimen/{code or QIMEN['callback_code']}"
        count = 0
        for row in self.floor.all(PLATFORM):
            if only and row.number not in only:
                continue
            row = self.floor.observed(row)
            if self.floor.stage(row) == "shipped" and (again or "confirmed" not in row.told):
                count += self.confirm(url, row, duplicate, out_of_order, again)
            back = self.came_back(row)
            if back and (again or "returned" not in row.told):
                count += self.confirm_return(url, row, back, duplicate, again)
        return count

    def claim(self, key: str, again: bool) -> bool:
        """Whether to send now: nothing of the same is on its way."""
        with self.lock:
            if not again and self.in_flight.get(key, 0) > time.monotonic():
                return False
            self.in_flight[key] = time.monotonic() + IN_FLIGHT_SECONDS
            return True

    def confirm(self, url: str, row: Handed, duplicate: bool, out_of_order: bool, again: bool) -> int:
        if not self.claim(f"delivery:{row.number}", again):
            return 0
        message = delivery(self.floor, row)
        self.post(url, "deliveryorder.confirm", message, row.number, "confirmed")
        if duplicate:
            self.post(url, "deliveryorder.confirm", message, row.number, "confirmed", 0.5)
        if out_of_order:
            self.post(
                url, "deliveryorder.confirm", delivery(self.floor, row, "ACCEPT"), row.number, "late", 0.8
            )
        return 1

    def came_back(self, row: Handed) -> dict[str, Any] | None:
        """The return of an order when its goods have arrived: code, lines, when."""
        announced = self.world.ledger.recall(PLATFORM, f"return:{row.number}")
        back = self.floor.returned(row)
        if back is None and announced is not None:
            back = datetime.fromisoformat(announced["at"]) + ANNOUNCED_ARRIVES_AFTER
        if back is None or back > self.world.now() or self.floor.stage(row) != "shipped":
            return None
        lines = announced["lines"] if announced else [[line.sku, line.quantity] for line in row.lines]
        return {"code": announced["code"] if announced else f"R{row.number}", "lines": lines, "at": back}

    def confirm_return(
        self, url: str, row: Handed, back: dict[str, Any], duplicate: bool, again: bool
    ) -> int:
        if not self.claim(f"return:{row.number}", again):
            return 0
        if not self.world.ledger.find("return.receipt", back["code"], PLATFORM):
            body = {"deliveryOrderCode": row.number, "lines": back["lines"], "at": back["at"].isoformat()}
            self.world.ledger.record(PLATFORM, "return.receipt", back["code"], body)
        message = {
            "returnOrder": {
                "returnOrderCode": back["code"], "returnOrderId": f"RT{row.serial:010d}",
                "preDeliveryOrderCode": row.number, "warehouseCode": row.warehouse, "orderType": "THRK",
                "outBizCode": f"{back['code']}-1", "orderConfirmTime": beijing(back["at"]),
                "returnReason": "七天无理由退货",
            },
            "orderLines": {
                "orderLine": [
                    {"ownerCode": QIMEN["owner_code"], "itemCode": sku, "planQty": int(count), "actualQty": int(count),
                     "inventoryType": "ZP"}
                    for sku, count in back["lines"]
                ]
            },
        }  # fmt: skip
        self.post(url, "returnorder.confirm", message, row.number, "returned")
        if duplicate:
            self.post(url, "returnorder.confirm", message, row.number, "returned", 0.5)
        return 1

    def post(
        self, url: str, method: str, message: dict[str, Any], number: str, mark: str, delay: float = 0.0
    ) -> None:
        """Queue one signed push; when the product takes it, the order is marked."""
        body = xml.text("request", message)
        query = {
            "method": method, "timestamp": beijing(self.world.now()), "format": "xml", "app_key": QIMEN["app_key"],
            "v": "2.0", "sign_method": "md5", "customerId": QIMEN["customer_id"],
        }  # fmt: skip
        query["sign"] = xml.signature(QIMEN["app_secret"], query, body)

        def after(reply: Reply) -> None:
            row = self.floor.get(PLATFORM, number)
            if row and mark not in row.told and accepted(reply):
                self.floor.keep(replace(row, told=(*row.told, mark)))

        headers = {"Content-Type": "text/xml; charset=utf-8"}
        push = Push(
            PLATFORM, method, f"{url}?{urlencode(query)}", body.encode(), headers, accepted, after, tries=5
        )
        self.world.pushes.send(push, delay)
