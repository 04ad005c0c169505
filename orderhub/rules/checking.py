"""What a document must be before it may decide: every fault named with its cell, in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import zen
from django.utils.translation import gettext as _

from orderhub.rules import engine, registry
from orderhub.rules.models import Assertion
from orderhub.rules.points import Point

KINDS = ("inputNode", "outputNode", "decisionTableNode", "expressionNode", "switchNode", "functionNode")


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong: the node's name, the cell ("row 2, 金额"; "" = the node itself), and the sentence that names both."""

    node: str
    cell: str
    text: str


def check(point: str, document: Any, *, functions: bool = False) -> list[Fault]:
    """Every fault of a document; a document without one evaluates on any input of the point."""
    spec = registry.point(point)
    if not isinstance(document, Mapping) or not isinstance(document.get("nodes"), list):
        return [Fault("", "", _("This is no decision: it has no nodes."))]
    faults = _structure(document, functions)
    if faults:
        return faults
    for node in document["nodes"]:
        if node["type"] == "decisionTableNode":
            faults += _table(node)
    return faults or _samples(spec, document)


def _structure(document: Mapping[str, Any], functions: bool) -> list[Fault]:
    faults = []
    kinds = [str(node.get("type")) for node in document["nodes"]]
    if kinds.count("inputNode") != 1:
        faults.append(Fault("", "", _("There must be exactly one input node.")))
    if "outputNode" not in kinds:
        faults.append(Fault("", "", _("There is no output node: nothing would be answered.")))
    for node in document["nodes"]:
        name = str(node.get("name") or node.get("id"))
        kind = node.get("type")
        if kind not in KINDS:
            faults.append(
                Fault(name, "", _("“%(node)s” is of a kind that can't be used here.") % {"node": name})
            )
        elif kind == "functionNode" and not functions:
            faults.append(
                Fault(
                    name,
                    "",
                    _("“%(node)s” is a function (JavaScript): you may not use those.") % {"node": name},
                )
            )
    return faults


def _table(node: Mapping[str, Any]) -> list[Fault]:
    content = node.get("content") or {}
    name = str(node.get("name") or node.get("id"))
    faults = []
    for number, rule in enumerate(content.get("rules", []), 1):
        for heads, validate in (("inputs", _unary), ("outputs", zen.validate_expression)):
            for head in content.get(heads, []):
                text = str(rule.get(head["id"], "") or "").strip()
                said = validate(text) if text else None
                if said:
                    cell = _("row %(row)s, “%(column)s”") % {
                        "row": number,
                        "column": head.get("name") or head.get("field"),
                    }
                    words = _("“%(node)s”, %(cell)s: “%(text)s” can't be read.") % {
                        "node": name,
                        "cell": cell,
                        "text": text[:60],
                    }
                    faults.append(Fault(name, cell, words))
    return faults


def _unary(text: str) -> Any:
    """None where a condition can be read; the engine's own check knows only whole sentences, not `> 5`."""
    try:
        zen.compile_unary_expression(text)
    except Exception as error:  # noqa: BLE001  the engine names no class of its own
        return str(error)
    return None


def _samples(spec: Point, document: Mapping[str, Any]) -> list[Fault]:
    results = engine.evaluate(spec.code, dict(document), spec.samples)
    words = _("A sample can't be decided: %(error)s")
    return [Fault("", "", words % {"error": result.error}) for result in results if result.error][:1]


def broken_assertions(point: str, document: Any, assertions: Iterable[Assertion]) -> list[Fault]:
    """A fault for each assertion that the document does not keep."""
    every = list(assertions)
    results = engine.evaluate(point, document, [each.input for each in every])
    faults = []
    for each, result in zip(every, results, strict=True):
        wrong = [
            code
            for code, value in each.expect.items()
            if result.answer is None or result.answer.get(code) != value
        ]
        if wrong:
            words = _("It must hold that %(label)s, and it does not (%(fields)s).")
            faults.append(Fault("", "", words % {"label": each.label, "fields": ", ".join(wrong)}))
    return faults
