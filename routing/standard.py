"""From a chosen candidate to the standard text, its precision, and what is kept sealed about both. Pure.

The text keeps what only the buyer knows (building, unit, room, the rest) and takes from the place what the buyer got
wrong or left out. Nothing the buyer wrote about the way inside the place is ever dropped.
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from routing.addresses import regions
from routing.addresses.words import Candidate, Difference, Feature, Parsed, Part, Piece, Poi

#: How exactly a point is known, best first.
PRECISIONS = ("door", "building", "poi", "road", "pin", "town", "district")
#: What stands inside a place: the buyer's own, in this order.
INSIDE = ("building", "unit", "room", "rest")
_ENDS = {"building": "栋", "unit": "单元", "room": "室", "rest": ""}


def text_of(parsed: Parsed, candidate: Candidate) -> str:
    """The completed address after its regions: road and number, the place's name, then the buyer's way inside."""
    poi = candidate.poi
    head = _without_regions(poi.address, poi)
    if not head and (parsed.road or parsed.number or parsed.lane):
        head = road_of(parsed)
    elif (
        head
        and parsed.number
        and not any(char.isdigit() for char in head)
        and parsed.road
        and parsed.road in head
    ):
        head += f"{parsed.number}号"
    name = _without_regions(poi.name, poi)
    if name in head:
        name = ""
    elif head in name:
        head = ""
    building = candidate.difference("building")
    theirs = building is not None and bool(building.offers)
    return f"{joined(head, name)}{_inside(parsed, head + name, skip='building' if theirs else '')}".strip()


def joined(head: str, name: str) -> str:
    """Both as one text; what the end of the one and the beginning of the other share stands once."""
    shared = next((n for n in range(min(len(head), len(name)), 0, -1) if head.endswith(name[:n])), 0)
    return head + name[shared:]


def text_as_written(parsed: Parsed) -> str:
    """The buyer's own text after its regions, where nothing better is known (a pin, or kept as written)."""
    made = road_of(parsed) + ("" if parsed.poi in parsed.road else parsed.poi)
    return f"{made}{_inside(parsed, made)}".strip() or parsed.text or parsed.raw


def road_of(parsed: Parsed) -> str:
    """Road with lane and number, in normal form: 张江路288弄15号."""
    lane = f"{parsed.lane}弄" if parsed.lane and parsed.lane.isalnum() else parsed.lane
    number = f"{parsed.number}号" if parsed.number else ""
    return f"{parsed.road}{lane}{number}"


def precision_of(parsed: Parsed, candidate: Candidate) -> str:
    """How exactly the candidate's point answers the text: door, building, poi or road."""
    number, building = candidate.difference("number"), candidate.difference("building")
    if building is not None and building.kind == "matched":
        return "building"
    if number is not None and number.kind in ("matched", "added"):
        return "door"
    lane = candidate.difference("lane")
    if lane is not None and lane.kind == "matched":
        return "door"
    return "poi" if candidate.poi.name and candidate.poi.name != parsed.road else "road"


def _inside(parsed: Parsed, head: str, skip: str = "") -> str:
    made = ""
    for name in INSIDE:
        if name == skip:
            continue
        wrote = next((parsed.raw[p.start : p.end] for p in parsed.parts if p.name == name), "")
        value = getattr(parsed, name)
        wrote = wrote or (f"{value}{_ENDS[name]}" if value else "")
        if wrote and wrote not in head:
            made += wrote
    return made


def _without_regions(text: str, poi: Poi) -> str:
    """A provider may repeat the regions in the address; the receiver has them in columns of their own."""
    for word in regions.name(poi.adcode, "|").split("|") if poi.adcode else ():
        text = text.removeprefix(word)
    return text.removeprefix(poi.town) if poi.town else text


def dump(parsed: Parsed, candidates: list[Candidate]) -> bytes:
    """Both as JSON, to be sealed."""
    kept = {
        "parsed": dataclasses.asdict(parsed),
        "candidates": [dataclasses.asdict(one) for one in candidates],
    }
    return json.dumps(kept, ensure_ascii=False, separators=(",", ":")).encode()


def load(data: bytes) -> tuple[Parsed, list[Candidate]]:
    """What `dump` made."""
    kept = json.loads(data)
    return parsed_of(kept["parsed"]), [candidate_of(row) for row in kept["candidates"]]


def parsed_of(row: dict[str, Any]) -> Parsed:
    parts = tuple(Part(**part) for part in row["parts"])
    return Parsed(
        **{**row, "parts": parts, "unsure": tuple(row["unsure"]), "inferred": tuple(row["inferred"])}
    )


def candidate_of(row: dict[str, Any]) -> Candidate:
    return Candidate(
        Poi(**row["poi"]), row["score"], tuple(Feature(**f) for f in row["features"]),
        tuple(Difference(**d) for d in row["differences"]), tuple(Piece(**p) for p in row["pieces"]),
        tuple(row["merged"]), row["metres"],
    )  # fmt: skip
