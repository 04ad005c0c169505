"""Cases in the admin: opened on the order's page, settled on their own, by those who may."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.contrib.auth.models import Group, User
from django.urls import reverse

from orderhub.roles import sync_roles
from orders.models import Case, Order
from orders.tests import aftersale_cast as cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def clerk(client) -> User:
    sync_roles()
    made = User.objects.create_user("kefu", password="a-long-password", is_staff=True)
    made.groups.add(Group.objects.get(name="customer_service"))
    client.force_login(made)
    return made


def opened(client, order: Order, **changes: str) -> None:
    cup = order.lines.get(seller_code="CUP-1")
    form = {
        "kind": "return",
        "amount": "30.00",
        "reason": "杯子裂了",
        f"line{cup.pk}": "on",
        f"pieces{cup.pk}": "1",
    }
    answer = client.post(reverse("admin:case_open", args=[order.id]), {**form, **changes})
    assert answer.status_code == 302


def test_that_a_case_is_opened_and_settled_by_post(client, clerk):
    order = cast.order("signed")
    opened(client, order)
    case = Case.objects.get()
    assert case.lines == [{"line": str(order.lines.get(seller_code="CUP-1").pk), "quantity": 1}]
    page = client.get(reverse("admin:orders_case_change", args=[case.id]))
    assert page.status_code == 200 and case.number in page.content.decode()
    client.post(
        reverse("admin:case_settle", args=[case.id]), {"outcome": "done", "amount": "25.50", "note": "已退"}
    )
    case.refresh_from_db()
    assert (case.state, case.amount) == ("done", Decimal("25.50"))
    assert Order.objects.get(id=order.id).refunded == Decimal("25.50")


@pytest.mark.parametrize("amount", ["9999", "1.005", "abc", "-1", "NaN", "1e3"])
def test_that_a_wrong_amount_is_a_sentence_and_no_case(client, clerk, amount):
    order = cast.order("signed")
    opened(client, order, amount=amount)
    assert not Case.objects.exists()
    assert Order.objects.get(id=order.id).refunded == 0


def test_that_looking_never_settles_and_strangers_may_not(client, clerk):
    order = cast.order("signed")
    opened(client, order)
    case = Case.objects.get()
    assert client.get(reverse("admin:case_settle", args=[case.id])).status_code == 405
    picker = User.objects.create_user("director", is_staff=True)
    picker.groups.add(Group.objects.get(name="director"))
    client.force_login(picker)
    assert client.post(reverse("admin:case_settle", args=[case.id]), {"outcome": "done"}).status_code == 403
    assert client.post(reverse("admin:case_open", args=[order.id]), {}).status_code == 403
    case.refresh_from_db()
    assert case.state == "open"


def test_that_the_list_costs_the_same_for_one_and_for_five(client, clerk, django_assert_max_num_queries):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    counts = []
    for n in (1, 4):
        for _ in range(n):
            opened(client, cast.order("signed"))
        with CaptureQueriesContext(connection) as queries:
            assert client.get(reverse("admin:orders_case_changelist")).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]


@pytest.mark.parametrize("state", ["signed", "closed"])
def test_that_the_orders_page_shows_its_cases(client, clerk, state):
    order = cast.closed() if state == "closed" else cast.order(state)
    opened(client, order)
    page = client.get(reverse("admin:orders_order_change", args=[order.id]))
    assert page.status_code == 200 and Case.objects.get().number in page.content.decode()
