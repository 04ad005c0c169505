"""The questions to a map service, in the order in which they are worth their quota.

As the buyer wrote it first; then the ways of reading its number (288号, 288弄, 288), with the building and without; then the name
alone within the district; at last without any district, for one that was wrong.
"""

from __future__ import annotations

from routing.addresses import regions
from routing.addresses.words import Parsed, Phrase

LONGEST = 80  # characters that a provider takes
MOST = 6


def phrases(parsed: Parsed) -> list[Phrase]:
    """At most six, none twice; empty where the text holds nothing to ask for."""
    city = parsed.city or parsed.province
    area = parsed.adcode
    out: list[Phrase] = []

    def put(text: str, purpose: str, adcode: str = area) -> None:
        text = text.strip()[:LONGEST]
        if len(text) >= 2 and all((text, adcode) != (other.text, other.adcode) for other in out):
            out.append(Phrase(text, adcode, city, purpose))

    building = (
        f"{parsed.building}号楼"
        if parsed.building.isdigit()
        else f"{parsed.building}座"
        if parsed.building
        else ""
    )
    road, name = parsed.road, parsed.poi
    if road and parsed.lane:
        if building:
            put(f"{road}{parsed.lane}弄{building}", "full")
        put(f"{road}{parsed.lane}弄", "lane")
    if road and parsed.number:
        number = f"{road}{parsed.number}号"
        if name:
            put(f"{number}{name}", "full")
        elif building:
            put(f"{number}{building}", "full")
        put(number, "number")
        if parsed.number.isdigit() and (not parsed.number_kind or parsed.province == "上海市"):
            put(f"{road}{parsed.number}弄", "lane")
            put(f"{road}{parsed.number}", "bare")
    if name:
        put(f"{name}{building}" if building and len(out) < 3 else name, "poi")
        put(name, "poi")
        if road:
            put(f"{road}{name}", "poi")
    if road and not out:
        put(road, "road")
    if not out and parsed.rest:
        put(parsed.rest, "poi")
    if not out and parsed.town:
        put(parsed.town, "road")
    if out and area and parsed.district:
        best = next((phrase for phrase in out if phrase.purpose in ("poi", "lane", "number")), out[0])
        wide = (
            regions.code6(area[:4])
            if not area.startswith(("11", "12", "31", "50"))
            else regions.code6(area[:2])
        )
        put(best.text, "anywhere", wide)
    return out[:MOST]
