"""Wangdiantong flagship's openapi: gate, signature and the table of methods; what a method does lives beside it."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

from orderhub.sandbox.credentials import WANGDIANTONG
from orderhub.sandbox.frame import Answer, Platform, Request
from orderhub.sandbox.warehouse import Floor, Stock

EPOCH = 1_325_347_200
TOLERANCE = 120
REQUIRED = ("sid", "key", "salt", "method", "v", "timestamp", "sign")


class Refused(Exception):
    """A refusal with the platform's status number and words."""

    def __init__(self, message: str, status: int = 100) -> None:
        super().__init__(message)
        self.status, self.message = status, message


class Page:
    """Paging as it stands in the query: page_no counts from 0."""

    def __init__(self, query: dict[str, str], most: int) -> None:
        try:
            self.no, self.size = int(query.get("page_no", 0)), int(query.get("page_size", 40))
        except ValueError as error:
            raise Refused("分页参数不是数字", 1) from error
        self.total = query.get("calc_total", "1") != "0"
        if self.no < 0 or not 1 <= self.size <= most:
            raise Refused(f"page_size超出范围，最大{most}")

    def of(self, rows: list[Any]) -> list[Any]:
        return rows[self.no * self.size : (self.no + 1) * self.size]

    def counted(self, rows: list[Any]) -> dict[str, int]:
        return {"total_count": len(rows)} if self.total else {}


Method = Callable[["Wangdiantong", list[Any], dict[str, str]], Any]


class Wangdiantong(Platform):
    prefix = "wangdiantong"

    def __init__(self, world: Any) -> None:
        super().__init__(world)
        self.floor = Floor.of(world)
        self.stock = Stock(world, self.floor)

    def reset(self) -> None:
        self.floor.reset()

    def drive(self, what: str, options: dict[str, Any]) -> dict[str, Any] | None:
        """``purchase_arrives``: all of the purchase order `number` is put on the shelf now."""
        if what == "purchase_arrives":
            from orderhub.sandbox import wangdiantong_purchases

            return wangdiantong_purchases.arrive(self, str(options.get("number") or ""))
        return None

    def fault_key(self, request: Request) -> str:
        return request.query.get("method", "")

    def app_of(self, request: Request) -> str:
        return request.query.get("key", "")

    def quota_answer(self, request: Request) -> Answer:
        return self.no(100, "超过每分钟最大调用频率限制")

    def deny_answer(self, request: Request) -> Answer:
        return self.no(100, "没有接口权限")

    def expire_token(self, request: Request) -> Answer | None:
        return self.no(3, "动态令牌失效")

    @staticmethod
    def no(status: int, message: str) -> Answer:
        return Answer(body={"status": status, "message": message})

    def handle(self, request: Request) -> Answer:
        if request.path.strip("/") != "openapi" or request.method != "POST":
            return Answer(404, "404 Not Found", "text/plain")
        try:
            self.check(request)
            arguments = json.loads(request.body)
            if not isinstance(arguments, list):
                raise Refused("请求报文不是JSON数组", 1)
            method = methods().get(request.query["method"])
            if method is None:
                raise Refused(f"接口不存在: {request.query['method']}", 1)
            data = method(self, arguments, request.query)
        except Refused as refused:
            return self.no(refused.status, refused.message)
        except UnicodeDecodeError:
            return self.no(1, "请求报文不是UTF-8")
        except ValueError as error:
            return self.no(1, f"请求报文有误: {error}")
        return Answer(body={"status": 0, "data": data})

    @staticmethod
    def check(request: Request) -> None:
        """Gate: account, version, clock, signature over the exact body."""
        query = request.query
        missing = [name for name in REQUIRED if not query.get(name)]
        if missing:
            raise Refused(f"缺少公共参数: {missing[0]}", 2)
        secret, _, salt = WANGDIANTONG["app_secret"].partition(":")
        if (query["sid"], query["key"], query["salt"]) != (
            WANGDIANTONG["sid"],
            WANGDIANTONG["app_key"],
            salt,
        ):
            raise Refused("卖家账号、接口账号或盐不正确", 1)
        if query["v"] != "1.0":
            raise Refused("版本号不正确", 8)
        stamp = query["timestamp"]
        if not stamp.isdigit() or abs(request.now.timestamp() - EPOCH - int(stamp)) > TOLERANCE:
            raise Refused("时间戳超出允许范围", 7)
        signed = {
            **{name: value for name, value in query.items() if name != "sign"},
            "body": request.body.decode(),
        }
        text = "".join(name + signed[name] for name in sorted(signed))
        expected = hashlib.md5((secret + text + secret).encode()).hexdigest()
        if not hmac.compare_digest(expected, query["sign"]):
            raise Refused("签名错误", 1)


def methods() -> dict[str, Method]:
    from orderhub.sandbox import wangdiantong_after as after
    from orderhub.sandbox import wangdiantong_orders as orders
    from orderhub.sandbox import wangdiantong_purchases as purchases
    from orderhub.sandbox import wangdiantong_stock as stock

    return {
        "sales.RawTrade.pushSelf2": orders.push,
        "sales.TradeQuery.querySelfOrderWithDetail": orders.trades,
        "sales.TradeQuery.getLog": orders.log,
        "wms.stockout.Sales.queryWithDetail": orders.stockouts,
        "aftersales.refund.RawRefund.upload2": after.refunds,
        "sales.LogisticsSync.getSyncListExt": after.sync_list,
        "sales.LogisticsSync.update": after.sync_update,
        "wms.StockSpec.search2": stock.search,
        "wms.StockSpec.stockDetailSearch": stock.details,
        "wms.stockin.Refund.queryWithDetail": stock.returns,
        "wms.stockin.Purchase.queryWithDetail": purchases.receipts,
        "purchase.PurchaseOrder.createOrder": purchases.purchase,
        "purchase.PurchaseOrder.queryWithDetail": purchases.orders,
        "purchase.PurchaseOrder.pending": purchases.cancel,
        "setting.Warehouse.queryWarehouse": stock.warehouses,
    }
