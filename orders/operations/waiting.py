"""Orders whose goods are not here wait: with the day that was promised where one can be, in the order of their promises.

Where every missing piece is on the way (or is a presale) the order is a backorder with a date, and younger orders take
nothing that it was promised. Where nobody knows when goods will come, a person decides. An order that was paid
after its time and finds nothing gets a refund proposed: money is never kept in silence.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from typing import Any

from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _

from inventory.operations.release import promise
from inventory.operations.reserve import FAR, Book
from inventory.queries import arrivals, heads
from orderhub.actors import CLOCK
from orderhub.lifecycle import Writer
from orderhub.notifications.asking import notify
from orderhub.tickets.opening import open_ticket
from orders.cases import COLUMNS as CASE_COLUMNS
from orders.cases import TABLE as CASES
from orders.cases import next_number
from orders.models import Case, HoldType
from orders.operations import holds, split

TABLE = "inventory_backorder"
COLUMNS = ("reference", "sku_id", "quantity", "due_at", "rank", "promised_on")


def hold(
    writer: Writer,
    rows: list[Any],
    book: Book,
    lines: Mapping[int, list[Any]],
    demands: Mapping[int, dict[int, int]],
) -> None:
    """Hold orders that can't be served now, oldest promise first. Two statements more, however many they are."""
    if not rows:
        return
    skus = {sku_id for row in rows for sku_id in demands[row.id]}
    coming, spelt = arrivals(skus), heads(skus)
    late = [row for row in rows if paid_late(row)]
    moved: list[tuple[uuid.UUID, dt.date | None]] = []
    taken: dict[int, list[Case]] = {}
    for case in Case.objects.filter(order_id__in=[row.id for row in late]) if late else ():
        taken.setdefault(case.order_id, []).append(case)
    for row in rows:
        demand = demands[row.id]
        place = (row.promised_ship_at.timestamp() if row.promised_ship_at else FAR, row.id)
        days = {sku_id: _day(book, sku_id, need, place, coming) for sku_id, need in demand.items()}
        day = max((d for d in days.values() if d is not None), default=None)
        promised = day if None not in days.values() and day != timezone.localdate() else None
        missing = _missing(book, demand, spelt)
        if paid_late(row):
            _late(writer, row, missing, taken.get(row.id, []))
            continue
        stood = book.waited(row.id)
        for sku_id, need in demand.items():
            book.wait(sku_id, place, need, promised is not None)
        told: dict[str, Any] = {"demand": demand}
        if promised is not None:
            told["promised_on"] = promised.isoformat()
            text = _("Waits for goods that are expected on %(day)s. %(missing)s") % {
                "day": promised,
                "missing": missing,
            }
            holds.open_in(writer, row, HoldType.BACKORDER, text, told, until=promised)
        else:
            parcels = len(split.plan(book, demand)) if not any(line.bundle for line in lines[row.id]) else 0
            if parcels and book.spare(demand, place):
                told["parcels"] = parcels
            holds.open_in(writer, row, HoldType.STOCK, missing, told)
        if stood:
            moved += [(reference, promised) for reference in references(lines[row.id])]
        else:
            for line in lines[row.id]:
                writer.copy(
                    TABLE,
                    COLUMNS,
                    (line.uuid, line.sku_id, line.quantity, row.promised_ship_at, row.id, promised),
                )
    if moved:
        writer.finish(lambda: promise(moved))


def _day(
    book: Book,
    sku_id: int,
    need: int,
    place: tuple[float, int],
    coming: Mapping[int, list[tuple[dt.date, int]]],
) -> dt.date | None:
    """The day on which enough pieces will be here for everybody before and this one; None where that is not known.

    What is here already costs no waiting: today.
    """
    left = book.ahead(sku_id, place, dated=False) + need - sum(book.free(w, sku_id) for w in book.warehouses)
    if left <= 0:
        return timezone.localdate()
    for day, pieces in coming.get(sku_id, ()):
        left -= pieces
        if left <= 0:
            return day
    return None


def _missing(book: Book, demand: Mapping[int, int], spelt: Mapping[int, str]) -> str:
    if not demand:
        return _("The order has no line that needs stock.")
    best = {sku: max([book.free(w, sku) for w in book.warehouses], default=0) for sku in demand}
    parts = [
        f"{spelt.get(sku, sku)}: {need} / {best[sku]}" for sku, need in demand.items() if best[sku] < need
    ]
    if parts:
        return _("Not enough stock in any warehouse (needed / free): %(list)s") % {"list": "; ".join(parts)}
    if any(book.queue.get(sku) for sku in demand):
        return _("What is here was promised to older orders.")
    return _("No single warehouse has all the goods of this order.")


def paid_late(row: Any) -> bool:
    """Whether it was paid after its time as an unpaid order was over."""
    return row.expires_at is not None and row.paid_at is not None and row.paid_at > row.expires_at


def _late(writer: Writer, row: Any, missing: str, cases: list[Case]) -> None:
    """Paid too late and nothing there: a typed hold, and a case that proposes the refund."""
    number = next_number(row.number, cases)
    reason = _("Paid after its time was over, and the goods are gone")
    writer.copy(CASES, CASE_COLUMNS, (number, row.id, "refund", "open", row.payable, [], reason, ""))
    writer.set(row, refund_state="asked")
    text = _(
        "Paid after its time was over, and its goods are gone. Refund it by case %(case)s, or wait. %(missing)s"
    )
    words = text % {"case": number, "missing": missing}
    holds.open_in(writer, row, HoldType.LATE_PAYMENT, words, {"case": number})
    title = _("Paid after the order had expired: %(number)s") % {"number": row.number}

    def tell() -> None:
        key = f"late_payment:{row.id}"
        open_ticket("late_payment", key, title, body=words, role="service_lead", order_id=row.id)
        told = {"number": row.number, "amount": str(row.payable)}
        notify("service_lead", "late_payment", key, told, order_id=row.id)

    writer.finish(tell)


_WAITING = """
    SELECT h.order_id, h.type, (h.data->'demand')::json, extract(epoch FROM o.promised_ship_at)
    FROM orders_hold h JOIN orders_order o ON o.id = h.order_id
    WHERE h.type IN ('stock', 'backorder') AND h.released_at IS NULL
    ORDER BY o.promised_ship_at NULLS LAST, o.id LIMIT %s"""
_FREE = """
    SELECT b.warehouse_id, s.sku_id, sum(s.on_hand - s.reserved) FROM inventory_stock s
    JOIN inventory_bin b ON b.id = s.bin_id JOIN inventory_warehouse w ON w.id = b.warehouse_id
    WHERE b.sellable AND w.active AND s.sku_id = ANY(%s) GROUP BY 1, 2"""


def wake(limit: int = 5000) -> int:
    """Goods have arrived (or were given back): orders that can be served now go on, oldest promise first.

    What an older backorder is promised is not given to a younger one, even where the younger would fit. Constant
    SQL however many wait; returns the orders released.
    """
    with connection.cursor() as cursor:
        cursor.execute(_WAITING, [limit])
        rows = [
            (order_id, kind, {int(sku): int(need) for sku, need in (demand or {}).items()})
            for order_id, kind, demand, _due in cursor.fetchall()
        ]
        if not rows:
            return 0
        free: dict[int, dict[int, int]] = {}
        total: dict[int, int] = {}
        cursor.execute(_FREE, [sorted({sku for _id, _kind, demand in rows for sku in demand})])
        for warehouse_id, sku_id, pieces in cursor.fetchall():
            free.setdefault(warehouse_id, {})[sku_id] = int(pieces)
            total[sku_id] = total.get(sku_id, 0) + int(pieces)
    going: list[int] = []
    for order_id, kind, demand in rows:
        fits = bool(demand) and all(total.get(sku, 0) >= need for sku, need in demand.items())
        house = next(
            (
                here
                for here in free.values()
                if fits and all(here.get(sku, 0) >= need for sku, need in demand.items())
            ),
            None,
        )
        if house is not None:
            going.append(order_id)
            for sku, need in demand.items():
                house[sku] -= need
        if house is not None or kind == HoldType.BACKORDER:
            for sku, need in demand.items():
                total[sku] = total.get(sku, 0) - need
    types = (HoldType.STOCK, HoldType.BACKORDER)
    return sum(holds.release_type(going, kind, CLOCK, _("stock has arrived")) for kind in types)


def references(lines: list[Any]) -> list[uuid.UUID]:
    """The references of lines, each once."""
    return [uuid.UUID(name) for name in dict.fromkeys(line.uuid for line in lines)]
