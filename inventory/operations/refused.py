"""What a warehouse could not pick: the ledger follows what it says, so that the next order is not sent after the same pieces.

Not there: written off with the reason, the next reconciliation or count says what is true. Damaged, or not what the
label says: moved to a bin that nothing is sold from, until somebody has looked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction

from inventory.models import Bin, Reservation
from inventory.operations.count import Counted, count, lock
from inventory.operations.move import transfer
from inventory.operations.receive import RETURN_BINS

MISSING, DAMAGED, MISMATCH, OTHER = "missing", "damaged", "mismatch", "other"
#: Where pieces go that are there and can't be sold; nothing is sold from these bins.
ASIDE = {DAMAGED: RETURN_BINS["recondition"], MISMATCH: "CHECK"}


@dataclass(frozen=True, slots=True)
class Held:
    """So many pieces of a SKU that a reference holds in a bin."""

    reference: str
    sku_id: int
    bin_id: int
    pieces: int


def held(references: Sequence[str]) -> list[Held]:
    """What these references hold now. One statement."""
    rows = Reservation.objects.filter(reference__in=references, state="active").order_by("sku_id", "bin_id")
    return [Held(str(r[0]), *r[1:]) for r in rows.values_list("reference", "sku_id", "bin_id", "quantity")]


def write_off(rows: Sequence[Held], kind: str, reference: str, reason: str, actor_name: str) -> int:
    """Take pieces that a warehouse could not pick off the shelf that they were promised from; returns how many.

    They must not be promised any more (release them first, in the same transaction). What another order was promised
    in the meantime stays. The same reference takes a SKU and bin off once. `kind` is missing, damaged or mismatch.
    """
    if kind not in (MISSING, *ASIDE) or not rows:
        return 0
    wanted: dict[tuple[int, int], int] = {}
    for row in rows:
        wanted[row.sku_id, row.bin_id] = wanted.get((row.sku_id, row.bin_id), 0) + row.pieces
    with transaction.atomic():
        there = lock(list(wanted))
        going = {}
        for place, pieces in wanted.items():
            on_hand, reserved, _name = there[place]
            if (fit := min(pieces, on_hand - reserved)) > 0:
                going[place] = fit
        if kind == MISSING:
            counted = [
                Counted(sku, place, there[sku, place][0] - n, reason, seen=there[sku, place][0])
                for (sku, place), n in going.items()
            ]
            return -sum(count(counted, reference, actor_name).values())
        for (sku, shelf), n in sorted(going.items()):
            transfer(sku, shelf, _aside(shelf, kind), n, reason, actor_name)
    return sum(going.values())


def _aside(place: int, kind: str) -> int:
    house = Bin.objects.values_list("warehouse_id", flat=True).get(id=place)
    defaults = {"sellable": False, "walk_order": 9999}
    return Bin.objects.get_or_create(warehouse_id=house, code=ASIDE[kind], defaults=defaults)[0].pk
