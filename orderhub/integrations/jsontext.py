"""JSON as it stands on the wire: exact numbers both ways, and the exact text of one member of an answer.

Numbers with a point are read as Decimal, NaN and Infinity are refused, and what is too deep or too long is
unreadable rather than a crash.
"""

from __future__ import annotations

import json
from decimal import Decimal
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any, NoReturn


class Unreadable(ValueError):
    """Text that is no JSON, or not JSON anybody should read."""


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")


_DECODER = json.JSONDecoder(parse_float=Decimal, parse_constant=_refuse)
_WHITE = " \t\n\r"


def loads(text: str | bytes) -> Any:
    """Parsed JSON; bytes are UTF-8. Unreadable for anything else."""
    try:
        return _DECODER.decode(text.decode("utf-8-sig") if isinstance(text, bytes) else text)
    except (ValueError, RecursionError) as error:
        raise Unreadable(str(error)[:200]) from error


def dumps(value: Any) -> str:
    """Compact JSON, Chinese as it is; Decimals become numbers of the same value. ValueError for NaN."""
    return json.dumps(_numbers(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _numbers(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_numbers(item) for item in value]
    if isinstance(value, Decimal):
        return _number(value)
    return value


def _number(value: Decimal) -> int | float:
    """The number whose shortest text is this decimal; ValueError where a float can't carry it exactly."""
    if not value.is_finite():
        raise ValueError(f"{value} is not a JSON number")
    if value == value.to_integral_value():
        return int(value)
    number = float(value)
    if Decimal(repr(number)) != value:
        raise ValueError(f"{value} has too many digits for a JSON number")
    return number


def member(text: str, *path: str) -> str | None:
    """The exact text of the value at a path of object members (`member(t, "a", "b")` of {"a":{"b": …}}).

    None where the path does not exist; of a repeated name the first counts. Unreadable for broken JSON.
    """
    start = _skip(text, 0)
    try:
        for name in path:
            found = _find(text, start, name)
            if found is None:
                return None
            start = found
        _value, end = _DECODER.raw_decode(text, start)
    except (ValueError, IndexError, RecursionError) as error:
        raise Unreadable(str(error)[:200]) from error
    return text[start:end]


def _find(text: str, start: int, wanted: str) -> int | None:
    """Where the value of a member begins inside the object at `start`; None without object or member."""
    if text[start] != "{":
        return None
    at = _skip(text, start + 1)
    while text[at] != "}":
        if text[at] != '"':
            raise Unreadable("a member's name is expected")
        name, at = scanstring(text, at + 1, True)
        at = _skip(text, at)
        if text[at] != ":":
            raise Unreadable("a colon is expected")
        at = _skip(text, at + 1)
        if name == wanted:
            return at
        _value, at = _DECODER.raw_decode(text, at)
        at = _skip(text, at)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return None


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _WHITE:
        at += 1
    return at
