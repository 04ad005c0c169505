"""Pinduoduo's client against the sandbox's own code of its protocol, over real HTTP; the ledger is the judge."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from orderhub.integrations import oauth
from orderhub.integrations.clients import pinduoduo as wire
from orderhub.integrations.clients.pinduoduo_errors import refusal
from orderhub.integrations.errors import PlatformError
from orderhub.integrations.jsontext import loads
from orderhub.integrations.models import Call, Connection
from orderhub.integrations.registry import client
from orderhub.sandbox.world import World
from orderhub.testing.sandbox import RunningSandbox, running_sandbox
from orderhub.testing.speaking import fresh_sandbox, speak  # noqa: F401

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
MIX, ORDERS, SEED = "pinduoduo=90,own_shop=10", 150, 7
NUMBER, OTHER = "76000001234567", "76000007654321"


@pytest.fixture(scope="module", name="sandbox_world")
def start_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    folder = Path(tmp_path_factory.mktemp("pinduoduo"))
    with running_sandbox(folder, seed=SEED, orders=ORDERS, mix=MIX) as running:
        yield running


@pytest.fixture(autouse=True)
def without_companies() -> None:
    wire._companies.clear()


def now() -> datetime:
    return datetime.now(UTC)


def numbers(scenario: str = "") -> list[str]:
    world = World(SEED, ORDERS, mix=MIX)
    return [order.number for order in world.of("pinduoduo") if order.scenario == scenario]


def effects(sandbox: RunningSandbox, kind: str) -> list[dict[str, Any]]:
    return [row for row in sandbox.ledger(kind, platform="pinduoduo") if row["effect"]]


def parcel(order: dict[str, Any]) -> dict[str, Any]:
    to = {"name": order["receiver_name"], "mobile": order["receiver_phone"],
          "address": {"province": order["province"], "detail": order["receiver_address"]}}  # fmt: skip
    return {
        "object_id": "P1", "template_url": "https://example.com/t", "recipient": to,
        "order_info": {"order_channels_type": "PDD", "trade_order_list": [order["order_sn"]]},
        "package_info": {"id": "1", "items": [{"name": "goods", "count": 1}]},
    }  # fmt: skip


def sender(pinduoduo: Any) -> dict[str, Any]:
    place = pinduoduo.waybill_search("ZTO")[0]["branch_account_cols"][0]["shipp_address_cols"][0]
    return {"name": "仓库", "mobile": "13800000000", "address": place}


def test_that_counts_and_pages_agree_and_a_page_past_the_end_is_empty(sandbox: RunningSandbox) -> None:
    pinduoduo = speak("pinduoduo", sandbox)
    found: list[str] = []
    for back in range(18):
        window = now() - timedelta(hours=24 * (back + 1)), now() - timedelta(hours=24 * back)
        total = pinduoduo.confirmed_count(*window)
        pages = [pinduoduo.confirmed_page(*window, page, 4) for page in range(1, -(-total // 4) + 2)]
        assert pages[-1] == [] and sum(len(page) for page in pages) == total
        found += [row["order_sn"] for page in pages for row in page]
    assert len(found) == len(set(found)) > 100


def test_that_what_changed_is_found_in_a_window_of_half_an_hour(sandbox: RunningSandbox) -> None:
    pinduoduo = speak("pinduoduo", sandbox)
    changed = set(sandbox.modify(5, "pinduoduo"))
    window = now() - timedelta(minutes=29), now() + timedelta(seconds=20)
    assert pinduoduo.changed_count(*window) >= 5
    assert changed <= {row["order_sn"] for row in pinduoduo.changed_page(*window, 1, 100)}
    with pytest.raises(PlatformError) as wide:
        pinduoduo.changed_count(now() - timedelta(minutes=31), now())
    assert (wide.value.kind, wide.value.code) == ("business", "21001")


def test_that_the_raw_bytes_of_an_order_are_the_order(sandbox: RunningSandbox) -> None:
    order, raw = speak("pinduoduo", sandbox).detail(numbers()[0])
    assert loads(raw) == order
    assert b"request_id" not in raw and order["receiver_name"].startswith("~")
    kept = Call.objects.get(method="pdd.order.information.get")
    assert order["receiver_name"] not in kept.response and order["open_address_id"] not in kept.response


def test_that_an_order_is_sent_once_and_repeating_says_so(sandbox: RunningSandbox) -> None:
    pinduoduo, number = speak("pinduoduo", sandbox), numbers()[1]
    assert pinduoduo.shipped_with(number) is None
    assert pinduoduo.send(number, "ZTO", NUMBER) == {"already": False}
    assert pinduoduo.send(number, "ZTO", NUMBER) == {"already": True}
    with pytest.raises(PlatformError) as other:
        pinduoduo.send(number, "ZTO", OTHER)
    assert other.value.kind == "business"
    pinduoduo.send_extra(number, [("YTO", "YT9000001234567")])
    assert pinduoduo.detail(number)[0]["extra_delivery_list"][0]["tracking_number"] == "YT9000001234567"
    assert [row["key"] for row in effects(sandbox, "channel.ship")] == [number, f"{number}/YT9000001234567"]
    assert effects(sandbox, "channel.ship")[0]["body"]["logistics_id"] == 44, "Pinduoduo's own number of ZTO"
    with pytest.raises(PlatformError) as unknown:
        pinduoduo.send(numbers()[2], "NOBODY", NUMBER)
    assert (unknown.value.kind, unknown.value.code) == ("configuration", "unknown_carrier")


def test_that_an_order_under_review_is_not_sent(sandbox: RunningSandbox) -> None:
    pinduoduo, number = speak("pinduoduo", sandbox), numbers("risk_control")[0]
    with pytest.raises(PlatformError) as refused:
        pinduoduo.send(number, "ZTO", NUMBER)
    assert refused.value.kind == "business" and not effects(sandbox, "channel.ship")


def test_that_a_lost_answer_after_sending_is_unknown_and_can_be_asked(sandbox: RunningSandbox) -> None:
    pinduoduo, number = speak("pinduoduo", sandbox), numbers()[3]
    pinduoduo.company_id("ZTO")
    sandbox.fault("lost_answer", "pinduoduo", "pdd.logistics.online.send", times=1)
    with pytest.raises(PlatformError) as lost:
        pinduoduo.send(number, "ZTO", NUMBER)
    assert lost.value.kind == "unknown"
    assert pinduoduo.shipped_with(number) == NUMBER


@pytest.mark.parametrize(
    ("kind", "read", "write"),
    [("html", "retry", "unknown"), ("half_json", "retry", "unknown"), ("500_before", "retry", "unknown"),
     ("500_after", "retry", "unknown"), ("quota", "retry", "retry"), ("lost_answer", "retry", "unknown")],
)  # fmt: skip
def test_that_faults_mean_what_the_call_may_have_done(
    sandbox: RunningSandbox, kind: str, read: str, write: str
) -> None:
    pinduoduo, number = speak("pinduoduo", sandbox), numbers()[4]
    pinduoduo.company_id("ZTO")
    for call in ("pdd.order.information.get", "pdd.logistics.online.send"):
        sandbox.fault(kind, "pinduoduo", call, times=1)
    with pytest.raises(PlatformError) as reading:
        pinduoduo.detail(number)
    with pytest.raises(PlatformError) as writing:
        pinduoduo.send(number, "ZTO", NUMBER)
    assert (reading.value.kind, writing.value.kind) == (read, write)


@pytest.mark.parametrize(
    ("error", "read", "write"),
    [({"error_code": 10019, "error_msg": "x"}, "reauthorise", "reauthorise"),
     ({"error_code": 50001, "error_msg": "access_token已过期"}, "reauthorise", "reauthorise"),
     ({"error_code": 50001, "error_msg": "系统错误"}, "retry", "unknown"),
     ({"error_code": 50001, "sub_code": "isv.order-status-error"}, "business", "business"),
     ({"error_code": 50001, "sub_code": "isv.waybill-is-updating"}, "retry", "unknown"),
     ({"error_code": 50001, "sub_code": "never.seen"}, "business", "business"),
     ({"error_code": 70031}, "retry", "retry"), ({"error_code": 70033}, "retry", "retry"),
     ({"error_code": 70034}, "configuration", "configuration"), ({"error_code": 20004}, "configuration", "configuration"),
     ({"error_code": 52001}, "retry", "unknown"), ({"error_code": 99999}, "business", "unknown"),
     ({}, "business", "unknown")],
)  # fmt: skip
def test_that_every_refusal_has_a_kind_and_an_unknown_one_is_never_repeated(
    error: dict[str, Any], read: str, write: str
) -> None:
    assert (refusal(error, False).kind, refusal(error, True).kind) == (read, write)


def test_that_a_number_can_be_put_right_on_the_connection() -> None:
    banned = {"error_code": 70032, "error_msg": "?"}
    assert refusal(banned, False, {"70032": "retry"}).kind == "retry"
    assert refusal(banned, False, {"70032": "no such kind"}).kind == "configuration"


def test_that_an_expired_token_is_refreshed_once_by_a_pool_of_readers(sandbox: RunningSandbox) -> None:
    pinduoduo = speak("pinduoduo", sandbox)
    before = pinduoduo.access_token
    sandbox.drive("expire_token", platform="pinduoduo")
    wanted = numbers()[:12]
    found = pinduoduo.details(wanted, threads=6)
    assert list(found) == wanted and not any(isinstance(one, PlatformError) for one in found.values())
    stored = Connection.objects.get(pk=pinduoduo.connection.pk)
    assert stored.token["access_token"] not in (before, "") and stored.token["owner_id"]
    assert stored.refresh_expires_at is not None and stored.token_expires_at is not None
    assert Call.objects.filter(method="oauth.refresh_token", outcome="ok").count() == 1


def test_that_a_revoked_shop_waits_for_its_owner_and_a_new_code_heals_it(sandbox: RunningSandbox) -> None:
    pinduoduo = speak("pinduoduo", sandbox)
    sandbox.drive("revoke_token", platform="pinduoduo")
    for _again in range(2):
        with pytest.raises(PlatformError) as refused:
            pinduoduo.detail(numbers()[0])
        assert refused.value.kind == "reauthorise"
    row = Connection.objects.get(pk=pinduoduo.connection.pk)
    assert row.state == "needs_authorisation"
    url = oauth.authorise_url(row, "state-1")
    assert "/service-market/auth?" in url
    back = httpx.URL(httpx.get(url + "&auto=1", trust_env=False).headers["location"]).params
    assert back["state"] == "state-1"
    oauth.exchange(row, back["code"])
    assert client(Connection.objects.get(pk=row.pk)).detail(numbers()[0])[0]["order_sn"] == numbers()[0]
    with pytest.raises(PlatformError):
        oauth.exchange(row, back["code"])
    sandbox.fault("skew", "pinduoduo", times=1, seconds=3600)
    with pytest.raises(PlatformError) as skewed:
        client(row).company_id("ZTO")
    assert skewed.value.kind == "configuration"


def test_that_a_masked_order_gets_a_number_once_and_gives_it_back(sandbox: RunningSandbox) -> None:
    pinduoduo = speak("pinduoduo", sandbox)
    order, _raw = pinduoduo.detail(numbers()[5])
    house = sender(pinduoduo)
    first = pinduoduo.waybill_get("ZTO", house, [parcel(order)])[0]
    assert json.loads(first["print_data"])["templateUrl"] == "https://example.com/t"
    again = pinduoduo.waybill_get("ZTO", house, [parcel(order)])[0]
    assert again["waybill_code"] == first["waybill_code"] and len(effects(sandbox, "waybill.number")) == 1
    assert pinduoduo.waybill_query("ZTO", [first["waybill_code"]])[0]["print_data"] == first["print_data"]
    assert pinduoduo.waybill_query("ZTO", ["7600000"]) == []
    with pytest.raises(PlatformError) as moved:
        pinduoduo.waybill_get("ZTO", house, [parcel({**order, "receiver_name": "~other~1~"})])
    assert (moved.value.kind, moved.value.code) == ("business", "isv.invalid-parameter:recipient")
    assert pinduoduo.waybill_cancel("ZTO", first["waybill_code"])
    assert pinduoduo.waybill_cancel("ZTO", first["waybill_code"])
    assert len(effects(sandbox, "waybill.cancel")) == 1
    with pytest.raises(ValueError, match="10 parcels"):
        pinduoduo.waybill_get("ZTO", house, [parcel(order)] * 11)


def test_that_an_address_is_set_before_sending_only_and_groups_are_asked_for(sandbox: RunningSandbox) -> None:
    pinduoduo, (one, two) = speak("pinduoduo", sandbox), numbers()[6:8]
    new = {"province": "浙江省", "city": "杭州市", "town": "西湖区", "address": "文三路1号", "receiver_name": "某人",
           "receiver_phone": "13900000000"}  # fmt: skip
    pinduoduo.update_address(one, **new)
    assert pinduoduo.detail(one)[0]["town"] == "西湖区"
    pinduoduo.send(one, "ZTO", NUMBER)
    with pytest.raises(PlatformError) as late:
        pinduoduo.update_address(one, **new)
    assert late.value.kind == "business"
    assert sorted(pinduoduo.merge_groups([one, two])) == sorted([[one], [two]])


def test_that_refunds_are_listed_by_their_change(sandbox: RunningSandbox) -> None:
    pinduoduo, number = speak("pinduoduo", sandbox), numbers("refund_before_ship")[0]
    window = now() - timedelta(minutes=20), now() + timedelta(minutes=5)
    assert pinduoduo.refund_count(*window) == 0
    pinduoduo.detail(number)
    assert [row["order_sn"] for row in pinduoduo.refund_page(*window, 1)] == [number]
    assert pinduoduo.refund_count(*window) == 1
