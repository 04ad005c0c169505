"""The flagship's aftermath: refunds that stop an order, and numbers that the shop has to acknowledge."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from orderhub.sandbox.credentials import WANGDIANTONG
from orderhub.sandbox.frame import beijing
from orderhub.sandbox.places import CARRIERS
from orderhub.sandbox.wangdiantong import Page, Refused
from orderhub.sandbox.wangdiantong_orders import argument, shop
from orderhub.sandbox.warehouse import Handed

if TYPE_CHECKING:
    from orderhub.sandbox.wangdiantong import Wangdiantong

REFUND = ("refund_no", "tid", "oid", "num", "type", "status", "refund_amount")


def refunds(platform: Wangdiantong, arguments: list[Any], query: dict[str, str]) -> dict[str, Any]:
    """aftersales.refund.RawRefund.upload2: a refund that was asked for stops an order that is still here."""
    shop(arguments)
    orders = argument(arguments, 1, list, "order_list")
    if len(orders) > 100:
        raise Refused("单次推送不能超过100单")
    counts, errors = {True: 0, False: 0}, []
    for order in orders:
        missing = [name for name in REFUND if order.get(name) in (None, "")]
        row = platform.floor.get(platform.prefix, str(order.get("tid")))
        if missing or row is None:
            errors.append(
                {
                    "no": str(order.get("refund_no")),
                    "error": f"字段{missing[0]}不能为空" if missing else "原始单不存在",
                }
            )
            continue
        key = f"{order['refund_no']}:{order['oid']}"
        new = platform.world.ledger.recall(platform.prefix, f"refund:{key}") is None
        platform.world.ledger.remember(
            platform.prefix, f"refund:{key}", {**order, "at": beijing(platform.world.now())}
        )
        platform.world.ledger.record(platform.prefix, "wms.refund", key, {"tid": row.number, "status": order["status"]},
                                     effect=new)  # fmt: skip
        if int(order["type"]) in (0, 1) and int(order["status"]) in (2, 5):
            platform.floor.keep(replace(row, block=row.block | (1 if int(order["status"]) == 2 else 2)))
        counts[new] += 1
    return {"new_count": counts[True], "chg_count": counts[False], "error_list": errors}


def sync_list(platform: Wangdiantong, arguments: list[Any], query: dict[str, str]) -> list[dict[str, Any]]:
    """sales.LogisticsSync.getSyncListExt: numbers that the shop has not yet acknowledged."""
    params, page = argument(arguments, 0, dict, "params"), Page(query, 1000)
    if params.get("shop_no") not in (None, "", WANGDIANTONG["shop_no"]):
        raise Refused(f"店铺不存在: {params['shop_no']}")
    waiting = [
        {
            "sync_id": row.serial, "tid": row.number, "oids": ",".join(line.ref for line in row.lines),
            "logistics_no": row.waybill, "logistics_code": row.carrier,
            "logistics_name": CARRIERS.get(row.carrier, ("", ""))[1], "is_part_sync": 0, "platform_id": 127,
            "trade_id": row.serial, "created": beijing(platform.floor.moments(row)["shipped"]),
        }
        for row in numbers(platform)
    ]  # fmt: skip
    return page.of(waiting)


def sync_update(platform: Wangdiantong, arguments: list[Any], query: dict[str, str]) -> dict[str, Any]:
    """sales.LogisticsSync.update: 0 taken and 2 failed end it, −100 lets the number come again."""
    errors = []
    for sync in argument(arguments, 0, list, "syncList"):
        status = int(sync.get("status", 0))
        if status in (0, 2) and not synced(platform, sync.get("sync_id"), status == 0, sync.get("error_msg")):
            errors.append({"no": str(sync.get("sync_id")), "error": "物流同步记录不存在"})
    return {"error_list": errors}


def numbers(platform: Any) -> list[Handed]:
    """What left with a number that the shop has neither taken nor refused, the oldest first; both products."""
    return [
        row
        for row in map(platform.floor.observed, platform.floor.all(platform.prefix))
        if platform.floor.stage(row) == "shipped" and "synced" not in row.told
    ]


def synced(platform: Any, serial: Any, taken: bool, text: Any) -> bool:
    """A number's acknowledgement, in the ledger: once an effect, again none. False for a number of nobody."""
    row = next((r for r in platform.floor.all(platform.prefix) if r.serial == int(serial or 0)), None)
    if row is None:
        return False
    body = {"taken": taken, "text": str(text or ""), "waybill": row.waybill}
    platform.world.ledger.record(
        platform.prefix, "wms.synced", row.number, body, effect="synced" not in row.told
    )
    if "synced" not in row.told:
        platform.floor.keep(replace(row, told=(*row.told, "synced")))
    return True
