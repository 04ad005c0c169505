"""The routing policy as a pure function: options in, a choice with its reasons out; nothing here reads or writes.

The order of comparison is lexicographic (first difference wins), because people can predict what a change of
one figure does. Every option that is not taken is listed with the reason. All figures are in `Policy`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple


@dataclass(frozen=True, slots=True)
class Policy:
    """The figures of the preferred chain (优先链). Shares are 0..1, distances metres."""

    name: str = "preferred-chain/1"
    #: Inside A's fence and more than this many pick-ups left today: A first.
    preferred_left: int = 200
    #: Differences of 3-day success up to this count as equal.
    outlet_tolerance: float = 0.0005
    #: Differences of the 24 h signed rate up to this count as equal.
    warehouse_tolerance: float = 0.02
    #: Among equal warehouses our own goes before a partner's.
    own_first: bool = True
    #: A fence farther away than this serves nobody.
    nearest_within: float = 50_000.0
    #: An order whose outlets are all full tries again after so many minutes.
    full_retry_minutes: int = 30
    #: The carrier of an address that no outlet is known for.
    default_carrier: str = "ZTO"

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


POLICY = Policy()


class Outlet(NamedTuple):
    """An outlet that could take the order. `success` is smoothed 3-day success, `raw` over `parcels`.

    `blocked` is why it cannot take this order at all ("" = it can).
    """

    code: str
    carrier: str
    inside: bool
    left: int
    success: float
    raw: float | None
    parcels: int
    blocked: str = ""


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
    """`picked` is the index of the option taken, None for none. Reasons and drops are codes with figures."""

    picked: int | None
    reason: list[Any]  # [code, {figures}]
    dropped: dict[int, str]  # index of an option that could not be taken: why


def choose_outlet(options: list[Outlet], policy: Policy = POLICY) -> Choice:
    """Inside A's fence and A has more than `preferred_left` places: A. Else the best 3-day success of the others.

    Where the others have no place left, A's remaining places are used. Equal success: more places, then code.
    """
    dropped: dict[int, str] = {}
    rested: list[int] = []
    others: list[int] = []
    first = -1
    for i, option in enumerate(options):
        if option.blocked or option.left <= 0:
            dropped[i] = option.blocked or "full"
        elif not option.inside:
            others.append(i)
        elif option.left > policy.preferred_left:
            if first < 0 or _outlet_rank(option) < _outlet_rank(options[first]):
                first = i
        else:
            rested.append(i)
    if first >= 0:
        taken = options[first]
        return Choice(first, ["inside_and_free", {"outlet": taken.code, "left": taken.left}], dropped)
    if others:
        best = _best_outlet(options, others, policy)
        code = "better_of_others" if rested else "better_success" if len(others) > 1 else "only_one"
        return Choice(best, [code, _figures(options, best, others, rested)], dropped)
    if rested:
        best = _best_outlet(options, rested, policy)
        return Choice(
            best, ["last_places", {"outlet": options[best].code, "left": options[best].left}], dropped
        )
    return Choice(
        None, ["all_full" if options else "no_outlet", {"outlets": [o.code for o in options]}], dropped
    )


def _outlet_rank(option: Outlet) -> tuple[float, int, str]:
    return (-option.success, -option.left, option.code)


def _best_outlet(options: list[Outlet], among: list[int], policy: Policy) -> int:
    top = max(options[i].success for i in among) - policy.outlet_tolerance
    return min(
        (i for i in among if options[i].success >= top), key=lambda i: (-options[i].left, options[i].code)
    )


def _figures(options: list[Outlet], best: int, others: list[int], rested: list[int]) -> dict[str, Any]:
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


def choose_warehouse(options: list[Warehouse], policy: Policy = POLICY) -> Choice:
    """Among warehouses that can serve the whole order: better 24 h signed rate of the area, own first, priority."""
    dropped = {i: option.blocked for i, option in enumerate(options) if option.blocked}
    able = [i for i, option in enumerate(options) if not option.blocked]
    if not able:
        return Choice(None, ["none_serves_all", {}], dropped)
    top = max(options[i].rate for i in able)
    near = [i for i in able if options[i].rate >= top - policy.warehouse_tolerance]
    best = min(
        near, key=lambda i: (policy.own_first and not options[i].own, options[i].priority, options[i].code)
    )
    taken = options[best]
    if len(able) == 1:
        return Choice(best, ["only_warehouse", {"warehouse": taken.code}], dropped)
    if len(near) == 1:
        second = max((options[i] for i in able if i != best), key=lambda o: o.rate)
        return Choice(
            best,
            [
                "better_rate",
                {
                    "warehouse": taken.code, "rate": taken.rate, "raw": taken.raw, "parcels": taken.parcels,
                    "second": second.code, "second_rate": second.rate, "second_raw": second.raw,
                    "second_parcels": second.parcels, "ahead": taken.rate - second.rate,
                    "ahead_raw": None if taken.raw is None or second.raw is None else taken.raw - second.raw,
                },
            ],
            dropped,
        )  # fmt: skip
    partner_beside = policy.own_first and taken.own and any(not options[i].own for i in near)
    code = "own_first" if partner_beside else "priority"
    return Choice(
        best, [code, {"warehouse": taken.code, "rate": taken.rate, "priority": taken.priority}], dropped
    )
