"""Reasons in words: what each reason code of a decision says to a person, in the language of the reader."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from orderhub.admin_site.words import carrier
from orderhub.integrations.platforms import name_of
from routing import rules
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
    "cheapest": gettext_noop("%(outlet)s is the cheapest of those that are equal otherwise: %(cost)s yuan."),
    "soonest": gettext_noop(
        "%(outlet)s promises the earliest arrival of those that are equal otherwise: %(hours)s hours."
    ),
    "weighted": gettext_noop("%(outlet)s has the most points, %(points)s: %(list)s."),
    "weighted_over": gettext_noop(
        "%(outlet)s has the most points, %(points)s: %(list)s. Next is %(second)s with %(second_points)s."
    ),
    "weighted_warehouse": gettext_noop("%(warehouse)s has the most points, %(points)s: %(list)s."),
    "weighted_warehouse_over": gettext_noop(
        "%(warehouse)s has the most points, %(points)s: %(list)s. Next is %(second)s with %(second_points)s."
    ),
    "weighted_warehouse_raw": gettext_noop(
        "%(warehouse)s has the most points, %(points)s: %(list)s. Next is %(second)s with %(second_points)s;"
        " signed within 24 h in this area %(raw)s against %(second_raw)s, %(ahead)s points apart."
    ),
    "rule_warehouse": gettext_noop("A rule prefers %(warehouse)s."),
    "rule_outlet": gettext_noop("A rule prefers %(outlet)s; it has %(left)s pick-ups left today."),
    "rule_carrier": gettext_noop("A rule prefers %(carrier)s: only its outlets were compared."),
    "rule_excludes_warehouses": gettext_noop("A rule excludes %(list)s."),
    "rule_excludes_outlets": gettext_noop("A rule excludes %(list)s."),
    "rule": gettext_noop("It went this way by %(rules)s."),
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
    "excluded": gettext_noop("excluded by a rule"),
    "out_of_reach": gettext_noop("its carrier does not deliver there"),
    "no_stock": gettext_noop("does not have everything"),
    "inactive": gettext_noop("switched off"),
}
_SHARES = ("success", "rate", "second_rate", "raw", "second_raw", "best", "second_best")
PARTS = {
    "inside": gettext_noop("serves the address"),
    "left": gettext_noop("places left"),
    "success": gettext_noop("3-day success"),
    "cost": gettext_noop("freight"),
    "promised": gettext_noop("promised time"),
    "rate_24h": gettext_noop("signed within 24 h"),
    "own": gettext_noop("own warehouse"),
}
PREFERRED = ("prefer_warehouse", "prefer_outlet", "prefer_carrier")
EXCLUDED = ("exclude_warehouses", "exclude_outlets", "exclude_carriers")
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
    if code.startswith("weighted"):
        code = _weighted(code, figures)
    if code == "rule":
        figures["rules"] = rules.told(figures)
    if "excluded" in figures:
        figures["list"] = _(", ").join(known.get(one, one) for one in figures["excluded"])
    if code == "rule_carrier":
        figures["carrier"] = str(carrier(figures["carrier"]))
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


def _weighted(code: str, figures: dict[str, Any]) -> str:
    """Points by what they were given for; which of the sentences fits."""
    figures["list"] = _(", ").join(
        f"{_(PARTS[part])} {points:g}" for part, points in figures["parts"].items()
    )
    for key in ("points", "second_points"):
        if key in figures:
            figures[key] = f"{figures[key]:g}"
    if "second" not in figures:
        return code
    if "second_raw" in figures:
        figures["ahead"] = f"{(figures['raw'] - figures['second_raw']) * 100:.1f}"
        return f"{code}_raw"
    return f"{code}_over"


def forbidden(codes: list[str]) -> str:
    """Why an order is held to which the rules leave nothing, and what to do."""
    return _(
        "The routing rules exclude %(list)s, and nothing else can take this order. Change the rule or decide by hand;"
        " releasing this hold routes it again."
    ) % {"list": _(", ").join(codes)}


def preferences(answer: dict[str, Any], row: Any) -> str:
    """What a rule's answer prefers and excludes, for the order's page."""
    told = {code: rules.value(code, answer[code]) for code in (*PREFERRED, *EXCLUDED) if answer.get(code)}
    parts = [_("prefer %(what)s") % {"what": told[code]} for code in PREFERRED if answer.get(code)]
    parts += [_("exclude %(what)s") % {"what": told[code]} for code in EXCLUDED if answer.get(code)]
    parts.append(_("plenty is over %(left)s places") % {"left": f"{answer['preferred_left']:g}"})
    return _("Routed by rule: %(list)s.") % {"list": _("; ").join(parts)}


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
