"""Trying a draft on past decisions, and a shadow beside the version in use."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, connection
from django.utils import timezone

from orderhub.jobs import running
from orderhub.jobs.models import Job
from orderhub.models import Ticket
from orderhub.rules import asserting, publishing, registry, shadowing, simulating
from orderhub.rules.models import ShadowCount, Version
from orderhub.rules.points import Effect, Past
from orderhub.rules.registry import point as point_of
from orderhub.rules.tests.toy import TOY

KEPT: list[tuple[dt.datetime, Past]] = []
COUNTED = ("seen", "differing", "impossible", "changes", "cost", "errors")


def past(since: dt.datetime, until: dt.datetime, ids: list[int] | None, after: int, limit: int) -> list[Past]:
    """Decisions that a test keeps in memory, read as a point reads them from tables."""
    with connection.cursor() as cursor:  # a real point asks the database here
        cursor.execute("SELECT 1")
    found = [
        each
        for at, each in KEPT
        if since <= at < until and each.id > after and (ids is None or each.id in ids)
    ]
    return sorted(found, key=lambda each: each.id)[:limit]


def writing_past(*_window: Any) -> list[Past]:
    """A past that writes: what must be impossible."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE orderhub_ruleset SET label = 'written'")
    return []


def effect(pasts: list[Past], before: list[dict[str, Any]], after: list[dict[str, Any]]) -> list[Effect]:
    return [
        Effect(a["fee"] != b["fee"], f"fee {b['fee']}", f"fee {a['fee']}", a["fee"] - b["fee"], 2.0)
        for b, a in zip(before, after, strict=True)
    ]


TRIED = dataclasses.replace(TOY, past=f"{__name__}.past", effect=f"{__name__}.effect")
WRITING = dataclasses.replace(TOY, past=f"{__name__}.writing_past")


def declare(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The toy point with another past."""
    others = [each for each in registry.POINTS if not each.startswith("orderhub.rules.tests.")]
    monkeypatch.setattr(registry, "POINTS", [*others, f"{__name__}.{name}"])
    registry.forget()


@pytest.fixture
def kept(seeded: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three hundred decisions of the last hours: every third above 200 yuan, some in 余杭."""
    declare(monkeypatch, "TRIED")
    fill()


def fill() -> None:
    """Three hundred decisions, one a minute."""
    KEPT.clear()
    now = timezone.now()
    for n in range(1, 301):
        given = {"amount": 300 if n % 3 == 0 else 50, "town": "余杭" if n % 5 == 0 else "上城"}
        KEPT.append((now - dt.timedelta(minutes=n), Past(n, f"T{n}", given, {})))


def draft(boss: User, **cells: str) -> Version:
    """A draft whose first row is changed."""
    version = publishing.new_draft("toy", "plain", boss)
    table = next(node for node in version.document["nodes"] if node["type"] == "decisionTableNode")
    table["content"]["rules"][0].update(cells)
    publishing.save_draft(version.pk, version.document, version.revision, boss)
    version.refresh_from_db()
    return version


def tried(version: Version, hours: float = 24, ids: list[int] | None = None) -> Any:
    """A trial, run to its end by the job runner."""
    now = timezone.now()
    job = simulating.begin(version, now - dt.timedelta(hours=hours), now, ids, None)
    running.run_due(seconds=20)
    job.refresh_from_db()
    return job


def test_that_a_trial_counts_from_what_to_what_and_the_cost(kept: None, boss: User) -> None:
    job = tried(draft(boss, in_amount="> 400"))
    assert job.state == Job.State.DONE, job.error
    assert job.result["seen"] == 300
    # 300 yuan were insured for 3: now only in 余杭 (every fifth), for the same 3
    assert job.result["differing"] == 80
    assert job.result["changes"] == [["fee 3", "fee 0", 80]]
    assert float(job.result["cost"]) == -240
    assert job.result["hours"] == 160 and job.result["timed"] == 80
    assert len(job.result["samples"]) == 6


def test_that_it_goes_on_page_by_page_where_it_was_stopped(
    kept: None, boss: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = draft(boss, in_amount="> 400")
    whole = tried(version).result
    monkeypatch.setattr(simulating, "PAGE", 37)
    now = timezone.now()
    job = simulating.begin(version, now - dt.timedelta(days=1), now, None, None)
    while True:  # every step begins from what the step before has written
        step = Job.objects.get(pk=job.pk)
        finished = simulating.step(step)
        Job.objects.filter(pk=job.pk).update(result=step.result, params=step.params, done=step.done)
        if finished:
            break
    result: Any = Job.objects.get(pk=job.pk).result
    assert {name: result[name] for name in COUNTED} == {name: whole[name] for name in COUNTED}


def test_that_only_the_period_or_the_chosen_orders_are_looked_at(kept: None, boss: User) -> None:
    version = draft(boss, in_amount="> 400")
    assert tried(version, hours=1).result["seen"] == 59
    assert tried(version, ids=[3, 6, 7]).result["differing"] == 2


def test_that_what_the_draft_cannot_decide_is_told_and_counted(kept: None, boss: User) -> None:
    job = tried(draft(boss, out_fee="amount * 1000"))  # 300,000: over the fee's limit
    assert job.result["impossible"] == 100
    ((text, n),) = job.result["errors"]
    assert n == 100 and "fee" in text and "300000" in text


def test_that_a_trial_cannot_write(kept: None, boss: User, monkeypatch: pytest.MonkeyPatch) -> None:
    declare(monkeypatch, "WRITING")
    now = timezone.now()
    with pytest.raises(DatabaseError, match="read-only"):
        simulating.read(point_of("toy"), now, now, None, 0, 10)


def test_that_a_shadow_counts_what_a_simulation_of_the_same_time_counts(
    kept: None, boss: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = draft(boss, in_amount="> 400")
    publishing.check_draft(version.pk, boss)
    KEPT.clear()
    publishing.start_shadow(version.pk, boss)
    assert shadowing.follow() == 0
    row = ShadowCount.objects.get(version=version)
    begun = row.until
    monkeypatch.setattr(shadowing, "LAG", dt.timedelta(0))
    monkeypatch.setattr(simulating, "PAGE", 7)
    for n in range(1, 31):  # new orders, decided while it runs
        given = {"amount": 300 if n % 3 == 0 else 50, "town": "上城"}
        KEPT.append((timezone.now(), Past(n, f"N{n}", given, {})))
        if n % 10 == 0:
            shadowing.follow()
    assert shadowing.follow() == 0
    row.refresh_from_db()
    assert (row.seen, row.differing, row.impossible) == (30, 10, 0)
    job = simulating.begin(version, begun, timezone.now(), None, None)
    running.run_due(seconds=20)
    job.refresh_from_db()
    assert job.result is not None and row.result is not None
    assert {name: job.result[name] for name in COUNTED} == {name: row.result[name] for name in COUNTED}


def test_that_a_shadow_that_breaks_is_told_once_and_stops_no_other(
    kept: None, boss: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = draft(boss, in_amount="> 400")
    publishing.check_draft(version.pk, boss)
    publishing.start_shadow(version.pk, boss)
    reads = simulating.read
    monkeypatch.setattr(simulating, "read", lambda *_args: 1 / 0)
    assert [shadowing.follow(), shadowing.follow()] == [0, 0]
    ticket = Ticket.objects.get(kind="shadow_failed")
    assert ticket.role == "operations" and ticket.state == "open"
    monkeypatch.setattr(simulating, "read", reads)
    shadowing.follow()
    ticket.refresh_from_db()
    assert ticket.state == "done"


def test_that_a_shadow_begins_anew_when_another_version_goes_live(kept: None, boss: User) -> None:
    shadow = draft(boss, in_amount="> 400")
    publishing.check_draft(shadow.pk, boss)
    publishing.start_shadow(shadow.pk, boss)
    shadowing.follow()
    ShadowCount.objects.filter(version=shadow).update(seen=9)
    publishing.publish(draft(boss, in_amount="> 100").pk, boss)
    shadowing.follow()
    row = ShadowCount.objects.get(version=shadow)
    assert row.seen == 0 and row.live.number == 3


def test_that_a_case_that_is_broken_is_told_and_stops_the_publication(kept: None, boss: User) -> None:
    version = draft(boss, in_amount="> 400")
    asserting.add(version.rule_set, "", {"amount": "300", "town": "上城"}, {"insure": "1", "fee": "3"})
    (verdict,) = asserting.run(version)
    assert not verdict.holds and "Fee 0" in verdict.text
    with pytest.raises(publishing.NotReady):
        publishing.publish(version.pk, boss)
    assert asserting.run(version.rule_set.live)[0].holds


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {"fee": "1"}),
        ({"amount": "1"}, {}),
        ({"amount": "many"}, {"fee": "1"}),
        ({"no": "1"}, {"fee": "1"}),
    ],
)
def test_that_a_case_nobody_could_check_is_refused(
    kept: None, boss: User, given: dict[str, str], expected: dict[str, str]
) -> None:
    with pytest.raises(asserting.BadCase):
        asserting.add(publishing.rule_set("toy", "plain"), "", given, expected)


def test_that_nothing_is_tried_without_a_past_or_on_unknown_orders(seeded: None, boss: User) -> None:
    now = timezone.now()
    with pytest.raises(simulating.CannotTry):
        simulating.begin(draft(boss), now - dt.timedelta(days=1), now, None, None)
