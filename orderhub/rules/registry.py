"""Every decision point by dotted name: the app that decides declares it, the ground floor imports none of them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, cast

from orderhub.dotted import resolve
from orderhub.rules.points import Point

#: Dotted names of `Point`s, in the order of the page.
POINTS: list[str] = [
    "orders.judgements.PAYMENT",
    "orders.judgements.STOCK",
    "orders.judgements.PROMISE",
    "orders.judgements.DUPLICATES",
    "orders.judgements.MERGE",
    "inventory.judgements.LIMITED",
    "routing.review_point.REVIEW",
    "orders.watching.WATCH",
    "routing.judgements.ROUTING",
    "orderhub.notifications.judgement.NOTIFY",
]


class NoSuchPoint(LookupError):
    """No app declares a decision point of this code."""


def points() -> list[Point]:
    """All decision points, in the order of the table."""
    return list(_by_code().values())


def point(code: str) -> Point:
    """Raises NoSuchPoint."""
    try:
        return _by_code()[code]
    except KeyError:
        raise NoSuchPoint(code) from None


def named(name: str) -> Any:
    """What a dotted name of a point's table leads to."""
    return resolve(name)


@cache
def _by_code() -> dict[str, Point]:
    found = [cast(Point, resolve(name)) for name in POINTS]
    return {each.code: each for each in found}


def forget() -> None:
    """Drop what is remembered of POINTS (a test that adds one)."""
    _by_code.cache_clear()


def names() -> Iterator[str]:
    """Every dotted name that leads from here, for the start-up check."""
    yield from POINTS
    for each in points():
        yield from filter(None, (each.past, each.effect, each.words))
        yield from (policy.document for policy in each.policies)
        yield from (field.choices for field in (*each.inputs, *each.outputs) if field.choices)
