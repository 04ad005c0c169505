"""Past picks to a threshold: the lowest confidence from which on taking the first candidate was right often enough.

Pure counting, no model. A city with few picks leans on all cities (its counts are topped up with theirs), and what must be
precise enough is not the share that was right but its lower Wilson bound: ten of ten is not 98 %.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence

from routing.addresses.words import Threshold

NEVER = 1.01  # no confidence reaches it: everything goes to a person
PRIOR = 50.0  # so many picks of all cities stand beside a city's own
Z = 1.64  # one-sided 95 %


def wilson(right: float, n: float, z: float = Z) -> float:
    """The share that is right at least, with 95 % certainty."""
    if n <= 0:
        return 0.0
    share = right / n
    middle = share + z * z / (2 * n)
    spread = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, (middle - spread) / (1 + z * z / n))


def calibrate(picks: Iterable[tuple[str, float, bool]], precision: float = 0.98) -> dict[str, Threshold]:
    """{city: threshold} and "" for every other city, from (city, confidence, was the first the one picked?)."""
    everything: list[tuple[float, bool]] = []
    by_city: dict[str, list[tuple[float, bool]]] = defaultdict(list)
    for city, sure, right in picks:
        everything.append((sure, right))
        if city:
            by_city[city].append((sure, right))
    out = {"": _threshold("", everything, (), precision)}
    for city, own in by_city.items():
        out[city] = _threshold(city, own, everything, precision)
    return out


def _threshold(
    city: str, own: Sequence[tuple[float, bool]], others: Sequence[tuple[float, bool]], precision: float
) -> Threshold:
    """The lowest cut that holds, and that every higher one with enough picks holds too."""
    weight = min(1.0, PRIOR / len(others)) if others else 0.0
    rows = sorted(
        [(sure, right, 1.0) for sure, right in own] + [(sure, right, weight) for sure, right in others],
        reverse=True,
    )
    n = right = 0.0
    best: tuple[float, float] | None = None
    for place, (sure, was_right, share) in enumerate(rows):
        n += share
        right += share * was_right
        if place + 1 < len(rows) and rows[place + 1][0] == sure:
            continue
        bound = wilson(right, n)
        if bound >= precision:
            best = (sure, 1 - bound)
        elif right / n < precision:
            break
    if best is None:
        return Threshold(NEVER, 1.0, 0.0, len(own), city)
    taken = sum(sure >= best[0] for sure, _ in own)
    return Threshold(round(best[0], 4), round(best[1], 4), round(taken / len(own), 4), len(own), city)
