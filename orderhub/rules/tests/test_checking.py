"""Documents that may not decide, each refused with its cell named; and what passes never fails."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from django.utils import translation

from orderhub.rules import checking, engine
from orderhub.rules.documents import chain, table
from orderhub.rules.tests import toy as cast

pytestmark = pytest.mark.usefixtures("toy")
SAMPLE = [("amount", "Amount"), ("town", "Town")]


def texts(document: Any, **more: bool) -> list[str]:
    with translation.override("en"):
        return [fault.text for fault in checking.check("toy", document, **more)]


def cell(
    conditions: tuple[str, str] = ("", ""), fee: str = "1", who: str = "'house'", insure: str = "true"
) -> dict[str, Any]:
    """A table of two rows of which the first is in question."""
    answers = [("insure", "Insure"), ("fee", "Fee"), ("who", "Who")]
    rows = [("x", conditions, (insure, fee, who)), ("rest", ("", ""), ("false", "0", "'house'"))]
    return table("cover", SAMPLE, answers, rows)


def expressions(*rows: tuple[str, str], through: bool = False) -> dict[str, Any]:
    """Expressions, one after another."""
    made = [{"id": str(n), "key": key, "value": value} for n, (key, value) in enumerate(rows)]
    content = {"expressions": made, "passThrough": through}
    return chain([{"id": "sum", "type": "expressionNode", "name": "sum", "content": content}])


def test_that_the_shipped_policies_have_no_fault():
    assert texts(cast.plain()) == [] and texts(cast.generous()) == []


GOOD = [
    cell(("> 200", "")), cell(("[100..200]", "'余杭', '临安'")), cell(("> 1 and < 5", "startsWith($, '余')")),
    cell(fee="amount / 100"), cell(fee="amount / pieces / 50"), cell(fee="min([amount / (pieces + 1), 20000])"),
    cell(("> 0", ""), fee="min([100 / amount, 20000])"), cell(fee="amount > 0 ? min([5 / amount, 9]) : 0"),
    cell(fee="amount != 0 ? min([5 / amount, 9]) : 0"), cell(who="night ? 'house' : 'buyer'"),
    cell(("", "not in ['余杭']"), insure="amount > 5 and night or some(tags, # == 'x')"),
    cell(fee="round(amount / 100, 2)"), cell(fee="amount % 7"), cell(fee="amount > 200 and pieces >= 2 ? 2 : 1"),
    cell(fee="contains(town, '杭') ? 3 : len(town) > 3 ? 2 : 1"), cell(fee="1 ^ 2 + max([-1, 0])"),
    expressions(("fee", "pieces * 2"), ("why", "`共 ${pieces} 件：${town}`")),
    table("t", [], [], []),
]  # fmt: skip


@pytest.mark.parametrize("document", GOOD)
def test_that_what_is_sound_passes(document):
    assert texts(document) == []
    assert not engine.evaluate("toy", document, [{"amount": 150, "town": "余杭", "tags": ["x"]}])[0].error


BAD = [
    (cell(("> > 5", "")), "row 1, “Amount”"),
    (cell(("> 5；", "")), "row 1, “Amount”"),
    (cell(("≥ 5", "")), "full-width"),
    (cell(("", "余杭")), "row 1, “Town”"),
    (cell(("'many'", "")), "row 1, “Amount”"),
    (cell(("", "> 5")), "row 1, “Town”"),
    (cell(fee="amuont"), "“amuont”"),
    (cell(fee="amount +"), "row 1, “Fee”"),
    (cell(fee="amount / 0"), "can be 0"),
    (cell(fee="1 / amount"), "can be 0"),
    (cell(fee="1 / (pieces - 1)"), "can be 0"),
    (cell(fee="amount % (pieces - 2)"), "can be 0"),
    (cell(("< 5", ""), fee="1 / amount"), "can be 0"),
    (cell(fee="amount > 0 ? 0 : 1 / amount"), "can be 0"),
    (cell(("> amount / (amount - 5)", "")), "can be 0"),
    (cell(fee="amount"), "between 0 and 20000"),
    (cell(fee="-1"), "between 0 and 20000"),
    (cell(fee="town"), "number"),
    (cell(fee="'5'"), "number"),
    (cell(insure="1"), "true or false"),
    (cell(who="'nobody'"), "“nobody” is no choice"),
    (cell(who="town"), "one of its choices"),
    (cell(fee="amount * amount * amount * amount * amount"), "too large"),
    (cell(fee="99999999999999999999999999999999"), "row 1, “Fee”"),
    (cell(fee="len(amount)"), "row 1, “Fee”"),
    (cell(fee="number(town)"), "“number”"),
    (cell(insure="matches(town, '(')"), "no pattern"),
    (cell(insure="town > 'a'"), "row 1, “Insure”"),
    (cell(insure="not amount"), "row 1, “Insure”"),
    (cell(insure="amount ? true : false"), "row 1, “Insure”"),
    (cell(fee="night ? 1 : 'a'"), "two kinds"),
    (cell(fee="(" * 60 + "1" + ")" * 60), "nested"),
    (cell(fee="1 + " * 900 + "1"), "too long"),
    (cell(insure="tags == tags"), "row 1, “Insure”"),
    (cell(fee="tags[0]"), "row 1, “Fee”"),
    (cell(fee="null"), "row 1, “Fee”"),
    (table("t", [("nope", "Nope")], [("fee", "Fee")], [("x", ("> 1",), ("1",))]), "“nope”"),
    (table("t", [], [("feee", "Fee")], [("x", (), ("1",))]), "“feee”"),
    (table("t", [], [("fee-x", "Fee")], [("x", (), ("1",))]), "no name"),
    (expressions(("fee", "1 / amount")), "“sum” row 1, “fee”"),
    ({}, "no nodes"),
    ({"nodes": [], "edges": []}, "no nodes"),
    ({"nodes": "x"}, "no nodes"),
    ({"nodes": [1]}, "not where they belong"),
    ({"nodes": [{"id": "a", "type": "inputNode"}], "edges": [{"sourceId": "a", "targetId": "b"}]}, "not there"),
    ({"nodes": [{"id": "a", "type": "inputNode", "name": "a"}], "edges": []}, "one output node"),
    ({"nodes": [{"id": "a", "type": "outputNode", "name": "a"}], "edges": []}, "one input node"),
    (chain([{"id": "d", "type": "decisionNode", "name": "other", "content": {"key": "x"}}]), "“other”"),
    (chain([{"id": "d", "type": "customNode", "name": "own", "content": {}}]), "“own”"),
    (chain([{"id": "d", "type": "expressionNode", "name": "empty"}]), "“empty”"),
    (chain([{"id": "d", "type": "functionNode", "name": "js", "content": {"source": "x"}}]), "“js”"),
]  # fmt: skip


@pytest.mark.parametrize(("document", "named"), BAD)
def test_that_what_can_go_wrong_is_refused_with_its_cell(document, named):
    found = texts(document)
    assert found and named in found[0], found


def test_that_a_refusal_is_said_in_chinese():
    with translation.override("zh-hans"):
        (fault,) = checking.check("toy", cell(fee="1 / amount"))
    assert fault.text == "“cover” 第 1 行“Fee”：“1 / amount”：除数可能为 0。"


def test_that_a_loop_is_seen():
    document = expressions(("fee", "1"))
    document["edges"].append({"id": "back", "sourceId": "sum", "targetId": "sum"})
    assert "loop" in texts(document)[0]


def test_that_a_node_that_nothing_leads_to_is_seen():
    document = expressions(("fee", "1"))
    document["edges"] = document["edges"][:1]
    assert "nothing leads" in texts(document)[0]


def test_that_an_answer_without_a_default_needs_a_last_row_that_fits_everything(monkeypatch):
    fields = [f for f in cast.TOY.outputs if f.code != "fee"]
    must = copy.copy(cast.TOY)
    object.__setattr__(must, "outputs", (*fields, type(fields[0])("fee", "Fee", "number")))
    must.__dict__.pop("output_of", None)
    from orderhub.rules import registry

    monkeypatch.setattr(registry, "point", lambda code: must)
    document = table("t", SAMPLE, [("fee", "Fee")], [("x", ("> 5", ""), ("1",))])
    assert "not answered in every case" in texts(document)[0]
    assert (
        texts(table("t", SAMPLE, [("fee", "Fee")], [("x", ("> 5", ""), ("1",)), ("r", ("", ""), ("2",))]))
        == []
    )
    assert (
        "not answered"
        in texts(table("t", SAMPLE, [("fee", "Fee")], [("x", ("> 5", ""), ("1",)), ("r", ("", ""), ("",))]))[
            0
        ]
    )


def switched(second: str) -> dict[str, Any]:
    """Two branches that come together again."""
    statements = [{"id": "a", "condition": "amount > 5"}, {"id": "b", "condition": ""}]
    content: dict[str, Any] = {"hitPolicy": "first", "statements": statements}
    node = {"id": "s", "type": "switchNode", "name": "s", "content": content}
    document = chain([node])
    document["edges"] = document["edges"][:1]
    for handle, text in (("a", "amount / 100"), ("b", second)):
        content = {"expressions": [{"id": "1", "key": "fee", "value": text}]}
        document["nodes"].append(
            {"id": f"n{handle}", "type": "expressionNode", "name": handle, "content": content}
        )
        document["edges"] += [
            {"id": f"1{handle}", "sourceId": "s", "sourceHandle": handle, "targetId": f"n{handle}"},
            {"id": f"2{handle}", "sourceId": f"n{handle}", "targetId": "output"},
        ]
    return document


def test_that_branches_are_followed():
    assert texts(switched("7")) == []
    assert engine.evaluate("toy", switched("7"), [{"amount": 1}])[0].answer["fee"] == 7  # type: ignore[index]
    assert "“b” row 1" in texts(switched("1 / amount"))[0]
    assert "“b” row 1" in texts(switched("'x'"))[0]


def test_that_a_function_node_needs_the_permission(toy):
    source = "export const handler = async (input) => ({ fee: 3 });"
    document = chain([{"id": "d", "type": "functionNode", "name": "js", "content": {"source": source}}])
    assert texts(document) and texts(document, functions=True) == []
    assert engine.evaluate("toy", document, [{}])[0].answer["fee"] == 3  # type: ignore[index]
