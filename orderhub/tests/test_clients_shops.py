"""The shops' clients against the sandbox's own code of their protocols, over real HTTP; its ledger is the judge."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from orderhub.integrations import oauth
from orderhub.integrations.errors import PlatformError
from orderhub.integrations.models import Call, Connection
from orderhub.integrations.registry import client
from orderhub.testing.sandbox import RunningSandbox
from orderhub.testing.speaking import ORDERS, SEED, fresh_sandbox, speak, start_sandbox  # noqa: F401
from orderhub.testing.trades import waiting, window

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
CARRIER = "ZTO"


def tids(taobao: Any) -> list[str]:
    return [str(row["tid"]) for row in taobao.created_page(*window(), 1, 60)]


# Taobao


def test_that_taobao_counts_and_pages_agree(sandbox: RunningSandbox) -> None:
    taobao = speak("taobao", sandbox)
    total = taobao.created_count(*window())
    found = [row["tid"] for page in range(1, 20) for row in taobao.created_page(*window(), page, 7)]
    assert total > 10
    assert len(set(found)) == total
    end = datetime.now(UTC)
    assert taobao.sold_page(end - timedelta(seconds=2), end - timedelta(seconds=1), 1) == []
    assert taobao.sold_count(end - timedelta(hours=20), end) >= 0


def test_that_the_raw_bytes_of_a_trade_are_the_trade(sandbox: RunningSandbox) -> None:
    from orderhub.integrations.jsontext import loads

    trade, raw = waiting(speak("taobao", sandbox))
    assert loads(raw) == trade
    assert b"request_id" not in raw
    assert "*" in trade["receiver_name"] and trade["oaid"]


def test_that_a_trade_is_shipped_once_and_repeating_says_so(sandbox: RunningSandbox) -> None:
    taobao = speak("taobao", sandbox)
    tid = str(waiting(taobao)[0]["tid"])
    assert taobao.shipped_with(tid) is None
    assert taobao.offline_send(tid, CARRIER, "78000000000001") == {"already": False}
    assert taobao.offline_send(tid, CARRIER, "78000000000001") == {"already": True}
    with pytest.raises(PlatformError) as refused:
        taobao.offline_send(tid, CARRIER, "78000000000002")
    assert refused.value.kind == "business"
    assert len([row for row in sandbox.ledger("channel.ship", platform="taobao") if row["effect"]]) == 1


def test_that_a_lost_answer_after_shipping_is_unknown_and_can_be_asked(sandbox: RunningSandbox) -> None:
    taobao = speak("taobao", sandbox)
    tid = str(waiting(taobao)[0]["tid"])
    sandbox.fault("lost_answer", "taobao", "taobao.logistics.offline.send", times=1)
    with pytest.raises(PlatformError) as lost:
        taobao.offline_send(tid, CARRIER, "78000000000009")
    assert lost.value.kind == "unknown"
    assert taobao.shipped_with(tid) == "78000000000009"


@pytest.mark.parametrize(
    ("kind", "read", "write"),
    [("html", "retry", "unknown"), ("half_json", "retry", "unknown"), ("500_before", "retry", "unknown"),
     ("500_after", "retry", "unknown"), ("quota", "retry", "retry"), ("lost_answer", "retry", "unknown")],
)  # fmt: skip
def test_that_faults_mean_what_the_call_may_have_done(
    sandbox: RunningSandbox, kind: str, read: str, write: str
) -> None:
    taobao = speak("taobao", sandbox)
    tid = str(waiting(taobao)[0]["tid"])
    sandbox.fault(kind, "taobao", "taobao.trade.fullinfo.get", times=1)
    sandbox.fault(kind, "taobao", "taobao.logistics.offline.send", times=1)
    with pytest.raises(PlatformError) as reading:
        taobao.fullinfo(tid)
    with pytest.raises(PlatformError) as writing:
        taobao.offline_send(tid, CARRIER, "78000000000005")
    assert (reading.value.kind, writing.value.kind) == (read, write)


def test_that_a_wrong_clock_is_a_matter_of_settings(sandbox: RunningSandbox) -> None:
    taobao = speak("taobao", sandbox)
    sandbox.fault("skew", "taobao", times=1, seconds=3600)
    with pytest.raises(PlatformError) as skewed:
        taobao.created_count(*window())
    assert skewed.value.kind == "configuration"


def test_that_an_expired_session_is_refreshed_once_and_the_call_repeated(sandbox: RunningSandbox) -> None:
    taobao = speak("taobao", sandbox)
    before = taobao.connection.token["access_token"]
    sandbox.drive("expire_token")
    assert taobao.created_count(*window()) > 0
    stored = Connection.objects.get(pk=taobao.connection.pk)
    assert stored.token["access_token"] not in (before, "")
    assert stored.state == "ok" and stored.token_expires_at is not None
    assert Call.objects.filter(method="oauth.refresh_token", outcome="ok").count() == 1
    found = taobao.fullinfo_many(tids(taobao)[:8])
    assert len(found) == 8 and not any(isinstance(one, PlatformError) for one in found.values())


def test_that_a_pool_of_readers_refreshes_once(sandbox: RunningSandbox) -> None:
    taobao = speak("taobao", sandbox)
    wanted = tids(taobao)[:12]
    sandbox.drive("expire_token")
    found = taobao.fullinfo_many(wanted, threads=6)
    assert list(found) == wanted and not any(isinstance(one, PlatformError) for one in found.values())
    assert Call.objects.filter(method="oauth.refresh_token").count() == 1


def test_that_a_revoked_shop_waits_for_its_owner_and_a_new_code_heals_it(sandbox: RunningSandbox) -> None:
    import httpx

    taobao = speak("taobao", sandbox)
    sandbox.drive("revoke_token")
    for _again in range(2):
        with pytest.raises(PlatformError) as refused:
            taobao.created_count(*window())
        assert refused.value.kind == "reauthorise"
    row = Connection.objects.get(pk=taobao.connection.pk)
    assert row.state == "needs_authorisation" and row.state_reason
    assert Call.objects.filter(method="oauth.refresh_token").count() == 1
    url = oauth.authorise_url(row, "state-1")
    back = httpx.get(url + "&auto=1", trust_env=False).headers["location"]
    query = httpx.URL(back).params
    assert query["state"] == "state-1"
    oauth.exchange(row, query["code"])
    assert client(Connection.objects.get(pk=row.pk)).created_count(*window()) > 0
    with pytest.raises(PlatformError):
        oauth.exchange(row, query["code"])
    assert Connection.objects.get(pk=row.pk).state == "ok"


# Cainiao


def parcel(trade: dict[str, Any], **recipient: Any) -> dict[str, Any]:
    to = {"oaid": trade["oaid"], "tid": str(trade["tid"]), "name": trade["receiver_name"],
          "mobile": trade["receiver_mobile"],
          "address": {"province": trade["receiver_state"], "city": trade.get("receiver_city"),
                      "district": trade.get("receiver_district"), "detail": trade["receiver_address"]}}  # fmt: skip
    return {
        "object_id": f"P{trade['tid']}", "template_url": "http://cloudprint.cainiao.com/template/standard/1",
        "order_info": {"order_channels_type": "TB", "trade_order_list": [str(trade["tid"])]},
        "package_info": {"id": "1", "items": [{"name": "goods", "count": 1}]}, "recipient": to | recipient,
    }  # fmt: skip


def test_that_a_masked_order_gets_a_number_once_and_gives_it_back(sandbox: RunningSandbox) -> None:
    cainiao = speak("cainiao", sandbox)
    trade = waiting(cainiao)[0]
    outlet = cainiao.waybill_search(CARRIER)[0]["branch_account_cols"][0]
    assert outlet["quantity"] > 0
    place = {
        name: value for name, value in outlet["shipp_address_cols"][0].items() if name != "waybill_address_id"
    }
    sender = {"name": "仓库", "mobile": "13800000000", "address": place}
    user = cainiao.connection.options["user_id"]
    first = cainiao.waybill_get(CARRIER, sender, [parcel(trade)], user)[0]
    assert first["waybill_code"] and isinstance(first["print_data"], str)
    assert (
        cainiao.waybill_get(CARRIER, sender, [parcel(trade)], user)[0]["waybill_code"]
        == first["waybill_code"]
    )
    asked = {"object_id": f"P{trade['tid']}", "cp_code": CARRIER, "biz_sub_code": str(trade["tid"])}
    known = cainiao.waybill_query([asked])[0]
    assert known["success"] and known["waybill_code"] == first["waybill_code"]
    with pytest.raises(PlatformError) as moved:
        cainiao.waybill_get(CARRIER, sender, [parcel(trade, oaid="another")], user)
    assert (moved.value.kind, moved.value.code) == ("business", "oaid_mismatch")
    assert cainiao.waybill_cancel(CARRIER, first["waybill_code"])
    assert cainiao.waybill_cancel(CARRIER, first["waybill_code"])
    assert not cainiao.waybill_query([asked])[0]["success"]


# Own shop and Alipay


def test_that_the_own_shop_takes_a_shipment_once(sandbox: RunningSandbox) -> None:
    shop = speak("own_shop", sandbox)
    number = own_order(sandbox)
    assert shop.order_state(number)["state"] == "paid"
    now = datetime.now(UTC)
    assert shop.report_shipment(number, CARRIER, "73000000000001", now) == {"already": False}
    assert shop.report_shipment(number, CARRIER, "73000000000001", now) == {"already": True}
    with pytest.raises(PlatformError) as other:
        shop.report_shipment(number, CARRIER, "73000000000002", now)
    assert (other.value.kind, other.value.code) == ("business", "state")
    with pytest.raises(PlatformError) as absent:
        shop.order_state("no-such-order")
    assert (absent.value.kind, absent.value.code) == ("business", "not_found")
    wrong = speak("own_shop", sandbox, code="wrong", secrets={"app_secret": "wrong"})
    with pytest.raises(PlatformError) as forged:
        wrong.order_state(number)
    assert forged.value.kind == "configuration"


def own_order(sandbox: RunningSandbox) -> str:
    """A paid own-shop order of the sandbox's world, found by what its ledger of source orders or its states say."""
    shop = speak("own_shop", sandbox, save=False)
    from orderhub.sandbox.world import World  # the same seed gives the same world

    for number, order in World(seed=SEED, orders=ORDERS).orders.items():
        if order.channel == "own_shop":
            try:
                if shop.order_state(number)["state"] == "paid":
                    return number
            except PlatformError:
                continue
    raise AssertionError("the sandbox has no paid own-shop order")


def test_that_alipay_is_asked_and_its_answer_believed_only_when_signed(sandbox: RunningSandbox) -> None:
    alipay = speak("alipay", sandbox)
    trade = alipay.trade_query(own_order(sandbox))
    assert trade["trade_status"] == "TRADE_SUCCESS" and Decimal(trade["total_amount"]) > 0
    with pytest.raises(PlatformError) as absent:
        alipay.trade_query("no-such-order")
    assert (absent.value.kind, absent.value.code) == ("business", "ACQ.TRADE_NOT_EXIST")
    ours = alipay.connection.options["alipay_public_key"]
    from orderhub.sandbox.credentials import ALIPAY_APP_PUBLIC_KEY

    assert ours != ALIPAY_APP_PUBLIC_KEY
    deceived = speak("alipay", sandbox, code="deceived", options={"alipay_public_key": ALIPAY_APP_PUBLIC_KEY})
    with pytest.raises(PlatformError) as unsigned:
        deceived.trade_query(own_order(sandbox))
    assert unsigned.value.code == "answer_signature"
