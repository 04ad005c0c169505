"""Closing freezes; cancelling gives everything back: stock, messages not sent, and a refund proposal."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from inventory.models import Movement, Reservation, Stock
from inventory.operations.take import reserve_one
from orderhub.actors import CLOCK, person, platform
from orderhub.lifecycle import apply
from orderhub.models import Message
from orderhub.outbox.writing import ask_once
from orders.lifecycle import LIFECYCLE
from orders.models import Case, Event, Order
from orders.tests import aftersale_cast as cast

pytestmark = pytest.mark.django_db


def counters() -> list[tuple[int, int]]:
    return list(Stock.objects.order_by("id").values_list("on_hand", "reserved"))


def reserved(order: Order) -> None:
    for line in order.lines.all():
        assert line.sku_id and reserve_one(line.uuid, line.sku_id, line.quantity)


def test_that_closing_is_dated_by_the_end_of_the_quiet_window():
    until = timezone.now() - dt.timedelta(days=2)
    order = cast.order("signed", signed_days_ago=9, aftersale_until=until)
    outcome = apply(LIFECYCLE, "close", [order.id], actor=CLOCK, params={"vouchers": {order.id: "AR1"}})
    order.refresh_from_db()
    event = Event.objects.get(order=order, code="close")
    assert outcome.moved == {order.id: ["close"]}
    assert (order.state, event.point, event.occurred_at, event.data) == (
        "closed",
        9,
        until,
        {"voucher": "AR1"},
    )
    assert order.closed_at is not None and order.closed_at > until


@pytest.mark.parametrize("state", ["open", "received"])
def test_that_an_order_with_a_live_case_is_not_closed(state: str):
    order = cast.order("signed", aftersale_until=timezone.now())
    Case.objects.create(number="AS1", order=order, kind="return", state=state)
    outcome = apply(LIFECYCLE, "close", [order.id], actor=CLOCK)
    order.refresh_from_db()
    assert outcome.refused[order.id].code == "open_case"
    assert (order.state, order.closed_at) == ("signed", None)


@pytest.mark.parametrize("state", ["unpaid", "paid", "reserved", "routed", "released", "printed"])
def test_that_cancelling_returns_the_stock_exactly(state: str):
    order = cast.order(state)
    before = counters()
    reserved(order)
    assert counters() != before
    outcome = apply(
        LIFECYCLE, "cancel", [order.id], actor=platform("own_shop"), params={"reason": "买家取消"}
    )
    assert outcome.moved == {order.id: ["cancel"]}
    assert counters() == before
    assert set(Reservation.objects.values_list("state", flat=True)) == {"released"}
    assert sum(Movement.objects.values_list("reserved_change", flat=True)) == 0
    assert Event.objects.get(order=order, code="cancel").data["reason"] == "买家取消"


def test_that_cancelling_twice_gives_back_once():
    order = cast.order("reserved")
    reserved(order)
    apply(LIFECYCLE, "cancel", [order.id], actor=CLOCK)
    after = counters()
    again = apply(LIFECYCLE, "cancel", [order.id], actor=CLOCK)
    assert again.refused[order.id].code == "wrong_state"
    assert counters() == after


@pytest.mark.parametrize("state", ["shipped", "signed", "closed", "cancelled"])
def test_that_what_was_shipped_is_not_cancelled(state: str):
    order = cast.closed() if state == "closed" else cast.order(state)
    outcome = apply(LIFECYCLE, "cancel", [order.id], actor=CLOCK)
    assert outcome.refused[order.id].code == "wrong_state"
    order.refresh_from_db()
    assert order.state == state


def test_that_unsent_messages_are_withdrawn_and_undoing_ones_are_not():
    order = cast.order("routed")
    for kind in ("waybill.get", "wms.push", "waybill.cancel"):
        ask_once(kind, f"{kind}-1", connection_id=None, subject_id=7, order_id=order.id)
    Message.objects.filter(kind="wms.push").update(state="sending")
    apply(LIFECYCLE, "cancel", [order.id], actor=CLOCK)
    states = dict(Message.objects.values_list("kind", "state"))
    assert states == {"waybill.get": "cancelled", "wms.push": "sending", "waybill.cancel": "new"}


def test_that_a_person_who_cancels_a_paid_order_leaves_a_refund_to_make():
    clerk = person(User.objects.create_user("clerk"))
    paid, unpaid = cast.order("paid"), cast.order("unpaid")
    apply(LIFECYCLE, "cancel", [paid.id, unpaid.id], actor=clerk, params={"reason": "缺货"})
    case = Case.objects.get()
    assert (case.order_id, case.kind, case.amount, case.state) == (
        paid.id,
        "refund",
        Decimal("257.00"),
        "open",
    )
    paid.refresh_from_db()
    assert (paid.state, paid.refund_state) == ("cancelled", "asked")


def test_that_a_channel_that_cancels_pays_back_itself():
    order = cast.order("paid")
    apply(LIFECYCLE, "cancel", [order.id], actor=platform("taobao"))
    assert not Case.objects.exists()


def test_that_cancelling_costs_the_same_statements_for_one_and_for_five():
    counts = []
    for n in (1, 5):
        orders = [cast.order("reserved") for _ in range(n)]
        for order in orders:
            reserved(order)
        with CaptureQueriesContext(connection) as queries:
            apply(LIFECYCLE, "cancel", [order.id for order in orders], actor=CLOCK)
        counts.append(len(queries))
    assert counts[0] == counts[1]
