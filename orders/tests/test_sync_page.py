"""Sync health: calls left, breakers, what waits and what errors mean; windows of the past read again from the page."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from orderhub import crypto
from orderhub.integrations.budget import window
from orderhub.models import Breaker, Budget, Call, Connection, Job, Message, Payload
from orders.admin import sync_facts
from orders.models import Shop

pytestmark = pytest.mark.django_db


@pytest.fixture
def office(admin_client: Client) -> Client:
    return admin_client


def troubled(shop: Shop) -> None:
    """Calls of today, a limit learned, a ban, an open breaker, a payload set aside, a message stuck, a failed call."""
    now, account = timezone.now(), shop.connection
    account.options = {"budgets": {"*": {"minute": 60, "day": 1000}}}
    account.save()
    for span in ("minute", "day"):
        begun = dt.datetime.fromtimestamp(window(span, now.timestamp())[0], dt.UTC)  # type: ignore[arg-type]
        Budget.objects.create(
            connection=account, method="trade.get", span=span, started_at=begun, used=45, held=2,
            learned=50 if span == "minute" else None, learned_at=now, blocked_until=now + dt.timedelta(minutes=1),
        )  # fmt: skip
    Breaker.objects.create(
        connection=account,
        times=2,
        open_until=now + dt.timedelta(seconds=90),
        reason="HTTP 503",
        changed_at=now,
    )
    Payload.objects.create(
        connection=account, kind="order", external_id="X1", version="1", source="pull", raw_enc=crypto.encrypt(b"{}"),
        state="set_aside", reason="不认识的状态",
    )  # fmt: skip
    Message.objects.create(
        kind="channel.ship",
        key="k",
        subject_id=1,
        state="needs_person",
        error_kind="business",
        connection=account,
    )
    Call.objects.create(
        connection=account,
        platform="taobao",
        method="trade.get",
        started_at=now,
        outcome="configuration",
        code="25",
    )
    Shop.objects.filter(id=shop.id).update(last_error="签名不对 (25)", last_error_at=now, errors_in_row=2)


def page(office: Client) -> Any:
    return office.get(reverse("admin:sync_health"), headers={"Accept-Language": "en"})


def test_that_the_page_says_what_is_left_what_is_wrong_and_what_to_do(office: Client, taobao: Shop) -> None:
    troubled(taobao)
    text = page(office).content.decode()
    for said in (
        "HTTP 503",
        "955 / 1000",
        "15 / 60",
        "5 / 50",
        "4 kept back",
        "1 payloads set aside",
        "1 messages stuck",
    ):
        assert said in text, said
    assert str(sync_facts.NEXT["configuration"])[:30] in text


def test_that_a_budget_of_yesterday_counts_nothing(office: Client, taobao: Shop) -> None:
    troubled(taobao)
    Budget.objects.update(started_at=timezone.now() - dt.timedelta(days=2), blocked_until=None)
    found = sync_facts.budgets([taobao.connection], timezone.now())[taobao.connection_id]
    assert (found["today"], found["held"], found["refused"]) == (0, 0, [])
    assert {line["left"] for line in found["left"]} <= {60, 1000, 50}


@pytest.mark.parametrize(
    ("error", "outcome", "key"),
    [("x (quota_kept)", "business", "quota_kept"), ("x (breaker_open)", "", "breaker_open"),
     ("x (25)", "configuration", "configuration"),
     ("x (99)", "reauthorise", "retry"), ("boom", "business", "business"), ("x (25)", "", "retry")],
)  # fmt: skip
def test_that_an_error_is_explained_by_its_own_code_first(error: str, outcome: str, key: str) -> None:
    call = Call(outcome=outcome, code="25") if outcome else None
    assert sync_facts.next_step(error, call) == sync_facts.NEXT[key]


def test_that_nothing_wrong_is_not_explained() -> None:
    assert sync_facts.next_step("", None) == ""


def test_that_the_page_costs_the_same_statements_whatever_the_number_of_shops(
    office: Client, taobao: Shop
) -> None:
    troubled(taobao)
    counts = []
    for n in (0, 4):
        for place in range(n):
            made = Connection.objects.create(
                code=f"t{place}", platform="taobao", name="x", base_url="http://127.0.0.1:1"
            )
            troubled_one = Shop.objects.create(code=f"t{place}", name="x", channel="taobao", connection=made)
            Call.objects.create(
                connection=made, platform="taobao", method="m", started_at=timezone.now(), outcome="retry"
            )
            Shop.objects.filter(id=troubled_one.id).update(last_error="x", errors_in_row=1)
        page(office)
        with CaptureQueriesContext(connection) as seen:
            assert page(office).status_code == 200
        counts.append(len(seen))
    assert counts[0] == counts[1]


def test_that_a_window_is_asked_for_stopped_and_carried_on(office: Client, taobao: Shop) -> None:
    day = timezone.now() - dt.timedelta(days=1)
    asked = {"start": f"{day:%Y-%m-%dT%H:%M}", "end": f"{timezone.now():%Y-%m-%dT%H:%M}"}
    office.post(reverse("admin:backfill_begin", args=[taobao.pk]), asked)
    job = Job.objects.get()
    begun = dt.datetime.fromisoformat(job.params["start"])
    assert begun.utcoffset() == dt.timedelta(hours=8) and job.requested_by_id
    office.post(reverse("admin:backfill_stop", args=[job.pk]))
    job.refresh_from_db()
    assert job.state == "cancelled"
    assert b"Go on" in page(office).content or "继续".encode() in page(office).content
    office.post(reverse("admin:backfill_go_on", args=[job.pk]))
    job.refresh_from_db()
    assert job.state == "new"
    for bad in ({}, {"start": "x", "end": "y"}, {"start": asked["end"], "end": asked["start"]}):
        office.post(reverse("admin:backfill_begin", args=[taobao.pk]), bad)
    assert Job.objects.count() == 1


@pytest.mark.parametrize("name", ["backfill_begin", "backfill_stop", "backfill_go_on"])
def test_that_only_who_may_change_shops_reads_again(
    client: Client, django_user_model: Any, taobao: Shop, name: str
) -> None:
    client.force_login(django_user_model.objects.create_user("clerk", is_staff=True))
    job = Job.objects.create(kind="backfill", params={"shop": taobao.id})
    target = taobao.pk if name == "backfill_begin" else job.pk
    assert client.post(reverse(f"admin:{name}", args=[target])).status_code == 403
    job.refresh_from_db()
    assert job.state == "new" and Job.objects.count() == 1
