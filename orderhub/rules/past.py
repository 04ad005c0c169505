"""What a decision point tells about orders of the past, so that a draft can be tried on them and nothing is touched.

A point's `past` is a query: `past(since, until, order_ids, after_id, limit) -> list[Past]`, in the order of `id`,
pages by `after_id`. Its `effect` is a pure function: `effect(pasts, before, after) -> list[Effect]`, one each.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True)
class Past:
    """One decision of the past: `input` as the rule saw it, `became` whatever else `effect` needs to know about it.

    `id` grows and is what pages go by; `label` is the order's number. Neither may hold personal data: both are kept
    with the result of a simulation.
    """

    id: int
    order_id: int
    label: str
    input: dict[str, Any]
    became: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Effect:
    """What another answer would have come to: `frm` and `to` in a few words, the same words for the same change.

    `cost` is yuan more (+) or less (-), `hours` later (+) or earlier (-); None where the point has no such figure.
    """

    differs: bool
    frm: str = ""
    to: str = ""
    cost: Decimal | None = None
    hours: float | None = None
    note: str = ""
