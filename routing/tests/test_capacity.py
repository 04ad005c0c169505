"""Places are a ledger: taken once, given back once, never over-filled, whoever comes at the same time."""

import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from orderhub.actors import CLOCK
from orderhub.lifecycle import Overtaken, apply
from orders.lifecycle import LIFECYCLE
from orders.models import Order
from routing import fences, queries
from routing.models import CapacityDay, CapacityEntry
from routing.operations import capacity
from routing.tests.cast import POINT, House, day_of, fence, outlet


def go(orders):
    return apply(LIFECYCLE, "route", [order.id for order in orders], actor=CLOCK)


def by_outlet():
    rows = Order.objects.filter(state="routed").values_list("outlet_code", flat=True)
    return {code: list(rows).count(code) for code in set(rows)}


def test_that_of_500_orders_an_outlet_with_100_places_gets_100_and_the_others_the_rest(house):
    a, b, c = outlet(1, capacity=100), outlet(2, capacity=250), outlet(3, capacity=1000)
    fence(a)
    outcome = go(house.orders(500, point=POINT))
    assert outcome.refused == {}
    taken = by_outlet()
    assert taken.get(a.code, 0) <= 100
    assert sum(taken.values()) == 500
    for each in (a, b, c):
        row = CapacityDay.objects.filter(outlet=each, day=fences.today()).first()
        held = row.held if row else 0
        assert held == taken.get(each.code, 0) <= each.daily_capacity
    assert CapacityEntry.objects.filter(change="held").count() == 500


def test_that_of_500_orders_with_100_places_in_all_100_go_and_400_wait_with_the_reason(house):
    a = outlet(1, capacity=100)
    fence(a)
    orders = house.orders(500, point=POINT)
    outcome = go(orders)
    assert by_outlet() == {a.code: 100}
    assert len(outcome.refused) == 400
    assert {refusal.code for refusal in outcome.refused.values()} == {"no_capacity"}
    assert (day_of(a).held, queries.capacity_today()[0].left) == (100, 0)
    waiting = Order.objects.filter(state="reserved")
    assert set(waiting.values_list("refusal", flat=True)) == {"no_capacity"}
    assert house.reserved_at(house.own) == 500
    promised = {o.id: o.promised_ship_at for o in orders}
    assert max(promised[i] for i in outcome.moved if i not in outcome.refused) < min(
        promised[i] for i in outcome.refused
    )


def test_that_waiting_orders_go_when_staff_add_places(house):
    a = outlet(1, capacity=1)
    orders = house.orders(3)
    go(orders)
    capacity.set_places(a.id, fences.today(), 3)
    assert go([o for o in orders if Order.objects.get(id=o.id).state == "reserved"]).refused == {}
    assert (day_of(a).held, day_of(a).places) == (3, 3)


def test_that_places_cannot_be_set_below_what_is_taken(house):
    a = outlet(1, capacity=5)
    go(house.orders(3))
    with pytest.raises(capacity.TooFewPlaces):
        capacity.set_places(a.id, fences.today(), 2)
    assert day_of(a).places == 5


def test_that_confirming_and_giving_back_are_each_counted_once(house):
    a = outlet(1, capacity=5)
    orders = house.orders(3)
    go(orders)
    ids = [order.id for order in orders]
    assert (capacity.confirm(ids[:1]), capacity.confirm(ids[:1])) == (1, 0)
    assert (capacity.give_back(ids[1:2]), capacity.give_back(ids[1:2])) == (1, 0)
    assert (day_of(a).held, day_of(a).confirmed) == (1, 1)
    assert capacity.give_back(ids[:1]) == 1  # handed over, then voided
    assert (day_of(a).held, day_of(a).confirmed) == (1, 0)
    assert capacity.give_back([999_999]) == 0
    assert list(
        CapacityEntry.objects.filter(order_id=ids[0]).order_by("id").values_list("change", flat=True)
    ) == [
        "held",
        "confirmed",
        "returned",
    ]


def test_that_places_follow_what_became_of_the_orders(house):
    a = outlet(1, capacity=5)
    handed, cancelled, waiting = house.orders(3)
    go([handed, cancelled, waiting])
    Order.objects.filter(id=handed.id).update(state="released")
    Order.objects.filter(id=cancelled.id).update(state="cancelled")
    assert capacity.settle() == {"confirmed": 1, "returned": 1}
    assert capacity.settle() == {"confirmed": 0, "returned": 0}
    assert (day_of(a).held, day_of(a).confirmed) == (1, 1)


def test_that_a_place_of_yesterday_is_given_back_to_yesterday(house, monkeypatch):
    a = outlet(1, capacity=5)
    (order,) = house.orders(1)
    today = fences.today()
    with monkeypatch.context() as patched:
        patched.setattr(fences, "today", lambda: today - dt.timedelta(days=1))
        go([order])
    Order.objects.filter(id=order.id).update(state="reserved")
    go([order])
    held = dict(CapacityDay.objects.filter(outlet=a).values_list("day", "held"))
    assert held == {today - dt.timedelta(days=1): 0, today: 1}


def test_that_the_database_itself_refuses_to_over_fill_a_day(house):
    a = outlet(1, capacity=1)
    go(house.orders(1))
    with pytest.raises(IntegrityError), transaction.atomic():
        CapacityDay.objects.filter(outlet=a).update(held=2)


def test_that_an_import_sets_places_and_names_the_rows_it_refuses(db):
    a = outlet(1)
    day = fences.today()
    refused = capacity.set_many([(a.code, day, 7), ("NOWHERE", day, 7), (a.code, day, -1)])
    assert [index for index, _ in refused] == [1, 2]
    assert day_of(a).places == 7


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_that_eight_batches_at_once_never_over_fill_an_outlet():
    house = House()
    a, b = outlet(1, capacity=30), outlet(2, capacity=25)
    fence(a)
    batches = [house.orders(10, point=POINT) for _ in range(8)]
    start = threading.Barrier(8)

    def work(orders):
        start.wait(60)
        try:
            go(orders)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(work, orders) for orders in batches]:
            done.result(60)
    assert by_outlet() == {a.code: 30, b.code: 25}
    assert (day_of(a).held, day_of(b).held) == (30, 25)
    assert Order.objects.filter(state="reserved", refusal="no_capacity").count() == 25
    assert CapacityEntry.objects.filter(change="held").count() == 55


def _meanwhile(outlet_id, count):
    """Another worker takes places, committed."""

    def work():
        try:
            with transaction.atomic():
                places = capacity.lock([outlet_id], (), {})
                for order_id in range(1000, 1000 + count):
                    places.take(order_id, outlet_id)
                places.write(timezone.now())
                places.count()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(work).result(30)


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_that_places_read_before_another_worker_took_some_are_not_decided_with():
    a = outlet(1, capacity=30)
    _meanwhile(a.id, 0)
    with pytest.raises(Overtaken), transaction.atomic():
        places = capacity.lock([a.id], (), {}, late=True)
        assert places.take(1, a.id)
        _meanwhile(a.id, 9)  # 20 would be left, which is where the policy turns to others
        places.count(margin=20)
    assert day_of(a).held == 9
    with transaction.atomic():
        places = capacity.lock([a.id], (), {}, late=True)
        assert places.take(1, a.id)
        _meanwhile(a.id, 9)
        places.count(margin=10)
    assert day_of(a).held == 19
    with pytest.raises(IntegrityError), transaction.atomic():
        places = capacity.lock([a.id], (), {}, late=True)
        assert places.take(1, a.id)
        _meanwhile(a.id, 11)
        places.count(margin=-100)  # the database has the last word
    assert day_of(a).held == 30


def test_that_an_order_in_anothers_parcel_gives_its_place_back_once_it_is_picked(house):
    from logistics.models import Parcel

    one = outlet(1, capacity=10)
    fence(one)
    lead, rider = house.orders(2, point=POINT)
    go([lead, rider])
    common = {"carrier": "ZTO", "service": "zto", "warehouse_id": Order.objects.get(pk=lead.pk).warehouse_id}
    first = Parcel.objects.create(number="P1", order=lead, worked_by="own", state="handed", **common)
    second = Parcel.objects.create(
        number="P2", order=rider, worked_by="ride", rides_with=first, state="handed", **common
    )
    Order.objects.filter(pk__in=[lead.pk, rider.pk]).update(state="released")
    assert capacity.settle() == {"confirmed": 1, "returned": 0}
    Parcel.objects.filter(pk__in=[first.pk, second.pk]).update(state="waved")
    assert capacity.settle() == {"confirmed": 0, "returned": 1}
    row = CapacityDay.objects.get(outlet=one, day=fences.today())
    assert (row.held, row.confirmed) == (0, 1)
