"""Warehouse, carrier, book and SMS clients against the sandbox, over real HTTP; its ledger is the judge."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from orderhub.integrations import turns
from orderhub.integrations.errors import PlatformError
from orderhub.integrations.models import Call
from orderhub.testing.sandbox import RunningSandbox
from orderhub.testing.speaking import fresh_sandbox, speak, start_sandbox  # noqa: F401
from orderhub.testing.trades import waiting

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
CARRIER = "ZTO"

# Carriers and traces

PEOPLE = {
    "senderInfo": {"senderName": "仓库", "senderMobile": "13800000000", "senderProvince": "浙江省", "senderCity": "杭州市",
                   "senderDistrict": "余杭区", "senderAddress": "仓前街道1号"},
    "receiveInfo": {"receiverName": "王小明", "receiverMobile": "13912345678", "receiverProvince": "浙江省",
                    "receiverCity": "杭州市", "receiverDistrict": "西湖区", "receiverAddress": "文三路1号"},
}  # fmt: skip


def test_that_zto_gives_one_number_for_one_code(sandbox: RunningSandbox) -> None:
    zto = speak("zto", sandbox)
    first = zto.create_order({"partnerOrderCode": "P-1", **PEOPLE})
    assert first["billCode"] and first["mark"] and first["bagAddr"]
    sandbox.fault("lost_answer", "zto", "zto.open.createOrder", times=1)
    with pytest.raises(PlatformError) as lost:
        zto.create_order({"partnerOrderCode": "P-2", **PEOPLE})
    assert lost.value.kind == "unknown"
    second = zto.order_info("P-2")
    assert second["billCode"] == zto.create_order({"partnerOrderCode": "P-2", **PEOPLE})["billCode"]
    assert zto.order_info(bill_code=first["billCode"])["partnerOrderCode"] == "P-1"
    assert zto.order_info("P-3") is None
    assert zto.track(first["billCode"]) == []
    assert zto.cancel(first["billCode"])
    assert len([row for row in sandbox.ledger("waybill.number", platform="zto") if row["effect"]]) == 2


def test_that_zto_refusals_say_why(sandbox: RunningSandbox) -> None:
    masked = {**PEOPLE, "receiveInfo": {**PEOPLE["receiveInfo"], "receiverName": "王**"}}
    zto = speak("zto", sandbox)
    with pytest.raises(PlatformError) as refused:
        zto.create_order({"partnerOrderCode": "P-1", **masked})
    assert refused.value.kind == "business" and "掩码" in refused.value.message
    wrong = speak("zto", sandbox, code="wrong", secrets={"app_secret": "wrong"})
    with pytest.raises(PlatformError) as unsigned:
        wrong.create_order({"partnerOrderCode": "P-1", **PEOPLE})
    assert (unsigned.value.kind, unsigned.value.code) == ("configuration", "S211")


def test_that_kuaidi100_answers_and_subscribes_once(sandbox: RunningSandbox) -> None:
    kuaidi = speak("kuaidi100", sandbox)
    assert kuaidi.query("zhongtong", "73199999999999", "5678") == {"found": False, "data": []}
    with pytest.raises(PlatformError) as wrong:
        kuaidi.query("nobody", "73199999999999")
    assert wrong.value.kind == "business"
    assert kuaidi.subscribe("zhongtong", "73199999999999", "http://127.0.0.1/cb", "salt", "5678") is True
    assert kuaidi.subscribe("zhongtong", "73199999999999", "http://127.0.0.1/cb", "salt", "5678") is False
    sandbox.fault("deny", "kuaidi100", times=1)
    with pytest.raises(PlatformError) as denied:
        kuaidi.query("zhongtong", "73199999999999")
    assert denied.value.kind == "configuration"


# Warehouses


def test_that_wangdiantong_shows_stock_and_its_bins(sandbox: RunningSandbox) -> None:
    wdt = speak("wangdiantong", sandbox)
    page = wdt.stock(*window_days(29), size=5)
    assert page.rows and page.total is not None and page.total >= len(page.rows)
    some = wdt.stock(spec_nos=[page.rows[0]["spec_no"]])
    assert {row["spec_no"] for row in some.rows} == {page.rows[0]["spec_no"]}
    bins = wdt.stock_bins([row["rec_id"] for row in some.rows])
    assert bins.rows and bins.rows[0]["position_no"]
    wdt.refund_stockins(*window_days(29))
    wdt.purchase_stockins(*window_days(29))
    assert wdt.stockouts(["no-such-order"]) == []


def window_days(days: int) -> tuple[datetime, datetime]:
    now = datetime.now(UTC)
    return now - timedelta(days=days), now


def test_that_wangdiantong_too_fast_is_told_from_refused(sandbox: RunningSandbox) -> None:
    wdt = speak("wangdiantong", sandbox)
    sandbox.fault("quota", "wangdiantong", times=1)
    with pytest.raises(PlatformError) as fast:
        wdt.stock(spec_nos=["x"])
    turns.forget()  # as a minute later
    sandbox.fault("deny", "wangdiantong", times=1)
    with pytest.raises(PlatformError) as denied:
        wdt.stock(spec_nos=["x"])
    assert (fast.value.kind, fast.value.retry_after, denied.value.kind) == ("retry", 60.0, "business")
    sandbox.fault("skew", "wangdiantong", times=1, seconds=900)
    with pytest.raises(PlatformError) as skewed:
        wdt.stock(spec_nos=["x"])
    assert (skewed.value.kind, skewed.value.code) == ("configuration", "7")


def test_that_a_wangdiantong_push_refuses_single_orders(sandbox: RunningSandbox) -> None:
    wdt = speak("wangdiantong", sandbox)
    from orderhub.sandbox.credentials import WANGDIANTONG

    answer = wdt.push_orders(WANGDIANTONG["shop_no"], [{"tid": "T-1"}], [{"tid": "T-1", "oid": "T-1-1"}])
    assert (answer["new"], answer["changed"]) == (0, 0) and answer["errors"]["T-1"]
    with pytest.raises(PlatformError) as shop:
        wdt.push_orders("NO-SUCH-SHOP", [{"tid": "T-1"}], [])
    assert shop.value.kind == "business"


def delivery(sandbox: RunningSandbox, taobao: Any) -> dict[str, Any]:
    from orderhub.sandbox.credentials import QIMEN

    trade = waiting(taobao)[0]
    line = trade["orders"]["order"][0]
    person = {"name": trade["receiver_name"], "mobile": trade["receiver_mobile"], "province": trade["receiver_state"],
              "city": trade["receiver_city"], "area": trade.get("receiver_district"),
              "detailAddress": trade["receiver_address"], "oaid": trade["oaid"]}  # fmt: skip
    return {
        "deliveryOrder": {
            "deliveryOrderCode": f"S-{trade['tid']}", "orderType": "JYCK", "warehouseCode": QIMEN["warehouse_code"],
            "oaidOrderSourceCode": str(trade["tid"]), "createTime": trade["created"], "placeOrderTime": trade["created"],
            "operateTime": trade["created"], "shopNick": "店铺", "logisticsCode": CARRIER, "sourcePlatformCode": "TB",
            "senderInfo": {"name": "仓库", "mobile": "13800000000", "province": "浙江省", "city": "杭州市",
                           "detailAddress": "1号"},
            "receiverInfo": person, "sellerMessage": "轻放 <&> \x07",
        },
        "orderLines": [{"orderLineNo": "1", "ownerCode": QIMEN["owner_code"], "planQty": 1, "inventoryType": "ZP",
                        "itemCode": line.get("outer_sku_id") or line["outer_iid"], "actualPrice": line["price"]}],
        "extendProps": {"printData": "{}"},
    }  # fmt: skip


def test_that_qimen_takes_a_masked_order_once(sandbox: RunningSandbox) -> None:
    qimen = speak("qimen", sandbox)
    order = delivery(sandbox, speak("taobao", sandbox))
    code = order["deliveryOrder"]["deliveryOrderCode"]
    assert qimen.delivery_query(code) is None
    sandbox.fault("lost_answer", "qimen", "deliveryorder.create", times=1)
    with pytest.raises(PlatformError) as lost:
        qimen.delivery_create(order)
    assert lost.value.kind == "unknown"
    found = qimen.delivery_query(code)
    assert found is not None and found["deliveryOrder"]["deliveryOrderCode"] == code
    assert qimen.delivery_create(order) == qimen.delivery_create(order) != ""
    assert len([row for row in sandbox.ledger("wms.order", platform="qimen") if row["effect"]]) == 1
    items = qimen.inventory_query([order["orderLines"][0]["itemCode"]])
    assert items and Decimal(items[0]["quantity"]) >= 0
    with pytest.raises(PlatformError) as refused:
        qimen.order_cancel("no-such-order")
    assert refused.value.kind == "business"


def test_that_qimen_faults_are_told_apart(sandbox: RunningSandbox) -> None:
    qimen = speak("qimen", sandbox)
    kinds = []
    for fault in ("deny", "quota", "expire_token", "html", "skew"):
        sandbox.fault(fault, "qimen", times=1, seconds=3600)
        with pytest.raises(PlatformError) as refused:
            qimen.inventory_query(["x"])
        kinds.append(refused.value.kind)
        turns.forget()  # as a minute later
    assert kinds == ["business", "retry", "configuration", "retry", "configuration"]


# Books and texts


def bill(number: str, amount: Decimal = Decimal("199.10")) -> dict[str, Any]:
    return {
        "FID": 0, "FBillTypeID": {"FNUMBER": "YSD01_SYS"}, "FBillNo": number, "FDATE": "2026-11-20",
        "FENDDATE_H": "2026-11-20", "FCUSTOMERID": {"FNumber": "C001"}, "FCURRENCYID": {"FNumber": "PRE001"},
        "FSETTLEORGID": {"FNumber": "100"}, "FPAYORGID": {"FNumber": "100"}, "FBUSINESSTYPE": "BZ",
        "FEntityDetail": [{"FMATERIALID": {"FNumber": "M001"}, "FPRICEUNITID": {"FNumber": "Pcs"}, "FPriceQty": 1,
                           "FTaxPrice": amount, "FEntryTaxRate": Decimal("13"), "FALLAMOUNTFOR_D": amount}],
        "FEntityPlan": [{"FENDDATE": "2026-11-20", "FPAYRATE": 100, "FPAYAMOUNTFOR": amount}],
    }  # fmt: skip


@pytest.mark.parametrize("auth", ["session", "signed"])
def test_that_a_bill_is_saved_submitted_audited_and_found(sandbox: RunningSandbox, auth: str) -> None:
    kingdee = speak("kingdee", sandbox, code=f"kingdee-{auth}", options={"auth": auth})
    number = f"OH{auth}'1"
    assert kingdee.query("AR_receivable", ["FBillNo"], f"FBillNo={kingdee.quoted(number)}") == []
    saved = kingdee.save("AR_receivable", bill(number))
    assert saved["number"] == number and saved["id"]
    assert kingdee.submit("AR_receivable", [number]) == [number]
    with pytest.raises(PlatformError) as twice:
        kingdee.submit("AR_receivable", [number])
    assert (twice.value.kind, twice.value.code) == ("business", "12")
    assert kingdee.audit("AR_receivable", [number]) == [number]
    rows = kingdee.query("AR_receivable", ["FBillNo", "FDocumentStatus"], f"FBillNo={kingdee.quoted(number)}")
    assert rows == [[number, "C"]]
    assert Decimal(sandbox.ledger("kingdee.audit", number)[0]["body"]["amount"]) == Decimal("199.10")


def test_that_a_lost_kingdee_session_signs_in_once_more(sandbox: RunningSandbox) -> None:
    kingdee = speak("kingdee", sandbox)
    kingdee.save("AR_receivable", bill("OH-1"))
    sandbox.fault("expire_token", "kingdee", times=1)
    assert kingdee.query("AR_receivable", ["FBillNo"], "") == [["OH-1"]]
    wrong = speak("kingdee", sandbox, code="wrong", secrets={"app_secret": "wrong"})
    with pytest.raises(PlatformError) as refused:
        wrong.query("AR_receivable", ["FBillNo"], "")
    assert refused.value.kind == "configuration"
    with pytest.raises(PlatformError) as filtered:
        kingdee.query("NO_SUCH_FORM", ["FBillNo"], "")
    assert filtered.value.kind == "configuration"


def test_that_a_text_is_sent_once_and_found_again(sandbox: RunningSandbox) -> None:
    from orderhub.sandbox.credentials import ALIYUN_SMS

    sms = speak("aliyun_sms", sandbox)
    template = ALIYUN_SMS["template_pickup_overdue"]
    import re

    values = dict.fromkeys(re.findall(r"\$\{(\w+)\}", ALIYUN_SMS["templates"][template]), "3")
    sandbox.fault("lost_answer", "aliyun_sms", "SendSms", times=1)
    with pytest.raises(PlatformError) as lost:
        sms.send("13812345678", ALIYUN_SMS["sign_name"], template, values, "OH-1")
    assert lost.value.kind == "unknown"
    assert [row["OutId"] for row in sms.query("13812345678")] == ["OH-1"]
    assert sms.send("13812345678", ALIYUN_SMS["sign_name"], template, values, "OH-2")
    with pytest.raises(PlatformError) as illegal:
        sms.send("12345", ALIYUN_SMS["sign_name"], template, values, "OH-3")
    sandbox.fault("quota", "aliyun_sms", times=1)
    with pytest.raises(PlatformError) as fast:
        sms.send("13812345678", ALIYUN_SMS["sign_name"], template, values, "OH-4")
    assert (illegal.value.kind, fast.value.kind) == ("business", "retry")
    assert len(sandbox.ledger("sms.sent")) == 2
    shown = " ".join(call.request + call.response for call in Call.objects.filter(platform="aliyun_sms"))
    assert "13812345678" not in shown and ALIYUN_SMS["access_key_secret"] not in shown


def test_that_no_call_row_carries_secrets_or_people(sandbox: RunningSandbox) -> None:
    taobao, zto = speak("taobao", sandbox), speak("zto", sandbox)
    trade = waiting(taobao)[0]
    zto.create_order({"partnerOrderCode": "P-1", **PEOPLE})
    shown = " ".join(call.request + call.response for call in Call.objects.all())
    hidden = [*taobao.connection.secrets.values(), *taobao.connection.token.values(), *zto.connection.secrets.values(),
              trade["oaid"], trade["receiver_name"], trade["receiver_address"], "王小明", "13912345678", "文三路"]  # fmt: skip
    assert [text for text in hidden if text in shown] == []
    assert Call.objects.filter(outcome="ok", ms__gte=0).count() > 3
