"""Goods that are not here: a day is promised where one can be, and who was promised first is served first."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation

from inventory.models import Backorder
from inventory.operations.receive import add
from inventory.operations.take import reserve_many
from inventory.queries import drift
from orderhub.actors import CLOCK
from orderhub.lifecycle import apply
from orders.lifecycle import LIFECYCLE
from orders.models import Hold, Order
from orders.operations import waiting
from orders.tests.stock_cast import free, goods, held, holds, on_the_way, place, reserve, state, wants

pytestmark = pytest.mark.django_db


def in_days(days: int) -> dt.date:
    return timezone.localdate() + dt.timedelta(days=days)


def arrive(sku, pieces: int) -> None:
    add([(sku.pk, place().pk, pieces)], "receive", f"test:{uuid.uuid4()}", "test")


def test_that_an_order_whose_goods_are_on_the_way_waits_with_the_day() -> None:
    sofa = goods("SOFA-1", 1)
    on_the_way(sofa, 4, days=3)
    order = wants((sofa, 2))
    reserve(order)
    hold = Hold.objects.get(order=order)
    assert (hold.type, hold.until and timezone.localdate(hold.until)) == ("backorder", in_days(3))
    assert in_days(3).isoformat() in hold.reason and "SOFA-1: 2 / 1" in hold.reason
    row = Backorder.objects.get()
    assert (row.reference, row.quantity, row.promised_on) == (order.lines.get().uuid, 2, in_days(3))
    assert free(sofa) == 1 and drift() == []


def test_that_each_waiting_order_is_promised_the_arrival_that_is_left_for_it() -> None:
    sofa = goods("SOFA-1")
    on_the_way(sofa, 4, days=3)
    on_the_way(sofa, 4, days=9)
    orders = [wants((sofa, 2), promise_in=n) for n in (10, 20, 30, 40)]
    late = wants((sofa, 3), promise_in=50)
    reserve(*orders, late)
    days = dict(Backorder.objects.values_list("rank", "promised_on"))
    assert [days.get(order.pk) for order in orders] == [in_days(3), in_days(3), in_days(9), in_days(9)]
    assert holds(late) == ["stock"] and days[late.pk] is None  # nobody knows when that would be


def test_that_a_presale_waits_for_its_day_and_an_overdue_purchase_for_tomorrow() -> None:
    lamp, sofa = goods("LAMP-1", presale_on=in_days(20)), goods("SOFA-1")
    on_the_way(sofa, 4, days=-5)
    presale, overdue, nobody = wants((lamp, 2)), wants((sofa, 1)), wants((goods("CUP-1"), 1))
    reserve(presale, overdue, nobody)
    days = dict(Backorder.objects.values_list("rank", "promised_on"))
    assert (days[presale.pk], days[overdue.pk], days[nobody.pk]) == (in_days(20), in_days(1), None)
    assert holds(nobody) == ["stock"]


def test_that_arriving_stock_serves_the_oldest_promise_first() -> None:
    sofa = goods("SOFA-1")
    on_the_way(sofa, 10, days=3)
    young, old = wants((sofa, 2), promise_in=48), wants((sofa, 2), promise_in=5)
    reserve(young, old)
    arrive(sofa, 3)
    assert waiting.wake() == 1
    assert (holds(old), holds(young)) == ([], ["backorder"])
    reserve(old)
    assert (state(old), held(old), state(young)) == ("reserved", {"SOFA-1": 2}, "paid")
    arrive(sofa, 1)
    assert waiting.wake() == 1
    reserve(young)
    assert state(young) == "reserved" and free(sofa) == 0
    assert not Backorder.objects.filter(ended_at=None).exists() and drift() == []


def test_that_a_small_young_order_does_not_starve_an_older_one_that_was_promised_a_day() -> None:
    sofa = goods("SOFA-1", 6)
    on_the_way(sofa, 4, days=3)
    old = wants((sofa, 10), promise_in=5)
    reserve(old)
    assert holds(old) == ["backorder"]
    young = wants((sofa, 2), promise_in=48)
    with translation.override("en"):
        reserve(young)
    assert holds(young) == ["stock"] and "older orders" in Hold.objects.get(order=young).reason
    assert waiting.wake() == 0
    older = wants((sofa, 2), promise_in=1)  # whose promise comes first is not kept from what is here
    reserve(older)
    assert state(older) == "reserved"
    arrive(sofa, 6)
    assert waiting.wake() == 1
    reserve(old)
    assert state(old) == "reserved"


def test_that_an_order_without_a_day_keeps_nobody_from_what_is_here() -> None:
    sofa = goods("SOFA-1", 6)
    endless = wants((sofa, 1000), promise_in=5)
    reserve(endless)
    young = wants((sofa, 2), promise_in=48)
    reserve(young)
    assert holds(endless) == ["stock"] and state(young) == "reserved"


def test_that_between_the_waking_and_the_reserving_a_younger_one_takes_nothing() -> None:
    sofa = goods("SOFA-1")
    on_the_way(sofa, 2, days=3)
    old = wants((sofa, 2), promise_in=5)
    reserve(old)
    arrive(sofa, 2)
    assert waiting.wake() == 1
    young = wants((sofa, 1), promise_in=48)
    reserve(young)  # in a batch of its own, before the one that was woken
    assert state(young) == "paid"
    reserve(old)
    assert state(old) == "reserved"


def test_that_a_cancelled_order_waits_no_longer_and_frees_its_place() -> None:
    sofa = goods("SOFA-1", 1)
    on_the_way(sofa, 1, days=3)
    old, young = wants((sofa, 2), promise_in=5), wants((sofa, 1), promise_in=48)
    reserve(old)
    apply(LIFECYCLE, "cancel", [old.pk], actor=CLOCK, params={"reason": "x"})
    assert not Backorder.objects.filter(ended_at=None).exists()
    reserve(young)
    assert state(young) == "reserved"


def test_that_waking_costs_the_same_statements_for_one_and_for_many() -> None:
    sofa = goods("SOFA-1")
    on_the_way(sofa, 1000, days=3)
    counts = []
    for n in (1, 12):
        reserve(*[wants((sofa, 1)) for _ in range(n)])
        arrive(sofa, n)
        with CaptureQueriesContext(connection) as queries:
            assert waiting.wake() == n
        counts.append(len(queries))
        reserve(*Order.objects.filter(state="paid"))
    assert counts[0] == counts[1] and not Backorder.objects.filter(ended_at=None).exists()


def test_that_a_batch_of_waiting_orders_costs_the_same_statements_whatever_its_size() -> None:
    sofa = goods("SOFA-1")
    on_the_way(sofa, 1000, days=3)
    counts = []
    for n in (1, 1, 12):
        batch = [wants((sofa, 1)) for _ in range(n)]
        with CaptureQueriesContext(connection) as queries:
            reserve(*batch)
        counts.append(len(queries))
    assert counts[1] == counts[2]


def test_that_what_nobody_waits_for_is_taken_as_ever() -> None:
    cup = goods("CUP-1", 5)
    reserve_many([(uuid.uuid4(), cup.pk, 2)])
    order = wants((cup, 3))
    reserve(order)
    assert state(order) == "reserved" and free(cup) == 0
