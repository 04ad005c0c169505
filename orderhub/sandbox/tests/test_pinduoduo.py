"""Pinduoduo as a third party sees it: signature, token, windows, pages, orders that change, shipping, e-waybills."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from orderhub.sandbox.credentials import PINDUODUO
from orderhub.sandbox.pinduoduo_waybill import SENDERS
from orderhub.sandbox.tests.pop import code, day, increment, pop, raw, sign
from orderhub.sandbox.tests.served import Listener, Served, served

MIX = "taobao=10,own_shop=10,pinduoduo=80"


@pytest.fixture(scope="module", name="sandbox")
def made() -> Iterator[Served]:
    with served("pinduoduo", orders=400, mix=MIX) as sandbox:
        yield sandbox


@pytest.fixture(autouse=True)
def fresh(sandbox: Served) -> None:
    sandbox.control("reset")


def of(sandbox: Served, scenario: str, n: int = 0) -> str:
    """A Pinduoduo order of a scenario ("" for an ordinary one, paid days ago)."""
    mine = [o for o in sandbox.world.of("pinduoduo") if o.scenario == scenario]
    return mine[n].number


def detail(sandbox: Served, number: str) -> dict[str, Any]:
    return pop(sandbox, "pdd.order.information.get", order_sn=number)["order_info"]


def send(sandbox: Served, number: str, waybill: str = "76000001234567", **more: Any) -> dict[str, Any]:
    return pop(
        sandbox,
        "pdd.logistics.online.send",
        order_sn=number,
        logistics_id=44,
        tracking_number=waybill,
        **more,
    )


def parcel(order: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "object_id": "P1", "user_id": int(PINDUODUO["mall_id"]), "template_url": "https://example.com/t",
        "order_info": {"order_channels_type": "PDD", "trade_order_list": [order["order_sn"]]},
        "package_info": {"id": "1", "items": [{"name": "goods", "count": 1}]},
        "recipient": {"name": order["receiver_name"], "mobile": order["receiver_phone"],
                      "address": {"province": order["province"], "detail": order["receiver_address"]}},
    } | changes  # fmt: skip


def take(sandbox: Served, *parcels: dict[str, Any], **sender: Any) -> dict[str, Any]:
    whole = {"name": "仓库", "mobile": "13800000000", "address": SENDERS[0]} | sender
    body = {"wp_code": "ZTO", "need_encrypt": True, "sender": whole, "trade_order_info_dtos": list(parcels)}
    return pop(sandbox, "pdd.waybill.get", param_waybill_cloud_print_apply_new_request=body)


def test_that_public_parameters_are_looked_at_first(sandbox: Served) -> None:
    ask = {"kind": "pdd.order.information.get", "order_sn": of(sandbox, "")}
    assert code(pop(sandbox, **ask, public_client_id="other"))[0] == 10016
    assert code(pop(sandbox, **ask, public_timestamp=str(int(time.time()) - 700)))[0] == 10001
    assert code(pop(sandbox, **ask, public_access_token="other"))[0] == 10019
    assert code(pop(sandbox, "pdd.no.such.call"))[0] == 10000
    form = sign(
        {"type": "pdd.time.get", "client_id": PINDUODUO["client_id"], "timestamp": str(int(time.time()))}
    )
    assert "time_get_response" in sandbox.http.post("/pinduoduo/api/router", data=form).json()
    forged = sandbox.http.post("/pinduoduo/api/router", data={**form, "sign": form["sign"][::-1]}).json()
    assert code(forged)[0] == 20004


def test_that_a_json_body_is_signed_over_the_texts_that_are_sent(sandbox: Served) -> None:
    params = {"type": "pdd.order.list.get", "client_id": PINDUODUO["client_id"], "use_has_next": "true",
              "access_token": PINDUODUO["access_token"], "timestamp": str(int(time.time())), "order_status": "5",
              "refund_status": "5", **{name: str(value) for name, value in day(sandbox).items()}}  # fmt: skip
    signature = sign(params)["sign"]
    body = {**params, "use_has_next": True, "order_status": 5, "sign": signature}
    answer = sandbox.http.post("/pinduoduo/api/router", json=body).json()
    assert "has_next" in answer["order_list_get_response"], answer


def test_that_windows_and_pages_have_their_limits(sandbox: Served) -> None:
    now = sandbox.world.now()
    assert code(increment(sandbox, now - timedelta(minutes=31), now))[0] == 21001
    assert "order_sn_list" in increment(sandbox, now - timedelta(minutes=30), now)
    wide = {**day(sandbox), "order_status": 5, "refund_status": 5}
    wide["start_confirm_at"] -= 60
    assert code(pop(sandbox, "pdd.order.list.get", **wide))[0] == 21001
    ok = {**day(sandbox), "order_status": 5, "refund_status": 5}
    assert code(pop(sandbox, "pdd.order.list.get", **ok, page=0))[0] == 21001
    assert code(pop(sandbox, "pdd.order.list.get", **ok, page_size=101))[0] == 21001
    assert code(pop(sandbox, "pdd.order.list.get", **day(sandbox), order_status=5))[0] == 21002
    assert code(increment(sandbox, now - timedelta(days=120), now - timedelta(days=120)))[0] == 21001


def test_that_has_next_takes_the_total_away(sandbox: Served) -> None:
    ask = {**day(sandbox), "order_status": 5, "refund_status": 5, "page_size": 3}
    counted = pop(sandbox, "pdd.order.list.get", **ask)
    assert counted["total_count"] > 3 and "has_next" not in counted
    said = pop(sandbox, "pdd.order.list.get", **ask, use_has_next=True)
    assert said["has_next"] is True and "total_count" not in said


def test_that_all_orders_of_the_world_are_listed_once_and_money_adds_up(sandbox: Served) -> None:
    seen: list[str] = []
    for back in range(18):
        ask = {**day(sandbox, back), "order_status": 5, "refund_status": 5, "page_size": 100}
        seen += [row["order_sn"] for row in pop(sandbox, "pdd.order.list.get", **ask)["order_list"]]
    mine = {order.number for order in sandbox.world.of("pinduoduo")}
    assert set(seen) == mine and len(mine) > 250
    for number in list(mine)[:20]:
        face = detail(sandbox, number)
        if sandbox.world.orders[number].scenario != "unreadable":
            money = {name: Decimal(str(face[name])) for name in
                     ("goods_amount", "discount_amount", "postage", "pay_amount")}  # fmt: skip
            assert money["pay_amount"] == money["goods_amount"] - money["discount_amount"] + money["postage"]


def test_that_a_receiver_is_masked_and_cipher_text_goes_away_with_the_parcel(sandbox: Served) -> None:
    number = of(sandbox, "")
    to = sandbox.world.orders[number].receiver
    answer = json.dumps(raw(sandbox, "pdd.order.information.get", order_sn=number), ensure_ascii=False)
    assert to.phone not in answer and to.address not in answer and to.name not in answer
    before = detail(sandbox, number)
    assert before["receiver_name"].startswith("~") and before["open_address_id"]
    assert send(sandbox, number)["is_success"] is True
    after = detail(sandbox, number)
    assert (after["receiver_name"], after["receiver_phone"], after["address"]) == ("", "", "")
    assert after["open_address_id"] == before["open_address_id"] and after["receiver_name_mask"]


def test_that_an_order_is_sent_once_and_a_change_of_number_is_asked_for_by_name(sandbox: Served) -> None:
    number = of(sandbox, "")
    assert code(pop(sandbox, "pdd.order.upload.extra.logistics", order_sn=number, extra_track_type=1,
                    extra_track_list=[{"shipping_id": 44, "tracking_number": "76000009999999"}]))[0] == 50001  # fmt: skip
    assert send(sandbox, number)["is_success"] is True
    assert code(send(sandbox, number)) == (50001, "isv.order-status-error")
    assert send(sandbox, number, "76000007654321", redelivery_type=2)["is_success"] is True
    assert detail(sandbox, number)["tracking_number"] == "76000007654321"
    extra = {"order_sn": number, "extra_track_type": 1,
             "extra_track_list": [{"shipping_id": 44, "tracking_number": "76000009999999"}]}  # fmt: skip
    assert pop(sandbox, "pdd.order.upload.extra.logistics", **extra) | {"request_id": ""} == {
        "success": True, "request_id": "",
    }  # fmt: skip
    pop(sandbox, "pdd.order.upload.extra.logistics", **extra)
    assert detail(sandbox, number)["extra_delivery_list"] == [
        {"logistics_id": 44, "tracking_number": "76000009999999"}
    ]
    assert [row["key"] for row in sandbox.effects("channel.ship")] == [
        number, f"{number}/change/76000007654321", f"{number}/76000009999999",
    ]  # fmt: skip
    assert code(pop(sandbox, "pdd.logistics.online.send", order_sn=of(sandbox, "", 1), logistics_id=9,
                    tracking_number="76000001234567"))[0] == 50001  # fmt: skip


def test_that_what_is_under_review_shows_no_receiver_and_can_not_be_sent(sandbox: Served) -> None:
    number = next(
        o.number for o in sandbox.world.of("pinduoduo") if o.scenario == "risk_control" and o.seq % 2
    )
    face = detail(sandbox, number)
    assert face["risk_control_status"] == 1 and face["receiver_phone"] == ""
    assert code(send(sandbox, number))[0] == 50001
    assert code(take(sandbox, parcel(face))) == (50001, "isv.service-forbidden")
    assert not sandbox.effects("channel.ship") and not sandbox.effects("waybill.number")


def test_that_an_address_changes_after_the_first_reading_and_the_old_cipher_text_is_refused(
    sandbox: Served,
) -> None:
    number = of(sandbox, "address_changed")
    before, after = detail(sandbox, number), detail(sandbox, number)
    assert before["open_address_id"] != after["open_address_id"]
    assert code(take(sandbox, parcel(before)))[1] == "isv.invalid-parameter:recipient"
    assert take(sandbox, parcel(after))["modules"][0]["waybill_code"]
    now = sandbox.world.now()
    rows = increment(sandbox, now - timedelta(minutes=5), now + timedelta(seconds=5))["order_sn_list"]
    assert number in [row["order_sn"] for row in rows]


def test_that_a_refund_before_shipping_is_in_the_order_and_in_the_list(sandbox: Served) -> None:
    number = of(sandbox, "refund_before_ship")
    assert detail(sandbox, number)["refund_status"] == 1
    face = detail(sandbox, number)
    assert (face["refund_status"], face["after_sales_status"]) == (2, 2)
    now = sandbox.world.now()
    rows = pop(sandbox, "pdd.refund.list.increment.get", after_sales_status=1, after_sales_type=1,
               start_updated_at=int(now.timestamp()) - 600, end_updated_at=int(now.timestamp()) + 5)  # fmt: skip
    (row,) = [row for row in rows["refund_list"] if row["order_sn"] == number]
    assert rows["total_count"] >= 1
    assert Decimal(row["refund_amount"]) == sandbox.world.orders[number].payable


def test_that_the_same_order_and_package_give_the_old_number_until_it_is_cancelled(sandbox: Served) -> None:
    face = detail(sandbox, of(sandbox, ""))
    first = take(sandbox, parcel(face))["modules"][0]
    assert set(json.loads(first["print_data"])) == {
        "encryptedData",
        "signature",
        "templateUrl",
        "ver",
        "userid",
    }
    assert take(sandbox, parcel(face, object_id="P2"))["modules"][0]["waybill_code"] == first["waybill_code"]
    alone = take(sandbox, parcel(face, recipient=None))["modules"][0]
    assert alone["waybill_code"] == first["waybill_code"], "the order's number alone stands for its receiver"
    assert len(sandbox.effects("waybill.number")) == 1
    cancel = {"kind": "pdd.waybill.cancel", "waybill_code": first["waybill_code"], "wp_code": "ZTO"}
    assert pop(sandbox, **cancel)["cancel_result"] is True
    assert code(pop(sandbox, **cancel)) == (50001, "isv.waybill-already-cancelled")
    assert take(sandbox, parcel(face))["modules"][0]["waybill_code"] != first["waybill_code"]
    assert (
        code(pop(sandbox, "pdd.waybill.cancel", waybill_code="7600000", wp_code="ZTO"))[1]
        == "isv.waybill-not-exist"
    )
    unknown = [{"object_id": "1", "waybill_code": "7600000", "wp_code": "ZTO"}]
    assert code(pop(sandbox, "pdd.waybill.query.by.waybillcode", param_list=unknown))[1] == (
        "isv.invalid-parameter:waybill_code"
    )


def test_that_plain_receivers_strange_senders_and_eleven_parcels_are_refused(sandbox: Served) -> None:
    face = detail(sandbox, of(sandbox, ""))
    plain = {"name": "张三", "mobile": "13900000000", "address": {"province": "浙江省", "detail": "某路1号"}}
    assert code(take(sandbox, parcel(face, recipient=plain)))[1] == "isv.invalid-parameter:recipient"
    assert code(take(sandbox, parcel(face), address={**SENDERS[0], "detail": "别处"}))[1] == (
        "isv.invalid-parameter:sender"
    )
    assert code(take(sandbox, *[parcel(face, object_id=str(n)) for n in range(11)]))[0] == 21001
    as_other = {"order_channels_type": "OTHERS", "trade_order_list": [face["order_sn"]]}
    assert code(take(sandbox, parcel(face, order_info=as_other)))[1] == (
        "isv.invalid-parameter:order_channels_type"
    )
    assert not sandbox.effects("waybill.number")


def test_that_unused_numbers_come_back_to_the_balance_after_their_days(sandbox: Served) -> None:
    def balance() -> dict[str, int]:
        cols = pop(sandbox, "pdd.waybill.search", wp_code="ZTO")["waybill_apply_subscription_cols"]
        return cols[0]["branch_account_cols"][0]

    before = balance()["quantity"]
    codes = [
        take(sandbox, parcel(detail(sandbox, of(sandbox, "", n))))["modules"][0]["waybill_code"]
        for n in (0, 1)
    ]
    pop(sandbox, "pdd.waybill.cancel", waybill_code=codes[0], wp_code="ZTO")
    assert (balance()["quantity"], balance()["cancel_quantity"]) == (before - 2, 1)
    sandbox.control("drive", what="pinduoduo_days", days=15, wait=True)
    assert (balance()["quantity"], balance()["recycled_quantity"]) == (before - 1, 1)
    sandbox.control("drive", what="pinduoduo_days", days=15, wait=True)
    assert (balance()["quantity"], balance()["recycled_quantity"]) == (before, 2)
    late = pop(sandbox, "pdd.waybill.cancel", waybill_code=codes[1], wp_code="ZTO")
    assert code(late)[1] == "isv.waybill-cancel-fail"


def test_that_a_code_is_good_once_and_consent_does_not_grow_by_refreshing(sandbox: Served) -> None:
    query = {"response_type": "code", "client_id": PINDUODUO["client_id"], "redirect_uri": "http://127.0.0.1/b",
             "state": "s", "auto": "1"}  # fmt: skip
    back = sandbox.http.get("/pinduoduo/service-market/auth", params=query).headers["location"]
    given = httpx.URL(back).params
    assert given["state"] == "s"
    ask = {"order_sn": of(sandbox, "")}
    assert code(pop(sandbox, "pdd.order.information.get", **ask))[0] == 10019, (
        "asking cancels the tokens in force"
    )
    token = pop(sandbox, "pdd.pop.auth.token.create", code=given["code"])
    assert token["owner_id"] == PINDUODUO["mall_id"]
    assert "order_info" in pop(
        sandbox, "pdd.order.information.get", **ask, public_access_token=token["access_token"]
    )
    assert code(pop(sandbox, "pdd.pop.auth.token.create", code=given["code"]))[1] == "isv.code-invalid"
    again = pop(sandbox, "pdd.pop.auth.token.refresh", refresh_token=token["refresh_token"])
    assert again["refresh_token_expires_at"] == token["refresh_token_expires_at"]
    assert code(pop(sandbox, "pdd.pop.auth.token.refresh", refresh_token=token["refresh_token"]))[0] == 50001


def test_that_a_used_up_quota_says_so(sandbox: Served) -> None:
    sandbox.control("quota", platform="pinduoduo", app=PINDUODUO["client_id"], limit=1, seconds=60)
    ask = {"kind": "pdd.order.information.get", "order_sn": of(sandbox, "")}
    assert "order_info" in pop(sandbox, **ask)
    assert code(pop(sandbox, **ask))[0] == 70031


def test_that_messages_come_signed_twice_late_forged_and_stale(sandbox: Served) -> None:
    ear = Listener([b'{"commandType":"Ack"}'])
    try:
        said = sandbox.control(
            "drive", what="pinduoduo_messages", target=ear.url, wait=True,
            numbers=[of(sandbox, "", n) for n in range(24)],
        )["result"]  # fmt: skip
    finally:
        ear.close()
    assert {name: said[name] for name in ("sent", "twice", "late", "forged", "stale")} == {
        "sent": 24, "twice": 4, "late": 6, "forged": 3, "stale": 2,
    }  # fmt: skip
    assert len(ear.heard) == 24 + 4 + 3 + 2
    good = 0
    for path, headers, body in ear.heard:
        assert path == "/callbacks/channel/pinduoduo-main"
        plain = f"{headers['x-pdd-client-id']}{headers['x-pdd-time']}{PINDUODUO['client_secret']}"
        right = base64.b64encode(hashlib.md5(plain.encode()).hexdigest().encode()).decode()
        good += right == headers["x-pdd-digest"]
        frame = json.loads(body)
        assert frame["message"]["type"].startswith("pdd_")
        assert set(json.loads(frame["message"]["content"])) == {"mall_id", "tid"}
    assert good == 24 + 4 + 2


def test_that_orders_of_one_person_form_a_group(sandbox: Served) -> None:
    numbers = [of(sandbox, "", n) for n in range(3)]
    groups = pop(
        sandbox, "pdd.order.merge.ship.order.group", order_list=[{"order_sn": number} for number in numbers]
    )["order_group_list"]
    assert sorted(n for group in groups for n in group["order_sn_list"]) == sorted(numbers)
