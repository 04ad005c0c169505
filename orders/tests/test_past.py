"""Drafts of orders' own points are tried on what was decided: in pages, by chosen orders, with nothing written."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from orderhub.rules import engine, registry, seeding, simulating
from orderhub.rules.documents import table
from orderhub.rules.tally import Tally
from orders.models import Order, Shop
from orders.operations import risk
from orders.past import payments, promises
from orders.tests.test_risk import paid, verify

pytestmark = pytest.mark.django_db
DAY = dt.timedelta(days=1)


@pytest.fixture
def boss(db: None) -> Iterator[User]:
    seeding.seed()
    engine.forget()
    yield User.objects.create_superuser("boss")
    engine.forget()


def test_that_past_payments_come_in_pages_with_every_fact(own_shop: Shop, boss: User) -> None:
    orders = paid(own_shop, *(f"P{n}" for n in range(7)))
    risk.block_order(orders[3].number, "buyer", "forged", boss)
    verify()
    now = timezone.now()
    first = payments(now - DAY, now + DAY, None, 0, 4)
    rest = payments(now - DAY, now + DAY, None, first[-1].id, 4)
    assert [past.id for past in [*first, *rest]] == [order.id for order in orders]
    assert [past.became["hold"] for past in [*first, *rest]] == [n == 3 for n in range(7)]
    assert set(first[0].input) == {field.code for field in registry.point("payment").inputs}
    assert [past.id for past in payments(now - DAY, now + DAY, [orders[5].id], 0, 9)] == [orders[5].id]
    assert payments(now - 2 * DAY, now - DAY, None, 0, 9) == []
    assert "13812345678" not in str(first) and "王小明" not in str(first)


def test_that_a_stricter_draft_says_which_orders_it_would_have_held(own_shop: Shop, boss: User) -> None:
    paid(own_shop, *(f"P{n}" for n in range(5)))
    verify()
    point, now = registry.point("payment"), timezone.now()
    pasts = simulating.read(point, now - DAY, now + DAY, None, 0, 100)
    rows = [("many", ("> 3",), ("true",)), ("rest", ("",), ("false",))]
    draft = table("t", [("phone_orders", "P")], [("hold", "H")], rows)
    live = table("t", [], [("hold", "H")], [("all", (), ("false",))])
    tally = Tally()
    before = list(Order.objects.order_by("id").values())
    simulating.compare(point, pasts, live, draft, tally)
    assert tally.seen == 5 and tally.differing == 2
    assert list(Order.objects.order_by("id").values()) == before


def test_that_promises_are_compared_in_hours(own_shop: Shop, boss: User) -> None:
    paid(own_shop, "P1", "P2")
    verify()
    point, now = registry.point("promise"), timezone.now()
    pasts = promises(now - DAY, now + DAY, None, 0, 9)
    assert [past.became for past in pasts] == [{"hours": 48.0}] * 2
    heads = [("hours", "H"), ("amber_minutes", "A")]
    live, draft = (table("t", [], heads, [("all", (), (hours, "60"))]) for hours in ("shop_hours", "24"))
    answers = [
        [r.answer for r in engine.evaluate("promise", doc, [p.input for p in pasts])] for doc in (live, draft)
    ]
    effects = simulating.effects(point, pasts, answers[0], answers[1])  # type: ignore[arg-type]
    assert [(e.differs, e.promise) for e in effects] == [(True, -24.0)] * 2


def test_that_a_page_costs_one_question_and_one_for_the_facts(own_shop: Shop, boss: User) -> None:
    paid(own_shop, *(f"P{n}" for n in range(6)))
    verify()
    now = timezone.now()
    for size in (1, 6):
        with CaptureQueriesContext(connection) as seen:
            payments(now - DAY, now + DAY, None, 0, size)
        assert len(seen) == 2
