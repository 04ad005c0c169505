"""The frame itself: it repeats, misbehaves as told, counts, and ends when asked to."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from orderhub.sandbox.faults import Faults
from orderhub.sandbox.frame import Answer, Platform, Request
from orderhub.sandbox.ledger import Ledger
from orderhub.sandbox.platforms import PLATFORMS, MissingPlatform, resolve
from orderhub.sandbox.server import Sandbox
from orderhub.sandbox.tests.served import Served, served
from orderhub.sandbox.tests.top import code, top
from orderhub.sandbox.world import World

NOW = datetime(2026, 3, 5, 4, 0, tzinfo=UTC)
CONTRACT = {
    "duplicate_pair", "refund_before_ship", "address_changed", "unreadable", "unknown_sku", "payment_denied",
    "payment_wrong_amount", "pickup_overdue", "weight_off", "return", "unpaid", "refund_after_ship", "closed_unpaid",
}  # fmt: skip


@pytest.fixture(scope="module")
def sandbox():
    with served("taobao", "alipay", "own_shop", orders=300) as made:
        yield made


@pytest.fixture(autouse=True)
def without_faults(request):
    yield
    if "sandbox" in request.fixturenames:
        request.getfixturevalue("sandbox").control("reset")


def _time(sandbox: Served) -> dict:
    return top(sandbox, "taobao.time.get")


def test_that_the_same_seed_and_start_give_the_same_world():
    one, two, other = (World(seed, 1200, 15, NOW) for seed in (1, 1, 2))
    assert one.orders == two.orders and one.scenarios == two.scenarios
    assert one.orders.keys() != other.orders.keys()


def test_that_every_scenario_of_the_contract_exists_and_money_agrees():
    world = World(1, 1200, 15, NOW)
    assert world.scenarios.keys() >= CONTRACT
    for order in world.orders.values():
        assert order.payable == sum(line.payable for line in order.lines) + order.freight > 0
        assert order.created_at <= NOW and (order.paid_at or NOW) <= NOW
        assert all(line.payable == line.payable.quantize(line.unit_price) for line in order.lines)
    yuhang = sum(order.receiver.adcode == "330110" for order in world.orders.values())
    assert yuhang >= 0.08 * len(world.orders)
    fresh = [
        order
        for order in world.orders.values()
        if order.paid_at and NOW - order.paid_at < timedelta(minutes=20)
    ]
    assert len(fresh) >= 5


def test_that_a_duplicate_pair_has_the_same_person_and_goods_within_half_an_hour():
    world = World(1, 1200, 15, NOW)
    pair = [world.orders[number] for number in world.scenarios["duplicate_pair"]]
    by_phone: dict[str, list] = {}
    for order in pair:
        by_phone.setdefault(order.receiver.phone, []).append(order)
    assert by_phone
    for first, second in by_phone.values():
        assert [line.sku for line in first.lines] == [line.sku for line in second.lines]
        assert abs(first.created_at - second.created_at) < timedelta(minutes=30)


def test_that_a_second_order_goes_to_the_same_door_with_other_goods_in_every_channel():
    world = World(1, 1200, 15, NOW, mix="taobao=35,own_shop=35,pinduoduo=15,douyin=15")
    by_phone: dict[str, list] = {}
    for number in world.scenarios["same_door"]:
        by_phone.setdefault(world.orders[number].receiver.phone, []).append(world.orders[number])
    assert {first.channel for first, _second in by_phone.values()} == set(world.mix)
    for first, second in by_phone.values():
        assert (first.channel, first.buyer_id, first.receiver) == (
            second.channel,
            second.buyer_id,
            second.receiver,
        )
        assert not {line.sku for line in first.lines} & {line.sku for line in second.lines}
        assert second.payable == sum(line.payable for line in second.lines) + second.freight > 0


def test_that_a_schedule_is_in_order_and_repeats():
    world = World(1, 300, 15, NOW)
    for order in world.orders.values():
        if order.paid_at is None:
            continue
        plan = world.schedule(order.number)
        assert plan == world.schedule(order.number)
        moments = [order.paid_at, plan.waved, plan.packed, plan.printed, plan.shipped]
        if order.scenario == "pickup_overdue":
            assert plan.picked_up is None and plan.signed is None
        else:
            moments += [plan.picked_up, *plan.transit, plan.out_for_delivery, plan.signed]
        assert moments == sorted(moments)


def test_that_a_restart_on_the_same_ledger_keeps_the_orders(tmp_path):
    path = tmp_path / "ledger.sqlite"
    first = World(3, 100, 15, ledger=Ledger(path))
    time.sleep(1.1)
    assert World(3, 100, 15, ledger=Ledger(path)).orders == first.orders


def test_that_a_listed_platform_without_a_module_is_named_when_asked_for(monkeypatch):
    monkeypatch.setitem(PLATFORMS, "nowhere", "orderhub.sandbox.nowhere.Nowhere")
    with pytest.raises(MissingPlatform, match="nowhere"):
        resolve("nowhere")
    sandbox = Sandbox(World(1, 60, 15, NOW))
    assert sandbox.answer("GET", "/nowhere/x", {}, b"").status == 501
    with pytest.raises(MissingPlatform):
        Sandbox(World(1, 60, 15, NOW), ["nowhere"])


def test_that_the_next_platform_is_a_small_file():
    class Echo(Platform):
        prefix = "echo"

        def handle(self, request: Request) -> Answer:
            return Answer(200, {"said": request.params})

    sandbox = Sandbox(World(1, 60, 15, NOW), ["alipay"])
    sandbox.platforms["echo"] = Echo(sandbox.world)
    assert json.loads(sandbox.answer("GET", "/echo/a?b=%E4%B8%AD", {}, b"").encoded()) == {
        "said": {"b": "中"}
    }


def test_that_an_effect_is_made_once_however_often_it_is_asked_for():
    ledger = Ledger()
    assert [ledger.once("zto", "waybill.number", "1", lambda: {"n": 1})[1] for _ in range(3)] == [
        True,
        False,
        False,
    ]
    assert ledger.counts()["waybill.number"] == {"entries": 3, "effects": 1, "keys": 1, "doubled": 0}
    assert ledger.record("zto", "waybill.number", "1") == 2
    assert ledger.counts()["waybill.number"]["doubled"] == 1
    with pytest.raises(ValueError, match="unknown ledger kind"):
        ledger.record("zto", "no.such.kind", "1")


def test_that_a_fault_with_a_probability_repeats_with_its_seed():
    def draw(seed: int) -> list[bool]:
        faults = Faults(seed)
        faults.add({"kind": "500_before", "probability": 0.3})
        return ["500_before" in faults.plan("taobao", "x") for _ in range(200)]

    assert draw(1) == draw(1) != draw(2)
    assert 35 < sum(draw(1)) < 85


def test_that_times_and_after_count_the_calls(sandbox):
    sandbox.control(
        "faults", platform="taobao", method="taobao.time.get", kind="500_before", times=2, after=1
    )
    seen = [
        sandbox.http.post("/taobao/router/rest", data={"method": "taobao.time.get"}).status_code
        for _ in range(4)
    ]
    assert seen == [200, 500, 500, 200]


def test_that_an_unknown_fault_is_refused_with_a_sentence(sandbox):
    answer = sandbox.http.post("/_sandbox/faults", json={"kind": "meteor"})
    assert answer.status_code == 400 and "meteor" in answer.json()["error"]


def test_that_slow_is_slow_and_html_is_no_json(sandbox):
    sandbox.control("faults", platform="taobao", kind="slow", seconds=0.3, times=1)
    begun = time.monotonic()
    _time(sandbox)
    assert time.monotonic() - begun >= 0.3
    sandbox.control("faults", platform="taobao", kind="html", times=1)
    said = sandbox.http.post("/taobao/router/rest", data={"method": "taobao.time.get"})
    assert said.status_code == 200 and said.headers["content-type"].startswith("text/html")
    sandbox.control("faults", platform="taobao", kind="half_json", times=1)
    with pytest.raises(ValueError, match=r"JSON|Unterminated|Expecting"):
        _time(sandbox)


def _unsent(sandbox: Served) -> str:
    plain = [order for order in sandbox.world.of("taobao") if not order.scenario and order.paid_at]
    return next(order.number for order in plain if not sandbox.effects("channel.ship", order.number))


def test_that_a_lost_answer_has_had_its_effect(sandbox):
    tid = _unsent(sandbox)
    send = {"tid": tid, "out_sid": "78000000000001", "company_code": "ZTO"}
    sandbox.control(
        "faults", platform="taobao", method="taobao.logistics.offline.send", kind="lost_answer", times=1
    )
    with pytest.raises(httpx.TransportError):
        top(sandbox, "taobao.logistics.offline.send", **send)
    assert len(sandbox.effects("channel.ship", tid)) == 1
    again = top(sandbox, "taobao.logistics.offline.send", **send)
    assert code(again) == (15, "isv.logistics-offline-service-error:B04")
    assert len(sandbox.effects("channel.ship", tid)) == 1


def test_that_a_500_before_has_no_effect_and_a_500_after_has_one(sandbox):
    for kind, effects in (("500_before", 0), ("500_after", 1)):
        tid = _unsent(sandbox)
        sandbox.control(
            "faults", platform="taobao", method="taobao.logistics.offline.send", kind=kind, times=1
        )
        with (
            pytest.raises(ValueError, match=r"Expecting|assert|too many")
            if kind == "500_after"
            else pytest.raises(AssertionError)
        ):
            top(
                sandbox,
                "taobao.logistics.offline.send",
                tid=tid,
                out_sid="78000000000002",
                company_code="ZTO",
            )
        assert len(sandbox.effects("channel.ship", tid)) == effects


def test_that_deny_quota_and_a_real_quota_speak_the_platforms_language(sandbox):
    sandbox.control("faults", platform="taobao", kind="deny", times=1)
    assert code(_time(sandbox))[0] == 15
    sandbox.control("faults", platform="taobao", kind="quota", times=1)
    assert code(_time(sandbox))[0] == 7
    sandbox.control("quota", platform="taobao", limit=2, seconds=60)
    assert [("error_response" in _time(sandbox)) for _ in range(3)] == [False, False, True]


def test_that_a_skewed_clock_refuses_a_right_timestamp(sandbox):
    sandbox.control("faults", platform="taobao", kind="skew", seconds=900, times=1)
    assert code(_time(sandbox)) == (31, "isv.invalid-timestamp")
    assert "time" in _time(sandbox)


def test_that_keep_alive_and_chunked_bodies_work(sandbox):
    def parts():
        yield b"method=taobao."
        yield b"time.get"

    headers = {"content-type": "application/x-www-form-urlencoded"}
    for _ in range(3):
        said = sandbox.http.post("/taobao/router/rest", content=parts(), headers=headers)
        assert said.status_code == 200 and said.json()["error_response"]["code"] == 23


def test_that_unknown_paths_say_what_there_is(sandbox):
    assert sandbox.http.get("/nothing").status_code == 404
    assert sandbox.http.get("/_sandbox/nothing").status_code == 404
    assert sandbox.http.get("/_sandbox/health").json()["ok"] is True


def test_that_the_process_ends_on_sigterm_and_keeps_its_ledger(tmp_path):
    command = [
        sys.executable,
        "-m",
        "orderhub.sandbox.server",
        "--port",
        "0",
        "--orders",
        "60",
        "--platforms",
        "taobao",
    ]
    process = subprocess.Popen(
        [*command, "--ledger", str(tmp_path / "l.sqlite")], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    url = json.loads(process.stdout.readline())["sandbox"]
    assert httpx.get(url + "/_sandbox/health", trust_env=False).json()["orders"] >= 60
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    process.stdout.close()
    assert Ledger(tmp_path / "l.sqlite").counts()["source.order"]["effects"] > 20


def test_that_a_platform_that_is_not_there_ends_the_start_with_a_sentence():
    command = [sys.executable, "-m", "orderhub.sandbox.server", "--port", "0", "--platforms", "nowhere"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and "nowhere" in done.stderr
