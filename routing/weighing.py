"""The weighted way (加权): each option gets points for each thing that counts, and the highest sum is taken. Pure.

Every measure is 0..1 against the best of the options at hand, so that a weight says how many points the whole
difference is worth: 20 points of success, a doubled freight, two days of promised time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

#: Differences of this size cost the whole weight.
SPAN_SUCCESS = 0.20
SPAN_HOURS = 48.0
_DIGITS = 6


def outlet(options: Sequence[Any], able: Sequence[int], policy: Any) -> tuple[int, list[Any]]:
    """The index of the best of `able` with its reason. Equal sums: cheaper, sooner, more places, code."""
    plenty = max(1.0, policy.preferred_left)
    success = max(options[i].success for i in able)
    costs = [options[i].cost for i in able if options[i].cost is not None]
    hours = [options[i].hours for i in able if options[i].hours is not None]
    weights = (
        policy.weight_inside, policy.weight_left, policy.weight_success, policy.weight_cost, policy.weight_promised,
    )  # fmt: skip
    parts = {
        i: _points(
            weights,
            (
                1.0 if options[i].inside else 0.0,
                min(1.0, options[i].left / plenty),
                1.0 - min(1.0, (success - options[i].success) / SPAN_SUCCESS),
                _below(options[i].cost, costs, max(1.0, min(costs, default=1.0))),
                _below(options[i].hours, hours, SPAN_HOURS),
            ),
        )
        for i in able
    }

    def rank(i: int) -> tuple[Any, ...]:
        one = options[i]
        far = float("inf")
        return (
            -round(sum(parts[i]), _DIGITS),
            far if one.cost is None else one.cost,
            far if one.hours is None else one.hours,
            -one.left,
            one.code,
        )

    order = sorted(able, key=rank)
    names = ("inside", "left", "success", "cost", "promised")
    return order[0], ["weighted", _told("outlet", options, order, parts, names)]


def warehouse(options: Sequence[Any], able: Sequence[int], policy: Any) -> tuple[int, list[Any]]:
    """The same among warehouses: 24 h rate of the area, and being our own. Equal sums: priority, code."""
    top = max(options[i].rate for i in able)
    weights = (policy.weight_success, policy.weight_own if policy.own_first else 0.0)
    parts = {
        i: _points(
            weights,
            (1.0 - min(1.0, (top - options[i].rate) / SPAN_SUCCESS), 1.0 if options[i].own else 0.0),
        )
        for i in able
    }
    order = sorted(able, key=lambda i: (-round(sum(parts[i]), _DIGITS), options[i].priority, options[i].code))
    told = _told("warehouse", options, order, parts, ("rate_24h", "own"))
    best, second = options[order[0]], options[order[1]] if len(order) > 1 else None
    if second is not None and best.raw is not None and second.raw is not None:
        told |= {"raw": best.raw, "second_raw": second.raw}
    return order[0], ["weighted_warehouse", told]


def _points(weights: Sequence[float], measures: Sequence[float]) -> tuple[float, ...]:
    return tuple(weight * measure for weight, measure in zip(weights, measures, strict=True))


def _below(value: float | None, known: Sequence[float], span: float) -> float:
    """1 for the least figure, 0 for one that is `span` above it or not known; where none is known it does not count."""
    if not known:
        return 1.0
    return 0.0 if value is None else 1.0 - min(1.0, (value - min(known)) / span)


def _told(
    what: str,
    options: Sequence[Any],
    order: Sequence[int],
    parts: dict[int, tuple[float, ...]],
    names: Sequence[str],
) -> dict[str, Any]:
    best = order[0]
    told: dict[str, Any] = {
        what: options[best].code,
        "points": round(sum(parts[best]), 1),
        "parts": {name: round(part, 1) for name, part in zip(names, parts[best], strict=True)},
    }
    if len(order) > 1:
        told |= {"second": options[order[1]].code, "second_points": round(sum(parts[order[1]]), 1)}
    return told
