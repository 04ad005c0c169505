"""Rules in words: a cell's condition, a value, an answer, as a clerk would say them.

Cells are unary ZEN expressions (https://docs.gorules.io/reference/unary): a comparison, a list, an interval, a
constant; whatever is more than that is shown as it is written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from orderhub.dotted import resolve
from orderhub.rules.points import Field, Point

COMPARISONS: dict[str, Any] = {
    ">=": gettext_lazy("at least %(value)s"),
    "<=": gettext_lazy("at most %(value)s"),
    "!=": gettext_lazy("other than %(value)s"),
    ">": gettext_lazy("over %(value)s"),
    "<": gettext_lazy("under %(value)s"),
    "==": "%(value)s",
}
_COMPARED = re.compile(r"^(>=|<=|!=|==|>|<)\s*(.+)$", re.DOTALL)
_CONSTANT = re.compile(r"""^(?:'([^']*)'|"([^"]*)"|(-?\d+(?:\.\d+)?)|(true|false|null))$""")
_INTERVAL = re.compile(r"^([\[(])\s*(-?[\d.]+?)\s*\.\.\s*(-?[\d.]+)\s*([\])])$")
_ITEM = re.compile(r"""\s*('[^']*'|"[^"]*"|-?\d+(?:\.\d+)?)\s*(?:,|$)""")


def constant(text: str) -> Any:
    """The constant that a cell is: text, int, float, bool, None. Raises ValueError for anything else."""
    found = _CONSTANT.match(text.strip())
    if found is None:
        raise ValueError(text)
    single, double, number, word = found.groups()
    if single is not None or double is not None:
        return single if single is not None else double
    if number is not None:
        return float(number) if "." in number else int(number)
    return {"true": True, "false": False, "null": None}[word]


def listed(text: str) -> list[Any] | None:
    """The constants of a comma list such as 'a', 'b'; None for anything else."""
    found, at = [], 0
    text = text.strip()
    while at < len(text):
        item = _ITEM.match(text, at)
        if item is None:
            return None
        found.append(constant(item.group(1)))
        at = item.end()
    return found or None


def cell_words(cell: str, field: Field | None = None) -> str:
    """A condition in words; "" for a cell that asks nothing."""
    cell = (cell or "").strip()
    if not cell or cell == "-":
        return ""
    interval = _INTERVAL.match(cell)
    if interval is not None:
        left, low, high, right = interval.groups()
        words = (
            _("from %(low)s to %(high)s")
            if (left, right) == ("[", "]")
            else _("between %(low)s and %(high)s")
        )
        return words % {"low": _unit(low, field), "high": _unit(high, field)}
    if cell[0] == "[" and cell[-1] == "]":
        inside = listed(cell[1:-1]) if cell[1:-1].strip() else []
        if inside is not None:
            return value_words(inside, field)
    items = listed(cell)
    if items is not None:
        return _(" or ").join(value_words(item, field) for item in items)
    compared = _COMPARED.match(cell)
    if compared is not None:
        sign, rest = compared.groups()
        try:
            return str(COMPARISONS[sign]) % {"value": value_words(constant(rest), field)}
        except ValueError:
            return cell
    try:
        return value_words(constant(cell), field)
    except ValueError:
        return cell


def value_words(value: Any, field: Field | None = None) -> str:
    """A value as a person would write it: choices by their label, units behind numbers."""
    if value is None or value == "" or value == []:
        return _("nothing")
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, list | tuple):
        return _(", ").join(value_words(item, field) for item in value)
    if isinstance(value, Mapping):
        return _(", ").join(f"{name} {value_words(item)}" for name, item in value.items())
    if field is not None and field.choices:
        for code, label in resolve(field.choices)():
            if code == value:
                return str(label)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return _unit(str(value), field)


def _unit(text: str, field: Field | None) -> str:
    unit = str(field.unit) if field is not None and field.unit else ""
    return f"{text} {unit}" if unit else text


def label_of(point: Point, code: str) -> str:
    """The label of a field of a point; its code where the point has none of this name."""
    field = field_of(point, code)
    return str(field.label) if field is not None else code


def field_of(point: Point, code: str) -> Field | None:
    """The input or output of a point that is called so."""
    return next((field for field in (*point.inputs, *point.outputs) if field.code == code), None)


def answer_words(point: Point, before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, str]:
    """What differs between two answers, as (before, after) in words; the same change always in the same words."""
    froms, tos = [], []
    for field in point.outputs:
        old, new = before.get(field.code), after.get(field.code)
        if old != new:
            froms.append(f"{field.label} {value_words(old, field)}")
            tos.append(f"{field.label} {value_words(new, field)}")
    return _(", ").join(froms), _(", ").join(tos)
