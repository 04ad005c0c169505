"""Pinduoduo's orders as captured: words, money, sealed receivers, messages and windows. Personal data are replaced."""

from __future__ import annotations

import datetime as dt
import json
import time
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from orderhub import crypto
from orderhub.inbound import processing
from orderhub.inbound.keeping import Kept, keep_many
from orderhub.integrations import signing
from orderhub.integrations.errors import PlatformError
from orderhub.models import Connection, Message, Payload
from orders.models import Event, Hold, Order, Shop
from orders.operations import pull, recheck
from orders.providers import channel_of
from orders.providers.base import ChannelState, RefundState, Unreadable
from orders.providers.pinduoduo import Pinduoduo, parse
from orders.tests.conftest import beijing

SECRET, CLIENT, MALL = "the-client-secret", "the-client-id", "330000001"
#: As pdd.order.information.get sends it: yuan as numbers, times as Beijing text, the person as cipher text.
CAPTURED = """{"address":"~AgAAAAJaddr==~aWR4~0~~","address_mask":"****","after_sales_status":0,"buyer_memo":"尽快发货",
"capital_free_discount":0,"city":"杭州市","confirm_status":1,"confirm_time":"2026-11-20 10:01:02",
"created_time":"2026-11-20 10:00:31","discount_amount":3.3,"extra_delivery_list":[],"goods_amount":33.3,"group_status":1,
"item_list":[{"goods_count":2,"goods_id":400000000001,"goods_img":"","goods_name":"陶瓷杯","goods_price":10.1,
"goods_spec":"白色","outer_goods_id":"CUP","outer_id":"CUP-1","sku_id":1500000000001},
{"goods_count":1,"goods_id":400000000002,"goods_img":"","goods_name":"托盘","goods_price":13.1,"goods_spec":"默认",
"outer_goods_id":"TRAY-1","outer_id":"","sku_id":1500000000002}],
"last_ship_time":"2026-11-22 10:01:02","logistics_id":0,"open_address_id":"addr-1","order_sn":"261120-330000000000417",
"order_status":1,"order_tag_list":[],"pay_amount":35,"pay_no":"X","pay_time":"2026-11-20 10:01:02","pay_type":"WEIXIN",
"platform_discount":0,"postage":5,"province":"浙江省","receive_time":"","receiver_address":"~AgAAAAJaddr==~aWR4~0~~",
"receiver_address_mask":"****","receiver_name":"~AgAAAAJname==~aWR4~0~~","receiver_name_mask":"陈**",
"receiver_phone":"~AgAAAAJphone==~aWR4~0~~","receiver_phone_mask":"1**********","refund_status":1,"remark":"",
"risk_control_status":0,"seller_discount":3.3,"shipping_time":"","town":"余杭区","tracking_number":"",
"updated_at":"2026-11-20 10:01:03"}"""


def captured(**changes: Any) -> bytes:
    """The captured order, changed; Decimals would not be JSON, so amounts stay numbers."""
    return json.dumps({**json.loads(CAPTURED), **changes}, ensure_ascii=False).encode()


@pytest.fixture(name="shop")
def pinduoduo_shop(warehouses: Any) -> Shop:
    account = Connection(
        code="pdd", platform="pinduoduo", name="拼多多", base_url="http://127.0.0.1:1", app_key=CLIENT,
        options={"user_id": MALL},
    )  # fmt: skip
    account.set_secrets({"app_secret": SECRET})
    account.save()
    return Shop.objects.create(code="pdd", name="拼多多店", channel="pinduoduo", connection=account)


def take(shop: Shop, *raws: bytes) -> None:
    keep_many(
        shop.connection_id,
        [Kept("order", json.loads(raw)["order_sn"], f"{time.monotonic_ns()}", raw) for raw in raws],
    )
    processing.process("order")


def test_that_the_captured_order_is_read_to_the_fen() -> None:
    order = parse(CAPTURED.encode())
    assert (order.channel_number, order.state, order.refund) == (
        "261120-330000000000417", ChannelState.TO_SHIP, RefundState.NONE,
    )  # fmt: skip
    assert (order.goods_amount, order.discount, order.freight, order.payable) == tuple(
        map(Decimal, ("33.30", "3.30", "5.00", "35.00"))
    )
    assert sum(line.payable for line in order.lines) == order.payable
    assert [(line.channel_line, line.seller_code, line.quantity, line.unit_price) for line in order.lines] == [
        ("1500000000001", "CUP-1", 2, Decimal("10.1")), ("1500000000002", "TRAY-1", 1, Decimal("13.1")),
    ]  # fmt: skip
    assert order.paid_at == dt.datetime(2026, 11, 20, 2, 1, 2, tzinfo=dt.UTC)
    assert order.promised_ship_at == dt.datetime(2026, 11, 22, 2, 1, 2, tzinfo=dt.UTC)
    to = order.receiver
    assert (to.province, to.city, to.district, to.name_mask, to.plain) == (
        "浙江省",
        "杭州市",
        "余杭区",
        "陈**",
        None,
    )
    assert to.opaque and set(to.opaque) == {"name", "phone", "address", "address_id"} and to.key == "addr-1"


@pytest.mark.parametrize(
    ("changes", "state", "refund"),
    [({"confirm_status": 0}, ChannelState.UNPAID, RefundState.NONE),
     ({"confirm_status": 2}, ChannelState.CANCELLED, RefundState.NONE),
     ({"group_status": 0}, ChannelState.LOCKED, RefundState.NONE),
     ({"group_status": 2}, ChannelState.REFUNDED, RefundState.NONE),
     ({"risk_control_status": 1}, ChannelState.LOCKED, RefundState.NONE),
     ({"order_status": 2}, ChannelState.SHIPPED, RefundState.NONE),
     ({"order_status": 2, "risk_control_status": 1}, ChannelState.SHIPPED, RefundState.NONE),
     ({"order_status": 3}, ChannelState.SHIPPED, RefundState.NONE),
     ({"refund_status": 2, "after_sales_status": 2}, ChannelState.TO_SHIP, RefundState.ASKED),
     ({"after_sales_status": 8}, ChannelState.TO_SHIP, RefundState.ASKED),
     ({"after_sales_status": 6}, ChannelState.TO_SHIP, RefundState.REFUSED),
     ({"after_sales_status": 11}, ChannelState.TO_SHIP, RefundState.NONE),
     ({"after_sales_status": 16}, ChannelState.TO_SHIP, RefundState.ASKED),
     ({"refund_status": 4, "after_sales_status": 10}, ChannelState.REFUNDED, RefundState.DONE),
     ({"order_status": 2, "refund_status": 4, "after_sales_status": 10}, ChannelState.SHIPPED, RefundState.DONE)],
)  # fmt: skip
def test_that_states_and_refunds_have_our_words(
    changes: dict[str, Any], state: ChannelState, refund: RefundState
) -> None:
    order = parse(captured(**changes))
    assert (order.state, {line.refund for line in order.lines}) == (state, {refund})


@pytest.mark.parametrize(
    ("changes", "code", "word"),
    [({"order_status": 7}, "unknown_word", "order_status"), ({"confirm_status": 3}, "unknown_word", "confirm_status"),
     ({"group_status": 9}, "unknown_word", "group_status"), ({"after_sales_status": 99}, "unknown_word", "after_sales"),
     ({"refund_status": 9}, "unknown_word", "refund_status"), ({"risk_control_status": 2}, "unknown_word", "risk_control"),
     ({"pay_amount": "12.8O"}, "bad_money", "pay_amount"), ({"pay_amount": 12.345}, "bad_money", "pay_amount"),
     ({"pay_amount": -1}, "bad_money", ""),
     ({"updated_at": 1764000000}, "bad_time", "updated_at"), ({"item_list": []}, "missing", ""),
     ({"order_sn": ""}, "missing", "order_sn"), ({"pay_time": ""}, "missing", ""),
     ({"receiver_phone": "13900000000"}, "plain_receiver", "phone")],
)  # fmt: skip
def test_that_what_nobody_has_seen_is_named(changes: dict[str, Any], code: str, word: str) -> None:
    with pytest.raises(Unreadable) as refused:
        parse(captured(**changes))
    assert refused.value.code == code and word in refused.value.text


def test_that_two_lines_of_one_sku_are_two_lines() -> None:
    item = json.loads(CAPTURED)["item_list"][0]
    order = parse(captured(item_list=[item, item], discount_amount=0, pay_amount=45.4))
    assert [line.channel_line for line in order.lines] == ["1500000000001", "1500000000001-2"]


@pytest.mark.django_db
def test_that_an_order_under_review_waits_and_its_text_comes_without_a_new_address(shop: Shop) -> None:
    nothing = {"receiver_name": "", "receiver_phone": "", "receiver_address": "", "address": ""}
    take(shop, captured(risk_control_status=1, **nothing))
    order = Order.objects.get()
    locked = Hold.objects.filter(order=order, released_at=None, type="platform")
    assert locked.count() == 1
    assert json.loads(crypto.decrypt(bytes(order.receiver.opaque_enc))) == {"address_id": "addr-1"}
    take(shop, captured(updated_at="2026-11-20 10:05:00"))
    order.refresh_from_db()
    assert not locked.exists()
    opened = json.loads(crypto.decrypt(bytes(order.receiver.opaque_enc)))
    assert opened["phone"].startswith("~") and order.destination_version == 1
    take(shop, captured(updated_at="2026-11-20 10:06:00", **nothing))
    order.receiver.refresh_from_db()
    assert json.loads(crypto.decrypt(bytes(order.receiver.opaque_enc))) == opened, (
        "what was seen once is kept"
    )
    take(shop, captured(updated_at="2026-11-20 10:07:00", open_address_id="addr-2", town="西湖区"))
    order.refresh_from_db()
    assert order.destination_version == 2 and order.receiver.district == "西湖区"
    assert Event.objects.filter(order=order, code="address_changed").count() == 1


@pytest.mark.django_db
def test_that_no_cipher_text_lies_in_the_clear(shop: Shop) -> None:
    take(shop, captured())
    order = Order.objects.get()
    assert order.receiver.visibility == "masked" and order.receiver.plain_enc is None
    assert b"AgAAAAJ" not in bytes(order.receiver.opaque_enc) and b"AgAAAAJ" not in bytes(
        Payload.objects.get().raw_enc
    )


def push(
    frame: Any, *, secret: str = SECRET, client: str = CLIENT, age: float = 0.0, digest: str | None = None
) -> Any:
    millis = str(int((time.time() - age) * 1000))
    made = signing.pinduoduo_opening(client, millis, secret) if digest is None else digest
    body = frame if isinstance(frame, bytes) else json.dumps(frame).encode()
    headers = {"X-Pdd-Client-Id": client, "X-Pdd-Time": millis, "X-Pdd-Digest": made}
    return Client().post(reverse("channel-push", args=["pdd"]), body, "application/json", headers=headers)


def frame(
    identity: int, number: str, kind: str = "pdd_trade_TradeConfirmed", mall: str = MALL
) -> dict[str, Any]:
    content = json.dumps({"mall_id": int(mall), "tid": number})
    message = {"type": kind, "mallID": int(mall), "content": content}
    return {"commandType": "Common", "id": identity, "time": 1, "sendTime": 1, "message": message}


@pytest.mark.django_db
def test_that_messages_again_and_out_of_order_are_one_question_each(shop: Shop) -> None:
    for one in (
        frame(2, "B"),
        frame(1, "A"),
        frame(2, "B"),
        frame(3, "A", "pdd_refund_RefundCreated"),
        frame(1, "A"),
    ):
        answer = push(one)
        assert (answer.status_code, answer.content) == (200, b'{"commandType":"Ack"}')
    processing.process("letter")
    assert sorted(Message.objects.filter(kind="channel.look").values_list("data__number", flat=True)) == [
        "A",
        "A",
        "B",
    ]
    assert Payload.objects.filter(kind="letter").count() == 3


@pytest.mark.django_db
def test_that_forged_stale_and_foreign_messages_leave_nothing(shop: Shop) -> None:
    good = frame(1, "A")
    assert push(good, secret="other").status_code == 403
    assert push(good, client="other").status_code == 403
    assert push(good, digest="").status_code == 403
    assert push(good, age=3600).status_code == 403
    assert push(b"<html>").status_code == 400
    assert push(frame(1, "A", mall="999")).status_code == 200, "another shop of the same app"
    assert push({"commandType": "HeartBeat", "time": 1}).status_code == 200
    assert not Payload.objects.exists()


@pytest.mark.django_db
def test_that_a_message_of_an_unknown_kind_waits_and_one_about_goods_is_read(shop: Shop) -> None:
    push(frame(1, "A", "pdd_weather_Rain"))
    push(frame(2, "A", "pdd_goods_GoodsOnShelf"))
    processing.process("letter")
    states = dict(Payload.objects.values_list("external_id", "state"))
    assert states == {"1": "set_aside", "2": "parsed"} and not Message.objects.exists()


class Windows:
    """An account that lists nothing and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, float]] = []

    def _count(self, how: str, start: dt.datetime, end: dt.datetime) -> int:
        self.asked.append((how, (end - start).total_seconds() / 60))
        return 0

    def changed_count(self, start: dt.datetime, end: dt.datetime) -> int:
        return self._count("changed", start, end)

    def confirmed_count(self, start: dt.datetime, end: dt.datetime) -> int:
        return self._count("confirmed", start, end)

    def changed_page(self, start: dt.datetime, end: dt.datetime, page: int, size: int) -> list[Any]:
        return []

    confirmed_page = changed_page


@pytest.mark.django_db
@pytest.mark.parametrize(("overlap", "steps"), [(10, 9), (45, 12)])
def test_that_history_is_read_by_days_and_changes_by_half_hours(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, overlap: int, steps: int
) -> None:
    api = Windows()
    monkeypatch.setattr(pull, "client", lambda connection: api)
    now = timezone.now()
    Connection.objects.filter(id=shop.connection_id).update(created_at=now - dt.timedelta(hours=3))
    Shop.objects.filter(id=shop.id).update(overlap_minutes=overlap)
    pull.pull(shop.id, until=now)
    history = [minutes for how, minutes in api.asked if how == "confirmed"]
    changes = [minutes for how, minutes in api.asked if how == "changed"]
    assert max(history) <= 24 * 60 and max(changes) <= 30
    assert (len(history), len(changes)) == (31, steps)
    shop.refresh_from_db()
    assert shop.pulled_until == now


def test_that_no_rule_hands_a_pinduoduo_order_to_a_warehouse_system() -> None:
    from logistics.operations.plan import worked_by
    from logistics.queries import WmsOf

    for platform in ("wangdiantong", "qimen"):
        wms = WmsOf(platform=platform, connection_id=1, qimen_id=2)
        assert worked_by("pinduoduo", True, wms) == worked_by("pinduoduo", False, wms) == "own"
    assert channel_of("pinduoduo").label == "pinduoduo"


def test_that_beijing_text_is_what_the_channel_sends() -> None:
    assert beijing(dt.datetime(2026, 11, 20, 2, 1, 3, tzinfo=dt.UTC)) == json.loads(CAPTURED)["updated_at"]


class Pages:
    """An account with twelve orders in one window; after `good` pages nothing can be read."""

    good = 1

    def changed_count(self, start: dt.datetime, end: dt.datetime) -> int:
        return 12

    def changed_page(
        self, start: dt.datetime, end: dt.datetime, page: int, size: int
    ) -> list[dict[str, str]]:
        return [{"order_sn": f"261120-{n:015d}"} for n in range((page - 1) * size, min(12, page * size))]

    def details(self, numbers: list[str]) -> dict[str, Any]:
        self.good -= 1
        if self.good < 0:
            return {number: PlatformError("retry", "x", "later") for number in numbers}
        return {number: ({"updated_at": "1"}, captured(order_sn=number)) for number in numbers}


@pytest.mark.django_db
def test_that_a_window_goes_on_with_pages_of_another_size_and_loses_nothing(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    api, now = Pages(), timezone.now()
    monkeypatch.setattr(pull, "client", lambda connection: api)
    before = now - dt.timedelta(minutes=5)
    Connection.objects.filter(id=shop.connection_id).update(created_at=before)
    Shop.objects.filter(id=shop.id).update(pulled_until=before)
    monkeypatch.setattr(Pinduoduo, "page_size", 4)
    pull.pull(shop.id, until=now)
    shop.refresh_from_db()
    assert shop.last_error and shop.window_rows == 8, "two pages of four are left"
    monkeypatch.setattr(Pinduoduo, "page_size", 2)
    api.good = 99
    pull.pull(shop.id, until=now)
    shop.refresh_from_db()
    assert shop.pulled_until == now and Payload.objects.filter(kind="order").count() == 12


class Says:
    """An account that has one order to show."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw

    def details(self, numbers: list[str]) -> dict[str, Any]:
        return {number: ({"updated_at": json.loads(self.raw)["updated_at"]}, self.raw) for number in numbers}


@pytest.mark.django_db
def test_that_the_gate_reads_an_answer_that_a_pull_kept_and_nobody_has_read(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    take(shop, captured())
    order = Order.objects.get()
    Hold.objects.update(released_at=timezone.now())
    refunded = captured(updated_at="2026-11-20 10:09:00", refund_status=2, after_sales_status=2)
    api = Says(refunded)
    monkeypatch.setattr(recheck, "client", lambda connection: api)
    said = channel_of("pinduoduo").details(api, [order.channel_number]).values()
    keep_many(shop.connection_id, [answer for answer in said if isinstance(answer, Kept)])
    verdict = recheck.channel_states([order.id])[order.id]
    assert not verdict.ok and not verdict.again
    assert Hold.objects.filter(order=order, type="refund", released_at=None).exists()


@pytest.mark.django_db
def test_that_the_gate_stays_shut_for_an_answer_that_nobody_understands(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    take(shop, captured())
    order = Order.objects.get()
    Hold.objects.update(released_at=timezone.now())
    strange = Says(captured(updated_at="2026-11-20 10:09:00", order_status=7))
    monkeypatch.setattr(recheck, "client", lambda connection: strange)
    for _again in range(2):
        verdict = recheck.channel_states([order.id])[order.id]
        assert not verdict.ok and verdict.again and "order_status" in verdict.reason
    strange.raw = captured(updated_at="2026-11-20 10:10:00")
    assert recheck.channel_states([order.id])[order.id].ok
