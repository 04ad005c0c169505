"""An unpaid order holds its goods until its time is over; a payment that comes a second later is never lost."""

from __future__ import annotations

import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from inventory.models import Reservation
from inventory.queries import drift
from orderhub.actors import CLOCK
from orderhub.lifecycle import apply
from orderhub.sweeping import sweep
from orderhub.tickets.models import Ticket
from orders.lifecycle import LIFECYCLE
from orders.models import Case, Event, Hold, Order, Shop
from orders.operations import unpaid
from orders.tests.conftest import own_order, trade
from orders.tests.stock_cast import bundle, free, goods, held, holds, reserve, state, wants
from orders.tests.test_intake import take

pytestmark = pytest.mark.django_db


def unpaid_order(*lines: Any, minutes: float = 30, **columns: Any) -> Order:
    until = timezone.now() + dt.timedelta(minutes=minutes)
    return wants(*lines, **{"state": "unpaid", "expires_at": until, "promised_ship_at": None, **columns})


def look() -> None:
    Order.objects.filter(state="unpaid").update(next_try_at=timezone.now())
    sweep(LIFECYCLE, "unpaid", ("hold_unpaid",))


def run_out(order: Order, seconds: float = 1) -> None:
    ended = timezone.now() - dt.timedelta(seconds=seconds)
    Order.objects.filter(pk=order.pk).update(expires_at=ended)
    Reservation.objects.filter(kind="unpaid").update(expires_at=ended)


def pay(order: Order) -> None:
    """What a proved payment does, up to the moment when stock is wanted."""
    at = timezone.now()
    if not apply(LIFECYCLE, "claim", [order.pk], actor=CLOCK, params={"paid_at": {order.pk: at}}).moved:
        unpaid.revive({order.pk: at}, CLOCK)
    Order.objects.filter(pk=order.pk, state="claimed").update(state="paid")


def test_that_an_unpaid_order_holds_its_goods_until_it_expires() -> None:
    cup = goods("CUP-1", 5)
    order = unpaid_order((cup, 3))
    look()
    row = Reservation.objects.get()
    assert (row.kind, row.quantity, row.expires_at) == ("unpaid", 3, order.expires_at)
    assert Order.objects.get().held_until == order.expires_at and free(cup) == 2
    look()
    assert Reservation.objects.count() == 1 and Event.objects.filter(code="hold_unpaid").count() == 1
    run_out(order)
    assert unpaid.expire() == 1
    assert (state(order), free(cup)) == ("cancelled", 5) and drift() == []


def test_that_a_paid_order_keeps_what_it_held_without_an_end() -> None:
    cup, mat = goods("CUP-1", 3), goods("MAT-1", 4)
    order = unpaid_order((cup, 3), (bundle("SET-1", MAT_1=2), 2))
    look()
    before = set(Reservation.objects.values_list("id", flat=True))
    pay(order)
    reserve(order)
    assert (state(order), held(order)) == ("reserved", {"CUP-1": 3, "MAT-1": 4})
    rows = Reservation.objects.all()
    assert {row.pk for row in rows} == before
    assert {(row.kind, row.expires_at, row.state) for row in rows} == {("paid", None, "active")}
    assert (free(cup), free(mat)) == (0, 0) and drift() == []


def test_that_nobody_else_gets_what_an_unpaid_order_holds() -> None:
    cup = goods("CUP-1", 3)
    first = unpaid_order((cup, 2))
    look()
    second = wants((cup, 2))
    reserve(second)
    assert holds(second) == ["stock"] and held(first) == {"CUP-1": 2}


def test_that_an_order_that_finds_nothing_holds_nothing_and_is_looked_at_again() -> None:
    cup = goods("CUP-1", 1)
    order = unpaid_order((cup, 3))
    look()
    assert held(order) == {} and Order.objects.get().refusal == "nothing_to_hold"
    assert Order.objects.get().next_try_at > timezone.now() + dt.timedelta(minutes=4)
    goods("CUP-1", 5)
    look()
    assert held(order) == {"CUP-1": 3}


def test_that_goods_held_unpaid_that_changed_are_given_back_and_taken_anew() -> None:
    cup = goods("CUP-1", 5)
    order = unpaid_order((cup, 3))
    look()
    order.lines.update(quantity=4)
    pay(order)
    reserve(order)
    assert (state(order), held(order), free(cup)) == ("reserved", {"CUP-1": 4}, 1) and drift() == []


def test_that_a_payment_one_second_after_the_hold_expired_is_reserved_again() -> None:
    cup = goods("CUP-1", 3)
    order = unpaid_order((cup, 3))
    look()
    run_out(order)
    unpaid.expire()
    assert state(order) == "cancelled" and free(cup) == 3
    pay(order)
    assert state(order) == "paid"
    reserve(order)
    assert (state(order), held(order)) == ("reserved", {"CUP-1": 3})
    assert not Case.objects.exists() and drift() == []


def test_that_a_payment_after_the_goods_are_gone_is_held_with_a_refund_proposed_and_told() -> None:
    cup = goods("CUP-1", 3)
    order = unpaid_order((cup, 3))
    look()
    run_out(order)
    unpaid.expire()
    reserve(wants((cup, 1)))
    pay(order)
    reserve(order)
    order.refresh_from_db()
    assert (order.state, holds(order), held(order)) == ("paid", ["late_payment"], {})
    case = Case.objects.get()
    assert (case.kind, case.state, case.amount, order.refund_state) == (
        "refund",
        "open",
        order.payable,
        "asked",
    )
    assert case.number in Hold.objects.get(order=order).reason
    assert Ticket.objects.get().kind == "late_payment" and drift() == []


def test_that_only_what_expired_comes_back() -> None:
    cup = goods("CUP-1", 3)
    order = unpaid_order((cup, 1))
    apply(LIFECYCLE, "cancel", [order.pk], actor=CLOCK, params={"reason": "a double"})
    outcome = unpaid.revive({order.pk: timezone.now()}, CLOCK)
    assert outcome.refused[order.pk].code == "not_expired" and state(order) == "cancelled"


def test_that_a_channels_word_of_a_late_payment_brings_the_order_back(taobao: Shop) -> None:
    at = timezone.now() - dt.timedelta(hours=2)
    take(taobao, trade("1001", at=at, status="WAIT_BUYER_PAY", pay_time=""))
    Order.objects.update(expires_at=timezone.now() - dt.timedelta(seconds=1))
    unpaid.expire()
    assert Order.objects.get().state == "cancelled"
    take(taobao, trade("1001", at=at + dt.timedelta(hours=1)))
    assert Order.objects.get().state == "claimed"
    sweep(LIFECYCLE, "claimed", ("verify", "reserve"))
    assert Order.objects.get().state == "reserved" and drift() == []


def test_that_a_new_own_shop_order_holds_goods_for_the_shops_minutes(own_shop: Shop) -> None:
    Shop.objects.update(unpaid_minutes=20)
    take(own_shop, own_order("OS-1"))
    sweep(LIFECYCLE, "unpaid", ("hold_unpaid",))
    left = Reservation.objects.get().expires_at - timezone.now()
    assert dt.timedelta(minutes=19) < left <= dt.timedelta(minutes=20)


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_that_expiry_and_payment_at_the_same_moment_lose_neither_money_nor_goods() -> None:
    """Thirty orders of two pieces expire while they are paid; each ends with its goods, nothing is promised twice."""
    cup = goods("CUP-1", 60)
    orders = [unpaid_order((cup, 2)) for _ in range(30)]
    look()
    assert free(cup) == 0
    for order in orders:
        run_out(order)
    start = threading.Barrier(8)

    def work(part: list[Order], pays: bool) -> None:
        try:
            start.wait(60)
            for order in part:
                pay(order) if pays else unpaid.expire(limit=3)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        jobs = [pool.submit(work, orders[n::4], True) for n in range(4)]
        jobs += [pool.submit(work, orders[:12], False) for _ in range(4)]
        for job in jobs:
            job.result(60)
    unpaid.expire()
    assert set(Order.objects.values_list("state", flat=True)) == {"paid"}
    reserve(*orders)
    assert set(Order.objects.values_list("state", flat=True)) == {"reserved"}
    assert all(held(order) == {"CUP-1": 2} for order in orders) and free(cup) == 0 and drift() == []
