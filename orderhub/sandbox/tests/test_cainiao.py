"""E-waybills over the Taobao gateway: who may take a number, that it stays the same, and when it can go back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from orderhub.sandbox.credentials import TAOBAO
from orderhub.sandbox.tests.served import Served, compact, served
from orderhub.sandbox.tests.top import code, top

TEMPLATE = "http://cloudprint.cainiao.com/template/standard/290659"


@pytest.fixture(scope="module")
def sandbox():
    with served("taobao", "own_shop", orders=300) as made:
        yield made


def plain(sandbox: Served, nth: int) -> str:
    fit = [o.number for o in sandbox.world.of("taobao") if not o.scenario and o.paid_at]
    return fit[nth]


def sender(sandbox: Served) -> dict[str, Any]:
    found = top(sandbox, "cainiao.waybill.ii.search", cp_code="ZTO")
    (row,) = found["waybill_apply_subscription_cols"]["waybill_apply_subscription_info"]
    branch = row["branch_account_cols"]["waybill_branch_account"][0]
    address = branch["shipp_address_cols"]["address_dto"][0]
    return {"name": "晴川家居", "mobile": "19900000000", "address": address}


def parcel(sandbox: Served, tid: str, **change: Any) -> dict[str, Any]:
    trade = top(
        sandbox, "taobao.trade.fullinfo.get", tid=tid, include_oaid="include_oaid",
        fields="receiver_name,receiver_mobile,receiver_state,receiver_city,receiver_district,receiver_address,oaid",
    )["trade"]  # fmt: skip
    address = {
        "province": trade["receiver_state"], "city": trade["receiver_city"], "district": trade["receiver_district"],
        "detail": trade["receiver_address"],
    }  # fmt: skip
    made = {
        "object_id": f"o{tid}", "user_id": int(TAOBAO["seller_id"]), "template_url": TEMPLATE,
        "order_info": {"order_channels_type": "TB", "trade_order_list": [tid]},
        "package_info": {"id": "1", "items": [{"name": "热水袋", "count": 1}], "weight": 400},
        "recipient": {
            "name": trade["receiver_name"], "mobile": trade["receiver_mobile"], "address": address,
            "oaid": trade["oaid"], "tid": tid,
        },
    }  # fmt: skip
    made["recipient"].update(change.pop("recipient", {}))
    made["order_info"].update(change.pop("order_info", {}))
    return {**made, **change}


def take(sandbox: Served, *parcels: dict[str, Any], **change: Any) -> dict[str, Any]:
    body = {"cp_code": "ZTO", "sender": sender(sandbox), "trade_order_info_dtos": list(parcels), **change}
    return top(sandbox, "cainiao.waybill.ii.get", param_waybill_cloud_print_apply_new_request=compact(body))


def rows(answer: dict[str, Any]) -> list[dict[str, Any]]:
    return answer["modules"]["waybill_cloud_print_response"]


def test_that_a_number_comes_with_a_print_payload_and_a_sort_code(sandbox):
    tid = plain(sandbox, 0)
    (row,) = rows(take(sandbox, parcel(sandbox, tid)))
    payload = json.loads(row["print_data"])
    assert payload["encryptedData"].startswith("AES:") and payload["signature"].startswith("MD:")
    assert payload["templateURL"] == TEMPLATE
    assert json.loads(row["extra_info"])["sortingCode"]
    assert row["object_id"] == f"o{tid}" and len(row["waybill_code"]) == 14
    assert sandbox.world.waybill(row["waybill_code"])["number"] == tid


def test_that_asking_again_gives_the_old_number(sandbox):
    tid = plain(sandbox, 1)
    one, two = (rows(take(sandbox, parcel(sandbox, tid)))[0] for _ in range(2))
    assert one == two
    assert len(sandbox.effects("waybill.number", f"ZTO:{tid}/1")) == 1
    second = parcel(sandbox, tid, package_info={"id": "2", "items": [{"name": "杯", "count": 1}]})
    assert rows(take(sandbox, second))[0]["waybill_code"] != one["waybill_code"]


def test_that_a_lost_answer_can_be_asked_after(sandbox):
    tid = plain(sandbox, 2)
    asked = [{"object_id": f"o{tid}", "cp_code": "ZTO", "biz_sub_code": tid}]
    query = {"param_list": compact(asked)}
    before = top(sandbox, "cainiao.waybill.ii.query.by.tradecode", **query)
    assert before["modules"]["waybill_cloud_print_with_result_desc_response"][0]["success"] is False
    number = rows(take(sandbox, parcel(sandbox, tid)))[0]["waybill_code"]
    after = top(sandbox, "cainiao.waybill.ii.query.by.tradecode", **query)
    (row,) = after["modules"]["waybill_cloud_print_with_result_desc_response"]
    assert row["success"] is True and row["waybill_cloud_print_response"]["waybill_code"] == number
    by_number = top(sandbox, "cainiao.waybill.ii.query.by.waybillcode",
                    param_list=compact([{"object_id": "x", "cp_code": "ZTO", "waybill_code": number}]))  # fmt: skip
    assert by_number["modules"]["waybill_cloud_print_with_result_desc_response"][0]["success"] is True


def test_that_a_stale_oaid_is_refused_and_the_new_one_taken(sandbox):
    tid = sandbox.world.scenarios["address_changed"][0]
    stale = parcel(sandbox, tid)
    assert code(take(sandbox, stale)) == (15, "isv.oaid-mismatch")
    assert rows(take(sandbox, parcel(sandbox, tid)))


@pytest.mark.parametrize(
    ("change", "sub"),
    [
        ({"recipient": {"oaid": ""}}, "isv.oaid-missing"),
        ({"recipient": {"mobile": "13800000000"}}, "isv.recipient-error"),
        ({"recipient": {"oaid": "of somebody else"}}, "isv.oaid-mismatch"),
        ({"recipient": {"tid": "404"}}, "isv.oaid-mismatch"),
        ({"order_info": {"order_channels_type": "OTHERS"}}, "isv.recipient-error"),
        ({"order_info": {"trade_order_list": ["订单"]}}, "isv.param-error"),
        ({"order_info": {"trade_order_list": []}}, "isv.param-error"),
        ({"user_id": 1}, "isv.param-error"),
        ({"object_id": ""}, "isv.param-error"),
        ({"package_info": {"id": "1", "items": []}}, "isv.param-error"),
    ],
)
def test_that_a_wrong_parcel_is_refused_for_its_own_reason(sandbox, change, sub):
    tid = plain(sandbox, 3)
    assert code(take(sandbox, parcel(sandbox, tid, **change))) == (15, sub)


def test_that_sender_carrier_and_batch_are_checked(sandbox):
    tid = plain(sandbox, 4)
    one = parcel(sandbox, tid)
    moved = sender(sandbox)
    moved["address"] = {**moved["address"], "detail": moved["address"]["detail"] + " "}
    assert code(take(sandbox, one, sender=moved))[1] == "isv.sender-not-subscribed"
    assert code(take(sandbox, one, cp_code="SF"))[1] == "isv.no-subscription"
    assert code(take(sandbox, *[one] * 11))[1] == "isv.param-error"
    assert code(take(sandbox, one, one))[1] == "isv.param-error"
    assert (
        code(top(sandbox, "cainiao.waybill.ii.get", param_waybill_cloud_print_apply_new_request="{"))[0] == 41
    )
    assert code(top(sandbox, "cainiao.waybill.ii.get"))[0] == 40
    assert not sandbox.world.ledger.find("waybill.number", f"ZTO:{tid}/1")


def test_that_an_own_shop_order_gets_a_number_with_a_plain_receiver(sandbox):
    order = next(o for o in sandbox.world.of("own_shop") if o.paid_at)
    to = order.receiver
    address = {"province": to.province, "city": to.city, "district": to.district, "detail": to.address}
    made = parcel(
        sandbox, plain(sandbox, 5), recipient={"name": to.name, "mobile": to.phone, "address": address, "oaid": "", "tid": ""},
        order_info={"order_channels_type": "OTHERS", "trade_order_list": [order.number]},
    )  # fmt: skip
    assert rows(take(sandbox, made))


def test_that_a_number_goes_back_once_and_a_new_one_follows(sandbox):
    tid = plain(sandbox, 6)
    one = rows(take(sandbox, parcel(sandbox, tid)))[0]["waybill_code"]
    cancel = {"cp_code": "ZTO", "waybill_code": one}
    assert top(sandbox, "cainiao.waybill.ii.cancel", **cancel)["cancel_result"] is True
    assert code(top(sandbox, "cainiao.waybill.ii.cancel", **cancel)) == (15, "isv.waybill-cancelled")
    assert len(sandbox.effects("waybill.cancel", one)) == 1
    assert rows(take(sandbox, parcel(sandbox, tid)))[0]["waybill_code"] != one
    missing = {"cp_code": "ZTO", "waybill_code": "78"}
    assert code(top(sandbox, "cainiao.waybill.ii.cancel", **missing)) == (15, "isv.waybill-not-exist")


def test_that_a_picked_up_number_does_not_go_back(sandbox):
    tid = plain(sandbox, 7)
    number = rows(take(sandbox, parcel(sandbox, tid)))[0]["waybill_code"]
    assert sandbox.world.schedule(tid).happened("picked_up", sandbox.world.now())
    top(sandbox, "taobao.logistics.offline.send", tid=tid, out_sid=number, company_code="ZTO")
    refused = top(sandbox, "cainiao.waybill.ii.cancel", cp_code="ZTO", waybill_code=number)
    assert code(refused) == (15, "isv.waybill-picked-up")
