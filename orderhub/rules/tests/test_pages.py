"""The rules' pages: what is in use, what a draft changes, publishing and going back, for those who may."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from orderhub import roles
from orderhub.rules import engine, publishing
from orderhub.rules.differences import differences
from orderhub.rules.models import RuleSet, Version
from orderhub.rules.tests import toy as cast

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("seeded")]


def enter(client, role: str) -> User:
    roles.sync_roles()
    user = User.objects.create_user(role, is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    client.force_login(user)
    return user


def do(client, what: str, **body: object):
    return client.post(reverse("admin:rules_act", args=["toy", what]), body, follow=True)


def test_that_a_supervisor_drafts_checks_publishes_and_goes_back(client):
    enter(client, "operations")
    seen = client.get(reverse("admin:rules"))
    assert "Insurance" in seen.content.decode() and "Plain" in seen.content.decode()
    do(client, "draft", policy="plain")
    draft = Version.objects.get(state="draft")
    changed = cast.plain()
    changed["nodes"][1]["content"]["rules"][0]["in_amount"] = "> 150"
    publishing.save_draft(draft.id, changed, 1, None)
    page = client.get(reverse("admin:rules_point", args=["toy"])).content.decode()
    assert "&gt; 200 → &gt; 150" in page
    do(client, "check", version=draft.id)
    do(client, "publish", version=draft.id, reason="campaign")
    assert RuleSet.objects.get(point="toy", code="plain").live_id == draft.id
    page = do(client, "roll_back", policy="plain").content.decode()
    assert RuleSet.objects.get(point="toy", code="plain").live.number == 1 and "campaign" in page
    do(client, "choose", policy="generous")
    assert RuleSet.objects.get(point="toy", in_use=True).code == "generous"


def test_that_faults_are_said_on_the_page(client):
    user = enter(client, "operations")
    broken = cast.plain()
    broken["nodes"][1]["content"]["rules"][2]["out_fee"] = "1 / amount"
    draft = publishing.new_draft("toy", "plain", user, document=broken)
    page = do(client, "publish", version=draft.id).content.decode()
    assert "除数可能为 0" in page and RuleSet.objects.get(point="toy", code="plain").live.number == 1


def test_that_a_file_goes_out_and_comes_in(client):
    enter(client, "operations")
    live = RuleSet.objects.get(point="toy", code="plain").live
    out = client.get(reverse("admin:rules_file", args=[live.id]))
    assert out["Content-Disposition"].endswith('"toy-plain-v1.json"')
    do(client, "import", policy="generous", file=SimpleUploadedFile("x.json", out.content))
    assert Version.objects.get(state="draft").document == live.document
    page = do(client, "import", policy="generous", file=SimpleUploadedFile("x.json", b"nonsense"))
    assert "不是 JSON" in page.content.decode()


@pytest.mark.parametrize(
    ("role", "sees"), [("director", 200), ("service_lead", 200), ("customer_service", 403), ("finance", 403)]
)
def test_that_who_may_not_change_rules_changes_nothing(client, role, sees):
    enter(client, role)
    assert client.get(reverse("admin:rules_point", args=["toy"])).status_code == sees
    assert client.get(reverse("admin:rules")).status_code == sees
    before = list(RuleSet.objects.values())
    for what in ("draft", "publish", "roll_back", "choose", "import", "discard", "shadow"):
        assert do(client, what, policy="generous", version=1).status_code == 403
    assert list(RuleSet.objects.values()) == before and not Version.objects.filter(state="draft").exists()


def test_that_nothing_changes_by_a_look(client):
    enter(client, "operations")
    assert client.get(reverse("admin:rules_act", args=["toy", "choose"])).status_code == 405
    assert client.get(reverse("admin:rules_point", args=["nowhere"])).status_code == 404
    assert do(client, "explode").status_code == 404


def test_that_differences_are_said_in_words():
    one, other = cast.plain(), cast.plain()
    content = other["nodes"][1]["content"]
    content["rules"].insert(1, {"_id": "new", "in_town": "'萧山'", "out_fee": "2"})
    del content["rules"][2]
    content["rules"][0]["out_fee"] = "amount / 50"
    other["nodes"][1]["position"] = {"x": 1, "y": 1}
    assert differences(one, other) == [
        "“cover”：第 1 行“Fee”：amount / 100 → amount / 50",
        "“cover”：新增第 2 行：Town '萧山', Fee 2",
        "“cover”：删除第 2 行：Town '余杭', '临安', Insure true, Fee 3, Who 'buyer'",
    ]
    assert differences(one, {**one, "nodes": [{**n, "position": {}} for n in one["nodes"]]}) == []
    engine.forget()
