"""What a cell can come to: kinds and ranges, over every input there is, so that a division by nothing is seen before it happens.

An abstract run of the tree: numbers are intervals, texts may be a known set, and a value may be missing. What the
engine would stumble over (kinds that don't go together, numbers beyond its decimals, something missing) is refused.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import reduce

import zen
from django.utils.translation import gettext as _

from orderhub.rules import shaping
from orderhub.rules.points import Field
from orderhub.rules.reading import Node

#: The engine's decimals end at 7.9e28; inputs come with six decimals, so what is not nought is at least this.
BEYOND, SMALLEST = 1e28, 10.0**-shaping.DECIMALS
LONGEST_TEXT = 1e6


class Improvable(ValueError):
    """The cell can go wrong; the text says how, in words."""


@dataclass(frozen=True, slots=True)
class Kind:
    """`name`: number text bool list. `values`: the only texts it can be (of a list: its items); None is any.

    `raw` is an input as it came (so that "more than nought" means at least 0.000001), `nonzero` one known not to be 0.
    """

    name: str
    low: float = -math.inf
    high: float = math.inf
    values: frozenset[str] | None = None
    missing: bool = False
    raw: bool = False
    nonzero: bool = False


Env = Mapping[str, Kind]
BOOL, TEXT, LIST = Kind("bool"), Kind("text"), Kind("list")


def number(low: float, high: float) -> Kind:
    """Raises Improvable for numbers that the engine can't hold."""
    if not (-BEYOND < low <= high < BEYOND):
        raise Improvable(_("the number can become too large"))
    return Kind("number", low, high)


def of_field(field: Field) -> Kind:
    """What an input can be."""
    if field.kind == "number":
        return Kind("number", field.least, field.most, raw=True)
    return Kind("text" if field.kind == "choice" else field.kind)  # a choice may have grown since


def join(one: Kind, other: Kind) -> Kind:
    """Either of the two. Raises Improvable where they are of different kinds."""
    if one.name != other.name:
        raise Improvable(
            _("it can be of two kinds: %(one)s or %(other)s") % {"one": said(one), "other": said(other)}
        )
    values = None if one.values is None or other.values is None else one.values | other.values
    return Kind(
        one.name, min(one.low, other.low), max(one.high, other.high), values, one.missing or other.missing,
        one.raw and other.raw, one.nonzero and other.nonzero,
    )  # fmt: skip


def said(kind: Kind) -> str:
    """A kind's name in words."""
    return str(
        {"number": _("number"), "text": _("text"), "bool": _("true or false"), "list": _("list")}[kind.name]
    )


def prove(node: Node, env: Env) -> Kind:
    """What the tree comes to in this environment. Raises Improvable."""
    return _PROVE[node.kind](node, env)


def _need(kind: Kind, *names: str) -> Kind:
    if kind.missing:
        raise Improvable(_("a value can be missing; say what then, with “??”"))
    if kind.name not in names:
        wanted = " / ".join(said(Kind(name)) for name in names)
        raise Improvable(
            _("%(wanted)s is needed, this is: %(found)s") % {"wanted": wanted, "found": said(kind)}
        )
    return kind


def _ref(node: Node, env: Env) -> Kind:
    found = env.get(node.value)
    if found is None:
        raise Improvable(_("there is no field “%(name)s”") % {"name": node.value})
    return found


def _not(node: Node, env: Env) -> Kind:
    _need(prove(node.kids[0], env), "bool")
    return BOOL


def _minus(node: Node, env: Env) -> Kind:
    kind = _need(prove(node.kids[0], env), "number")
    return replace(number(-kind.high, -kind.low), nonzero=kind.nonzero)


def _plus(node: Node, env: Env) -> Kind:
    return _need(prove(node.kids[0], env), "number")


def _binary(node: Node, env: Env) -> Kind:
    sign, (left, right) = node.value, node.kids
    if sign in ("and", "or"):
        yes, no = refine(left, env)
        _need(prove(left, env), "bool")
        _need(prove(right, yes if sign == "and" else no), "bool")
        return BOOL
    if sign == "??":
        one, other = prove(left, env), prove(right, env)
        return join(replace(one, missing=False), other) if one.missing else one
    if sign in ("in", "not in"):
        return _within(prove(left, env), right, env)
    one, other = prove(left, env), prove(right, env)
    if sign in ("==", "!="):
        if one.name == "list" or other.name == "list" or one.name != other.name:
            words = _("%(one)s can't be equal to %(other)s")
            raise Improvable(words % {"one": said(one), "other": said(other)})
        return BOOL
    if sign == "+" and one.name == "text":
        _need(one, "text")
        _need(other, "text")
        return TEXT
    one, other = _need(one, "number"), _need(other, "number")
    return BOOL if sign in (">", "<", ">=", "<=") else _ARITHMETIC[sign](one, other)


def _within(item: Kind, inside: Node, env: Env) -> Kind:
    if inside.kind == "range":
        _need(item, "number")
        for end in inside.kids:
            _need(prove(end, env), "number")
        return BOOL
    group = prove(inside, env) if inside.kind != "list" else None
    if group is not None:
        _need(group, "list")
        _need(item, "text")
        return BOOL
    _need(item, "number", "text", "bool")
    for each in inside.kids:
        _need(prove(each, env), item.name)
    return BOOL


def _times(one: Kind, other: Kind) -> Kind:
    ends = [a * b for a in (one.low, one.high) for b in (other.low, other.high)]
    return replace(number(min(ends), max(ends)), nonzero=False)


def _divide(one: Kind, other: Kind) -> Kind:
    parts = []
    if other.high >= SMALLEST:
        parts.append((max(other.low, SMALLEST), other.high))
    if other.low <= -SMALLEST:
        parts.append((other.low, min(other.high, -SMALLEST)))
    whole = other.low >= SMALLEST or other.high <= -SMALLEST
    if not whole and not (other.raw and other.nonzero):
        raise Improvable(_("what it is divided by can be 0"))
    ends = [a / b for a in (one.low, one.high) for part in parts for b in part]
    return number(min(ends), max(ends)) if ends else number(0, 0)


def _remainder(one: Kind, other: Kind) -> Kind:
    _divide(one, other)
    most = max(abs(other.low), abs(other.high))
    return number(-most if one.low < 0 else 0.0, most if one.high > 0 else 0.0)


def _power(one: Kind, other: Kind) -> Kind:
    if other.low != other.high or other.low not in (0, 1, 2, 3):
        raise Improvable(_("a power must be 0, 1, 2 or 3"))
    try:
        ends = [end**other.low for end in (one.low, one.high)] + ([0.0] if one.low <= 0 <= one.high else [])
    except OverflowError:
        ends = [math.inf]
    return number(min(ends), max(ends))


_ARITHMETIC = {
    "+": lambda a, b: number(a.low + b.low, a.high + b.high),
    "-": lambda a, b: number(a.low - b.high, a.high - b.low),
    "*": _times,
    "/": _divide,
    "%": _remainder,
    "^": _power,
}


def _cond(node: Node, env: Env) -> Kind:
    _need(prove(node.kids[0], env), "bool")
    yes, no = refine(node.kids[0], env)
    return join(prove(node.kids[1], yes), prove(node.kids[2], no))


def _list(node: Node, env: Env) -> Kind:
    if not node.kids:
        return Kind("list", values=frozenset())
    kinds = [_need(prove(kid, env), "text") for kid in node.kids]
    return Kind("list", values=reduce(join, kinds).values)


def _range(node: Node, env: Env) -> Kind:
    raise Improvable(_("a range can only stand behind “in”"))


def _template(node: Node, env: Env) -> Kind:
    for kid in node.kids:
        _need(prove(kid, env), "text", "number", "bool")
    return TEXT


def _call(node: Node, env: Env) -> Kind:
    name, kids = node.value, node.kids
    if name in _OVER_LISTS and len(kids) == 2:
        group = _need(prove(kids[0], env), "list")
        item = prove(kids[1], {**env, "#": Kind("text", values=group.values)})
        if name == "map":
            return Kind("list", values=_need(item, "text").values)
        _need(item, "bool")
        return group if name == "filter" else number(0, LONGEST_TEXT) if name == "count" else BOOL
    if name in ("min", "max", "sum", "avg") and len(kids) == 1 and kids[0].kind == "list" and kids[0].kids:
        return _several(name, [_need(prove(kid, env), "number") for kid in kids[0].kids])
    if name == "matches" and len(kids) == 2 and kids[1].kind == "text":
        _need(prove(kids[0], env), "text")
        try:
            zen.evaluate_expression("matches('', p)", {"p": kids[1].value})
        except Exception:  # noqa: BLE001  the engine names no class of its own
            raise Improvable(_("“%(text)s” is no pattern") % {"text": kids[1].value}) from None
        return BOOL
    known = _FUNCTIONS.get((name, len(kids)))
    if known is None:
        raise Improvable(_("the function “%(name)s” can't be used like this") % {"name": name})
    takes, gives = known
    kinds = [_need(prove(kid, env), *names) for kid, names in zip(kids, takes, strict=True)]
    if gives is None:
        return _rounded(name, kinds)
    return gives


def _several(name: str, kinds: list[Kind]) -> Kind:
    lows, highs = [kind.low for kind in kinds], [kind.high for kind in kinds]
    if name == "sum":
        return number(sum(lows), sum(highs))
    if name == "avg":
        return number(min(lows), max(highs)) if number(sum(lows), sum(highs)) else kinds[0]
    pick = min if name == "min" else max
    return number(pick(lows), pick(highs))


def _rounded(name: str, kinds: list[Kind]) -> Kind:
    kind = kinds[0]
    if name == "abs":
        low = 0.0 if kind.low <= 0 <= kind.high else min(abs(kind.low), abs(kind.high))
        return replace(number(low, max(abs(kind.low), abs(kind.high))), nonzero=kind.nonzero)
    if len(kinds) == 2 and not (kinds[1].low == kinds[1].high and kinds[1].low in range(7)):
        raise Improvable(_("digits must be a number from 0 to 6"))
    return number(math.floor(kind.low), math.ceil(kind.high))


_T, _N, _ANY = ("text",), ("number",), ("number", "text", "bool")
_OVER_LISTS = ("some", "all", "none", "one", "count", "filter", "map")
_FUNCTIONS: dict[tuple[str, int], tuple[tuple[tuple[str, ...], ...], Kind | None]] = {
    ("len", 1): ((("text", "list"),), Kind("number", 0, LONGEST_TEXT)),
    ("upper", 1): ((_T,), TEXT),
    ("lower", 1): ((_T,), TEXT),
    ("trim", 1): ((_T,), TEXT),
    ("string", 1): ((_ANY,), TEXT),
    ("contains", 2): ((("text", "list"), _T), BOOL),
    ("startsWith", 2): ((_T, _T), BOOL),
    ("endsWith", 2): ((_T, _T), BOOL),
    ("split", 2): ((_T, _T), LIST),
    ("abs", 1): ((_N,), None),
    ("floor", 1): ((_N,), None),
    ("ceil", 1): ((_N,), None),
    ("round", 1): ((_N,), None),
    ("round", 2): ((_N, _N), None),
}
FUNCTIONS = sorted(
    {name for name, _count in _FUNCTIONS} | {*_OVER_LISTS, "min", "max", "sum", "avg", "matches"}
)

_PROVE = {
    "number": lambda node, env: number(node.value, node.value),
    "text": lambda node, env: Kind("text", values=frozenset({node.value})),
    "bool": lambda node, env: BOOL,
    "ref": _ref,
    "not": _not,
    "minus": _minus,
    "plus": _plus,
    "binary": _binary,
    "cond": _cond,
    "call": _call,
    "list": _list,
    "range": _range,
    "template": _template,
}


def refine(node: Node, env: Env) -> tuple[Env, Env]:
    """What is known of plain fields where the condition holds, and where it does not: comparisons with numbers."""
    if node.kind == "not":
        yes, no = refine(node.kids[0], env)
        return no, yes
    if node.kind != "binary":
        return env, env
    left, right = node.kids
    if node.value == "and":
        return refine(right, refine(left, env)[0])[0], env
    if node.value == "or":
        return env, refine(right, refine(left, env)[1])[1]
    if left.kind != "ref" or left.value not in env or env[left.value].name != "number":
        return env, env
    if node.value == "in" and right.kind == "range":
        ends = [_constant(end) for end in right.kids]
        if None not in ends:
            low = ">=" if right.value[0] == "[" else ">"
            high = "<=" if right.value[1] == "]" else "<"
            return _narrow(_narrow(env, left.value, low, ends[0]), left.value, high, ends[1]), env
        return env, env
    constant = _constant(right)
    if constant is None or node.value not in _OPPOSITE:
        return env, env
    return _narrow(env, left.value, node.value, constant), _narrow(
        env, left.value, _OPPOSITE[node.value], constant
    )


_OPPOSITE = {">": "<=", "<=": ">", "<": ">=", ">=": "<", "==": "!=", "!=": "=="}


def _constant(node: Node) -> float | None:
    if node.kind == "minus":
        inner = _constant(node.kids[0])
        return None if inner is None else -inner
    return float(node.value) if node.kind == "number" else None


def _narrow(env: Env, name: str, sign: str, bound: float | None) -> Env:
    kind = env[name]
    if bound is None or kind.missing:
        return env
    low, high, nonzero = kind.low, kind.high, kind.nonzero
    step = SMALLEST if kind.raw else 0.0
    if sign in (">", ">=", "=="):
        low = max(low, math.floor(bound / SMALLEST) * SMALLEST + step if sign == ">" and step else bound)
    if sign in ("<", "<=", "=="):
        high = min(high, math.ceil(bound / SMALLEST) * SMALLEST - step if sign == "<" and step else bound)
    if sign == "!=" and bound == 0:
        nonzero = True
    if low > high:  # it can't happen: whatever is said of it is true
        low = high = bound if sign == "==" else kind.high if sign in (">", ">=") else kind.low
    return {**env, name: replace(kind, low=low, high=high, nonzero=nonzero)}
