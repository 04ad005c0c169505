"""Clients made by others speak to the sandbox: what they accept, our own clients were right to accept as well."""

from __future__ import annotations

import contextlib
import io
import json
import time
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from orderhub.integrations import signing_rsa
from orderhub.integrations.errors import Forged, PlatformError
from orderhub.integrations.registry import client
from orderhub.sandbox.credentials import (
    ALIPAY,
    ALIYUN_SMS,
    DOUYIN,
    KINGDEE,
    TAOBAO,
    WANGDIANTONG_QIYE,
    WECHATPAY,
)
from orderhub.testing.connections import connection
from orderhub.testing.sandbox import RunningSandbox, running_sandbox
from orderhub.testing.speaking import ORDERS, SEED, fresh_sandbox, speak, start_sandbox  # noqa: F401
from orderhub.testing.trades import window

pytestmark = [pytest.mark.sdk, pytest.mark.django_db]
FORM = "AR_receivable"


def test_that_py_taobao_open_reads_a_trade_that_we_read_alike(sandbox: RunningSandbox) -> None:
    import taobao_open
    from taobao_open.api.base import RestApi, TopException

    class Sold(RestApi):  # type: ignore[misc]
        def getapiname(self) -> str:
            return "taobao.trades.sold.get"

    class FullInfo(RestApi):  # type: ignore[misc]
        def getapiname(self) -> str:
            return "taobao.trade.fullinfo.get"

    parts = urlsplit(sandbox.url)
    app = taobao_open.appinfo(TAOBAO["app_key"], TAOBAO["app_secret"])

    def asked(kind: type, session: str = str(TAOBAO["session"]), **params: Any) -> dict[str, Any]:
        request = kind(parts.hostname, parts.port)
        request.set_app_info(app)
        for name, value in params.items():
            setattr(request, name, value)
        return request.getResponse(session)

    with mounted_at_root(sandbox, "taobao") as port:
        parts = urlsplit(f"http://127.0.0.1:{port}")
        sold = asked(Sold, fields="tid,status", page_no=1, page_size=5)["trades_sold_get_response"]
        tid = str(sold["trades"]["trade"][0]["tid"])
        theirs = asked(FullInfo, tid=tid, fields="tid,status,payment,orders", include_oaid="include_oaid")
        with pytest.raises(TopException) as refused:
            asked(FullInfo, session="wrong", tid=tid, fields="tid")
    assert refused.value.errorcode == 27
    ours, _raw = speak("taobao", sandbox).fullinfo(tid)
    for name, value in theirs["trade_fullinfo_get_response"]["trade"].items():
        assert json.dumps(ours[name], default=str) == json.dumps(value, default=str)
    # The other client names no types, so the platform leaves some trades out; we name them all.
    assert speak("taobao", sandbox, code="count").created_count(*window()) > sold["total_results"] > 0


@contextlib.contextmanager
def mounted_at_root(sandbox: RunningSandbox, platform: str) -> Any:
    """A port whose root is one platform of the sandbox: this client knows a host and a port but no path before it."""
    import threading
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    class Relay(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {"content-type": self.headers.get("content-type", "")}
            answer = httpx.post(
                f"{sandbox.url_of(platform)}{self.path}", content=body, headers=headers, trust_env=False
            )
            self.send_response(answer.status_code)
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, *args: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Relay)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


def test_that_doudian_gets_its_token_and_reads_an_order_that_we_read_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import doudian

    monkeypatch.setenv("TZ", "Asia/Shanghai")  # it sends the wall clock of where it runs
    time.tzset()
    app = doudian.DouDian(DOUYIN["app_key"], DOUYIN["app_secret"], doudian.AppType.TOOL)
    try:
        with running_sandbox(
            tmp_path, seed=SEED, orders=ORDERS, mix="douyin=100", platforms="douyin"
        ) as sandbox:
            app._gate_way = sandbox.url_of("douyin")
            page = httpx.get(
                f"{sandbox.url_of('douyin')}/authorize?service_id={DOUYIN['service_id']}&auto=1",
                trust_env=False,
            )
            assert app.init_token(httpx.URL(page.headers["location"]).params["code"])
            found = app.request(
                "/order/searchList", {"size": 5, "page": 0, "order_by": "create_time", "order_asc": False}
            )
            number = found["data"]["shop_order_list"][0]["order_id"]
            theirs = app.request("/order/orderDetail", {"shop_order_id": number})
            refused = app.request("/order/orderDetail", {"shop_order_id": "1"})
            token = {"access_token": app._token["access_token"]}
            ours, _raw = speak("douyin", sandbox, token=token).detail(number)
    finally:
        monkeypatch.undo()
        time.tzset()
    assert found["err_no"] == 0 and found["data"]["total"] > 5
    assert theirs["data"]["shop_order_detail"] == ours
    assert refused["err_no"] == 50002 and refused["data"] is None


def test_that_doudian_accepts_the_sandbox_messages_that_we_accept() -> None:
    import doudian

    from orderhub.sandbox import douyin_signing

    app = doudian.DouDian(DOUYIN["app_key"], DOUYIN["app_secret"], doudian.AppType.TOOL)
    body = json.dumps([{"tag": "101", "msg_id": "1", "data": '{"p_id":6}'}]).encode()
    sign = douyin_signing.event(DOUYIN["app_key"], body.decode(), DOUYIN["app_secret"])
    assert app.callback({"app-id": DOUYIN["app_key"], "event-sign": sign}, body) == json.loads(body)
    assert app.callback({"app-id": DOUYIN["app_key"], "event-sign": sign[::-1]}, body) is None
    ours = client(connection("douyin", "http://127.0.0.1:9", save=False))
    assert ours.event_is_ours(DOUYIN["app_key"], sign, body)


def test_that_taobaopy_reads_what_we_read(sandbox: RunningSandbox) -> None:
    from taobaopy.taobao import TaoBaoAPIClient

    parts = urlsplit(sandbox.url)
    taobao = TaoBaoAPIClient(TAOBAO["app_key"], TAOBAO["app_secret"], domain=parts.netloc + "/taobao")
    answer = taobao.trades_sold_get(session=TAOBAO["session"], fields="tid", page_no=1, page_size=3)
    theirs = [str(row["tid"]) for row in answer["trades_sold_get_response"]["trades"]["trade"]]
    assert theirs == [str(row["tid"]) for row in speak("taobao", sandbox).created_page(*window(), 1, 3)]


def test_that_the_kingdee_sdk_and_we_see_one_book(sandbox: RunningSandbox) -> None:
    from k3cloud_webapi_sdk.main import K3CloudApiSdk

    server = f"{sandbox.url_of('kingdee')}/K3Cloud/"
    sdk = K3CloudApiSdk(server)
    said = io.StringIO()
    with contextlib.redirect_stdout(said):  # the SDK prints
        sdk.InitConfig(
            KINGDEE["acct_id"], KINGDEE["username"], KINGDEE["app_id"], KINGDEE["app_secret"], server,
            KINGDEE["lcid"], int(KINGDEE["org"]),
        )  # fmt: skip
        theirs = json.loads(sdk.Save(FORM, {"Model": bill("SDK-1")}))
    assert theirs["Result"]["ResponseStatus"]["IsSuccess"] is True, theirs
    kingdee = speak("kingdee", sandbox)
    keys = ["FBillNo", "FDocumentStatus"]
    assert kingdee.query(FORM, keys, f"FBillNo={kingdee.quoted('SDK-1')}") == [["SDK-1", "A"]]
    assert kingdee.save(FORM, bill("OURS-1"))["number"] == "OURS-1"
    assert kingdee.submit(FORM, ["OURS-1"]) == ["OURS-1"]
    asked = {"FormId": FORM, "FieldKeys": ",".join(keys), "FilterString": "FBillNo='OURS-1'", "Limit": 10}
    with contextlib.redirect_stdout(said):
        rows = sdk.ExecuteBillQuery(asked)
    assert (json.loads(rows) if isinstance(rows, str) else rows) == [["OURS-1", "B"]]
    assert {row["key"] for row in sandbox.ledger("kingdee.save")} == {"SDK-1", "OURS-1"}


def bill(number: str) -> dict[str, Any]:
    return {
        "FID": 0, "FBillTypeID": {"FNUMBER": "YSD01_SYS"}, "FBillNo": number, "FDATE": "2026-11-20",
        "FENDDATE_H": "2026-11-20", "FCUSTOMERID": {"FNumber": "C001"}, "FCURRENCYID": {"FNumber": "PRE001"},
        "FSETTLEORGID": {"FNumber": "100"}, "FPAYORGID": {"FNumber": "100"}, "FBUSINESSTYPE": "BZ",
        "FEntityDetail": [{"FMATERIALID": {"FNumber": "M001"}, "FPRICEUNITID": {"FNumber": "Pcs"}, "FPriceQty": 1,
                           "FTaxPrice": 59.5, "FEntryTaxRate": 13, "FALLAMOUNTFOR_D": 59.5}],
        "FEntityPlan": [{"FENDDATE": "2026-11-20", "FPAYRATE": 100, "FPAYAMOUNTFOR": 59.5}],
    }  # fmt: skip


def paid_order() -> Any:
    from orderhub.sandbox.world import World  # the same seed gives the same world

    orders = World(seed=SEED, orders=ORDERS).orders.values()
    return next(o for o in orders if o.channel == "own_shop" and o.paid_at and not o.scenario)


def sdk(url: str = "https://unused.example/gateway.do") -> Any:
    from alipay import AliPay

    made = AliPay(
        appid=ALIPAY["app_id"], app_notify_url=None, app_private_key_string=ALIPAY["app_private_key"],
        alipay_public_key_string=ALIPAY["alipay_public_key"], sign_type="RSA2",
    )  # fmt: skip
    made._gateway = url
    return made


def test_that_the_alipay_sdk_verifies_what_the_sandbox_signs_and_so_do_we(sandbox: RunningSandbox) -> None:
    from orderhub.sandbox.alipay import notify
    from orderhub.sandbox.world import World

    form = notify(World(seed=SEED, orders=ORDERS), paid_order())
    unsigned = {name: value for name, value in form.items() if name != "sign"}
    alipay = speak("alipay", sandbox)
    assert sdk().verify(dict(unsigned), form["sign"]) and alipay.verify_notify(form)
    altered = {**form, "total_amount": "0.01"}
    assert not sdk().verify({k: v for k, v in altered.items() if k != "sign"}, altered["sign"])
    assert not alipay.verify_notify(altered)
    assert not alipay.verify_notify({**form, "app_id": "2021000000000009"})


def test_that_the_alipay_sdk_asks_the_sandbox_as_we_do(sandbox: RunningSandbox) -> None:
    number = paid_order().number
    theirs = sdk(f"{sandbox.url_of('alipay')}/gateway.do").api_alipay_trade_query(out_trade_no=number)
    ours = speak("alipay", sandbox).trade_query(number)
    assert theirs["code"] == "10000" and theirs["trade_status"] == ours["trade_status"] == "TRADE_SUCCESS"
    assert Decimal(theirs["total_amount"]) == Decimal(ours["total_amount"])


def test_that_the_alipay_sdk_verifies_our_request_signature() -> None:
    params = {"app_id": ALIPAY["app_id"], "method": "alipay.trade.query", "charset": "utf-8", "sign_type": "RSA2",
              "timestamp": time.strftime("%Y-%m-%d %H:%M:%S"), "biz_content": '{"out_trade_no":"收纳箱"}'}  # fmt: skip
    signature = signing_rsa.alipay_request_sign(str(ALIPAY["app_private_key"]), params)
    signed = dict(parse_qsl(sdk().sign_data(dict(params)), keep_blank_values=True))
    assert signed["sign"] == signature


def wechat_sdk(address: str = "") -> Any:
    from wechatpayv3 import WeChatPay, WeChatPayType

    made = WeChatPay(
        wechatpay_type=WeChatPayType.JSAPI, mchid=WECHATPAY["mchid"], private_key=WECHATPAY["merchant_private_key"],
        cert_serial_no=WECHATPAY["merchant_serial"], apiv3_key=WECHATPAY["api_v3_key"], appid=WECHATPAY["appid"],
        public_key=WECHATPAY["platform_public_key"], public_key_id=WECHATPAY["platform_key_id"],
    )  # fmt: skip
    if address:
        made._core._gate_way = address
    return made


def test_that_wechatpayv3_verifies_and_opens_what_the_sandbox_sends_and_so_do_we(
    sandbox: RunningSandbox,
) -> None:
    from orderhub.sandbox.wechatpay import notify
    from orderhub.sandbox.world import World

    world = World(7, 60)
    order = next(o for o in world.of("own_shop") if o.paid_at and not o.scenario)
    headers, body = notify(world, order)
    wechat = speak("wechatpay", sandbox)
    theirs = wechat_sdk().callback(headers, body)
    ours = wechat.opened(body)
    assert theirs["event_type"] == ours.pop("event_type") == "TRANSACTION.SUCCESS"
    assert theirs["resource"] == ours and ours["amount"]["total"] == int(order.payable * 100)
    assert wechat.believed(headers, body) == theirs["id"]
    forged, other = notify(world, order, forged=True)
    assert wechat_sdk().callback(forged, other) is None
    with pytest.raises(Forged):
        wechat.believed(forged, other)


def test_that_wechatpayv3_asks_the_sandbox_as_we_do(sandbox: RunningSandbox) -> None:
    from orderhub.sandbox.world import World

    start = datetime.fromisoformat(sandbox.health()["start"])
    order = next(o for o in World(SEED, ORDERS, 15, start).of("own_shop") if o.paid_at and not o.scenario)
    number = order.number
    wechat = speak("wechatpay", sandbox)
    with pytest.raises(PlatformError) as absent:
        wechat.transaction(number)
    status, text = wechat_sdk(sandbox.url_of("wechatpay")).query(out_trade_no=number)
    assert (status, json.loads(text)["code"]) == (404, absent.value.code) == (404, "ORDER_NOT_EXIST")
    sandbox.drive("wechatpay_callbacks", target="http://127.0.0.1:1", numbers=[number], repeat=1)
    status, text = wechat_sdk(sandbox.url_of("wechatpay")).query(out_trade_no=number)
    assert status == 200 and json.loads(text) == wechat.transaction(number)


def test_that_we_read_a_notice_of_the_vectors_as_its_maker_did() -> None:
    vectors = json.loads((Path(__file__).parent / "data" / "vectors.json").read_text("utf-8"))["vectors"]
    vector = next(v for v in vectors if v["id"] == "wechatpay-1")
    given, expected = vector["inputs"], vector["expected"]
    headers = {name.lower(): value for name, value in given["headers"].items()}
    plain = json.loads(expected["decrypted"])
    account = connection(
        "wechatpay", "http://127.0.0.1:1", save=False, app_key=plain.get("appid", ""),
        options={"mchid": plain["mchid"], "platform_keys": {headers["wechatpay-serial"]: given["platform_public_key_pem"]}},
        secrets={"api_v3_key": given["api_v3_key"]},
    )  # fmt: skip
    wechat, body = client(account), given["body"].encode()
    assert wechat.opened(body) | plain == wechat.opened(body)
    signed_at = datetime.fromtimestamp(int(headers["wechatpay-timestamp"]), UTC)
    with patch("django.utils.timezone.now", return_value=signed_at + timedelta(minutes=4)):
        assert wechat.believed(headers, body) == json.loads(body)["id"]
    for late in (timedelta(minutes=6), timedelta(minutes=-6)):
        with (
            patch("django.utils.timezone.now", return_value=signed_at + late),
            pytest.raises(Forged) as error,
        ):
            wechat.believed(headers, body)
        assert error.value.code == "stale"


def test_that_aliyuns_own_sdk_sends_through_the_sandbox_and_we_find_what_it_sent(
    sandbox: RunningSandbox,
) -> None:
    from alibabacloud_dysmsapi20170525.client import Client as Dysms
    from alibabacloud_dysmsapi20170525.models import SendSmsRequest
    from alibabacloud_tea_openapi.models import Config

    def sdk(secret: str = str(ALIYUN_SMS["access_key_secret"])) -> Any:
        return Dysms(
            Config(
                access_key_id=ALIYUN_SMS["access_key_id"], access_key_secret=secret, protocol="http",
                endpoint=sandbox.url.removeprefix("http://"),
            )
        )  # fmt: skip

    asked = SendSmsRequest(
        phone_numbers="13800138000", sign_name=ALIYUN_SMS["sign_name"], template_code="SMS_100000003",
        template_param='{"number":"OH1","reason":"未揽收 48 小时"}', out_id="sdk-1",
    )  # fmt: skip
    said = sdk().send_sms(asked).body
    assert said.code == "OK" and said.biz_id
    sent = sandbox.ledger("sms.sent", "sdk-1")
    assert len(sent) == 1 and "未揽收 48 小时" in sent[0]["body"]["content"]
    ours = speak("aliyun_sms", sandbox).query("13800138000", said.biz_id)
    assert [row["OutId"] for row in ours] == ["sdk-1"]
    with pytest.raises(Exception, match="SignatureDoesNotMatch"):
        sdk("another-secret").send_sms(asked)
    asked.template_code = "SMS_404"
    assert sdk().send_sms(asked).body.code == "isv.SMS_TEMPLATE_ILLEGAL"
    assert len(sandbox.ledger("sms.sent")) == 1


def test_that_wangdiantong_py_reads_the_stock_that_we_read(sandbox: RunningSandbox) -> None:
    from wangdiantong.client import OpenApiClient

    def sdk(secret: str = WANGDIANTONG_QIYE["app_secret"]) -> Any:
        made = OpenApiClient(WANGDIANTONG_QIYE["sid"], WANGDIANTONG_QIYE["app_key"], secret)
        made.API_BASE_URL = sandbox.url_of("wangdiantong_qiye")
        return made

    ours, (start, end) = speak("wangdiantong_qiye", sandbox), window()
    beijing = timezone(timedelta(hours=8))
    span = (start.astimezone(beijing), end.astimezone(beijing))
    for page in (0, 1, 2):
        theirs = sdk().stocks.query(*span, page_no=page, page_size=100)
        mine = ours.stock(start, end, page=page)
        assert theirs["code"] == 0 and len(theirs["stocks"]) == 100
        assert theirs["stocks"] == mine.rows and int(theirs["total_count"]) == mine.total
    one = theirs["stocks"][0]
    rows = sdk().stocks.query(*span, spec_no=one["spec_no"], warehouse_no=one["warehouse_no"])["stocks"]
    assert rows == ours.stock(spec_nos=[one["spec_no"]], warehouse_no=one["warehouse_no"]).rows == [one]
    assert sdk("another").stocks.query(*span)["code"] == 1
    shop_no = WANGDIANTONG_QIYE["shop_no"]
    waiting = sdk().logistics.sync_query(shop_no, 100)
    assert waiting["code"] == 0 and waiting["trades"] == ours.shipped_numbers(shop_no)
    told = sdk().logistics.sync_ack([sdk().logistics.item_for_ack(999_999)])
    assert (told["code"], [row["rec_id"] for row in told["errors"]]) == (0, [999_999])
    # its lengths count bytes: with Chinese text its signature is another one than the documented (and our) one
    assert "签名" in sdk().orders.trade_push("自营店", [])["message"]
    with pytest.raises(PlatformError, match="店铺不存在"):
        ours.push_orders("自营店", [{}])
