"""The after-sale window, cases and their money, returns by hand and by the WMS, refunds told by the channel."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from orderhub import modules
from orderhub.actors import person
from orderhub.models import Ticket
from orderhub.sweeping import sweep
from orders.lifecycle import LIFECYCLE
from orders.models import Case, Event, Hold, Order
from orders.operations import holds
from orders.operations.aftersale import CaseRefused, close_case, open_case, sync_channel_refunds
from orders.tests import aftersale_cast as cast

pytestmark = pytest.mark.django_db
FULL = Decimal("257.00")


@pytest.fixture
def clerk() -> Any:
    return person(User.objects.create_user("clerk"))


def snapshot(order: Order) -> dict[str, Any]:
    return {
        "head": Order.objects.values().get(id=order.id),
        "lines": list(order.lines.order_by("pk").values()),
    }


# the window


def test_that_the_window_opens_at_the_signature_for_the_shops_days():
    order = cast.order("signed", signed_days_ago=3)
    sweep(LIFECYCLE, "signed", ["open_aftersale"])
    order.refresh_from_db()
    event = Event.objects.get(order=order, code="open_aftersale")
    assert order.signed_at and order.aftersale_until == order.signed_at + dt.timedelta(days=7)
    assert (event.point, event.occurred_at, order.state) == (10, order.signed_at, "signed")
    sweep(LIFECYCLE, "signed", ["open_aftersale"])
    assert Event.objects.filter(order=order, code="open_aftersale").count() == 1


def test_that_the_window_stays_shut_while_after_sales_is_off_and_opens_for_old_orders_later():
    order = cast.order("signed", signed_days_ago=3)
    modules.switch("aftersale", False)
    sweep(LIFECYCLE, "signed", ["open_aftersale"], limit=1)
    assert Order.objects.get(id=order.id).aftersale_until is None
    modules.switch("aftersale", True)
    Order.objects.update(next_try_at=timezone.now() - dt.timedelta(seconds=1), lease_until=None)
    sweep(LIFECYCLE, "signed", ["open_aftersale"])
    assert Order.objects.get(id=order.id).aftersale_until is not None


# cases and money


def test_that_a_refund_before_shipping_holds_the_order_and_a_refusal_lets_it_go(clerk):
    order = cast.order("routed")
    case = open_case(order.id, "refund", Decimal("10.00"), [], "不想要了", "", clerk)
    assert Hold.objects.get(order=order, released_at=None).type == "refund"
    assert close_case(case.id, "refused", clerk, note="已与买家说好")
    order.refresh_from_db()
    assert (order.open_holds, order.refund_state, order.refunded) == (0, "none", Decimal("0"))


def test_that_a_full_refund_before_shipping_cancels_the_order(clerk):
    order = cast.order("reserved")
    case = open_case(order.id, "refund", FULL, [], "不想要了", "", clerk)
    close_case(case.id, "done", clerk)
    order.refresh_from_db()
    assert (order.state, order.refunded, order.refund_state) == ("cancelled", FULL, "done")


def test_that_one_of_two_holds_stays_when_a_case_is_refused(clerk):
    order = cast.order("routed")
    case = open_case(order.id, "refund", Decimal("10.00"), [], "", "", clerk)
    holds.open_holds([order.id], "manual", "等一下", clerk)
    close_case(case.id, "refused", clerk)
    order.refresh_from_db()
    assert order.open_holds == 1


def test_that_refunds_together_never_pass_what_was_paid(clerk):
    order = cast.order("signed")
    one = open_case(order.id, "refund", Decimal("200.00"), [], "", "A1", clerk)
    two = open_case(order.id, "refund", Decimal("200.00"), [], "", "A2", clerk)
    close_case(one.id, "done", clerk)
    before = snapshot(order)
    with pytest.raises(CaseRefused):
        close_case(two.id, "done", clerk)
    assert snapshot(order) == before and Case.objects.get(id=two.id).state == "open"
    close_case(two.id, "done", clerk, amount=Decimal("57.00"))
    order.refresh_from_db()
    assert (order.refunded, order.refund_state) == (FULL, "done")
    with pytest.raises(CaseRefused):
        open_case(order.id, "refund", Decimal("0.01"), [], "", "A3", clerk)


def test_that_the_last_refund_is_the_residual_of_every_line(clerk):
    order = cast.order("signed")
    cup = order.lines.get(seller_code="CUP-1")
    first = open_case(
        order.id, "refund", Decimal("20.01"), [{"line": cup.uuid, "quantity": 1}], "", "", clerk
    )
    close_case(first.id, "done", clerk)
    last = open_case(order.id, "refund", FULL - Decimal("20.01"), [], "", "", clerk)
    close_case(last.id, "done", clerk)
    shares: dict[str, Decimal] = {}
    for case in Case.objects.all():
        for entry in case.lines:
            if "refund" in entry:
                shares[entry["line"]] = shares.get(entry["line"], Decimal(0)) + Decimal(entry["refund"])
    assert shares == {str(line.uuid): line.payable for line in order.lines.all()}
    assert {"line": str(cup.uuid), "refund": "20.01"} in Case.objects.get(id=first.id).lines


def test_that_a_double_click_refunds_once(clerk):
    order = cast.order("signed")
    case = open_case(order.id, "refund", Decimal("5.00"), [], "", "", clerk)
    assert close_case(case.id, "done", clerk) and not close_case(case.id, "done", clerk)
    assert Order.objects.get(id=order.id).refunded == Decimal("5.00")
    assert open_case(order.id, "refund", Decimal("5.00"), [], "", case.number, clerk).id == case.id


def test_that_a_complaint_after_closing_is_a_case_beside_the_frozen_order(clerk):
    order = cast.closed()
    before = snapshot(order)
    case = open_case(order.id, "return", Decimal("30.00"), [], "杯子裂了", "", clerk)
    close_case(case.id, "done", clerk)
    assert snapshot(order) == before
    assert Case.objects.get().state == "done" and Event.objects.filter(order=order, code="case_done").exists()


@pytest.mark.parametrize(
    ("state", "kind", "amount", "lines"),
    [
        ("paid", "return", "1.00", []),
        ("unpaid", "refund", "1.00", []),
        ("signed", "gift", "1.00", []),
        ("signed", "refund", "257.01", []),
        ("signed", "refund", "-1.00", []),
        ("signed", "refund", "1.001", []),
        ("signed", "return", "1.00", [{"line": "00000000-0000-0000-0000-000000000000", "quantity": 1}]),
        ("signed", "return", "1.00", "three cups"),
    ],
)
def test_that_a_case_that_cannot_be_is_refused(clerk, state, kind, amount, lines):
    order = cast.order(state)
    if lines == "three cups":
        lines = [{"line": order.lines.get(seller_code="CUP-1").uuid, "quantity": 3}]
    with pytest.raises(CaseRefused):
        open_case(order.id, kind, Decimal(amount), lines, "", "", clerk)
    assert not Case.objects.exists() and not Hold.objects.exists()


# the channel's refunds


def test_that_the_channels_refunds_become_cases_once_and_follow_it():
    order = cast.order("signed", shop=cast.shop("tb", "taobao"))
    rows = [
        (order.id, "R1", "refund", Decimal("30.00"), "asked"),
        (order.id, "R2", "return", Decimal("50.00"), "done"),
    ]
    assert sync_channel_refunds(rows) == 2
    assert sync_channel_refunds(rows) == 0
    sync_channel_refunds([(order.id, "R1", "refund", Decimal("30.00"), "done")])
    sync_channel_refunds(
        [(order.id, "R1", "refund", Decimal("30.00"), "asked")]
    )  # an old page: done stays done
    order.refresh_from_db()
    assert order.refunded == Decimal("80.00")
    assert set(Case.objects.values_list("state", flat=True)) == {"done"}
    assert Event.objects.filter(order=order).count() == 3


def test_that_a_channel_that_refunds_more_than_was_paid_becomes_a_ticket():
    order = cast.order("signed")
    sync_channel_refunds([(order.id, "R1", "refund", Decimal("300.00"), "done")])
    assert Case.objects.get().state == "open" and Order.objects.get(id=order.id).refunded == 0
    assert Ticket.objects.get().role == "finance"


def test_that_a_channel_refund_after_closing_leaves_the_order_alone():
    order = cast.closed()
    before = snapshot(order)
    sync_channel_refunds([(order.id, "R1", "refund", Decimal("30.00"), "done")])
    assert snapshot(order) == before and Case.objects.get().state == "done"


def test_that_channel_refunds_cost_the_same_statements_for_one_and_for_five():
    counts = []
    for n in (1, 5):
        rows = [(cast.order("signed").id, f"N{n}-{i}", "refund", Decimal("1.00"), "done") for i in range(n)]
        with CaptureQueriesContext(connection) as queries:
            sync_channel_refunds(rows)
        counts.append(len(queries))
    assert counts[0] == counts[1]
