"""Suspected duplicates in their modes: by the channel's key within a shop, by the phone's hash among plain receivers."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from orderhub.inbound import keeping, processing
from orderhub.models import Connection, Ticket
from orders.models import Event, Hold, Merge, MergeMember, Order, Shop
from orders.tests.conftest import own_order, raw, trade


def arrive(shop: Shop, *bodies: dict[str, Any]) -> list[Order]:
    """Payloads taken in together, as a page of a pull or a POST brings them; their orders, cancelled ones too."""
    numbers = [str(body.get("tid_str") or body["number"]) for body in bodies]
    ids = [
        keeping.keep(shop.connection_id, "order", number, f"v{number}", raw(body), "api")
        for number, body in zip(numbers, bodies, strict=True)
    ]
    processing.read("order", [identity for identity in ids if identity is not None])
    return list(Order.objects.filter(shop=shop, channel_number__in=numbers).order_by("id"))


def mode(shop: Shop, word: str) -> None:
    Shop.objects.filter(pk=shop.pk).update(duplicate_mode=word)


def test_that_another_buyer_other_goods_and_another_hour_are_no_duplicates(taobao: Shop) -> None:
    at = timezone.now() - timezone.timedelta(hours=3)
    one = trade("3001", buyer_open_uid="b1", at=at)
    other_goods = trade("3003", buyer_open_uid="b1", at=at)
    other_goods["orders"]["order"][0]["num"] = 3
    later = trade("3004", buyer_open_uid="b1", at=at + timezone.timedelta(minutes=31))
    arrive(taobao, one, trade("3002", buyer_open_uid="b2", at=at), other_goods, later)
    assert not Hold.objects.filter(type="duplicate").exists()


def test_that_the_hold_says_by_what_the_two_were_found_to_be_the_same(taobao: Shop, own_shop: Shop) -> None:
    one, other = arrive(taobao, trade("3001", buyer_open_uid="b1"), trade("3002", buyer_open_uid="b1"))
    hold = Hold.objects.get(type="duplicate")
    assert (hold.order_id, hold.data) == (other.id, {"twin": one.number, "basis": "channel_key"})
    arrive(own_shop, own_order("A1"), own_order("A2"))
    assert Hold.objects.get(type="duplicate", order__shop=own_shop).data["basis"] == "phone"


def test_that_the_same_plain_phone_is_found_in_another_own_shop_but_never_in_a_masked_one(
    taobao: Shop, own_shop: Shop
) -> None:
    account = Connection.objects.create(
        code="own-2", platform="own_shop", name="二店", base_url="http://127.0.0.1:1"
    )
    second = Shop.objects.create(code="own2", name="二店", channel="own_shop", connection=account)
    (one,) = arrive(own_shop, own_order("A1"))
    (twin,) = arrive(second, own_order("B1"))
    assert Hold.objects.get(type="duplicate", order=twin).data["twin"] == one.number
    masked = trade("3009", receiver_name="王**", receiver_mobile="13812345678", buyer_open_uid=one.buyer_ref)
    masked["orders"]["order"] = masked["orders"]["order"][:1]
    (other,) = arrive(taobao, masked)
    assert not Hold.objects.filter(type="duplicate", order=other).exists()


def test_that_two_shops_of_a_masked_channel_never_look_at_each_other(taobao: Shop) -> None:
    account = Connection.objects.create(
        code="tb-2", platform="taobao", name="二店", base_url="http://127.0.0.1:1"
    )
    second = Shop.objects.create(code="tb2", name="二店", channel="taobao", connection=account)
    arrive(taobao, trade("3001", buyer_open_uid="b1"))
    arrive(second, trade("3002", buyer_open_uid="b1"))
    assert not Hold.objects.filter(type="duplicate").exists()


def test_that_a_newer_version_of_an_order_is_an_update_and_never_its_own_duplicate(taobao: Shop) -> None:
    arrive(taobao, trade("3001", buyer_open_uid="b1"))
    body = trade("3001", buyer_open_uid="b1", seller_memo="x")
    identity = keeping.keep(taobao.connection_id, "order", "3001", "v2", raw(body), "pull")
    processing.read("order", [identity or 0])
    assert Order.objects.count() == 1
    assert not Hold.objects.exists()


def test_that_cancel_takes_the_unpaid_newcomer_of_our_own_shop_and_says_why(own_shop: Shop) -> None:
    mode(own_shop, "cancel")
    one, other = arrive(own_shop, own_order("A1"), own_order("A2"))
    assert (one.state, other.state, other.duplicate_key, other.open_holds) == ("unpaid", "cancelled", "", 0)
    assert Event.objects.get(order=other, code="cancel").data["twin"] == one.number
    (third,) = arrive(own_shop, own_order("A3"))
    assert third.state == "cancelled"
    assert Event.objects.get(order=third, code="cancel").data["twin"] == one.number


def test_that_cancel_never_touches_what_is_paid_it_holds_it_with_a_ticket(taobao: Shop) -> None:
    mode(taobao, "cancel")
    one, other = arrive(taobao, trade("3001", buyer_open_uid="b1"), trade("3002", buyer_open_uid="b1"))
    assert (one.state, other.state) == ("claimed", "claimed")
    assert Hold.objects.get(type="duplicate").order_id == other.id
    ticket = Ticket.objects.get(kind="duplicate")
    assert (ticket.order_id, ticket.role) == (other.id, "customer_service")


def test_that_cancel_leaves_an_unpaid_order_of_a_marketplace_to_the_marketplace(taobao: Shop) -> None:
    mode(taobao, "cancel")
    unpaid = {"status": "WAIT_BUYER_PAY", "pay_time": None, "buyer_open_uid": "b1"}
    one, other = arrive(taobao, trade("3001", **unpaid), trade("3002", **unpaid))
    assert (one.state, other.state) == ("unpaid", "unpaid")
    assert Hold.objects.get(type="duplicate").order_id == other.id


def test_that_merge_lets_two_paid_twins_wait_for_one_parcel_and_asks_taobao_first(taobao: Shop) -> None:
    mode(taobao, "merge")
    one, other = arrive(taobao, trade("3001", buyer_open_uid="b1"), trade("3002", buyer_open_uid="b1"))
    assert not Hold.objects.exists()
    merge = Merge.objects.get()
    assert (merge.confirmed_at, merge.basis) == (None, "channel")
    members = MergeMember.objects.filter(merge=merge, left_at=None)
    assert sorted(members.values_list("order_id", flat=True)) == [one.id, other.id]
    arrive(taobao, trade("3003", buyer_open_uid="b1"))
    assert MergeMember.objects.filter(merge=merge, left_at=None).count() == 3


def test_that_merge_holds_what_can_not_ship_together(taobao: Shop, own_shop: Shop) -> None:
    mode(taobao, "merge")
    mode(own_shop, "merge")
    elsewhere = trade("3002", buyer_open_uid="b1", receiver_district="滨江区")
    _one, other = arrive(taobao, trade("3001", buyer_open_uid="b1"), elsewhere)
    assert Hold.objects.get(type="duplicate").order_id == other.id
    cod = trade("3004", buyer_open_uid="b4", type="cod")
    _one, other = arrive(taobao, trade("3003", buyer_open_uid="b4"), cod)
    assert other.sealed == "cod"
    assert Hold.objects.filter(type="duplicate", order=other).exists()
    _one, gift = arrive(own_shop, own_order("A1"), own_order("A2", ships_alone="gift"))
    assert Hold.objects.filter(type="duplicate", order=gift).exists()
    assert not Merge.objects.exists()


def test_that_off_does_nothing(taobao: Shop) -> None:
    mode(taobao, "off")
    arrive(taobao, trade("3001", buyer_open_uid="b1"), trade("3002", buyer_open_uid="b1"))
    assert not Hold.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("word", "state"), [("cancel", "cancelled"), ("hold", "unpaid")])
def test_that_twins_in_two_transactions_at_once_are_seen_in_every_mode(
    own_shop: Shop, word: str, state: str
) -> None:
    mode(own_shop, word)
    for n in range(4):
        start = threading.Barrier(2)
        numbers = [f"R{n}-{side}" for side in "ab"]
        phone = f"1390000{n:04d}"

        def work(number: str, phone: str = phone, start: threading.Barrier = start) -> None:
            body = own_order(number)
            body["receiver"]["phone"] = phone
            start.wait()
            arrive(own_shop, body)
            connection.close()

        threads = [threading.Thread(target=work, args=(number,)) for number in numbers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        states = sorted(Order.objects.filter(channel_number__in=numbers).values_list("state", flat=True))
        assert states == sorted(["unpaid", state])
        held = Hold.objects.filter(order__channel_number__in=numbers, type="duplicate").count()
        assert held == (1 if word == "hold" else 0)
