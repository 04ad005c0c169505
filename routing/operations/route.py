"""C3: every order of a batch gets its warehouse, outlet and carrier, and its place at the outlet, with the reasons.

Where all outlets that serve an address are full, the order is not routed past them: it is refused as
`no_capacity` and tries again in half an hour (places are freed, added by staff, or the next day begins).
Where no outlet is known at all it goes with the default carrier, takes no place, and the decision says so.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from inventory.operations.reserve import Book
from inventory.queries import WarehouseHead, warehouses
from orderhub import modules
from orderhub.lifecycle import Batch, Refusal, Writer
from orders import queries as orders
from orders.operations import holds
from orders.operations.stock import LineRow, demand_of, may_lock_late
from routing import fences, known, plan, words
from routing.ladder import Place, Spot, climb, within
from routing.operations import capacity, judging
from routing.plan import FULL, POLICY, Choice, Outlet, Policy, Warehouse

DECISION_COLUMNS = (
    "order_id", "made_at", "adcode", "located_by", "warehouse_id", "carrier", "outlet_code", "policy", "reasons",
    "options", "overridden_by",
)  # fmt: skip
#: Why an option is dropped, and an order held, whose carrier the channel says does not deliver.
UNREACHED = "out_of_reach"
#: Why an order is held to which the rules leave nothing.
FORBIDDEN = "forbidden"
_FAR = dt.datetime.max.replace(tzinfo=dt.UTC)


@dataclass(slots=True)
class Wish:
    """What a person chose for an order (routing.models.Override)."""

    warehouse_id: int | None
    outlet_code: str
    reason: str
    by: str


@dataclass(slots=True)
class Desk:
    """Everything a batch is decided with: read and locked once."""

    facts: known.Known
    houses: list[WarehouseHead]
    spots: dict[int, Spot]
    wishes: dict[int, Wish]
    places: capacity.Places
    towns: dict[int, str] = field(default_factory=dict)
    judged: judging.Judged | None = None
    away: dict[int, dict[str, str]] = field(
        default_factory=dict
    )  # {order: {carrier out of reach: who says so}}
    sides: dict[tuple[Any, ...], list[Warehouse]] = field(default_factory=dict)  # the same for many orders
    told: dict[tuple[Any, ...], list[dict[str, Any]]] = field(default_factory=dict)  # as kept with a decision


def lock(batch: Batch) -> None:
    """Find each order's area and lock today's places of the outlets that come into question, by outlet id."""
    if "routing" in batch.context or not modules.enabled("routing"):
        return
    ids = list(batch.rows)
    facts, index = known.current(), fences.current()
    places_of = [Place(*place) for place in orders.places(ids)]
    spots = climb(places_of, facts, index, judging.farthest())
    wishes = _wishes(ids)
    wanted = {outlet for spot in spots.values() for outlet in spot.outlets}
    wanted.update(facts.by_code[w.outlet_code] for w in wishes.values() if w.outlet_code in facts.by_code)
    wanted.update(facts.by_code[text] for text in judging.named_texts() if text in facts.by_code)
    places = capacity.lock(wanted, ids, capacity.standing(ids), late=may_lock_late(batch))
    towns = {place.order_id: place.town for place in places_of}
    desk = batch.context["routing"] = Desk(facts, warehouses(), spots, wishes, places, towns)
    before = [
        row.id for row in batch.rows.values() if row.carrier
    ]  # only who was routed once was asked about
    for (order_id, carrier), said in (orders.reach(before) if before else {}).items():
        if not said.ok:
            desk.away.setdefault(order_id, {})[carrier] = said.channel


lock.rank = "capacity"  # type: ignore[attr-defined]


def _wishes(ids: list[int]) -> dict[int, Wish]:
    with connection.cursor() as cursor:
        cursor.execute(
            'SELECT order_id, warehouse_id, outlet_code, reason, "by" FROM routing_override WHERE order_id = ANY(%s)',
            [ids],
        )
        return {row[0]: Wish(*row[1:]) for row in cursor.fetchall()}


def route(live: list[Any], writer: Writer) -> None:
    """RESERVED → ROUTED: decide, take the place, move the reservation; oldest promise first. Constant SQL."""
    desk: Desk | None = writer.context.get("routing")
    if desk is None:
        _by_default(live, writer)
        return
    book: Book = writer.context["stock"]
    lines: dict[int, list[LineRow]] = writer.context["lines"]
    grams = {row.id: weight(lines.get(row.id, ())) for row in live}
    judged = desk.judged = judging.judge(live, desk.spots, desk.towns, grams, writer.now)
    done: list[int] = []
    for row in sorted(live, key=lambda r: (r.promised_ship_at or _FAR, r.id)):
        refusal = _decide(row, desk, book, lines.get(row.id, []), writer)
        if refusal is None:
            done.append(row.id)
        elif refusal.code == UNREACHED:
            holds.open_in(writer, row, "address", refusal.text, {"carriers": list(desk.away[row.id])})
        elif refusal.code == FORBIDDEN:
            version = judged.decided.said[id(judged.answers[row.id])][0]
            holds.open_in(writer, row, "route", refusal.text, {"version": version})
        else:
            writer.refuse({row.id: refusal})
    used = [identity for identity in done if identity in desk.wishes]

    def flush() -> None:
        desk.places.write(writer.now)
        if used:
            with connection.cursor() as cursor:
                cursor.execute("DELETE FROM routing_override WHERE order_id = ANY(%s)", [used])

    writer.finish(flush)
    writer.finish(lambda: desk.places.count(judged.margin), "capacity")
    book.finish(writer)


def _decide(row: Any, desk: Desk, book: Book, lines: list[LineRow], writer: Writer) -> Refusal | None:
    """One order: the warehouse, then the outlet; nothing is taken unless both are found."""
    spot, wish, judged = desk.spots.get(row.id), desk.wishes.get(row.id), desk.judged
    if spot is None:
        return Refusal("no_receiver", _("The order has no receiver to route to."), dt.timedelta(hours=1))
    policy = judged.policies[row.id] if judged is not None else POLICY
    spot = within(spot, policy.nearest_within)
    desk.places.give_back(row.id)  # of an earlier route: the order decides anew
    houses = _warehouse_options(desk, spot, book, lines)
    fixed = _fixed(row, book, lines, writer)
    warehouse = fixed or _wished_warehouse(houses, wish) or plan.choose_warehouse(houses, policy)
    if warehouse.reason[0] == "by_hand" and warehouse.picked is None:
        text = _("The warehouse that was chosen by hand cannot serve the whole order.")
        return Refusal("choice_impossible", text, dt.timedelta(minutes=10))
    unreached = desk.away.get(row.id, {})
    options = _outlet_options(desk, spot, wish, unreached, policy, lines)
    outlet = _wished_outlet(options, wish) or plan.choose_outlet(options, policy)
    if wish is not None and any(o.blocked and o.code == wish.outlet_code for o in options):
        text = _("The channel says that the carrier of the chosen outlet does not deliver to this address.")
        return Refusal("choice_impossible", text, dt.timedelta(minutes=10))
    target = row.warehouse_id if warehouse.picked is None else houses[warehouse.picked].id
    barred = _barred(desk, policy, warehouse, outlet, target, book, lines)
    if barred:
        return Refusal(FORBIDDEN, words.forbidden(barred), dt.timedelta(0))
    if outlet.picked is None and _unreached(options, outlet, unreached, policy):
        return Refusal(UNREACHED, words.unreached(unreached), dt.timedelta(0))
    if outlet.picked is None and outlet.reason[0] != "no_outlet":
        text = _("Every outlet that serves this address is full today.")
        return Refusal("no_capacity", text, dt.timedelta(minutes=policy.full_retry_minutes))
    away = warehouse.picked is not None and _elsewhere(book, lines, target)
    if away and not book.move([line.uuid for line in lines], target):
        return Refusal("move_failed", _("The stock to move to was taken by another order."))
    if target is None:
        return Refusal("no_warehouse", _("No warehouse is known for this order."), dt.timedelta(hours=1))
    code, carrier = "", policy.default_carrier
    if outlet.picked is not None:
        code, carrier = options[outlet.picked].code, options[outlet.picked].carrier
        desk.places.take(row.id, desk.facts.by_code[code])
    writer.set(row, warehouse_id=target, carrier=carrier, outlet_code=code, adcode=spot.adcode)
    reasons = [
        [spot.rung, {"area": spot.area}], *spot.notes, warehouse.reason, *warehouse.notes, outlet.reason, *outlet.notes,
    ]  # fmt: skip
    if unreached:
        said = {"channel": min(unreached.values()), "carriers": list(unreached)}
        reasons.append([UNREACHED, said])
    if wish is not None:
        reasons.append(["wish", {"by": wish.by, "reason": wish.reason}])
    elif judged is not None and judging.changed(judged, row.id):
        otherwise = plan.choose_warehouse(houses).picked, plan.choose_outlet(options).picked
        if otherwise != (warehouse.picked, outlet.picked) or warehouse.notes or outlet.notes:
            reasons.append(judging.trace(writer, judged, row.id))
    values = (
        row.id, writer.now, spot.adcode, spot.rung, target, carrier, code, policy.name, reasons,
        {"warehouses": _houses_listed(desk, houses, warehouse), "outlets": _listed(options, outlet)}, wish.by if wish else "",
    )  # fmt: skip
    writer.copy("routing_decision", DECISION_COLUMNS, values)
    house = next((h.code for h in desk.houses if h.id == target), "")
    told = {"warehouse": house, "outlet": code, "carrier": carrier, "located_by": spot.rung}
    writer.context.setdefault("data", {})[row.id] = told
    return None


def weight(lines: Sequence[LineRow]) -> int:
    """Grams by the SKUs' weights."""
    return sum(line.weight_g * line.quantity for line in lines)


def _fixed(row: Any, book: Book, lines: list[LineRow], writer: Writer) -> Choice | None:
    """Where the goods cannot be moved by routing: split over warehouses, or in a bin that is not sold from any more."""
    if row.id in writer.context.get("split", ()):
        return Choice(None, ["split", {}], {})
    return Choice(None, ["stock_fixed", {}], {}) if _out_of_reach(book, lines) else None


def _barred(
    desk: Desk,
    policy: Policy,
    warehouse: Choice,
    outlet: Choice,
    target: int | None,
    book: Book,
    lines: list[LineRow],
) -> list[str]:
    """Codes of what the rules exclude although nothing else is left: warehouses, outlets, the default carrier."""
    if policy.exclude_warehouses and warehouse.picked is None and warehouse.reason[0] != "by_hand":
        from_there = {taken.cell.warehouse_id for line in lines for taken in book.held.get(line.uuid, ())}
        gone = [
            h.code
            for h in desk.houses
            if h.id in from_there | {target} and h.code in policy.exclude_warehouses
        ]
        if gone:
            return gone
    if outlet.picked is None and outlet.notes and FULL not in outlet.dropped.values():
        return list(outlet.notes[0][1]["excluded"])
    if outlet.reason[0] == "no_outlet" and policy.default_carrier in policy.exclude_carriers:
        return [policy.default_carrier]
    return []


def _warehouse_options(desk: Desk, spot: Spot, book: Book, lines: list[LineRow]) -> list[Warehouse]:
    """Every warehouse there is; one that cannot serve the order stays in the list with the reason."""
    demand, held = demand_of(lines), book.holdings([line.uuid for line in lines])
    blocked = tuple(
        "inactive"
        if not house.active
        else "no_stock"
        if not demand or not book.can_serve(demand, house.id, held)
        else ""
        for house in desk.houses
    )
    options = desk.sides.get((spot.area, blocked))
    if options is None:
        options = desk.sides[spot.area, blocked] = [
            Warehouse(
                house.id,
                house.code,
                house.own,
                house.priority,
                *desk.facts.rate(spot.area, "warehouse", house.code).day,
                why,
            )
            for house, why in zip(desk.houses, blocked, strict=True)
        ]
    return options


def _unreached(options: list[Outlet], outlet: Choice, away: dict[str, str], policy: Policy) -> bool:
    """Whether nothing but the carriers' reach keeps the order: waiting for a free place would not help it."""
    if not options:
        return policy.default_carrier in away
    return bool(away) and "full" not in outlet.dropped.values()


def _outlet_options(
    desk: Desk,
    spot: Spot,
    wish: Wish | None,
    away: dict[str, str],
    policy: Policy,
    lines: Sequence[LineRow],
) -> list[Outlet]:
    """The outlets of the area, and the one that a person or a rule names besides."""
    ids = list(spot.outlets)
    for code in (policy.prefer_outlet, wish.outlet_code if wish is not None else ""):
        chosen = desk.facts.by_code.get(code) if code else None
        if chosen is not None and chosen not in ids and chosen in desk.places.today:
            ids = [chosen, *ids]
    options = []
    grams = -1
    for identity in ids:
        fact = desk.facts.outlets[identity]
        figure = desk.facts.rate(spot.area, "outlet", fact.code).three
        near = identity in spot.nearby
        blocked = UNREACHED if fact.carrier in away else ""
        cost = None
        if fact.first is not None:
            grams = weight(lines) if grams < 0 else grams
            cost = fact.cost(grams)
        left = desk.places.left(identity)
        options.append(Outlet(fact.code, fact.carrier, near, left, *figure, blocked, cost, fact.hours))
    return options


def _wished_warehouse(options: list[Warehouse], wish: Wish | None) -> Choice | None:
    if wish is None or wish.warehouse_id is None:
        return None
    dropped = {i: option.blocked for i, option in enumerate(options) if option.blocked}
    for i, option in enumerate(options):
        if option.id == wish.warehouse_id and not option.blocked:
            return Choice(i, ["by_hand", {"warehouse": option.code}], dropped)
    return Choice(None, ["by_hand", {}], dropped)


def _wished_outlet(options: list[Outlet], wish: Wish | None) -> Choice | None:
    if wish is None or not wish.outlet_code:
        return None
    dropped = {i: o.blocked or "full" for i, o in enumerate(options) if o.blocked or o.left <= 0}
    for i, option in enumerate(options):
        if option.code == wish.outlet_code and i not in dropped:
            return Choice(i, ["outlet_by_hand", {"outlet": option.code}], dropped)
    return Choice(None, ["outlet_by_hand", {}], dropped)


def _elsewhere(book: Book, lines: list[LineRow], warehouse_id: int) -> bool:
    """Whether any of the order's pieces is reserved in another warehouse."""
    return any(
        taken.cell.warehouse_id != warehouse_id for line in lines for taken in book.held.get(line.uuid, ())
    )


def _out_of_reach(book: Book, lines: list[LineRow]) -> bool:
    """Whether the order holds pieces in a bin that is not sold from any more: those cannot be moved by routing."""
    return any(taken.cell.id == 0 for line in lines for taken in book.held.get(line.uuid, ()))


def _listed(options: list[Any], choice: Choice) -> list[dict[str, Any]]:
    """The options as kept with the decision: all of them, with their figures and what became of each."""
    return [
        {**option._asdict(), "taken": i == choice.picked, "dropped": choice.dropped.get(i, "")}
        for i, option in enumerate(options)
    ]


def _houses_listed(desk: Desk, houses: list[Warehouse], choice: Choice) -> list[dict[str, Any]]:
    key = (
        id(houses),
        choice.picked,
        *choice.dropped,
    )  # the desk keeps the options, so that their id stays theirs
    if key not in desk.told:
        desk.told[key] = _listed(houses, choice)
    return desk.told[key]


def _by_default(live: list[Any], writer: Writer) -> None:
    """With the module off: the warehouse that holds the stock, else the shop's default, and the default carrier."""
    fallback: dict[int, int | None] = {}
    if any(row.warehouse_id is None for row in live):
        fallback = orders.default_warehouses({row.shop_id for row in live})
    for row in live:
        target = row.warehouse_id or fallback.get(row.shop_id)
        if target is None:
            text = _("The shop has no default warehouse.")
            writer.refuse({row.id: Refusal("no_warehouse", text, dt.timedelta(hours=1))})
            continue
        writer.set(row, warehouse_id=target, carrier=POLICY.default_carrier)
        reason = "module_off" if row.warehouse_id else "shop_default"
        writer.copy(
            "routing_decision",
            DECISION_COLUMNS,
            (
                row.id,
                writer.now,
                row.adcode,
                "off",
                target,
                POLICY.default_carrier,
                "",
                "off",
                [[reason, {}]],
                {},
                "",
            ),
        )
