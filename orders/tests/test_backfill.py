"""A window of a shop's past read again: page by page, resumable, once each, and stopped or carried on by a person."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

import pytest
from django.utils import timezone

from orderhub.inbound.keeping import Kept
from orderhub.integrations.errors import PlatformError
from orderhub.integrations.importance import Importance, importance
from orderhub.jobs import running
from orderhub.models import Job, Payload
from orders.models import Shop
from orders.operations import backfill
from orders.providers.channel import Channel

pytestmark = pytest.mark.django_db
HOUR = dt.timedelta(hours=1)


class Past(Channel):
    """Windows of an hour with two pages of two orders each."""

    window = HOUR

    def __init__(self) -> None:
        self.read: list[tuple[dt.datetime, int]] = []
        self.levels: set[Importance] = set()
        self.error: PlatformError | None = None

    def pages(self, api: Any, start: dt.datetime, end: dt.datetime) -> int:
        self.levels.add(importance())
        return 2

    def listed(self, api: Any, start: dt.datetime, end: dt.datetime, page: int) -> list[str]:
        if self.error:
            raise self.error
        self.read.append((start, page))
        return [f"{start:%H%M}-{page}-{n}" for n in (1, 2)]

    def details(self, api: Any, numbers: Iterable[str]) -> dict[str, Kept | PlatformError]:
        return {n: Kept("order", n, "1", n.encode()) for n in numbers}


@pytest.fixture
def past(monkeypatch: pytest.MonkeyPatch) -> Past:
    made = Past()
    monkeypatch.setattr(backfill, "channel_of", lambda name: made)
    return made


def window(hours: float = 2) -> tuple[dt.datetime, dt.datetime]:
    end = timezone.now() - 5 * HOUR
    return end - hours * HOUR, end


def again() -> None:
    Job.objects.update(lease_until=None)


def test_that_a_window_is_read_page_by_page_from_the_last_and_its_progress_shown(
    taobao: Shop, past: Past
) -> None:
    start, end = window()
    job = backfill.begin(taobao, start, end, None)
    assert running.run_due() == 4
    job.refresh_from_db()
    assert past.read == [(start, 2), (start, 1), (start + HOUR, 2), (start + HOUR, 1)]
    assert (job.state, job.done, job.total, job.result) == ("done", 120, 120, {"seen": 8, "new": 8})
    assert Payload.objects.filter(connection=taobao.connection).count() == 8 and past.levels == {
        Importance.REPORT
    }
    taobao.refresh_from_db()
    assert taobao.pulled_until is None


def test_that_reading_a_window_twice_stores_it_once(taobao: Shop, past: Past) -> None:
    start, end = window(1)
    for new in (4, 0):
        job = backfill.begin(taobao, start, end, None)
        running.run_due()
        job.refresh_from_db()
        assert job.result == {"seen": 4, "new": new}
    assert Payload.objects.count() == 4


def test_that_a_killed_worker_costs_one_page(
    taobao: Shop, past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = backfill.begin(taobao, *window(), None)
    running._step(running._claim() or job)
    monkeypatch.setattr(running, "_write", lambda *_: None)  # dies before it can note the second page
    running._step(running._claim() or job)
    monkeypatch.undo()
    monkeypatch.setattr(backfill, "channel_of", lambda name: past)
    again()
    running.run_due()
    job.refresh_from_db()
    assert job.state == "done" and [page for _at, page in past.read] == [2, 1, 1, 2, 1]
    assert Payload.objects.count() == 8


def test_that_a_quota_makes_it_wait_and_a_wrong_key_stops_it_in_words(taobao: Shop, past: Past) -> None:
    job = backfill.begin(taobao, *window(), None)
    past.error = PlatformError("retry", "quota_kept", "wait", 300)
    assert running.run_due() == 1
    job.refresh_from_db()
    assert job.state == "running" and "quota_kept" in job.error
    assert job.lease_until and job.lease_until > timezone.now() + dt.timedelta(seconds=250)
    past.error = PlatformError("configuration", "25", "the key is wrong")
    again()
    running.run_due()
    job.refresh_from_db()
    assert job.state == "failed" and "the key is wrong" in job.error
    past.error = None
    assert running.go_on(job.id)
    running.run_due()
    job.refresh_from_db()
    assert job.state == "done" and job.error == ""


def test_that_a_person_stops_it_after_the_step_that_it_is_in(taobao: Shop, past: Past) -> None:
    job = backfill.begin(taobao, *window(), None)
    claimed = running._claim()
    assert claimed and running.cancel(job.id)
    running._step(claimed)
    job.refresh_from_db()
    assert job.state == "cancelled" and running.run_due() == 0
    assert running.go_on(job.id) and running.run_due() == 4


def test_that_a_job_that_kills_its_workers_is_given_up(taobao: Shop, past: Past) -> None:
    job = backfill.begin(taobao, *window(), None)
    for _ in range(running.DEATHS):
        assert running._claim()
        again()
    running.run_due()
    job.refresh_from_db()
    assert job.state == "failed" and job.error and not past.read


@pytest.mark.parametrize("hours", [(-1, -2), (1, 1), (24 * 100, 1)])
def test_that_a_window_that_makes_no_sense_is_refused(taobao: Shop, hours: tuple[int, int]) -> None:
    now = timezone.now()
    with pytest.raises(backfill.NotThere):
        backfill.begin(taobao, now - hours[0] * HOUR, now - hours[1] * HOUR, None)
    assert not Job.objects.exists()


def test_that_a_shop_that_pushes_has_nothing_to_read_again(own_shop: Shop) -> None:
    with pytest.raises(backfill.NotThere):
        backfill.begin(own_shop, *window(), None)
