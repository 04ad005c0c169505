"""Answers of providers as a ranking: merged where they are one place, scored, compared with the text part by part."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from difflib import SequenceMatcher

from orderhub.geo import metres as distance
from routing.addresses import normal, score
from routing.addresses.words import Candidate, Difference, MarkKind, Parsed, PartName, Picks, Piece, Poi

SAME_PLACE = 150  # metres within which one name is one place
SHOWN = 10  # so many are compared in detail


def rank(parsed: Parsed, pois: Iterable[Poi], picks: Picks | None = None) -> list[Candidate]:
    """Best first. `picks` says how often people took a POI (by id) for addresses like this one."""
    given = score.wrote(parsed)
    groups = _merge(pois)
    scored: list[tuple[float, int, Candidate]] = []
    for n, (poi, others) in enumerate(groups):
        count = sum((picks or {}).get(identity, 0) for identity in (poi.id, *others))
        found = score.features(given, poi, count)
        value = score.total(found)
        scored.append((-value, n, Candidate(poi, round(value, 4), tuple(found), merged=others)))
    scored.sort(key=lambda item: item[:2])
    ranked = [candidate for _, _, candidate in scored]
    for n, candidate in enumerate(ranked[:SHOWN]):
        differences = compare(parsed, candidate.poi)
        ranked[n] = replace(
            candidate,
            differences=differences,
            pieces=pieces(given, candidate.poi, differences),
            metres=_apart(ranked[0].poi, candidate.poi) if n else 0.0,
        )
    return ranked


def _merge(pois: Iterable[Poi]) -> list[tuple[Poi, tuple[str, ...]]]:
    """One entry a place: the same id, or the same name at the same address or a few steps away."""
    kept: dict[str, Poi] = {}
    names: dict[str, list[str]] = {}
    others: dict[str, list[str]] = {}
    for poi in pois:
        if poi.id in kept:
            continue
        plain = normal.line(poi.name).text.replace(" ", "")
        twin = next((identity for identity in names.get(plain, ()) if _one_place(kept[identity], poi)), None)
        if twin is None:
            kept[poi.id] = poi
            names.setdefault(plain, []).append(poi.id)
            others[poi.id] = []
        else:
            others[twin].append(poi.id)
    return [(poi, tuple(others[identity])) for identity, poi in kept.items()]


def _one_place(one: Poi, other: Poi) -> bool:
    if one.adcode and other.adcode and one.adcode != other.adcode:
        return False
    apart = _apart(one, other)
    return apart <= SAME_PLACE if apart is not None else one.address == other.address


def _apart(one: Poi, other: Poi) -> float | None:
    if (
        one.lng is None
        or one.lat is None
        or other.lng is None
        or other.lat is None
        or one.datum != other.datum
    ):
        return None
    return round(float(distance(one.lng, one.lat, other.lng, other.lat)), 1)


def compare(parsed: Parsed, poi: Poi) -> tuple[Difference, ...]:
    """Each part that either side has: matched, changed, missing (only written), added (only offered)."""
    here = score.place(poi.name, poi.address)
    other = here.parsed
    out: list[Difference] = []

    def put(part: PartName, mine: str, theirs: str, same: bool | None = None) -> None:
        if mine or theirs:
            kind: MarkKind = "missing" if not theirs else "added" if not mine else "changed"
            if mine and theirs and (mine == theirs if same is None else same):
                kind = "matched"
            out.append(Difference(part, kind, mine, theirs))

    theirs_code = poi.adcode or other.adcode
    if parsed.district and (poi.district or theirs_code):
        offered = poi.district or other.district or theirs_code
        put("district", parsed.district, offered, theirs_code == parsed.adcode if theirs_code else None)
    if parsed.town and (poi.town or other.town):
        put("town", parsed.town, poi.town or other.town)
    put("road", parsed.road, other.road)
    mine = f"{parsed.lane}弄" if parsed.lane else f"{parsed.number}{parsed.number_kind}"
    theirs = f"{other.lane}弄" if other.lane else f"{other.number}号" if other.number else ""
    bare = bool(mine) and mine == parsed.number and mine in (other.number, other.lane) and not other.lane
    put("number", mine, theirs, True if bare else None)
    put("building", parsed.building, here.building, score.same_building(parsed.building, here.building))
    if not here.door:
        put("poi", parsed.poi, here.core, score.alike(parsed.poi, here.core) >= 0.75 if parsed.poi else None)
    elif parsed.poi:
        put("poi", parsed.poi, "")
    put("unit", parsed.unit, "")
    put("room", parsed.room, "")
    return tuple(out)


def pieces(given: score.Wrote, poi: Poi, differences: Sequence[Difference]) -> tuple[Piece, ...]:
    """The candidate's label in stretches, each with its mark; joined they are the label."""
    label = poi.label
    kinds: list[tuple[MarkKind, str]] = [("plain", "")] * len(label)
    by_part = {difference.part: difference.kind for difference in differences}
    shown = len(label) - len(poi.name)  # so much of the address stands before the name
    if shown and label.startswith(poi.address[: shown - 1]):
        for part in score.place(poi.name, poi.address).parsed.parts:
            part_name = "number" if part.name == "lane" else part.name
            if part.end < shown and part_name in by_part:
                for n in range(part.start, part.end):
                    kinds[n] = (by_part[part_name], part_name)
    begin = len(label) - len(poi.name)
    text = given.text.replace(" ", "")
    name = normal.line(poi.name).text
    if name == poi.name.upper() and len(name) == len(poi.name):
        for n in range(len(name)):
            kinds[begin + n] = ("added" if text else "plain", "poi")
        for block in SequenceMatcher(None, name, text, autojunk=False).get_matching_blocks():
            if block.size >= 2 or (block.size and name[block.a].isalnum() and name[block.a].isascii()):
                for n in range(block.a, block.a + block.size):
                    kinds[begin + n] = ("matched", "poi")
        here = score.place(poi.name, poi.address)
        if here.building and here.building in name and "building" in by_part:
            at = begin + name.rindex(here.building)
            for n in range(at, at + len(here.building)):
                kinds[n] = (by_part["building"], "building")
    out: list[Piece] = []
    for c, (kind, of) in zip(label, kinds, strict=True):
        if out and (out[-1].kind, out[-1].part) == (kind, of):
            out[-1] = Piece(out[-1].text + c, kind, of)
        else:
            out.append(Piece(c, kind, of))
    return tuple(out)


def logit(value: float) -> float:
    """A score as points again."""
    value = min(max(value, 1e-6), 1 - 1e-6)
    return math.log(value / (1 - value))
