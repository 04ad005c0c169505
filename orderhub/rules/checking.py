"""What a document must be before it may decide: every fault named with its cell, in words.

The graph is walked from the input on with what each field can be there (`orderhub.rules.proving`): every cell of
every table and expression is proved to answer, and the answers to lie within the point's outputs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext as _

from orderhub.rules import engine, registry
from orderhub.rules.graph import Fault, Said
from orderhub.rules.models import Assertion
from orderhub.rules.points import Field, Point
from orderhub.rules.proving import Kind, said
from orderhub.rules.shaping import allowed
from orderhub.rules.walking import Graph

__all__ = ["Fault", "broken_assertions", "check"]


def check(point: str, document: Any, *, functions: bool = False) -> list[Fault]:
    """Every fault of a document; a document without one evaluates on any input of the point.

    `functions` allows JavaScript nodes, whose answers can't be foreseen: those are tried on the samples only.
    """
    spec = registry.point(point)
    graph = Graph.of(spec, document, functions)
    if graph.faults:
        return graph.faults
    answers = graph.walk()
    faults = graph.faults or ([] if graph.foreseen is False else _answers(spec, graph, answers))
    return faults or _tried(spec, document)


def _answers(spec: Point, graph: Graph, answers: dict[str, list[Said]]) -> list[Fault]:
    """Whether what arrives at the output is what the point takes."""
    faults = []
    for field in spec.outputs:
        every = answers.get(field.code, [])
        faults += [graph.fault(one.node, one.cell, why) for one in every if (why := _unfit(field, one.kind))]
        if field.default is None and (not every or any(one.kind.missing for one in every)):
            words = _("“%(field)s” is not answered in every case: add a last row that fits everything")
            node = every[0].node if every else ""
            faults.append(graph.fault(node, "", words % {"field": field.label}))
    for code, every in answers.items():
        if code not in spec.output_of and code not in graph.read and code not in spec.input_of:
            words = _("“%(field)s” is no answer of this decision, and nothing reads it")
            faults.append(graph.fault(every[0].node, every[0].cell, words % {"field": code}))
    return faults


def _unfit(field: Field, kind: Kind) -> str:
    """Why this can't be the field's answer; "" where it can."""
    wanted = {"choice": "text"}.get(field.kind, field.kind)
    if kind.name != wanted:
        words = _("“%(field)s” must be: %(wanted)s; this is: %(found)s")
        return words % {"field": field.label, "wanted": said(Kind(wanted)), "found": said(kind)}
    if wanted == "number" and not (field.least <= kind.low + 1e-9 and kind.high - 1e-9 <= field.most):
        words = _("“%(field)s” must be between %(low)s and %(high)s; this can be %(from)s to %(to)s")
        numbers = {"low": field.least, "high": field.most, "from": kind.low, "to": kind.high}
        return words % {"field": field.label, **{name: f"{value:.10g}" for name, value in numbers.items()}}
    choices = allowed(field)
    if choices is not None:
        if kind.values is None:
            return _("“%(field)s” must be one of its choices, written out") % {"field": field.label}
        wrong = sorted(kind.values - choices)
        if wrong:
            words = _("“%(value)s” is no choice of “%(field)s”")
            return words % {"value": wrong[0], "field": field.label}
    return ""


def _tried(spec: Point, document: Mapping[str, Any]) -> list[Fault]:
    """The proof is ours and the engine is not: samples and corners are tried as well."""
    corners: list[dict[str, Any]] = [*spec.samples, {}]
    for pick in ("least", "most"):
        corners.append({field.code: _corner(field, pick) for field in spec.inputs})
    words = _("A sample can't be decided: %(error)s")
    results = engine.evaluate(spec.code, dict(document), corners)
    return [Fault("", "", words % {"error": result.error}) for result in results if result.error][:1]


def _corner(field: Field, pick: str) -> Any:
    most = pick == "most"
    return {
        "number": getattr(field, pick),
        "bool": most,
        "text": "长" * 50 if most else "",
        "choice": "",
        "list": ["长", ""] if most else [],
    }[field.kind]


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
