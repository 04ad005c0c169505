"""Wave, pack and weigh, print: the same steps whether a WMS tells them afterwards or our own people do them.

A fact told by a WMS is written even where the order is held (it happened); a step of our own is refused then,
so that the picker's screen says stop.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from logistics.models import Policy, WeightState
from logistics.queries import orders_in
from orderhub.lifecycle import Refusal, Writer
from orders import queries as orders


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a WMS has come with a parcel; `times` by step (waved packed printed shipped), its own clock."""

    parcel_id: int
    stage: str  # handed waved packed printed shipped
    times: dict[str, dt.datetime] = field(default_factory=dict)
    weight_g: int | None = None
    reference: str = ""
    refused: str = ""


def weight_is_off(weight_g: int, expected_g: int, policy: Policy) -> bool:
    """Whether the scales differ from the expected weight by more than the tolerance (percent, but at least grams)."""
    tolerance = max(expected_g * policy.tolerance_percent / 100, policy.tolerance_g)
    return abs(weight_g - expected_g) > tolerance


def stopped_rows(live: Sequence[Any], writer: Writer) -> list[Any]:
    """Refuse our own steps on parcels to be stopped or whose order is held or gone; returns the rows that may go."""
    if writer.params.get("progress") is not None:
        return list(live)
    inside = orders_in([row.id for row in live])
    heads = orders.heads(sorted({order_id for ids in inside.values() for order_id in ids}))
    going = []
    for row in live:
        head = heads[row.order_id]
        together = [heads[order_id] for order_id in inside[row.id]]
        cancelled = any(one.state == "cancelled" for one in together)
        if row.stop_reason or cancelled or any(one.open_holds for one in together):
            why = row.stop_reason or (_("the order is cancelled") if cancelled else _("the order is held"))
            writer.refuse({row.id: Refusal("stopped", _("STOP: %(why)s.") % {"why": why})})
        elif head.destination_version != row.destination_version:
            writer.refuse({row.id: Refusal("address", _("STOP: the address was changed."))})
        else:
            going.append(row)
    return going


def _when(row: Any, step: str, writer: Writer) -> dt.datetime:
    told = (writer.params.get("progress") or {}).get(row.id)
    at: dt.datetime = told.times.get(step, writer.now) if told is not None else writer.now
    writer.occurred(row, at)
    return at


def wave(live: list[Any], writer: Writer) -> None:
    """Handed → waved; `params["wave_id"]` is our own wave."""
    for row in stopped_rows(live, writer):
        writer.set(row, waved_at=_when(row, "waved", writer))
        if writer.params.get("wave_id"):
            writer.set(row, wave_id=writer.params["wave_id"])


def pack(live: list[Any], writer: Writer) -> None:
    """Waved → packed with the weight; what is off goes no further than its label until a person has looked."""
    weights: dict[int, int] = dict(writer.params.get("weights", {}))
    told = writer.params.get("progress") or {}
    weights.update({identity: row.weight_g for identity, row in told.items() if row.weight_g is not None})
    policy = Policy.current()
    for row in stopped_rows(live, writer):
        weight = weights.get(row.id)
        if weight is None and not told:
            writer.refuse({row.id: Refusal("no_weight", _("Put it on the scales first."))})
            continue
        writer.set(row, packed_at=_when(row, "packed", writer))
        if weight is not None:
            check_weight(row, weight, writer, policy)


def check_weight(row: Any, weight_g: int, writer: Writer, policy: Policy) -> bool:
    """Write the weight and whether it is off; one that is off becomes a hold on the order. True where it is off."""
    off = weight_is_off(weight_g, row.expected_weight_g, policy)
    writer.set(row, weight_g=weight_g, weight_state=str(WeightState.OFF if off else WeightState.OK))
    if off:
        text = _("weighed %(weight)s g, expected %(expected)s g") % {
            "weight": weight_g,
            "expected": row.expected_weight_g,
        }
        writer.set(row, hold_type="weight", hold_reason=text)
    return off


def print_label(live: list[Any], writer: Writer) -> None:
    """Packed → printed."""
    for row in stopped_rows(live, writer):
        writer.set(row, printed_at=_when(row, "printed", writer))
