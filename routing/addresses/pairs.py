"""Whether two addresses are one door: exact, partial (one says less than the other) or none, and how sure that is.

One contradiction is enough for none: another number, building, unit or room. Exact needs every door part on both sides or on
neither, and something that names the place: a number on a road, or a name.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from rapidfuzz.distance import Indel

from routing.addresses import grams, memory, score
from routing.addresses.words import Parsed

Label = Literal["exact", "partial", "none"]
#: From this confidence on "exact" is taken without a person; set by `calibrate` on the tuned half of our own pairs.
ACCEPT = 0.9


class Likeness(NamedTuple):
    """`sure` is how sure "exact" would be, 0 to 1, whatever the label."""

    label: Label
    sure: float
    reasons: tuple[str, ...]


def liken(one: Parsed, other: Parsed) -> Likeness:
    """The label of a pair, with the parts that decided it."""
    against: list[str] = []
    missing: list[str] = []
    apart = _divisions(one, other)
    if apart:
        against.append(apart)
    road = score.road(one.road, other.road)
    if one.road and other.road and road < 0.8:
        against.append("road")
    elif bool(one.road) != bool(other.road):
        missing.append("road")
    for part in ("number", "lane", "building", "unit", "room"):
        mine, theirs = _value(one, part), _value(other, part)
        if mine and theirs and mine != theirs:
            against.append(part)
        elif bool(mine) != bool(theirs):
            missing.append(part)
    if (one.lane and other.number and not other.lane) or (other.lane and one.number and not one.lane):
        against.append("lane")
    name = max(grams.likeness(one.poi, other.poi), _contained(one.poi, other.poi))
    doors = (
        bool((one.number and one.number == other.number) or (one.lane and one.lane == other.lane))
        and road >= 0.8
    )
    if one.poi and other.poi and name < 0.6:
        against.append("poi")
    elif bool(one.poi) != bool(other.poi) and not doors:
        missing.append("poi")
    if _rest(one) != _rest(other):
        missing.append("rest")
    if against:
        return Likeness("none", round(0.1 * name, 3), tuple(against))
    named = doors or (one.poi and other.poi and name >= 0.9)
    if not named:
        missing.append("door")
    sure = _sure(one, other, road, name, doors, missing)
    return Likeness("partial" if missing else "exact", sure, tuple(missing))


def _sure(one: Parsed, other: Parsed, road: float, name: float, doors: bool, missing: list[str]) -> float:
    text = Indel.normalized_similarity(one.text, other.text)
    value = (
        0.55
        + 0.2 * doors * road
        + 0.15 * (name if one.poi and other.poi else 0.6 if doors else 0.0)
        + 0.1 * text
    )
    if one.poi and other.poi and name < 0.9:
        value -= 0.15
    if bool(one.poi) != bool(other.poi):
        value -= 0.08
    if not one.district or not other.district:
        value -= 0.2
    return round(max(0.0, min(1.0, value) - 0.25 * len(missing)), 3)


def _divisions(one: Parsed, other: Parsed) -> str:
    if one.adcode and other.adcode and one.adcode != other.adcode:
        if one.district[:-1] == other.district[:-1] and "district_ambiguous" in (*one.unsure, *other.unsure):
            return ""  # 普陀区 alone may be either
        short, long = sorted((one.adcode.rstrip("0"), other.adcode.rstrip("0")), key=len)
        if not long.startswith(short):
            return "district"
    if one.town and other.town and one.town != other.town and one.town_code and other.town_code:
        return "town"
    return ""


def _value(parsed: Parsed, part: str) -> str:
    word: str = getattr(parsed, part)
    return memory.room(re.sub(r"[\s]", "", word)).removesuffix("室") if part == "room" else word


def _rest(parsed: Parsed) -> str:
    return re.sub(r"[\s,.\-_/()#+]", "", parsed.rest)


def _contained(one: str, other: str) -> float:
    """华星时代广场 in 杭州华星时代广场: the shorter name whole in the longer one, and most of it."""
    short, long = sorted((one, other), key=len)
    if len(short) < 3 or short not in long:
        return 0.0
    return 0.95 if len(short) / len(long) >= 0.6 else 0.7
