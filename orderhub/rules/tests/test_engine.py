"""What is live decides; what fails is helped; nobody waits for a bad rule."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orderhub.models import Message, Ticket
from orderhub.rules import engine, publishing
from orderhub.rules.documents import table
from orderhub.rules.models import RuleSet, Version
from orderhub.rules.tests import toy as cast

pytestmark = pytest.mark.django_db


def test_that_the_policy_as_it_ships_decides_where_nothing_is_in_the_database(toy):
    decided = engine.decide("toy", [{"amount": Decimal("500.00"), "town": "上城"}, {"town": "余杭"}, {}])
    assert [a["insure"] for a in decided.answers] == [True, True, False]
    assert decided.answers[0] == {"insure": True, "fee": 5, "who": "house", "why": ""}
    assert decided.version is None and decided.policy == "plain" and not decided.failed


def test_that_a_batch_costs_no_statement_while_what_is_live_is_known(seeded):
    engine.decide("toy", [{"amount": 1}])
    with CaptureQueriesContext(connection) as seen:
        engine.decide("toy", [{"amount": n} for n in range(500)])
    assert len(seen) == 0


def test_that_equal_inputs_are_evaluated_once(seeded, monkeypatch):
    ran = []
    run = engine.Runnable.run
    monkeypatch.setattr(engine.Runnable, "run", lambda self, c: ran.append(c) or run(self, c))
    inputs = [{"amount": n % 3, "town": "上城", "night": bool(n % 2), "tags": [str(n)]} for n in range(300)]
    assert len(engine.decide("toy", inputs).answers) == 300
    assert len(ran) == 3  # night and tags are not read by the document


def broken(boss, document) -> Version:
    """Published past checking, as a fault of ours would be."""
    draft = publishing.new_draft("toy", "plain", boss, document=document)
    rules = RuleSet.objects.get(id=draft.rule_set_id)
    Version.objects.filter(id=draft.id).update(state="live")
    RuleSet.objects.filter(id=rules.id).update(good=rules.live_id, live=draft.id)
    engine.forget_heads()
    return draft


def failing_for(town: str):
    return table(
        "cover",
        [("town", "Town")],
        [("insure", "Insure"), ("fee", "Fee")],
        [("bad", (f"'{town}'",), ("true", "-1")), ("rest", ("",), ("true", "7"))],
    )


def test_that_a_version_failing_in_the_middle_of_a_batch_is_helped_by_the_last_good_one(
    seeded, boss, django_capture_on_commit_callbacks
):
    bad = broken(boss, failing_for("余杭"))
    inputs = [{"amount": 500, "town": "余杭" if n == 50 else "上城"} for n in range(100)]
    with django_capture_on_commit_callbacks(execute=True):
        decided = engine.decide("toy", inputs)
        again = engine.decide("toy", inputs)
    assert decided.failed and again.failed
    assert [a["fee"] for a in decided.answers] == [7] * 50 + [5] + [7] * 49
    assert decided.said[id(decided.answers[50])][0] == RuleSet.objects.get(id=bad.rule_set_id).good_id
    ticket = Ticket.objects.get(cause_key=f"rules:{bad.id}")
    assert ticket.role == "operations" and "余杭" not in ticket.body
    assert RuleSet.objects.get(id=bad.rule_set_id).failing_since is not None
    publishing.publish(publishing.new_draft("toy", "plain", boss, document=cast.plain()).id, boss)
    assert RuleSet.objects.get(id=bad.rule_set_id).failing_since is None


def test_that_defaults_answer_where_the_last_good_version_fails_too(seeded, boss):
    broken(boss, failing_for("余杭"))
    broken(boss, failing_for("余杭"))
    assert engine.decide("toy", [{"town": "余杭"}]).answers == [
        {"insure": False, "fee": 0, "who": "house", "why": ""}
    ]


@pytest.mark.parametrize(
    "document",
    [
        {"nodes": [], "edges": []},
        {"nodes": "x"},
        {},
        table("c", [], [("fee", "F")], [("r", (), ("'five'",))]),
        table("c", [], [("who", "W")], [("r", (), ("'nobody'",))]),
        table("c", [], [("insure", "I")], [("r", (), ("1",))]),
        table("c", [], [("why", "W")], [("r", (), ("[1]",))]),
    ],
)
def test_that_any_document_that_fails_is_helped(seeded, boss, document):
    broken(boss, document)
    decided = engine.decide("toy", [{"amount": 500}])
    assert decided.failed and decided.answers[0]["fee"] == 5


@pytest.mark.parametrize(
    "value",
    [
        None,
        float("nan"),
        float("inf"),
        10**40,
        -(10**40),
        "x" * 100_000,
        "\ud800",
        "\x00",
        [1],
        {},
        Decimal("1E+500"),
    ],
)
def test_that_any_value_is_brought_into_the_schema(seeded, value):
    fields = {"amount": value, "pieces": value, "town": value, "night": value, "tags": value}
    assert engine.decide("toy", [fields]).failed is False


def test_that_the_row_that_matched_is_named(seeded):
    match = engine.matched("toy", None, {"amount": 500})
    assert (
        [(row.row, row.index) for row in match.rows] == [("dear", 0)]
        and match.answer
        and match.answer["fee"] == 5
    )
    assert engine.matched("toy", None, {"amount": 1, "town": "余杭"}).rows[0].row == "far"


def test_that_trying_a_draft_touches_nothing_live(seeded, boss):
    results = engine.evaluate("toy", failing_for("余杭"), [{"town": "余杭"}, {"town": "上城"}])
    assert results[0].answer is None and "fee" in results[0].error
    assert results[1].answer == {"insure": True, "fee": 7, "who": "house", "why": ""}
    assert engine.decide("toy", [{"amount": 500}]).answers[0]["fee"] == 5
    assert not Ticket.objects.exists() and not Message.objects.exists()
