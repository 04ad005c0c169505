"""Merging (合单): who ships together, decided beside the orders. The parcels follow (logistics.operations.together).

An order may be merged while nobody else has it: paid, not held, no refund, not sealed, not split. Whether two
addresses are the same is said by the channel's own key and, on Taobao, by the channel itself; masked text is
never compared. A member that changes its mind (address, refund, cancelled) leaves and the others go on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from inventory.operations.reserve import Book
from orderhub.actors import CLOCK, Actor
from orders import timeline
from orders.models import Line, Merge, MergeMember, Order
from orders.models import OrderState as S

#: Members wait for each other in these states; from the hand-over on the parcel decides.
WAITING = (S.CLAIMED, S.PAID, S.RESERVED, S.ROUTED)
#: A member that is further than this went with the parcel; one that is cancelled has left.
MAY_JOIN = (S.PAID, S.RESERVED, S.ROUTED, S.RELEASED)
MOST = 20


class MergeRefused(ValueError):
    """Orders that can't be merged or taken apart; the text is for a clerk."""


@dataclass(slots=True)
class Group:
    """The orders of one open merge, the first one leading."""

    id: int
    shop_id: int
    basis: str
    confirmed: bool
    orders: list[int] = field(default_factory=list)


_LOCK = """
    SELECT o.id, o.number, o.state, o.shop_id, o.open_holds, o.refund_state, o.sealed, o.destination_version, r.address_key,
        r.visibility, EXISTS (SELECT 1 FROM orders_split x WHERE x.order_id = o.id),
        EXISTS (SELECT 1 FROM orders_case c WHERE c.order_id = o.id AND c.state IN ('open', 'received')),
        (SELECT m.merge_id FROM orders_mergemember m WHERE m.order_id = o.id AND m.left_at IS NULL)
    FROM orders_order o JOIN orders_receiver r ON r.order_id = o.id
    WHERE o.id = ANY(%s) ORDER BY o.id FOR UPDATE OF o"""


@dataclass(frozen=True, slots=True)
class Locked:
    """An order as the decision needs it, its row locked."""

    id: int
    number: str
    state: str
    shop_id: int
    open_holds: int
    refund_state: str
    sealed: str
    destination_version: int
    address_key: str
    visibility: str
    split: bool
    case: bool
    merge_id: int | None


def lock(order_ids: Iterable[int]) -> list[Locked]:
    """Lock the orders by id, in the caller's transaction."""
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, [sorted(set(order_ids))])
        return [Locked(*row) for row in cursor.fetchall()]


def objection(order: Locked) -> str:
    """Why an order may not join a merge, in words; "" where it may."""
    if order.state not in MAY_JOIN:
        return _("%(number)s is not between payment and hand-over.") % {"number": order.number}
    if order.open_holds:
        return _("%(number)s is held.") % {"number": order.number}
    if order.refund_state != "none" or order.case:
        return _("A refund of %(number)s is open.") % {"number": order.number}
    if order.sealed:
        return _("%(number)s ships alone: gift, cash on delivery or sealed.") % {"number": order.number}
    if order.split:
        return _("%(number)s is split; undo that first.") % {"number": order.number}
    if not order.address_key:
        return _("The channel gives no address key for %(number)s.") % {"number": order.number}
    return ""


def check(orders: Sequence[Locked]) -> None:
    """MergeRefused where these orders may not ship together (before the channel itself is asked)."""
    if len(orders) < 2:
        raise MergeRefused(_("Choose at least two orders."))
    if len(orders) > MOST:
        raise MergeRefused(_("At most %(n)d orders ship in one parcel.") % {"n": MOST})
    for order in orders:
        why = objection(order)
        if why:
            raise MergeRefused(why)
    if len({order.shop_id for order in orders}) > 1:
        raise MergeRefused(_("Orders of two shops never ship together."))
    if len({order.address_key for order in orders}) > 1:
        raise MergeRefused(_("The channel does not call it the same address."))
    if len({order.merge_id for order in orders if order.merge_id}) > 1:
        raise MergeRefused(_("Some of them ship with others already; undo that first."))


def join(orders: Sequence[Locked], basis: str, actor: Actor) -> int:
    """Make locked orders ship together, or add them to the one merge that one of them is in; the merge's id."""
    check(orders)
    known = next((order.merge_id for order in orders if order.merge_id), None)
    merge = Merge.objects.filter(pk=known).first() if known else None
    if merge is None:
        merge = Merge.objects.create(
            shop_id=orders[0].shop_id, basis=basis, made_by=actor.name, confirmed_at=timezone.now()
        )
    new = [order for order in orders if order.merge_id is None]
    if not new:
        raise MergeRefused(_("They ship together already."))
    MergeMember.objects.bulk_create(
        [
            MergeMember(merge=merge, order_id=order.id, destination_version=order.destination_version)
            for order in new
        ]
    )
    members = members_of([merge.pk])[merge.pk]
    _say(members, "merged", actor, {"basis": basis})
    return merge.pk


def begin(order_ids: Sequence[int], *, shop_id: int, confirmed: bool, plain: bool, by: str) -> None:
    """Duplicates that are to ship together: both wait for one another from now on, in the caller's transaction."""
    open_already = MergeMember.objects.filter(order_id__in=order_ids, left_at=None)
    known = open_already.values_list("merge_id", flat=True).first()
    if known is None:
        basis = Merge.Basis.PLAIN if plain else Merge.Basis.ADDRESS_ID if confirmed else Merge.Basis.CHANNEL
        when = timezone.now() if confirmed else None
        known = Merge.objects.create(shop_id=shop_id, basis=basis, made_by=by, confirmed_at=when).pk
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO orders_mergemember (merge_id, order_id, destination_version)
               SELECT %s, id, destination_version FROM orders_order WHERE id = ANY(%s)
               ON CONFLICT (order_id) WHERE left_at IS NULL DO NOTHING""",
            [known, list(order_ids)],
        )
    _say(members_of([known])[known], "merged", CLOCK, {"by": by})


def undo(merge_id: int, actor: Actor) -> list[int]:
    """Take a merge apart, in the caller's transaction; the orders that were in it, each as it was before."""
    members = members_of([merge_id]).get(merge_id, [])
    lock(members)
    members = members_of([merge_id]).get(merge_id, [])
    if not members:
        raise MergeRefused(_("This merge was undone before."))
    leave(dict.fromkeys(members, "undone"), actor, code="merge_undone")
    return members


def leave(reasons: dict[int, str], actor: Actor, *, code: str = "merge_left") -> None:
    """These orders leave their merge, each with its reason; a merge that only one is left of has ended."""
    now = timezone.now()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(
                """UPDATE orders_mergemember m SET left_at = %s, why_left = v.why
                   FROM unnest(%s::bigint[], %s::text[]) AS v(id, why)
                   WHERE m.order_id = v.id AND m.left_at IS NULL RETURNING m.order_id, m.merge_id""",
                [now, list(reasons), list(reasons.values())],
            )
            gone = dict(cursor.fetchall())
            cursor.execute(
                """UPDATE orders_mergemember m SET left_at = %(now)s, why_left = 'alone'
                   WHERE m.merge_id = ANY(%(ids)s) AND m.left_at IS NULL AND (SELECT count(*) FROM orders_mergemember o
                       WHERE o.merge_id = m.merge_id AND o.left_at IS NULL) < 2 RETURNING m.order_id, m.merge_id""",
                {"now": now, "ids": sorted(set(gone.values()))},
            )
            alone = dict(cursor.fetchall())
            cursor.execute(
                """UPDATE orders_merge g SET ended_at = %s WHERE g.id = ANY(%s) AND ended_at IS NULL AND NOT EXISTS
                   (SELECT 1 FROM orders_mergemember m WHERE m.merge_id = g.id AND m.left_at IS NULL)""",
                [now, sorted(set(gone.values()))],
            )
        timeline.append(
            [
                timeline.line(i, code, actor=actor, now=now, data={"why": reasons.get(i, "alone")})
                for i in (*gone, *alone)
            ]
        )


_UNFIT = """
    SELECT m.order_id, CASE WHEN o.state = 'cancelled' THEN 'cancelled'
        WHEN o.destination_version <> m.destination_version THEN 'address' ELSE 'refund' END
    FROM orders_mergemember m JOIN orders_merge g ON g.id = m.merge_id JOIN orders_order o ON o.id = m.order_id
    WHERE m.left_at IS NULL AND g.ended_at IS NULL AND o.state NOT IN ('shipped', 'signed', 'closed')
      AND (o.state = 'cancelled' OR o.destination_version <> m.destination_version
           OR EXISTS (SELECT 1 FROM orders_hold h WHERE h.order_id = o.id AND h.type IN ('refund', 'duplicate')
               AND h.released_at IS NULL))"""


def settle() -> int:
    """Members that were cancelled, re-addressed or asked for a refund leave; merges that have gone are ended."""
    with connection.cursor() as cursor:
        cursor.execute(_UNFIT)
        unfit = dict(cursor.fetchall())
        cursor.execute(
            """UPDATE orders_merge g SET ended_at = now() WHERE g.ended_at IS NULL AND NOT EXISTS
               (SELECT 1 FROM orders_mergemember m JOIN orders_order o ON o.id = m.order_id
                WHERE m.merge_id = g.id AND m.left_at IS NULL AND o.state NOT IN ('shipped', 'signed', 'closed'))"""
        )
    if unfit:
        leave(unfit, CLOCK)
    return len(unfit)


def gather(merge_id: int) -> bool:
    """Move the stock of a merge's orders into one warehouse that has it all; False: none has, and they go apart."""
    with transaction.atomic():
        ids = members_of([merge_id]).get(merge_id, [])
        lock(ids)
        rows = list(Order.objects.filter(id__in=ids).order_by("id"))
        lines = list(Line.objects.filter(order_id__in=ids, sku__isnull=False).values_list("uuid", "sku_id"))
        references = [str(line) for line, _sku in lines]
        book = Book.lock({sku for _line, sku in lines}, references)
        houses = [row for row in rows if row.warehouse_id is not None]
        target = next((row for row in houses if book.move(references, row.warehouse_id or 0)), None)
        if target is None:
            leave(dict.fromkeys(ids, "warehouses"), CLOCK)
            return False
        book.write(CLOCK.name)
        book.count()
        now = timezone.now()
        moved = [row for row in rows if row.warehouse_id != target.warehouse_id]
        Order.objects.filter(id__in=[row.id for row in moved]).update(warehouse_id=target.warehouse_id)
        said = {"why": "merge", "warehouse_id": target.warehouse_id, "with": [target.number]}
        timeline.append([timeline.line(row.id, "moved", actor=CLOCK, now=now, data=said) for row in moved])
    return True


def members_of(merge_ids: Iterable[int]) -> dict[int, list[int]]:
    """{merge: its orders, oldest first}."""
    found: dict[int, list[int]] = defaultdict(list)
    rows = MergeMember.objects.filter(merge_id__in=list(merge_ids), left_at=None).order_by("order_id")
    for merge_id, order_id in rows.values_list("merge_id", "order_id"):
        found[merge_id].append(order_id)
    return dict(found)


def groups_of(order_ids: Iterable[int]) -> dict[int, Group]:
    """{order: the open merge that it is in}, whole groups, one statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT g.id, g.shop_id, g.basis, g.confirmed_at IS NOT NULL, m.order_id FROM orders_merge g
               JOIN orders_mergemember m ON m.merge_id = g.id AND m.left_at IS NULL
               WHERE g.id IN (SELECT merge_id FROM orders_mergemember WHERE order_id = ANY(%s) AND left_at IS NULL)
               ORDER BY g.id, m.order_id""",
            [list(order_ids)],
        )
        groups: dict[int, Group] = {}
        found: dict[int, Group] = {}
        for merge_id, shop_id, basis, confirmed, order_id in cursor.fetchall():
            group = groups.setdefault(merge_id, Group(merge_id, shop_id, basis, confirmed))
            group.orders.append(order_id)
            found[order_id] = group
    return found


def _say(order_ids: Sequence[int], code: str, actor: Actor, data: dict[str, Any]) -> None:
    """One line on each member's timeline, naming the others."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, number FROM orders_order WHERE id = ANY(%s) ORDER BY id", [list(order_ids)]
        )
        numbers = dict(cursor.fetchall())
    now = timezone.now()
    timeline.append(
        [
            timeline.line(
                i, code, actor=actor, now=now,
                data={"with": [number for other, number in numbers.items() if other != i], **data},
            )
            for i in numbers
        ]
    )  # fmt: skip
