"""The board's counters: what they say is what the orders are, whatever was done, at every moment."""

from __future__ import annotations

import datetime as dt
import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from inventory.models import Warehouse
from orderhub import invariants
from orderhub.actors import CLOCK
from orders import queues, standing
from orders.models import Hold, HoldType, Order, Standing, StandingCount, Stir
from orders.operations import figures, holds
from orders.operations import standing as keeping
from orders.tests import aftersale_cast as cast

STATES = (*standing.OPEN, "closed", "cancelled")


def real(now: dt.datetime) -> Counter[tuple[Any, ...]]:
    """The same question answered order by order, in Python."""
    ambers = figures.amber()
    found: Counter[tuple[Any, ...]] = Counter()
    for order in Order.objects.filter(state__in=standing.OPEN).prefetch_related("holds"):
        open_ones = {hold.type for hold in order.holds.all() if hold.released_at is None}
        queue = next((one.code for one in queues.QUEUES if open_ones & set(one.types)), "")
        if not open_ones and order.refund_state == "asked":
            queue = "refund"
        colour, due = "green", order.promised_ship_at
        if due and order.state in standing.TO_SHIP and order.shipped_at is None:
            if due < now:
                colour = "red"
            elif due < now + ambers[order.shop_id]:
                colour = "amber"
        found[order.state, order.shop_id, order.warehouse_id or 0, queue, colour] += 1
    return found


def said(now: dt.datetime) -> Counter[tuple[Any, ...]]:
    return Counter(
        {(c.state, c.shop_id, c.warehouse_id, c.queue, c.colour): c.n for c in standing.counts(now=now)}
    )


class World:
    """Orders that random things happen to."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.now = standing.moment()
        self.shops = [cast.shop(), cast.shop("tb", "taobao")]
        self.houses = [None, cast.warehouse(), Warehouse.objects.create(code="SH01", name="上海")]
        self.ids: list[int] = []

    def due(self) -> dt.datetime | None:
        minutes = self.dice.choice([None, -300, -61, -1, 0, 1, 59, 359, 360, 361, 400, 3000])
        return None if minutes is None else self.now + dt.timedelta(minutes=minutes)

    def step(self) -> None:
        deeds = [self.make, self.move, self.move, self.promise, self.send, self.hold, self.free, self.refund]
        self.dice.choice([*deeds, self.drop, self.fold])()

    def some(self) -> list[int]:
        return self.dice.sample(self.ids, min(len(self.ids), self.dice.randint(1, 3)))

    def make(self) -> None:
        state = self.dice.choice([*standing.OPEN, "cancelled"])
        made = cast.order(
            state,
            shop=self.dice.choice(self.shops),
            warehouse=self.dice.choice(self.houses),
            promised_ship_at=self.due(),
        )
        self.ids.append(made.pk)

    def set(self, **columns: Any) -> None:
        Order.objects.filter(pk__in=self.some()).exclude(state="closed").update(**columns)

    def move(self) -> None:
        self.set(state=self.dice.choice(STATES))

    def promise(self) -> None:
        self.set(promised_ship_at=self.due())

    def send(self) -> None:
        self.set(shipped_at=self.dice.choice([None, self.now]), warehouse=self.dice.choice(self.houses))

    def hold(self) -> None:
        holds.open_holds(self.some(), self.dice.choice(HoldType.values), "why", CLOCK)

    def free(self) -> None:
        holds.release_type(self.some(), self.dice.choice(HoldType.values), CLOCK)

    def refund(self) -> None:
        self.set(refund_state=self.dice.choice(["none", "asked", "done"]))

    def drop(self) -> None:
        doomed = Order.objects.filter(pk__in=self.some()).exclude(state="closed").first()
        if doomed:
            self.ids.remove(doomed.pk)
            doomed.delete()

    def fold(self) -> None:
        keeping.fold()


def test_that_every_hold_is_in_exactly_one_queue():
    assert sorted(kind for queue in queues.QUEUES for kind in queue.types) == sorted(HoldType)


@pytest.mark.django_db
@pytest.mark.parametrize("seed", range(6))
def test_that_after_any_work_counters_are_what_a_count_says(seed):
    world = World(seed)
    for _order in range(8):
        world.make()
    for n in range(60):
        world.step()
        if n % 10 == 9:
            for minutes in (0, -60, 45, 360, 5000):
                now = world.now + dt.timedelta(minutes=minutes)
                assert said(now) == real(now), (seed, n, minutes)
    assert not invariants.check(["board_counts_orders"])
    keeping.fold()
    assert not Stir.objects.exists()
    assert said(world.now) == real(world.now)
    assert sum(StandingCount.objects.values_list("n", flat=True)) == sum(real(world.now).values())
    assert keeping.check() == keeping.Repaired(0, 0)


@pytest.mark.django_db
@pytest.mark.parametrize("seed", [11, 12])
def test_that_each_counter_has_its_list_and_each_order_one_queue(seed, monkeypatch):
    world = World(seed)
    for _step in range(50):
        world.make()
        world.hold()
        world.step()
    monkeypatch.setattr(standing, "moment", lambda now=None: world.now)
    for count in standing.counts():
        where = standing.where(
            states=[count.state],
            shops=[count.shop_id],
            warehouses=[count.warehouse_id],
            queue=count.queue or queues.NONE,
            colour=count.colour,
        )
        assert Order.objects.filter(where).count() == count.n, count
    everything = Order.objects.filter(standing.where()).count()
    assert everything == sum(
        Order.objects.filter(standing.where(queue=code)).count() for code in ("none", *queues.BY_CODE)
    )
    assert everything == sum(
        Order.objects.filter(standing.where(colour=colour)).count() for colour in ("red", "amber", "green")
    )


@pytest.mark.django_db
def test_that_a_claim_or_a_tag_stirs_nothing_and_a_batch_leaves_one_row():
    ids = [cast.order("paid").pk for _n in range(5)]
    keeping.fold()
    Order.objects.filter(pk__in=ids).update(lease_token=7, attempts=1, tags=["x"], next_try_at=timezone.now())
    assert not Stir.objects.exists()
    Order.objects.filter(pk__in=ids).update(state="reserved")
    assert [sorted(stir.orders) for stir in Stir.objects.all()] == [ids]


@pytest.mark.django_db
def test_that_one_hold_in_place_of_another_is_seen_though_the_order_is_the_same():
    order = cast.order("paid")
    holds.open_holds([order.pk], "stock", "why", CLOCK)
    keeping.fold()
    Hold.objects.filter(order=order).update(type="address")
    assert [count.queue for count in standing.counts()] == ["address"]
    keeping.fold()
    assert [count.queue for count in standing.counts()] == ["address"]


@pytest.mark.django_db
def test_that_reading_takes_two_statements_and_folding_the_same_for_one_order_and_for_many():
    cast.order("paid")

    def statements(work: Any) -> int:
        with CaptureQueriesContext(connection) as caught:
            work()
        return len([query for query in caught if "SAVEPOINT" not in query["sql"]])

    read, kept = statements(standing.counts), statements(keeping.fold)
    assert read == 2
    for _n in range(20):
        cast.order("paid")
    assert (statements(standing.counts), statements(keeping.fold)) == (read, kept)


@pytest.mark.django_db
def test_that_the_nightly_count_finds_and_repairs_what_is_wrong(caplog):
    order, other = cast.order("paid"), cast.order("routed")
    keeping.fold()
    Standing.objects.filter(order_id=order.pk).update(state="shipped")
    Standing.objects.filter(order_id=other.pk).delete()
    StandingCount.objects.update(n=9)
    assert invariants.check(["board_counts_orders"])
    found = keeping.check()
    assert found.orders == 2
    assert found.counters >= 2
    assert "put right" in caplog.text
    now = standing.moment()
    assert said(now) == real(now)
    assert keeping.check() == keeping.Repaired(0, 0)


@pytest.mark.django_db(transaction=True)
def test_that_no_reader_sees_a_wrong_sum_while_others_work_and_fold():
    ids = [cast.order("paid").pk for _n in range(40)]
    over = threading.Event()
    failures: list[Any] = []

    def work(seed: int) -> None:
        dice = random.Random(seed)
        try:
            for _n in range(60):
                some = sorted(dice.sample(ids, 5))
                if dice.random() < 0.5:
                    holds.open_holds(some, dice.choice(["stock", "manual", "address"]), "why", CLOCK)
                    holds.release_type(some, dice.choice(["stock", "manual", "address"]), CLOCK)
                else:
                    locked = Order.objects.filter(pk__in=some).order_by("pk")
                    locked.update(state=dice.choice(standing.OPEN), warehouse=None)
        finally:
            connection.close()

    def fold() -> None:
        try:
            while not over.is_set():
                keeping.fold()
        finally:
            connection.close()

    def read() -> None:
        try:
            while not over.is_set():
                rows = standing.counts()
                if sum(row.n for row in rows) != len(ids) or any(row.n < 0 for row in rows):
                    failures.append(rows)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        others = [pool.submit(one) for one in (fold, fold, read, read)]
        workers = [pool.submit(_again, work, seed) for seed in range(3)]
        try:
            for worker in workers:
                worker.result()
        finally:
            over.set()
        for other in others:
            other.result()
    assert not failures
    now = standing.moment()
    assert said(now) == real(now)
    keeping.fold()
    assert said(now) == real(now)
    assert not Stir.objects.exists()
    assert keeping.check() == keeping.Repaired(0, 0)
    assert Hold.objects.exists()


def _again(work: Any, seed: int) -> None:
    """An UPDATE of several rows may meet another one crosswise: then it is the database that says so, and we go on."""
    from django.db.utils import OperationalError

    try:
        work(seed)
    except OperationalError as error:
        if "deadlock" not in str(error):
            raise
