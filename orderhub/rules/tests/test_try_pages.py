"""The pages on which a draft is tried: begun, watched, understood, and refused to those who may not."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from orderhub.jobs import running
from orderhub.rules import publishing
from orderhub.rules.models import Assertion, Trace, Version
from orderhub.rules.tests.test_trying import draft, kept

__all__ = ["kept"]


@pytest.fixture
def version(kept: None, boss: User) -> Version:
    return draft(boss, in_amount="> 400")


@pytest.fixture
def office(client: Client, boss: User) -> Client:
    client.force_login(boss)
    return client


def test_that_a_trial_is_begun_watched_and_understood_to_the_row(office: Client, version: Version) -> None:
    page = reverse("admin:rules_try", args=[version.pk])
    assert "oh-empty" in office.get(page).content.decode()
    assert (
        office.post(reverse("admin:rules_try_begin", args=[version.pk]), {"period": "week"}).status_code
        == 302
    )
    progress = reverse("admin:rules_try_progress", args=[version.pk])
    assert "hx-get" in office.get(progress).content.decode(), "it goes on asking while it runs"
    running.run_due(seconds=20)
    done = office.get(progress).content.decode()
    assert "hx-get" not in done and "fee 3" in done and "80" in done
    why = office.get(reverse("admin:rules_try_sample", args=[version.pk, 0])).content.decode()
    assert "cover" in why and "200" in why and "Fee" in why


def test_that_the_page_says_when_the_draft_has_changed_since(
    office: Client, version: Version, boss: User
) -> None:
    office.post(reverse("admin:rules_try_begin", args=[version.pk]), {"period": "week"})
    running.run_due(seconds=20)
    changed = version.document
    changed["nodes"][1]["content"]["rules"][0]["in_amount"] = "> 250"
    publishing.save_draft(version.pk, changed, version.revision, boss)
    answer = office.get(reverse("admin:rules_try", args=[version.pk]))
    assert answer.context["older"]


def test_that_unknown_numbers_are_said_and_nothing_is_begun(office: Client, version: Version) -> None:
    answer = office.post(
        reverse("admin:rules_try_begin", args=[version.pk]), {"numbers": "A1, B2，C3"}, follow=True
    )
    assert answer.context["job"] is None and len(list(answer.context["messages"])) == 2


def test_that_cases_are_kept_shown_and_dropped(office: Client, version: Version) -> None:
    add = reverse("admin:rules_case_add", args=[version.pk])
    office.post(add, {"field": ["amount", ""], "value": ["300", ""], "answer": "fee", "expected": "3"})
    case = Assertion.objects.get()
    assert (case.input, case.expect) == ({"amount": 300}, {"fee": 3})
    page = office.get(reverse("admin:rules_try", args=[version.pk]))
    assert not page.context["cases"][0]["holds"]
    office.post(reverse("admin:rules_case_drop", args=[version.pk, case.pk]))
    assert not Assertion.objects.exists()


def test_that_who_may_not_see_rules_sees_none_and_who_may_not_edit_adds_no_case(
    client: Client, clerk: User, version: Version
) -> None:
    User.objects.filter(pk=clerk.pk).update(is_staff=True)
    client.force_login(clerk)
    for name in ("rules_try", "rules_try_progress"):
        assert client.get(reverse(f"admin:{name}", args=[version.pk])).status_code == 403
    clerk.user_permissions.add(Permission.objects.get(codename="view_ruleset"))
    client.force_login(User.objects.get(pk=clerk.pk))
    assert client.get(reverse("admin:rules_try", args=[version.pk])).status_code == 200
    answer = client.post(
        reverse("admin:rules_case_add", args=[version.pk]), {"field": "amount", "value": "1"}
    )
    assert answer.status_code == 403 and not Assertion.objects.exists()


def test_that_the_orders_page_tells_the_row_that_matched(kept: None, boss: User) -> None:
    from django.test import RequestFactory

    from orderhub.admin.rules_panel import panel

    live = publishing.rule_set("toy", "plain").live
    request = RequestFactory().get("/")
    request.user = boss
    assert panel(7, request) is None
    Trace.objects.create(
        order_id=7, point="toy", version=live, answer={"insure": True, "fee": 3},
        row=[{"node": "table", "name": "cover", "row": "far", "index": 1}],
    )  # fmt: skip
    Trace.objects.create(order_id=7, point="gone", version=None, answer={}, row=[], note="kept")
    told = panel(7, request)
    assert told is not None
    newest, older = told["traces"]
    assert newest["point"] == "gone" and newest["note"] == "kept"
    (step,) = older["steps"]
    assert step["number"] == 2 and "余杭" in step["when"][0] and "临安" in step["when"][0]
