"""Level two of the judgement: stock suffices, down to the bin, and nothing is promised twice."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from inventory.operations.release import promote, served
from inventory.operations.reserve import FAR, Book, Place
from inventory.queries import warehouses
from orderhub.actors import CLOCK
from orderhub.lifecycle import Batch, Writer
from orders import queries
from orders.models import Hold, HoldType
from orders.operations import holds, split, stock_lock, waiting


@dataclass(slots=True)
class LineRow:
    """So many pieces of one SKU that a line needs; a bundle's line is a row a part.

    The line's immutable uuid, as text, is the reservation's reference.
    """

    uuid: str
    sku_id: int | None
    quantity: int
    weight_g: int
    sku_code: str = ""
    bundle: bool = False


#: States before any stock is held.
_BEFORE = ("unpaid", "claimed", "paid")


def may_lock_late(batch: Batch) -> bool:
    """Whether counters may be locked when they are written: no order of the batch holds stock or a place yet,
    also not as an unpaid one.

    Stock and capacity ask the same question, so that the order of their locks is kept.
    """
    return batch.late and not any(holds_stock(row) for row in batch.rows.values())


def holds_stock(row: Any) -> bool:
    """Whether an order may hold stock."""
    return row.state not in _BEFORE or row.held_until is not None


def lock(batch: Batch) -> None:
    """Read the batch's lines and lock all stock they may touch, once, in (sku, bin) order (a late batch: at its end)."""
    if "stock" in batch.context:
        return
    lines: dict[int, list[LineRow]] = {identity: [] for identity in batch.rows}
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT l.order_id, l.uuid::text, coalesce(p.part_id, l.sku_id), l.quantity * coalesce(p.quantity, 1),
                      coalesce(s.weight_g, 0), coalesce(s.code, ''), p.id IS NOT NULL
               FROM orders_line l LEFT JOIN inventory_bundlepart p ON p.bundle_id = l.sku_id
               LEFT JOIN inventory_sku s ON s.id = coalesce(p.part_id, l.sku_id)
               WHERE l.order_id = ANY(%s) AND l.refund_state <> 'done' ORDER BY l.order_id, l.channel_line, p.part_id""",
            [list(batch.rows)],
        )
        for order_id, *rest in cursor.fetchall():
            lines[order_id].append(LineRow(*rest))
    every = [line for rows in lines.values() for line in rows]
    started = {i for i, row in batch.rows.items() if holds_stock(row)}
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


def place_of(row: Any) -> Place:
    """An order's place in the queue for goods: its promise, then its age."""
    return (row.promised_ship_at.timestamp() if row.promised_ship_at else FAR, row.id)


def reserve(live: list[Any], writer: Writer) -> None:
    """PAID → RESERVED: each order's lines out of one warehouse that has them all, oldest promise first.

    What older orders were promised a day for is not there for younger ones. Where no warehouse has everything, the
    goods come from several if the order may be split, after those that one can serve; else it waits with what is
    missing, and nothing is taken for it.
    """
    book: Book = writer.context["stock"]
    lines: dict[int, list[LineRow]] = writer.context["lines"]
    data = writer.context.setdefault("data", {})
    short: dict[int, dict[int, int]] = {}
    wanted = {row.id: demand_of(lines[row.id]) for row in live}
    locks = _locks(book, wanted, lines)
    freed = stock_lock.freed(wanted) if locks.near else set()
    kept: list[uuid.UUID] = []
    done: list[uuid.UUID] = []
    ordered = sorted(live, key=place_of)
    codes = _refusers(live, writer)
    for row in ordered:
        mine = lines[row.id]
        if any(line.sku_id is None for line in mine):
            holds.open_in(
                writer, row, HoldType.MAPPING, _("A goods code of this order is not mapped to a SKU.")
            )
            continue
        demand = wanted[row.id]
        warehouse = _held_already(book, mine, demand) if row.held_until is not None else None
        if warehouse is not None:
            kept += [uuid.UUID(line.uuid) for line in mine]
        else:
            warehouse = _house(book, demand, place_of(row), left_out(row, codes))
            if warehouse is None and demand and row.refused_by and _house(book, demand, place_of(row), set()):
                text = _("%(houses)s refused it, and no other warehouse has all of its goods.")
                holds.open_in(writer, row, HoldType.REJECTED, text % {"houses": row.refused_by}, {})
                continue
            if warehouse is None or not demand:
                short[row.id] = demand
                continue
            locked = locks.of(demand) if locks.near and row.id not in freed else {}
            if locked:
                locks.hold(row, writer, locked)
                continue
            for line in mine:
                book.take(line.uuid, line.sku_id or 0, line.quantity, warehouse)
        if book.waited(row.id):
            done += [uuid.UUID(line.uuid) for line in mine]
        writer.set(row, warehouse_id=warehouse)
        data[row.id] = {"warehouse_id": warehouse, "pieces": sum(demand.values())}
    left = [row for row in ordered if short.get(row.id) and not any(line.bundle for line in lines[row.id])]
    left = [row for row in left if not row.refused_by]  # its parts might come from where it was refused
    apart = split.spread(
        writer, [row for row in left if book.spare(short[row.id], place_of(row))], book, lines, short
    )
    done += [uuid.UUID(line.uuid) for identity in apart if book.waited(identity) for line in lines[identity]]
    if kept:
        writer.finish(lambda: promote(kept))
    if done:
        writer.finish(lambda: served(done))
    waiting.hold(
        writer, [row for row in ordered if row.id in short and row.id not in apart], book, lines, short
    )
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


def _held_already(book: Book, mine: list[LineRow], demand: dict[int, int]) -> int | None:
    """The warehouse where the order holds exactly its goods from before its payment; else what it holds is given back."""
    names = [line.uuid for line in mine]
    held = book.holdings(names)
    houses = {house for house, _sku in held}
    if (
        len(houses) == 1
        and 0 not in houses
        and {sku: count for (_house, sku), count in held.items()} == demand
    ):
        return houses.pop()
    book.give_back(names)
    return None


def _house(book: Book, demand: dict[int, int], place: Place, out: set[int]) -> int | None:
    """The first warehouse that has all of an order's goods and did not refuse it; None where none has, or older ones
    were promised them.
    """
    if not book.spare(demand, place):
        return None
    return next((w for w in book.warehouses if w not in out and book.can_serve(demand, w)), None)


def _refusers(live: list[Any], writer: Writer) -> dict[str, int]:
    """{code: warehouse} where any order was refused by one. A person who released such a hold has said: try again."""
    refused = [row for row in live if row.refused_by]
    if not refused:
        return {}
    again = Hold.objects.filter(order_id__in=[row.id for row in refused], type=HoldType.REJECTED)
    again = again.exclude(released_at=None).exclude(released_by=CLOCK.name)
    said = set(again.values_list("order_id", flat=True))
    for row in refused:
        if row.id in said:
            writer.set(row, refused_by="")
    return {house.code: house.id for house in warehouses()}


def left_out(row: Any, codes: dict[str, int]) -> set[int]:
    """The warehouses that refused an order."""
    return {codes[code] for code in row.refused_by.split(",") if code in codes} if row.refused_by else set()


def back_to_reserved(live: list[Any], writer: Writer) -> None:
    """ROUTED → RESERVED: the route is forgotten, the reservation stays."""
    reason = str(writer.params.get("reason", ""))
    for row in live:
        writer.context.setdefault("data", {})[row.id] = {"reason": reason}
