"""Splitting (拆单): an order's lines, or a part of their pieces, go in several parcels, each out of one warehouse.

Σ shares of a line = the line, in pieces and in fen. The stock of a share is held under the share's own reference
(`rekey`), so that each parcel spends exactly its own. By hand while nobody has the order; by stock, where no
single warehouse has all the goods and the order is worth the freight of one more parcel.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _

from inventory.operations.rekey import rekey
from inventory.operations.reserve import Book
from inventory.queries import made_of
from orderhub.actors import Actor
from orderhub.lifecycle import Writer
from orderhub.money import allocate
from orders import timeline
from orders.models import Hold, HoldType, Line, Order, Share, Split
from orders.models import OrderState as S
from orders.operations import holds, merge

MOST = 10
#: The goods are held, and no warehouse has begun with them.
DIVISIBLE = (S.RESERVED, S.ROUTED, S.RELEASED)
SHARE_TABLE = "orders_share"
SHARE_COLUMNS = ("reference", "order_id", "line_id", "place", "warehouse_id", "quantity", "payable")


class SplitRefused(ValueError):
    """An order that can't be split or put together again; the text is for a clerk."""


def divide(order_id: int, pieces: Mapping[uuid.UUID, int], warehouse_id: int | None, actor: Actor) -> int:
    """Move these pieces out of the first parcel into one more, in the caller's transaction; the new parcel's place.

    `warehouse_id` None leaves the goods where they are. SplitRefused where the order or the stock does not allow it.
    """
    order = _locked(order_id)
    shares = list(Share.objects.filter(order_id=order_id).order_by("place", "reference"))
    lines = {line.uuid: line for line in Line.objects.filter(order_id=order_id, sku__isnull=False)}
    units = _units(lines.values(), shares)
    if not shares:
        shares = [_share(order, line, 1, order.warehouse_id or 0, line.quantity) for line in lines.values()]
        rekey(_moves([(s.line_id, s.reference, s.line_id, s.quantity) for s in shares], units), actor.name)
        Share.objects.bulk_create(shares)
        Split.objects.update_or_create(order=order, defaults={"how": Split.How.HAND, "asked_by": actor.name})
    first = {share.line_id: share for share in shares if share.place == 1}
    wanted = {line: count for line, count in pieces.items() if count > 0}
    place = max(share.place for share in shares) + 1
    _check(wanted, first, place)
    source = next(iter(first.values())).warehouse_id
    new: list[Share] = []
    for line, count in wanted.items():
        old = first[line]
        new.append(_share(order, lines[line], place, source, count))
        old.quantity -= count
    moves = [(first[s.line_id].reference, s.reference, s.line_id, s.quantity) for s in new]
    rekey(_moves(moves, units), actor.name)
    Share.objects.filter(pk__in=[share.pk for share in first.values() if share.quantity == 0]).delete()
    kept = [share for share in shares if share.quantity > 0]
    Share.objects.bulk_update(kept, ["quantity"])
    Share.objects.bulk_create(new)
    _price(lines.values(), [*kept, *new])
    if warehouse_id is not None and warehouse_id != source:
        _carry(new, warehouse_id, actor)
    _say(order_id, "split", actor, {"parcels": len({share.place for share in (*kept, *new)})})
    return place


def undo(order_id: int, actor: Actor) -> None:
    """Put a split order together again in its own warehouse, in the caller's transaction."""
    order = _locked(order_id)
    shares = list(Share.objects.filter(order_id=order_id))
    if not shares:
        raise SplitRefused(_("The order is not split."))
    units = _units(Line.objects.filter(order_id=order_id, sku__isnull=False), shares)
    away = [share for share in shares if share.warehouse_id != order.warehouse_id]
    if away:
        _carry(away, order.warehouse_id or 0, actor)
    rekey(_moves([(s.reference, s.line_id, s.line_id, s.quantity) for s in shares], units), actor.name)
    Share.objects.filter(order_id=order_id).delete()
    Split.objects.filter(order_id=order_id).delete()
    _say(order_id, "split_undone", actor, {})


def allow(order_id: int, actor: Actor) -> bool:
    """Let an order that waits because no single warehouse has all its goods take them from several; it goes on.

    In the caller's transaction; False where it does not wait for that.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT state, sealed FROM orders_order WHERE id = %s FOR UPDATE", [order_id])
        row = cursor.fetchone()
    hold = Hold.objects.filter(order_id=order_id, type=HoldType.STOCK, released_at=None).first()
    if row is None or hold is None or row[0] != S.PAID or row[1] or merge.groups_of([order_id]):
        return False
    Split.objects.get_or_create(order_id=order_id, defaults={"how": Split.How.STOCK, "asked_by": actor.name})
    return holds.release(hold.pk, actor, _("the goods may come from several warehouses"))


def spread(
    writer: Writer,
    live: Iterable[Any],
    book: Book,
    lines: Mapping[int, list[Any]],
    demands: Mapping[int, dict[int, int]],
) -> set[int]:
    """Of orders that no single warehouse can serve, take those that may be split from several; the orders taken.

    Called inside the reserving batch with the demand of each order. Two statements, however many orders.
    """
    rows = {row.id: row for row in live}
    allowed = _allowed(list(rows))
    done: set[int] = set()
    for order_id, row in rows.items():
        if order_id not in allowed:
            continue
        parts = plan(book, demands[order_id])
        permitted, freight, percent = allowed[order_id]
        extra = freight * (len(parts) - 1)
        if not parts or len(parts) > MOST or not (permitted or extra * 100 <= row.payable * percent):
            continue
        _take(writer, row, book, lines[order_id], parts)
        done.add(order_id)
    return done


def plan(book: Book, demand: Mapping[int, int]) -> list[tuple[int, dict[int, int]]]:
    """[(warehouse, {sku: pieces})] that serve the demand together, the one that gives most first; [] where none do."""
    left = {sku_id: count for sku_id, count in demand.items() if count > 0}
    parts: list[tuple[int, dict[int, int]]] = []
    houses = list(book.warehouses)
    while left and houses:
        offers = [{sku: min(need, book.free(house, sku)) for sku, need in left.items()} for house in houses]
        best = max(range(len(houses)), key=lambda i: (sum(offers[i].values()), -i))
        offer = {sku: count for sku, count in offers[best].items() if count > 0}
        if not offer:
            return []
        parts.append((houses.pop(best), offer))
        left = {sku: need - offer.get(sku, 0) for sku, need in left.items() if need > offer.get(sku, 0)}
    return [] if left else parts


_ALLOWED = """
    SELECT o.id, EXISTS (SELECT 1 FROM orders_split x WHERE x.order_id = o.id), s.split_freight, s.split_percent
    FROM orders_order o JOIN orders_shop s ON s.id = o.shop_id
    WHERE o.id = ANY(%s) AND o.sealed = ''
      AND (s.split_automatic OR EXISTS (SELECT 1 FROM orders_split x WHERE x.order_id = o.id))
      AND NOT EXISTS (SELECT 1 FROM orders_mergemember m WHERE m.order_id = o.id AND m.left_at IS NULL)"""


def _allowed(order_ids: list[int]) -> dict[int, tuple[bool, Decimal, int]]:
    """{order: (a person allowed it, freight of one more parcel, up to so many percent of the order)}."""
    if not order_ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_ALLOWED, [order_ids])
        return {row[0]: row[1:] for row in cursor.fetchall()}


def _take(
    writer: Writer, row: Any, book: Book, lines: list[Any], parts: list[tuple[int, dict[int, int]]]
) -> None:
    """Hold the goods under one share a line and parcel, and write the shares with the batch."""
    left = {line.uuid: line.quantity for line in lines}
    made: list[list[Any]] = []
    for place, (house, offer) in enumerate(parts, 1):
        for sku_id, count in offer.items():
            for line in [one for one in lines if one.sku_id == sku_id]:
                pieces = min(left[line.uuid], count)
                if pieces:
                    reference = str(uuid.uuid4())
                    book.take(reference, sku_id, pieces, house)
                    made.append([reference, row.id, line.uuid, place, house, pieces])
                    left[line.uuid] -= pieces
                    count -= pieces
    payables = {
        str(line): payable
        for line, payable in Line.objects.filter(order_id=row.id).values_list("uuid", "payable")
    }
    money = _amounts(payables, [(values[0], values[2], values[5]) for values in made])
    for values in made:
        writer.copy(SHARE_TABLE, SHARE_COLUMNS, (*values, money[values[0]]))
    house = parts[0][0]
    writer.set(row, warehouse_id=house)
    writer.context.setdefault("split", set()).add(row.id)
    said = {"parcels": len(parts), "warehouses": [warehouse for warehouse, _offer in parts]}
    timeline.record(writer, row.id, "split", data=said)
    writer.context.setdefault("data", {})[row.id] = {"warehouse_id": house, "pieces": sum(
        count for _house, offer in parts for count in offer.values()
    )}  # fmt: skip
    actor = writer.actor.name

    def head() -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                """INSERT INTO orders_split (order_id, how, asked_by) VALUES (%s, 'stock', %s)
                   ON CONFLICT (order_id) DO NOTHING""",
                [row.id, actor],
            )

    writer.finish(head)


def _locked(order_id: int) -> Order:
    """The order, locked, if it may be divided or put together."""
    order = Order.objects.select_for_update().filter(pk=order_id).first()
    if order is None:
        raise SplitRefused(_("There is no such order."))
    if order.state not in DIVISIBLE or order.warehouse_id is None:
        raise SplitRefused(
            _("Only an order whose goods are held and that no warehouse works on can be split.")
        )
    if order.open_holds or order.refund_state != "none":
        raise SplitRefused(_("The order is held, or a refund is open."))
    if order.sealed:
        raise SplitRefused(_("Gifts, cash on delivery and sealed orders ship alone."))
    if merge.groups_of([order_id]):
        raise SplitRefused(_("It ships together with others; undo that first."))
    return order


def _check(wanted: Mapping[uuid.UUID, int], first: Mapping[uuid.UUID, Share], place: int) -> None:
    if not wanted:
        raise SplitRefused(_("Say how many pieces go in the other parcel."))
    if place > MOST:
        raise SplitRefused(_("An order ships in at most %(n)d parcels.") % {"n": MOST})
    for line, count in wanted.items():
        if line not in first or count > first[line].quantity:
            raise SplitRefused(_("The first parcel has fewer pieces than that."))
    if all(share.quantity == wanted.get(line, 0) for line, share in first.items()):
        raise SplitRefused(_("Something must stay in the first parcel."))


def _share(order: Order, line: Line, place: int, warehouse_id: int, quantity: int) -> Share:
    return Share(
        order=order,
        line=line,
        place=place,
        warehouse_id=warehouse_id,
        quantity=quantity,
        payable=line.payable,
    )


def _price(lines: Iterable[Line], shares: list[Share]) -> None:
    """Each share's money: the line's, by pieces, to the fen."""
    payables = {str(line.uuid): line.payable for line in lines}
    rows = [(str(share.reference), str(share.line_id), share.quantity) for share in shares]
    money = _amounts(payables, rows)
    for share in shares:
        share.payable = money[str(share.reference)]
    Share.objects.bulk_update(shares, ["payable"])


def _amounts(payables: Mapping[str, Decimal], shares: list[tuple[str, str, int]]) -> dict[str, Decimal]:
    """{share: its part of its line's money}; shares are (reference, line, pieces)."""
    by_line: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for reference, line, count in shares:
        by_line[line].append((reference, count))
    return {
        reference: part
        for line, rows in by_line.items()
        for (reference, _n), part in zip(rows, allocate(payables[line], [n for _r, n in rows]), strict=True)
    }


def _units(lines: Iterable[Line], shares: Iterable[Share]) -> dict[uuid.UUID, dict[int, int]]:
    """{line: {sku: pieces that one of it is}}: itself, or the parts of a bundle as they are held. Two statements."""
    rows = list(lines)
    skus = {line.uuid: line.sku_id or 0 for line in rows}
    counts = [(line.uuid, line.uuid, line.quantity) for line in rows]
    counts += [(share.line_id, share.reference, share.quantity) for share in shares]
    made = made_of([(reference, skus.get(line, 0), count) for line, reference, count in counts if count])
    units: dict[uuid.UUID, dict[int, int]] = {line: {sku: 1} for line, sku in skus.items()}
    for line, reference, count in counts:
        if reference in made and count and all(n % count == 0 for n in made[reference].values()):
            units[line] = {sku: n // count for sku, n in made[reference].items()}
    return units


def _moves(
    wanted: Iterable[tuple[uuid.UUID, uuid.UUID, uuid.UUID, int]], units: Mapping[uuid.UUID, dict[int, int]]
) -> list[tuple[uuid.UUID, uuid.UUID, int, int]]:
    """(from, to, line, pieces of the line) as the stock knows them: (from, to, sku, pieces)."""
    return [
        (source, target, sku, count * pieces)
        for source, target, line, pieces in wanted
        for sku, count in units[line].items()
    ]


def _carry(shares: list[Share], warehouse_id: int, actor: Actor) -> None:
    """Hold the goods of these shares in another warehouse; SplitRefused where it has not all of them."""
    references = [str(share.reference) for share in shares]
    book = Book.lock((), references)
    if not book.move(references, warehouse_id):
        raise SplitRefused(_("That warehouse does not have all these goods."))
    book.write(actor.name)
    book.count()
    Share.objects.filter(pk__in=[share.pk for share in shares]).update(warehouse_id=warehouse_id)


def _say(order_id: int, code: str, actor: Actor, data: dict[str, Any]) -> None:
    timeline.append([timeline.line(order_id, code, actor=actor, now=timezone.now(), data=data)])
