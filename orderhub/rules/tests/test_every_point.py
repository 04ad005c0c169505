"""The promise of checking, for every decision that the house really takes: what passes it answers on any input of the schema."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orderhub.rules import checking, engine, registry
from orderhub.rules.documents import shipped, table
from orderhub.rules.points import Field, Point
from orderhub.rules.shaping import Outside, allowed, complete
from orderhub.rules.tests.test_proof import ANYTHING, VALUES

pytestmark = pytest.mark.django_db
EXAMPLES = 120
CODES = [point.code for point in registry.points()]


def now_and_then(
    one_in: int, rare: st.SearchStrategy[str], usual: st.SearchStrategy[str]
) -> st.SearchStrategy[str]:
    """The rare one about once in so many draws, however many branches it has of its own."""
    return st.integers(1, one_in).flatmap(lambda lot: rare if lot == one_in else usual)


def numbers(field: Field) -> st.SearchStrategy[str]:
    """Numbers of a field, those just outside its bounds too."""
    low, high = max(field.least, -1e6), min(field.most, 1e6)
    near = [low, high, (low + high) / 2, low, high, (low + high) / 4, max(low, 0), low - 1, high + 1]
    return st.one_of(st.sampled_from(near), st.floats(low, high, allow_nan=False, allow_infinity=False)).map(
        lambda number: f"{number:.6g}"
    )


def conditions(field: Field) -> st.SearchStrategy[str]:
    """Cells of a condition as clerks write them, and now and then anything."""
    words = sorted(str(value) for value in allowed(field) or ()) or ["余杭区", "a", ""]
    quoted = st.sampled_from(words).map(lambda word: f"'{word}'")
    usual = {
        "number": st.tuples(st.sampled_from([">", "<", ">=", "<=", "=="]), numbers(field)).map(" ".join),
        "bool": st.sampled_from(["true", "false"]),
        "list": st.sampled_from(["len($) > 0", "count($, # == 'x') == 0", "some($, # == 'x')"]),
    }.get(field.kind, st.lists(quoted, min_size=1, max_size=3).map(", ".join))
    return now_and_then(12, VALUES, now_and_then(3, st.just(""), usual))


def answers(point: Point, field: Field) -> st.SearchStrategy[str]:
    """Cells of an answer: values of the kind, sums over the inputs (which may not fit), and now and then anything."""
    words = sorted(str(value) for value in allowed(field) or ()) or ["x"]
    inputs = [each.code for each in point.inputs if each.kind == "number"] or ["1"]
    sums = st.tuples(
        st.sampled_from(inputs),
        st.sampled_from(["+", "-", "*", "/", "%"]),
        st.sampled_from([*inputs, "2", "0"]),
    )
    low, high = f"{max(field.least, -1e6):.6g}", f"{min(field.most, 1e6):.6g}"
    usual = {
        "number": st.one_of(
            numbers(field), sums.map(" ".join), sums.map(lambda each: f"max([{low}, min([{high}, {' '.join(each)}])])")
        ),
        "bool": st.sampled_from(["true", "false", f"{inputs[0]} > 1"]),
        "list": st.lists(st.sampled_from(words), max_size=2).map(lambda each: "[" + ", ".join(f"'{w}'" for w in each) + "]"),
        "choice": st.sampled_from([f"'{word}'" for word in [*words * 4, "nobody knows this"]]),
    }.get(field.kind, st.sampled_from(["''", "'好'", f"`{{${{{inputs[0]}}}}}`"]))  # fmt: skip
    return now_and_then(12, VALUES, usual)


@st.composite
def documents(draw: Any, point: Point) -> dict[str, Any]:
    """A table of this point with a last row for everything else, or a shipped document with a row more."""
    if draw(st.booleans()):
        return grown(draw, point)
    asked = [
        point.input_of[c] for c in draw(st.lists(st.sampled_from([*point.input_of]), max_size=3, unique=True))
    ]
    some = draw(st.lists(st.sampled_from([*point.output_of]), min_size=1, max_size=3, unique=True))
    said = [point.output_of[code] for code in dict.fromkeys([*point.required, *some])]
    rows = [
        (f"r{n}", [draw(conditions(f)) for f in asked], [draw(answers(point, f)) for f in said])
        for n in range(draw(st.integers(1, 3)))
    ]
    rows.append(("rest", [""] * len(asked), [draw(answers(point, f)) for f in said]))
    return table("t", [(f.code, f.code) for f in asked], [(f.code, f.code) for f in said], rows)


def grown(draw: Any, point: Point) -> dict[str, Any]:
    """A shipped document; one table of it has a new first row, filled as its columns ask."""
    document = deepcopy(shipped(draw(st.sampled_from(point.policies)).document))
    found = [node for node in document["nodes"] if node["type"] == "decisionTableNode"]
    content = draw(st.sampled_from(found))["content"]
    row = {"_id": "new"}
    for head in content["inputs"]:
        field = point.input_of.get(head.get("field") or "")
        row[head["id"]] = draw(conditions(field)) if field is not None else ""
    for head in content["outputs"]:
        field = point.output_of.get(head.get("field") or "")
        row[head["id"]] = draw(st.one_of(st.just(""), answers(point, field))) if field is not None else ""
    content["rules"] = [row, *content["rules"]]
    return document


def inputs(point: Point) -> st.SearchStrategy[dict[str, Any]]:
    """What a caller may hand in: of the kind, beyond its bounds, of another kind, or missing."""
    of_kind = {
        field.code: st.one_of(
            ANYTHING,
            {
                "number": st.sampled_from([field.least, field.most, 0, 1, 2, 0.000001]),
                "bool": st.booleans(),
                "list": st.lists(st.sampled_from(["x", "长", ""]), max_size=3),
            }.get(field.kind, st.sampled_from([*sorted(map(str, allowed(field) or ())), "余杭区", ""])),
        )
        for field in point.inputs
    }
    return st.fixed_dictionaries({}, optional=of_kind)


@pytest.mark.parametrize("code", CODES)
def test_that_what_passes_checking_answers_on_any_input_of_every_point(code: str) -> None:
    point = registry.point(code)
    seen = {"passed": 0, "refused": 0}

    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(document=documents(point), given_=st.lists(inputs(point), min_size=1, max_size=6))
    def holds(document: dict[str, Any], given_: list[dict[str, Any]]) -> None:
        if checking.check(code, document):
            seen["refused"] += 1
            return
        seen["passed"] += 1
        every = [*given_, *point.samples, {}]
        results = engine.evaluate(code, document, every)
        assert len(results) == len(every)
        for each, result in zip(every, results, strict=True):
            assert not result.error, (each, result.error)
            assert result.answer is not None and set(result.answer) == set(point.output_of)
            for name, value in result.answer.items():
                fits(point.output_of[name], value)

    holds()
    print(code, seen)
    assert seen["passed"] >= 15 and seen["refused"] >= 5, seen


def fits(field: Field, value: Any) -> None:
    """An answer lies within the point's outputs, whatever wrote it."""
    kind = {"number": (int, float), "bool": bool, "list": list}.get(field.kind, str)
    assert isinstance(value, kind) and (field.kind != "number" or not isinstance(value, bool)), (
        field.code,
        value,
    )
    if field.kind == "number" and value != field.default:
        assert field.least <= value <= field.most, (field.code, value)
    choices = allowed(field)
    if choices is not None and value != field.default:
        assert set(value) <= choices if isinstance(value, list) else value in choices, (field.code, value)


@pytest.mark.parametrize("code", CODES)
def test_that_an_answer_outside_the_schema_is_told_and_stops_no_batch(code: str) -> None:
    point = registry.point(code)
    field = next(each for each in point.outputs if each.kind in ("number", "choice", "bool"))
    wrong = {"number": "'many'", "choice": "'nobody knows this'", "bool": "'yes'"}[field.kind]
    said = [each for each in point.outputs if each.default is None and each is not field]
    cells = [wrong, *("''" for _ in said)]
    document = table("t", [], [(field.code, "x"), *((each.code, "y") for each in said)], [("all", [], cells)])
    assert checking.check(code, document)
    results = engine.evaluate(code, document, [*point.samples, {}])
    assert len(results) == len(point.samples) + 1 and all(result.error for result in results)
    with pytest.raises(Outside):
        complete(point, {**point.silent, **{f.code: f.nothing for f in said}, field.code: object()})
