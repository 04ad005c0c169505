"""Values on their way into a document and out of it: typed, complete, within range, whatever the caller had."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from orderhub.rules import registry
from orderhub.rules.points import Field, Point

#: Inputs are told apart to this many decimals: what is not nought is then large enough to divide by.
DECIMALS = 6
HUGE = 1e15
#: Longer texts and lists are cut: a rule reads words, not letters.
LONGEST_TEXT, LONGEST_LIST = 2_000, 200


class Outside(ValueError):
    """An answer outside the output's schema: `field` says which, the text why."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(f"{field}: {text}")
        self.field, self.text = field, text


def into(field: Field) -> Callable[[Any], Any]:
    """A function that makes any value an input of this field; what it can't read counts as not known."""
    return _INTO[field.kind](field)


def _number_in(field: Field) -> Callable[[Any], Any]:
    nothing, low, high = field.nothing, field.least, field.most

    def shape(value: Any) -> Any:
        if type(value) is not int:
            if not isinstance(value, int | float | Decimal):
                return nothing
            value = round(float(value), DECIMALS) if -HUGE < value < HUGE else float(value)
            if value != value:
                return nothing
        return low if value < low else high if value > high else value

    return shape


def _text_in(field: Field) -> Callable[[Any], Any]:
    nothing = field.nothing

    def shape(value: Any) -> Any:
        if value is None:
            return nothing
        text = value if type(value) is str else str(value)
        if len(text) > LONGEST_TEXT:
            text = text[:LONGEST_TEXT]
        if not text.isascii():  # half a character can't be said in UTF-8
            return text.encode("utf-8", "replace").decode("utf-8")
        return text

    return shape


def _bool_in(field: Field) -> Callable[[Any], Any]:
    nothing = field.nothing
    return lambda value: nothing if value is None else bool(value)


def _list_in(field: Field) -> Callable[[Any], Any]:
    nothing = field.nothing
    text = _text_in(Field(field.code, field.label, "text"))
    return lambda value: (
        [text(each) for each in list(value)[:LONGEST_LIST]]
        if isinstance(value, list | tuple | set | frozenset)
        else nothing
    )


_INTO = {"number": _number_in, "text": _text_in, "choice": _text_in, "bool": _bool_in, "list": _list_in}


def complete(point: Point, answer: Any) -> dict[str, Any]:
    """The document's answer with every output of the point, typed; unknown keys are left out. Raises Outside."""
    if not isinstance(answer, Mapping):
        raise Outside("", f"the answer is no object: {type(answer).__name__}")
    for code in point.required:
        if code not in answer:
            raise Outside(code, "nothing is answered, and there is no default")
    made, fields = dict(point.silent), point.output_of
    for code, value in answer.items():
        field = fields.get(code)
        if field is not None:
            made[code] = _OUT[field.kind](field, value)
    return made


def defaults(point: Point) -> dict[str, Any]:
    """What is answered where no document can: the outputs' defaults, or nothing of their kind."""
    return {field.code: field.nothing for field in point.outputs}


def allowed(field: Field) -> set[Any] | None:
    """The values of a choice, as of at most two seconds ago; None where any is allowed."""
    if not field.choices:
        return None
    known = _choices.get(field.choices)
    if known is None or time.monotonic() - known[0] > CHOICES_FOR:
        values = {value for value, _label in registry.named(field.choices)()}
        known = _choices[field.choices] = (time.monotonic(), values)
    return known[1]


#: Choices may come from a table (warehouses, carriers): they are read as rarely as what is live.
CHOICES_FOR = 2.0
_choices: dict[str, tuple[float, set[Any]]] = {}


def _number_out(field: Field, value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Outside(field.code, f"no number: {_short(value)}")
    if not field.least <= value <= field.most:
        for bound in (field.least, field.most):  # a third of three is a hair less than one
            if math.isclose(value, bound, rel_tol=1e-9, abs_tol=1e-9):
                return bound
        raise Outside(field.code, f"{value} is not within {field.least:g} to {field.most:g}")
    return value


def _text_out(field: Field, value: Any) -> Any:
    if not isinstance(value, str):
        raise Outside(field.code, f"no text: {_short(value)}")
    return value


def _choice_out(field: Field, value: Any) -> Any:
    if not isinstance(value, str):
        raise Outside(field.code, f"no text: {_short(value)}")
    values = allowed(field)
    if values is not None and value not in values:
        raise Outside(field.code, f"not one of the choices: {_short(value)}")
    return value


def _bool_out(field: Field, value: Any) -> Any:
    if not isinstance(value, bool):
        raise Outside(field.code, f"neither true nor false: {_short(value)}")
    return value


def _list_out(field: Field, value: Any) -> Any:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise Outside(field.code, f"no list of texts: {_short(value)}")
    values = allowed(field)
    wrong = [each for each in value if values is not None and each not in values]
    if wrong:
        raise Outside(field.code, f"not one of the choices: {_short(wrong[0])}")
    return value


def _short(value: Any) -> str:
    return repr(value)[:60]


_OUT = {
    "number": _number_out,
    "text": _text_out,
    "choice": _choice_out,
    "bool": _bool_out,
    "list": _list_out,
}
