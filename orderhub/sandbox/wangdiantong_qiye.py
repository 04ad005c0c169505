"""Wangdiantong enterprise's openapi2: length-prefixed signature, a page a method; its floor is that of the warehouse."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from orderhub.sandbox import wangdiantong_after, wangdiantong_purchases, wangdiantong_stock
from orderhub.sandbox.credentials import WANGDIANTONG_QIYE
from orderhub.sandbox.frame import Answer, Platform, Request, beijing, from_beijing
from orderhub.sandbox.places import WAREHOUSES
from orderhub.sandbox.wangdiantong import Refused
from orderhub.sandbox.wangdiantong_orders import stockout_no, trade_no, window
from orderhub.sandbox.warehouse import REFUSAL, Floor, Handed, Line, Stock

TOLERANCE = 300
THIRTY_DAYS = timedelta(days=30)
MOBILE = re.compile(r"^1\d{10}$")
NAME = re.compile(r"^/openapi2/(\w+)\.php$")
ORDER = (
    "tid", "trade_status", "pay_status", "delivery_term", "trade_time", "receiver_name", "receiver_province",
    "receiver_city", "receiver_district", "receiver_address", "receiver_mobile", "post_amount", "paid",
)  # fmt: skip
LINE = ("oid", "num", "price", "status", "refund_status", "goods_no", "spec_no", "goods_name")


def signature(params: dict[str, str], secret: str) -> str:
    """``LL-name:VVVV-value`` in order of the names, joined by ``;``, the secret behind; lengths in characters."""
    parts = [
        f"{len(name):02d}-{name}:{len(params[name]):04d}-{params[name]}"
        for name in sorted(params)
        if name != "sign"
    ]
    return hashlib.md5((";".join(parts) + secret).encode()).hexdigest()


class WangdiantongQiye(Platform):
    prefix = "wangdiantong_qiye"

    def __init__(self, world: Any) -> None:
        super().__init__(world)
        self.floor = Floor.of(world)
        self.stock = Stock(world, self.floor)

    def reset(self) -> None:
        self.floor.reset()

    def fault_key(self, request: Request) -> str:
        found = NAME.match(request.path)
        return found[1] if found else request.path.strip("/")

    def app_of(self, request: Request) -> str:
        return request.params.get("appkey", "")

    def quota_answer(self, request: Request) -> Answer:
        return _no(1, "超过每分钟最大调用频率限制")

    def deny_answer(self, request: Request) -> Answer:
        return _no(1, "店铺不存在")

    def expire_token(self, request: Request) -> Answer | None:
        return _no(1, "appkey无效")

    def handle(self, request: Request) -> Answer:
        found = NAME.match(request.path)
        method = METHODS.get(found[1]) if found else None
        if method is None:
            return Answer(404, "<html><body>404 Not Found</body></html>", "text/html")
        try:
            self.check(request)
            return Answer(200, {"code": 0, "message": "ok", **method(self, request.params)})
        except Refused as refused:
            return _no(refused.status, refused.message)
        except ValueError as error:
            return _no(1, f"请求参数有误: {error}")

    @staticmethod
    def check(request: Request) -> None:
        params = request.params
        if (
            params.get("sid") != WANGDIANTONG_QIYE["sid"]
            or params.get("appkey") != WANGDIANTONG_QIYE["app_key"]
        ):
            raise Refused("sid或appkey无效", 1)
        stamp = params.get("timestamp", "")
        if not stamp.isdigit() or abs(request.now.timestamp() - int(stamp)) > TOLERANCE:
            raise Refused("时间戳timestamp超出允许范围", 1)
        if not hmac.compare_digest(
            signature(params, WANGDIANTONG_QIYE["app_secret"]), params.get("sign", "")
        ):
            raise Refused("签名sign不正确", 1)


def _no(code: int, message: str) -> Answer:
    return Answer(200, {"code": code, "message": message})


def _page(params: dict[str, str], rows: list[Any]) -> list[Any]:
    number, size = int(params.get("page_no") or 0), int(params.get("page_size") or 40)
    if number < 0 or not 1 <= size <= 100:
        raise Refused("page_size超出范围，最大100", 1)
    return rows[number * size : (number + 1) * size]


def stock_query(platform: WangdiantongQiye, params: dict[str, str]) -> dict[str, Any]:
    """stock_query.php: by time of change (≤ 30 days), or by one code."""
    code, house = params.get("spec_no", ""), params.get("warehouse_no", "")
    if house:
        wangdiantong_stock.warehouse(house)
    span = None if code else window(params, THIRTY_DAYS)
    left, promised, changed = platform.stock.moved()
    rows = []
    for place in [house] if house else list(WAREHOUSES):
        for sku in [code] if code else platform.stock.skus:
            at = changed.get((place, sku), platform.world.start).replace(microsecond=0)
            if sku in platform.stock.place and (span is None or span[0] <= at <= span[1]):
                rows.append((place, sku, at))
    shown = []
    for place, sku, at in _page(params, rows):
        here = platform.stock.opening(place, sku) - left[place, sku]
        shown.append(
            {
                "spec_no": sku, "goods_no": sku, "goods_name": platform.world.catalogue[sku].name,
                "warehouse_no": place, "warehouse_type": WAREHOUSES[place].kind, "defect": 0,
                "stock_num": f"{here:.4f}", "order_num": "0.0000", "sending_num": f"{promised[place, sku]:.4f}",
                "avaliable_num": f"{here - promised[place, sku]:.4f}", "purchase_num": "0.0000", "transfer_num": "0.0000",
                "unpay_num": "0.0000", "subscribe_num": "0.0000", "lock_num": "0.0000", "modified": beijing(at),
            }
        )  # fmt: skip
    return {"total_count": len(rows), "stocks": shown}


def trade_push(platform: WangdiantongQiye, params: dict[str, str]) -> dict[str, Any]:
    """trade_push.php: all of a call or, where one order is wrong, nothing of it."""
    if params.get("shop_no") != WANGDIANTONG_QIYE["shop_no"]:
        raise Refused(f"店铺不存在或不是自有平台店铺: {params.get('shop_no')}", 1)
    orders = json.loads(params.get("trade_list") or "null")
    if not isinstance(orders, list) or not orders:
        raise Refused("trade_list不能为空", 1)
    if len(orders) > 50:
        raise Refused("单次推送不能超过50单", 1)
    counts = {True: 0, False: 0}
    with platform.floor.lock:
        for order in orders:
            _examine(platform, order)
        for order in orders:
            counts[_take(platform, order)] += 1
    return {"new_count": counts[True], "chg_count": counts[False]}


def _examine(platform: WangdiantongQiye, order: dict[str, Any]) -> None:
    """Raises Refused with the first thing that is wrong."""
    tid = str(order.get("tid") or "")
    lines = order.get("order_list") or []
    for name in ORDER:
        if order.get(name) in (None, ""):
            raise Refused(f"{tid}: {name}不能为空", 1)
    if "*" in f"{order['receiver_name']}{order['receiver_mobile']}{order['receiver_address']}":
        raise Refused(f"{tid}: 收件人信息不能含有掩码字符", 1)
    if not MOBILE.match(str(order["receiver_mobile"])) or not lines:
        raise Refused(f"{tid}: 手机号或明细不正确", 1)
    from_beijing(str(order["trade_time"]))
    for line in lines:
        for name in LINE:
            if line.get(name) in (None, ""):
                raise Refused(f"{tid}: 明细{name}不能为空", 1)
        if str(line["spec_no"]) not in platform.world.catalogue:
            raise Refused(f"{tid}: 商家编码不存在 {line['spec_no']}", 1)
    row = platform.floor.get(platform.prefix, tid)
    if _closes(order):
        if row is not None and not row.cancelled_at and platform.floor.stage(row) == "shipped":
            raise Refused(f"{tid}: 订单已发货，无法取消", 1)
    elif int(order["pay_status"]) != 2:
        raise Refused(f"{tid}: 未付款订单不能递交", 1)
    elif row is None and platform.floor.refuses(
        tid, str(order.get("warehouse_no") or ""), str(order.get("seller_memo") or "")
    ):
        raise Refused(f"{tid}: {REFUSAL}", 1)


def _closes(order: dict[str, Any]) -> bool:
    return int(order["trade_status"]) in (80, 90)


def _take(platform: WangdiantongQiye, order: dict[str, Any]) -> bool:
    """Take one examined order; whether it is new."""
    tid, ledger = str(order["tid"]), platform.world.ledger
    if _closes(order):
        said = platform.floor.cancel(platform.prefix, tid)
        if said != "unknown":
            ledger.record(platform.prefix, "wms.cancel", tid, {}, effect=said == "cancelled")
        return said == "unknown"
    words = str(order.get("seller_memo") or "").split()
    waybill = next((word for word in words if platform.world.waybill(word)), "")
    known = platform.world.waybill(waybill) if waybill else None
    lines = [
        Line(str(row["oid"]), str(row["spec_no"]), str(row["goods_name"]), float(row["num"]))
        for row in order["order_list"]
    ]
    row, new = platform.floor.accept(
        platform.prefix, tid, warehouse=str(order.get("warehouse_no") or ""), carrier=(known or {}).get("carrier", ""),
        waybill=waybill, paid_at=from_beijing(order["pay_time"]) if order.get("pay_time") else None, lines=lines,
        extra={"trade": order}, source=next((word for word in words if word in platform.world.orders), ""),
    )  # fmt: skip
    body = {
        "source": row.source, "warehouse": row.warehouse, "waybill": row.waybill, "carrier": row.carrier,
        "lines": [[line.sku, line.quantity] for line in lines],
    }  # fmt: skip
    ledger.record(platform.prefix, "wms.order", tid, body, effect=new)
    return new


def trade_query(platform: WangdiantongQiye, params: dict[str, str]) -> dict[str, Any]:
    """trade_query.php: by the shop's number, or by time of change (≤ 60 minutes)."""
    rows = platform.floor.all(platform.prefix)
    if params.get("src_tid"):
        rows = [row for row in rows if row.number == params["src_tid"]]
    else:
        start, end = window(params, timedelta(minutes=60))
        rows = [row for row in rows if start <= platform.floor.modified(row).replace(microsecond=0) <= end]
    shown = [
        {
            "trade_no": trade_no(row), "src_tids": row.number, "warehouse_no": row.warehouse,
            "shop_no": WANGDIANTONG_QIYE["shop_no"], "trade_status": _status(platform, row), "logistics_no": row.waybill,
            "modified": beijing(platform.floor.modified(row)),
        }
        for row in _page(params, rows)
    ]  # fmt: skip
    return {"total_count": len(rows), "trades": shown}


def _status(platform: WangdiantongQiye, row: Handed) -> int:
    return {"cancelled": 5, "shipped": 95}.get(platform.floor.stage(row), 55)


def stockouts(platform: WangdiantongQiye, params: dict[str, str]) -> dict[str, Any]:
    """stockout_order_query_trade.php: no status or ≥ 95 goes by consign time, below by time of change."""
    floor = platform.floor
    rows = [floor.observed(row) for row in floor.all(platform.prefix)]
    wanted = params.get("status", "")
    if params.get("src_order_no"):
        rows = [row for row in rows if trade_no(row) == params["src_order_no"]]
    elif wanted and int(wanted) < 95:
        start, end = window(params, THIRTY_DAYS)
        rows = [row for row in rows if start <= floor.modified(row).replace(microsecond=0) <= end]
        rows = [row for row in rows if _status(platform, row) == int(wanted)]
    else:
        start, end = window(params, THIRTY_DAYS)
        left = [(row, floor.moments(row).get("shipped")) for row in rows if not row.cancelled_at]
        rows = [row for row, at in left if at and start <= at <= end and (not wanted or int(wanted) == 95)]
    return {
        "total_count": len(rows),
        "stockout_list": [_stockout(platform, row) for row in _page(params, rows)],
    }


def _stockout(platform: WangdiantongQiye, row: Handed) -> dict[str, Any]:
    done = platform.floor.moments(row)
    weight = f"{Decimal(platform.floor.weight_g(row)) / 1000:.4f}" if "weighed" in done else "0.0000"
    return {
        "stockout_id": row.serial, "order_no": stockout_no(row), "src_order_no": trade_no(row), "trade_no": trade_no(row),
        "src_trade_no": row.number, "status": _status(platform, row), "warehouse_no": row.warehouse,
        "shop_no": WANGDIANTONG_QIYE["shop_no"], "weight": weight, "logistics_no": row.waybill,
        "consign_time": beijing(done["shipped"]) if "shipped" in done else "", "error_info": "",
        "modified": beijing(platform.floor.modified(row)),
        "details_list": [
            {"spec_no": line.sku, "goods_count": f"{line.quantity:.4f}", "src_oid": line.ref, "src_tid": row.number}
            for line in row.lines
        ],
    }  # fmt: skip


def _told(found: dict[str, Any]) -> dict[str, Any]:
    return {"total_count": found.get("total_count", 0), "stockin_list": found["order"]}


def stockin_refund(platform: Any, params: dict[str, str]) -> dict[str, Any]:
    """stockin_order_query_refund.php: goods that came back, by time of change (≤ 30 days)."""
    return _told(wangdiantong_stock.returns(platform, [params], params))


def stockin_purchase(platform: Any, params: dict[str, str]) -> dict[str, Any]:
    """stockin_order_query_purchase.php: each purchase arrives whole, a while after it was ordered."""
    return _told(wangdiantong_purchases.receipts(platform, [params], params))


def purchase_orders(platform: Any, params: dict[str, str]) -> dict[str, Any]:
    """purchase_order_query.php: by time of change (≤ 30 days); the states 43 to 48 are this product's own."""
    found = wangdiantong_purchases.orders(platform, [params], params)
    rows = [{**row, "status": 48 if row["status"] == 40 else row["status"]} for row in found["order"]]
    for row in rows:
        row["details_list"] = row.pop("detail_list")
        row["modified"] = beijing(datetime.fromtimestamp(row["modified"] / 1000, UTC))
    return {"total_count": found.get("total_count", 0), "purchase_list": rows}


def sync_query(platform: WangdiantongQiye, params: dict[str, str]) -> dict[str, Any]:
    """logistics_sync_query.php: numbers that the shop has not acknowledged, the oldest `limit` (at most 100)."""
    limit = int(params.get("limit") or 0)
    if params.get("shop_no") != WANGDIANTONG_QIYE["shop_no"]:
        raise Refused("店铺不存在", 1)
    if not 1 <= limit <= 100:
        raise Refused("limit超出范围，最大100", 1)
    rows = [
        {
            "rec_id": row.serial, "shop_no": WANGDIANTONG_QIYE["shop_no"], "tid": row.number, "logistics_no": row.waybill,
            "oids": ",".join(line.ref for line in row.lines), "logistics_type": 0, "logistics_code_erp": row.carrier,
            "logistics_name_erp": row.carrier, "logistics_name": row.carrier, "delivery_term": 1, "is_part_sync": 0,
            "platform_id": 127, "trade_id": row.serial,
            "consign_time": beijing(platform.floor.moments(row)["shipped"]),
        }
        for row in wangdiantong_after.numbers(platform)[:limit]
    ]  # fmt: skip
    return {"trades": rows}


def sync_ack(platform: WangdiantongQiye, params: dict[str, str]) -> dict[str, Any]:
    """logistics_sync_ack.php: `logistics_list` is JSON of {rec_id, status 0 taken · 1 failed, message}."""
    errors = [
        {"rec_id": row.get("rec_id"), "error": "物流同步记录不存在"}
        for row in json.loads(params.get("logistics_list") or "[]")
        if not wangdiantong_after.synced(
            platform, row.get("rec_id"), int(row.get("status", 0)) == 0, row.get("message")
        )
    ]
    return {"errors": errors}


def purchase_push(platform: Any, params: dict[str, str]) -> dict[str, Any]:
    """purchase_order_push.php: `purchase_info` is JSON; our purchase_no is the key."""
    return wangdiantong_purchases.purchase(platform, [json.loads(params.get("purchase_info") or "{}")], {})


METHODS: dict[str, Callable[[WangdiantongQiye, dict[str, str]], dict[str, Any]]] = {
    "stock_query": stock_query,
    "trade_push": trade_push,
    "trade_query": trade_query,
    "stockout_order_query_trade": stockouts,
    "stockin_order_query_refund": stockin_refund,
    "stockin_order_query_purchase": stockin_purchase,
    "purchase_order_push": purchase_push,
    "purchase_order_query": purchase_orders,
    "logistics_sync_query": sync_query,
    "logistics_sync_ack": sync_ack,
}
