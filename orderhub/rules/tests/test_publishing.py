"""A version's life: drafts of several people, checks, shadow, live, back; what decided is never changed."""

from __future__ import annotations

import json

import pytest
from django.db import IntegrityError, connection, transaction

from orderhub.rules import engine, publishing
from orderhub.rules.documents import table
from orderhub.rules.models import Publication, RuleSet, Version
from orderhub.rules.tests import toy as cast

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("seeded")]


def owner(code: str = "plain") -> RuleSet:
    return RuleSet.objects.get(point="toy", code=code)


def fee(amount: float = 500, **more: object) -> float:
    engine.forget_heads()
    return engine.decide("toy", [{"amount": amount, **more}]).answers[0]["fee"]


def cheaper(boss, by: str = "amount / 200") -> Version:
    draft = publishing.new_draft("toy", "plain", boss)
    document = cast.plain()
    document["nodes"][1]["content"]["rules"][0]["out_fee"] = by
    publishing.save_draft(draft.id, document, draft.revision, boss)
    draft.refresh_from_db()
    return draft


def test_that_a_published_draft_decides_and_a_roll_back_undoes_it(boss):
    first = owner().live
    assert fee() == 5
    draft = cheaper(boss)
    assert fee() == 5 and publishing.check_draft(draft.id, boss) == []
    publishing.publish(draft.id, boss, "half price")
    assert fee() == 2.5
    assert owner().good == first and Version.objects.get(id=first.id).state == "retired"
    back = publishing.roll_back(owner().id, boss, "too cheap")
    assert back == first and fee() == 5
    assert Version.objects.get(id=draft.id).state == "rolled_back" and owner().good is None
    said = Publication.objects.filter(rule_set=owner()).order_by("id")
    assert [(p.action, p.version.number, p.reason) for p in said] == [
        ("publish", 1, ""),
        ("publish", 2, "half price"),
        ("roll_back", 1, "too cheap"),
    ]


def test_that_there_is_nothing_before_the_first_version(boss):
    with pytest.raises(publishing.RuleError):
        publishing.roll_back(owner().id, boss)
    assert fee() == 5


def test_that_the_second_editor_is_told_and_sees_both(boss, clerk):
    draft = publishing.new_draft("toy", "plain", boss)
    theirs = cast.generous()
    assert publishing.save_draft(draft.id, theirs, 1, clerk) == 2
    with pytest.raises(publishing.Stale) as refused:
        publishing.save_draft(draft.id, cast.plain(), 1, boss)
    assert refused.value.theirs.document == theirs and "clerk" in str(refused.value)
    assert Version.objects.get(id=draft.id).document == theirs


def test_that_a_version_that_is_no_draft_can_not_be_changed_by_anybody(boss):
    live = owner().live
    with pytest.raises(publishing.RuleError):
        publishing.save_draft(live.id, {}, live.revision, boss)
    for sql in (
        "UPDATE orderhub_version SET document = '{}' WHERE id = %s",
        "UPDATE orderhub_version SET number = 9 WHERE id = %s",
        "UPDATE orderhub_version SET state = 'draft' WHERE id = %s",
        "UPDATE orderhub_version SET used_at = NULL WHERE id = %s",
        "DELETE FROM orderhub_version WHERE id = %s",
    ):
        with (
            pytest.raises(IntegrityError, match="no draft"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(sql, [live.id])
    checked = cheaper(boss)
    publishing.check_draft(checked.id, boss)
    with pytest.raises(IntegrityError, match="no draft"), transaction.atomic():
        Version.objects.filter(id=checked.id).update(document={})


def test_that_a_checked_draft_is_a_draft_again_when_it_is_edited(boss):
    draft = cheaper(boss)
    publishing.check_draft(draft.id, boss)
    publishing.save_draft(draft.id, cast.plain(), draft.revision, boss)
    assert Version.objects.get(id=draft.id).state == "draft"


def test_that_what_has_faults_is_not_published(boss):
    draft = cheaper(boss, by="amount +")
    assert publishing.check_draft(draft.id, boss)
    with pytest.raises(publishing.NotReady):
        publishing.publish(draft.id, boss)
    assert fee() == 5 and Version.objects.get(id=draft.id).state == "draft"


def test_that_an_assertion_must_hold(boss):
    owner().assertions.create(label="dear parcels are insured", input={"amount": 500}, expect={"fee": 5})
    draft = cheaper(boss)
    with pytest.raises(publishing.NotReady, match="dear parcels"):
        publishing.publish(draft.id, boss)
    owner().assertions.update(expect={"fee": 2.5, "insure": True})
    publishing.publish(draft.id, boss)
    assert fee() == 2.5


def test_that_another_policy_can_be_chosen(boss):
    publishing.choose("toy", "generous", boss, "campaign")
    engine.forget_heads()
    decided = engine.decide("toy", [{"amount": 1}])
    assert decided.policy == "generous" and decided.answers[0]["insure"] is True
    assert RuleSet.objects.filter(point="toy", in_use=True).count() == 1


def test_that_a_shadow_version_decides_nothing_and_may_be_published_later(boss):
    draft = cheaper(boss)
    publishing.start_shadow(draft.id, boss)
    assert fee() == 5 and engine.head_of("toy").shadow == draft.id
    publishing.stop_shadow(owner().id, boss)
    with pytest.raises(publishing.RuleError):
        publishing.save_draft(draft.id, cast.plain(), draft.revision, boss)
    publishing.publish(draft.id, boss)
    assert fee() == 2.5


def test_that_an_exported_file_comes_back_as_a_draft(boss):
    raw = publishing.export_file(owner().live_id)
    made = publishing.import_file(raw, "toy", "generous", boss)
    assert made.state == "draft" and made.document == cast.plain() and made.rule_set.code == "generous"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda raw: raw[:-40],
        lambda raw: b"PK\x03\x04 not ours",
        lambda raw: json.dumps([1, 2]).encode(),
        lambda raw: raw.replace(b"amount / 100", b"amount / 999"),
        lambda raw: raw.replace(b'"toy"', b'"payment"'),
        lambda raw: raw.replace(b"orderhub-rules/1", b"orderhub-rules/9"),
        lambda raw: b"[" * 100_000,
        lambda raw: raw.replace(b"> 200", b"> NaN").replace(b'"version": 1', b'"version": NaN'),
    ],
)
def test_that_a_damaged_or_foreign_file_is_refused_in_words(boss, spoil):
    raw = publishing.export_file(owner().live_id)
    before = Version.objects.count()
    with pytest.raises(publishing.BadFile) as refused:
        publishing.import_file(spoil(raw), "toy", "plain", boss)
    assert str(refused.value) and Version.objects.count() == before


def test_that_equal_documents_have_equal_digests():
    one = table("x", [], [("fee", "Fee")], [("r", (), ("1",))])
    assert publishing.digest(one) == publishing.digest(json.loads(json.dumps(one)))
