"""The flagship's side over real HTTP."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from orderhub.sandbox.tests.served import Served, compact, served
from orderhub.sandbox.warehouse import Floor

BEIJING = timezone(timedelta(hours=8))
SECRET, SALT = "sandbox-wdt-secret", "sandbox-wdt-salt"


@pytest.fixture(scope="module")
def box() -> Iterator[Served]:
    with served("wangdiantong") as made:
        yield made


def call(box: Served, method: str, *args: Any, sign: str = "", age: int = 0, **paging: Any) -> dict[str, Any]:
    body = compact(list(args))
    query = {"sid": "sandbox", "key": "sandbox-wdt", "salt": SALT, "method": method, "v": "1.0",
             "timestamp": str(int(time.time()) - 1325347200 - age), **{k: str(v) for k, v in paging.items()}}  # fmt: skip
    text = SECRET + "".join(k + v for k, v in sorted({**query, "body": body}.items())) + SECRET
    query["sign"] = sign or hashlib.md5(text.encode()).hexdigest()
    return box.http.post("/wangdiantong/openapi", params=query, content=body.encode()).json()


def wall(at: datetime) -> str:
    return at.astimezone(BEIJING).strftime("%Y-%m-%d %H:%M:%S")


def trade(order: Any, **changes: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    lines = [
        {"tid": order.number, "oid": line.line_id, "status": 30, "refund_status": 0, "goods_id": line.sku,
         "spec_id": line.sku, "goods_no": line.sku, "spec_no": line.sku, "goods_name": line.title, "num": line.quantity,
         "price": str(line.unit_price), "discount": 0, "share_discount": 0, "total_amount": str(line.total),
         "adjust_amount": 0, "refund_amount": 0, "remark": "", "json": ""}
        for line in order.lines
    ]  # fmt: skip
    head = {
        "tid": order.number, "process_status": 10, "trade_status": 30, "refund_status": 0, "pay_status": 2,
        "order_count": len(lines), "goods_count": sum(line["num"] for line in lines), "pay_method": 7,
        "trade_time": wall(order.created_at), "pay_time": wall(order.paid_at), "end_time": None, "buyer_nick": "无",
        "receiver_name": order.receiver.name, "receiver_area":
            f"{order.receiver.province} {order.receiver.city} {order.receiver.district}",
        "receiver_address": order.receiver.address, "receiver_mobile": order.receiver.phone, "post_amount": 0,
        "discount": 0, "receivable": str(order.payable), "delivery_term": 1, "is_auto_wms": True,
        "warehouse_no": "HZ01", "cust_data": "ZTO", "logistics_no": f"73{order.seq:012d}",
    }  # fmt: skip
    return {**head, **changes}, lines


def own(box: Served, days: float) -> Any:
    """The next unused own-shop order that was paid at least (or for negative days at most) so long ago."""
    used = {row["key"] for row in box.world.ledger.all("wms.order")} | Floor.of(box.world).refusing
    for order in box.world.of("own_shop"):
        if order.number in used or order.paid_at is None or order.scenario:
            continue
        age = box.world.now() - order.paid_at
        if (age > timedelta(days=days)) if days > 0 else (age < timedelta(days=-days)):
            return order
    raise LookupError(f"no order paid {days} days ago")


def push(box: Served, *trades: tuple[dict[str, Any], list[dict[str, Any]]]) -> dict[str, Any]:
    heads, lines = [head for head, _ in trades], [line for _, rows in trades for line in rows]
    said = call(box, "sales.RawTrade.pushSelf2", "OWN-SHOP", heads, lines)
    assert said["status"] == 0, said
    return said["data"]


def stockout(box: Served, tid: str) -> dict[str, Any]:
    said = call(box, "wms.stockout.Sales.queryWithDetail", {"src_tid": tid}, page_size=10, page_no=0)
    assert said["data"]["total_count"] == 1, said
    return said["data"]["order"][0]


def test_that_a_wrong_signature_an_old_clock_and_an_unknown_method_are_refused(box: Served) -> None:
    assert call(box, "wms.StockSpec.search2", {"spec_nos": ["x"]}, sign="0" * 32)["message"] == "签名错误"
    assert call(box, "wms.StockSpec.search2", {"spec_nos": ["x"]}, age=121)["status"] == 7
    assert call(box, "wms.StockPositionSearch", {})["status"] == 1


def test_that_an_order_paid_ten_days_ago_is_shipped_at_once_with_old_times(box: Served) -> None:
    order = own(box, 6)
    assert push(box, trade(order)) == {"new_count": 1, "chg_count": 0, "error_list": []}
    row = stockout(box, order.number)
    assert (row["status"], row["consign_status"], row["logistics_print_status"]) == (110, 51, 2)
    assert (
        row["logistics_no"] == f"73{order.seq:012d}" and row["logistics_list"][0]["weight"] == row["weight"]
    )
    times = [row[name] for name in ("picklist_time", "pick_time", "examine_time", "print_time", "weigh_time")]
    assert wall(order.paid_at) < times[0] and sorted(times) == times and times[-1] < row["consign_time"]
    assert row["consign_time"] < wall(box.world.now() - timedelta(days=3))
    assert row["modified"] > wall(box.world.now() - timedelta(minutes=5)), (
        "the record changed when it was handed over"
    )
    goods = sum(box.world.catalogue[line.sku].weight_g * line.quantity for line in order.lines)
    assert goods * 0.98 + 39 < float(row["weight"]) * 1000 < goods * 1.02 + 121
    assert len(box.effects("wms.weight", order.number)) == 1
    stockout(box, order.number)
    assert len(box.effects("wms.weight", order.number)) == 1


def test_that_pushing_the_same_order_again_is_an_update_and_no_second_effect(box: Served) -> None:
    order = own(box, 1)
    push(box, trade(order))
    assert push(box, trade(order, remark="易碎"))["chg_count"] == 1
    assert len(box.effects("wms.order", order.number)) == 1
    assert len(box.world.ledger.find("wms.order", order.number)) == 2


def test_that_one_bad_order_fails_and_the_others_are_taken(box: Served) -> None:
    good = own(box, 2)
    others = [o for o in box.world.of("own_shop") if o.paid_at and not o.scenario and o.number != good.number]
    masked = trade(others[-1], receiver_name="王**")
    short = trade(others[-2], receiver_mobile="1380000")
    said = push(box, trade(good), masked, short)
    assert said["new_count"] == 1
    assert {row["no"]: row["error"] for row in said["error_list"]} == {
        others[-1].number: "收件人信息不能含有掩码字符", others[-2].number: "收件人手机号必须为11位",
    }  # fmt: skip
    assert not box.effects("wms.order", others[-1].number)


def test_that_a_repeated_line_number_fails_the_second_order(box: Served) -> None:
    first = own(box, 1)
    push(box, trade(first))
    second = own(box, 1)
    head, lines = trade(second)
    said = push(box, (head, [{**lines[0], "oid": first.lines[0].line_id}, *lines[1:]]))
    assert said["error_list"][0]["error"].startswith("订单货品数量不一致")
    assert not box.effects("wms.order", second.number)


def test_that_a_shipped_order_cannot_be_cancelled_and_a_fresh_one_can(box: Served) -> None:
    old = own(box, 5)
    push(box, trade(old))
    closing = {"trade_status": 80, "refund_status": 3, "process_status": 70}
    assert push(box, trade(old, **closing))["error_list"][0]["error"] == "订单已发货，无法取消"
    fresh = own(box, -0.3)
    head, lines = trade(fresh, pay_time=wall(box.world.now()))
    push(box, (head, lines))
    if stockout(box, fresh.number)["status"] != 110:
        assert push(box, ({**head, **closing}, lines))["chg_count"] == 1
        assert stockout(box, fresh.number)["status"] == 5
        assert len(box.effects("wms.cancel", fresh.number)) == 1


def test_that_windows_and_pages_have_limits(box: Served) -> None:
    now = box.world.now()
    long = {"start_time": wall(now - timedelta(minutes=61)), "end_time": wall(now), "status_type": 0}
    assert (
        "60分钟" in call(box, "wms.stockout.Sales.queryWithDetail", long, page_size=10, page_no=0)["message"]
    )
    assert call(box, "wms.stockout.Sales.queryWithDetail", {}, page_size=10, page_no=0)["status"] == 100
    over = call(box, "wms.StockSpec.search2", {"spec_nos": ["x"]}, page_size=1001, page_no=0)
    assert over["status"] == 100
    heads = [trade(order) for order in list(box.world.of("own_shop"))[:1] if order.paid_at] * 101
    said = call(box, "sales.RawTrade.pushSelf2", "OWN-SHOP", [head for head, _ in heads], [])
    assert said["message"] == "单次推送不能超过100单"
    assert call(box, "sales.RawTrade.pushSelf2", "TAOBAO", [], [])["status"] == 100


def test_that_polling_by_change_finds_what_was_handed_over_just_now(box: Served) -> None:
    order = own(box, 4)
    push(box, trade(order))
    now = box.world.now()
    asked = {"start_time": wall(now - timedelta(minutes=30)), "end_time": wall(now + timedelta(seconds=5)),
             "status_type": 3, "status": "110"}  # fmt: skip
    said = call(box, "wms.stockout.Sales.queryWithDetail", asked, page_size=200, page_no=0)
    assert order.number in {row["src_trade_no"] for row in said["data"]["order"]}
    asked["status_type"] = 2  # not yet sent
    said = call(box, "wms.stockout.Sales.queryWithDetail", asked, page_size=200, page_no=0)
    assert 110 not in {row["status"] for row in said["data"]["order"]}


def test_that_stock_adds_up_over_bins_and_falls_by_what_was_shipped(box: Served) -> None:
    order = own(box, 5)
    sku, count = (
        order.lines[0].sku,
        sum(line.quantity for line in order.lines if line.sku == order.lines[0].sku),
    )
    ask = lambda: call(box, "wms.StockSpec.search2", {"spec_nos": [sku]}, page_size=10, page_no=0)["data"]  # noqa: E731
    before = ask()
    assert {row["warehouse_no"] for row in before["detail_list"]} == {"HZ01", "JX01", "YH01"}
    push(box, trade(order))
    here, was = (
        next(r for r in rows["detail_list"] if r["warehouse_no"] == "HZ01") for rows in (ask(), before)
    )
    assert float(was["stock_num"]) - float(here["stock_num"]) == count
    bins = call(box, "wms.StockSpec.stockDetailSearch", {"stock_spec_id_list": str(here["rec_id"])})["data"][
        "detail_list"
    ]
    assert sum(float(row["stock_num"]) for row in bins) == float(here["stock_num"])
    assert bins[0]["position_no"].startswith(bins[0]["zone_no"])
    assert call(box, "wms.StockSpec.search2", {"spec_nos": [sku], "warehouse_no": "XX"})[
        "message"
    ].startswith("仓库不存在")


def test_that_one_order_is_refused_by_its_first_warehouse_and_taken_by_another(box: Served) -> None:
    number = next(iter(Floor.of(box.world).refusing))
    order = box.world.orders[number]
    assert "拒单" in push(box, trade(order))["error_list"][0]["error"]
    assert "拒单" in push(box, trade(order))["error_list"][0]["error"]
    assert not box.effects("wms.order", number)
    assert push(box, trade(order, warehouse_no="YH01"))["new_count"] == 1


def test_that_a_wrong_weight_comes_for_its_scenario(box: Served) -> None:
    order = box.world.orders[box.world.scenarios["weight_off"][0]]
    push(box, trade(order))
    goods = sum(box.world.catalogue[line.sku].weight_g * line.quantity for line in order.lines)
    row = stockout(box, order.number)
    assert row["weight"] == "0.0000" or float(row["weight"]) * 1000 > goods * 2


def test_that_numbers_are_offered_until_they_are_acknowledged(box: Served) -> None:
    order = own(box, 5)
    push(box, trade(order))
    ask = lambda: call(box, "sales.LogisticsSync.getSyncListExt", {"shop_no": "OWN-SHOP", "is_own_platform": True},  # noqa: E731
                       page_size=1000, page_no=0)["data"]  # fmt: skip
    mine = next(row for row in ask() if row["tid"] == order.number)
    call(
        box, "sales.LogisticsSync.update", [{"sync_id": mine["sync_id"], "status": -100, "error_msg": "再试"}]
    )
    assert mine["sync_id"] in {row["sync_id"] for row in ask()}
    call(box, "sales.LogisticsSync.update", [{"sync_id": mine["sync_id"], "status": 0}])
    assert mine["sync_id"] not in {row["sync_id"] for row in ask()}


def test_that_a_refund_asked_for_blocks_the_stockout(box: Served) -> None:
    order = own(box, 1)
    push(box, trade(order))
    refund = {"refund_no": f"T{order.number}", "tid": order.number, "oid": order.lines[0].line_id, "num": 1, "type": 1,
              "status": 2, "refund_amount": 1}  # fmt: skip
    said = call(
        box, "aftersales.refund.RawRefund.upload2", "OWN-SHOP", [refund, {**refund, "tid": "nobody"}]
    )["data"]
    assert said["new_count"] == 1 and said["error_list"][0]["error"] == "原始单不存在"
    assert stockout(box, order.number)["block_reason"] == 1


def test_that_goods_that_came_back_are_received_once_with_old_times(box: Served) -> None:
    order = box.world.orders[box.world.scenarios["return"][0]]
    back = box.world.schedule(order.number).returned
    assert back < box.world.now(), "the scenario lies in the past"
    push(box, trade(order))
    now = box.world.now()
    asked = {"start_time": wall(now - timedelta(minutes=5)), "end_time": wall(now + timedelta(seconds=5))}
    for _ in range(2):
        said = call(box, "wms.stockin.Refund.queryWithDetail", asked, page_size=50, page_no=0)["data"]
        (row,) = [row for row in said["order"] if row["tid_list"] == order.number]
    assert row["status"] == 80 and int(row["check_time"]) // 1000 == int(back.timestamp())
    assert [(d["spec_no"], float(d["num"])) for d in row["details_list"]] == [
        (x.sku, x.quantity) for x in order.lines
    ]
    assert len(box.effects("return.receipt", row["refund_no"])) == 1
    asked["start_time"] = wall(now - timedelta(days=31))
    assert (
        "30天" in call(box, "wms.stockin.Refund.queryWithDetail", asked, page_size=50, page_no=0)["message"]
    )


def test_that_a_purchase_arrives_once(box: Served) -> None:
    sku = next(iter(box.world.catalogue))
    wanted = {"purchase_no": "PO-1", "provider_no": "S1", "receive_warehouse_nos": "HZ01", "expect_warehouse_no": "HZ01",
              "purchaser_name": "采购", "purchase_details": [{"spec_no": sku, "num": 12, "price": "3.5"}]}  # fmt: skip
    assert call(box, "purchase.PurchaseOrder.createOrder", wanted)["data"]["message"] == "PO-1"
    assert call(box, "purchase.PurchaseOrder.createOrder", wanted)["message"].startswith("采购单号已存在")
    assert len(box.effects("wms.purchase", "PO-1")) == 1


def test_that_the_quota_of_calls_answers_as_the_platform_does(box: Served) -> None:
    box.control("quota", platform="wangdiantong", limit=1, seconds=60)
    try:
        call(box, "setting.Warehouse.queryWarehouse", {})
        assert call(box, "setting.Warehouse.queryWarehouse", {})["message"] == "超过每分钟最大调用频率限制"
    finally:
        box.control("quota", platform="wangdiantong", limit=0)
