"""The rule of notices: as it ships only red changes; staff turn groups off, tell others, and the bell always rings."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from orderhub.jobs import running
from orderhub.models import Asking, Message, Recipient, Step
from orderhub.notifications import judgement, templates
from orderhub.notifications.asking import Notice, notify_many
from orderhub.rules import engine, publishing, retention, seeding, simulating
from orderhub.testing.connections import connection

pytestmark = pytest.mark.django_db
SAID = {"number": "OH1", "reason": "等了太久"}


@pytest.fixture(autouse=True)
def published() -> Iterator[None]:
    engine.forget()
    seeding.seed()
    engine.forget()
    templates.forget()
    yield
    engine.forget()


def sleeping(role: str = "warehouse_manager", code: str = "feishu-1") -> Recipient:
    """A group of this role in whose quiet hours we are."""
    here = timezone.localtime()
    account = connection("feishu", "http://127.0.0.1:9", save=False)
    account.code = code
    account.save()
    return Recipient.objects.create(
        role=role, connection=account,
        quiet_from=(here - dt.timedelta(hours=1)).time(), quiet_to=(here + dt.timedelta(hours=2)).time(),
    )  # fmt: skip


def person(role: str) -> User:
    user = User.objects.create_user(f"of {role}")
    user.groups.add(Group.objects.get_or_create(name=role)[0])
    return user


def tell(key: str, **more: Any) -> int:
    return notify_many("warehouse_manager", "watch", [Notice(key, SAID)], **more)


def publish(*rows: tuple[str, tuple[str, ...], tuple[str, ...]]) -> None:
    """The shipped policy with these rows before its own."""
    document = judgement.wording()
    content = document["nodes"][1]["content"]
    heads = [head["id"] for head in (*content["inputs"], *content["outputs"])]
    content["rules"][:0] = [
        {"_id": name, **dict(zip(heads, (*asked, *told), strict=True))} for name, asked, told in rows
    ]
    publishing.publish(publishing.new_draft("notify", "wording", None, document=document).id, None)
    engine.forget_heads()


@pytest.mark.parametrize("urgent", [False, True])
def test_that_the_policy_that_ships_says_what_the_wording_says(urgent: bool) -> None:
    for template in templates.TEMPLATES:
        for severity in ("", "amber"):
            said = judgement.decided(template, "operations", severity, 3, urgent, 75)
            assert said == {"tell": True, "urgent": urgent, "seconds": 75, "also": ""}, template


def test_that_red_goes_out_at_night_and_amber_waits_for_the_morning() -> None:
    sleeping()
    assert tell("amber:1", severity="amber") == 1 and tell("red:1", severity="red") == 1
    due = {
        m.key.split(":")[0]: m.next_try_at - timezone.now()
        for m in Message.objects.filter(kind="notice.send")
    }
    assert due["red"] < dt.timedelta(minutes=2) < dt.timedelta(hours=1) < due["amber"]


def test_that_staff_turn_a_notice_off_for_groups_and_the_bell_still_rings() -> None:
    sleeping()
    person("warehouse_manager")
    publish(("calm", ("'watch'", "'warehouse_manager'", ""), ("false", "false", "60", "''")))
    assert tell("order:1") == 1
    assert list(Message.objects.values_list("kind", flat=True)) == ["notice.bell"]


def test_that_another_role_is_told_too_and_a_group_of_both_once() -> None:
    group = sleeping()
    Recipient.objects.create(role="director", connection=group.connection)
    sleeping("director", "feishu-2")
    person("director")
    publish(("up", ("", "", "'red'"), ("true", "true", "0", "'director'")))
    assert tell("order:1", severity="red") == 3, "two groups and one bell"
    assert tell("order:1", severity="red") == 0, "each once, ever"
    groups = Message.objects.filter(kind="notice.send")
    assert groups.values("connection_id").distinct().count() == groups.count() == 2
    assert all(m.next_try_at <= timezone.now() + dt.timedelta(seconds=1) for m in groups)


def test_that_the_notice_of_a_failing_rule_needs_no_rule() -> None:
    publish(("none", ("", "", ""), ("false", "false", "0", "''")))
    sleeping("operations")
    said = {"point": "通知", "version": 2}
    assert notify_many("operations", "rule_failing", [Notice("rules:2", said)]) == 1


def test_that_the_rule_costs_no_statement_once_what_is_live_is_known() -> None:
    sleeping()
    tell("order:1")
    with CaptureQueriesContext(
        database,
    ) as many:
        notify_many("warehouse_manager", "watch", [Notice(f"order:{n}", SAID) for n in range(2, 202)])
    assert len(many) <= 4, [q["sql"][:80] for q in many]


def test_that_the_escalation_path_ships_once_and_staff_who_took_it_away_have_taken_it_away() -> None:
    from orderhub.rules.models import RuleSet

    RuleSet.objects.filter(point="notify").update(point="notify-before")
    call_command("seed_rules", stdout=StringIO())
    assert list(Step.objects.order_by("place").values_list("minutes", "role")) == [
        (60, "operations"),
        (240, "director"),
    ]
    Step.objects.all().delete()
    call_command("seed_rules", stdout=StringIO())
    assert not Step.objects.exists()


def test_that_a_draft_is_tried_on_what_was_asked_for() -> None:
    person("warehouse_manager")
    tell("a", severity="red")
    tell("b", severity="amber")
    tell("c")
    now = timezone.now()
    window = now - dt.timedelta(days=1), now + dt.timedelta(days=1)
    every = judgement.past(*window, None, 0, 10)
    assert [past.input["severity"] for past in every] == ["red", "amber", ""]
    assert [past.became["urgent"] for past in every] == [True, False, False]
    assert judgement.past(*window, None, every[0].id, 1) == [every[1]]
    assert (judgement.count(*window, None), judgement.past(*window, [1], 0, 10)) == (3, [])
    document = judgement.wording()
    head = next(h["id"] for h in document["nodes"][1]["content"]["inputs"] if h["field"] == "severity")
    document["nodes"][1]["content"]["rules"][0][head] = "'red', 'amber'"
    draft = publishing.new_draft("notify", "wording", None, document=document)
    job = simulating.begin(draft, *window, None, None)
    running.run_due(seconds=10)
    job.refresh_from_db()
    told = job.result or {}
    assert (job.state, told.get("seen"), told.get("differing")) == ("done", 3, 1), job.error
    assert Asking.objects.count() == 3, "a trial asks nobody"


def test_that_what_was_asked_for_goes_after_a_while() -> None:
    tell("a")
    tell("b")
    Asking.objects.filter(pk=Asking.objects.earliest("pk").pk).update(
        at=timezone.now() - dt.timedelta(days=181)
    )
    assert (retention.prune(), Asking.objects.count()) == (1, 1)
