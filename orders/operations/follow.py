"""An order follows its parcels: the least advanced one says how far it is. Points are facts, not an order."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from orderhub.actors import Actor
from orderhub.lifecycle import Writer, apply
from orders.lifecycle import ADVANCE, LIFECYCLE
from orders.models import Order

#: The touch that brings an order into each state.
INTO = {
    touch.end: touch.code for touch in LIFECYCLE.touches if touch.end in ADVANCE and touch.code != "route"
}


@dataclass(frozen=True, slots=True)
class Move:
    """One order's parcels have reached `to_state`; `times` says when each state was reached, as far as known."""

    order_id: int
    to_state: str
    occurred_at: dt.datetime | None = None
    data: dict[str, Any] = field(default_factory=dict)
    times: dict[str, dt.datetime] = field(default_factory=dict)


def follow(live: list[Any], writer: Writer) -> None:
    """A step that the parcels made; its data (weight, number, wave) goes on the timeline."""
    said = writer.params.get("data", {})
    data = writer.context.setdefault("data", {})
    for row in live:
        data[row.id] = said.get(row.id)


def ship(live: list[Any], writer: Writer) -> None:
    """PRINTED → SHIPPED: when it really left."""
    follow(live, writer)
    for row in live:
        writer.set(row, shipped_at=writer.context.get("occurred", {}).get(row.id) or writer.now)


def sign(live: list[Any], writer: Writer) -> None:
    """SHIPPED → SIGNED: the after-sale window counts from the signing."""
    follow(live, writer)
    for row in live:
        writer.set(row, signed_at=writer.context.get("occurred", {}).get(row.id) or writer.now)


def note(live: list[Any], writer: Writer) -> None:
    """A fact that does not move the order."""
    follow(live, writer)


def advance(moves: Sequence[Move], actor: Actor) -> dict[int, str]:
    """Bring each order forward, touch by touch, to the state that its parcels have reached; {order: state now}.

    One transaction a touch, whatever the number of orders; an order that may not go further (module off) stays
    where it got to. Never moves an order back.
    """
    wanted = {move.order_id: move for move in moves}
    states = dict(Order.objects.filter(id__in=wanted).values_list("id", "state"))
    ranks = {str(state): rank for rank, state in enumerate(ADVANCE)}
    for rank, state in enumerate(ADVANCE[1:], start=1):
        due: dict[int, dt.datetime] = {}
        said: dict[int, dict[str, Any]] = {}
        for order_id, move in wanted.items():
            here = states.get(order_id, "")
            if here in ranks and ranks[here] == rank - 1 and ranks.get(move.to_state, -1) >= rank:
                at = move.times.get(str(state)) or (move.occurred_at if move.to_state == state else None)
                if at is not None:
                    due[order_id] = at
                said[order_id] = move.data
        if not said:
            continue
        outcome = apply(
            LIFECYCLE, INTO[state], sorted(said), actor=actor, params={"data": said}, occurred=due
        )
        for order_id in outcome.moved:
            states[order_id] = str(state)
    return {order_id: states[order_id] for order_id in wanted if order_id in states}
