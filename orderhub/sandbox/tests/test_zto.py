"""ZTO's side over real HTTP."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from typing import Any

import pytest

from orderhub.sandbox import traces
from orderhub.sandbox.tests.served import Served, compact, served
from orderhub.sandbox.zto import digest

SECRET = "sandbox-zto-secret"


@pytest.fixture(scope="module")
def box() -> Iterator[Served]:
    with served("zto") as made:
        yield made


def call(box: Served, name: str, body: dict[str, Any], secret: str = SECRET) -> dict[str, Any]:
    text = compact(body)
    seal = base64.b64encode(hashlib.md5((text + secret).encode()).digest()).decode()
    headers = {"x-appKey": "sandbox-zto", "x-companyid": "sandbox-zto", "x-datadigest": seal,
               "Content-Type": "application/json; charset=UTF-8"}  # fmt: skip
    return box.http.post(f"/zto/{name}", content=text.encode(), headers=headers).json()


def parcel(code: str, **receiver: str) -> dict[str, Any]:
    return {
        "partnerType": "1", "orderType": "1", "partnerOrderCode": code,
        "accountInfo": {"accountId": "ZTO000000000001", "accountPassword": "sandbox-zto-account"},
        "senderInfo": {"senderName": "晴川家居", "senderMobile": "13700001111", "senderProvince": "浙江省",
                       "senderCity": "杭州市", "senderDistrict": "滨江区", "senderAddress": "江南大道1号"},
        "receiveInfo": {"receiverName": "李雷", "receiverMobile": "13812345514", "receiverProvince": "浙江省",
                        "receiverCity": "杭州市", "receiverDistrict": "余杭区", "receiverAddress": "文一西路969号",
                        **receiver},
    }  # fmt: skip


def create(box: Served, code: str, **receiver: str) -> dict[str, Any]:
    return call(box, "zto.open.createOrder", parcel(code, **receiver))


def test_that_the_official_sdks_vectors_are_reproduced() -> None:
    body = b'{"billCode":"73100000000000","mobilePhone":"5514"}'
    assert digest(body, b"testAppSecret") == "0xmGGhG1arkjVRY2moHOrw=="
    assert digest(b"1700000000000", body, b"testAppSecret") == "EVeg8d0bfwLrLNXKyI5Wdg=="


def test_that_asking_twice_for_one_parcel_gives_the_same_number(box: Served) -> None:
    first, second = create(box, "P-1"), create(box, "P-1")
    assert first["status"] is True and first == second
    assert first["result"]["billCode"].startswith("73") and len(first["result"]["billCode"]) == 14
    assert first["result"]["bigMarkInfo"]["bagAddr"] == "杭州转运中心"
    assert len(box.effects("waybill.number", "P-1")) == 1
    assert len(box.world.ledger.find("waybill.number", "P-1")) == 2
    assert create(box, "P-2")["result"]["billCode"] != first["result"]["billCode"]


def test_that_a_masked_receiver_gets_no_number(box: Served) -> None:
    for field, value in (
        ("receiverName", "李**"),
        ("receiverMobile", "1**********"),
        ("receiverAddress", "文一西路***"),
    ):
        said = create(box, "P-3", **{field: value})
        assert said["status"] is False and "掩码" in said["message"]
    assert not box.effects("waybill.number", "P-3")


def test_that_a_wrong_digest_and_missing_fields_are_refused(box: Served) -> None:
    assert call(box, "zto.open.createOrder", parcel("P-4"), "other")["statusCode"] == "S211"
    assert create(box, "P-4", receiverCity="")["statusCode"] == "S208"
    assert call(box, "zto.open.nothing", {})["statusCode"] == "S207"
    wrong = {**parcel("P-4"), "accountInfo": {"accountId": "ZTO000000000001", "accountPassword": "?"}}
    assert call(box, "zto.open.createOrder", wrong)["status"] is False
    assert not box.effects("waybill.number", "P-4")


def test_that_a_number_is_found_by_our_code_after_a_lost_answer(box: Served) -> None:
    box.control("faults", platform="zto", method="zto.open.createOrder", kind="lost_answer", times=1)
    with pytest.raises(Exception, match="disconnected"):
        create(box, "P-5")
    found = call(box, "zto.open.getOrderInfo", {"type": 0, "partnerOrderCode": "P-5"})["result"][0]
    assert create(box, "P-5")["result"]["billCode"] == found["billCode"]
    assert len(box.effects("waybill.number", "P-5")) == 1
    assert (
        call(box, "zto.open.getOrderInfo", {"type": 0, "partnerOrderCode": "P-none"})["message"]
        == "订单不存在"
    )


def test_that_a_cancelled_number_is_void_and_a_picked_up_one_stays(box: Served) -> None:
    bill = create(box, "P-6")["result"]["billCode"]
    cancel = {"cancelType": "1", "billCode": bill}
    assert call(box, "zto.open.cancelPreOrder", cancel)["status"] is True
    assert call(box, "zto.open.cancelPreOrder", cancel)["status"] is True
    assert len(box.effects("waybill.cancel", bill)) == 1
    assert create(box, "P-6")["status"] is False
    order = next(o for o in box.world.of("own_shop") if o.paid_at and not o.scenario)
    bill = create(box, f"{order.number}-1")["result"]["billCode"]
    assert call(box, "zto.merchant.waybill.track.query", {"billCode": bill})["result"] == []
    traces.hand_over(box.world, bill, "ZTO", order.number, "HZ01", order.paid_at)
    said = call(box, "zto.open.cancelPreOrder", {"cancelType": "1", "billCode": bill})
    assert said["status"] is False and "已揽收" in said["message"]
    track = call(box, "zto.merchant.waybill.track.query", {"billCode": bill, "mobilePhone": "5514"})["result"]
    assert track[0]["scanType"] == "GOT"
    assert (
        call(box, "zto.merchant.waybill.track.query", {"billCode": bill, "mobilePhone": "0000"})["status"]
        is False
    )


def test_that_the_mark_of_a_district_is_steady(box: Served) -> None:
    asked = {"unionCode": "1", "receive_province": "浙江省", "receive_city": "杭州市", "receive_district": "余杭区",
             "receive_address": "x"}  # fmt: skip
    said = call(box, "zto.innovate.bagAddrMark", asked)["result"]
    assert said == create(box, "P-7")["result"]["bigMarkInfo"] and said["mark"].startswith("杭州余杭区-")
