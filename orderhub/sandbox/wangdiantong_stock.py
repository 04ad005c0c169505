"""The flagship's stock side: quantities per warehouse and bin, goods that came back, purchases that arrived."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from orderhub.sandbox.credentials import WANGDIANTONG
from orderhub.sandbox.frame import beijing
from orderhub.sandbox.places import WAREHOUSES
from orderhub.sandbox.wangdiantong import Page, Refused
from orderhub.sandbox.wangdiantong_orders import argument, trade_no, window

if TYPE_CHECKING:
    from orderhub.sandbox.wangdiantong import Wangdiantong

THIRTY_DAYS = timedelta(days=30)
ARRIVES_AFTER = timedelta(seconds=60)
BASE = 100_000  # rec_id = warehouse's place × BASE + SKU's place


def warehouse(code: str) -> None:
    if code not in WAREHOUSES:
        raise Refused(f"仓库不存在  仓库编号: {code}")


def search(platform: Wangdiantong, arguments: list[Any], query: dict[str, str]) -> dict[str, Any]:
    """wms.StockSpec.search2: by time of change (≤ 30 days) or by codes."""
    params, page = argument(arguments, 0, dict, "params"), Page(query, 1000)
    codes = [str(code) for code in params.get("spec_nos") or []]
    if params.get("warehouse_no"):
        warehouse(params["warehouse_no"])
    houses = [params["warehouse_no"]] if params.get("warehouse_no") else list(WAREHOUSES)
    span = None if codes else window(params, THIRTY_DAYS)
    left, promised, changed = platform.stock.moved()
    rows = []
    for house in houses:
        for sku in codes or platform.stock.skus:
            at = changed.get((house, sku), platform.world.start).replace(microsecond=0)
            if sku in platform.stock.place and (span is None or span[0] <= at <= span[1]):
                rows.append((house, sku, at))
    shown = [
        quantity(platform, house, sku, at, left[house, sku], promised[house, sku])
        for house, sku, at in page.of(rows)
    ]
    return {**page.counted(rows), "detail_list": shown}


def quantity(
    platform: Wangdiantong, house: str, sku: str, at: datetime, left: int, promised: int
) -> dict[str, Any]:
    known = platform.world.catalogue[sku]
    here = platform.stock.opening(house, sku) - left
    stamp = int(at.timestamp() * 1000)
    return {
        "rec_id": list(WAREHOUSES).index(house) * BASE + platform.stock.place[sku] + 1,
        "spec_no": sku,
        "goods_no": sku,
        "goods_name": known.name,
        "barcode": sku,
        "warehouse_no": house,
        "warehouse_name": WAREHOUSES[house].name,
        "warehouse_type": WAREHOUSES[house].kind,
        "defect": False,
        "stock_num": f"{here:.4f}",
        "sending_num": f"{promised:.4f}",
        "available_send_stock": f"{here - promised:.4f}",
        **dict.fromkeys(
            ("order_num", "lock_num", "unpay_num", "subscribe_num", "purchase_num", "transfer_num"), "0.0000"
        ),
        "wms_sync_stock": f"{here:.4f}" if WAREHOUSES[house].kind else "0.0000",
        "wms_sync_time": beijing(platform.world.now()) if WAREHOUSES[house].kind else "",
        "weight": f"{known.weight_g / 1000:.4f}",
        "status": 1,
        "created": int(platform.world.start.timestamp() * 1000) - 86_400_000 * 90,
        "modified": stamp,
    }


def details(platform: Wangdiantong, arguments: list[Any], query: dict[str, str]) -> dict[str, Any]:
    """wms.StockSpec.stockDetailSearch: the bins of one or several rec_id."""
    params = argument(arguments, 0, dict, "params")
    text = str(params.get("stock_spec_id_list") or params.get("stock_spec_id") or "")
    ids = text.split(",")
    if not all(part.strip().isdigit() for part in ids):
        raise Refused("库存id格式错误")
    left, promised, _ = platform.stock.moved()
    rows = []
    for rec_id in (int(part) for part in ids):
        at, place = divmod(rec_id - 1, BASE)
        if rec_id < 1 or at >= len(WAREHOUSES) or place >= len(platform.stock.skus):
            continue
        house, sku = list(WAREHOUSES)[at], platform.stock.skus[place]
        rest = promised[house, sku]
        here = platform.stock.opening(house, sku) - left[house, sku]
        for zone, position, count in platform.stock.bins(house, sku, here):
            taken = min(rest, count)
            rest -= taken
            rows.append({
                "stock_spec_id": rec_id, "warehouse_no": house, "zone_no": zone, "position_no": position,
                "stock_num": f"{count:.4f}", "reserve_num": f"{taken:.4f}", "batch_no": "", "expire_date": "",
                "production_date": "",
            })  # fmt: skip
    return {"total_count": len(rows), "detail_list": rows}


def returns(platform: Wangdiantong, arguments: list[Any], query: dict[str, str]) -> dict[str, Any]:
    """wms.stockin.Refund.queryWithDetail: goods that came back; time_type 0 by change, 1 by receipt."""
    params, page = argument(arguments, 0, dict, "params"), Page(query, 1000)
    start, end = window(params, THIRTY_DAYS)
    rows = []
    for row in platform.floor.all(platform.prefix):
        back = platform.floor.returned(row)
        if back is None:
            continue
        modified = max(back, datetime.fromisoformat(row.accepted_at).replace(microsecond=0))
        refund_no = refund_of(platform, row.number)
        at = back if str(params.get("time_type") or 0) == "1" else modified
        wanted = str(params.get("refund_no") or refund_no) == refund_no
        wanted = wanted and params.get("warehouse_no") in (None, "", row.warehouse)
        if start <= at <= end and wanted and "80" in str(params.get("status") or "80").split(","):
            rows.append((row, back, modified, refund_no))
    shown = []
    for row, back, modified, refund_no in page.of(rows):
        if not platform.world.ledger.find("return.receipt", refund_no, platform.prefix):
            lines = [[line.sku, line.quantity] for line in row.lines]
            platform.world.ledger.record(
                platform.prefix, "return.receipt", refund_no, {"tid": row.number, "lines": lines}
            )
        shown.append(receipt(platform, row, back, modified, refund_no))
    return {**page.counted(rows), "order": shown}


def refund_of(platform: Wangdiantong, tid: str) -> str:
    """The refund's number as the shop gave it, else one of the warehouse's own."""
    for key, order in platform.world.ledger.recall_all(platform.prefix, "refund:").items():
        if str(order["tid"]) == tid and int(order["type"]) == 2:
            return key.split(":")[1]
    return f"TK{tid}"


def receipt(
    platform: Wangdiantong, row: Any, back: datetime, modified: datetime, refund_no: str
) -> dict[str, Any]:
    stamp = str(int(back.timestamp() * 1000))
    goods = sum(line.quantity for line in row.lines)
    return {
        "stockin_id": row.serial, "order_no": f"RK{row.serial:08d}", "status": 80, "attach_type": 3,
        "warehouse_no": row.warehouse, "warehouse_name": WAREHOUSES[row.warehouse].name, "refund_no": refund_no,
        "src_order_no": refund_no, "shop_no": WANGDIANTONG["shop_no"], "tid_list": row.number,
        "trade_no_list": trade_no(row), "process_status": 80, "type": 2, "goods_count": f"{goods:.4f}",
        "total_goods_stockin_num": f"{goods:.4f}", "created_time": stamp, "check_time": stamp, "logistics_no": "",
        "logistics_name": "", "reason": "七天无理由退货", "remark": "", "created": beijing(back),
        "modified": beijing(modified),
        "details_list": [
            {
                "rec_id": row.serial * 100 + place, "stockin_id": row.serial, "spec_no": line.sku, "goods_no": line.sku,
                "goods_name": line.name, "num": f"{line.quantity:.4f}", "stockin_num": f"{line.quantity:.4f}",
                "expect_num": f"{line.quantity:.4f}", "defect": False, "tid": row.number,
                "position_no": platform.stock.bins(row.warehouse, line.sku, 1)[0][1] if line.sku in platform.stock.place else "",
                "batch_no": "", "expire_date": "", "production_date": "",
                "refund_order_detail_list": [{"tid": row.number, "oid": line.ref, "spec_no": line.sku,
                                              "stockin_num": f"{line.quantity:.4f}"}],
            }
            for place, line in enumerate(row.lines)
        ],
    }  # fmt: skip


def warehouses(platform: Wangdiantong, arguments: list[Any], query: dict[str, str]) -> dict[str, Any]:
    """setting.Warehouse.queryWarehouse."""
    rows = [
        {
            "warehouse_no": house.code,
            "name": house.name,
            "type": 125 if house.kind else 1,
            "is_disabled": False,
        }
        for house in WAREHOUSES.values()
    ]
    return {"total_count": len(rows), "details": rows}
