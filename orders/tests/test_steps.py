"""How long steps take: once each, whatever the batches, and percentiles within what is promised of them."""

from __future__ import annotations

import datetime as dt
import math
import random
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from orderhub.actors import CLOCK
from orders import steps, timeline
from orders.models import Event, Measured, Order, SlowStep, StepCount, Unmeasured
from orders.operations import measuring
from orders.operations import standing as keeping
from orders.tests import aftersale_cast as cast

pytestmark = pytest.mark.django_db
WAY = ("verify", "reserve", "route", "release", "wave", "pack", "print", "ship", "sign")


def say(order: Order, code: str, at: dt.datetime, learned: dt.datetime | None = None) -> None:
    """One event; happened at `at`, known at `learned` or at once."""
    timeline.append([timeline.line(order.pk, code, actor=CLOCK, now=learned or at, occurred_at=at)])


def walk(begin: dt.datetime, seconds: list[float], order: Order | None = None) -> Order:
    """An order that is paid at `begin`, known a minute later, and makes its steps in so many seconds each."""
    order = order or cast.order("paid")
    known = begin + dt.timedelta(minutes=1)
    say(order, "received", begin, known)
    at = known
    for code, more in zip(WAY, seconds, strict=False):
        at += dt.timedelta(seconds=more)
        say(order, code, begin if code == "verify" else at, at)
    return order


def measure(*orders: Order) -> None:
    Unmeasured.objects.create(orders=[order.pk for order in orders])
    measuring.measure()


def taken(code: str, begin: dt.date | None = None, **narrowed: Any) -> steps.Taken:
    today = timezone.localdate()
    rows = steps.taken(begin or today - dt.timedelta(days=6), today, **narrowed)
    return next(row for row in rows if row.step.code == code)


def noon(days_ago: int = 0) -> dt.datetime:
    return timezone.localtime().replace(hour=12, minute=0, second=0, microsecond=0) - dt.timedelta(
        days=days_ago
    )


def test_that_percentiles_are_within_a_twentieth_of_the_real_ones():
    dice = random.Random(3)
    real = sorted(math.exp(dice.uniform(math.log(0.2), math.log(500_000))) for _n in range(4000))
    counts: dict[int, int] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {steps.BUCKET}, count(*) FROM unnest(%s::float8[]) AS t(seconds) GROUP BY 1", [real]
        )
        counts = dict(cursor.fetchall())
    said = steps.figures([(bucket, n, 0) for bucket, n in counts.items()])
    assert said.n == len(real)
    for quantile, value in zip(steps.QUANTILES, (said.p50, said.p90, said.p99), strict=True):
        truth = real[math.ceil(quantile * len(real)) - 1]
        assert value == pytest.approx(truth, rel=0.05)


def test_that_the_injected_slow_step_is_the_red_one_and_names_its_orders():
    orders = [walk(noon(1), [5, 2, 2, 20, 3600, 3600, 600, 3600, 86_400]) for _n in range(6)]
    slow = [walk(noon(1), [5, 2, 2, 300 + n, 3600, 3600, 600, 3600, 86_400]) for n in range(3)]
    measure(*orders, *slow)
    rows = steps.taken(timezone.localdate() - dt.timedelta(days=6), timezone.localdate())
    assert {row.step.code for row in rows if row.red} == {"release", "push"}
    release = taken("release").now
    assert (release.n, release.late) == (9, 3)
    assert release.p50 == pytest.approx(20, rel=0.05)
    assert release.p90 == pytest.approx(302, rel=0.05)
    today = timezone.localdate()
    named = steps.slowest("release", today - dt.timedelta(days=6), today)
    assert [order for order, _seconds in named] == [order.pk for order in reversed(slow)]
    assert named[0][1] == 302
    learned = taken("learn").now
    assert learned.p50 == pytest.approx(60, rel=0.05)
    assert not taken("learn").red


def test_that_payment_to_warehouse_counts_from_when_we_knew():
    order = walk(noon(), [30, 10, 10, 35])
    measure(order)
    whole = next(one for one in steps.of_order(order.pk) if one.step.code == "push")
    assert whole.seconds == 85
    assert not whole.red
    late = walk(noon(), [30, 10, 10, 45])
    assert next(one for one in steps.of_order(late.pk) if one.step.code == "push").red


def test_that_an_own_shop_order_is_known_when_its_payment_is_reported():
    order, begin = cast.order("paid"), noon()
    say(order, "received", begin)
    say(order, "claim", begin + dt.timedelta(minutes=20), begin + dt.timedelta(minutes=20, seconds=3))
    say(order, "verify", begin + dt.timedelta(minutes=20), begin + dt.timedelta(minutes=20, seconds=9))
    found = {one.step.code: one.seconds for one in steps.of_order(order.pk)}
    assert found == {"learn": 3, "verify": 6}


def test_that_each_step_counts_once_whatever_the_batches_and_repeats():
    dice = random.Random(7)
    orders = [cast.order("paid") for _n in range(12)]
    for order in orders:
        say(order, "received", noon(2))
    todo = [(order, place) for order in orders for place in range(len(WAY))]
    dice.shuffle(todo)  # parcels may tell of later things first
    for order, place in todo:
        say(order, WAY[place], noon(2) + dt.timedelta(seconds=100 * (place + 1)))
        if dice.random() < 0.3:
            say(order, WAY[place], noon(1))  # made again: the first time counts
        if dice.random() < 0.5:
            measure(*dice.sample(orders, 4))
    measure(*orders)
    measure(*orders)
    kept = {row.step: 0 for row in StepCount.objects.all()}
    for row in StepCount.objects.all():
        kept[row.step] += row.n
    named = {steps.STEPS[place].code: n for place, n in kept.items()}
    assert named == dict.fromkeys(
        ("learn", "verify", "reserve", "route", "release", "push", "wave", "pack", "print", "ship", "sign"),
        12,
    )
    assert Measured.objects.count() == 12


def test_that_the_period_before_and_the_place_are_kept_apart():
    other = cast.order("paid", shop=cast.shop("tb", "taobao"), warehouse=None)
    first = walk(noon(1), [5, 2, 2, 20])
    before = walk(noon(8), [5, 2, 2, 40])
    elsewhere = walk(noon(1), [5, 2, 2, 500], other)
    measure(first, before, elsewhere)
    release = taken("release", shops=[first.shop_id])
    assert (release.now.n, release.before.n) == (1, 1)
    assert release.change == pytest.approx(-0.5, abs=0.06)
    assert taken("release", warehouses=[first.warehouse_id]).now.n == 1
    assert taken("release", warehouses=[0]).now.late == 1
    assert taken("release").now.n == 2


def test_that_what_moves_is_measured_by_itself_and_an_invoice_within_the_half_hour():
    order = walk(noon(), [5, 2, 2, 20, 60, 60, 60, 60, 60])
    Order.objects.filter(pk=order.pk).update(state="signed")
    keeping.fold()
    measuring.measure()
    assert taken("sign").now.n == 1
    data = timeline.line(order.pk, "invoice", actor=CLOCK, now=timezone.now(), point=8)
    timeline.append([data])
    measuring.measure()
    assert taken("invoice").now.n == 0
    assert measuring.catch_up() == 1
    measuring.measure()
    assert taken("invoice").now.n == 1
    assert measuring.catch_up() == 0


def test_that_measuring_takes_the_same_statements_for_one_and_for_many():
    def statements(*orders: Order) -> int:
        Unmeasured.objects.create(orders=[order.pk for order in orders])
        with CaptureQueriesContext(connection) as caught:
            measuring.measure()
        return len(caught)

    one = statements(walk(noon(), [5, 2]))
    many = statements(*(walk(noon(), [5, 2, 90]) for _n in range(15)))
    assert one == many
    assert SlowStep.objects.filter(step=steps.PLACES["route"]).count() == 15
    assert Event.objects.exists()
