"""JSON of one meaning: each name of an object once, and finite numbers only (RFC 8259, RFC 7493)."""

from __future__ import annotations

import json
import math
from typing import Any


def loads(text: str | bytes) -> Any:
    """The value; ValueError where a name comes twice or a number is none. RecursionError where it is nested too deep."""
    return json.loads(text, object_pairs_hook=_object, parse_constant=_none, parse_float=_finite)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name comes twice")
    return found


def _none(text: str) -> Any:
    raise ValueError(f"{text} is no number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("too large a number")
    return number
