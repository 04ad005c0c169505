"""What the address engine's codes say to a person, in the language of the reader: parts, doubts, reasons, rungs."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

PARTS: dict[str, Any] = {
    "province": _("province"),
    "city": _("city"),
    "district": _("district"),
    "town": _("town"),
    "road": _("road"),
    "number": _("no."),
    "lane": _("lane"),
    "building": _("building"),
    "unit": _("unit"),
    "room": _("room"),
    "poi": _("place"),
    "phone": _("phone"),
    "person": _("person"),
    "point": _("point"),
    "rest": _("rest"),
    "division": _("region"),
    "name": _("name"),
}

#: Why a person is asked.
REASONS: dict[str, Any] = {
    "clear_winner": _("One place stands out."),
    "below_threshold": _("The best place is likely, but not sure enough to take by itself."),
    "close_second": _("Two places fit almost equally well."),
    "number_differs": _("The number differs from what the buyer wrote."),
    "district_differs": _("The place lies in another district than the buyer wrote."),
    "building_unknown": _(
        "There are several buildings; the buyer names none of them, or one that is unknown."
    ),
    "no_number": _("The buyer gave no number, and the place needs one."),
    "no_candidates": _("No place was found for it."),
    "weak_candidates": _("What was found hardly resembles the text."),
    "unreadable": _("The text can't be read as an address."),
    "two_addresses": _("Two addresses seem to be in one text."),
    "provider_failed": _("The map service could not be asked; this is not “nothing found”."),
}

#: What the parser is unsure of.
UNSURE: dict[str, Any] = {
    "empty": _("There is nothing to read."),
    "too_short": _("One character is no address."),
    "too_long": _("Too long: only the first part was read."),
    "foreign": _("It is not written in Chinese."),
    "masked": _("Parts are masked."),
    "coordinates": _("Coordinates were typed into the address."),
    "two_addresses": _("A second address begins in it."),
    "no_division": _("Neither province, city nor district is known."),
    "no_district": _("The district is not known."),
    "district_ambiguous": _("Several districts have this name."),
    "district_typo": _("The district's name seems misspelt."),
    "levels_disagree": _("The regions don't lie in one another."),
    "old_name": _("An old name of a district, taken as today's."),
    "only_poi": _("Only a name, no road and no number."),
    "no_road": _("There is no road."),
    "no_number": _("There is no number."),
    "number_or_lane": _("The bare number may be a house (号) or a lane (弄)."),
}

#: How the outlet of a point was found, in two or three words.
RUNGS: dict[str, Any] = {
    "fence": _("inside its fence"),
    "town": _("by its town"),
    "district": _("by its district"),
    "nearest": _("nearest fence"),
    "none": _("no outlet known"),
}

PRECISIONS: dict[str, Any] = {
    "door": _("door number"),
    "building": _("building"),
    "poi": _("place"),
    "road": _("road"),
    "pin": _("pin on the map"),
    "town": _("town"),
    "district": _("district"),
    "city": _("city"),
    "province": _("province"),
    "given": _("given by the channel"),
}


def part(code: str) -> str:
    """A part's name."""
    return str(PARTS.get(code, code))


def reason(code: str) -> str:
    """Why a person is asked; empty for no reason."""
    return str(REASONS.get(code, code))


def unsure(code: str) -> str:
    """What the parser is unsure of."""
    return str(UNSURE.get(code, code))


def rung(code: str) -> str:
    """How the outlet was found."""
    return str(RUNGS.get(code, code))


def precision(code: str) -> str:
    """How exactly a point is known."""
    return str(PRECISIONS.get(code, code))
