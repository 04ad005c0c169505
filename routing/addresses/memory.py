"""The form under which the same address meets itself again: `key`. It joins spellings, never two doors.

Everything that tells doors apart is in the key as it was given: number, lane, building, unit, room (a missing one
is another key than a given one), and so are names and whatever else was written. What is only spelling is not: width,
numerals, 号楼/幢/栋, a missing province, repeated regions, old names, a phone, and a town where road and number are given.
"""

from __future__ import annotations

import re

from routing.addresses.words import Parsed

_VAGUE = {
    "masked",
    "two_addresses",
    "empty",
    "foreign",
    "too_short",
    "too_long",
    "no_division",
    "levels_disagree",
}
_FILLER = re.compile(r"[\s,.\-_/()#+]|院内|(?<=.)内$")


def key(parsed: Parsed) -> str:
    """The key, or "" where an address is too vague to be remembered."""
    if _VAGUE & set(parsed.unsure) or not parsed.district:
        return ""
    numbered = bool(parsed.road and (parsed.number or parsed.lane))
    if not numbered and not parsed.poi:
        return ""
    fields = (
        parsed.adcode,
        "" if numbered else parsed.town,
        parsed.road,
        f"{parsed.lane}L" if parsed.lane else parsed.number,
        _FILLER.sub("", parsed.poi),
        parsed.building,
        parsed.unit,
        room(parsed.room),
        _FILLER.sub("", parsed.rest),
    )
    return "|".join(fields)


def door(parsed: Parsed) -> str:
    """The key without unit and room: what a POI, a pin and a courier's stop are made of."""
    full = key(parsed)
    return "|".join(full.split("|")[:6]) if full else ""


def room(text: str) -> str:
    """A room's number as it is compared: 502室, 502房 and 5-02 stay what they are, floors lose their word."""
    return re.sub(r"(?:楼|层|F)(?:整层|全层)?$", "F", text)
