"""Orders that wait: each action once for each row, together with its trace, in a constant number of statements."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from orderhub.models import Connection, Message, Recipient, Ticket, Trace
from orderhub.rules import engine, publishing, seeding
from orderhub.rules.checking import check
from orderhub.rules.models import RuleSet
from orders.models import Deed, Event, Hold, HoldType, Order
from orders.operations import acting, watching
from orders.tests import aftersale_cast as cast
from orders.watching import WATCH, urge

pytestmark = pytest.mark.django_db
DAY = dt.timedelta(hours=24)


@pytest.fixture(autouse=True)
def published(db: None) -> None:
    engine.forget()
    seeding.seed()
    engine.forget()


def waiting(hours: float, state: str = "reserved", **columns: Any) -> Order:
    now = timezone.now()
    columns.setdefault("promised_ship_at", now + dt.timedelta(hours=48))
    return cast.order(state, paid_at=now - dt.timedelta(hours=hours), **columns)


def recipients() -> None:
    sms = Connection.objects.create(
        platform="aliyun_sms", name="短信", code="sms", base_url="http://127.0.0.1:1"
    )
    feishu = Connection.objects.create(platform="feishu", name="群", code="f", base_url="http://127.0.0.1:1")
    Recipient.objects.create(role="warehouse_manager", connection=sms, phone="13800000001")
    Recipient.objects.create(role="director", connection=feishu)


def publish(**cells: str) -> None:
    """The first row of the shipped policy with other answers; its id stays."""
    owner = RuleSet.objects.get(point="watch", code="urge")
    document = urge()
    content = document["nodes"][1]["content"]
    known = {head["field"] for head in content["outputs"]}
    for code, cell in cells.items():
        if code not in known:
            content["outputs"].append({"id": f"out_{code}", "name": code, "field": code})
            for row in content["rules"]:
                row[f"out_{code}"] = ""
        content["rules"][0][f"out_{code}"] = cell
    draft = publishing.new_draft("watch", owner.code, None, document=document)
    publishing.publish(draft.id, None)
    engine.forget()


def test_that_the_shipped_policy_is_without_fault() -> None:
    assert check("watch", urge()) == []


def test_that_the_sellers_own_case_is_told_and_marked_once() -> None:
    recipients()
    late, fine = waiting(25), waiting(23)
    for _ in range(3):
        watching.watch()
    late.refresh_from_db()
    fine.refresh_from_db()
    assert (late.alarm, late.priority, late.tags) == ("red", 9, ["紧急催单"])
    assert (fine.alarm, fine.priority, fine.tags) == ("", 0, [])
    ticket = Ticket.objects.get()
    assert (ticket.role, ticket.order_id, ticket.kind) == ("warehouse_manager", late.id, "watch")
    told = Message.objects.filter(kind="notice.send").select_related("connection")
    assert sorted(m.connection.platform for m in told) == ["aliyun_sms", "feishu"]
    assert set(Deed.objects.values_list("order_id", "cause")) == {(late.id, "no_number")}
    assert Trace.objects.get().row[0]["row"] == "no_number"
    assert Event.objects.filter(order_id=late.id, code="rule_acted").count() == 1


def test_that_editing_the_row_does_not_tell_again_what_was_told() -> None:
    recipients()
    waiting(25)
    watching.watch()
    publish(sms="'director'", why="'等太久'")
    watching.watch()
    assert Message.objects.count() == 2 and Ticket.objects.count() == 1


def test_that_amber_comes_before_the_promise_and_red_after() -> None:
    now = timezone.now()
    soon = waiting(1, promised_ship_at=now + dt.timedelta(hours=5))
    far = waiting(1, promised_ship_at=now + dt.timedelta(hours=7))
    over = waiting(1, promised_ship_at=now - dt.timedelta(minutes=1))
    watching.watch()
    alarms = dict(Order.objects.values_list("id", "alarm"))
    assert alarms == {soon.id: "amber", far.id: "", over.id: "red"}
    watching.watch(now=now + dt.timedelta(hours=6))
    assert dict(Order.objects.values_list("id", "alarm")) == {soon.id: "red", far.id: "amber", over.id: "red"}
    assert Deed.objects.filter(order_id=soon.id, action="prioritise").count() == 2  # one a row


def test_that_what_is_no_longer_urgent_is_calm_and_its_untouched_ticket_closed() -> None:
    order = waiting(25)
    watching.watch()
    Order.objects.filter(id=order.id).update(paid_at=timezone.now())
    watching.watch()
    order.refresh_from_db()
    assert order.alarm == "" and Ticket.objects.get().state == "done"


def test_that_a_rule_holds_and_lets_go_only_what_a_rule_held() -> None:
    order = waiting(25)
    Hold.objects.create(order=order, type=HoldType.PAYMENT, reason="x", opened_by="clock")
    Order.objects.filter(id=order.id).update(open_holds=1)
    publish(hold="true")
    watching.watch()
    watching.watch()
    assert Hold.objects.filter(released_at=None).count() == 2
    order.refresh_from_db()
    assert order.open_holds == 2
    publish(hold="false", release="true")
    watching.watch()
    assert list(Hold.objects.filter(released_at=None).values_list("type", flat=True)) == ["payment"]
    order.refresh_from_db()
    assert order.open_holds == 1


def test_that_an_order_that_moved_between_deciding_and_acting_is_left_for_the_next_look() -> None:
    order = waiting(25)
    rows = watching.facts([order.id], timezone.now())
    decided = engine.decide("watch", [row.input for row in rows])
    Order.objects.filter(id=order.id).update(state="shipped", shipped_at=timezone.now())
    acting.act(decided, {order.id: decided.answers[0]}, {order.id: "reserved"}, {order.id: ""})
    assert not Deed.objects.exists() and not Ticket.objects.exists()


def test_that_a_prioritised_order_is_taken_first() -> None:
    first, urgent = waiting(1), waiting(25)
    watching.watch()
    assert list(Order.objects.order_by("next_try_at").values_list("id", flat=True)) == [urgent.id, first.id]


def test_that_the_statements_do_not_grow_with_the_orders() -> None:
    recipients()
    counts = []
    waiting(25)
    watching.watch()
    for n in (1, 5):
        for _ in range(n):
            waiting(25)
        engine.head_of("watch")
        with CaptureQueriesContext(
            connection,
        ) as caught:
            watching.watch()
        counts.append(len(caught))
    assert counts[0] == counts[1]
    before = Deed.objects.count()
    with CaptureQueriesContext(connection) as caught:
        watching.watch()
    assert Deed.objects.count() == before and len(caught) < 16


def test_that_pages_leave_nobody_out() -> None:
    for _ in range(7):
        waiting(25)
    assert watching.watch(page=2)["looked_at"] == 7
    assert Ticket.objects.count() == 7


def test_that_the_past_says_what_was_done() -> None:
    order = waiting(25)
    watching.watch()
    found = watching.past(timezone.now() - 30 * DAY, timezone.now(), None, 0, 10)
    assert [(row.id, row.became["severity"], row.became["ticket"]) for row in found] == [
        (order.id, "red", "warehouse_manager")
    ]
    assert set(found[0].became) <= set(WATCH.output_of)
