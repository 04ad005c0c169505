"""Why a document answers as it does: the rows that matched, in words, from a traced evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from orderhub.rules import engine, words
from orderhub.rules.points import Point


def explained(point: Point, document: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """{"steps": rows that matched, "answers": [(label, words)], "error": text or ""}."""
    match = engine.matched(point.code, dict(document), given)
    steps = [row_words(point, document, {"node": r.node, "row": r.row, "index": r.index}) for r in match.rows]
    return {
        "steps": [step for step in steps if step],
        "answers": answer_list(point, match.answer) if match.answer is not None else [],
        "error": match.error,
    }


def row_words(point: Point, document: Mapping[str, Any], row: Mapping[str, Any]) -> dict[str, Any]:
    """A matched row {"node", "row", "index"} as {"table", "number", "when", "then"}."""
    node = next((node for node in document["nodes"] if node["id"] == row["node"]), None)
    if node is None or node["type"] != "decisionTableNode":
        return {}
    content = node["content"]
    rules = content["rules"]
    rule = next((rule for rule in rules if rule.get("_id") == row.get("row")), None)
    if rule is None and row.get("index") is not None and row["index"] < len(rules):
        rule = rules[row["index"]]
    if rule is None:
        return {}
    when = []
    for column in content["inputs"]:
        field = words.field_of(point, column.get("field") or "")
        told = words.cell_words(str(rule.get(column["id"]) or ""), field)
        if told:
            when.append(f"{words.label_of(point, column.get('field') or column['name'])} {told}")
    then = []
    for column in content["outputs"]:
        cell = str(rule.get(column["id"]) or "")
        if cell:
            field = words.field_of(point, column.get("field") or "")
            then.append(
                f"{words.label_of(point, column.get('field') or column['name'])} {words.cell_words(cell, field)}"
            )
    return {
        "table": node["name"],
        "number": rules.index(rule) + 1,
        "when": when or [_("in every other case")],
        "then": then,
    }


def sentence(step: Mapping[str, Any]) -> str:
    """A matched row as one sentence."""
    return _("%(table)s, row %(number)s: %(when)s → %(then)s") % {
        "table": step["table"],
        "number": step["number"],
        "when": _(", ").join(step["when"]),
        "then": _(", ").join(step["then"]),
    }


def input_words(point: Point, given: Mapping[str, Any], *, only_given: bool = False) -> list[tuple[str, str]]:
    """[(label, value in words)] of what a decision saw, in the point's order."""
    return [
        (str(field.label), words.value_words(given[field.code], field))
        for field in point.inputs
        if field.code in given and not (only_given and given[field.code] in (None, "", []))
    ]


def answer_list(point: Point, answer: Mapping[str, Any]) -> list[tuple[str, str]]:
    """[(label, value in words)] of an answer, in the point's order."""
    return [
        (str(field.label), words.value_words(answer[field.code], field))
        for field in point.outputs
        if field.code in answer
    ]
