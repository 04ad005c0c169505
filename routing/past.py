"""Past routing decisions for trying a draft: inputs and options are rebuilt from what was kept with each decision.

Every option was kept with its figures as they stood, so the choice under other rules is computed anew in memory, without
a look at today. What a choice would have taken from later orders (a place, a piece) is not played on.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from inventory.queries import warehouses
from orderhub.admin_site.words import carrier as carrier_name
from orderhub.rules.points import Effect, Past
from orders import queries as orders
from routing import known, plan
from routing.operations.judging import SHANGHAI, hours_left, names
from routing.plan import FULL, Outlet, Policy, Warehouse

_OUTLET, _WAREHOUSE = Outlet._fields, Warehouse._fields
#: A person's choice and what went by default are no decisions of the rules.
_OURS = "located_by <> 'off' AND overridden_by = ''"
_COLUMNS = "id, order_id, made_at, adcode, located_by, reasons::text, options::text, carrier"


def past(
    since: dt.datetime, until: dt.datetime, order_ids: Sequence[int] | None, after: int, limit: int
) -> list[Past]:
    """Decisions made in [since, until) (all of the orders named, whenever), in the order of id. Two statements."""
    values: list[Any]
    if order_ids is not None:
        where, values = "order_id = ANY(%s) AND id > %s", [list(order_ids), after]
    else:
        # ids grow with the time: a page goes on from the last one, the first begins where the period does
        start = (
            "%s" if after else "coalesce((SELECT min(id) - 1 FROM routing_decision WHERE made_at >= %s), 0)"
        )
        where = f"id > {start} AND made_at >= %s AND made_at < %s"
        values = [after or since, since, until]
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {_COLUMNS} FROM routing_decision WHERE {where} AND {_OURS} ORDER BY id LIMIT %s",
            [*values, limit],
        )
        rows = cursor.fetchall()
    facts = orders.route_facts({row[1] for row in rows})
    return [_past(row, facts[row[1]]) for row in rows if row[1] in facts]


def of_decisions(ids: Sequence[int]) -> list[Past]:
    """These decisions, by id, with what they became. Two statements."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {_COLUMNS} FROM routing_decision WHERE id = ANY(%s) ORDER BY id", [list(ids)])
        rows = cursor.fetchall()
    facts = orders.route_facts({row[1] for row in rows})
    return [_past(row, facts[row[1]]) for row in rows if row[1] in facts]


def count(since: dt.datetime, until: dt.datetime, order_ids: Sequence[int] | None) -> int:
    """How many decisions `past` would bring."""
    chosen = "order_id = ANY(%s)" if order_ids is not None else "made_at >= %s AND made_at < %s"
    values: list[Any] = [list(order_ids)] if order_ids is not None else [since, until]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM routing_decision WHERE {chosen} AND {_OURS}", values)
        return int(cursor.fetchone()[0])


past.count = count  # type: ignore[attr-defined]


def _past(row: tuple[Any, ...], facts: orders.RouteFacts) -> Past:
    identity, order_id, made_at, adcode, located_by, reasons, options, carrier = row
    local = made_at.astimezone(SHANGHAI)
    province, city, district = names(adcode)
    given = {
        "province": province,
        "city": city,
        "district": district,
        "town": facts.town,
        "adcode": adcode[:6],
        "located_by": located_by,
        "channel": facts.channel,
        "shop": facts.shop,
        "traffic_source": facts.traffic_source,
        "amount": float(facts.payable),
        "pieces": facts.pieces,
        "weight_kg": facts.weight_g / 1000,
        "hours_to_promise": hours_left(facts.promised_ship_at, made_at),
        "hour": local.hour,
        "weekday": local.isoweekday(),
    }
    became = {**_kept(json.loads(options)), **_said(json.loads(reasons)), "carrier": carrier}
    return Past(identity, facts.number, given, became, order_id)


def _kept(options: dict[str, Any]) -> dict[str, Any]:
    """The options as `plan` compares them; figures that were not kept then are not known."""
    houses, outlets = options.get("warehouses", ()), options.get("outlets", ())
    return {
        "warehouses": [_option(Warehouse, _WAREHOUSE, row) for row in houses],
        "outlets": [_option(Outlet, _OUTLET, row) for row in outlets],
        "warehouse": next((row["code"] for row in houses if row["taken"]), ""),
        "outlet": next((row["code"] for row in outlets if row["taken"]), ""),
    }


def _option(kind: Any, names_of: tuple[str, ...], row: dict[str, Any]) -> Any:
    return kind(**{name: row[name] for name in names_of if name in row})


def _said(reasons: list[Any]) -> dict[str, Any]:
    codes = {reason[0] for reason in reasons}
    away = next((r[1]["metres"] for r in reasons if r[0] == "nearest" and "metres" in r[1]), None)
    return {"fixed": bool(codes & {"split", "stock_fixed"}), "metres": away}


class _Way:
    """Where an order goes under a policy; the codes are "" for none."""

    __slots__ = ("assumed", "carrier", "cost", "held", "hours", "outlet", "warehouse")

    def __init__(self, became: dict[str, Any], policy: Policy, facts: known.Known) -> None:
        houses, outlets, self.assumed = became["warehouses"], became["outlets"], False
        if became["metres"] is not None and became["metres"] > policy.nearest_within:
            outlets = []
        asked = policy.prefer_outlet
        if asked and asked in facts.by_code and all(o.code != asked for o in outlets):
            fact = facts.outlets[facts.by_code[asked]]
            figure = facts.rate(fact.adcode, "outlet", fact.code).three
            outlets = [
                Outlet(fact.code, fact.carrier, False, fact.capacity, *figure, "", fact.cost(0), fact.hours),
                *outlets,
            ]
            self.assumed = True
        house = None if became["fixed"] else plan.choose_warehouse(houses, policy)
        outlet = plan.choose_outlet(outlets, policy)
        self.warehouse = "" if house is None or house.picked is None else houses[house.picked].code
        self.outlet, self.carrier, self.cost, self.hours, self.held = (
            "",
            policy.default_carrier,
            None,
            None,
            "",
        )
        if outlet.picked is not None:
            taken = outlets[outlet.picked]
            self.outlet, self.carrier, self.cost, self.hours = (
                taken.code,
                taken.carrier,
                taken.cost,
                taken.hours,
            )
        elif outlets:
            self.carrier = ""
            self.held = "full" if FULL in outlet.dropped.values() else "forbidden"
        elif self.carrier in policy.exclude_carriers:
            self.carrier, self.held = "", "forbidden"
        if house is not None and house.picked is None and house.notes:
            self.held = "forbidden"

    @classmethod
    def gone(cls, became: dict[str, Any], facts: known.Known) -> _Way:
        """Where it went then."""
        made = cls.__new__(cls)
        taken = next((o for o in became["outlets"] if o.code == became["outlet"]), None)
        made.warehouse, made.outlet, made.carrier = became["warehouse"], became["outlet"], became["carrier"]
        made.cost, made.hours = (None, None) if taken is None else (taken.cost, taken.hours)
        made.held, made.assumed = "", False
        return made

    def key(self) -> tuple[str, str, str, str]:
        return (self.warehouse, self.outlet, self.carrier, self.held)


def effect(pasts: list[Past], before: list[dict[str, Any]], after: list[dict[str, Any]]) -> list[Effect]:
    """From where to where each decision would go, freight in yuan and promised hours as differences. One statement at most."""
    made: list[Effect] = []
    same = Effect(False, "", "")
    facts = known.current()
    houses = {house.code: f"{house.code} {house.name}" for house in warehouses()}
    for past_, one, other in zip(pasts, before, after, strict=True):
        if one == other:
            made.append(same)
            continue
        old, new = (
            _Way(past_.became, Policy.of("", one), facts),
            _Way(past_.became, Policy.of("", other), facts),
        )
        if old.key() == new.key():
            made.append(same)
            continue
        frm, to = _words(old, new, houses, facts), _words(new, old, houses, facts)
        note = (
            _("The preferred outlet was not among the options then; places left are assumed.")
            if new.assumed
            else ""
        )
        made.append(Effect(True, frm, to, _less(new.cost, old.cost), _less(new.hours, old.hours), note))
    return made


def moved(one: Past, answer: dict[str, Any], facts: known.Known, houses: dict[str, str]) -> tuple[str, str]:
    """(from, to) in words where the answer would send it elsewhere than it went; ("", "") where it stays.

    What the answer would only hold or let wait is not moved.
    """
    old, new = _Way.gone(one.became, facts), _Way(one.became, Policy.of("", answer), facts)
    if new.held == "full" or old.key() == new.key():
        return "", ""
    return _words(old, new, houses, facts), _words(new, old, houses, facts)


def _less(new: float | None, old: float | None) -> float | None:
    return None if new is None or old is None else round(new - old, 2)


def _words(way: _Way, other: _Way, houses: dict[str, str], facts: known.Known) -> str:
    """What of this way differs from the other: warehouse, carrier, outlet; the same difference in the same words."""
    if way.held:
        return (
            _("held: the rules leave nothing")
            if way.held == "forbidden"
            else _("waits: every outlet is full")
        )
    parts = []
    if way.warehouse != other.warehouse:
        parts.append(houses.get(way.warehouse, way.warehouse) or _("where its stock is"))
    if way.carrier != other.carrier:
        parts.append(str(carrier_name(way.carrier)))
    if way.outlet != other.outlet:
        at = facts.by_code.get(way.outlet)
        name = f"{facts.outlets[at].name} ({way.outlet})" if at is not None else way.outlet
        parts.append(name or _("no outlet known"))
    return " · ".join(parts) or _("as before")
