"""Taobao as a third party sees it: signature, session, windows, pages, trades that change, shipping."""

from __future__ import annotations

import random
import time
from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import taobao_open
from taobao_open.api.base import RestApi, TopException
from taobaopy.taobao import TaoBaoAPIClient

from orderhub.sandbox.credentials import TAOBAO
from orderhub.sandbox.frame import beijing
from orderhub.sandbox.tests.served import Served, served
from orderhub.sandbox.tests.top import code, days, increment, signed, top

EVERYTHING = (
    "tid,status,type,payment,total_fee,post_fee,discount_fee,created,pay_time,modified,receiver_name,receiver_state,"
    "receiver_city,receiver_district,receiver_town,receiver_address,receiver_mobile,oaid,orders,seller_memo,consign_time"
)


@pytest.fixture(scope="module")
def sandbox():
    with served("taobao", orders=400) as made:
        yield made


def full(sandbox: Served, tid: str) -> dict[str, Any]:
    return top(sandbox, "taobao.trade.fullinfo.get", tid=tid, fields=EVERYTHING, include_oaid="include_oaid")[
        "trade"
    ]


def first(sandbox: Served, scenario: str) -> str:
    return next(n for n in sandbox.world.scenarios[scenario] if sandbox.world.orders[n].channel == "taobao")


def plain(sandbox: Served) -> str:
    """A trade to be shipped that no test has shipped yet."""
    return next(
        order.number
        for order in sandbox.world.of("taobao")
        if not order.scenario
        and order.paid_at
        and not sandbox.world.ledger.find("channel.ship", order.number)
    )


def public(sandbox: Served, **more: str) -> dict[str, str]:
    return {
        "method": "taobao.time.get", "app_key": TAOBAO["app_key"], "format": "json", "v": "2.0", "sign_method": "md5",
        "timestamp": beijing(sandbox.world.now()), **more,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"app_key": "1"}, 29),
        ({"app_key": ""}, 28),
        ({"method": "taobao.no.such"}, 22),
        ({"method": ""}, 21),
        ({"format": "xml"}, 23),
        ({"timestamp": ""}, 30),
        ({"timestamp": "yesterday"}, 31),
        ({"timestamp": "2020-01-01 00:00:00"}, 31),
        ({"v": "1.0"}, 33),
        ({"sign_method": "sha1"}, 25),
    ],
)
def test_that_wrong_public_parameters_get_their_own_code(sandbox, change, expected):
    answer = sandbox.http.post("/taobao/router/rest", data=signed(public(sandbox, **change))).json()
    assert answer["error_response"]["code"] == expected


def test_that_a_wrong_secret_is_an_invalid_signature(sandbox):
    answer = sandbox.http.post("/taobao/router/rest", data=signed(public(sandbox), "other")).json()
    assert answer["error_response"]["code"] == 25
    assert (
        sandbox.http.post("/taobao/router/rest", data=public(sandbox)).json()["error_response"]["code"] == 24
    )


def test_that_a_missing_and_a_strange_session_are_told_apart(sandbox):
    wanted = {"method": "taobao.trade.fullinfo.get", "tid": "1", "fields": "tid"}
    for session, expected in (("", 26), ("6100nobody", 27)):
        form = signed(public(sandbox, **wanted, session=session))
        assert (
            sandbox.http.post("/taobao/router/rest", data=form).json()["error_response"]["code"] == expected
        )


def _walk(sandbox: Served, **more: Any) -> dict[str, dict[str, Any]]:
    rows: dict[str, dict[str, Any]] = {}
    for start, end in days(sandbox):
        total = increment(sandbox, start, end, **more)["total_results"]
        for page in range(-(-total // 20), 0, -1):
            answer = increment(sandbox, start, end, page_no=page, page_size=20, **more)
            rows |= {str(row["tid"]): row for row in answer["trades"]["trade"]}
    return rows


def test_that_walking_the_windows_backwards_finds_every_trade(sandbox):
    rows = _walk(sandbox)
    assert rows.keys() == {order.number for order in sandbox.world.of("taobao")}
    noted = {row["key"] for row in sandbox.effects("source.order")}
    assert rows.keys() == noted
    assert all(set(row) == {"tid", "modified", "status"} for row in rows.values())


def test_that_other_types_are_left_out_unless_named(sandbox):
    default = _walk(sandbox, type="")
    everything = _walk(sandbox)
    assert 0 < len(everything) - len(default) < len(everything) / 8


def test_that_rows_come_newest_first_and_an_empty_page_has_no_trades(sandbox):
    start, end = days(sandbox)[3]
    answer = increment(sandbox, start, end)
    modified = [row["modified"] for row in answer["trades"]["trade"]]
    assert modified == sorted(modified, reverse=True)
    past = increment(sandbox, start, end, page_no=99)
    assert "trades" not in past and past["total_results"] == answer["total_results"]
    short = increment(sandbox, start, end, page_size=5, use_has_next="true")
    assert short["has_next"] is True and "total_results" not in short


def test_that_windows_pages_and_fields_are_checked(sandbox):
    now = sandbox.world.now()
    assert code(increment(sandbox, now - timedelta(days=1, seconds=5), now))[0] == 41
    assert code(increment(sandbox, now, now - timedelta(hours=1)))[0] == 41
    assert code(increment(sandbox, now - timedelta(days=120), now - timedelta(days=119.5)))[0] == 41
    assert code(increment(sandbox, now - timedelta(hours=1), now, page_size=101))[0] == 41
    assert code(increment(sandbox, now - timedelta(hours=1), now, page_no="x"))[0] == 41
    assert code(increment(sandbox, now - timedelta(hours=1), now, fields=""))[0] == 40
    assert code(top(sandbox, "taobao.trades.sold.increment.get", fields="tid"))[0] == 40
    assert code(top(sandbox, "taobao.trade.fullinfo.get", fields="tid", tid="404")) == (
        15,
        "isv.trade-not-exist",
    )


def test_that_a_list_by_creation_has_only_basic_fields(sandbox):
    start = beijing(sandbox.world.now() - timedelta(days=20))
    answer = top(sandbox, "taobao.trades.sold.get", fields=EVERYTHING, start_created=start, page_size=100)
    row = answer["trades"]["trade"][0]
    assert "orders" in row and not {"receiver_name", "receiver_mobile", "oaid", "seller_memo"} & row.keys()


def test_that_receivers_are_masked_and_the_region_is_readable(sandbox):
    order = sandbox.world.orders[plain(sandbox)]
    trade = full(sandbox, order.number)
    assert (
        trade["receiver_name"] == order.receiver.name[0] + "**" and trade["receiver_mobile"] == "1" + "*" * 10
    )
    assert (trade["receiver_state"], trade["receiver_city"], trade["receiver_district"]) == (
        order.receiver.province, order.receiver.city, order.receiver.district)  # fmt: skip
    assert order.receiver.address not in str(trade) and order.receiver.phone not in str(trade)
    assert 20 < len(trade["oaid"]) <= 128
    without = top(sandbox, "taobao.trade.fullinfo.get", tid=order.number, fields=EVERYTHING)["trade"]
    assert "oaid" not in without


def test_that_the_money_of_every_trade_adds_up(sandbox):
    for order in sandbox.world.of("taobao"):
        if order.scenario in ("unreadable", "refund_before_ship", "address_changed"):
            continue
        trade = full(sandbox, order.number)
        lines = trade["orders"]["order"]
        assert sum(Decimal(row["divide_order_fee"]) for row in lines) + Decimal(trade["post_fee"]) == Decimal(
            trade["payment"]
        )
        assert sum(Decimal(row["part_mjz_discount"]) for row in lines) == Decimal(trade["discount_fee"])
        for row in lines:
            assert Decimal(row["price"]) * row["num"] - Decimal(row["discount_fee"]) == Decimal(
                row["total_fee"]
            )
            assert Decimal(row["divide_order_fee"]) + Decimal(row["part_mjz_discount"]) == Decimal(
                row["total_fee"]
            )
        if len(lines) == 1:
            assert lines[0]["payment"] == trade["payment"]


def test_that_a_refund_appears_after_the_first_reading(sandbox):
    tid = first(sandbox, "refund_before_ship")
    before = full(sandbox, tid)
    assert {row["refund_status"] for row in before["orders"]["order"]} == {"NO_REFUND"}
    after = full(sandbox, tid)
    assert "WAIT_SELLER_AGREE" in {row["refund_status"] for row in after["orders"]["order"]}
    assert after["modified"] > before["modified"]
    start, end = days(sandbox)[0]
    assert tid in {str(row["tid"]) for row in increment(sandbox, start, end)["trades"]["trade"]}


def test_that_an_address_changes_after_the_first_reading_and_brings_a_new_oaid(sandbox):
    tid = first(sandbox, "address_changed")
    before, after = full(sandbox, tid), full(sandbox, tid)
    assert before["oaid"] != after["oaid"] and after["modified"] > before["modified"]
    assert full(sandbox, tid)["oaid"] == after["oaid"]


def test_that_strange_trades_are_strange_in_two_ways(sandbox):
    strange = [
        n for n in sandbox.world.scenarios["unreadable"] if sandbox.world.orders[n].channel == "taobao"
    ]
    assert strange
    assert full(sandbox, strange[0])["status"] == "WAIT_SELLER_STOCK_CHECK"


def test_that_unpaid_trades_wait_or_are_closed(sandbox):
    assert full(sandbox, first(sandbox, "unpaid"))["status"] == "WAIT_BUYER_PAY"
    closed = full(sandbox, first(sandbox, "closed_unpaid"))
    assert closed["status"] == "TRADE_CLOSED_BY_TAOBAO" and "pay_time" not in closed


def test_that_shipping_is_told_once(sandbox):
    tid = plain(sandbox)
    send = {"tid": tid, "out_sid": "78000000000009", "company_code": "ZTO"}
    assert top(sandbox, "taobao.logistics.offline.send", **send)["shipping"] == {"is_success": True}
    trade = full(sandbox, tid)
    assert trade["status"] == "WAIT_BUYER_CONFIRM_GOODS" and trade["consign_time"] == trade["modified"]
    assert trade["orders"]["order"][0]["invoice_no"] == "78000000000009"
    assert code(top(sandbox, "taobao.logistics.offline.send", **send)) == (
        15,
        "isv.logistics-offline-service-error:B04",
    )
    assert len(sandbox.effects("channel.ship", tid)) == 1


def test_that_shipping_is_refused_for_a_bad_company_number_or_state(sandbox):
    tid = plain(sandbox)
    for change, sub in (
        ({"company_code": "NOBODY"}, ":P03"), ({"out_sid": "1"}, ":B150"), ({"tid": first(sandbox, "unpaid")}, ":B04"),
        ({"sub_tid": "1"}, ":B04"),
    ):  # fmt: skip
        send = {"tid": tid, "out_sid": "78000000000010", "company_code": "ZTO", **change}
        answer = top(sandbox, "taobao.logistics.offline.send", **send)
        assert code(answer) == (15, "isv.logistics-offline-service-error" + sub)
    assert code(top(sandbox, "taobao.logistics.offline.send", tid=tid, company_code="ZTO"))[0] == 40
    assert not sandbox.effects("channel.ship", tid)


def test_that_part_of_a_trade_can_be_shipped(sandbox):
    order = next(
        order for order in sandbox.world.of("taobao")
        if len(order.lines) == 2 and not order.scenario and not sandbox.world.ledger.find("channel.ship", order.number)
    )  # fmt: skip
    one, two = (line.line_id for line in order.lines)
    send = {"tid": order.number, "company_code": "ZTO", "is_split": 1}
    top(sandbox, "taobao.logistics.offline.send", **send, sub_tid=one, out_sid="78000000000021")
    assert full(sandbox, order.number)["status"] == "SELLER_CONSIGNED_PART"
    top(sandbox, "taobao.logistics.offline.send", **send, sub_tid=two, out_sid="78000000000022")
    assert full(sandbox, order.number)["status"] == "WAIT_BUYER_CONFIRM_GOODS"


def test_that_a_refund_is_asked_for_some_seconds_after_shipping(sandbox):
    tid = first(sandbox, "refund_after_ship")
    top(sandbox, "taobao.logistics.offline.send", tid=tid, out_sid="78000000000031", company_code="ZTO")
    assert full(sandbox, tid)["orders"]["order"][0]["refund_status"] == "NO_REFUND"
    state = sandbox.world.ledger.recall("taobao", "trade:" + tid)
    assert state["refund_at"] > state["modified"]


def test_that_trades_can_be_changed_while_somebody_pages(sandbox):
    changed = sandbox.control("modify", n=7)["changed"]
    assert len(set(changed)) == 7
    start, end = days(sandbox)[0]
    rows = {str(row["tid"]): row for row in increment(sandbox, start, end)["trades"]["trade"]}
    assert set(changed) <= rows.keys()
    memo = full(sandbox, changed[0])["seller_memo"]
    assert memo == "v2"
    sandbox.world.ledger.recall("taobao", "trade:" + changed[0])


def test_that_the_oauth_page_gives_a_code_once():
    with served("taobao", orders=60) as sandbox:
        query = {"response_type": "code", "client_id": TAOBAO["app_key"], "state": "s1",
                 "redirect_uri": "http://127.0.0.1:9/back?shop=1"}  # fmt: skip
        page = sandbox.http.get("/taobao/authorize", params=query)
        assert page.status_code == 200 and 'id="agree"' in page.text
        back = sandbox.http.get("/taobao/authorize", params={**query, "auto": "1"})
        assert back.status_code == 302
        got = parse_qs(urlsplit(back.headers["location"]).query)
        assert got["state"] == ["s1"] and got["shop"] == ["1"]
        ask = {"grant_type": "authorization_code", "client_id": TAOBAO["app_key"], "code": got["code"][0],
               "client_secret": TAOBAO["app_secret"], "redirect_uri": query["redirect_uri"]}  # fmt: skip
        token = sandbox.http.post("/taobao/token", data=ask)
        assert token.status_code == 200 and token.json()["taobao_user_id"] == TAOBAO["seller_id"]
        assert sandbox.http.post("/taobao/token", data=ask).json()["error"] == "invalid_grant"
        assert sandbox.http.post("/taobao/token", data={**ask, "client_secret": "x"}).status_code == 400
        start, end = days(sandbox)[0]
        assert code(increment(sandbox, start, end))[0] == 27
        assert "total_results" in increment(sandbox, start, end, session=token.json()["access_token"])
        refused = sandbox.http.get("/taobao/authorize", params={**query, "refuse": "1"})
        assert "error=access_denied" in refused.headers["location"]
        assert sandbox.http.get("/taobao/authorize", params={**query, "client_id": "1"}).status_code == 400


def test_that_an_expired_token_is_refreshed_once_and_the_old_refresh_token_is_void():
    with served("taobao", orders=60) as sandbox:
        start, end = days(sandbox)[0]
        sandbox.control("faults", platform="taobao", kind="expire_token", times=1)
        assert code(increment(sandbox, start, end)) == (27, "invalid-sessionkey")
        ask = {"grant_type": "refresh_token", "client_id": TAOBAO["app_key"], "client_secret": TAOBAO["app_secret"],
               "refresh_token": TAOBAO["refresh_token"]}  # fmt: skip
        new = sandbox.http.post("/taobao/token", data=ask).json()
        assert "total_results" in increment(sandbox, start, end, session=new["access_token"])
        assert sandbox.http.post("/taobao/token", data=ask).json()["error"] == "invalid_grant"
        by_api = top(sandbox, "taobao.top.auth.token.refresh", refresh_token=new["refresh_token"], session="")
        assert '"access_token":"6100' in by_api["token_result"]
        sandbox.control("drive", what="revoke_token", wait=True)
        refused = top(
            sandbox, "taobao.top.auth.token.refresh", refresh_token=new["refresh_token"], session=""
        )
        assert code(refused)[0] == 15


def test_that_ten_thousand_orders_are_paged_quickly_while_they_change():
    with served("taobao", orders=10_000, scenarios=False) as sandbox:
        begun = time.monotonic()
        rng, found = random.Random(1), set()
        for start, end in days(sandbox):
            total = increment(sandbox, start, end)["total_results"]
            for page in range(-(-total // 100), 0, -1):
                answer = increment(sandbox, start, end, page_no=page)
                found |= {str(row["tid"]) for row in answer.get("trades", {}).get("trade", ())}
            sandbox.control("modify", n=rng.randrange(20))
        start, end = days(sandbox)[0]
        pages = -(-increment(sandbox, start, end)["total_results"] // 100)
        for page in range(pages, 0, -1):
            found |= {
                str(row["tid"]) for row in increment(sandbox, start, end, page_no=page)["trades"]["trade"]
            }
        assert found == {order.number for order in sandbox.world.of("taobao")}
        assert time.monotonic() - begun < 30


class SoldIncrement(RestApi):
    """The SDK ships no trade classes; its base does the signing and the sending."""

    def getapiname(self) -> str:
        return "taobao.trades.sold.increment.get"


@pytest.mark.sdk
def test_that_py_taobao_open_reads_trades(sandbox):
    host = urlsplit(sandbox.url)
    call = SoldIncrement(host.hostname, host.port)
    call.set_app_info(taobao_open.appinfo(TAOBAO["app_key"], TAOBAO["app_secret"]))
    start, end = days(sandbox)[2]
    call.fields, call.start_modified, call.end_modified = "tid,status", beijing(start), beijing(end)
    answer = call.getResponse(TAOBAO["session"])
    assert answer["trades_sold_increment_get_response"]["trades"]["trade"]
    call.set_app_info(taobao_open.appinfo(TAOBAO["app_key"], "other"))
    with pytest.raises(TopException) as refused:
        call.getResponse(TAOBAO["session"])
    assert refused.value.errorcode == 25


@pytest.mark.sdk
def test_that_taobaopy_reads_a_trade_with_an_hmac_signature(sandbox, monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    time.tzset()
    try:
        client = TaoBaoAPIClient(TAOBAO["app_key"], TAOBAO["app_secret"], domain=sandbox.url + "/taobao")
        tid = plain(sandbox)
        answer = client.trade_fullinfo_get(fields="tid,payment", tid=tid, session=TAOBAO["session"])
        assert str(answer["trade_fullinfo_get_response"]["trade"]["tid"]) == tid
    finally:
        monkeypatch.undo()
        time.tzset()
