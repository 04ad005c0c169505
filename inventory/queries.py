"""Questions about stock and codes; nothing here writes."""

from __future__ import annotations

import datetime as dt
import time
import uuid
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from django.db import connection
from django.db.models import Q
from django.utils import timezone

from inventory.models import Sku, SkuCode
from inventory.spelling import normal

_codes: tuple[float, dict[tuple[str, str], int], dict[int, tuple[str, str]]] | None = None
CODES_FRESH_FOR = 5.0


def sku_codes(*, fresh: bool = False) -> dict[tuple[str, str], int]:
    """{(system or "*", spelling): sku id} of active SKUs, at most five seconds old; exact and normal spellings.

    A SKU's own code is everyone's. Where an exact spelling of one is the normal one of another, the exact one wins.
    """
    global _codes
    if fresh or _codes is None or time.monotonic() - _codes[0] > CODES_FRESH_FOR:
        own = list(Sku.objects.filter(active=True).values_list("id", "code", "name"))
        outside = list(SkuCode.objects.filter(sku__active=True).values_list("system", "code", "sku_id"))
        table = {("*", normal(code)): identity for identity, code, _name in own}
        table.update({(system, normal(code)): sku_id for system, code, sku_id in outside})
        table.update({("*", code): identity for identity, code, _name in own})
        table.update({(system, code): sku_id for system, code, sku_id in outside})
        _codes = (time.monotonic(), table, {identity: (code, name) for identity, code, name in own})
    return _codes[1]


def sku_heads() -> dict[int, tuple[str, str]]:
    """{active sku: (code, name)}, as old as `sku_codes`: what a line keeps of what was sold."""
    sku_codes()
    return _codes[2] if _codes is not None else {}


def find_sku(system: str, code: str, table: dict[tuple[str, str], int]) -> int | None:
    """The SKU behind an outside spelling: the system's own first, then everyone's; exactly, then by its normal form."""
    if found := table.get((system, code)):
        return found
    spelling = normal(code)
    if not spelling:
        return None
    return table.get((system, spelling)) or table.get(("*", code)) or table.get(("*", spelling))


def outside_codes(systems: Iterable[str], sku_ids: Iterable[int]) -> dict[int, str]:
    """{sku: how the system spells it}. Two statements.

    By the first of `systems` (from the narrow to the wide: an account's code, then its trade) that has a spelling
    of its own; else what everyone was told before the SKU was renamed; else our code.
    """
    order = list(dict.fromkeys(systems))
    ids = sorted(set(sku_ids))
    found = dict(Sku.objects.filter(id__in=ids).values_list("id", "code"))
    best: dict[int, int] = {}
    told = Q(system__in=order) | Q(system="*", sent=True)
    rows = SkuCode.objects.filter(told, sku_id__in=ids).order_by("-sent", "id")
    for system, code, sku_id in rows.values_list("system", "code", "sku_id"):
        rank = order.index(system) if system in order else len(order)
        if rank < best.get(sku_id, len(order) + 1):
            best[sku_id], found[sku_id] = rank, code
    return found


def outside_code(system: str, sku_id: int) -> str:
    """How one outside system spells a SKU. KeyError for no such SKU."""
    return outside_codes([system], [sku_id])[sku_id]


def weights(sku_ids: list[int]) -> dict[int, int]:
    """{sku: grams}."""
    return dict(Sku.objects.filter(id__in=sku_ids).values_list("id", "weight_g"))


def names(sku_ids: Iterable[int]) -> dict[int, str]:
    """{sku: its name}; no statement where none is asked for."""
    ids = sorted(set(sku_ids))
    return dict(Sku.objects.filter(id__in=ids).values_list("id", "name")) if ids else {}


def heads(sku_ids: Iterable[int]) -> dict[int, str]:
    """{sku: its code}. One statement."""
    return dict(Sku.objects.filter(id__in=sorted(set(sku_ids))).values_list("id", "code"))


def bigints(ids: Iterable[int]) -> str:
    """Numbers as PostgreSQL writes an array of them: thousands cost the driver more as a list than the query does."""
    return "{" + ",".join(map(str, ids)) + "}"


#: From so many numbers on, the planner's look at each of them costs more than reading a table of goods does.
MANY = 500


def among(column: str, ids: Sequence[int], given: str = "%s") -> str:
    """The condition that a column of a small table is one of those numbers, `given` as `bigints` writes them.

    Of many, `+ 0` keeps the column's statistics (and its index) out of the plan: 5,000 are planned in 0.4 ms, not 2.4.
    """
    return f"{column}{' + 0' if len(ids) > MANY else ''} = ANY({given}::bigint[])"


def parts_of(sku_ids: Iterable[int]) -> dict[int, dict[int, int]]:
    """{bundle: {part: pieces}} of those that are bundles. One statement."""
    found: dict[int, dict[int, int]] = {}
    asked = list(set(sku_ids))
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT bundle_id, part_id, quantity FROM inventory_bundlepart WHERE {among('bundle_id', asked)} ORDER BY part_id",
            [bigints(asked)],
        )
        for bundle, part, pieces in cursor.fetchall():
            found.setdefault(bundle, {})[part] = pieces
    return found


def made_of(items: Sequence[tuple[uuid.UUID, int, int]]) -> dict[uuid.UUID, dict[int, int]]:
    """{reference: {part: pieces}} of the (reference, sku, quantity) whose SKU is a bundle. Two statements.

    What is held for the reference decides; a bundle of which nothing is held any more is what it is made of now.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT reference, sku_id, sum(quantity) FROM inventory_reservation
               WHERE reference = ANY(%s) AND state = 'active' GROUP BY 1, 2 ORDER BY 1, 2""",
            [sorted({item[0] for item in items})],
        )
        held: dict[uuid.UUID, dict[int, int]] = {}
        for reference, sku_id, pieces in cursor.fetchall():
            held.setdefault(reference, {})[sku_id] = int(pieces)
    now = parts_of(item[1] for item in items)
    found = {}
    for reference, sku_id, quantity in items:
        mine = held.get(reference)
        if mine is not None and set(mine) != {sku_id}:
            found[reference] = mine
        elif mine is None and sku_id in now:
            found[reference] = {part: pieces * quantity for part, pieces in now[sku_id].items()}
    return found


def shipped(references: Iterable[uuid.UUID]) -> dict[uuid.UUID, dict[int, int]]:
    """{reference: {sku: pieces that left under it}}, by the ledger. One statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT reference, sku_id, -sum(on_hand_change) FROM inventory_movement
               WHERE reference = ANY(%s) AND kind = 'ship' GROUP BY 1, 2""",
            [[str(reference) for reference in references]],
        )
        found: dict[uuid.UUID, dict[int, int]] = {}
        for reference, sku_id, pieces in cursor.fetchall():
            found.setdefault(uuid.UUID(reference), {})[sku_id] = int(pieces)
        return found


def shelf_shares() -> list[tuple[int, str, int, int]]:
    """(sku, its code, free pieces, pieces on the shelves) over each SKU's sellable bins of active warehouses. One statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT s.sku_id, k.code, sum(s.on_hand - s.reserved)::bigint, sum(s.on_hand)::bigint FROM inventory_stock s
               JOIN inventory_bin b ON b.id = s.bin_id AND b.sellable
               JOIN inventory_warehouse w ON w.id = b.warehouse_id AND w.active
               JOIN inventory_sku k ON k.id = s.sku_id GROUP BY 1, 2 HAVING sum(s.on_hand) > 0 ORDER BY 1"""
        )
        return cursor.fetchall()


#: Enough for everybody: what a presale's day brings.
PLENTY = 10**9


def arrivals(sku_ids: Iterable[int]) -> dict[int, list[tuple[dt.date, int]]]:
    """{sku: [(day, pieces on the way)]}, earliest first: what purchase orders still bring, and a presale's own day.

    What is overdue is expected tomorrow; an order without a day brings nothing that could be promised. One statement.
    """
    found: dict[int, list[tuple[dt.date, int]]] = {}
    tomorrow = timezone.localdate() + dt.timedelta(days=1)
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT l.sku_id, (coalesce(l.expected_at, p.expected_at) AT TIME ZONE 'Asia/Shanghai')::date,
                      l.ordered - l.stopped - l.received
               FROM inventory_purchaseline l JOIN inventory_purchaseorder p ON p.id = l.order_id
               JOIN inventory_warehouse w ON w.id = p.warehouse_id AND w.active
               WHERE l.sku_id = ANY(%(ids)s) AND p.state IN ('placed', 'partial')
                 AND l.ordered - l.stopped - l.received > 0 AND coalesce(l.expected_at, p.expected_at) IS NOT NULL
               UNION ALL SELECT id, presale_on, %(plenty)s FROM inventory_sku
               WHERE id = ANY(%(ids)s) AND presale_on IS NOT NULL""",
            {"ids": sorted(set(sku_ids)), "plenty": PLENTY},
        )
        for sku_id, day, pieces in cursor.fetchall():
            found.setdefault(sku_id, []).append((max(day, tomorrow), int(pieces)))
    return {sku_id: sorted(rows) for sku_id, rows in found.items()}


class DriftRow(NamedTuple):
    """Where the counters, the ledger and the reservations of a SKU and bin disagree."""

    sku_id: int
    bin_id: int
    on_hand: int
    reserved: int
    ledger_on_hand: int
    ledger_reserved: int
    held: int


def drift() -> list[DriftRow]:
    """Every SKU and bin where counters, ledger and reservations disagree, from whichever of the three it is known."""
    with connection.cursor() as cursor:
        cursor.execute(
            """WITH ledger AS (SELECT sku_id, bin_id, sum(on_hand_change) h, sum(reserved_change) r
                    FROM inventory_movement GROUP BY 1, 2),
                 held AS (SELECT sku_id, bin_id, sum(quantity) n FROM inventory_reservation WHERE state = 'active'
                    GROUP BY 1, 2)
               SELECT sku_id, bin_id, coalesce(s.on_hand, 0), coalesce(s.reserved, 0), coalesce(m.h, 0)::bigint,
                      coalesce(m.r, 0)::bigint, coalesce(r.n, 0)::bigint
               FROM inventory_stock s FULL JOIN ledger m USING (sku_id, bin_id) FULL JOIN held r USING (sku_id, bin_id)
               WHERE coalesce(s.on_hand, 0) <> coalesce(m.h, 0) OR coalesce(s.reserved, 0) <> coalesce(m.r, 0)
                  OR coalesce(s.reserved, 0) <> coalesce(r.n, 0) ORDER BY 1, 2"""
        )
        return [DriftRow(*row) for row in cursor.fetchall()]


class WarehouseHead(NamedTuple):
    id: int
    code: str
    name: str
    own: bool
    priority: int
    active: bool


def warehouses() -> list[WarehouseHead]:
    """Every warehouse, the inactive ones too, by priority. One statement, no model instances."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, code, name, kind = 'own', priority, active FROM inventory_warehouse ORDER BY priority, code"
        )
        return [WarehouseHead(*row) for row in cursor.fetchall()]
