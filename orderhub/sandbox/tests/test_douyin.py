"""Douyin's side, asked with signatures that this test makes by itself from the notes."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from orderhub.sandbox.credentials import DOUYIN
from orderhub.sandbox.tests.served import Listener, Served, compact, served

SECRET, KEY = DOUYIN["app_secret"], DOUYIN["app_key"]
SENDER = {
    "address": {"country_code": "CHN", "province_name": "浙江省", "city_name": "杭州市", "district_name": "滨江区",
                "street_name": "长河街道", "detail_address": "江陵路88号2幢1楼"},
    "contact": {"name": "仓库", "mobile": "13800000000"},
}  # fmt: skip


@pytest.fixture(scope="module", name="box")
def start() -> Iterator[Served]:
    with served("douyin", orders=300, mix="douyin=100") as made:
        yield made


@pytest.fixture(name="sandbox")
def fresh(box: Served) -> Served:
    box.control("reset")
    return box


def ask(
    sandbox: Served,
    method: str,
    params: dict[str, Any],
    token: str = DOUYIN["access_token"],
    headers: dict[str, str] | None = None,
    body: str | None = None,
    **query: str,
) -> dict[str, Any]:
    body = (
        body
        if body is not None
        else json.dumps(params, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    )
    stamp = query.get("timestamp", str(int(time.time())))
    text = f"{SECRET}app_key{KEY}method{method}param_json{body}timestamp{stamp}v2{SECRET}"
    sign = hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).hexdigest()
    if query.get("sign_method") == "md5":
        sign = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
    sent = {"app_key": KEY, "method": method, "access_token": token, "timestamp": stamp, "v": "2",
            "sign_method": "hmac-sha256", "sign": sign} | query  # fmt: skip
    answer = sandbox.http.post(
        f"/douyin/{method.replace('.', '/')}",
        params=sent,
        content=body.encode(),
        headers={"Content-Type": "application/json", "x-open-no-old-err-code": "1", **(headers or {})},
    )
    assert answer.status_code == 200
    return answer.json()


def good(sandbox: Served, method: str, **params: Any) -> dict[str, Any]:
    answer = ask(sandbox, method, params)
    assert answer["code"] in (10000, 10001), answer
    return answer["data"]


def listed(sandbox: Served, **more: Any) -> dict[str, Any]:
    asked = {"order_by": "create_time", "order_asc": False, "page": 0, "size": 100, **more}
    return good(sandbox, "order.searchList", **asked)


def of(sandbox: Served, scenario: str = "") -> str:
    """An order of a scenario; without one, a plain paid order of several pieces."""
    return next(
        order.number
        for order in sandbox.world.orders.values()
        if order.scenario == scenario and (scenario or (order.paid_at and len(order.lines) > 1))
    )


def detail(sandbox: Served, number: str) -> dict[str, Any]:
    return good(sandbox, "order.orderDetail", shop_order_id=number)["shop_order_detail"]


def parcel(order: dict[str, Any], **more: Any) -> dict[str, Any]:
    at = order["post_addr"]
    return {
        "order_id": order["order_id"],
        "receiver_info": {
            "address": {"country_code": "CHN", "province_name": at["province"]["name"],
                        "city_name": at["city"]["name"], "district_name": at["town"]["name"],
                        "detail_address": at["encrypt_detail"]},
            "contact": {"name": order["encrypt_post_receiver"], "mobile": order["encrypt_post_tel"]},
        },
        "items": [{"item_name": "goods", "item_count": 1}],
    } | more  # fmt: skip


def number_of(sandbox: Served, carrier: str = "zhongtong", **row: Any) -> dict[str, Any]:
    return good(
        sandbox, "logistics.newCreateOrder", logistics_code=carrier, sender_info=SENDER, order_infos=[row]
    )


@pytest.mark.parametrize(
    ("change", "sub_code"),
    [({"sign": "0" * 64}, "isv.signature-invalid"),
     ({"timestamp": "1700000000"}, "isv.timestamp-invalid"),
     ({"access_token": "nobody"}, "isv.access-token-no-existed"),
     ({"app_key": "1"}, "isv.app-key-invalid"), ({"v": "1"}, "isv.signature-invalid")],
)  # fmt: skip
def test_that_the_gate_refuses_what_is_not_signed_now_by_the_shop(
    sandbox: Served, change: dict[str, str], sub_code: str
) -> None:
    query = dict(change)
    token = query.pop("access_token", DOUYIN["access_token"])
    answer = ask(sandbox, "order.orderDetail", {"shop_order_id": of(sandbox)}, token, **query)
    assert answer["sub_code"] == sub_code and answer["data"] is None and "err_no" not in answer


def test_that_a_body_must_be_canonical_even_where_it_is_signed_as_sent(sandbox: Served) -> None:
    for body in ('{"size":1,"page":0}', '{"page": 0,"size":1}', '{"order_by":"\\u8ba2","page":0,"size":1}'):
        assert ask(sandbox, "order.searchList", {}, body=body)["sub_code"] == "isv.signature-invalid"


def test_that_md5_and_a_beijing_time_and_the_old_names_still_work(sandbox: Served) -> None:
    from orderhub.sandbox.frame import beijing

    number = {"shop_order_id": of(sandbox)}
    now = beijing(sandbox.world.now())
    assert ask(sandbox, "order.orderDetail", number, timestamp=now, sign_method="md5")["code"] == 10000
    old = ask(sandbox, "order.orderDetail", number, headers={"x-open-no-old-err-code": "0"})
    assert (old["err_no"], old["message"]) == (0, "success")


def test_that_pages_begin_at_zero_and_windows_and_depth_are_held(sandbox: Served) -> None:
    whole = listed(sandbox)
    seen = [
        row["order_id"]
        for page in range(-(-whole["total"] // 7))
        for row in listed(sandbox, page=page, size=7)["shop_order_list"]
    ]
    assert len(set(seen)) == whole["total"] == len(seen) > 100
    assert listed(sandbox, page=whole["total"])["shop_order_list"] == []
    changed = {"update_time_start": int(time.time()) - 86400, "update_time_end": int(time.time())}
    for wrong in (
        {"size": 101}, {"page": -1}, {"page": 500, "size": 100}, {**changed, "order_by": "create_time"},
        {"order_by": "update_time", "update_time_start": int(time.time()) - 100 * 86400},
    ):  # fmt: skip
        asked = {"order_by": "create_time", "page": 0, "size": 10, **wrong}
        assert ask(sandbox, "order.searchList", asked)["code"] == 40004, wrong
    rows = listed(sandbox, order_by="update_time", **changed)["shop_order_list"]
    assert [row["update_time"] for row in rows] == sorted((r["update_time"] for r in rows), reverse=True)


def test_that_money_is_fen_and_receivers_are_sealed(sandbox: Served) -> None:
    order = sandbox.world.orders[of(sandbox)]
    face = detail(sandbox, order.number)
    assert face["pay_amount"] == int(order.payable * 100)
    assert (
        sum(line["pay_amount"] for line in face["sku_order_list"]) + face["post_amount"] == face["pay_amount"]
    )
    said = compact(face)
    for plain in (order.receiver.name, order.receiver.phone, order.receiver.address):
        assert plain not in said
    assert face["encrypt_post_receiver"].startswith("##") and face["encrypt_post_tel"].startswith("$$")
    assert face["post_addr"]["town"]["name"] == order.receiver.district


def test_that_scenarios_come_true(sandbox: Served) -> None:
    assert detail(sandbox, of(sandbox, "unpaid"))["order_status"] == 1
    assert detail(sandbox, of(sandbox, "closed_unpaid"))["order_status"] == 4
    assert detail(sandbox, of(sandbox, "risk_control"))["order_status"] == 105
    first = detail(sandbox, of(sandbox, "refund_before_ship"))
    again = detail(sandbox, first["order_id"])
    assert {line["after_sale_info"]["after_sale_status"] for line in first["sku_order_list"]} == {0}
    assert 6 in {line["after_sale_info"]["after_sale_status"] for line in again["sku_order_list"]}
    moved = of(sandbox, "address_changed")
    before, after = detail(sandbox, moved), detail(sandbox, moved)
    assert before["post_addr"]["encrypt_detail"] != after["post_addr"]["encrypt_detail"]
    assert before["open_address_id"] != after["open_address_id"]
    cases = good(sandbox, "afterSale.List", page=0, size=10)
    assert {row["order_info"]["shop_order_id"] for row in cases["items"]} == {first["order_id"]}


def test_that_a_refund_stops_the_shipping_unless_it_is_rejected(sandbox: Served) -> None:
    number = of(sandbox, "refund_before_ship")
    detail(sandbox, number)
    asked = {"order_id": number, "company_code": "zhongtong", "logistics_code": "75000000000001"}
    assert ask(sandbox, "order.logisticsAdd", asked)["sub_code"] == "isv.business-failed:2005"
    assert not sandbox.effects("channel.ship")
    good(sandbox, "order.logisticsAdd", **asked, is_refund_reject=True)
    assert sandbox.effects("channel.ship", number)[0]["body"]["refund_rejected"]


def test_that_parcels_are_told_once_whole_or_in_parts(sandbox: Served) -> None:
    face = detail(sandbox, of(sandbox))
    first, *others = face["sku_order_list"]
    row = {"shipped_order_id": first["order_id"], "shipped_num": first["item_num"]}
    pack = {"logistics_code": "75000000000001", "company_code": "yunda", "shipped_order_info": [row]}
    asked = {"order_id": face["order_id"], "request_id": "r1", "pack_list": [pack]}
    good(sandbox, "order.logisticsAddMultiPack", **asked)
    assert detail(sandbox, face["order_id"])["order_status"] == 101
    assert ask(sandbox, "order.logisticsAddMultiPack", asked)["sub_code"] == "isv.idempotent-id-existed"
    again = ask(sandbox, "order.logisticsAddMultiPack", {**asked, "request_id": "r2"})
    assert again["sub_code"] == "isv.business-failed:2004"
    rest = {"order_id": face["order_id"], "company_code": "yunda", "logistics_code": "75000000000002"}
    good(sandbox, "order.logisticsAdd", **rest)
    assert ask(sandbox, "order.logisticsAdd", rest)["sub_code"] == "isv.business-failed:2003"
    shipped = detail(sandbox, face["order_id"])
    assert shipped["order_status"] == 3 and others
    assert [p["tracking_no"] for p in shipped["logistics_info"]] == ["75000000000001", "75000000000002"]
    assert len(sandbox.effects("channel.ship")) == 2


def test_that_a_number_belongs_to_order_and_pack_and_to_the_ciphertext_of_today(sandbox: Served) -> None:
    face = detail(sandbox, of(sandbox))
    first = number_of(sandbox, **parcel(face))["ebill_infos"][0]
    again = number_of(sandbox, **parcel(face))["ebill_infos"][0]
    second = number_of(sandbox, **parcel(face, pack_id="P2"))["ebill_infos"][0]
    assert first["track_no"] == again["track_no"] != second["track_no"] and first["sort_code"]
    assert len(sandbox.effects("waybill.number")) == 2
    plain = parcel(face)
    plain["receiver_info"]["contact"]["name"] = "王小明"
    for row in (
        plain,
        parcel(face, order_id=face["order_id"] + "A"),
        parcel(face, pack_id="far too long a pack id"),
    ):
        answer = number_of(sandbox, **row)
        assert answer["ebill_infos"] == [] and answer["err_infos"][0]["err_msg"]
    moved = detail(sandbox, of(sandbox, "address_changed"))
    assert number_of(sandbox, **parcel(moved))["err_infos"]
    assert number_of(sandbox, **parcel(detail(sandbox, moved["order_id"])))["ebill_infos"]
    assert len(sandbox.effects("waybill.number")) == 3


def test_that_orders_of_one_address_share_a_parcel_and_others_do_not(sandbox: Served) -> None:
    pair = [detail(sandbox, number) for number in _pair(sandbox)]
    one, two = (order["order_id"] for order in pair)
    other = detail(sandbox, of(sandbox))["order_id"]
    assert pair[0]["open_address_id"] == pair[1]["open_address_id"]
    taken = number_of(sandbox, **parcel(pair[0], combine_orders=[one, two]))["ebill_infos"]
    assert len(taken) == 1
    assert sandbox.effects("waybill.number")[0]["body"]["orders"] == sorted([one, two])
    for orders in ([one, other], [two]):
        assert number_of(sandbox, **parcel(pair[0], pack_id="P2", combine_orders=orders))["err_infos"]


def _pair(sandbox: Served) -> list[str]:
    first = sandbox.world.orders[of(sandbox, "duplicate_pair")]
    orders = sandbox.world.orders.values()
    return [order.number for order in orders if order.receiver.phone == first.receiver.phone]


def test_that_print_data_is_opaque_and_a_cancelled_number_has_none(sandbox: Served) -> None:
    face = detail(sandbox, of(sandbox))
    number = number_of(sandbox, **parcel(face))["ebill_infos"][0]["track_no"]
    asked = {"waybill_applies": [{"logistics_code": "zhongtong", "track_no": number}]}
    printed = good(sandbox, "logistics.waybillApply", **asked)["waybill_infos"][0]
    assert printed["sign"] and face["mask_post_receiver"] not in printed["print_data"]
    cancel = {"logistics_code": "zhongtong", "track_no": number}
    assert good(sandbox, "logistics.cancelOrder", **cancel)["cancel_result"]["success"]
    assert ask(sandbox, "logistics.cancelOrder", cancel)["sub_code"] == "isv.business-failed:1102"
    assert good(sandbox, "logistics.waybillApply", **asked)["err_infos"]
    assert len(sandbox.effects("waybill.cancel")) == 1


def test_that_a_carrier_says_where_it_does_not_go(sandbox: Served) -> None:
    to = {
        "country_code": "CHN",
        "province_name": "西藏自治区",
        "city_name": "拉萨市",
        "detail_address": "##x##1##",
    }
    for carrier, out in (("yunda", True), ("zhongtong", False)):
        asked = {"logistics_code": carrier, "type": 2, "receiver_address": to}
        assert good(sandbox, "logistics.getOutRange", **asked)["is_out_range"] is out


def test_that_a_token_is_renewed_in_its_last_hour_and_a_refresh_token_is_good_once(sandbox: Served) -> None:
    asked = {"grant_type": "refresh_token", "refresh_token": DOUYIN["refresh_token"]}
    assert ask(sandbox, "token.refresh", asked, token="")["data"]["access_token"] == DOUYIN["access_token"]
    sandbox.control("drive", what="douyin_expire_token", wait=True)
    expired = ask(sandbox, "order.searchList", {"page": 0, "size": 1})
    assert (expired["code"], expired["sub_code"]) == (40003, "isv.access-token-expired")
    new = ask(sandbox, "token.refresh", asked, token="")["data"]
    assert new["access_token"] != DOUYIN["access_token"]
    assert ask(sandbox, "order.searchList", {"page": 0, "size": 1}, new["access_token"])["code"] == 10000
    assert ask(sandbox, "token.refresh", asked, token="")["code"] == 50001


def test_that_the_owner_agrees_and_the_code_is_good_once(sandbox: Served) -> None:
    page = sandbox.http.get("/douyin/authorize", params={"service_id": DOUYIN["service_id"], "state": "s1"})
    assert page.status_code == 200 and "晴川" in page.text
    back = sandbox.http.get(
        "/douyin/authorize", params={"service_id": DOUYIN["service_id"], "state": "s1", "auto": "1"}
    )
    query = dict(part.split("=") for part in back.headers["location"].split("?")[1].split("&"))
    asked = {"grant_type": "authorization_code", "code": query["code"]}
    assert query["state"] == "s1"
    assert ask(sandbox, "token.create", asked, token="")["data"]["shop_id"] == int(DOUYIN["shop_id"])
    assert ask(sandbox, "token.create", asked, token="")["code"] == 50001


def test_that_an_address_waits_for_the_seller_where_it_wants_to_be_asked(sandbox: Served) -> None:
    number = of(sandbox, "address_changed")
    answer = {"order_id": number, "is_approved": 0}
    assert ask(sandbox, "order.addressConfirm", answer)["sub_code"] == "isv.business-failed:50038"
    good(sandbox, "order.AddressAppliedSwitch", is_allowed=1, review_type=0)
    assert ask(sandbox, "order.addressConfirm", answer)["sub_code"] == "isv.business-failed:50039"
    before = detail(sandbox, number)
    assert detail(sandbox, number)["post_addr"] == before["post_addr"]
    good(sandbox, "order.addressConfirm", **answer)
    assert ask(sandbox, "order.addressConfirm", answer)["sub_code"] == "isv.business-failed:50040"
    assert detail(sandbox, number)["post_addr"] != before["post_addr"]


def test_that_messages_are_signed_and_told_again_until_they_are_taken(sandbox: Served) -> None:
    ear = Listener([b"busy", b'{"code":0,"msg":"success"}'])
    try:
        number = of(sandbox)
        told = sandbox.control("drive", what="douyin_messages", wait=True, target=ear.url, numbers=[number])
        assert told["result"]["messages"] == 1 and sandbox.world.pushes.idle(10)
        assert len(ear.heard) == 2
        for path, headers, body in ear.heard:
            expected = hashlib.md5(
                f"{KEY}{body.decode()}{SECRET}".encode(), usedforsecurity=False
            ).hexdigest()
            assert path == DOUYIN["message_path"] and headers["app-id"] == KEY
            assert headers["event-sign"] == expected
        (message,) = json.loads(ear.heard[0][2])
        assert message["msg_id"] and json.loads(message["data"])["p_id"] == int(number)
    finally:
        sandbox.control("drive", what="douyin_messages", wait=True, target="http://127.0.0.1:9", numbers=[])
        ear.close()
