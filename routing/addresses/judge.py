"""From a ranking to what happens next: 采用 accept, 确认 confirm, 补门牌 number, 改址 fix, 查询失败 failed.

Only a clear winner whose parts agree is accepted; everything else goes to a person with the reason. A provider that failed is
never "no match".
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from routing.addresses.candidates import logit
from routing.addresses.words import Candidate, Parsed, Threshold, Verdict

WEAK = 0.25  # under this score a candidate does not resemble the text
#: Until a seller has picks of its own: set by `calibrate` on the tuned half of our own queries and their noise.
START = 0.82
_UNREADABLE = {"empty", "foreign", "too_short", "masked"}
_NEAR = 60.0  # metres: two answers on one doorstep do not compete


def confidence(candidates: Sequence[Candidate]) -> float:
    """How sure the first is: its score, less what a close second takes away.

    What stands on the same doorstep is no rival; a building, gate or car park of the first is one, for the buyer may mean it.
    """
    if not candidates:
        return 0.0
    first = candidates[0]
    rival = next((other for other in candidates[1:] if not same_stop(first, other)), None)
    if rival is None:
        return first.score
    lead = logit(first.score) - logit(rival.score)
    return round(first.score * (1 - 0.7 * math.exp(-max(0.0, lead) / 0.7)), 4)


def same_stop(one: Candidate, other: Candidate) -> bool:
    """Whether it is the same for the courier: the same address line, a few steps apart, no other building."""
    if one.poi.address != other.poi.address or not one.poi.address:
        return False
    theirs, mine = other.difference("building"), one.difference("building")
    if (theirs and theirs.offers) != (mine and mine.offers):
        return False
    return other.metres is not None and abs((other.metres or 0) - (one.metres or 0)) <= _NEAR


def judge(
    candidates: Sequence[Candidate],
    threshold: Threshold | float,
    failed: bool = False,
    parsed: Parsed | None = None,
) -> Verdict:
    """The verdict and its reason; never an exception, whatever the ranking."""
    limit = threshold.value if isinstance(threshold, Threshold) else threshold
    unsure = set(parsed.unsure) if parsed else set()
    if failed and not candidates:
        return Verdict("failed", "provider_failed", threshold=limit)
    first = candidates[0] if candidates else None
    if unsure & _UNREADABLE and (first is None or "masked" not in unsure or first.score < WEAK):
        return Verdict("fix", "unreadable", threshold=limit, candidate=first)
    if first is None:
        return Verdict("fix", "no_candidates", threshold=limit)
    sure = confidence(candidates)

    def say(code: str, reason: str) -> Verdict:
        return Verdict(code, reason, sure, limit, first)  # type: ignore[arg-type]

    if first.score < WEAK:
        return say("fix", "weak_candidates")
    if "two_addresses" in unsure:
        return say("confirm", "two_addresses")
    if unsure & _UNREADABLE:
        return say("confirm", "unreadable")
    number = first.difference("number")
    district = first.difference("district")
    building = first.difference("building")
    if district is not None and district.kind == "changed":
        return say("confirm", "district_differs")
    if number is not None and number.kind == "changed":
        return say("confirm", "number_differs")
    if parsed is not None and parsed.road and not (parsed.number or parsed.lane or parsed.poi):
        return say("number", "no_number")
    if building is not None and building.kind in ("changed", "added"):
        return say("confirm", "building_unknown")
    if sure >= limit:
        return say("accept", "clear_winner")
    if sure < first.score * 0.75:
        return say("confirm", "close_second")
    return say("confirm", "below_threshold")


def straddles(candidates: Sequence[Candidate], metres: float = 300.0) -> tuple[str, ...]:
    """The districts and towns that one place lies across (横跨两个街道), first candidate's first; empty where it is one.

    Counted are candidates nearly as good as the first that stand within some steps of it.
    """
    if not candidates:
        return ()
    first = candidates[0]
    near = [
        other for other in candidates
        if other.metres is not None and other.metres <= metres and other.score >= 0.6 * first.score
    ]  # fmt: skip
    places = dict.fromkeys(
        f"{other.poi.adcode} {other.poi.town}".strip() for other in near if other.poi.adcode
    )
    return tuple(places) if len(places) > 1 else ()
