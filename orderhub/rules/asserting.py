"""Cases that must hold before anything is published ("orders to 余杭 go to …"): kept with the set, tried on every version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from orderhub.rules import engine, words
from orderhub.rules.models import Assertion, RuleSet, Version
from orderhub.rules.points import Field
from orderhub.rules.registry import point as point_of


class BadCase(ValueError):
    """The case can't be kept; the text says why."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a version says of a case; `text` tells the difference in words where it does not hold."""

    case: Assertion
    holds: bool
    text: str = ""


def run(version: Version) -> list[Verdict]:
    """Every case of the version's set, evaluated by this version."""
    point = point_of(version.rule_set.point)
    cases = list(Assertion.objects.filter(rule_set_id=version.rule_set_id).order_by("id"))
    verdicts = []
    for case, result in zip(
        cases, engine.evaluate(point.code, version.document, [case.input for case in cases]), strict=True
    ):
        if result.answer is None:
            verdicts.append(Verdict(case, False, result.error))
            continue
        wrong = {
            code: result.answer.get(code)
            for code, want in case.expect.items()
            if result.answer.get(code) != want
        }
        told = _(", ").join(
            f"{words.label_of(point, code)} {words.value_words(got, words.field_of(point, code))}"
            for code, got in wrong.items()
        )
        verdicts.append(Verdict(case, not wrong, told))
    return verdicts


def add(rule_set: RuleSet, label: str, given: Mapping[str, str], expected: Mapping[str, str]) -> Assertion:
    """Keep a case; values come as a form's texts. Raises BadCase."""
    point = point_of(rule_set.point)
    if not given or not expected:
        raise BadCase(_("Say at least one thing about the order and one thing that must come out."))
    values = _typed(point.inputs, given)
    expect = _typed(point.outputs, expected)
    if not label.strip():
        label = _(", ").join(f"{words.label_of(point, c)} {words.value_words(v)}" for c, v in values.items())
    return Assertion.objects.create(rule_set=rule_set, label=label.strip()[:120], input=values, expect=expect)


def _typed(fields: tuple[Field, ...], texts: Mapping[str, str]) -> dict[str, Any]:
    by_code = {field.code: field for field in fields}
    typed: dict[str, Any] = {}
    for code, text in texts.items():
        if code not in by_code:
            raise BadCase(_("There is no field “%(name)s” here.") % {"name": code})
        typed[code] = _value(by_code[code], text.strip())
    return typed


def _value(field: Field, text: str) -> Any:
    if field.kind == "number":
        try:
            number = float(text)
        except ValueError:
            raise BadCase(_("“%(field)s” must be a number.") % {"field": field.label}) from None
        if number != number or number in (float("inf"), float("-inf")):
            raise BadCase(_("“%(field)s” must be a number.") % {"field": field.label})
        return int(number) if number.is_integer() else number
    if field.kind == "bool":
        return text in ("1", "true", "yes", "是")
    if field.kind == "list":
        return [item.strip() for item in text.replace("，", ",").split(",") if item.strip()]
    return text
