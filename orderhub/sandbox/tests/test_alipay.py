"""Alipay's gateway and callbacks, checked with an outside SDK on both sides."""

from __future__ import annotations

import json
from decimal import Decimal
from urllib.parse import urlsplit

import pytest
from alipay import AliPay
from alipay.exceptions import AliPayValidationError

from orderhub.sandbox import alipay
from orderhub.sandbox.credentials import ALIPAY
from orderhub.sandbox.tests.served import Served, served

pytestmark = pytest.mark.sdk


@pytest.fixture(scope="module")
def sandbox():
    with served("alipay", "taobao", orders=400) as made:
        yield made


class Sdk(AliPay):
    """python-alipay-sdk with its address pointed at the sandbox."""

    def __init__(self, url: str, public_key: str = ALIPAY["alipay_public_key"]) -> None:
        super().__init__(appid=ALIPAY["app_id"], app_notify_url=None, sign_type="RSA2",
                         app_private_key_string=ALIPAY["app_private_key"], alipay_public_key_string=public_key)  # fmt: skip
        self._gateway = url + "/alipay/gateway.do"


def paid(sandbox: Served):
    return next(o for o in sandbox.world.of("own_shop") if o.paid_at and not o.scenario)


def test_that_python_alipay_sdk_is_believed_and_believes(sandbox):
    order = paid(sandbox)
    answer = Sdk(sandbox.url).api_alipay_trade_query(out_trade_no=order.number)
    assert answer["code"] == "10000" and answer["trade_status"] == "TRADE_SUCCESS"
    assert Decimal(answer["total_amount"]) == order.payable
    assert Sdk(sandbox.url).api_alipay_trade_query(trade_no=order.trade_no)["out_trade_no"] == order.number


def test_that_an_answer_does_not_verify_with_another_key(sandbox):
    with pytest.raises(AliPayValidationError):
        Sdk(sandbox.url, ALIPAY["app_public_key"]).api_alipay_trade_query(out_trade_no=paid(sandbox).number)


def test_that_a_request_that_the_app_did_not_sign_is_refused(sandbox):
    url = Sdk(sandbox.url).sign_data(
        Sdk(sandbox.url).build_body("alipay.trade.query", {"out_trade_no": paid(sandbox).number})
    )
    forged = url.replace(paid(sandbox).number, "OS1")
    answer = sandbox.http.get("/alipay/gateway.do?" + forged).json()["alipay_trade_query_response"]
    assert answer["sub_code"] == "isv.invalid-signature"
    other = sandbox.http.get(
        "/alipay/gateway.do", params={"app_id": "1", "method": "alipay.trade.query"}
    ).json()
    assert other["alipay_trade_query_response"]["sub_code"] == "isv.invalid-app-id"


def test_that_scenarios_answer_what_they_should(sandbox):
    sdk = Sdk(sandbox.url)
    denied = sdk.api_alipay_trade_query(out_trade_no=sandbox.world.scenarios["payment_denied"][0])
    assert denied["trade_status"] == "WAIT_BUYER_PAY"
    wrong = sdk.api_alipay_trade_query(out_trade_no=sandbox.world.scenarios["payment_wrong_amount"][0])
    assert wrong["trade_status"] == "TRADE_SUCCESS" and wrong["total_amount"] == "0.01"
    for number in ("OS404", next(sandbox.world.of("taobao")).number):
        assert sdk.api_alipay_trade_query(out_trade_no=number)["sub_code"] == "ACQ.TRADE_NOT_EXIST"


def test_that_a_callback_verifies_with_the_sdk_and_a_forged_one_does_not(sandbox):
    order = paid(sandbox)
    for forged in (False, True):
        form = alipay.notify(sandbox.world, order, forged=forged)
        signature = form.pop("sign")
        assert Sdk(sandbox.url).verify(dict(form), signature) is not forged
    one, two = (alipay.notify(sandbox.world, order) for _ in range(2))
    assert one["notify_id"] == two["notify_id"]


def test_that_the_signature_is_over_the_exact_text(sandbox):
    sdk = Sdk(sandbox.url)
    query = sdk.sign_data(sdk.build_body("alipay.trade.query", {"out_trade_no": paid(sandbox).number}))
    text = sandbox.http.get("/alipay/gateway.do?" + query).text
    inner = text.removeprefix('{"alipay_trade_query_response":').rsplit(',"sign":', 1)[0]
    assert json.loads(inner)["msg"] == "Success"
    assert sdk._verify(inner, json.loads(text)["sign"])
    assert urlsplit(sdk._gateway).path == "/alipay/gateway.do"


def test_that_quota_and_deny_are_signed_answers_too(sandbox):
    for kind, expected in (("quota", "20000"), ("deny", "40004")):
        sandbox.control("faults", platform="alipay", kind=kind, times=1)
        assert Sdk(sandbox.url).api_alipay_trade_query(out_trade_no=paid(sandbox).number)["code"] == expected
