"""Stock that cannot oversell: lock the rows once, allocate in memory, write the difference in one UPDATE.

The database has the last word (`reserved_within_on_hand`); every change leaves a line in the ledger, and
Σ of the ledger equals the counters. A reservation names its bin and warehouse from the start.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, connection, transaction

from orderhub import prepared
from orderhub.actors import CLOCK
from orderhub.copying import copy_rows
from orderhub.lifecycle import Writer

MOVEMENT_COLUMNS = (
    "sku_id", "bin_id", "kind", "on_hand_change", "reserved_change", "reference", "reason", "actor",
)  # fmt: skip
RESERVATION_COLUMNS = ("reference", "sku_id", "bin_id", "warehouse_id", "quantity", "part", "expires_at")


@dataclass(slots=True)
class Cell:
    """One locked stock row."""

    id: int
    sku_id: int
    bin_id: int
    warehouse_id: int
    free: int


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
        if not wanted:
            return book
        with connection.cursor() as cursor:
            cursor.execute(
                f"""SELECT s.id, s.sku_id, s.bin_id, b.warehouse_id, s.on_hand - s.reserved, w.priority, s.on_hand
                   FROM inventory_stock s JOIN inventory_bin b ON b.id = s.bin_id
                   JOIN inventory_warehouse w ON w.id = b.warehouse_id
                   WHERE s.sku_id = ANY(%s) AND b.sellable AND w.active
                   ORDER BY s.sku_id, s.bin_id {"" if late and not names else "FOR UPDATE OF s"}""",
                [wanted],
            )
            ranks: dict[int, int] = {}
            for identity, sku_id, bin_id, warehouse_id, free, priority, there in cursor.fetchall():
                book.add(Cell(identity, sku_id, bin_id, warehouse_id, free))
                book.on_shelf[sku_id] = book.on_shelf.get(sku_id, 0) + there
                ranks[warehouse_id] = priority
            book.warehouses = sorted(ranks, key=lambda w: (ranks[w], w))
            if names:
                cursor.execute(
                    """SELECT id, reference::text, sku_id, bin_id, quantity FROM inventory_reservation
                       WHERE reference = ANY(%s::uuid[]) AND state = 'active' ORDER BY id""",
                    [names],
                )
                for identity, reference, sku_id, bin_id, quantity in cursor.fetchall():
                    cell = book.by_id.get((sku_id, bin_id)) or Cell(0, sku_id, bin_id, 0, 0)
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
        for reference in references:
            for taken in self.held.get(reference, ()):
                place = (taken.cell.warehouse_id, taken.cell.sku_id)
                pieces[place] = pieces.get(place, 0) + taken.quantity
        return pieces

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
        return True

    def _change(self, cell: Cell, pieces: int) -> None:
        cell.free -= pieces
        place = (cell.warehouse_id, cell.sku_id)
        self.left[place] = self.left.get(place, 0) - pieces
        self.changes[cell.id] = self.changes.get(cell.id, 0) + pieces

    def give_back(self, references: Iterable[str]) -> None:
        """Return everything that the references hold."""
        for reference in references:
            for taken in self.held.pop(reference, ()):
                self._change(taken.cell, -taken.quantity)
                if taken.id is not None:
                    self.released.append(taken)

    def move(self, references: Iterable[str], warehouse_id: int) -> bool:
        """Move what the references hold to another warehouse, all of it or nothing."""
        names = list(references)
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
            until = self.expires.get(reference)
            for taken in held:
                cell, pieces = taken.cell, taken.quantity
                sku_id, bin_id = cell.sku_id, cell.bin_id
                part = parts.get(sku_id, 0)
                parts[sku_id] = part + 1
                if taken.id is not None:
                    continue
                made.append((reference, sku_id, bin_id, cell.warehouse_id, pieces, part, until))
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


def release(references: Iterable[uuid.UUID], actor_name: str, reason: str = "") -> int:
    """Give back everything that the references hold, in the caller's transaction; returns the pieces."""
    with connection.cursor() as cursor:
        cursor.execute(
            """WITH mine AS (SELECT r.id, s.id AS stock_id, r.sku_id, r.bin_id, r.quantity, r.reference
                    FROM inventory_reservation r
                    JOIN inventory_stock s ON s.sku_id = r.sku_id AND s.bin_id = r.bin_id
                    WHERE r.reference = ANY(%s) AND r.state = 'active' ORDER BY r.sku_id, r.bin_id FOR UPDATE OF s, r),
                 gone AS (UPDATE inventory_reservation r SET state = 'released' FROM mine
                    WHERE r.id = mine.id AND r.state = 'active' RETURNING r.id),
                 back AS (UPDATE inventory_stock s SET reserved = s.reserved - t.n
                    FROM (SELECT stock_id, sum(quantity) AS n FROM mine GROUP BY stock_id) t WHERE s.id = t.stock_id),
                 said AS (INSERT INTO inventory_movement (sku_id, bin_id, kind, on_hand_change, reserved_change,
                        reference, reason, actor)
                    SELECT sku_id, bin_id, 'release', 0, -quantity, reference::text, %s, %s FROM mine)
               SELECT coalesce(sum(quantity), 0) FROM mine""",
            [list(references), reason[:120], actor_name],
        )
        row = cursor.fetchone()
    return int(row[0]) if row else 0


def reserve_one(
    reference: uuid.UUID, sku_id: int, quantity: int, expires_at: dt.datetime | None = None
) -> bool:
    """One buyer, one SKU, one statement: counter, reservation and ledger. A retry of the same reference is one effect.

    Takes the sellable bin with the most free pieces; False when no single bin has them.
    """
    sql = """
        WITH pick AS (SELECT s.id, b.warehouse_id FROM inventory_stock s JOIN inventory_bin b ON b.id = s.bin_id
                WHERE s.sku_id = %(sku)s::bigint AND b.sellable AND s.on_hand - s.reserved >= %(n)s::int
                  AND NOT EXISTS (SELECT 1 FROM inventory_reservation r WHERE r.reference = %(ref)s::uuid
                    AND r.sku_id = %(sku)s::bigint AND r.state = 'active')
                ORDER BY s.on_hand - s.reserved DESC, s.id LIMIT 1),
             taken AS (UPDATE inventory_stock s SET reserved = s.reserved + %(n)s::int FROM pick
                WHERE s.id = pick.id AND s.on_hand - s.reserved >= %(n)s::int
                RETURNING s.sku_id, s.bin_id, pick.warehouse_id),
             kept AS (INSERT INTO inventory_reservation
                    (reference, sku_id, bin_id, warehouse_id, quantity, expires_at)
                SELECT %(ref)s::uuid, sku_id, bin_id, warehouse_id, %(n)s::int, %(until)s::timestamptz FROM taken),
             said AS (INSERT INTO inventory_movement
                    (sku_id, bin_id, kind, on_hand_change, reserved_change, reference)
                SELECT sku_id, bin_id, 'reserve', 0, %(n)s::int, %(ref)s::uuid::text FROM taken)
        SELECT (SELECT count(*) FROM taken), EXISTS (SELECT 1 FROM inventory_reservation r
                WHERE r.reference = %(ref)s::uuid AND r.sku_id = %(sku)s::bigint AND r.state = 'active')"""
    try:
        with _alone():
            ((made, already),) = prepared.run(
                sql, {"sku": sku_id, "n": quantity, "ref": reference, "until": expires_at}
            )
            return bool(made or already)
    except IntegrityError as error:
        if "one_active_reservation" in str(error):
            return True
        raise


def _alone() -> AbstractContextManager[Any]:
    """A savepoint inside a transaction; outside of one the statement is its own, without two more round trips."""
    return transaction.atomic() if connection.in_atomic_block else nullcontext()


def reserve_many(requests: list[tuple[uuid.UUID, int, int]]) -> set[uuid.UUID]:
    """A batch of (reference, sku, quantity) of any warehouse in one transaction; returns who got everything.

    Who fits whole into a bin is served by one statement, so that the rows stay locked for one round trip; who does
    not (or was here a moment ago) is looked at bin by bin.
    """
    first: dict[uuid.UUID, tuple[uuid.UUID, int, int]] = {}
    for request in requests:
        first.setdefault(request[0], request)
    served = _reserve_whole(list(first.values()))
    left = [request for reference, request in first.items() if reference not in served]
    return served | _reserve_each(left) if left else served


def _reserve_whole(requests: list[tuple[uuid.UUID, int, int]]) -> set[uuid.UUID]:
    """Requests and bins are laid side by side as intervals of pieces; a request inside a bin's is served from it.

    Stock is locked before reservations are written, as in `reserve_one`: a retry of the same reference in another
    batch would otherwise wait for ours while we wait for its stock.
    """
    sql = """
        WITH asked AS (SELECT a.reference, a.sku_id, a.n, sum(a.n) OVER (PARTITION BY a.sku_id ORDER BY a.i) AS upto
                FROM unnest(%(refs)s::uuid[], %(skus)s::bigint[], %(counts)s::int[])
                    WITH ORDINALITY AS a(reference, sku_id, n, i)),
             seen AS (SELECT s.id, s.sku_id, s.bin_id, b.warehouse_id, w.priority, s.on_hand - s.reserved AS free
                FROM inventory_stock s JOIN inventory_bin b ON b.id = s.bin_id
                JOIN inventory_warehouse w ON w.id = b.warehouse_id
                WHERE s.sku_id = ANY(%(some)s::bigint[]) AND b.sellable AND w.active
                ORDER BY s.sku_id, s.bin_id FOR UPDATE OF s),
             bins AS (SELECT *, sum(free) OVER (PARTITION BY sku_id ORDER BY priority, warehouse_id, free DESC, id)
                AS upto FROM seen WHERE free > 0),
             taken AS (SELECT a.reference, a.n, b.sku_id, b.bin_id, b.warehouse_id FROM asked a
                JOIN bins b ON b.sku_id = a.sku_id AND a.upto - a.n >= b.upto - b.free AND a.upto <= b.upto
                WHERE a.n > 0 ORDER BY a.reference),
             kept AS (INSERT INTO inventory_reservation (reference, sku_id, bin_id, warehouse_id, quantity)
                SELECT reference, sku_id, bin_id, warehouse_id, n FROM taken
                ON CONFLICT (reference, sku_id, part) WHERE state = 'active' DO NOTHING
                RETURNING reference, sku_id, bin_id, quantity),
             said AS (INSERT INTO inventory_movement
                    (sku_id, bin_id, kind, on_hand_change, reserved_change, reference, actor)
                SELECT sku_id, bin_id, 'reserve', 0, quantity, reference::text, 'clock' FROM kept
                RETURNING reference, sku_id, bin_id, reserved_change),
             total AS (SELECT sku_id, bin_id, sum(reserved_change) AS n, array_agg(reference) AS names
                FROM said GROUP BY sku_id, bin_id)
        UPDATE inventory_stock s SET reserved = s.reserved + t.n FROM total t
        WHERE s.sku_id = t.sku_id AND s.bin_id = t.bin_id RETURNING t.names"""
    skus = [sku_id for _, sku_id, _ in requests]
    with _alone():
        rows = prepared.run(
            sql,
            {
                "refs": [reference for reference, _, _ in requests],
                "skus": skus,
                "some": sorted(set(skus)),
                "counts": [quantity for _, _, quantity in requests],
            },
        )
    return {uuid.UUID(name) for (names,) in rows for name in names}


def _reserve_each(requests: list[tuple[uuid.UUID, int, int]]) -> set[uuid.UUID]:
    """The same, one request after the other in memory: several bins may serve one of them."""
    with transaction.atomic():
        book = Book.lock({sku_id for _, sku_id, _ in requests}, [str(name) for name, _, _ in requests])
        served: set[uuid.UUID] = set()
        for reference, sku_id, quantity in requests:
            name = str(reference)
            here = any(taken.cell.sku_id == sku_id for taken in book.held.get(name, ()))
            if here or any(book.take(name, sku_id, quantity, warehouse) for warehouse in book.warehouses):
                served.add(reference)
        book.count()
        book.write(CLOCK.name)
    return served
