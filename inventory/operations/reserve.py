"""Stock that cannot oversell: lock the rows once, allocate in memory, write the difference in one UPDATE.

The database has the last word (`reserved_within_on_hand`); every change leaves a line in the ledger, and
Σ of the ledger equals the counters. A reservation names its bin and warehouse from the start.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import connection

from orderhub.copying import copy_rows
from orderhub.lifecycle import Writer

MOVEMENT_COLUMNS = (
    "sku_id", "bin_id", "kind", "on_hand_change", "reserved_change", "reference", "reason", "actor",
)  # fmt: skip
#: What staff put by stays what it is, and keeps its end, where it is moved.
BY_HAND = ("manual", "sample")
RESERVATION_COLUMNS = (
    "reference", "sku_id", "bin_id", "warehouse_id", "quantity", "part", "expires_at", "kind",
)  # fmt: skip
#: A place in the queue for goods: (promised to ship by, in seconds; rank).
Place = tuple[float, int]


#: The SKUs that references hold, whatever they are asked for now: a bundle may have been changed since.
_HELD = """|| ARRAY(SELECT DISTINCT sku_id FROM inventory_reservation
           WHERE reference = ANY(%s::uuid[]) AND state = 'active')"""
#: Later than every promise.
FAR = float("inf")


@dataclass(slots=True)
class Cell:
    """One locked stock row; `id` is 0 where nothing may be sold from it any more, `row` is its id even then."""

    id: int
    sku_id: int
    bin_id: int
    warehouse_id: int
    free: int
    row: int = 0


@dataclass(slots=True)
class Taken:
    """Pieces promised to a reference; `id` is None while it is only in memory."""

    id: int | None
    reference: str
    cell: Cell
    quantity: int


class Book:
    """The stock rows of a batch, locked in (sku, bin) order; what is taken is written by `write` and `count`.

    References are uuids as text. A `late` book has read its rows without a lock: `count` locks them in that order,
    as the last thing before the commit.
    """

    def __init__(self) -> None:
        self.cells: dict[tuple[int, int], list[Cell]] = {}  # (warehouse, sku) -> bins
        self.left: dict[tuple[int, int], int] = {}  # (warehouse, sku) -> pieces free in all its bins
        self.by_id: dict[tuple[int, int], Cell] = {}  # (sku, bin)
        self.warehouses: list[int] = []
        self.on_shelf: dict[int, int] = {}  # sku -> pieces in all sellable bins, promised ones too
        self.held: dict[str, list[Taken]] = {}
        self.changes: dict[int, int] = {}
        self.released: list[Taken] = []
        self.expires: dict[str, dt.datetime] = {}
        self.kinds: dict[str, str] = {}
        self.queue: dict[
            int, dict[int, tuple[Place, int, bool]]
        ] = {}  # sku -> rank: place, pieces, has a date
        self.planned = False

    @classmethod
    def lock(cls, sku_ids: Iterable[int], references: Iterable[str] = (), *, late: bool = False) -> Book:
        """Lock every sellable stock row of these SKUs, and read what the references hold already.

        `late` puts the locks off until `count`, where nothing is held yet; the caller's batch is then done again,
        with `late` off, when the database refuses it.
        """
        book = cls()
        wanted = sorted(set(sku_ids))
        names = list(references)
        if not wanted and not names:
            return book
        with connection.cursor() as cursor:
            cursor.execute(
                f"""WITH queue AS (
                       SELECT sku_id, json_agg(json_build_array(extract(epoch FROM due_at), rank, quantity,
                                  promised_on IS NOT NULL)) AS places
                       FROM inventory_backorder WHERE sku_id = ANY(%s::bigint[]) AND ended_at IS NULL GROUP BY sku_id)
                   SELECT s.id, s.sku_id, s.bin_id, b.warehouse_id, s.on_hand - s.reserved, w.priority, s.on_hand, q.places
                   FROM inventory_stock s JOIN inventory_bin b ON b.id = s.bin_id
                   JOIN inventory_warehouse w ON w.id = b.warehouse_id LEFT JOIN queue q ON q.sku_id = s.sku_id
                   WHERE s.sku_id = ANY(%s::bigint[] {_HELD if names else ""}) AND b.sellable AND w.active
                   ORDER BY s.sku_id, s.bin_id {"" if late and not names else "FOR UPDATE OF s"}""",
                [wanted, wanted, names] if names else [wanted, wanted],
            )
            ranks: dict[int, int] = {}
            for identity, sku_id, bin_id, warehouse_id, free, priority, there, places in cursor.fetchall():
                book.add(Cell(identity, sku_id, bin_id, warehouse_id, free))
                book.on_shelf[sku_id] = book.on_shelf.get(sku_id, 0) + there
                ranks[warehouse_id] = priority
                if places and sku_id not in book.queue:
                    for due, rank, pieces, dated in places:
                        book.wait(sku_id, (FAR if due is None else due, rank), pieces, dated)
            book.warehouses = sorted(ranks, key=lambda w: (ranks[w], w))
            if names:
                cursor.execute(
                    """SELECT r.id, r.reference::text, r.sku_id, r.bin_id, r.quantity, s.id, r.kind, r.expires_at
                       FROM inventory_reservation r
                       LEFT JOIN inventory_stock s ON s.sku_id = r.sku_id AND s.bin_id = r.bin_id
                       WHERE r.reference = ANY(%s::uuid[]) AND r.state = 'active' ORDER BY r.id""",
                    [names],
                )
                for identity, reference, sku_id, bin_id, quantity, row, kind, until in cursor.fetchall():
                    if kind in BY_HAND:  # an order's own turn into what its payment makes them
                        book.kinds[reference] = kind
                        if until is not None:
                            book.expires[reference] = until
                    cell = book.by_id.get((sku_id, bin_id)) or Cell(0, sku_id, bin_id, 0, 0, row or 0)
                    book.held.setdefault(reference, []).append(Taken(identity, reference, cell, quantity))
        return book

    def add(self, cell: Cell) -> None:
        """Take in a stock row."""
        place = (cell.warehouse_id, cell.sku_id)
        self.cells.setdefault(place, []).append(cell)
        self.left[place] = self.left.get(place, 0) + cell.free
        self.by_id[cell.sku_id, cell.bin_id] = cell

    def free(self, warehouse_id: int, sku_id: int) -> int:
        """Pieces of a SKU free in a warehouse, after what this batch has taken."""
        return self.left.get((warehouse_id, sku_id), 0)

    def holdings(self, references: Iterable[str]) -> dict[tuple[int, int], int]:
        """{(warehouse, sku): pieces that the references hold there already}."""
        pieces: dict[tuple[int, int], int] = {}
        for reference in dict.fromkeys(references):
            for taken in self.held.get(reference, ()):
                place = (taken.cell.warehouse_id, taken.cell.sku_id)
                pieces[place] = pieces.get(place, 0) + taken.quantity
        return pieces

    def wait(self, sku_id: int, place: Place, pieces: int, dated: bool) -> None:
        """Somebody waits for pieces of a SKU; several lines of one rank are one claim."""
        queue = self.queue.setdefault(sku_id, {})
        _place, before, had = queue.get(place[1], (place, 0, False))
        queue[place[1]] = (place, before + pieces, dated or had)

    def waited(self, rank: int) -> bool:
        """Whether this rank stands in the queue; it leaves it here."""
        stood = [queue for queue in self.queue.values() if rank in queue]
        for queue in stood:
            del queue[rank]
        return bool(stood)

    def ahead(self, sku_id: int, place: Place, *, dated: bool = True) -> int:
        """Pieces of a SKU that those in the queue before this place wait for, by default those with a promised day."""
        queue = self.queue.get(sku_id)
        if not queue:
            return 0
        return sum(
            pieces for other, pieces, has_day in queue.values() if other < place and (has_day or not dated)
        )

    def spare(self, demand: dict[int, int], place: Place) -> bool:
        """Whether {sku: quantity} is there after what older demand was promised: nobody young starves the old."""
        if not self.queue:
            return True
        for sku_id, quantity in demand.items():
            if sku_id in self.queue:
                free = sum(self.free(warehouse, sku_id) for warehouse in self.warehouses)
                if free - self.ahead(sku_id, place) < quantity:
                    return False
        return True

    def can_serve(
        self, demand: dict[int, int], warehouse_id: int, held: dict[tuple[int, int], int] | None = None
    ) -> bool:
        """Whether one warehouse has all of {sku: quantity}; what is `held` there (see holdings) counts as free."""
        for sku_id, quantity in demand.items():
            place = (warehouse_id, sku_id)
            free = self.left.get(place, 0)
            if free < quantity and (not held or free + held.get(place, 0) < quantity):
                return False
        return True

    def take(
        self,
        reference: str,
        sku_id: int,
        quantity: int,
        warehouse_id: int,
        expires_at: dt.datetime | None = None,
        kind: str = "paid",
    ) -> bool:
        """Promise pieces to a reference out of one warehouse: one bin if one has them all, else several."""
        if self.free(warehouse_id, sku_id) < quantity:
            return False
        cells = self.cells.get((warehouse_id, sku_id), ())
        whole = next((cell for cell in cells if cell.free >= quantity), None)
        left = quantity
        for cell in (whole,) if whole else sorted(cells, key=lambda c: -c.free):
            pieces = min(cell.free, left)
            if pieces > 0:
                self._change(cell, pieces)
                self.held.setdefault(reference, []).append(Taken(None, reference, cell, pieces))
                left -= pieces
            if left == 0:
                break
        if expires_at is not None:
            self.expires[reference] = expires_at
        if kind != "paid":
            self.kinds[reference] = kind
        return True

    def _change(self, cell: Cell, pieces: int) -> None:
        cell.free -= pieces
        place = (cell.warehouse_id, cell.sku_id)
        self.left[place] = self.left.get(place, 0) - pieces
        row = cell.id or cell.row
        self.changes[row] = self.changes.get(row, 0) + pieces

    def give_back(self, references: Iterable[str]) -> None:
        """Return everything that the references hold."""
        for reference in dict.fromkeys(references):
            for taken in self.held.pop(reference, ()):
                self._change(taken.cell, -taken.quantity)
                if taken.id is not None:
                    self.released.append(taken)

    def move(self, references: Iterable[str], warehouse_id: int) -> bool:
        """Move what the references hold to another warehouse, all of it or nothing."""
        names = list(dict.fromkeys(references))
        wanted = [
            (taken.reference, taken.cell.sku_id, taken.quantity)
            for name in names
            for taken in self.held.get(name, ())
        ]
        demand: dict[int, int] = {}
        for _, sku_id, quantity in wanted:
            demand[sku_id] = demand.get(sku_id, 0) + quantity
        if not self.can_serve(demand, warehouse_id, self.holdings(names)):
            return False
        self.give_back(names)
        for name, sku_id, quantity in wanted:
            self.take(name, sku_id, quantity, warehouse_id)
        return True

    def finish(self, writer: Writer) -> None:
        """Have the batch write it at its flush: the rows with the others, the counters last of all."""
        if not self.planned:
            self.planned = True
            writer.finish(lambda: self.write(writer.actor.name))
            writer.finish(self.count, "stock")

    def count(self) -> None:
        """Write the counters."""
        apply_changes({identity: change for identity, change in self.changes.items() if change and identity})

    def write(self, actor: str) -> None:
        """Write reservations and ledger: at most three statements whatever the batch."""
        made: list[tuple[Any, ...]] = []
        ledger: list[tuple[Any, ...]] = []
        for reference, held in self.held.items():
            parts: dict[int, int] = {}
            until, kind = self.expires.get(reference), self.kinds.get(reference, "paid")
            for taken in held:
                cell, pieces = taken.cell, taken.quantity
                sku_id, bin_id = cell.sku_id, cell.bin_id
                part = parts.get(sku_id, 0)
                parts[sku_id] = part + 1
                if taken.id is not None:
                    continue
                made.append((reference, sku_id, bin_id, cell.warehouse_id, pieces, part, until, kind))
                ledger.append((sku_id, bin_id, "reserve", 0, pieces, reference, "", actor))
        for taken in self.released:
            cell, pieces = taken.cell, -taken.quantity
            ledger.append((cell.sku_id, cell.bin_id, "release", 0, pieces, taken.reference, "", actor))
        if self.released:
            with connection.cursor() as cursor:
                cursor.execute(
                    "UPDATE inventory_reservation SET state = 'released' WHERE id = ANY(%s)",
                    [[taken.id for taken in self.released]],
                )
        copy_rows("inventory_reservation", RESERVATION_COLUMNS, made)
        copy_rows("inventory_movement", MOVEMENT_COLUMNS, ledger)


def apply_changes(changes: dict[int, int]) -> None:
    """Add {stock id: ± reserved} to the counters in one statement; the database refuses overselling.

    Rows that are not locked yet are locked in (sku, bin) order.
    """
    if not changes:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """WITH locked AS (SELECT id FROM inventory_stock WHERE id = ANY(%s::bigint[])
                    ORDER BY sku_id, bin_id FOR UPDATE)
               UPDATE inventory_stock s SET reserved = s.reserved + v.change
               FROM locked, unnest(%s::bigint[], %s::int[]) AS v(id, change)
               WHERE v.id = locked.id AND s.id = locked.id""",
            [list(changes), list(changes), list(changes.values())],
        )
