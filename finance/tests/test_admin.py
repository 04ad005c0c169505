"""Money in the admin: read only, what a voucher waits for in words, and its retry."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from finance.models import Invoice, Receivable
from orderhub.models import Message
from orderhub.roles import sync_roles
from orders.tests import aftersale_cast as cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def accountant(client) -> User:
    sync_roles()
    made = User.objects.create_user("caiwu", is_staff=True)
    made.groups.add(Group.objects.get(name="finance"))
    client.force_login(made)
    return made


def stuck() -> Receivable:
    order = cast.order("signed")
    Invoice.objects.create(order=order, amount=order.payable)
    made = Receivable.objects.create(
        order=order, number=f"AR{order.number}", amount=order.payable, quiet_since=timezone.now()
    )
    Message.objects.create(
        kind="voucher.save", key=made.number, subject_id=made.id, order_id=order.id,
        state="needs_person", error="字段“FCUSTOMERID”是必填项",
    )  # fmt: skip
    return made


@pytest.mark.parametrize("name", ["invoice", "receivable"])
def test_that_lists_open_and_cost_the_same_for_one_and_for_five(client, accountant, name):
    counts = []
    for n in (1, 4):
        for _ in range(n):
            stuck()
        with CaptureQueriesContext(connection) as queries:
            assert (
                client.get(reverse(f"admin:finance_{name}_changelist"), {"queue": "all"}).status_code == 200
            )
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_that_a_stuck_voucher_says_why_on_both_pages_and_is_retried(client, accountant):
    made = stuck()
    for page in (
        reverse("admin:finance_receivable_change", args=[made.id]),
        reverse("admin:orders_order_change", args=[made.order_id]),
        reverse("admin:finance_receivable_changelist") + "?queue=person",
    ):
        answer = client.get(page)
        assert answer.status_code == 200 and "FCUSTOMERID" in answer.content.decode(), page
    message = Message.objects.get()
    client.post(reverse("admin:outbox_retry", args=[message.id]))
    message.refresh_from_db()
    assert message.state == "unknown"


@pytest.mark.parametrize("name", ["invoice", "receivable"])
def test_that_nobody_writes_money_by_hand(client, name):
    client.force_login(User.objects.create_superuser("boss", "b@example.com", "a-long-password"))
    made = stuck()
    record = made if name == "receivable" else made.order.invoice
    before = type(record).objects.values().get(pk=record.pk)
    assert (
        client.post(reverse(f"admin:finance_{name}_change", args=[record.pk]), {"amount": "1"}).status_code
        == 403
    )
    assert (
        client.post(reverse(f"admin:finance_{name}_delete", args=[record.pk]), {"post": "yes"}).status_code
        == 403
    )
    assert client.get(reverse(f"admin:finance_{name}_add")).status_code == 403
    assert type(record).objects.values().get(pk=record.pk) == before
