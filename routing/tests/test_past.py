"""Past decisions for trying a draft: the kept figures choose again as they chose then, and differently where a draft says so."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from orderhub.rules import engine
from routing import policies
from routing.models import Decision
from routing.operations import reroute
from routing.past import count, effect, past
from routing.tests.cast import POINT, YUHANG, fence, outlet, rate
from routing.tests.test_rules import CLERK, boss, edited, go, routed

__all__ = ["boss"]  # the fixture


def window():
    now = timezone.now()
    return now - dt.timedelta(hours=1), now + dt.timedelta(hours=1)


def recent():
    since, until = window()
    return past(since, until, None, 0, 100)


def counted():
    since, until = window()
    return count(since, until, None)


def tried(draft, pasts, live=None):
    before = [
        r.answer for r in engine.evaluate("routing", live or policies.chain(), [p.input for p in pasts])
    ]
    after = [r.answer for r in engine.evaluate("routing", draft, [p.input for p in pasts])]
    return effect(pasts, before, after)


@pytest.fixture
def routes(house, boss):
    """Three orders inside a fence with 180 places: the better of the others has them."""
    a, b = outlet(1, capacity=180), outlet(2, carrier="YTO")
    fence(a)
    rate("330110", "outlet", b.code, 0.9, 0.99)
    a.freight_first, b.freight_first, a.promised_hours, b.promised_hours = "4.50", "3.00", 24, 60
    a.save(), b.save()
    orders = house.orders(3, YUHANG, POINT)
    go(orders)
    assert {routed(order).outlet_code for order in orders} == {b.code}
    return a, b, orders


def test_that_the_inputs_are_what_the_rules_saw_then(routes):
    _a, _b, orders = routes
    (first, *_rest) = recent()
    assert (first.label, first.order) == (orders[0].number, orders[0].id)
    assert {k: first.input[k] for k in ("province", "city", "district", "town", "adcode", "located_by")} == {
        "province": "浙江省", "city": "杭州市", "district": "余杭区", "town": "仓前街道", "adcode": "330110",
        "located_by": "fence",
    }  # fmt: skip
    assert (first.input["channel"], first.input["amount"]) == ("own_shop", 10.0)
    assert 47 <= first.input["hours_to_promise"] <= 48.1


def test_that_pages_follow_one_another_and_are_counted(routes):
    since, until = window()
    every = [p.id for p in past(since, until, None, 0, 100)]
    assert every == sorted(every) and count(since, until, None) == len(every) == 3
    assert [p.id for p in past(since, until, None, every[0], 1)] == [every[1]]
    assert past(since, until, None, every[-1], 10) == []
    assert [p.order for p in past(since, until, [routes[2][1].id], 0, 10)] == [routes[2][1].id]
    assert past(since - dt.timedelta(days=9), since, None, 0, 10) == []


def test_that_what_a_person_decided_is_not_tried(routes):
    a, _b, orders = routes
    reroute.override([orders[0].id], actor=CLERK, reason="急", outlet_code=a.code)
    assert counted() == 3  # her decision is the fourth, and no rule's


def test_that_150_instead_of_200_sends_them_to_the_own_outlet_at_its_price(routes):
    a, b, _orders = routes
    pasts = recent()
    draft = edited(policies.chain(), [], [("preferences", "everywhere", "preferred_left", "150")])
    found = tried(draft, pasts)
    assert all(e.differs for e in found)
    assert b.code in found[0].frm and a.code in found[0].to
    assert (found[0].cost, found[0].promise) == (1.5, -36)


def test_that_the_same_rules_differ_in_nothing_and_choose_what_was_chosen(routes):
    pasts = recent()
    assert not any(e.differs for e in tried(policies.chain(), pasts))
    draft = edited(policies.chain(), [], [("figures", "figures", "full_retry_minutes", "10")])
    assert not any(e.differs for e in tried(draft, pasts))  # another answer, the same way


def test_that_what_the_rules_would_leave_nothing_is_said_to_be_held(routes):
    draft = edited(policies.chain(), [({"district": "'余杭区'"}, {"exclude_carriers": "['ZTO', 'YTO']"})])
    found = tried(draft, recent())
    assert all(e.differs and e.to not in (e.frm, "") for e in found)
    assert found[0].cost is None


def test_that_a_warehouse_preferred_by_a_draft_is_named(routes, house):
    draft = edited(policies.chain(), [({}, {"prefer_warehouse": "'YH01'"})])
    found = tried(draft, recent())
    assert ("HZ01" in found[0].frm, "YH01" in found[0].to, found[0].cost) == (True, True, 0)


def test_that_nothing_is_read_for_each_decision(routes):
    draft = edited(policies.chain(), [], [("preferences", "everywhere", "preferred_left", "150")])
    with CaptureQueriesContext(connection) as caught:
        tried(draft, recent())
    assert len(caught) <= 6
    assert Decision.objects.count() == 3
