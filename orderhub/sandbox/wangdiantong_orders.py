"""The flagship's sales side: pushed orders in, stock-outs with weight and number back, refunds, numbers to report."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from orderhub.sandbox.credentials import WANGDIANTONG
from orderhub.sandbox.frame import beijing, from_beijing
from orderhub.sandbox.places import CARRIERS, WAREHOUSES
from orderhub.sandbox.wangdiantong import Page, Refused
from orderhub.sandbox.warehouse import REFUSAL, Handed, Line

if TYPE_CHECKING:
    from orderhub.sandbox.wangdiantong import Wangdiantong

MOBILE = re.compile(r"^1\d{10}$")
TRADE = (
    "tid", "process_status", "trade_status", "refund_status", "pay_status", "order_count", "goods_count", "pay_method",
    "trade_time", "buyer_nick", "receiver_name", "receiver_address", "receiver_mobile", "post_amount", "discount",
    "receivable", "delivery_term", "is_auto_wms",
)  # fmt: skip
LINE = (
    "tid", "oid", "status", "refund_status", "goods_id", "spec_id", "goods_no", "spec_no", "goods_name", "num", "price",
    "discount", "share_discount", "total_amount", "adjust_amount",
)  # fmt: skip
PRESENT = ("refund_amount", "remark", "json")  # must be sent, may be empty
STATUS = {
    "accepted": 65, "waved": 75, "picked": 79, "packed": 70, "printed": 70, "weighed": 70, "shipped": 110, "cancelled": 5,
}  # fmt: skip
BITS = {"picked": 16, "packed": 1, "printed": 32, "weighed": 2}
LOG = {"waved": 61, "picked": 133, "packed": 100, "printed": 91, "weighed": 102, "shipped": 105}
TIMES = {"waved": "picklist_time", "picked": "pick_time", "packed": "examine_time", "printed": "print_time",
         "weighed": "weigh_time"}  # fmt: skip


def number(value: Any) -> Decimal:
    try:
        return Decimal(str(value))
    except InvalidOperation as error:
        raise Refused(f"数值格式错误: {value}") from error


def argument(arguments: list[Any], place: int, kind: type, name: str) -> Any:
    if len(arguments) <= place or not isinstance(arguments[place], kind):
        raise Refused(f"参数{name}缺失或类型错误", 1)
    return arguments[place]


def shop(arguments: list[Any]) -> str:
    code = argument(arguments, 0, str, "shop_no")
    if code != WANGDIANTONG["shop_no"]:
        raise Refused(f"店铺不存在或不是自有平台店铺: {code}")
    return str(code)


def push(platform: Wangdiantong, arguments: list[Any], query: dict[str, str]) -> dict[str, Any]:
    """sales.RawTrade.pushSelf2: orders are judged one by one, so some may fail while others are taken."""
    shop_no = shop(arguments)
    trades, lines = (
        argument(arguments, 1, list, "rawTradeList"),
        argument(arguments, 2, list, "rawTradeOrderList"),
    )
    if len(trades) > 100:
        raise Refused("单次推送不能超过100单")
    counts, errors = {True: 0, False: 0}, []
    for trade in trades:
        tid = str(trade.get("tid") or "")
        own = [line for line in lines if str(line.get("tid")) == tid]
        with platform.floor.lock:
            problem, new = take(platform, shop_no, trade, own)
        if problem:
            errors.append({"no": tid, "error": problem})
        else:
            counts[new] += 1
    return {"new_count": counts[True], "chg_count": counts[False], "error_list": errors}


def take(
    platform: Wangdiantong, shop_no: str, trade: dict[str, Any], lines: list[dict[str, Any]]
) -> tuple[str, bool]:
    """One order: what is wrong with it ("" for nothing), and whether it is new."""
    problem = flaw(platform, trade, lines)
    if problem:
        return problem, False
    tid, ledger = str(trade["tid"]), platform.world.ledger
    if int(trade["trade_status"]) in (80, 90) or int(trade["process_status"]) == 70:
        return stop(platform, tid)
    warehouse = str(trade.get("warehouse_no") or "") if trade["is_auto_wms"] else ""
    if platform.floor.get(platform.prefix, tid) is None and platform.floor.refuses(
        tid, warehouse, str(trade.get("remark") or "")
    ):
        return REFUSAL, False
    carrier, _, waybill = str(trade.get("cust_data") or "").partition(":")
    waybill = str(trade.get("logistics_no") or waybill)
    wanted = [
        Line(str(row["oid"]), str(row["spec_no"]), str(row["goods_name"]), float(row["num"])) for row in lines
    ]
    paid = from_beijing(trade["pay_time"]) if trade.get("pay_time") else None
    old = platform.floor.get(platform.prefix, tid)
    row, new = platform.floor.accept(
        platform.prefix, tid, warehouse=warehouse, carrier=carrier, waybill=waybill, paid_at=paid, lines=wanted,
        extra={"trade": trade, "shop_no": shop_no, "prices": {str(r["oid"]): str(r["price"]) for r in lines}},
        source=next((word for word in str(trade.get("remark") or "").split() if word in platform.world.orders), ""),
    )  # fmt: skip
    if old is not None:
        changed = any(
            old.extra["trade"].get(k) != trade.get(k)
            for k in ("receiver_name", "receiver_mobile", "receiver_address")
        )
        block = (4 if changed else 0) | (1 if int(trade["refund_status"]) in (1, 2) else 0)
        if block:
            platform.floor.keep(replace(row, block=row.block | block))
    for line in wanted:
        ledger.remember(platform.prefix, f"oid:{line.ref}", tid)
    ledger.record(
        platform.prefix, "wms.order", tid,
        {
            "source": row.source, "warehouse": row.warehouse, "waybill": row.waybill, "carrier": row.carrier,
            "lines": [[line.sku, line.quantity] for line in wanted],
        },
        effect=new,
    )  # fmt: skip
    return "", new


def stop(platform: Wangdiantong, tid: str) -> tuple[str, bool]:
    said = platform.floor.cancel(platform.prefix, tid)
    if said == "shipped":
        return "订单已发货，无法取消", False
    if said != "unknown":
        platform.world.ledger.record(platform.prefix, "wms.cancel", tid, {}, effect=said == "cancelled")
    return "", said == "unknown"


def flaw(platform: Wangdiantong, trade: dict[str, Any], lines: list[dict[str, Any]]) -> str:
    """The first thing that is wrong with an order, in the platform's words."""
    for name in TRADE:
        if trade.get(name) in (None, ""):
            return f"字段{name}不能为空"
    if "end_time" not in trade or "warehouse_no" not in trade:
        return "字段end_time、warehouse_no必须传入"
    if len(str(trade["tid"])) > 40:
        return "字段tid长度超过40"
    if "*" in f"{trade['receiver_name']}{trade['receiver_mobile']}{trade['receiver_address']}":
        return "收件人信息不能含有掩码字符"
    if not MOBILE.match(str(trade["receiver_mobile"])):
        return "收件人手机号必须为11位"
    if len(str(trade.get("receiver_area") or "").split(" ")) != 3 and not trade.get("receiver_district_no"):
        return "省市区必须以空格分隔为三段"
    if trade["is_auto_wms"] and trade["warehouse_no"] not in WAREHOUSES:
        return f"仓库不存在  仓库编号: {trade['warehouse_no']}"
    carrier = str(trade.get("cust_data") or "").partition(":")[0]
    if carrier and carrier not in CARRIERS:
        return f"物流编号不存在: {carrier}"
    closing = int(trade["trade_status"]) in (80, 90)
    if int(trade["pay_status"]) != 2 and not closing:
        return "未付款订单不能递交"
    if int(trade["order_count"]) != len(lines) or not lines:
        return "子订单个数与明细不一致"
    for line in lines:
        for name in LINE:
            if line.get(name) in (None, ""):
                return f"明细字段{name}不能为空"
        missing = [name for name in PRESENT if name not in line]
        if missing:
            return f"明细字段{missing[0]}必须传入"
        if str(line["spec_no"]) not in platform.world.catalogue:
            return f"商家编码不存在: {line['spec_no']}"
        owner = platform.world.ledger.recall(platform.prefix, f"oid:{line['oid']}")
        if owner not in (None, str(trade["tid"])):
            return f"订单货品数量不一致{line['oid']}"
    if len({str(line["oid"]) for line in lines}) != len(lines):
        return f"订单货品数量不一致{trade['tid']}"
    try:
        if number(trade["goods_count"]) != sum(number(line["num"]) for line in lines):
            return "货品总数量与明细不一致"
        for name in ("trade_time", "pay_time"):
            if trade.get(name):
                from_beijing(trade[name])
    except (Refused, ValueError) as error:
        return f"字段格式错误: {error}"
    return ""


def window(params: dict[str, Any], most: timedelta) -> tuple[datetime, datetime]:
    """start_time and end_time, within the longest span."""
    try:
        start, end = from_beijing(str(params.get("start_time"))), from_beijing(str(params.get("end_time")))
    except ValueError as error:
        raise Refused("start_time、end_time不能为空，格式为yyyy-MM-dd HH:mm:ss") from error
    if end < start or end - start > most:
        minutes = int(most.total_seconds() // 60)
        span = f"{minutes}分钟" if minutes <= 60 else f"{most.days}天"
        raise Refused(f"查询时间跨度不能超过{span}")
    return start, end


def trade_no(row: Handed) -> str:
    return f"JY{row.accepted_at[:10].replace('-', '')}{row.serial:06d}"


def stockout_no(row: Handed) -> str:
    return f"CK{row.accepted_at[:10].replace('-', '')}{row.serial:06d}"


def stockouts(platform: Wangdiantong, arguments: list[Any], query: dict[str, str]) -> dict[str, Any]:
    """wms.stockout.Sales.queryWithDetail: by one number without times, else at most 60 minutes."""
    params, page = argument(arguments, 0, dict, "params"), Page(query, 1000)
    floor = platform.floor
    rows = [floor.observed(row) for row in floor.all(platform.prefix)]
    keys = {
        "stockout_no": stockout_no, "src_order_no": trade_no,
        "logistics_no": lambda row: row.waybill, "src_tid": lambda row: row.number,
    }  # fmt: skip
    given = [name for name in keys if params.get(name)]
    for name in given:
        if "," in str(params[name]):
            raise Refused(f"{name}不支持多个单号")
        rows = [row for row in rows if keys[name](row) == str(params[name])]
    if not given:
        rows = in_time(platform, rows, params)
    if params.get("warehouse_no"):
        rows = [row for row in rows if row.warehouse == params["warehouse_no"]]
    rows.sort(key=floor.modified, reverse=int(params.get("order_type") or 0) == 1)
    picks = str(params.get("need_pick_position") or 0) == "1"
    return {**page.counted(rows), "order": [stockout(platform, row, picks) for row in page.of(rows)]}


def in_time(platform: Wangdiantong, rows: list[Handed], params: dict[str, Any]) -> list[Handed]:
    start, end = window(params, timedelta(minutes=60))
    kind, wanted = int(params.get("status_type") or 0), str(params.get("status") or "")
    floor = platform.floor
    if kind == 0 or (kind == 3 and not wanted):
        consigned = ((row, floor.moments(row).get("shipped")) for row in rows)
        return [row for row, at in consigned if at and start <= at <= end and not row.cancelled_at]
    rows = [row for row in rows if start <= floor.modified(row).replace(microsecond=0) <= end]
    if kind == 3:
        return [row for row in rows if str(STATUS[floor.stage(row)]) in wanted.split(",")]
    if kind == 1:
        return [row for row in rows if floor.stage(row) == "cancelled"]
    return [row for row in rows if floor.stage(row) not in ("cancelled", "shipped")]


def stockout(platform: Wangdiantong, row: Handed, picks: bool = False) -> dict[str, Any]:
    """One stock-out as the platform tells it; empty texts stand for what has not happened."""
    floor, trade = platform.floor, row.extra["trade"]
    done, stage, house = floor.moments(row), floor.stage(row), WAREHOUSES[row.warehouse]
    weight = f"{Decimal(floor.weight_g(row)) / 1000:.4f}" if "weighed" in done else "0.0000"
    goods = sum(line.quantity for line in row.lines)
    carrier = row.carrier or ("ZTO" if row.waybill else "")
    shown: dict[str, Any] = {
        "stockout_id": row.serial,
        "order_no": stockout_no(row),
        "src_order_no": trade_no(row),
        "trade_no": trade_no(row),
        "src_trade_no": row.number,
        "order_type": 1,
        "trade_type": 1,
        "trade_from": 5,
        "platform_id": 127,
        "shop_no": row.extra["shop_no"],
        "warehouse_no": house.code,
        "warehouse_name": house.name,
        "warehouse_type": 125 if house.kind else 1,
        "status": STATUS[stage],
        "trade_status": 5 if stage == "cancelled" else (95 if stage == "shipped" else 55),
        "consign_status": sum(bit for name, bit in BITS.items() if name in done),
        "block_reason": row.block,
        "goods_count": f"{goods:.4f}",
        "goods_type_count": len(row.lines),
        "weight": weight,
        "logistics_no": row.waybill,
        "logistics_code": carrier,
        "logistics_name": CARRIERS.get(carrier, ("", ""))[1],
        "logistics_print_status": 2 if "printed" in done else 0,
        "picklist_no": f"FJ{done['waved']:%Y%m%d%H}{row.warehouse}" if "waved" in done else "",
        "receiver_name": trade["receiver_name"],
        "receiver_mobile": trade["receiver_mobile"],
        "receiver_area": trade.get("receiver_area", ""),
        "receiver_address": trade["receiver_address"],
        "trade_time": millis(trade.get("trade_time")),
        "pay_time": millis(trade.get("pay_time")),
        "receivable": str(trade["receivable"]),
        "post_amount": str(trade["post_amount"]),
        "created": str(int(datetime.fromisoformat(row.accepted_at).timestamp() * 1000)),
        "modified": beijing(floor.modified(row)),
        "error_info": "",
        "logistics_list": [parcel(row, weight, carrier)] if row.waybill and "printed" in done else [],
        "details_list": [detail(platform, row, line, place, picks) for place, line in enumerate(row.lines)],
        **{name: beijing(done[at]) if at in done else "" for at, name in TIMES.items()},
    }
    if "shipped" in done:
        shown["consign_time"] = beijing(done["shipped"])
    return shown


def millis(text: Any) -> str:
    return str(int(from_beijing(str(text)).timestamp() * 1000)) if text else ""


def parcel(row: Handed, weight: str, carrier: str) -> dict[str, Any]:
    return {
        "rec_id": row.serial, "stockout_id": row.serial, "logistics_no": row.waybill, "weight": weight,
        "calc_weight": weight, "package_name": "纸箱", "logistics_name": CARRIERS.get(carrier, ("", ""))[1],
        "postage": "3.2000", "length": "30.0000", "width": "20.0000", "height": "15.0000", "volume": "9000.0000",
        "remark": "",
    }  # fmt: skip


def detail(platform: Wangdiantong, row: Handed, line: Line, place: int, picks: bool) -> dict[str, Any]:
    known = platform.world.catalogue.get(line.sku)
    shown: dict[str, Any] = {
        "rec_id": row.serial * 100 + place, "stockout_id": row.serial, "src_tid": row.number, "src_oid": line.ref,
        "spec_no": line.sku, "goods_no": line.sku, "goods_name": line.name, "goods_count": f"{line.quantity:.4f}",
        "sell_price": row.extra["prices"].get(line.ref, "0"), "refund_status": 0,
        "weight": f"{(known.weight_g if known else 100) * line.quantity / 1000:.4f}",
    }  # fmt: skip
    if picks and known:
        zone, position, _ = platform.stock.bins(row.warehouse, line.sku, 1)[0]
        shown["position_list"] = [
            {"position_no": position, "zone_no": zone, "position_goods_count": shown["goods_count"]}
        ]
    return shown


def trades(platform: Wangdiantong, arguments: list[Any], query: dict[str, str]) -> dict[str, Any]:
    """sales.TradeQuery.querySelfOrderWithDetail: pushed orders with their receivers."""
    params, page = argument(arguments, 0, dict, "params"), Page(query, 200)
    rows = platform.floor.all(platform.prefix)
    keys = {"src_tid": lambda row: row.number, "trade_no": trade_no, "logistics_no": lambda row: row.waybill}
    given = [name for name in keys if params.get(name)]
    for name in given:
        rows = [row for row in rows if keys[name](row) == str(params[name])]
    if not given:
        start, end = window(params, timedelta(minutes=60))
        rows = [row for row in rows if start <= platform.floor.modified(row).replace(microsecond=0) <= end]
    shown = []
    for row in page.of(rows):
        whole = stockout(platform, platform.floor.observed(row))
        shown.append(
            {
                **{name: whole[name] for name in (
                    "trade_no", "trade_status", "shop_no", "warehouse_no", "receiver_name", "receiver_mobile",
                    "receiver_area", "receiver_address", "logistics_no", "logistics_code", "goods_count", "modified",
                    "receivable")},
                "src_tids": row.number,
                "stockout_no": whole["order_no"],
                "refund_status": 1 if row.block & 1 else 0,
                "bad_reason": 0,
                "detail_list": [
                    {"src_tid": row.number, "src_oid": line.ref, "spec_no": line.sku, "num": f"{line.quantity:.4f}"}
                    for line in row.lines
                ],
            }
        )  # fmt: skip
    return {**page.counted(rows), "order": shown}


def log(platform: Wangdiantong, arguments: list[Any], query: dict[str, str]) -> dict[str, Any]:
    """sales.TradeQuery.getLog: who did what when with one order."""
    wanted = str(argument(arguments, 0, dict, "params").get("trade_no") or "")
    row = next((row for row in platform.floor.all(platform.prefix) if trade_no(row) == wanted), None)
    if row is None:
        raise Refused("订单不存在或无店铺权限")
    accepted = datetime.fromisoformat(row.accepted_at)
    steps = [(accepted, "系统", 1), (accepted, "系统", 3), (accepted, "系统", 45)]
    steps += [(at, "仓管员", LOG[name]) for name, at in platform.floor.moments(row).items()]
    return {
        "detail_list": [{"created": beijing(at), "shortname": who, "type": kind} for at, who, kind in steps]
    }
