"""Reasons in words: what each reason code of a decision says to a person, in the language of the reader."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from orderhub.admin_site.words import carrier
from orderhub.integrations.platforms import name_of
from routing.addresses import regions

#: code: sentence. Figures are filled in by `say`.
SENTENCES = {
    "fence": gettext_noop("Its coordinates lie inside a fence in %(area)s."),
    "town": gettext_noop("No fence contains it; found by its town in %(area)s."),
    "district": gettext_noop("No coordinates inside a fence; found by its district, %(area)s."),
    "nearest": gettext_noop(
        "It lies in no fence and its district has no outlet: the nearest fence is %(outlet)s, %(km)s km away."
    ),
    "nearest_rung": gettext_noop("Found by the nearest fence, in %(area)s."),
    "none": gettext_noop(
        "No outlet is known for %(area)s: it goes with the default carrier and takes no place."
    ),
    "old_name": gettext_noop("%(old)s no longer exists; today it is %(adcode)s."),
    "point_elsewhere": gettext_noop(
        "The address says %(written)s, its coordinates lie in %(point)s: the coordinates decide."
    ),
    "outside_all_fences": gettext_noop("It has coordinates, but no fence contains them."),
    "inside_and_free": gettext_noop(
        "%(outlet)s serves this address itself and has %(left)s pick-ups left today: it comes first."
    ),
    "better_of_others": gettext_noop(
        "%(inside)s serves this address itself but has only %(left)s pick-ups left today; of the others %(outlet)s"
        " has the better 3-day success: %(success)s (raw %(raw)s of %(parcels)s parcels)."
    ),
    "better_success": gettext_noop(
        "Of the outlets of the area %(outlet)s has the better 3-day success: %(success)s (raw %(raw)s of %(parcels)s parcels)."
    ),
    "only_one": gettext_noop("%(outlet)s is the only outlet with places left today."),
    "last_places": gettext_noop("The other outlets are full; %(outlet)s has %(left)s pick-ups left today."),
    "no_outlet": gettext_noop("No outlet to choose from."),
    "better_rate": gettext_noop(
        "%(warehouse)s: %(best)s signed within 24 h in this area, %(points)s points above %(second)s (%(second_best)s);"
        " smoothed %(rate)s against %(second_rate)s, %(parcels)s and %(second_parcels)s parcels."
    ),
    "own_first": gettext_noop(
        "%(warehouse)s: as good as the others within the tolerance (%(rate)s signed in 24 h); our own"
        " goes first."
    ),
    "priority": gettext_noop(
        "%(warehouse)s: as good as the others within the tolerance (%(rate)s signed in 24 h); its"
        " priority is higher."
    ),
    "only_warehouse": gettext_noop("%(warehouse)s is the only warehouse that has everything."),
    "none_serves_all": gettext_noop(
        "No single warehouse has everything; it stays where its stock is reserved (splitting over warehouses is not offered yet)."
    ),
    "split": gettext_noop("The order is split: its goods leave from the warehouses that hold them."),
    "stock_fixed": gettext_noop(
        "Its goods are reserved in a bin that is no longer sold from; it stays in that warehouse."
    ),
    "by_hand": gettext_noop("%(warehouse)s was chosen by hand."),
    "outlet_by_hand": gettext_noop("%(outlet)s was chosen by hand."),
    "out_of_reach": gettext_noop("%(channel)s: %(carriers)s does not deliver to this address."),
    "wish": gettext_noop("Decided by %(by)s: “%(reason)s”."),
    "module_off": gettext_noop(
        "Smart routing is switched off: it goes from the warehouse that holds its stock, with the"
        " default carrier."
    ),
    "shop_default": gettext_noop(
        "Smart routing is switched off: it goes from the shop's default warehouse, with the default carrier."
    ),
}
DROPPED = {
    "full": gettext_noop("full today"),
    "out_of_reach": gettext_noop("its carrier does not deliver there"),
    "no_stock": gettext_noop("does not have everything"),
    "inactive": gettext_noop("switched off"),
}
_SHARES = ("success", "rate", "second_rate", "raw", "second_raw", "best", "second_best")
_AREAS = ("area", "adcode", "written", "point")


def share(value: float | None) -> str:
    """0.9463 as 94.6 %; a dash where nothing was measured."""
    return "–" if value is None else f"{value * 100:.1f} %"


def say(reason: list[Any], names: dict[str, str] | None = None) -> str:
    """A stored reason [code, figures] as a sentence; `names` turns codes of warehouses and outlets into names."""
    code, figures = reason[0], dict(reason[1])
    known = names or {}
    if code == "nearest":
        code = "nearest" if "metres" in figures else "nearest_rung"
    if "metres" in figures:
        figures["km"] = f"{figures['metres'] / 1000:.1f}"
    if code == "better_rate":
        _better_rate(figures)
    if code == "out_of_reach":
        figures = {"channel": name_of(figures["channel"]), "carriers": _carriers(figures["carriers"])}
    for key, value in figures.items():
        if key in _SHARES and (value is None or isinstance(value, float)):
            figures[key] = share(value)
        elif key in _AREAS:
            figures[key] = regions.name(str(value)) if value else _("an unknown area")
        elif isinstance(value, str) and value in known:
            figures[key] = known[value]
    sentence = SENTENCES.get(code)
    return _(sentence) % figures if sentence else code


def _better_rate(figures: dict[str, Any]) -> None:
    """Raw figures are what people compare; where one is missing, the smoothed ones are shown."""
    raw = figures.get("raw") is not None and figures.get("second_raw") is not None
    figures["best"] = figures["raw"] if raw else figures["rate"]
    figures["second_best"] = figures["second_raw"] if raw else figures["second_rate"]
    ahead = figures["ahead_raw"] if raw else figures["ahead"]
    figures["points"] = f"{ahead * 100:.1f}"


def unreached(away: dict[str, str]) -> str:
    """Why an order to which none of our carriers delivers is held, and what to do."""
    return _(
        "%(channel)s: %(carriers)s does not deliver to this address, and no other carrier is at hand. Ask the buyer for"
        " another address, or add an outlet of another carrier; releasing this hold asks the channel again."
    ) % {"channel": name_of(min(away.values())), "carriers": _carriers(list(away))}


def _carriers(codes: list[str]) -> str:
    return " / ".join(str(carrier(code)) for code in codes)


def why_dropped(code: str) -> str:
    """Why an option was not taken, in words."""
    return _(DROPPED[code]) if code in DROPPED else code
