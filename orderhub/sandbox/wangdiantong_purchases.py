"""Purchases of the Wangdiantong sandbox: orders to suppliers, what has arrived of them, and the receipts of that.

An order arrives whole a while after it was placed, unless it says otherwise: `arrivals` of its JSON (a word of this
sandbox, for tests and the demo) lists what comes when, as [seconds after, {code: pieces}].
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from orderhub.sandbox import wangdiantong_stock
from orderhub.sandbox.frame import beijing, from_beijing
from orderhub.sandbox.wangdiantong import Page, Refused
from orderhub.sandbox.wangdiantong_orders import argument, window
from orderhub.sandbox.wangdiantong_stock import THIRTY_DAYS

if TYPE_CHECKING:
    from orderhub.sandbox.wangdiantong import Wangdiantong

SUPPLIERS = {"S1": "宁波织造厂", "S2": "佛山家具厂", "S3": "景德镇陶瓷厂"}
Arrival = tuple[datetime, int, dict[str, int]]  # when, which of the order's, pieces by code

#: What is received stands on the dock for so long before it is put away.
ON_THE_DOCK = timedelta(hours=2, minutes=30)


def purchase(platform: Wangdiantong, arguments: list[Any], query: dict[str, str]) -> dict[str, Any]:
    """purchase.PurchaseOrder.createOrder: our purchase_no is the key; the same one again is refused."""
    params = argument(arguments, 0, dict, "params")
    for name in ("provider_no", "receive_warehouse_nos", "expect_warehouse_no", "purchaser_name"):
        if not params.get(name):
            raise Refused(f"字段{name}不能为空")
    wangdiantong_stock.warehouse(str(params["expect_warehouse_no"]))
    lines = params.get("purchase_details") or []
    for line in lines:
        if str(line.get("spec_no")) not in platform.stock.place:
            raise Refused(f"商家编码不存在: {line.get('spec_no')}")
        if not isinstance(line.get("num"), int) or line["num"] < 1:
            raise Refused("采购数量必须为正整数")
    if not lines:
        raise Refused("采购明细不能为空")
    kept = platform.world.ledger.recall_all(platform.prefix, "purchase:")
    code = str(params.get("purchase_no") or f"CG{len(kept) + 1:08d}")
    if f"purchase:{code}" in kept:
        raise Refused(f"采购单号已存在: {code}")
    row = {**params, "purchase_no": code, "at": beijing(platform.world.now())}
    platform.world.ledger.remember(platform.prefix, f"purchase:{code}", row)
    platform.world.ledger.record(platform.prefix, "wms.purchase", code,
                                 {"lines": [[line["spec_no"], line["num"]] for line in lines]})  # fmt: skip
    return {"message": code}


def cancel(platform: Wangdiantong, arguments: list[Any], query: dict[str, str]) -> dict[str, Any]:
    """purchase.PurchaseOrder.pending (stop waiting): what has not come by now will not come any more."""
    for number in argument(arguments, 0, list, "purchaseNos"):
        row = platform.world.ledger.recall(platform.prefix, f"purchase:{number}")
        if row is None:
            raise Refused(f"采购单不存在: {number}")
        now = beijing(platform.world.now())
        platform.world.ledger.remember(platform.prefix, f"purchase:{number}", {**row, "stopped_at": now})
    return {}


def arrivals(platform: Wangdiantong, row: dict[str, Any]) -> list[Arrival]:
    """What has come of an order by now, and was not stopped before it came."""
    whole = {str(line["spec_no"]): int(line["num"]) for line in row["purchase_details"]}
    told = row.get("arrivals") or [[wangdiantong_stock.ARRIVES_AFTER.total_seconds(), whole]]
    end = from_beijing(row["stopped_at"]) if row.get("stopped_at") else platform.world.now()
    placed = from_beijing(row["at"])
    found = [
        (placed + timedelta(seconds=float(after)), place, {str(code): int(n) for code, n in pieces.items()})
        for place, (after, pieces) in enumerate(told, 1)
    ]
    return [arrival for arrival in found if arrival[0] <= min(end, platform.world.now())]


def arrive(platform: Any, number: str) -> dict[str, Any]:
    """The drive `purchase_arrives`: the lorry is here, all of an order is put on the shelf now."""
    row = platform.world.ledger.recall(platform.prefix, f"purchase:{number}")
    if row is None:
        raise ValueError(f"there is no purchase {number!r}")
    since = (platform.world.now() - from_beijing(row["at"])).total_seconds()
    whole = {str(line["spec_no"]): int(line["num"]) for line in row["purchase_details"]}
    platform.world.ledger.remember(
        platform.prefix, f"purchase:{number}", {**row, "arrivals": [[max(0.0, since), whole]]}
    )
    return {"arrived": whole}


def orders(platform: Wangdiantong, arguments: list[Any], query: dict[str, str]) -> dict[str, Any]:
    """purchase.PurchaseOrder.queryWithDetail: by time of change (≤ 30 days) or by number."""
    params, page = argument(arguments, 0, dict, "params"), Page(query, 200)
    span = None if params.get("purchase_no") else window(params, THIRTY_DAYS)
    rows = []
    kept = platform.world.ledger.recall_all(platform.prefix, "purchase:").values()
    for place, row in enumerate(kept, 1):
        come = arrivals(platform, row)
        at = max([from_beijing(row["at"]), *(arrival[0] for arrival in come)])
        if row.get("stopped_at"):
            at = max(at, from_beijing(row["stopped_at"]))
        wanted = str(params.get("purchase_no") or row["purchase_no"]) == row["purchase_no"]
        if wanted and (span is None or span[0] <= at <= span[1]):
            rows.append((at, place, row, come))
    rows.sort(key=lambda entry: (entry[0], entry[1]))
    return {**page.counted(rows), "order": [order(*entry) for entry in page.of(rows)]}


def order(at: datetime, place: int, row: dict[str, Any], come: list[Arrival]) -> dict[str, Any]:
    """One purchase order as the platform prints it: times as milliseconds, quantities with four places."""
    here: dict[str, int] = {}
    for _at, _place, pieces in come:
        for code, n in pieces.items():
            here[code] = here.get(code, 0) + n
    wanted = {str(line["spec_no"]): int(line["num"]) for line in row["purchase_details"]}
    done, begun = all(here.get(code, 0) >= n for code, n in wanted.items()), bool(here)
    stopped = bool(row.get("stopped_at"))
    status = 90 if done or (stopped and begun) else 10 if stopped else 50 if begun else 40
    stamp = int(from_beijing(row["at"]).timestamp() * 1000)
    return {
        "purchase_id": place, "purchase_no": row["purchase_no"], "provider_no": row["provider_no"],
        "provider_name": SUPPLIERS.get(row["provider_no"], row["provider_no"]), "status": status,
        "stockin_status": 3 if stopped else 2 if done else 1 if begun else 0,
        "warehouse_no": row["expect_warehouse_no"], "purchaser_name": row["purchaser_name"], "created": stamp,
        "modified": int(at.timestamp() * 1000), "check_time": row["at"],
        "expect_arrive_time": row.get("expect_arrive_time") or "", "goods_count": sum(wanted.values()),
        "detail_list": [
            {
                "rec_id": place * 100 + i, "purchase_id": place, "spec_no": code, "num": f"{n:.4f}",
                "arrive_num": "0.0000", "stockin_num": f"{here.get(code, 0):.4f}",
                "stopwait_num": f"{max(0, n - here.get(code, 0)) if stopped else 0:.4f}",
                "lack_num": f"{max(0, n - here.get(code, 0)):.4f}",
                "price": str(row["purchase_details"][i].get("price", "0")),
            }
            for i, (code, n) in enumerate(wanted.items())
        ],
    }  # fmt: skip


def receipts(platform: Wangdiantong, arguments: list[Any], query: dict[str, str]) -> dict[str, Any]:
    """wms.stockin.Purchase.queryWithDetail: one receipt for each arrival, by time of change."""
    params, page = argument(arguments, 0, dict, "params"), Page(query, 200)
    start, end = window(params, THIRTY_DAYS)
    rows = []
    for place, row in enumerate(platform.world.ledger.recall_all(platform.prefix, "purchase:").values(), 1):
        for at, which, pieces in arrivals(platform, row):
            if start <= at <= end:
                rows.append((place, which, row, at, pieces))
    shown = [receipt(platform, *entry) for entry in page.of(rows)]
    return {**page.counted(rows), "order": shown}


def receipt(
    platform: Wangdiantong, place: int, which: int, row: dict[str, Any], at: datetime, pieces: dict[str, int]
) -> dict[str, Any]:
    """A finished receipt: on the shelf where the WMS says."""
    house, stamp = row["expect_warehouse_no"], str(int(at.timestamp() * 1000))
    docked = str(int(max(from_beijing(row["at"]), at - ON_THE_DOCK).timestamp() * 1000))
    prices = {str(line["spec_no"]): str(line.get("price", "0")) for line in row["purchase_details"]}
    return {
        "stockin_id": place * 10 + which, "order_no": f"RKCG{place:06d}" + (f"-{which}" if which > 1 else ""),
        "purchase_no": row["purchase_no"], "status": 80, "warehouse_no": house, "provider_no": row["provider_no"],
        "created_time": docked, "check_time": stamp, "modified": beijing(at),
        "details_list": [
            {
                "spec_no": code, "num": f"{n:.4f}", "defect": False, "stockin_price": prices.get(code, "0"),
                "position_no": platform.stock.bins(house, code, 1)[0][1],
            }
            for code, n in pieces.items()
        ],
    }  # fmt: skip
