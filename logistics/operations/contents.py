"""What goes into which parcel: an order is one box, a split one a box a place, merged ones ride in the first one's.

Every order has a parcel of its own in any case, so that each keeps its life, its lines and its report to the
channel; where orders ship together only the leading parcel takes a number and goes to a warehouse.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from logistics.models import Parcel
from orders import queries as orders
from orders.operations import merge


@dataclass(frozen=True, slots=True)
class Piece:
    """So many of a line, and what their stock is reserved under."""

    line: uuid.UUID
    reference: uuid.UUID
    sku_id: int
    quantity: int
    weight_g: int


@dataclass(slots=True)
class Box:
    """A parcel to be planned. `lead` is the one that it rides in; `inside` is what really is in it."""

    order_id: int
    place: int
    role: str
    warehouse_id: int
    pieces: list[Piece]
    lead: Box | None = None
    inside: list[Piece] = field(default_factory=list)
    id: int = 0


#: Members of a merge that a parcel no longer waits for.
GONE = ("shipped", "signed", "closed", "cancelled")


def boxes(order_ids: list[int], live: Mapping[int, set[int]]) -> list[Box]:
    """The boxes that these locked orders still need; `live` are the places that have a parcel. Constant SQL.

    Of a merge whose members are not all here none is planned: they go together or not at all.
    """
    groups = merge.groups_of(order_ids)
    together = _complete(order_ids, groups)
    ids = [i for i in order_ids if i not in groups or i in together]
    heads, lines, split = orders.heads(ids), orders.lines(ids), orders.shares(ids)
    made: list[Box] = []
    leads: dict[int, Box] = {}
    for order_id in sorted(ids):
        pieces = {
            line.uuid: Piece(line.uuid, line.uuid, line.sku_id, line.quantity, line.weight_g)
            for line in lines[order_id]
            if line.sku_id is not None
        }
        if order_id in split:
            made += _shared(order_id, pieces, split[order_id], live.get(order_id, set()))
        elif not live.get(order_id):
            box = Box(
                order_id, 1, str(Parcel.Role.MAIN), heads[order_id].warehouse_id or 0, list(pieces.values())
            )
            box.inside = box.pieces
            if order_id in groups:
                box.lead = leads.get(groups[order_id].id)
                leads.setdefault(groups[order_id].id, box)
            made.append(box)
    for box in made:
        if box.lead is not None:
            box.lead.inside = [*box.lead.inside, *box.pieces]
    return made


def _complete(order_ids: list[int], groups: Mapping[int, merge.Group]) -> set[int]:
    """The orders whose whole merge is here, but for members that have gone."""
    if not groups:
        return set()
    here = set(order_ids)
    absent = {i for group in groups.values() for i in group.orders if i not in here}
    states = {i: head.state for i, head in orders.heads(absent).items()} if absent else {}
    return {
        i
        for i, group in groups.items()
        if group.confirmed and all(o in here or states.get(o) in GONE for o in group.orders)
    }


def _shared(
    order_id: int, pieces: Mapping[uuid.UUID, Piece], shares: list[orders.ShareHead], live: set[int]
) -> list[Box]:
    found: dict[int, Box] = {}
    for share in shares:
        if share.place in live or share.line not in pieces:
            continue
        role = Parcel.Role.MAIN if share.place == 1 else Parcel.Role.SPLIT
        box = found.setdefault(share.place, Box(order_id, share.place, str(role), share.warehouse_id, []))
        whole = pieces[share.line]
        box.pieces.append(Piece(share.line, share.reference, whole.sku_id, share.quantity, whole.weight_g))
        box.inside = box.pieces
    return [found[place] for place in sorted(found)]
