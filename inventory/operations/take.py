"""Buyers who want one SKU, whatever the warehouse: one statement a buyer, or a batch of them laid side by side."""

from __future__ import annotations

import datetime as dt
import uuid
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from django.db import IntegrityError, connection, transaction

from inventory.operations.reserve import Book
from orderhub import prepared
from orderhub.actors import CLOCK


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
