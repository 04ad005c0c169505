"""The schedule's page: times and on or off are staff's; which task runs, with what, is the code's, whatever is sent."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from orderhub import schedule
from orders.tests.api_cast import person

pytestmark = pytest.mark.django_db
NAME, LIST = "Pull all shops", "admin:django_celery_beat_periodictask_changelist"
OTHER = {
    "name": "Mine", "task": "orderhub.prune_api", "regtask": "orderhub.prune_api", "args": "[1]", "kwargs": '{"all": true}',
    "queue": "elsewhere", "exchange": "x", "routing_key": "y", "priority": "9", "headers": '{"timelimit": [1, 1]}',
}  # fmt: skip
FIXED = tuple(schedule.fixed(schedule.SCHEDULE[0]))


@pytest.fixture(params=["operations", "superuser"])
def office(request: Any) -> Client:
    from orderhub.roles import sync_roles

    sync_roles()
    schedule.seed()
    client = Client()
    client.force_login(
        User.objects.create_superuser("boss") if request.param == "superuser" else person("operations")
    )
    return client


def change(row: PeriodicTask) -> str:
    return reverse("admin:django_celery_beat_periodictask_change", args=[row.pk])


def stray() -> PeriodicTask:
    some = IntervalSchedule.objects.all()[0]
    return PeriodicTask.objects.create(name="Mine", task="orderhub.prune_api", interval=some, enabled=False)


def test_that_times_and_on_or_off_are_changed_and_nothing_else(office: Client) -> None:
    row = PeriodicTask.objects.get(name=NAME)
    before = PeriodicTask.objects.filter(pk=row.pk).values("name", *FIXED).get()
    page = office.get(change(row)).content.decode()
    assert row.task in page
    for field in (*FIXED, "regtask", "name"):
        assert f'name="{field}"' not in page, field
    often = IntervalSchedule.objects.create(every=77, period="minutes")
    sent = {
        **OTHER,
        "interval": often.pk,
        "start_time_0": "",
        "start_time_1": "",
        "expires_0": "",
        "expires_1": "",
    }
    assert office.post(change(row), sent).status_code == 302
    row.refresh_from_db()
    assert (row.interval_id, row.enabled) == (often.pk, False)
    assert PeriodicTask.objects.filter(pk=row.pk).values("name", *FIXED).get() == before
    assert schedule.is_named(row)
    sent |= {"enabled": "on", "expire_seconds": "5", "expires_0": "2030-01-01", "expires_1": "10:00"}
    assert office.post(change(row), sent).status_code == 200, "one of the two"
    assert office.post(change(row), {**sent, "expires_0": "", "expires_1": ""}).status_code == 302
    row.refresh_from_db()
    assert row.enabled and row.expire_seconds == 5


def test_that_nobody_adds_a_task(office: Client) -> None:
    address, n = reverse("admin:django_celery_beat_periodictask_add"), PeriodicTask.objects.count()
    interval = IntervalSchedule.objects.all()[0].pk
    assert office.get(address).status_code == 403
    assert office.post(address, {**OTHER, "interval": interval, "enabled": "on"}).status_code == 403
    assert PeriodicTask.objects.count() == n


def test_that_a_row_which_the_schedule_does_not_name_is_not_changed_switched_or_run(
    office: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[str] = []
    monkeypatch.setattr("celery.app.task.Task.apply_async", lambda task, **_more: ran.append(task.name))
    strange, row = stray(), PeriodicTask.objects.get(name=NAME)
    interval = strange.interval_id
    assert office.post(change(strange), {"interval": interval, "enabled": "on"}).status_code == 403
    for action in ("enable_tasks", "toggle_tasks", "run_tasks", "delete_selected"):
        office.post(reverse(LIST), {"action": action, "_selected_action": [strange.pk], "post": "yes"})
    strange.refresh_from_db()
    assert not strange.enabled and not ran
    office.post(reverse(LIST), {"action": "run_tasks", "_selected_action": [row.pk, strange.pk]})
    assert ran == [row.task]
    office.post(reverse(LIST), {"action": "disable_tasks", "_selected_action": [row.pk]})
    row.refresh_from_db()
    assert not row.enabled


def test_that_a_superuser_deletes_what_the_schedule_does_not_name(office: Client) -> None:
    strange, row = stray(), PeriodicTask.objects.get(name=NAME)
    boss = User.objects.filter(is_superuser=True).exists()
    for one, gone in ((row, False), (strange, boss)):
        office.post(reverse("admin:django_celery_beat_periodictask_delete", args=[one.pk]), {"post": "yes"})
        assert PeriodicTask.objects.filter(pk=one.pk).exists() != gone


def test_that_seeding_puts_back_what_a_row_runs_and_keeps_its_times(office: Client) -> None:
    often = IntervalSchedule.objects.create(every=77, period="minutes")
    changed: dict[str, Any] = {
        "task": "orderhub.prune_api",
        "args": "[1]",
        "kwargs": '{"a": 1}',
        "queue": "z",
    }
    PeriodicTask.objects.filter(name=NAME).update(interval=often, **changed)
    assert office.post(change(PeriodicTask.objects.get(name=NAME)), {"interval": often.pk}).status_code == 403
    schedule.seed()
    row = PeriodicTask.objects.get(name=NAME)
    assert schedule.is_named(row) and row.task == "orders.pull_all" and row.interval_id == often.pk
