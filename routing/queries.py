"""Questions about routing: why an order goes where it goes, and how full the outlets are; nothing here writes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from inventory.queries import warehouses
from routing import fences, rules, words
from routing.addresses import regions
from routing.models import Decision, Located, Outlet


@dataclass(frozen=True, slots=True)
class OptionRow:
    """One option as it stood: smoothed and raw rate as text, sample size, places left (outlets), what became of it."""

    code: str
    name: str
    smooth: str
    raw: str
    parcels: int
    left: int | None
    near: bool
    taken: bool
    dropped: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """A decision for the order's page, newest first; `sentences` say why, in the order of comparison."""

    made_at: Any
    area: str
    located_by: str
    warehouse: str
    carrier: str
    outlet: str
    policy: str
    decided_by: str
    sentences: list[str]
    warehouses: list[OptionRow] = field(default_factory=list)
    outlets: list[OptionRow] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class DayRow:
    """An outlet today."""

    outlet_id: int
    code: str
    name: str
    carrier: str
    adcode: str
    lng: float | None
    lat: float | None
    places: int
    held: int
    confirmed: int

    @property
    def left(self) -> int:
        """Free places."""
        return self.places - self.held - self.confirmed


def explain(order_id: int) -> Explanation | None:
    """The decision that holds for an order, in words and figures; None before it was routed."""
    found = history(order_id, limit=1)
    return found[0] if found else None


def history(order_id: int, *, limit: int = 20) -> list[Explanation]:
    """All decisions about an order, newest first."""
    decisions = list(Decision.objects.filter(order_id=order_id).order_by("-id")[:limit])
    if not decisions:
        return []
    houses = {house.id: house for house in warehouses()}
    names = {house.code: f"{house.code} {house.name}" for house in houses.values()}
    codes = {o["code"] for d in decisions for o in d.options.get("outlets", ())} | {
        d.outlet_code for d in decisions
    }
    names.update(
        {
            code: f"{name} ({code})"
            for code, name in Outlet.objects.filter(code__in=codes).values_list("code", "name")
        }
    )
    return [_explained(decision, houses, names) for decision in decisions]


def _explained(decision: Decision, houses: dict[int, Any], names: dict[str, str]) -> Explanation:
    house = houses.get(decision.warehouse_id)
    located = (
        Located(decision.located_by).label if decision.located_by in Located.values else decision.located_by
    )
    return Explanation(
        made_at=decision.made_at,
        area=regions.name(decision.adcode) if decision.adcode else _("an unknown area"),
        located_by=str(located),
        warehouse=names[house.code] if house is not None else str(decision.warehouse_id),
        carrier=decision.carrier,
        outlet=names.get(decision.outlet_code, decision.outlet_code),
        policy=rules.policy(decision.policy),
        decided_by=decision.overridden_by,
        sentences=[words.say(reason, names) for reason in decision.reasons],
        warehouses=[_option(row, "rate", names) for row in decision.options.get("warehouses", ())],
        outlets=[_option(row, "success", names) for row in decision.options.get("outlets", ())],
    )


def _option(row: dict[str, Any], figure: str, names: dict[str, str]) -> OptionRow:
    return OptionRow(
        code=row["code"],
        name=names.get(row["code"], row["code"]),
        smooth=words.share(row[figure]),
        raw=words.share(row["raw"]),
        parcels=row["parcels"],
        left=row.get("left"),
        near=bool(row.get("inside")),
        taken=row["taken"],
        dropped=words.why_dropped(row["dropped"]) if row["dropped"] else "",
    )


def capacity_today(outlet_ids: list[int] | None = None) -> list[DayRow]:
    """Every active outlet (or those named) with today's places; a day not begun yet shows all places free."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT o.id, o.code, o.name, o.carrier, o.adcode, o.lng, o.lat, coalesce(c.places, o.daily_capacity),
                      coalesce(c.held, 0), coalesce(c.confirmed, 0)
               FROM routing_outlet o LEFT JOIN routing_capacityday c ON c.outlet_id = o.id AND c.day = %s
               WHERE o.active AND (%s::bigint[] IS NULL OR o.id = ANY(%s)) ORDER BY o.code""",
            [fences.today(), outlet_ids, outlet_ids],
        )
        return [DayRow(*row) for row in cursor.fetchall()]
