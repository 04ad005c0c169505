"""Unpaid orders hold their goods until their time is over; what is paid a moment later is tried again, never lost.

An order that the clock cancelled because nobody had paid comes back to life when the payment is heard of after all:
its goods are taken again if they are there, else it is held with a refund proposed (`orders.operations.waiting`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _

from inventory.operations import claiming
from inventory.operations.reserve import Book
from orderhub.actors import CLOCK, Actor
from orderhub.lifecycle import Outcome, Refusal, Writer, apply
from orders.lifecycle import LIFECYCLE
from orders.models import Order
from orders.operations.close import references_of
from orders.operations.stock import LineRow, demand_of, place_of

#: What the timeline's cancellation says where it was the clock; the words beside it are for people.
EXPIRED = "expired"
#: How soon goods that are not there are looked for again.
AGAIN = dt.timedelta(minutes=5)


def hold(live: list[Any], writer: Writer) -> None:
    """Hold the goods of unpaid orders until they expire, each order's out of one warehouse that has them all.

    Whoever finds nothing stays unpaid and holds nothing: it is looked for again as long as the order lives.
    """
    book: Book = writer.context["stock"]
    lines: dict[int, list[LineRow]] = writer.context["lines"]
    data = writer.context.setdefault("data", {})
    for row in sorted(live, key=place_of):
        mine, demand = lines[row.id], demand_of(lines[row.id])
        known = bool(demand) and all(line.sku_id is not None for line in mine)
        open_still = row.expires_at is not None and row.expires_at > writer.now
        house = None
        if known and open_still and book.spare(demand, place_of(row)):
            house = next((w for w in book.warehouses if book.can_serve(demand, w)), None)
        if house is None:
            text = _("Not enough is free to hold for an unpaid order.")
            writer.refuse({row.id: Refusal("nothing_to_hold", text, AGAIN)})
            continue
        for line in mine:
            book.take(line.uuid, line.sku_id or 0, line.quantity, house, row.expires_at, "unpaid")
        writer.set(row, held_until=row.expires_at)
        data[row.id] = {
            "warehouse_id": house,
            "pieces": sum(demand.values()),
            "until": row.expires_at.isoformat(),
        }
    book.finish(writer)


def expire(limit: int = 500) -> int:
    """Cancel unpaid orders whose time is over; what they held returns to stock."""
    ids = list(
        Order.objects.filter(state="unpaid", expires_at__lt=timezone.now())
        .order_by("expires_at")
        .values_list("id", flat=True)[:limit]
    )
    if not ids:
        return 0
    words = {"reason": _("unpaid until its time was over"), "code": EXPIRED, "still": "unpaid"}
    return len(apply(LIFECYCLE, "cancel", ids, actor=CLOCK, params=words).moved)


def expired(order_ids: Iterable[int]) -> set[int]:
    """Which of these cancelled orders the clock cancelled for want of payment. One statement."""
    ids = sorted(set(order_ids))
    if not ids:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT o.id FROM orders_order o JOIN LATERAL (SELECT e.data FROM orders_event e
                   WHERE e.order_id = o.id AND e.code = 'cancel' ORDER BY e.id DESC LIMIT 1) e ON true
               WHERE o.id = ANY(%s) AND o.state = 'cancelled' AND e.data->>'code' = %s""",
            [ids, EXPIRED],
        )
        return {row[0] for row in cursor.fetchall()}


def revive(paid_at: dict[int, dt.datetime | None], actor: Actor) -> Outcome:
    """Orders that expired and are said to be paid after all: claimed again, and verified like any other."""
    times = {identity: at for identity, at in paid_at.items() if at is not None}
    return apply(LIFECYCLE, "revive", sorted(paid_at), actor=actor, params={"paid_at": times}, occurred=times)


def revived(live: list[Any], writer: Writer) -> None:
    """CANCELLED → CLAIMED for orders that only the clock cancelled; what was paid in time and heard of late is late too."""
    again = expired(row.id for row in live)
    times: dict[int, dt.datetime] = writer.params.get("paid_at", {})
    for row in live:
        if row.id not in again:
            text = _("Only an order that expired unpaid can come back.")
            writer.refuse({row.id: Refusal("not_expired", text)})
            continue
        paid = times.get(row.id) or writer.now
        ended = (
            row.expires_at
            if row.expires_at is not None and row.expires_at < paid
            else paid - dt.timedelta(seconds=1)
        )
        writer.set(row, paid_at=paid, expires_at=ended)
    back = references_of(sorted(again))
    writer.finish(lambda: claiming.bought_again(back))
