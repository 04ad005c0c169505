"""Level two of the judgement: stock suffices, down to the bin, and nothing is promised twice."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from inventory.operations.reserve import Book
from orderhub.actors import CLOCK
from orderhub.lifecycle import Batch, Writer
from orders import queries
from orders.models import Hold, HoldType
from orders.operations import holds, split, stock_lock


@dataclass(slots=True)
class LineRow:
    """A line that needs stock: its immutable uuid, as text, is the reservation's reference."""

    uuid: str
    sku_id: int | None
    quantity: int
    weight_g: int
    sku_code: str = ""


#: States before any stock is held.
_BEFORE = ("unpaid", "claimed", "paid")


def may_lock_late(batch: Batch) -> bool:
    """Whether counters may be locked when they are written: no order of the batch holds stock or a place yet.

    Stock and capacity ask the same question, so that the order of their locks is kept.
    """
    return batch.late and all(row.state in _BEFORE for row in batch.rows.values())


def lock(batch: Batch) -> None:
    """Read the batch's lines and lock all stock they may touch, once, in (sku, bin) order (a late batch: at its end)."""
    if "stock" in batch.context:
        return
    lines: dict[int, list[LineRow]] = {identity: [] for identity in batch.rows}
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT l.order_id, l.uuid::text, l.sku_id, l.quantity, coalesce(s.weight_g, 0), coalesce(s.code, '')
               FROM orders_line l LEFT JOIN inventory_sku s ON s.id = l.sku_id
               WHERE l.order_id = ANY(%s) AND l.refund_state <> 'done' ORDER BY l.order_id, l.channel_line""",
            [list(batch.rows)],
        )
        for order_id, *rest in cursor.fetchall():
            lines[order_id].append(LineRow(*rest))
    every = [line for rows in lines.values() for line in rows]
    started = {i for i, row in batch.rows.items() if row.state not in _BEFORE}
    shares = queries.shares(started) if started else {}
    references = [line.uuid for i in started for line in lines[i]]
    references += [str(share.reference) for rows in shares.values() for share in rows]
    batch.context["split"] = set(shares)
    batch.context["lines"] = lines
    batch.context["stock"] = Book.lock(
        {line.sku_id for line in every if line.sku_id}, references, late=may_lock_late(batch)
    )


lock.rank = "stock"  # type: ignore[attr-defined]


def demand_of(lines: list[LineRow]) -> dict[int, int]:
    """{sku: pieces} over all lines: the same SKU on two lines counts once, together."""
    demand: dict[int, int] = {}
    for line in lines:
        if line.sku_id is not None:
            demand[line.sku_id] = demand.get(line.sku_id, 0) + line.quantity
    return demand


def reserve(live: list[Any], writer: Writer) -> None:
    """PAID → RESERVED: each order's lines out of one warehouse that has them all, oldest promise first.

    Where none has, the goods come from several if the order may be split, after those that one can serve; else it
    is held with what is missing, and nothing is taken for it.
    """
    book: Book = writer.context["stock"]
    lines: dict[int, list[LineRow]] = writer.context["lines"]
    data = writer.context.setdefault("data", {})
    far = dt.datetime.max.replace(tzinfo=dt.UTC)
    short: dict[int, dict[int, int]] = {}
    wanted = {row.id: demand_of(lines[row.id]) for row in live}
    locks = _locks(book, wanted, lines)
    freed = stock_lock.freed(wanted) if locks.near else set()
    ordered = sorted(live, key=lambda r: (r.promised_ship_at or far, r.id))
    for row in ordered:
        mine = lines[row.id]
        if any(line.sku_id is None for line in mine):
            holds.open_in(
                writer, row, HoldType.MAPPING, _("A goods code of this order is not mapped to a SKU.")
            )
            continue
        demand = wanted[row.id]
        warehouse = next((w for w in book.warehouses if book.can_serve(demand, w)), None)
        if warehouse is None or not demand:
            short[row.id] = demand
            continue
        locked = locks.of(demand) if locks.near and row.id not in freed else {}
        if locked:
            locks.hold(row, writer, locked)
            continue
        for line in mine:
            book.take(line.uuid, line.sku_id or 0, line.quantity, warehouse)
        writer.set(row, warehouse_id=warehouse)
        data[row.id] = {"warehouse_id": warehouse, "pieces": sum(demand.values())}
    apart = split.spread(writer, [row for row in ordered if short.get(row.id)], book, lines, short)
    for row in ordered:
        if row.id in short and row.id not in apart:
            demand = short[row.id]
            parcels = len(split.plan(book, demand))
            told = {"demand": demand, "parcels": parcels} if parcels else {"demand": demand}
            holds.open_in(writer, row, HoldType.STOCK, _missing(book, demand), told)
    book.finish(writer)
    locks.finish(writer)


def _locks(
    book: Book, wanted: dict[int, dict[int, int]], lines: dict[int, list[LineRow]]
) -> stock_lock.Locks:
    """Which SKUs the batch may bring under the threshold."""
    total: dict[int, int] = {}
    for demand in wanted.values():
        for sku, pieces in demand.items():
            total[sku] = total.get(sku, 0) + pieces
    codes = {line.sku_id: line.sku_code for rows in lines.values() for line in rows if line.sku_id}
    return stock_lock.Locks(book, total, codes)


def _missing(book: Book, demand: dict[int, int]) -> str:
    if not demand:
        return _("The order has no line that needs stock.")
    best = {sku: max([book.free(w, sku) for w in book.warehouses], default=0) for sku in demand}
    parts = [f"SKU #{sku}: {need} / {best[sku]}" for sku, need in demand.items() if best[sku] < need]
    if parts:
        return _("Not enough stock in any warehouse (needed / free): %(list)s") % {"list": "; ".join(parts)}
    return _("No single warehouse has all the goods of this order.")


def back_to_reserved(live: list[Any], writer: Writer) -> None:
    """ROUTED → RESERVED: the route is forgotten, the reservation stays."""
    reason = str(writer.params.get("reason", ""))
    for row in live:
        writer.context.setdefault("data", {})[row.id] = {"reason": reason}


def retry_stock_holds(limit: int = 200) -> int:
    """Release stock holds whose goods are there now (stock arrived, another order was cancelled)."""
    open_holds = list(
        Hold.objects.filter(type=HoldType.STOCK, released_at=None)
        .order_by("opened_at")
        .values_list("id", "data")[:limit]
    )
    if not open_holds:
        return 0
    free: dict[tuple[int, int], int] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT b.warehouse_id, s.sku_id, sum(s.on_hand - s.reserved) FROM inventory_stock s
               JOIN inventory_bin b ON b.id = s.bin_id JOIN inventory_warehouse w ON w.id = b.warehouse_id
               WHERE b.sellable AND w.active AND s.sku_id = ANY(%s) GROUP BY 1, 2""",
            [sorted({int(sku) for _, data in open_holds for sku in data.get("demand", {})})],
        )
        for warehouse_id, sku_id, pieces in cursor.fetchall():
            free[warehouse_id, sku_id] = int(pieces)
    released = 0
    warehouses = {warehouse for warehouse, _ in free}
    for hold_id, data in open_holds:
        demand = {int(sku): int(need) for sku, need in data.get("demand", {}).items()}
        for warehouse in warehouses:
            if demand and all(free.get((warehouse, sku), 0) >= need for sku, need in demand.items()):
                for sku, need in demand.items():
                    free[warehouse, sku] -= need
                released += holds.release(hold_id, CLOCK, "stock has arrived")
                break
    return released
