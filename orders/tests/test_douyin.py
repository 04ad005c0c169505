"""A Douyin order as it is captured from the wire, and its pushed messages, in our words."""

from __future__ import annotations

import copy
import hashlib
import json
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from inventory.models import Warehouse
from orderhub.inbound import processing
from orderhub.inbound.keeping import Kept, keep_many
from orderhub.models import Connection, Message, Payload
from orderhub.outbox.sending import drain
from orders.models import Hold, Order, Shop
from orders.providers import channel_of
from orders.providers.base import ChannelState, RefundState, Unreadable
from orders.providers.douyin import parse

KEY, SECRET = "7000000000000000001", "test-secret"
#: `data.shop_order_detail` of order.orderDetail, shortened; ciphertext and ids are made up.
CAPTURED: dict[str, Any] = json.loads("""{
 "order_id":"6920000000010012345","shop_id":41000001,"order_status":2,"order_status_desc":"备货中","main_status":2,
 "main_status_desc":"备货中","order_type":0,"trade_type":0,"pay_type":2,"create_time":1764000000,"pay_time":1764000060,
 "update_time":1764000061,"exp_ship_time":1764172860,"finish_time":0,"order_amount":4800,"pay_amount":5000,"post_amount":500,
 "promotion_amount":300,"promotion_shop_amount":300,"promotion_platform_amount":0,"promotion_talent_amount":0,
 "buyer_words":"工作日送货","seller_words":"","cancel_reason":"","open_id":"","doudian_open_id":"1@#Xy7==",
 "open_address_id":"a1b2c3","encrypt_post_receiver":"##Tm9ib2R5==##1##","encrypt_post_tel":"$$UGhvbmU=$$1$$",
 "mask_post_receiver":"王**","mask_post_tel":"199****1234",
 "post_addr":{"province":{"name":"浙江省","id":"330000"},"city":{"name":"杭州市","id":"330100"},
  "town":{"name":"余杭区","id":"330110"},"street":{"name":"仓前街道","id":"330110007"},"encrypt_detail":"##RG9vcg==##1##"},
 "mask_post_addr":{"province":{"name":"浙江省","id":"330000"},"detail":"***"},"logistics_info":[],
 "sku_order_list":[
  {"order_id":"6920000000010012346","parent_order_id":"6920000000010012345","product_id":1,"product_name":"马克杯",
   "sku_id":11,"out_sku_id":"0","code":"CUP-1","item_num":2,"origin_amount":1200,"order_amount":2400,"pay_amount":2250,
   "spec":[{"name":"款式","value":"默认"}],"order_status":2,
   "after_sale_info":{"after_sale_status":0,"after_sale_type":0,"refund_status":0}},
  {"order_id":"6920000000010012347","parent_order_id":"6920000000010012345","product_id":2,"product_name":"收纳箱",
   "sku_id":12,"out_sku_id":"0","code":"BOX-1","item_num":1,"origin_amount":2400,"order_amount":2400,"pay_amount":2250,
   "spec":[],"order_status":2,"after_sale_info":{"after_sale_status":0,"after_sale_type":0,"refund_status":0}}]}""")


def captured(**changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(CAPTURED), **changes}


def raw(body: Any) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()


def with_after_sale(status: int, kind: int = 2) -> dict[str, Any]:
    body = captured()
    for line in body["sku_order_list"]:
        line["after_sale_info"] = {"after_sale_status": status, "after_sale_type": kind, "refund_status": 1}
    return body


def test_that_fen_become_yuan_and_the_lines_add_up_to_what_was_paid() -> None:
    order = parse(raw(CAPTURED))
    amounts = (order.goods_amount, order.discount, order.freight, order.payable)
    assert amounts == (Decimal("48.00"), Decimal("3.00"), Decimal("5.00"), Decimal("50.00"))
    assert [line.payable for line in order.lines] == [Decimal("25.00"), Decimal("25.00")]
    assert [line.seller_code for line in order.lines] == ["CUP-1", "BOX-1"]
    assert order.proof is not None and order.proof.paid and order.proof.amount == Decimal("50.00")
    assert order.promised_ship_at is not None and order.version.timestamp() == 1764000061


def test_that_discounts_that_douyin_divided_otherwise_are_divided_by_us() -> None:
    body = captured(pay_amount=4990)
    assert sum(line.payable for line in parse(raw(body)).lines) == Decimal("49.90")


def test_that_the_receiver_stays_sealed_and_its_keys_are_kept_as_they_came() -> None:
    receiver = parse(raw(CAPTURED)).receiver
    assert receiver.plain is None and (receiver.name_mask, receiver.address_mask) == ("王**", "***")
    assert receiver.opaque == {
        "receiver": "##Tm9ib2R5==##1##",
        "tel": "$$UGhvbmU=$$1$$",
        "detail": "##RG9vcg==##1##",
        "address_id": "a1b2c3",
        "street_code": "330110007",
    }
    assert (receiver.district, receiver.town) == ("余杭区", "仓前街道")


@pytest.mark.parametrize(
    ("status", "main", "paid", "state"),
    [(1, 1, 0, ChannelState.UNPAID), (1, 103, 0, ChannelState.UNPAID), (105, 105, 1, ChannelState.LOCKED),
     (2, 2, 1, ChannelState.TO_SHIP), (101, 101, 1, ChannelState.SHIPPED), (3, 3, 1, ChannelState.SHIPPED),
     (5, 5, 1, ChannelState.FINISHED), (4, 4, 0, ChannelState.CANCELLED), (4, 4, 1, ChannelState.REFUNDED),
     (4, 21, 1, ChannelState.REFUNDED), (3, 22, 1, ChannelState.REFUNDED), (2, None, 1, ChannelState.TO_SHIP)],
)  # fmt: skip
def test_that_every_state_has_our_word(status: int, main: Any, paid: int, state: ChannelState) -> None:
    body = captured(order_status=status, main_status=main, pay_time=1764000060 if paid else 0)
    assert parse(raw(body)).state is state


@pytest.mark.parametrize(
    ("status", "kind", "refund", "back"),
    [(6, 2, RefundState.ASKED, False), (7, 0, RefundState.ASKED, True), (8, 8, RefundState.ASKED, False),
     (11, 0, RefundState.ASKED, True), (12, 2, RefundState.DONE, False), (12, 6, RefundState.NONE, False),
     (14, 3, RefundState.NONE, False), (27, 2, RefundState.REFUSED, False), (28, 2, RefundState.NONE, False),
     (29, 0, RefundState.REFUSED, False), (51, 2, RefundState.DONE, False), (53, 2, RefundState.DONE, False)],
)  # fmt: skip
def test_that_every_after_sale_state_has_our_word(
    status: int, kind: int, refund: RefundState, back: bool
) -> None:
    line = parse(raw(with_after_sale(status, kind))).lines[0]
    assert (line.refund, line.goods_back) == (refund, back)
    assert bool(line.refund_id) is (refund in (RefundState.ASKED, RefundState.DONE))


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [(b"{", "not_json", ""), (b"[]", "not_json", ""), (captured(order_status=77), "unknown_word", "77"),
     (captured(main_status=40), "unknown_word", "40"), (captured(pay_amount="50.00"), "bad_money", "50.00"),
     (captured(pay_amount=None), "bad_money", "None"), (captured(update_time=0), "bad_number", "update_time"),
     (captured(pay_time=0), "missing", ""), (captured(sku_order_list=[]), "missing", ""),
     (captured(post_addr=None), "missing", "post_addr"), (with_after_sale(99), "unknown_word", "99"),
     (with_after_sale(6, 77), "unknown_word", "77"), (captured(order_id=""), "missing", "order_id"),
     (captured(pay_amount=0, promotion_amount=9900, post_amount=-100), "bad_money", "")],
)  # fmt: skip
def test_that_what_is_not_understood_names_itself(body: Any, code: str, said: str) -> None:
    with pytest.raises(Unreadable) as refused:
        parse(body if isinstance(body, bytes) else raw(body))
    assert refused.value.code == code and said in refused.value.text


# With a database


@pytest.fixture(name="shop")
def make_shop(warehouses: dict[str, Warehouse]) -> Shop:
    account = Connection(
        code="douyin-main", platform="douyin", name="抖音", app_key=KEY, base_url="http://127.0.0.1:9"
    )
    account.set_secrets({"app_secret": SECRET})
    account.save()
    return Shop.objects.create(code="douyin", name="抖音", channel="douyin", connection=account)


def take(shop: Shop, *bodies: Any) -> None:
    rows = [Kept("order", body["order_id"], hashlib.md5(raw(body)).hexdigest(), raw(body)) for body in bodies]
    keep_many(shop.connection_id, rows)
    processing.process("order")


@pytest.mark.django_db
def test_that_the_platform_forbids_and_allows_and_a_strange_word_waits_alone(shop: Shop) -> None:
    strange = captured(order_id="6920000000010099999", order_status=77)
    take(shop, captured(order_status=105, main_status=105), strange)
    order = Order.objects.get()
    assert Hold.objects.get(order=order, released_at=None).type == "platform"
    assert Payload.objects.get(state="set_aside").reason_code == "unknown_word"
    take(shop, captured(update_time=1764000100))
    order.refresh_from_db()
    assert (order.open_holds, order.channel_state) == (0, "2 备货中") and order.receiver.plain_enc is None
    assert b"##" not in bytes(order.receiver.opaque_enc)


@pytest.mark.django_db
def test_that_another_address_id_is_a_new_destination_and_an_older_word_changes_nothing(shop: Shop) -> None:
    take(shop, captured())
    again = captured(update_time=1764000150)
    again["post_addr"] = {**again["post_addr"], "encrypt_detail": "##T3RoZXI=##1##"}
    take(shop, again)
    assert Order.objects.get().destination_version == 1, "other ciphertext of the same address"
    moved = captured(update_time=1764000200, open_address_id="d4e5f6")
    moved["post_addr"] = {**moved["post_addr"], "encrypt_detail": "##TmV3==##1##"}
    take(shop, moved)
    take(shop, captured(update_time=1764000100, order_status=4))
    order = Order.objects.get()
    assert (order.destination_version, order.state) == (2, "claimed")


def push(shop: Shop, body: bytes, **headers: str) -> Any:
    sign = hashlib.md5(KEY.encode() + body + SECRET.encode()).hexdigest()
    sent = {"app-id": KEY, "event-sign": sign, **{k.replace("_", "-"): v for k, v in headers.items()}}
    return Client().post(
        reverse("channel-push", args=[shop.connection.code]), body, "application/json", headers=sent
    )


def letter(identity: str, number: str, tag: str = "101") -> dict[str, str]:
    return {"tag": tag, "msg_id": identity, "data": json.dumps({"p_id": int(number), "shop_id": 41000001})}


@pytest.mark.django_db
def test_that_a_signed_message_makes_us_ask_once_however_often_it_comes(shop: Shop) -> None:
    body = raw([letter("m1", "6920000000010012345"), letter("m2", "6920000000010012399", "200")])
    for _again in range(3):
        answer = push(shop, body)
        assert (answer.status_code, answer.json()) == (200, {"code": 0, "msg": "success"})
    processing.process("letter")
    assert Payload.objects.filter(kind="letter", state="parsed").count() == 2
    asked = Message.objects.filter(kind="channel.look").values_list("data__number", flat=True)
    assert sorted(asked) == ["6920000000010012345", "6920000000010012399"]


@pytest.mark.django_db
def test_that_a_forged_message_leaves_nothing_and_a_probe_is_only_answered(shop: Shop) -> None:
    body = raw([letter("m1", "6920000000010012345")])
    for wrong in ({"event_sign": "0" * 32}, {"app_id": "1"}, {"event_sign": ""}):
        assert push(shop, body, **wrong).status_code == 403
    assert (
        push(shop, raw([{"tag": "0", "msg_id": "0", "data": "2026-11-26T01:00:00+08:00"}])).status_code == 200
    )
    assert push(shop, b"{}").status_code == 400
    assert not Payload.objects.exists() and not Message.objects.exists()


def test_that_a_message_about_no_order_is_none_of_ours_and_a_broken_one_says_so() -> None:
    douyin = channel_of("douyin")
    assert douyin.numbers_in(raw({"tag": "400", "msg_id": "1", "data": '{"product_id":1}'})) == []
    with pytest.raises(Unreadable):
        douyin.numbers_in(raw({"tag": "101", "msg_id": "1", "data": "x"}))


@pytest.mark.django_db
@pytest.mark.parametrize(("state", "word"), [("claimed", ""), ("waved", "picking"), ("shipped", "shipping")])
def test_that_a_buyer_gets_a_new_address_until_the_goods_are_touched(
    shop: Shop, state: str, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[tuple[str, str]] = []
    monkeypatch.setattr(
        "orderhub.integrations.clients.douyin.Douyin.answer_address_change",
        lambda self, number, refusal="": said.append((number, refusal)) or True,
    )
    data = {
        "p_id": 6920000000010012345,
        "apply_time": 1764000300,
        "receiver_msg": {"encrypt_detail": "##x##1##"},
    }
    made = {key: value for key, value in data.items() if key != "apply_time"}
    rows = [
        {"tag": "111", "msg_id": "a1", "data": json.dumps(data)},
        {"tag": "105", "msg_id": "a2", "data": json.dumps(made)},
    ]
    assert push(shop, raw(rows)).status_code == 200
    processing.process("letter")
    drain("channel.address")
    message = Message.objects.get(kind="channel.address")
    assert (message.state, said) == ("new", []), "an order that is not here yet is answered later"
    take(shop, captured())
    Order.objects.update(state=state)
    Message.objects.update(next_try_at=timezone.now())
    drain("channel.address")
    message.refresh_from_db()
    assert (message.state, said) == ("done", [("6920000000010012345", word)])
