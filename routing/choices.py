"""What choosing a point would mean: which outlet serves that gate, who carries, what is left there today.

It asks the same fences, ladder and policy that routing itself uses (`routing/ladder.py`, `routing/plan.py`), so that the
screen never promises another outlet than the one the order then goes to.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import shapely

from orderhub.geo import metres
from routing import fences, known, plan, queries
from routing.ladder import Place, Spot, climb, within
from routing.operations import judging

#: A point nearer than this to another outlet's fence straddles: the courier at the gate may be the other one.
STRADDLES = 120.0
#: Fences on a small map: no more than these, each no finer than this (degrees, about 15 m).
MOST_FENCES = 4
FINENESS = 0.00015
#: How far around the points the map is filled, in degrees (about 3 km).
AROUND = 0.03
_DEGREE = 111_320.0


@dataclass(slots=True)
class Meaning:
    """One point's consequences. `straddles` names the other outlets whose fence is at the gate as well."""

    outlet: str = ""
    outlet_name: str = ""
    carrier: str = ""
    left: int | None = None
    rung: str = ""
    adcode: str = ""
    reason: str = ""
    straddles: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Where:
    """A point to ask about (WGS-84, or None) with the names of its divisions."""

    lng: float | None
    lat: float | None
    province: str = ""
    city: str = ""
    district: str = ""
    town: str = ""
    adcode: str = ""


def meanings(points: Sequence[Where]) -> list[Meaning]:
    """The consequences of each point; one statement for all of them."""
    facts, index = known.current(), fences.current()
    places = [
        Place(n, p.province, p.city, p.district, p.town, p.adcode, p.lng, p.lat) for n, p in enumerate(points)
    ]
    spots = climb(places, facts, index, judging.farthest())
    policies = judging.for_places([spots[n] for n in range(len(points))])
    spots = {n: within(spots[n], policy.nearest_within) for n, policy in enumerate(policies)}
    wanted = sorted({outlet for spot in spots.values() for outlet in spot.outlets})
    left = {row.outlet_id: row.left for row in queries.capacity_today(wanted)} if wanted else {}
    beside = _beside(points, index)
    return [_meaning(spots[n], beside[n], facts, left, policies[n]) for n in range(len(points))]


def _meaning(
    spot: Spot, beside: Sequence[int], facts: known.Known, left: dict[int, int], policy: plan.Policy
) -> Meaning:
    options = []
    for identity in spot.outlets:
        fact = facts.outlets[identity]
        figure = facts.rate(spot.area, "outlet", fact.code).three
        near = identity in spot.nearby
        options.append(
            plan.Outlet(
                fact.code, fact.carrier, near, left.get(identity, 0), *figure, "", fact.cost(0), fact.hours
            )
        )
    choice = plan.choose_outlet(options, policy)
    made = Meaning(
        rung=spot.rung, adcode=spot.adcode, carrier=policy.default_carrier, reason=choice.reason[0]
    )
    if choice.picked is not None:
        fact = facts.outlets[spot.outlets[choice.picked]]
        made.outlet, made.outlet_name, made.carrier = fact.code, fact.name, fact.carrier
        made.left = left.get(fact.id, 0)
    here = set(spot.nearby) if spot.rung == "fence" else set()
    others = [facts.outlets[i] for i in dict.fromkeys((*sorted(here), *beside)) if i in facts.outlets]
    if len(others) > 1:
        made.straddles = [outlet.name for outlet in others if outlet.code != made.outlet][:3]
    return made


def _beside(points: Sequence[Where], index: fences.Index) -> list[list[int]]:
    """For each point the outlets whose fence lies within `STRADDLES` metres of it, nearest first."""
    found: list[list[int]] = []
    for point in points:
        if point.lng is None or point.lat is None or not index.outlets:
            found.append([])
            continue
        tall = STRADDLES / _DEGREE
        wide = tall / max(0.05, math.cos(math.radians(point.lat)))
        box = shapely.box(point.lng - wide, point.lat - tall, point.lng + wide, point.lat + tall)
        near = []
        for shape in index.tree.query(box).tolist():
            line = shapely.shortest_line(index.shapes[shape], shapely.Point(point.lng, point.lat))
            away = metres(point.lng, point.lat, *shapely.get_coordinates(line)[0])
            if away <= STRADDLES:
                near.append((away, index.outlets[shape]))
        found.append([outlet for _away, outlet in sorted(near)])
    return found


def around(groups: Sequence[Sequence[Where]]) -> list[list[dict[str, Any]]]:
    """For each group of points the fences at and near them, for a small map: {"outlet", "name", "geometry"}, simplified."""
    index, facts = fences.current(), known.current()
    return [_around(points, index, facts) for points in groups]


def _around(points: Sequence[Where], index: fences.Index, facts: known.Known) -> list[dict[str, Any]]:
    placed = [p for p in points if p.lng is not None and p.lat is not None]
    if not placed or not index.outlets:
        return []
    lngs, lats = [p.lng for p in placed], [p.lat for p in placed]
    west, south, east, north = min(lngs) - AROUND, min(lats) - AROUND, max(lngs) + AROUND, max(lats) + AROUND  # type: ignore[type-var, operator]
    dots = shapely.MultiPoint(list(zip(lngs, lats, strict=True)))
    found = index.tree.query(shapely.box(west, south, east, north))
    near = found[shapely.distance(index.shapes[found], dots).argsort()][:MOST_FENCES].tolist()
    # What lies outside the map is cut off first: it is most of a fence, and nobody sees it.
    cut = shapely.clip_by_rect(index.shapes[near], west, south, east, north)
    simple = shapely.set_precision(shapely.simplify(cut, FINENESS), 1e-5) if near else []
    made = []
    for shape, outline in zip(near, simple, strict=True):
        outlet = facts.outlets.get(index.outlets[shape])
        if outlet is not None and outline.geom_type in ("Polygon", "MultiPolygon") and not outline.is_empty:
            geometry = json.loads(shapely.to_geojson(outline))
            made.append({"outlet": outlet.code, "name": outlet.name, "geometry": geometry})
    return made


def stations(
    groups: Sequence[Sequence[Meaning]], fences_of: Sequence[Sequence[dict[str, Any]]]
) -> list[list[dict[str, Any]]]:
    """For each group of cards the outlets on its small map: where they stand, what is left, which cards (1…) they serve.

    Those that a card would go to come first, then those of the fences shown; one without coordinates has no place on
    a map. One statement for all groups.
    """
    facts = known.current()
    wanted: list[list[str]] = []
    for cards, around_it in zip(groups, fences_of, strict=True):
        codes = [card.outlet for card in cards if card.outlet] + [fence["outlet"] for fence in around_it]
        wanted.append(list(dict.fromkeys(codes)))
    ids = sorted({facts.by_code[code] for codes in wanted for code in codes if code in facts.by_code})
    left = {row.outlet_id: row.left for row in queries.capacity_today(ids)} if ids else {}
    made = []
    for cards, codes in zip(groups, wanted, strict=True):
        rows = []
        for code in codes:
            fact = facts.outlets.get(facts.by_code.get(code, 0))
            if fact is None or fact.lng is None or fact.lat is None:
                continue
            serves = [rank for rank, card in enumerate(cards, 1) if card.outlet == code]
            rows.append({
                "name": fact.name, "lng": round(fact.lng, 5), "lat": round(fact.lat, 5), "left": left.get(fact.id, 0),
                "serves": serves,
            })  # fmt: skip
        made.append(rows[:MOST_FENCES])
    return made
