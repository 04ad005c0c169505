"""Qimen's warehouse side: delivery orders with oaid in, states and stock out, confirms pushed to the product."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Any
from xml.etree.ElementTree import Element

from orderhub.sandbox import qimen_xml as xml
from orderhub.sandbox.credentials import QIMEN
from orderhub.sandbox.frame import Answer, Platform, Request, beijing, from_beijing
from orderhub.sandbox.places import CARRIERS, WAREHOUSES
from orderhub.sandbox.qimen_confirms import Confirms, delivery, process_rows
from orderhub.sandbox.qimen_xml import said
from orderhub.sandbox.ticker import Ticker
from orderhub.sandbox.warehouse import REFUSAL, Floor, Handed, Line, Stock

PREFIX = "taobao.qimen."
TOLERANCE = 600
PUBLIC = ("method", "timestamp", "format", "app_key", "v", "sign", "sign_method", "customerId")
ORDER = ("deliveryOrderCode", "orderType", "warehouseCode", "createTime", "placeOrderTime", "operateTime", "shopNick",
         "logisticsCode", "sourcePlatformCode", "senderInfo/name", "receiverInfo/name", "receiverInfo/mobile",
         "receiverInfo/province", "receiverInfo/city", "receiverInfo/detailAddress")  # fmt: skip
TAOBAO_FAMILY = ("TB", "TM")


class Refused(Exception):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


class Qimen(Platform):
    prefix = "qimen"

    def __init__(self, world: Any) -> None:
        super().__init__(world)
        self.floor = Floor.of(world)
        self.stock = Stock(world, self.floor)
        self.confirms = Confirms(world, self.floor)
        self.ticker = Ticker("qimen-confirms", 3.0, self.confirms.push_due) if world.target else None

    def reset(self) -> None:
        self.floor.reset()
        self.confirms.reset()

    def fault_key(self, request: Request) -> str:
        return request.query.get("method", "").removeprefix(PREFIX)

    def app_of(self, request: Request) -> str:
        return request.query.get("app_key", "")

    def quota_answer(self, request: Request) -> Answer:
        return self.no("isv.qimen-call-limited", "调用频率超限")

    def deny_answer(self, request: Request) -> Answer:
        return self.no("S007", "仓库不接受该单据")

    def expire_token(self, request: Request) -> Answer | None:
        return self.no("sign-check-failure", "签名校验失败")

    @staticmethod
    def answer(flag: str, code: str, message: str, **more: Any) -> Answer:
        body = xml.text("response", {"flag": flag, "code": code, "message": message, **more})
        return Answer(body=body, content_type="text/xml; charset=utf-8")

    def no(self, code: str, message: str) -> Answer:
        return self.answer("failure", code, message)

    def drive(self, what: str, options: dict[str, Any]) -> dict[str, Any] | None:
        return self.confirms.drive(options) if what == "qimen_confirms" else None

    def handle(self, request: Request) -> Answer:
        if request.path.strip("/") != "router/qimen/service" or request.method != "POST":
            return Answer(404, "404 Not Found", "text/plain")
        call: Callable[[Element], Answer] | None = {
            "deliveryorder.create": self.create,
            "order.cancel": self.cancel,
            "deliveryorder.query": self.query,
            "orderprocess.query": self.process,
            "inventory.query": self.inventory,
            "returnorder.create": self.create_return,
        }.get(self.fault_key(request))
        try:
            self.check(request)
            if call is None or not request.query["method"].startswith(PREFIX):
                raise Refused("isv.method-not-exists", f"接口不存在：{request.query['method']}")
            return call(xml.parsed(request.body.decode()))
        except Refused as refused:
            return self.no(refused.code, refused.message)
        except ValueError as error:
            return self.no("S003", f"报文有误：{error}")

    @staticmethod
    def check(request: Request) -> None:
        query = request.query
        missing = [name for name in PUBLIC if not query.get(name)]
        if missing:
            raise Refused("isv.missing-parameter", f"缺少公共参数：{missing[0]}")
        if query["app_key"] != QIMEN["app_key"] or query["customerId"] != QIMEN["customer_id"]:
            raise Refused("isv.invalid-app-key", "app_key或customerId不存在")
        expected = xml.signature(QIMEN["app_secret"], query, request.body.decode("utf-8", "replace"))
        if query["sign_method"] != "md5" or not hmac.compare_digest(expected, query["sign"]):
            raise Refused("sign-check-failure", "签名校验失败")
        if abs((request.now - from_beijing(query["timestamp"])).total_seconds()) > TOLERANCE:
            raise Refused("isv.invalid-timestamp", "时间戳超出允许范围")

    def create(self, root: Element) -> Answer:
        """deliveryorder.create: one delivery order per code; the same code again gives the same id and changes nothing."""
        order = root.find("deliveryOrder")
        if order is None:
            raise Refused("S003", "缺少deliveryOrder")
        code = said(order, "deliveryOrderCode")
        with self.floor.lock:
            old = self.floor.get(self.prefix, code)
            if old is None:
                lines = self.lines(root)
                self.examine(order, code)
                row = self.take(root, order, code, lines)
            elif old.cancelled_at:
                raise Refused("S005", f"单据{code}已取消，不能再次下发")
            else:
                row = old
            body = {
                "source": row.source, "warehouse": row.warehouse, "waybill": row.waybill, "carrier": row.carrier,
                "lines": [[line.sku, line.quantity] for line in row.lines],
            }  # fmt: skip
            self.world.ledger.record(self.prefix, "wms.order", code, body, effect=old is None)
        made = {"createTime": row.extra["created"], "deliveryOrderId": self.id_of(row)}
        return self.answer("success", "0", "invoke success", **made)

    @staticmethod
    def id_of(row: Handed) -> str:
        return f"WMS{row.serial:010d}"

    def examine(self, order: Element, code: str) -> None:
        """Refuse what a warehouse could not send: missing fields, foreign numbers, plain Taobao receivers."""
        for path in ORDER:
            if not said(order, path):
                raise Refused("S003", f"{path}不能为空")
        if said(order, "orderType") not in ("JYCK", "HHCK", "BFCK", "QTCK"):
            raise Refused("S003", f"orderType不存在：{said(order, 'orderType')}")
        house = said(order, "warehouseCode")
        if house not in (*WAREHOUSES, "OTHER"):
            raise Refused("S004", f"仓库不存在：{house}")
        if said(order, "logisticsCode") not in CARRIERS:
            raise Refused("S003", f"logisticsCode不存在：{said(order, 'logisticsCode')}")
        for path in ("createTime", "placeOrderTime", "operateTime"):
            from_beijing(said(order, path))
        if said(order, "sourcePlatformCode") in TAOBAO_FAMILY:
            self.examine_oaid(order)
        if self.floor.refuses(code, house):
            raise Refused("S006", REFUSAL)

    def examine_oaid(self, order: Element) -> None:
        trade = said(order, "oaidOrderSourceCode") or said(order, "receiverInfo/oaidOrderSourceCode")
        if not said(order, "receiverInfo/oaid") or not trade:
            raise Refused("S008", "淘系订单必须传入oaid和oaidOrderSourceCode")
        if trade not in self.world.orders:
            raise Refused("S008", f"oaidOrderSourceCode不存在：{trade}")
        if "*" not in said(order, "receiverInfo/mobile"):
            raise Refused("S008", "淘系订单收件人信息必须为平台下发的掩码")

    def lines(self, root: Element) -> list[Line]:
        rows = []
        for place, node in enumerate(root.findall("orderLines/orderLine"), 1):
            for name in ("ownerCode", "itemCode", "planQty"):
                if not said(node, name):
                    raise Refused("S003", f"orderLine第{place}行{name}不能为空")
            if said(node, "ownerCode") != QIMEN["owner_code"]:
                raise Refused("S003", f"货主不存在：{said(node, 'ownerCode')}")
            if said(node, "itemCode") not in self.world.catalogue:
                raise Refused("S009", f"商品不存在：{said(node, 'itemCode')}")
            name = said(node, "itemName") or self.world.catalogue[said(node, "itemCode")].name
            rows.append(Line(said(node, "orderLineNo") or str(place), said(node, "itemCode"), name,
                             float(said(node, "planQty"))))  # fmt: skip
        if not rows:
            raise Refused("S003", "orderLines不能为空")
        return rows

    def take(self, root: Element, order: Element, code: str, lines: list[Line]) -> Handed:
        trade = said(order, "oaidOrderSourceCode") or said(order, "receiverInfo/oaidOrderSourceCode")
        waybill = said(order, "expressCode")
        props = root.find("extendProps")
        props = order.find("extendProps") if props is None else props
        waybill = waybill or said(props, "expressCode")
        known = self.world.waybill(waybill) if waybill else None
        if known and known["state"] == "cancelled":
            raise Refused("S010", f"运单号{waybill}已作废")
        if known and known.get("orders") and trade and trade not in known["orders"]:
            raise Refused("S010", f"运单号{waybill}不属于订单{trade}")
        house = said(order, "warehouseCode")
        created = beijing(self.world.now())
        row, _ = self.floor.accept(
            self.prefix, code, warehouse="" if house == "OTHER" else house, carrier=said(order, "logisticsCode"),
            waybill=waybill, paid_at=from_beijing(said(order, "payTime")) if said(order, "payTime") else None,
            lines=lines, source=trade,
            extra={"created": created, "order_type": said(order, "orderType"), "trade": trade,
                   "print_data": bool(said(props, "printData"))},
        )  # fmt: skip
        return row

    def known(self, root: Element, *paths: str) -> Handed:
        code = next((said(root, path) for path in paths if said(root, path)), "")
        row = self.floor.get(self.prefix, code)
        if row is None:
            raise Refused("S011", f"单据不存在：{code}")
        return self.floor.observed(row)

    def cancel(self, root: Element) -> Answer:
        row = self.known(root, "orderCode")
        result = self.floor.cancel(self.prefix, row.number)
        if result == "shipped":
            raise Refused("S012", "单据已发货，取消失败")
        self.world.ledger.record(self.prefix, "wms.cancel", row.number, {"reason": said(root, "cancelReason")},
                                 effect=result == "cancelled")  # fmt: skip
        return self.answer("success", "0", "取消成功")

    def query(self, root: Element) -> Answer:
        row = self.known(root, "orderCode", "deliveryOrderCode")
        return self.answer("success", "0", "invoke success", **delivery(self.floor, row))

    def process(self, root: Element) -> Answer:
        row = self.known(root, "orderCode")
        process = {"orderCode": row.number, "orderId": self.id_of(row), "orderType": row.extra["order_type"],
                   "warehouseCode": row.warehouse,
                   "processes": {"process": process_rows(self.floor, row)}}  # fmt: skip
        return self.answer("success", "0", "invoke success", orderProcess=process)

    def inventory(self, root: Element) -> Answer:
        """inventory.query: good stock by item, in one or in all warehouses."""
        left, promised, _ = self.stock.moved()
        items = []
        criteria = root.findall("criteriaList/criteria")
        if not 1 <= len(criteria) <= 100:
            raise Refused("S003", "criteria须为1到100条")
        for node in criteria:
            sku, house = said(node, "itemCode"), said(node, "warehouseCode")
            if not sku:
                raise Refused("S003", "itemCode不能为空")
            for code in [house] if house else list(WAREHOUSES):
                if (
                    sku in self.stock.place
                    and code in WAREHOUSES
                    and said(node, "inventoryType") in ("", "ZP")
                ):
                    here = self.stock.opening(code, sku) - left[code, sku]
                    items.append({"warehouseCode": code, "itemCode": sku, "itemId": f"I{self.stock.place[sku]:06d}",
                                  "inventoryType": "ZP", "quantity": here,
                                  "lockQuantity": promised[code, sku]})  # fmt: skip
        return self.answer("success", "0", "invoke success", items={"item": items})

    def create_return(self, root: Element) -> Answer:
        """returnorder.create: an announced return; the goods arrive with the scenario, else a minute later."""
        order = root.find("returnOrder")
        code, before = said(order, "returnOrderCode"), said(order, "preDeliveryOrderCode")
        if order is None or not code or not before or not said(order, "warehouseCode"):
            raise Refused("S003", "returnOrderCode、preDeliveryOrderCode、warehouseCode不能为空")
        row = self.floor.get(self.prefix, before)
        if row is None:
            raise Refused("S011", f"原发货单不存在：{before}")
        lines = [[line.sku, line.quantity] for line in self.lines(root)]
        key = f"return:{before}"
        kept = self.world.ledger.recall(self.prefix, key)
        if kept is None:
            kept = {"code": code, "at": self.world.now().isoformat(), "lines": lines,
                    "express": said(order, "expressCode")}  # fmt: skip
            self.world.ledger.remember(self.prefix, key, kept)
        return self.answer("success", "0", "invoke success", returnOrderId=f"RT{row.serial:010d}")
