"""How the area of an address is found, rung by rung, and which outlets serve it. Pure.

Coordinates inside a fence; else the town; else the district; else the nearest fence; else nobody is known.
The rung that held is part of the decision, so that a person sees how sure it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from routing.addresses import regions
from routing.fences import Index
from routing.known import Known
from routing.plan import POLICY

#: Where a rule speaks of it, fences are looked for as far as this (metres); nearer is then the rule's to say.
FARTHEST = 100_000.0


class Place(NamedTuple):
    """The readable levels of a destination; the point, where there is one, in WGS-84."""

    order_id: int
    province: str
    city: str
    district: str
    town: str
    adcode: str
    lng: float | None
    lat: float | None


class Spot(NamedTuple):
    """Where that is. `adcode` is the named district, `area` the one whose figures count; `notes` are reason codes.

    `named` is the district that the address itself names ("" = none).
    `nearby` outlets serve the very gate (fence, town), `outlets` are all that come into question, ids.
    """

    adcode: str
    area: str
    rung: str
    nearby: tuple[int, ...]
    outlets: tuple[int, ...]
    notes: tuple[Any, ...]
    named: str = ""


def climb(
    places: Iterable[Place], known: Known, index: Index, farthest: float = POLICY.nearest_within
) -> dict[int, Spot]:
    """The spot of each order of a batch; all points are located in one call. `farthest` in metres."""
    rows = list(places)
    pointed = [place for place in rows if place.lng is not None and place.lat is not None]
    hits = index.locate([p.lng for p in pointed], [p.lat for p in pointed])  # type: ignore[misc]
    inside = {place.order_id: hit for place, hit in zip(pointed, hits, strict=True) if hit}
    return {
        place.order_id: _spot(place, inside.get(place.order_id, ()), known, index, farthest) for place in rows
    }


def _spot(place: Place, inside: Iterable[int], known: Known, index: Index, farthest: float) -> Spot:
    region = regions.find(place.province, place.city, place.district, place.town)
    adcode = region.adcode if region is not None and region.district else place.adcode
    town = region.town_code or region.town if region is not None else ""
    notes: list[Any] = []
    if region is not None and region.old_name:
        notes.append(["old_name", {"old": region.old_name, "adcode": region.adcode}])
    nearby = tuple(outlet for outlet in inside if outlet in known.outlets)
    if nearby:
        area = known.outlets[nearby[0]].adcode
        if adcode and adcode != area:
            notes.append(["point_elsewhere", {"written": adcode, "point": area}])
        return Spot(adcode or area, area, "fence", nearby, _serving(known, area, town, nearby), tuple(notes))
    pointed = place.lng is not None and place.lat is not None
    if pointed:
        notes.append(["outside_all_fences", {}])
    nearby = tuple(known.by_town.get((adcode, town), ())) if town else ()
    if nearby:
        return Spot(adcode, adcode, "town", nearby, _serving(known, adcode, town, nearby), tuple(notes))
    outlets = _serving(known, adcode, town, ())
    if outlets:
        return Spot(adcode, adcode, "district", (), outlets, tuple(notes))
    near = index.nearest(place.lng, place.lat, farthest) if pointed else None  # type: ignore[arg-type]
    if near is not None and near[0] in known.outlets:
        area = known.outlets[near[0]].adcode
        notes.append(["nearest", {"outlet": known.outlets[near[0]].code, "metres": round(near[1])}])
        return Spot(
            adcode or area,
            area,
            "nearest",
            (near[0],),
            _serving(known, area, "", (near[0],)),
            tuple(notes),
            adcode,
        )
    return Spot(adcode, adcode, "none", (), (), tuple(notes))


def within(spot: Spot, farthest: float) -> Spot:
    """The spot as it is where a fence farther away than this (metres) serves nobody."""
    if spot.rung != "nearest":
        return spot
    away = next(note[1]["metres"] for note in spot.notes if note[0] == "nearest")
    if away <= farthest:
        return spot
    notes = tuple(note for note in spot.notes if note[0] != "nearest")
    return Spot(spot.named, spot.named, "none", (), (), notes)


def _serving(known: Known, area: str, town: str, first: tuple[int, ...]) -> tuple[int, ...]:
    """`first`, then the outlets of the district that serve all of it or this town (if there are none: all)."""
    mates = known.by_district.get(area, ())
    fitting = [i for i in mates if not known.outlets[i].town or (area, town) in known.by_town]
    fitting = [i for i in fitting if not known.outlets[i].town or i in known.by_town.get((area, town), ())]
    return (*first, *(outlet for outlet in (fitting or mates) if outlet not in first))
