"""Locked SKUs: when nearly all of a SKU is promised, new orders for it wait, and DingTalk is told once a crossing.

Whether a share is too low is a rule's to say. The lock is a row from the crossing to the recovery, so that it is
told once however many orders and workers meet it. A person's release of one order is the last word about that order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from inventory.operations.reserve import Book
from inventory.queries import shelf_shares
from orderhub.actors import CLOCK
from orderhub.lifecycle import Writer
from orderhub.notifications.asking import Notice, notify_many
from orderhub.rules import engine
from orderhub.tickets.opening import close_gone, open_ticket
from orders.models import Hold, HoldType, StockLock
from orders.operations import holds

POINT = "stock"


@dataclass(slots=True)
class Shelf:
    """A SKU's pieces in all sellable bins."""

    sku_id: int
    code: str
    free: int
    on_shelf: int

    @property
    def share(self) -> float:
        """Free pieces per hundred on the shelves."""
        return round(100 * self.free / self.on_shelf, 1) if self.on_shelf else 0.0

    def less(self, pieces: int) -> Shelf:
        return Shelf(self.sku_id, self.code, max(0, self.free - pieces), self.on_shelf)

    def input(self) -> dict[str, Any]:
        return {"share": self.share, "free": self.free, "on_shelf": self.on_shelf, "sku": self.code}


class Locks:
    """What the rule says of a batch's SKUs while its orders are served one after another."""

    def __init__(self, book: Book, demand: Mapping[int, int], codes: Mapping[int, str]) -> None:
        """`demand` {sku: pieces that the batch wants}; `codes` {sku: its code}. One evaluation a SKU, as it would end."""
        self.book = book
        self.codes = codes
        ends = {sku: self.shelf(sku).less(pieces) for sku, pieces in demand.items()}
        decided = engine.decide(POINT, [shelf.input() for shelf in ends.values()])
        #: SKUs that the batch may bring under the threshold: only these are looked at order by order
        self.near = {sku for sku, answer in zip(ends, decided.answers, strict=True) if answer["lock"]}
        self.said: dict[tuple[int, float], tuple[engine.Decided, dict[str, Any]]] = {}

    def shelf(self, sku: int) -> Shelf:
        free = sum(self.book.free(warehouse, sku) for warehouse in self.book.warehouses)
        return Shelf(sku, self.codes.get(sku, ""), free, self.book.on_shelf.get(sku, 0))

    def of(self, skus: Iterable[int]) -> dict[int, tuple[engine.Decided, dict[str, Any], Shelf]]:
        """Of these SKUs those that are locked now, with what the rule said."""
        found = {}
        for sku in self.near.intersection(skus):
            shelf = self.shelf(sku)
            key = (sku, shelf.free)
            if key not in self.said:
                decided = engine.decide(POINT, [shelf.input()])
                self.said[key] = (decided, decided.answers[0])
            decided, answer = self.said[key]
            if answer["lock"]:
                found[sku] = (decided, answer, shelf)
        return found

    def hold(
        self, row: Any, writer: Writer, locked: Mapping[int, tuple[engine.Decided, dict[str, Any], Shelf]]
    ) -> None:
        """Stop an order because of these SKUs."""
        parts = [
            f"{shelf.code} {shelf.free}/{shelf.on_shelf}" for _decided, _answer, shelf in locked.values()
        ]
        text = _("Nearly all of it is promised (free / on the shelves): %(list)s") % {
            "list": "; ".join(parts)
        }
        if any(answer["offer_substitutes"] for _decided, answer, _shelf in locked.values()):
            text += " " + _("Offer the buyer another article, or wait for stock.")
        holds.open_in(writer, row, HoldType.STOCK_LOCK, text, {"skus": sorted(locked)})
        decided, answer, shelf = next(iter(locked.values()))
        engine.leave_trace(writer, POINT, row.id, decided, answer, f"{shelf.code} {shelf.share:g}%")

    def finish(self, writer: Writer) -> None:
        """Tell what crossed the threshold, after the batch's counters are written: no lock is waited for in between."""
        crossed = list(self.of(self.near).values())
        if crossed:
            told = [(shelf, answer["notify"]) for _decided, answer, shelf in crossed]
            writer.finish(partial(_cross, told), "stock")


def freed(order_ids: Iterable[int]) -> set[int]:
    """Orders of which a person said that they go out although their SKU is locked. One statement."""
    rows = Hold.objects.filter(order_id__in=list(order_ids), type=HoldType.STOCK_LOCK).exclude(
        released_at=None
    )
    return set(rows.exclude(released_by=CLOCK.name).values_list("order_id", flat=True))


def _cross(shelves: list[tuple[Shelf, bool]]) -> None:
    cross(shelves)


def cross(shelves: Iterable[tuple[Shelf, bool]]) -> list[int]:
    """Open the locks that are not open yet, each told once: a ticket, and a notice where the rule wants one."""
    every = {shelf.sku_id: (shelf, tell) for shelf, tell in shelves}
    if not every:
        return []
    ids = sorted(every)
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO orders_stocklock (sku_id, share) SELECT * FROM unnest(%s::bigint[], %s::float8[])
               ON CONFLICT (sku_id) WHERE ended_at IS NULL DO NOTHING RETURNING id, sku_id""",
            [ids, [every[sku][0].share for sku in ids]],
        )
        made = cursor.fetchall()
    notices = []
    for lock_id, sku in made:
        shelf, tell = every[sku]
        said = {
            "sku": shelf.code,
            "free": shelf.free,
            "on_shelf": shelf.on_shelf,
            "share": f"{shelf.share:g}",
        }
        open_ticket(
            "stock_lock", _cause(sku),
            _("%(sku)s is nearly used up: new orders wait") % said,
            body=_("%(free)s of %(on_shelf)s pieces are free. Bring in stock, or release single orders by hand.") % said,
            role="purchasing",
        )  # fmt: skip
        if tell:
            notices.append(Notice(f"stock_lock:{lock_id}", said))
    if notices:
        notify_many("warehouse_manager", "stock_lock", notices)
    return [sku for _lock, sku in made]


def _cause(sku: int) -> str:
    return f"stock_lock:{sku}"


def watch() -> dict[str, int]:
    """The clock's look at all shelves: crossings that no order made are told, recovered SKUs let their orders go."""
    shelves = [Shelf(*row) for row in shelf_shares()]
    decided = engine.decide(POINT, [shelf.input() for shelf in shelves])
    low, fine = [], set()
    for shelf, answer in zip(shelves, decided.answers, strict=True):
        if answer["lock"]:
            low.append((shelf, answer["notify"]))
        else:
            fine.add(shelf.sku_id)
    with transaction.atomic():
        told = cross(low)
    return {"locked": len(told), "released": release(fine)}


def release(fine: set[int]) -> int:
    """End the locks of SKUs that have enough again, and let those orders go that no other locked SKU keeps."""
    with transaction.atomic():
        ended = (
            StockLock.objects.select_for_update().filter(sku_id__in=fine, ended_at=None).order_by("sku_id")
        )
        skus = list(ended.values_list("sku_id", flat=True))
        if skus:
            StockLock.objects.filter(sku_id__in=skus, ended_at=None).update(ended_at=timezone.now())
            close_gone([_cause(sku) for sku in skus], _("There is enough again."))
    locked = set(StockLock.objects.filter(ended_at=None).values_list("sku_id", flat=True))
    waiting = Hold.objects.filter(type=HoldType.STOCK_LOCK, released_at=None).order_by("opened_at")
    free = [
        hold
        for hold, data in waiting.values_list("id", "data")[:500]
        if not locked.intersection(data.get("skus", []))
    ]
    return sum(holds.release(hold, CLOCK, _("There is enough again.")) for hold in free)


def words(answer: dict[str, Any], row: Any) -> str:
    """What the rule did, for the order's page."""
    if answer.get("lock"):
        return _("Waits because nearly all of the article is promised.")
    return _("The article is not locked.")
