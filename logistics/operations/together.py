"""Merging and taking apart, with the parcels: what was planned for one order alone is voided and planned together.

The channel is asked first (no transaction open); then orders and parcels are locked, everything is looked at
again, and the decision and the voiding are one transaction: a parcel that is on its way to a warehouse refuses
the merge, and a hand-over that comes a moment later finds a voided parcel.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from logistics.models import Parcel
from logistics.operations import riding
from logistics.operations.taking import BEFORE_PICKING, take_out
from orderhub.actors import CLOCK, Actor
from orderhub.integrations.errors import PlatformError
from orders.models import HoldType, Merge
from orders.operations import figures, holds
from orders.operations import merge as orders_merge
from orders.operations.merge import MergeRefused
from orders.providers import together as channels

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Candidates:
    """Orders of one shop with one address key that nothing keeps from shipping together (but the channel's word)."""

    shop_id: int
    orders: tuple[int, ...]


_CANDIDATES = """
    SELECT o.shop_id, array_agg(o.id ORDER BY o.id)
    FROM orders_order o JOIN orders_receiver r ON r.order_id = o.id AND r.address_key <> ''
    WHERE o.shop_id = ANY(%(shops)s) AND o.state IN ('paid', 'reserved', 'routed', 'released') AND o.open_holds = 0
      AND o.sealed = '' AND o.refund_state = 'none'
      AND NOT EXISTS (SELECT 1 FROM orders_split x WHERE x.order_id = o.id)
      AND NOT EXISTS (SELECT 1 FROM orders_mergemember m WHERE m.order_id = o.id
          AND (m.left_at IS NULL OR (m.why_left = 'undone' AND NOT %(again)s)))
      AND NOT EXISTS (SELECT 1 FROM logistics_parcel p WHERE p.order_id = o.id AND NOT (p.state = 'voided'
          OR p.state IN ('planned', 'numbered') OR (p.state = 'handed' AND p.worked_by = 'own')))
      AND (o.state <> 'released' OR EXISTS (SELECT 1 FROM logistics_parcel p WHERE p.order_id = o.id
          AND p.state IN ('planned', 'numbered', 'handed')))
      AND (%(order)s::bigint IS NULL OR (o.shop_id, r.address_key) = (SELECT x.shop_id, y.address_key FROM orders_order x
          JOIN orders_receiver y ON y.order_id = x.id WHERE x.id = %(order)s))
    GROUP BY o.shop_id, r.address_key HAVING count(*) > 1 ORDER BY min(o.promised_ship_at), min(o.id) LIMIT %(n)s"""


def candidates(
    *,
    modes: Sequence[str] = ("suggest", "auto"),
    order_id: int | None = None,
    n: int = 100,
    again: bool = True,
) -> list[Candidates]:
    """Groups that could ship together, the oldest promise first; `again` counts those that a person took apart."""
    with connection.cursor() as cursor:
        cursor.execute(
            _CANDIDATES, {"shops": figures.together().of(modes), "order": order_id, "n": n, "again": again}
        )
        return [Candidates(shop_id, tuple(ids)) for shop_id, ids in cursor.fetchall()]


def merge(order_ids: Sequence[int], actor: Actor) -> int:
    """Make these orders ship in one parcel; the merge's id. MergeRefused with words for a clerk, and nothing is done.

    PlatformError where the channel could not be asked.
    """
    ids = sorted(set(order_ids))
    with transaction.atomic():
        orders_merge.check(orders_merge.lock(ids))
        asked = {i: group.orders for i, group in orders_merge.groups_of(ids).items()}
    whole = sorted({*ids, *(other for group in asked.values() for other in group)})
    parts = channels.ask(whole)
    if not any(set(whole) <= set(part) for part in parts):
        raise MergeRefused(_("The channel says that these orders go to different addresses."))
    basis = channels.basis(ids)
    with transaction.atomic():
        locked = orders_merge.lock(whole)
        if sorted(order.id for order in locked) != whole:
            raise MergeRefused(_("There is no such order."))
        made = orders_merge.join(locked, basis, actor)
        take_out(whole, actor, "regrouped", MergeRefused)
    return made


def undo(merge_id: int, actor: Actor) -> list[int]:
    """Take a merge apart before picking; the orders, each planned by itself again. MergeRefused when it is too late."""
    with transaction.atomic():
        members = orders_merge.undo(merge_id, actor)
        take_out(members, actor, "regrouped", MergeRefused, late=True)
    return members


def tend() -> None:
    """The clock's part: members that no longer fit leave, the channel is asked, warehouses are made one, riders follow."""
    orders_merge.settle()
    confirm()
    automatic()
    align()
    riding.ride()


def confirm(*, n: int = 50) -> int:
    """Ask the channel about merges that duplicates began; where it says no, the later order is held for a person."""
    ids = list(
        Merge.objects.filter(confirmed_at=None, ended_at=None).order_by("id").values_list("id", flat=True)[:n]
    )
    done = 0
    for merge_id, members in orders_merge.members_of(ids).items():
        try:
            parts = channels.ask(members)
        except PlatformError as error:
            log.warning("merge %s could not be asked about: %s", merge_id, error)
            if error.kind == "retry":
                continue
            parts = []
        if any(set(members) <= set(part) for part in parts):
            Merge.objects.filter(id=merge_id, confirmed_at=None).update(confirmed_at=timezone.now())
        else:
            with transaction.atomic():
                orders_merge.leave(dict.fromkeys(members, "address"), CLOCK)
                text = _("A duplicate that can't ship together: the channel says the address is another one.")
                holds.open_holds(members[-1:], HoldType.DUPLICATE, text, CLOCK)
        done += 1
    return done


def automatic(*, n: int = 50) -> int:
    """Merge by itself in the shops that want it; what a person took apart stays apart. Returns how many merges."""
    made = 0
    for group in candidates(modes=("auto",), n=n, again=False):
        try:
            for part in channels.ask(group.orders):
                if len(part) > 1:
                    merge(part, CLOCK)
                    made += 1
        except (MergeRefused, PlatformError) as error:
            log.info("orders %s were not merged: %s", group.orders, error)
    return made


_APART = """
    SELECT m.merge_id FROM orders_mergemember m JOIN orders_merge g ON g.id = m.merge_id AND g.confirmed_at IS NOT NULL
    JOIN orders_order o ON o.id = m.order_id
    WHERE m.left_at IS NULL AND g.ended_at IS NULL AND o.state NOT IN ('shipped', 'signed', 'closed', 'cancelled')
      AND NOT EXISTS (SELECT 1 FROM logistics_parcel p WHERE p.order_id = o.id AND p.state <> 'voided')
    GROUP BY m.merge_id
    HAVING bool_and(o.state IN ('routed', 'released') AND o.warehouse_id IS NOT NULL)
       AND count(DISTINCT o.warehouse_id) > 1 LIMIT %s"""


def align(*, n: int = 50) -> int:
    """Bring the goods of merged orders into one warehouse; where none has them all, the orders go apart again."""
    with connection.cursor() as cursor:
        cursor.execute(_APART, [n])
        ids = [row[0] for row in cursor.fetchall()]
    for merge_id in ids:
        orders_merge.gather(merge_id)
    return len(ids)


def merges_of(order_id: int) -> dict[str, Any] | None:
    """The open merge that an order is in, for its page: id, basis, the others, whether it can be undone."""
    group = orders_merge.groups_of([order_id]).get(order_id)
    if group is None:
        return None
    late = Parcel.objects.filter(order_id__in=group.orders).exclude(state__in=["voided", *BEFORE_PICKING])
    return {"id": group.id, "basis": group.basis, "confirmed": group.confirmed, "orders": group.orders,
            "may_undo": not late.exists()}  # fmt: skip
