"""After a change of the rules: looking changes nothing, moving gives back what was taken, and each order has its outcome."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from orderhub.jobs import running
from orderhub.jobs.models import Job
from orders.models import Order
from routing.models import CapacityEntry, Decision
from routing.operations import reroute, rerouting
from routing.tests.cast import day_of, outlet, rate
from routing.tests.test_rules import CLERK, boss, go, publish, routed

__all__ = ["boss"]  # the fixture


def work():
    """Every step that is due."""
    running.run_due(seconds=20)


@pytest.fixture
def waiting(house, boss):
    """Five orders at A; the rules then prefer the partner warehouse and another carrier's outlet."""
    a, b = outlet(1), outlet(2, carrier="YTO")
    rate("330110", "outlet", a.code, 0.9, 0.99)
    rate("330110", "outlet", b.code, 0.9, 0.80)
    orders = house.orders(5)
    go(orders)
    assert day_of(a).held == 5
    publish(boss, [({"district": "'余杭区'"}, {"prefer_warehouse": "'YH01'", "prefer_carrier": "'YTO'"})])
    return a, b, orders


def newest():
    job = rerouting.newest()
    assert job is not None
    return job


def looked() -> Any:
    job = rerouting.look(None)
    work()
    job.refresh_from_db()
    assert job.state == Job.State.DONE, job.error
    return job


def moved(look, reason="新规则"):
    job = rerouting.go(look, None, "lin", reason)
    work()
    job.refresh_from_db()
    assert job.state == Job.State.DONE, job.error
    return job


def test_that_a_look_says_which_orders_would_go_elsewhere_and_changes_nothing(waiting):
    a, _b, orders = waiting
    before = (Decision.objects.count(), CapacityEntry.objects.count())
    job = looked()
    assert {row["order"] for row in job.result["found"]} == {order.id for order in orders}
    row = job.result["found"][0]
    assert "HZ01" in row["from"] and "YH01" in row["to"] and a.code in row["from"]
    assert (Decision.objects.count(), CapacityEntry.objects.count()) == before
    assert {routed(order).state for order in orders} == {"routed"}


def test_that_moving_gives_places_and_stock_back_and_tells_each_outcome(waiting, house):
    a, b, orders = waiting
    look = looked()
    by_hand, gone = orders[3], orders[4]
    reroute.override([by_hand.id], actor=CLERK, reason="客户指定", outlet_code=a.code)
    Order.objects.filter(id=gone.id).update(state="released")
    job = moved(look)
    outcome = {row["order"]: row["kind"] for row in job.result["rows"]}
    assert outcome == {o.id: "moved" for o in orders[:3]} | {by_hand.id: "refused", gone.id: "refused"}
    assert all(row["why"] for row in job.result["rows"] if row["kind"] == "refused")
    assert {(routed(o).warehouse_id, o.outlet_code, o.state) for o in orders[:3]} == {
        (house.partner.id, b.code, "routed")
    }
    assert (day_of(a).held, day_of(b).held) == (2, 3)
    assert (house.reserved_at(house.own), house.reserved_at(house.partner)) == (1, 4)
    assert (routed(by_hand).outlet_code, routed(gone).outlet_code) == (a.code, a.code)


def test_that_a_step_that_comes_twice_does_no_harm(waiting, house):
    _a, b, orders = waiting
    job = rerouting.go(looked(), None, "lin", "新规则")
    rerouting.step(job)  # and its worker is killed before it is written down
    work()
    ended = newest().result or {}
    assert ended["moved"] == 5 and len(ended["rows"]) == 5
    assert day_of(b).held == 5
    assert house.reserved_at(house.partner) == 5
    assert {routed(order).outlet_code for order in orders} == {b.code}


def test_that_what_goes_where_the_rules_send_it_is_not_found(waiting):
    look = looked()
    moved(look)
    again = looked()
    assert (again.result["seen"], again.result["found"]) == (5, [])
    with pytest.raises(rerouting.NothingToDo):
        rerouting.go(again, None, "lin", "x")


@pytest.mark.parametrize("twice", [True, False])
def test_that_the_same_look_is_not_moved_twice_nor_without_a_reason(waiting, twice):
    look = looked()
    if twice:
        moved(look)
    with pytest.raises(rerouting.NothingToDo):
        rerouting.go(look, None, "lin", "x" if twice else " ")


def test_that_the_page_has_one_thing_to_do_next(waiting, boss, client):
    client.force_login(boss)
    url = reverse("admin:routing_again")
    assert client.get(url).status_code == 200
    client.post(reverse("admin:routing_again_look"))
    work()
    page = client.get(url).content.decode()
    assert waiting[2][0].number in page and "oh-button-main" in page
    client.post(reverse("admin:routing_again_go"), {"look": newest().pk, "reason": "新规则"})
    work()
    page = client.get(url).content.decode()
    assert waiting[2][0].number in page
    assert newest().result["moved"] == 5


def test_that_who_may_not_route_sees_no_button_and_is_refused(waiting, client, django_user_model):
    client.force_login(django_user_model.objects.create_user("x", is_staff=True))
    assert client.get(reverse("admin:routing_again")).status_code == 403
    assert client.post(reverse("admin:routing_again_look")).status_code == 403
    assert not Job.objects.exists()


def test_that_whoever_changed_the_rules_is_shown_the_waiting_orders(admin_client: Client, boss: User) -> None:
    answer = admin_client.post(
        reverse("admin:rules_act", args=["routing", "choose"]),
        {"policy": "weighted", "reason": "试试"},
        follow=True,
    )
    assert reverse("admin:routing_again") in " ".join(str(message) for message in answer.context["messages"])
    other = admin_client.post(
        reverse("admin:rules_act", args=["stock", "choose"]),
        {"policy": "threshold", "reason": "试试"},
        follow=True,
    )
    told = " ".join(str(message) for message in other.context["messages"])
    assert "routing" not in told
