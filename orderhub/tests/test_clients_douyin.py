"""Douyin's client against the sandbox's own code of the protocol, over real HTTP; its ledger is the judge."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from orderhub.integrations import oauth, signing
from orderhub.integrations.clients.douyin import refusal
from orderhub.integrations.errors import PlatformError
from orderhub.integrations.jsontext import loads
from orderhub.integrations.models import Call, Connection
from orderhub.integrations.registry import client
from orderhub.sandbox.credentials import DOUYIN
from orderhub.testing.sandbox import RunningSandbox, running_sandbox
from orderhub.testing.speaking import fresh_sandbox, speak  # noqa: F401

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
CARRIER = "zhongtong"
SCENES = {"scenarios": {}}


@pytest.fixture(scope="module", name="sandbox_world")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    folder = Path(tmp_path_factory.mktemp("douyin"))
    with running_sandbox(folder, seed=7, orders=120, mix="douyin=100", platforms="douyin") as running:
        yield running


def window() -> tuple[datetime, datetime]:
    now = datetime.now(UTC)
    return now - timedelta(days=30), now + timedelta(minutes=1)


def numbers(douyin: Any) -> list[str]:
    pages = range(-(-douyin.changed_count(*window()) // 50))
    return [str(row["order_id"]) for page in pages for row in douyin.changed_page(*window(), page, 50)]


def waiting(douyin: Any, lines: int = 1) -> dict[str, Any]:
    """A paid order of so many lines at least that no scenario touches."""
    strange = {n for found in SCENES["scenarios"].values() for n in found}
    for order, _raw in douyin.details(numbers(douyin)).values():
        plain = order["order_id"] not in strange and order["order_status"] == 2
        if plain and len(order["sku_order_list"]) >= lines:
            return order
    raise AssertionError("the sandbox has no order to ship")


@pytest.fixture(name="douyin")
def connect(sandbox: RunningSandbox) -> Any:
    SCENES["scenarios"] = sandbox.scenarios()
    return speak("douyin", sandbox)


def parcel(order: dict[str, Any], **more: Any) -> dict[str, Any]:
    at = order["post_addr"]
    address = {"country_code": "CHN", "province_name": at["province"]["name"], "city_name": at["city"]["name"],
               "district_name": at["town"]["name"], "detail_address": at["encrypt_detail"]}  # fmt: skip
    contact = {"name": order["encrypt_post_receiver"], "mobile": order["encrypt_post_tel"]}
    receiver = {"address": address, "contact": contact}
    items = [{"item_name": "goods", "item_count": 1}]
    return {"order_id": order["order_id"], "receiver_info": receiver, "items": items, **more}


def sender(douyin: Any) -> dict[str, Any]:
    outlet = douyin.netsites(CARRIER)[0]
    return {"address": outlet["sender_address"][0], "contact": {"name": "仓库", "mobile": "13800000000"}}


def test_that_count_and_pages_from_zero_agree_and_the_newest_change_comes_first(douyin: Any) -> None:
    total = douyin.changed_count(*window())
    found = [row for page in range(20) for row in douyin.changed_page(*window(), page, 7)]
    assert len({row["order_id"] for row in found}) == total > 50
    assert [row["update_time"] for row in found] == sorted((r["update_time"] for r in found), reverse=True)
    end = datetime.now(UTC)
    assert douyin.changed_page(end - timedelta(seconds=2), end - timedelta(seconds=1), 0) == []


def test_that_the_raw_bytes_of_an_order_are_the_order_and_hold_nobody_in_the_clear(douyin: Any) -> None:
    order, raw = douyin.detail(numbers(douyin)[0] + "A")
    assert loads(raw) == order and b"log_id" not in raw
    assert "*" in order["mask_post_receiver"] and order["encrypt_post_tel"].startswith("$$")
    kept = Call.objects.filter(method="order.orderDetail").get()
    assert (
        order["encrypt_post_receiver"] not in kept.response and order["open_address_id"] not in kept.response
    )


def test_that_a_parcel_is_told_once_and_repeating_says_so(sandbox: RunningSandbox, douyin: Any) -> None:
    number = waiting(douyin)["order_id"]
    assert douyin.shipped_numbers(number) == set()
    assert douyin.ship(number, CARRIER, "75000000000001") == {"already": False}
    assert douyin.ship(number, CARRIER, "75000000000001") == {"already": True}
    with pytest.raises(PlatformError) as refused:
        douyin.ship(number, CARRIER, "75000000000002")
    assert refused.value.kind == "business"
    assert [row["key"] for row in sandbox.ledger("channel.ship") if row["effect"]] == [number]


def test_that_a_part_is_told_by_its_lines_and_its_request_is_made_once(
    sandbox: RunningSandbox, douyin: Any
) -> None:
    order = waiting(douyin, lines=2)
    line = order["sku_order_list"][0]
    part = [(line["order_id"], line["item_num"])]
    assert douyin.ship(order["order_id"], CARRIER, "75000000000003", part) == {"already": False}
    assert douyin.ship(order["order_id"], CARRIER, "75000000000003", part) == {"already": True}
    assert douyin.ship(order["order_id"], CARRIER, "75000000000004") == {"already": False}
    assert douyin.shipped_numbers(order["order_id"]) == {"75000000000003", "75000000000004"}
    assert len([row for row in sandbox.ledger("channel.ship") if row["effect"]]) == 2


def test_that_a_pending_refund_refuses_the_parcel_and_is_never_rejected(
    sandbox: RunningSandbox, douyin: Any
) -> None:
    number = sandbox.scenarios()["refund_before_ship"][0]
    douyin.detail(number)
    with pytest.raises(PlatformError) as refused:
        douyin.ship(number, CARRIER, "75000000000005")
    assert refused.value.kind == "business"
    assert not [row for row in sandbox.ledger("channel.ship") if row["effect"]]
    cases = douyin.refunds(*window(), 0)
    assert {case["shop_order_id"] for case in cases} == {number}
    assert {case["aftersale_status"] for case in cases} == {6}


@pytest.mark.parametrize(
    ("kind", "read", "write"),
    [("html", "retry", "unknown"), ("half_json", "retry", "unknown"), ("500_before", "retry", "unknown"),
     ("500_after", "retry", "unknown"), ("quota", "retry", "retry"), ("lost_answer", "retry", "unknown"),
     ("deny", "business", "business"), ("skew", "configuration", "configuration")],
)  # fmt: skip
def test_that_faults_mean_what_the_call_may_have_done(
    sandbox: RunningSandbox, douyin: Any, kind: str, read: str, write: str
) -> None:
    number = waiting(douyin)["order_id"]
    sandbox.fault(kind, "douyin", "order.orderDetail", times=1, seconds=3600)
    sandbox.fault(kind, "douyin", "order.logisticsAdd", times=1, seconds=3600)
    with pytest.raises(PlatformError) as reading:
        douyin.detail(number)
    with pytest.raises(PlatformError) as writing:
        douyin.ship(number, CARRIER, "75000000000006")
    assert (reading.value.kind, writing.value.kind) == (read, write)


def test_that_an_expired_token_is_refreshed_once_by_many_readers(
    sandbox: RunningSandbox, douyin: Any
) -> None:
    wanted = numbers(douyin)[:12]
    before = douyin.access_token
    sandbox.drive("douyin_expire_token")
    found = douyin.details(wanted, threads=6)
    assert list(found) == wanted and not any(isinstance(one, PlatformError) for one in found.values())
    assert Call.objects.filter(method="oauth.refresh_token", outcome="ok").count() == 1
    stored = Connection.objects.get(pk=douyin.connection.pk)
    assert stored.token["access_token"] not in ("", before) and stored.token["shop_id"] == DOUYIN["shop_id"]
    life = stored.refresh_expires_at - datetime.now(UTC)
    assert timedelta(days=13, hours=23) < life <= timedelta(days=14)


def test_that_a_revoked_shop_waits_for_its_owner_and_a_new_code_heals_it(
    sandbox: RunningSandbox, douyin: Any
) -> None:
    sandbox.drive("douyin_revoke_token")
    for _again in range(2):
        with pytest.raises(PlatformError) as refused:
            douyin.changed_count(*window())
        assert refused.value.kind == "reauthorise"
    row = Connection.objects.get(pk=douyin.connection.pk)
    assert row.state == "needs_authorisation" and row.state_reason
    url = oauth.authorise_url(row, "state-1")
    assert dict(httpx.URL(url).params) == {"service_id": DOUYIN["service_id"], "state": "state-1"}
    back = httpx.get(url + "&auto=1", trust_env=False).headers["location"]
    query = httpx.URL(back).params
    oauth.exchange(row, query["code"])
    assert client(Connection.objects.get(pk=row.pk)).changed_count(*window()) > 0
    with pytest.raises(PlatformError) as used:
        oauth.exchange(row, query["code"])
    assert used.value.kind == "reauthorise"


def test_that_a_sealed_order_gets_a_number_once_and_gives_it_back(
    sandbox: RunningSandbox, douyin: Any
) -> None:
    order = waiting(douyin)
    bad = parcel(order, order_id="1")
    good, refused = douyin.new_numbers(CARRIER, sender(douyin), [parcel(order), bad])
    assert [row["order_id"] for row in refused] == ["1"] and refused[0]["err_msg"]
    number = good[0]["track_no"]
    assert good[0]["sort_code"]
    again, _none = douyin.new_numbers(CARRIER, sender(douyin), [parcel(order)])
    assert again[0]["track_no"] == number
    printed, _none = douyin.print_data(CARRIER, [number])
    assert printed[0]["print_data"] and printed[0]["sign"]
    assert douyin.templates(CARRIER)[0]["template_url"].startswith("https://")
    assert douyin.update_number(CARRIER, number, {"remark": "轻放"})["sort_code"] == good[0]["sort_code"]
    assert douyin.print_data(CARRIER, [number])[0][0]["print_data"] != printed[0]["print_data"]
    assert douyin.cancel_number(CARRIER, number) and douyin.cancel_number(CARRIER, number)
    assert douyin.print_data(CARRIER, [number])[1]
    effects = [row for row in sandbox.ledger("waybill.number") if row["effect"]]
    assert len(effects) == 1 and len([r for r in sandbox.ledger("waybill.cancel") if r["effect"]]) == 1


def test_that_a_carrier_is_asked_by_ciphertext_whether_it_goes_there(douyin: Any) -> None:
    place = {
        "city_name": "拉萨市",
        "district_name": "城关区",
        "street_name": "",
        "detail_address": "##ab==##1##",
    }
    assert douyin.out_of_range("yunda", {"province_name": "西藏自治区", **place}) == (True, "4")
    assert douyin.out_of_range(CARRIER, {"province_name": "西藏自治区", **place}) == (False, "")


def test_that_an_address_change_is_answered_once(sandbox: RunningSandbox, douyin: Any) -> None:
    moved = sandbox.scenarios()["address_changed"][0]
    for refusal_word, other_answer in (("", "leaving"), ("leaving", "")):
        sandbox.reset()
        douyin.call("order.AddressAppliedSwitch", {"is_allowed": 1, "review_type": 0}, effect=True)
        assert not douyin.answer_address_change(moved, refusal_word), "nobody has asked yet"
        douyin.detail(moved)
        assert douyin.answer_address_change(moved, refusal_word)
        assert douyin.answer_address_change(moved + "A", refusal_word)
        with pytest.raises(PlatformError) as late:
            douyin.answer_address_change(moved, other_answer)
        assert late.value.kind == "business"


def test_that_the_print_station_gets_a_query_that_the_gateway_accepts(
    sandbox: RunningSandbox, douyin: Any
) -> None:
    url = f"{sandbox.url_of('douyin')}/logistics/getShopKey?{douyin.shop_key_query()}"
    assert httpx.post(url, content=b"{}", trust_env=False).json()["data"]["key"]


# Without a sandbox


def test_that_a_message_is_ours_only_with_our_key_secret_and_bytes() -> None:
    made = Connection(platform="douyin", app_key="7000000000000000001")
    made.set_secrets({"app_secret": "test-secret"})
    body = b'[{"tag":"100","msg_id":"6802","data":"{\\"shop_id\\":1}"}]'
    sign = "6757879c307423210101ae664b867286"
    douyin = client(made)
    assert douyin.event_is_ours("7000000000000000001", sign, body)
    assert douyin.event_is_ours("7000000000000000001", sign.upper(), body)
    for app, given, sent in (("1", sign, body), (made.app_key, "", body), (made.app_key, sign, body + b" ")):
        assert not douyin.event_is_ours(app, given, sent)
    broken = b"\xff[]"
    forged = hashlib.md5(made.app_key.encode() + b"?[]" + b"test-secret", usedforsecurity=False).hexdigest()
    assert not douyin.event_is_ours(made.app_key, forged, broken)


def test_that_the_canonical_text_is_sorted_at_every_depth_and_escapes_nothing() -> None:
    value = {"b": [{"z": 1, "a": "<&>中"}], "a": {"d": True, "c": None}}
    assert signing.douyin_json(value) == '{"a":{"c":null,"d":true},"b":[{"a":"<&>中","z":1}]}'
    with pytest.raises(ValueError):
        signing.douyin_json({"a": float("nan")})


@pytest.mark.parametrize(
    ("code", "sub", "read", "write"),
    [(20000, "", "retry", "unknown"), (20001, "", "retry", "unknown"),
     (30001, "isv.app-permissions-insufficient", "configuration", "configuration"),
     (30001, "dop.authorization-closed", "reauthorise", "reauthorise"),
     (30001, "dop.authorization-no-existed", "reauthorise", "reauthorise"),
     (30001, "dop.app-forbidden", "configuration", "configuration"), (30002, "", "configuration", "configuration"),
     (40001, "", "business", "business"), (40003, "isv.signature-invalid", "configuration", "configuration"),
     (40003, "isv.timestamp-invalid", "configuration", "configuration"),
     (40003, "isv.access-token-expired", "reauthorise", "reauthorise"),
     (40003, "isv.access-token-no-existed", "reauthorise", "reauthorise"),
     (40003, "isv.never-heard-of", "business", "business"), (40004, "", "business", "business"),
     (50001, "", "business", "unknown"), (50002, "isv.business-failed:4007", "retry", "retry"),
     (50002, "isv.business-failed:1", "business", "business"), (50002, "isp.service-error:4001", "retry", "unknown"),
     (60000, "", "retry", "retry"), (70000, "", "configuration", "configuration"),
     (80000, "", "configuration", "configuration"), (90000, "", "retry", "unknown"),
     (12345, "", "business", "unknown"), ("?", "", "business", "unknown"), (None, "", "business", "unknown")],
)  # fmt: skip
def test_that_every_code_has_a_meaning_and_a_strange_one_is_never_repeated_by_itself(
    code: Any, sub: str, read: str, write: str
) -> None:
    answer = {"code": code, "sub_code": sub, "sub_msg": "because"}
    kinds = [refusal("logistics.newCreateOrder", answer, effect).kind for effect in (False, True)]
    assert kinds == [read, write]
