"""Reservations change their name: pieces held under one reference are held under another, in the same bins.

No counter moves: what was promised stays promised. The ledger says it twice (released there, reserved here), so
that what each reference holds can be read from it at any time.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from inventory.operations.reserve import MOVEMENT_COLUMNS, RESERVATION_COLUMNS
from orderhub.copying import copy_rows

_LOCK = """
    SELECT r.id, r.reference, r.sku_id, r.bin_id, r.warehouse_id, r.quantity, r.part, r.expires_at, r.kind
    FROM inventory_reservation r JOIN inventory_stock s ON s.sku_id = r.sku_id AND s.bin_id = r.bin_id
    WHERE r.reference = ANY(%s) AND r.state = 'active' ORDER BY r.sku_id, r.bin_id, r.part FOR UPDATE OF s, r"""


class NotHeld(ValueError):
    """A reference does not hold what was to be moved from it."""


@dataclass(slots=True)
class _Row:
    id: int
    reference: uuid.UUID
    sku_id: int
    bin_id: int
    warehouse_id: int
    quantity: int
    part: int
    expires_at: Any
    kind: str
    fresh: bool = False


def rekey(moves: Sequence[tuple[uuid.UUID, uuid.UUID, int, int]], actor_name: str) -> None:
    """Move (from, to, sku, pieces), in the caller's transaction; NotHeld where there are fewer, and nothing is written.

    Pieces that come back into a bin where their reference holds some already join them there. Four statements.
    """
    wanted = [move for move in moves if move[3] > 0 and move[0] != move[1]]
    if not wanted:
        return
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, [sorted({name for move in wanted for name in move[:2]})])
        rows = [_Row(*values) for values in cursor.fetchall()]
    before = {row.id: row.quantity for row in rows}
    ledger: list[tuple[Any, ...]] = []
    for source, target, sku_id, pieces in wanted:
        left = pieces
        for row in [r for r in rows if r.reference == source and r.sku_id == sku_id and r.quantity > 0]:
            taken = min(row.quantity, left)
            if not taken:
                break
            row.quantity -= taken
            left -= taken
            _give(rows, row, target, taken)
            for name, change, kind in ((source, -taken, "release"), (target, taken, "reserve")):
                ledger.append((sku_id, row.bin_id, kind, 0, change, str(name), "rekeyed", actor_name))
        if left:
            raise NotHeld(f"{source} holds {pieces - left} of {pieces} pieces of SKU {sku_id}")
    changed = [row for row in rows if not row.fresh and row.quantity != before[row.id]]
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE inventory_reservation r SET quantity = CASE WHEN v.n > 0 THEN v.n ELSE r.quantity END,
                   state = CASE WHEN v.n > 0 THEN r.state ELSE 'released' END
               FROM unnest(%s::bigint[], %s::int[]) AS v(id, n) WHERE r.id = v.id AND r.id = ANY(%s::bigint[])""",
            [[r.id for r in changed], [r.quantity for r in changed], [r.id for r in changed]],
        )
    made = [
        (r.reference, r.sku_id, r.bin_id, r.warehouse_id, r.quantity, r.part, r.expires_at, r.kind)
        for r in rows
        if r.fresh and r.quantity > 0
    ]
    copy_rows("inventory_reservation", RESERVATION_COLUMNS, made)
    copy_rows("inventory_movement", MOVEMENT_COLUMNS, ledger)


def _give(rows: list[_Row], source: _Row, target: uuid.UUID, pieces: int) -> None:
    mine = [row for row in rows if row.reference == target and row.sku_id == source.sku_id]
    same = next((row for row in mine if row.bin_id == source.bin_id and row.quantity > 0), None)
    if same is not None:
        same.quantity += pieces
        return
    part = max((row.part for row in mine), default=-1) + 1
    rows.append(
        _Row(
            0,
            target,
            source.sku_id,
            source.bin_id,
            source.warehouse_id,
            pieces,
            part,
            source.expires_at,
            source.kind,
            True,
        )
    )
