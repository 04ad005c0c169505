"""Qimen's warehouse side over real HTTP, confirms included."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from xml.etree import ElementTree

import pytest

from orderhub.sandbox.qimen_xml import signature
from orderhub.sandbox.tests.served import Listener, Served, served

SECRET = "sandbox-qimen-secret"
TAKEN = b"<response><flag>success</flag><code>0</code><message/></response>"
BEIJING = timezone(timedelta(hours=8))


@pytest.fixture(scope="module")
def box() -> Iterator[Served]:
    with served("qimen") as made:
        yield made


@pytest.fixture
def ear() -> Iterator[Listener]:
    made = Listener([TAKEN])
    yield made
    made.close()


def sign(query: dict[str, str], body: str, secret: str = SECRET) -> str:
    text = secret + "".join(k + v for k, v in sorted(query.items()) if k != "sign") + body + secret
    return hashlib.md5(text.encode()).hexdigest().upper()


def wall(at: datetime) -> str:
    return at.astimezone(BEIJING).strftime("%Y-%m-%d %H:%M:%S")


def call(box: Served, method: str, body: str, secret: str = SECRET) -> ElementTree.Element:
    query = {"method": f"taobao.qimen.{method}", "timestamp": wall(box.world.now()), "format": "xml",
             "app_key": "23000002", "v": "2.0", "sign_method": "md5", "customerId": "c1700000000001"}  # fmt: skip
    query["sign"] = sign(query, body, secret)
    answer = box.http.post("/qimen/router/qimen/service", params=query, content=body.encode(),
                           headers={"Content-Type": "text/xml;charset=utf-8"})  # fmt: skip
    return ElementTree.fromstring(answer.content)


def order_xml(
    order: Any, code: str, oaid: str = "1oaid", mobile: str = "1**********", house: str = "YH01"
) -> str:
    at, to = wall(order.paid_at), order.receiver
    lines = "".join(
        f"<orderLine><orderLineNo>{place}</orderLineNo><ownerCode>QINGCHUAN</ownerCode><itemCode>{line.sku}</itemCode>"
        f"<planQty>{line.quantity}</planQty><actualPrice>{line.unit_price}</actualPrice></orderLine>"
        for place, line in enumerate(order.lines, 1)
    )
    return (
        f"<request><deliveryOrder><deliveryOrderCode>{code}</deliveryOrderCode><orderType>JYCK</orderType>"
        f"<warehouseCode>{house}</warehouseCode><createTime>{at}</createTime><placeOrderTime>{at}</placeOrderTime>"
        f"<operateTime>{at}</operateTime><shopNick>晴川家居旗舰店</shopNick><logisticsCode>ZTO</logisticsCode>"
        f"<expressCode>73{order.seq:012d}</expressCode><sourcePlatformCode>TB</sourcePlatformCode>"
        f"<oaidOrderSourceCode>{order.number}</oaidOrderSourceCode><senderInfo><name>晴川家居</name></senderInfo>"
        f"<receiverInfo><name>{to.name[:1]}**</name><mobile>{mobile}</mobile><province>{to.province}</province>"
        f"<city>{to.city}</city><area>{to.district}</area><detailAddress>****</detailAddress><oaid>{oaid}</oaid>"
        f"</receiverInfo></deliveryOrder><orderLines>{lines}</orderLines>"
        f"<extendProps><printData>{{}}</printData></extendProps></request>"
    )


def fresh(box: Served, days: float) -> Any:
    used = {row["body"].get("source") for row in box.world.ledger.all("wms.order")}
    return next(
        order for order in box.world.of("taobao")
        if order.paid_at and not order.scenario and order.number not in used
        and box.world.now() - order.paid_at > timedelta(days=days)
    )  # fmt: skip


def said(root: ElementTree.Element, path: str) -> str:
    return root.findtext(path) or ""


def test_that_the_published_vector_is_reproduced() -> None:
    query = {"app_key": "12345678", "customerId": "C0001", "format": "xml", "method": "taobao.qimen.inventory.query",
             "sign_method": "md5", "timestamp": "2026-01-02 03:04:05", "v": "2.0"}  # fmt: skip
    body = "<request><criteriaList/></request>"
    assert signature("orderhubsecret", query, body) == "7F22C003F1FA76393F7CA85DB7AAB4EC"


def test_that_an_order_is_taken_once_whatever_is_repeated(box: Served) -> None:
    order = fresh(box, 1)
    first, second = (call(box, "deliveryorder.create", order_xml(order, "D-1")) for _ in range(2))
    assert said(first, "flag") == "success" and said(first, "deliveryOrderId") == said(
        second, "deliveryOrderId"
    )
    assert len(box.effects("wms.order", "D-1")) == 1 and len(box.world.ledger.find("wms.order", "D-1")) == 2
    assert box.effects("wms.order", "D-1")[0]["body"]["source"] == order.number


def test_that_a_forged_or_plain_or_oaidless_order_is_refused(box: Served) -> None:
    order = fresh(box, 1)
    assert (
        said(call(box, "deliveryorder.create", order_xml(order, "D-2"), "other"), "code")
        == "sign-check-failure"
    )
    assert "oaid" in said(call(box, "deliveryorder.create", order_xml(order, "D-2", oaid="")), "message")
    plain = call(box, "deliveryorder.create", order_xml(order, "D-2", mobile="13800138000"))
    assert (said(plain, "flag"), "掩码" in said(plain, "message")) == ("failure", True)
    assert "仓库不存在" in said(
        call(box, "deliveryorder.create", order_xml(order, "D-2", house="XX")), "message"
    )
    assert said(call(box, "deliveryorder.create", "<request>"), "flag") == "failure"
    assert not box.effects("wms.order", "D-2")


def test_that_an_old_order_is_confirmed_with_its_old_times_weight_and_number(
    box: Served, ear: Listener
) -> None:
    order = fresh(box, 6)
    call(box, "deliveryorder.create", order_xml(order, "D-3"))
    done = box.control("drive", what="qimen_confirms", target=ear.url, code="wms", numbers=["D-3"], wait=True)
    assert done["result"] == {"pushed": 1, "idle": True}
    ((path, _, body),) = ear.heard
    parts = urlsplit(path)
    query = dict(parse_qsl(parts.query))
    assert parts.path == "/callbacks/qimen/wms" and query["method"] == "deliveryorder.confirm"
    assert query["sign"] == sign(query, body.decode())
    root = ElementTree.fromstring(body)
    assert said(root, "deliveryOrder/status") == "DELIVERED" and said(root, "deliveryOrder/outBizCode")
    assert said(root, "packages/package/expressCode") == f"73{order.seq:012d}"
    grams = float(said(root, "packages/package/weight")) * 1000
    goods = sum(box.world.catalogue[line.sku].weight_g * line.quantity for line in order.lines)
    assert goods * 0.98 + 39 < grams < goods * 1.02 + 121
    times = [
        said(root, f"extendProps/{name}")
        for name in ("waveTime", "pickTime", "packTime", "printTime", "weighTime")
    ]
    assert wall(order.paid_at) < times[0] and sorted(times) == times
    assert (
        times[-1] < said(root, "deliveryOrder/orderConfirmTime") < wall(box.world.now() - timedelta(days=3))
    )
    assert len(box.effects("wms.weight", "D-3")) == 1
    box.control("drive", what="qimen_confirms", target=ear.url, numbers=["D-3"], wait=True)
    assert len(ear.heard) == 1, "what was taken is not sent again"


def test_that_confirms_are_repeated_until_they_are_taken(box: Served) -> None:
    ear = Listener([b"<response><flag>failure</flag></response>", TAKEN])
    try:
        call(box, "deliveryorder.create", order_xml(fresh(box, 5), "D-4"))
        box.control("drive", what="qimen_confirms", target=ear.url, numbers=["D-4"], wait=True)
        assert len(ear.heard) == 2 and ear.heard[0][2] == ear.heard[1][2]
    finally:
        ear.close()


def test_that_a_duplicate_and_a_late_older_state_come_on_request(box: Served, ear: Listener) -> None:
    call(box, "deliveryorder.create", order_xml(fresh(box, 5), "D-5"))
    box.control("drive", what="qimen_confirms", target=ear.url, numbers=["D-5"], duplicate=True, out_of_order=True,
                wait=True)  # fmt: skip
    roots = [ElementTree.fromstring(body) for _, _, body in ear.heard]
    assert [said(root, "deliveryOrder/status") for root in roots] == ["DELIVERED", "DELIVERED", "ACCEPT"]
    codes = [said(root, "deliveryOrder/outBizCode") for root in roots]
    assert codes[0] == codes[1] != codes[2]


def test_that_a_shipped_order_cannot_be_cancelled(box: Served) -> None:
    call(box, "deliveryorder.create", order_xml(fresh(box, 5), "D-6"))
    cancel = "<request><warehouseCode>YH01</warehouseCode><orderCode>{}</orderCode></request>"
    assert "已发货" in said(call(box, "order.cancel", cancel.format("D-6")), "message")
    assert "不存在" in said(call(box, "order.cancel", cancel.format("D-none")), "message")
    assert not box.effects("wms.cancel", "D-6")


def test_that_steps_and_stock_can_be_asked_for(box: Served) -> None:
    order = fresh(box, 5)
    call(box, "deliveryorder.create", order_xml(order, "D-7"))
    asked = "<request><orderType>JYCK</orderType><orderCode>D-7</orderCode></request>"
    steps = [node.text for node in call(box, "orderprocess.query", asked).iter("processStatus")]
    assert steps == ["ACCEPT", "OTHER", "PICK", "PACKAGE", "PRINT", "WEIGH", "DELIVERED"]
    state = call(box, "deliveryorder.query", "<request><orderCode>D-7</orderCode></request>")
    assert said(state, "deliveryOrder/status") == "DELIVERED"
    criteria = (
        f"<criteria><itemCode>{order.lines[0].sku}</itemCode><warehouseCode>YH01</warehouseCode></criteria>"
    )
    stock = call(box, "inventory.query", f"<request><criteriaList>{criteria}</criteriaList></request>")
    assert int(said(stock, "items/item/quantity")) > 0


def test_that_goods_that_came_back_are_confirmed_once(box: Served, ear: Listener) -> None:
    numbers = [n for n in box.world.scenarios.get("return", []) if box.world.schedule(n).returned is not None]
    order = box.world.orders[numbers[0]]
    assert box.world.schedule(order.number).returned < box.world.now(), "the scenario lies in the past"
    call(box, "deliveryorder.create", order_xml(order, "D-8"))
    announce = (
        "<request><returnOrder><returnOrderCode>RET-8</returnOrderCode><preDeliveryOrderCode>D-8</preDeliveryOrderCode>"
        "<warehouseCode>YH01</warehouseCode><logisticsCode>ZTO</logisticsCode></returnOrder><orderLines><orderLine>"
        f"<ownerCode>QINGCHUAN</ownerCode><itemCode>{order.lines[0].sku}</itemCode><planQty>1</planQty></orderLine>"
        "</orderLines></request>"
    )
    assert said(call(box, "returnorder.create", announce), "flag") == "success"
    for _ in range(2):
        box.control("drive", what="qimen_confirms", target=ear.url, numbers=["D-8"], wait=True)
    methods = [dict(parse_qsl(urlsplit(path).query))["method"] for path, _, _ in ear.heard]
    assert sorted(methods) == ["deliveryorder.confirm", "returnorder.confirm"]
    root = ElementTree.fromstring(next(body for path, _, body in ear.heard if "returnorder" in path))
    assert (
        said(root, "returnOrder/returnOrderCode") == "RET-8"
        and said(root, "orderLines/orderLine/actualQty") == "1"
    )
    assert len(box.effects("return.receipt", "RET-8")) == 1


def test_that_a_sandbox_with_a_target_pushes_by_itself(ear: Listener) -> None:
    with served("qimen", orders=120, target=ear.url) as box:
        call(box, "deliveryorder.create", order_xml(fresh(box, 5), "D-9"))
        for _ in range(600):
            if ear.heard:
                break
            time.sleep(0.1)
        assert ear.heard and ear.heard[0][0].startswith("/callbacks/qimen/qimen?")
