"""The normal queue and the abnormal ones: every open order is in exactly one, by this table.

An order's holds decide: the first queue of the table that one of its open holds belongs to. Without a hold, a refund that
was asked for decides; what is left is normal. `SQL` (the counters) and `within` (the lists) say the same; a test holds
them together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from orders.models import Hold
from orders.models import HoldType as H

NORMAL = ""
REFUND = "refund"
#: How an address names the normal queue.
NONE = "none"


@dataclass(frozen=True, slots=True)
class Queue:
    """An abnormal queue: the types of hold that lead to it, and its icon."""

    code: str
    label: Any
    types: tuple[H, ...]
    icon: str


QUEUES: tuple[Queue, ...] = (
    Queue("sync", _("Sync failed"), (H.BROKEN, H.REJECTED), "sync_problem"),
    Queue("unknown", _("Unknown platform state"), (H.UNKNOWN,), "help"),
    Queue(REFUND, _("Refund in progress"), (H.REFUND,), "currency_exchange"),
    Queue("elsewhere", _("Shipped on the platform, not here"), (H.ELSEWHERE,), "move_up"),
    Queue("locked", _("Locked by the platform"), (H.PLATFORM,), "lock"),
    Queue("risk", _("Risk"), (H.RISK, H.DUPLICATE, H.PAYMENT), "gpp_maybe"),
    Queue("stopped", _("Intercepted by a rule"), (H.RULE,), "block"),
    Queue("not_yet", _("Do not ship yet"), (H.MANUAL,), "front_hand"),
    Queue("stock", _("No stock"), (H.STOCK, H.BACKORDER, H.STOCK_LOCK, H.LATE_PAYMENT), "production_quantity_limits"),
    Queue("address", _("Address or route"), (H.ADDRESS, H.ROUTE), "wrong_location"),
    Queue("mapping", _("Goods code unknown"), (H.MAPPING,), "link_off"),
    Queue("weight", _("Weight off"), (H.WEIGHT,), "scale"),
)  # fmt: skip
BY_CODE = {queue.code: queue for queue in QUEUES}

#: (type of hold, place of its queue, queue) as rows for SQL.
_RANKS = ", ".join(
    f"('{kind.value}', {place}, '{queue.code}')" for place, queue in enumerate(QUEUES) for kind in queue.types
)

#: The queue of the order `o`, as a lateral join `q(queue)`.
SQL = f"""LEFT JOIN LATERAL (
    SELECT r.queue FROM orders_hold h JOIN (VALUES {_RANKS}) AS r(type, rank, queue) ON r.type = h.type
    WHERE h.order_id = o.id AND h.released_at IS NULL ORDER BY r.rank LIMIT 1) q ON o.open_holds > 0"""
QUEUE = f"coalesce(q.queue, CASE WHEN o.refund_state = 'asked' THEN '{REFUND}' ELSE '{NORMAL}' END)"


def within(code: str) -> Q:
    """The orders of a queue, for a list; `NONE` is the normal one. KeyError for no such queue."""
    if code in (NORMAL, NONE):
        return ~Q(refund_state="asked") & ~_any(*H)
    place = QUEUES.index(BY_CODE[code])
    first = [kind for queue in QUEUES[:place] for kind in queue.types]
    found = Q(pk__in=Hold.objects.filter(type__in=QUEUES[place].types, released_at=None).values("order_id"))
    found &= Q(open_holds__gt=0)
    if first:
        found &= ~_any(*first)
    if code == REFUND:
        found |= Q(refund_state="asked") & ~_any(*H)
    return found


def _any(*types: H) -> Q:
    """Stopped by an open hold of one of these types."""
    open_ones = Hold.objects.filter(order_id=OuterRef("pk"), type__in=types, released_at=None)
    return Q(open_holds__gt=0) & Q(Exists(open_ones))
