"""The routing policy as a pure function: options and figures in, a choice with its reasons out; nothing here reads or writes.

The figures come from the rules (`routing/judgements.py`). Two ways of comparing: first difference wins, because
people can predict what a change of one figure does, or weighted (`routing/weighing.py`). Whatever the figures are, a
full, unreachable or excluded option is never taken, and every option that is not taken is listed with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from routing import weighing

#: How many parcels the prior of the kept smoothed rates is worth (`routing/operations/rates.py`).
SMOOTHED_WITH = 20.0
EXCLUDED, FULL = "excluded", "full"


@dataclass(frozen=True, slots=True)
class Policy:
    """Figures and preferences for one order. Shares are 0..1, distances metres; "" and () prefer and exclude nothing."""

    name: str = "chain/0"
    #: "chain": first difference wins; "weighted": the highest sum of points.
    way: str = "chain"
    #: Inside A's fence and more than this many pick-ups left today: A first.
    preferred_left: float = 200
    #: Differences of 3-day success up to this count as equal.
    outlet_tolerance: float = 0.0005
    #: Differences of the 24 h signed rate up to this count as equal.
    warehouse_tolerance: float = 0.02
    #: Among equal warehouses our own goes before a partner's.
    own_first: bool = True
    #: In which order outlets are compared: inside, success, left, cost, promised.
    compare: tuple[str, ...] = ("inside", "success", "left")
    #: How many parcels' worth of the area's own rate a rate is drawn towards.
    smoothing: float = SMOOTHED_WITH
    prefer_warehouse: str = ""
    exclude_warehouses: tuple[str, ...] = ()
    prefer_outlet: str = ""
    exclude_outlets: tuple[str, ...] = ()
    prefer_carrier: str = ""
    exclude_carriers: tuple[str, ...] = ()
    #: Points of the weighted way.
    weight_inside: float = 40
    weight_left: float = 15
    weight_success: float = 30
    weight_cost: float = 10
    weight_promised: float = 5
    weight_own: float = 10
    #: A fence farther away than this serves nobody.
    nearest_within: float = 50_000.0
    #: An order whose outlets are all full tries again after so many minutes.
    full_retry_minutes: float = 30
    #: The carrier of an address that no outlet is known for.
    default_carrier: str = "ZTO"

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, name: str, answer: Mapping[str, Any]) -> Policy:
        """The answer of the rules as a policy; what it does not say stays as it ships. Equal answers share one."""
        ships = _SHIPS
        said = tuple(
            (code, tuple(value) if type(value) is list else value)
            for code, value in answer.items()
            if code in ships and value != ships[code]
        )
        return _made(name, said)


@lru_cache(maxsize=2_000)
def _made(name: str, said: tuple[tuple[str, Any], ...]) -> Policy:
    return Policy(name=name, **dict(said))


POLICY = Policy()
#: What ships, as the rules answer it.
_SHIPS = {
    code: list(value) if isinstance(value, tuple) else value
    for code, value in POLICY.as_dict().items()
    if code != "name"
}


class Outlet(NamedTuple):
    """An outlet that could take the order. `success` is smoothed 3-day success, `raw` over `parcels`.

    `blocked` is why it cannot take this order at all ("" = it can). `cost` in yuan and `hours` promised: None = not known.
    """

    code: str
    carrier: str
    inside: bool
    left: int
    success: float
    raw: float | None
    parcels: int
    blocked: str = ""
    cost: float | None = None
    hours: float | None = None


class Warehouse(NamedTuple):
    """A warehouse. `blocked` is why it cannot serve the order at all ("" = it can)."""

    id: int
    code: str
    own: bool
    priority: int
    rate: float
    raw: float | None
    parcels: int
    blocked: str = ""


class Choice(NamedTuple):
    """`picked` is the index of the option taken, None for none. Reasons and drops are codes with figures.

    `notes` are further reasons: what the rules preferred or excluded.
    """

    picked: int | None
    reason: list[Any]  # [code, {figures}]
    dropped: dict[int, str]  # index of an option that could not be taken: why
    notes: tuple[Any, ...] = ()


def resmoothed(rate: float, raw: float | None, parcels: int, strength: float) -> float:
    """A kept rate (smoothed with SMOOTHED_WITH parcels) as if it had been smoothed with `strength` parcels."""
    if raw is None or parcels <= 0:
        return rate
    prior = (rate * (parcels + SMOOTHED_WITH) - raw * parcels) / SMOOTHED_WITH
    return (raw * parcels + strength * min(1.0, max(0.0, prior))) / (parcels + strength)


def choose_outlet(options: Sequence[Outlet], policy: Policy = POLICY) -> Choice:
    """What the rules prefer; else, by default, inside A's fence and A has more than `preferred_left` places: A; else
    the best 3-day success of the others. Where the others have no place left, A's remaining places are used.
    """
    if policy.smoothing != SMOOTHED_WITH:
        strength = policy.smoothing
        options = [o._replace(success=resmoothed(o.success, o.raw, o.parcels, strength)) for o in options]
    dropped: dict[int, str] = {}
    able: list[int] = []
    no_outlets, no_carriers = policy.exclude_outlets, policy.exclude_carriers
    for i, option in enumerate(options):
        if option.blocked:
            dropped[i] = option.blocked
        elif option.code in no_outlets or option.carrier in no_carriers:
            dropped[i] = EXCLUDED
        elif option.left <= 0:
            dropped[i] = FULL
        else:
            able.append(i)
    notes = _excluded("rule_excludes_outlets", options, dropped) if no_outlets or no_carriers else ()
    if not able:
        code = "all_full" if options else "no_outlet"
        return Choice(None, [code, {"outlets": [o.code for o in options]}], dropped, notes)
    if policy.prefer_outlet:
        for i in able:
            if options[i].code == policy.prefer_outlet:
                figures = {"outlet": options[i].code, "left": options[i].left}
                return Choice(i, ["rule_outlet", figures], dropped, notes)
    if policy.prefer_carrier:
        his = [i for i in able if options[i].carrier == policy.prefer_carrier]
        if his and len(his) < len(able):
            able, notes = his, (*notes, ["rule_carrier", {"carrier": policy.prefer_carrier}])
    if policy.way == "weighted":
        best, reason = weighing.outlet(options, able, policy)
    else:
        best, reason = _first_difference(options, able, policy)
    return Choice(best, reason, dropped, notes)


def _excluded(code: str, options: Sequence[Any], dropped: Mapping[int, str]) -> tuple[Any, ...]:
    gone = [options[i].code for i, why in dropped.items() if why == EXCLUDED]
    return ([code, {"excluded": gone}],) if gone else ()


def _first_difference(options: Sequence[Outlet], able: list[int], policy: Policy) -> tuple[int, list[Any]]:
    """Narrowed down step by step; what is left equal is told apart by its code."""
    left, rested, free = able, [], False
    decisive = ""
    for step in policy.compare:
        if len(left) == 1 and decisive:
            break
        if step == "inside":
            inside = [i for i in left if options[i].inside]
            full = [i for i in inside if options[i].left > policy.preferred_left]
            free = bool(full)
            rested = [] if full else inside
            left = full or [i for i in left if not options[i].inside] or rested
        else:
            before = len(left)
            left = _NARROW[step](options, left, 0.0 if free else policy.outlet_tolerance)
            if len(left) == before:
                continue
        decisive = step if len(left) == 1 else decisive
    best = min(left, key=lambda i: options[i].code)
    taken = options[best]
    if free:
        return best, ["inside_and_free", {"outlet": taken.code, "left": taken.left}]
    if rested and taken.inside:
        return best, ["last_places", {"outlet": taken.code, "left": taken.left}]
    others = [i for i in able if i not in rested]
    if decisive in ("cost", "promised") and len(others) > 1:
        figures = {"outlet": taken.code, "cost": taken.cost, "hours": taken.hours}
        return best, ["cheapest" if decisive == "cost" else "soonest", figures]
    code = "better_of_others" if rested else "better_success" if len(others) > 1 else "only_one"
    return best, [code, _figures(options, best, others, rested)]


def _by_success(options: Sequence[Outlet], among: list[int], tolerance: float) -> list[int]:
    top = max(options[i].success for i in among) - tolerance
    return [i for i in among if options[i].success >= top]


def _by_left(options: Sequence[Outlet], among: list[int], tolerance: float) -> list[int]:
    top = max(options[i].left for i in among)
    return [i for i in among if options[i].left == top]


def _least(options: Sequence[Outlet], among: list[int], place: int) -> list[int]:
    """Those with the least figure; one without a figure comes after those with one."""
    figures: dict[int, Any] = {i: options[i][place] for i in among if options[i][place] is not None}
    return [i for i, figure in figures.items() if figure == min(figures.values())] if figures else among


_COST, _HOURS = Outlet._fields.index("cost"), Outlet._fields.index("hours")
_NARROW: dict[str, Any] = {
    "success": _by_success,
    "left": _by_left,
    "cost": lambda options, among, tolerance: _least(options, among, _COST),
    "promised": lambda options, among, tolerance: _least(options, among, _HOURS),
}


def _figures(options: Sequence[Outlet], best: int, others: list[int], rested: list[int]) -> dict[str, Any]:
    taken = options[best]
    figures: dict[str, Any] = {
        "outlet": taken.code,
        "success": taken.success,
        "raw": taken.raw,
        "parcels": taken.parcels,
    }
    second = max((options[i] for i in others if i != best), key=lambda o: o.success, default=None)
    if second is not None:
        figures["second"] = second.code
        figures["ahead"] = taken.success - second.success
    if rested:
        figures["inside"] = options[rested[0]].code
        figures["left"] = options[rested[0]].left
    return figures


def choose_warehouse(options: Sequence[Warehouse], policy: Policy = POLICY) -> Choice:
    """Among warehouses that can serve the whole order: what the rules prefer; else, by default, the better 24 h signed
    rate of the area, our own first, priority.
    """
    if policy.smoothing != SMOOTHED_WITH:
        strength = policy.smoothing
        options = [o._replace(rate=resmoothed(o.rate, o.raw, o.parcels, strength)) for o in options]
    dropped = {i: option.blocked for i, option in enumerate(options) if option.blocked}
    if policy.exclude_warehouses:
        for i, option in enumerate(options):
            if not option.blocked and option.code in policy.exclude_warehouses:
                dropped[i] = EXCLUDED
    notes = _excluded("rule_excludes_warehouses", options, dropped) if policy.exclude_warehouses else ()
    able = [i for i in range(len(options)) if i not in dropped]
    if not able:
        return Choice(None, ["none_serves_all", {}], dropped, notes)
    if policy.prefer_warehouse:
        for i in able:
            if options[i].code == policy.prefer_warehouse:
                return Choice(i, ["rule_warehouse", {"warehouse": options[i].code}], dropped, notes)
    if len(able) == 1:
        return Choice(able[0], ["only_warehouse", {"warehouse": options[able[0]].code}], dropped, notes)
    if policy.way == "weighted":
        best, reason = weighing.warehouse(options, able, policy)
    else:
        best, reason = _better_house(options, able, policy)
    return Choice(best, reason, dropped, notes)


def _better_house(options: Sequence[Warehouse], able: list[int], policy: Policy) -> tuple[int, list[Any]]:
    top = max(options[i].rate for i in able)
    near = [i for i in able if options[i].rate >= top - policy.warehouse_tolerance]
    best = min(
        near, key=lambda i: (policy.own_first and not options[i].own, options[i].priority, options[i].code)
    )
    taken = options[best]
    if len(near) == 1:
        second = max((options[i] for i in able if i != best), key=lambda o: o.rate)
        figures = {
            "warehouse": taken.code, "rate": taken.rate, "raw": taken.raw, "parcels": taken.parcels,
            "second": second.code, "second_rate": second.rate, "second_raw": second.raw,
            "second_parcels": second.parcels, "ahead": taken.rate - second.rate,
            "ahead_raw": None if taken.raw is None or second.raw is None else taken.raw - second.raw,
        }  # fmt: skip
        return best, ["better_rate", figures]
    partner_beside = policy.own_first and taken.own and any(not options[i].own for i in near)
    code = "own_first" if partner_beside else "priority"
    return best, [code, {"warehouse": taken.code, "rate": taken.rate, "priority": taken.priority}]
