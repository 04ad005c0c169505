"""Kuaidi100's side over real HTTP, callbacks included."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

import pytest

from orderhub.sandbox import traces
from orderhub.sandbox.tests.served import Listener, Served, compact, served

KEY, CUSTOMER, SALT = "sandboxKd100Key", "SANDBOXCUSTOMER0000000000000001", "pepper"
TAKEN = b'{"result":true,"returnCode":"200","message":"ok"}'


def md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest().upper()


@pytest.fixture
def box() -> Iterator[Served]:
    with served("kuaidi100") as made:
        yield made


@pytest.fixture
def ear() -> Iterator[Listener]:
    made = Listener([TAKEN])
    yield made
    made.close()


def query(box: Served, number: str, key: str = KEY, com: str = "zhongtong", **more: str) -> dict[str, Any]:
    param = compact({"com": com, "num": number, "resultv2": "4", **more})
    return box.http.post("/kuaidi100/poll/query.do", data={
        "customer": CUSTOMER, "sign": md5(param + key + CUSTOMER), "param": param}).json()  # fmt: skip


def subscribe(
    box: Served, number: str, url: str, company: str = "zhongtong", key: str = KEY
) -> dict[str, Any]:
    param = {"company": company, "number": number, "key": key,
             "parameters": {"callbackurl": url, "salt": SALT, "resultv2": "4", "autoCom": "1"}}  # fmt: skip
    return box.http.post("/kuaidi100/poll", data={"schema": "json", "param": compact(param)}).json()


def sent(box: Served, number: str, days: float = 7, scenario: str = "") -> Any:
    """An order paid so many days ago (or of a scenario), handed over with this number."""
    for order in box.world.orders.values():
        age = (box.world.now() - order.paid_at).total_seconds() if order.paid_at else 0
        if order.scenario == scenario and age > (0 if scenario else days * 86400):
            traces.hand_over(box.world, number, "ZTO", order.number, "HZ01", order.paid_at)
            return order
    raise LookupError(scenario)


def messages(ear: Listener) -> list[dict[str, Any]]:
    """What was pushed, after the signature over the raw text was checked."""
    made = []
    for _, _, body in ear.heard:
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        assert form["sign"] == md5(form["param"] + SALT)
        made.append(json.loads(form["param"]))
    return made


def test_that_a_signed_parcel_answers_newest_first_in_texts(box: Served) -> None:
    order = sent(box, "7300000000000001")
    said = query(box, "7300000000000001")
    assert (said["state"], said["ischeck"], said["status"], said["isLoop"]) == ("3", "1", "200", False)
    times = [row["time"] for row in said["data"]]
    assert times == sorted(times, reverse=True)
    assert (said["data"][0]["statusCode"], said["data"][-1]["statusCode"]) == ("301", "103")
    assert order.receiver.city in said["data"][0]["context"]


def test_that_nothing_is_known_of_a_number_that_nobody_sent(box: Served) -> None:
    box.world.take_waybill("7300000000000002", "ZTO", next(iter(box.world.orders)), "zto")
    assert query(box, "7300000000000002")["returnCode"] == "500"
    assert query(box, "7300000000000002", key="wrong")["returnCode"] == "503"
    assert query(box, "7300000000000002", com="nobody")["returnCode"] == "400"
    assert query(box, "7300000000000002", com="shunfeng")["returnCode"] == "408"


def test_that_a_parcel_never_picked_up_has_no_trace_and_its_subscription_is_given_up(
    box: Served, ear: Listener
) -> None:
    sent(box, "7300000000000003", scenario="pickup_overdue")
    assert query(box, "7300000000000003") == {
        "result": False, "returnCode": "500", "message": "POLL:查询无结果，请隔段时间再查",
    }  # fmt: skip
    subscribe(box, "7300000000000003", ear.url)
    box.control("drive", what="kuaidi100_callbacks", wait=True)
    for message in messages(ear):
        assert (message["status"], message["message"]) == ("abort", "3天查询无记录")


def test_that_the_lock_on_frequent_questions_can_be_switched_on(box: Served) -> None:
    sent(box, "7300000000000004")
    box.control("drive", what="kuaidi100_options", lock_minutes=30, wait=True)
    assert query(box, "7300000000000004")["state"] == "3"
    assert query(box, "7300000000000004")["returnCode"] == "502"


def test_that_a_callback_is_signed_whole_and_comes_once(box: Served, ear: Listener) -> None:
    sent(box, "7300000000000005")
    assert subscribe(box, "7300000000000005", ear.url)["returnCode"] == "200"
    assert subscribe(box, "7300000000000005", ear.url)["returnCode"] == "501"
    assert subscribe(box, "7300000000000006", ear.url, key="other")["returnCode"] == "601"
    assert len(box.effects("trace.subscribe")) == 1
    drive = box.control("drive", what="kuaidi100_callbacks", wait=True)
    assert drive["result"] == {"pushed": 1, "idle": True}
    box.control("drive", what="kuaidi100_callbacks", wait=True)
    (message,) = messages(ear)
    assert (message["status"], message["billstatus"]) == ("shutdown", "check")
    assert message["lastResult"]["data"][0]["statusCode"] == "301"


def test_that_callbacks_come_twice_and_old_after_new_on_request(box: Served, ear: Listener) -> None:
    sent(box, "7300000000000007")
    subscribe(box, "7300000000000007", ear.url)
    box.control("drive", what="kuaidi100_callbacks", duplicate=True, out_of_order=True, wait=True)
    lengths = [len(message["lastResult"]["data"]) for message in messages(ear)]
    assert len(lengths) == 3 and lengths[0] == lengths[2] == lengths[1] + 1


def test_that_a_refused_callback_is_sent_again_and_a_wrong_company_is_corrected(box: Served) -> None:
    ear = Listener([b"sorry", TAKEN])
    try:
        sent(box, "7300000000000008")
        subscribe(box, "7300000000000008", ear.url, company="yuantong")
        box.control("drive", what="kuaidi100_callbacks", wait=True)
        first, second = messages(ear)
        assert first == second
        assert (first["autoCheck"], first["comOld"], first["comNew"]) == ("1", "yuantong", "zhongtong")
    finally:
        ear.close()


def test_that_a_failed_first_attempt_shows_between_two_dispatches(box: Served) -> None:
    for order in box.world.orders.values():
        if order.paid_at and not box.world.schedule(order.number).first_attempt_ok and not order.scenario:
            number = f"74{order.seq:012d}"
            traces.hand_over(box.world, number, "ZTO", order.number, "YH01", order.paid_at)
            codes = [
                event.code for event in traces.every_scan(box.world.seed, traces.journey(box.world, number))
            ]
            assert codes[-4:] == ["5", "204", "5", "301"]
            return
    raise AssertionError("the world has no failed first attempt")


def test_that_a_number_told_to_a_shop_is_tracked_without_any_warehouse(box: Served) -> None:
    order = next(o for o in box.world.orders.values() if o.paid_at and not o.scenario)
    box.world.ledger.record("own_shop", "channel.ship", order.number, {"waybill": "7300000000000009"})
    assert query(box, "7300000000000009")["data"][-1]["statusCode"] == "103"
