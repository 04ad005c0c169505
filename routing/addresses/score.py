"""How well a place fits what was written: features, each with its points, all of them explainable.

The sum of the points, squeezed into 0..1, is the score. A number that differs costs more than a name gains: the parcel
goes to a door. Parts are compared as parts where both sides have them, and as weighted grams where the text is loose.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from rapidfuzz.distance import Indel, LCSseq

from routing.addresses import grams, normal, parse, sound
from routing.addresses.words import Feature, Parsed, Poi

#: What a feature of value 1 adds (or takes). Fitted on the tuned half of our own queries and on noise, then rounded by
#: hand towards what a person would say, because our noise is not the buyers'.
POINTS = {
    "text": 1.8, "letters": 3.6, "sounds": 2.4, "ordered": 4.0, "name": 1.2, "name_given": 2.0, "road": 1.4, "road_differs": -0.8,
    "number": 2.2, "number_near": 0.4, "number_differs": -2.5, "number_missing": -0.4, "lane_or_number": -1.4, "building": 2.0,
    "building_differs": -2.0, "building_added": -0.9, "building_missing": -1.2, "kind_added": -1.0, "kind": 1.1, "division": 1.3,
    "district_differs": -1.2, "city_differs": -2.5, "town": 0.4, "rank": 0.3, "picks": 1.2,
}  # fmt: skip
_BASE, _SCALE = -9.0, 2.0
_KIND = re.compile(
    r"(停车场|公交站|地铁站|出入口|卫生间|充电站|[东南西北正侧]\d?门|\d号门|幼儿园|超市|便利店|药房|药店|快递站|干洗店?|五金店?|面馆|宾馆|酒店|银行|公司|店)[)）]?$"
    r"|[(（].{1,8}(店)[)）]$"
)
_TOWER = re.compile(r"([A-Z]?\d{1,3}|[A-Z]\d?|[东南西北主裙])(?:座|栋|幢|号楼|楼)(?=$|[(（])")


Add = Callable[[str, float], None]


class Place(NamedTuple):
    """A POI's address and name as they are compared."""

    parsed: Parsed
    name: str  # normal form
    core: str  # the name without tower, branch and gate
    building: str
    kind: str
    text: str  # address and name, for the grams
    door: bool  # the name is nothing but the address
    lines: tuple[str, ...]  # name; address and name; address
    heard: tuple[tuple[str, ...], ...]  # the same as syllables


@lru_cache(maxsize=100_000)
def place(name: str, address: str) -> Place:
    """The parts of a POI; remembered, because the same ones come again and again."""
    found = parse.parse(address)
    plain = normal.numerals(normal.line(name)).text.strip()
    tower = _TOWER.search(plain)
    building = tower.group(1) if tower else ""
    core = plain[: tower.start()] if tower else plain
    core = re.sub(r"\(.*$", "", core) or core
    door = False
    if not found.road or re.fullmatch(r".*\d(?:号|弄)", plain):
        named = parse.parse(name)
        if named.road and (named.number or named.lane):
            door = not named.poi
            found = found if found.road else named
    kind = _KIND.search(plain)
    word = next((g for g in kind.groups() if g), "") if kind else ""
    free = "".join((found.town, found.road, found.poi, found.rest))
    free += f" {found.lane}弄" if found.lane else f" {found.number}" if found.number else ""
    line = normal.numerals(normal.line(address)).text.replace(" ", "")
    plain = plain.replace(" ", "")
    lines = tuple(dict.fromkeys((plain, line + plain, line) if line and line != plain else (plain,)))
    return Place(
        found,
        plain,
        core,
        building or found.building,
        word,
        f"{free} {plain}",
        door,
        lines,
        tuple(map(syllables, lines)),
    )


@lru_cache(maxsize=100_000)
def syllables(text: str) -> tuple[str, ...]:
    """Sounds of the characters; a figure of several digits is one sound."""
    out: list[str] = []
    for c in text:
        if c.isascii() and out and out[-1][0] == "#" and c.isalnum():
            out[-1] += c
        elif c.isascii():
            out.append(f"#{c}")
        else:
            out.append(sound.syllable(c))
    return tuple(out)


class Wrote(NamedTuple):
    """What the buyer wrote, prepared once for all candidates."""

    parsed: Parsed
    name: str
    text: str
    grams: dict[str, float]
    heard: dict[str, float]
    kind: str
    line: str
    syllables: tuple[str, ...]


def wrote(parsed: Parsed) -> Wrote:
    """The free text (road, number, names; no divisions, no room) and its grams."""
    name = parsed.poi
    number = f"{parsed.lane} 弄" if parsed.lane else parsed.number
    text = " ".join(word for word in (parsed.road, number, name, parsed.rest) if word)
    kind = _KIND.search(name) or _KIND.search(parsed.rest)
    word = next((g for g in kind.groups() if g), "") if kind else ""
    number = f"{parsed.lane}弄" if parsed.lane else f"{parsed.number}{parsed.number_kind}"
    line = "".join((parsed.road, number, name, parsed.rest, _building(parsed))).replace(" ", "")
    return Wrote(parsed, name, text, grams.bag(text), grams.heard(text), word, line, syllables(line))


def _building(parsed: Parsed) -> str:
    return f"{parsed.building}{'幢' if parsed.building.isdigit() else '座'}" if parsed.building else ""


def features(given: Wrote, poi: Poi, picks: int = 0) -> list[Feature]:
    """Every reason for or against, with its points."""
    parsed, here = given.parsed, place(poi.name, poi.address)
    out: list[Feature] = []

    def add(name: str, value: float) -> None:
        if value:
            out.append(Feature(name, round(value, 3), round(POINTS[name] * value, 3)))

    there = grams.bag(here.text)
    covered = grams.share(given.grams, there)
    if given.heard:
        covered = max(covered, 0.94 * _mixed(given, here, there))
    add("text", covered)
    if given.line:
        add("letters", max(Indel.normalized_similarity(given.line, line) for line in here.lines))
        add("sounds", max(Indel.normalized_similarity(given.syllables, line) for line in here.heard))
        add(
            "ordered",
            max(LCSseq.similarity(given.syllables, line) for line in here.heard) / len(given.syllables),
        )
    alike = 0.0
    if given.name:
        alike = max(grams.likeness(given.name, here.core), 0.95 * grams.likeness(given.name, here.name))
        add("name", alike)
    if not here.door:
        said = max(
            grams.share(grams.bag(here.core), given.grams),
            0.92 * grams.share(grams.heard(here.core), given.heard),
        )
        add("name_given", said)
    else:
        add("name_given", 0.6 if not given.name else 0.0)
    other = here.parsed
    same_road = road(parsed.road, other.road)
    if parsed.road and other.road:
        add("road" if same_road > 0.5 else "road_differs", same_road if same_road > 0.5 else 1 - same_road)
    if same_road > 0.5 or not (parsed.road and other.road):
        _numbers(parsed, other, add)
    _buildings(parsed, here, max(covered, alike), add)
    if here.kind and here.kind != given.kind and here.kind not in given.text:
        add("kind_added", 1.0)
    elif here.kind and here.kind == given.kind:
        add("kind", 1.0)
    _divisions(parsed, poi, other, add)
    add("rank", 1 / (1 + poi.rank))
    add("picks", min(1.0, math.log1p(picks) / math.log(20)))
    return out


def total(found: list[Feature]) -> float:
    """The points as one score in 0..1."""
    return 1 / (1 + math.exp(-(_BASE + sum(feature.points for feature in found)) / _SCALE))


def _mixed(given: Wrote, here: Place, there: dict[str, float]) -> float:
    """Coverage where a gram counts that is written or heard."""
    sounds = grams.heard(here.text)
    got = sum(
        value for gram, value in given.grams.items()
        if gram in there or (gram[0] != "#" and f"{sound.syllable(gram[0])} {sound.syllable(gram[-1])}" in sounds)
    )  # fmt: skip
    whole = sum(given.grams.values())
    return got / whole if whole else 0.0


@lru_cache(maxsize=50_000)
def road(one: str, other: str) -> float:
    """1 the same, 0.9 by sound, less with how alike they are; 文三路 and 文二路 are two roads."""
    if not one or not other:
        return 0.0
    if one == other:
        return 1.0
    if sound.same(one, other):
        return 0.9
    if one.endswith(other) or other.endswith(one):
        return 0.85
    if len(one) == len(other) and sum(a != b for a, b in zip(one, other, strict=True)) == 1:
        figures = set("一二三四五六七八九十东西南北中0123456789")
        pair = next((a, b) for a, b in zip(one, other, strict=True) if a != b)
        return 0.2 if set(pair) & figures else 0.6
    return 0.5 * grams.likeness(one, other)


def _numbers(parsed: Parsed, other: Parsed, add: Add) -> None:

    mine, theirs = parsed.lane or parsed.number, other.lane or other.number
    if not mine:
        return
    if not theirs:
        add("number_missing", 1.0)
        return
    if mine == theirs:
        mixed = bool(parsed.lane) != bool(other.lane)
        add("number", 1.0)
        if mixed:
            add("lane_or_number", 1.0 if parsed.lane or parsed.number_kind else 0.4)
        return
    one, two = _figures(mine), _figures(theirs)
    if one and two and (one[0] == two[0] or set(one) & set(two)):
        add("number", 0.6)
        return
    add("number_differs", 1.0)
    if one and two:
        add("number_near", math.exp(-abs(one[0] - two[0]) / 30))


def _figures(word: str) -> list[int]:
    return [int(found) for found in re.findall(r"\d+", word)]


def _buildings(parsed: Parsed, here: Place, anchor: float, add: Add) -> None:
    """3幢 of another estate is nothing in common: a building counts as much as the place it stands in agrees."""
    mine, theirs = parsed.building, here.building
    if mine and theirs:
        add("building" if same_building(mine, theirs) else "building_differs", anchor)
    elif theirs:
        add("building_added", 1.0)
    elif mine:
        add("building_missing", 1.0)


def same_building(one: str, other: str) -> bool:
    return one == other or one.split("-")[0] == other.split("-")[0]


def _divisions(parsed: Parsed, poi: Poi, other: Parsed, add: Add) -> None:
    theirs = poi.adcode or other.adcode
    if parsed.adcode and theirs:
        if parsed.adcode == theirs:
            add("division", 1.0)
        elif not _same_city(parsed.adcode, theirs):
            add("city_differs", 1.0)
        elif parsed.district:
            soft = 0.5 if {"old_name", "district_typo", "district_ambiguous"} & set(parsed.unsure) else 1.0
            add("district_differs", soft)
        else:
            add("division", 0.5)
    elif parsed.district and poi.district:
        same = parsed.district[:2] == poi.district[:2]
        add("division" if same else "district_differs", 1.0)
    if parsed.town and (poi.town or other.town) == parsed.town:
        add("town", 1.0)


def _same_city(one: str, other: str) -> bool:
    short = (
        2 if one.endswith("0000") or other.endswith("0000") or one.startswith(("11", "12", "31", "50")) else 4
    )
    return one[:short] == other[:short]


def alike(one: str, other: str) -> float:
    """How alike two names are, 0 to 1."""
    return grams.likeness(one, other)
