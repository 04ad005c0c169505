"""Pieces arrive: opening stock, purchases, returns. Each is one ledger line with its reference, counted once."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection, transaction

from inventory.models import Bin, Movement, Stock
from orderhub.nudge import nudge

#: Who is rung when pieces arrived: orders that wait for them.
ARRIVED = "orders.retry_stock"
#: What becomes of a returned piece, and the bin that receives it (not sellable but for `resell`).
RETURN_BINS = {"resell": "RETURN", "recondition": "SECOND", "scrap": "SCRAP", "missing": ""}


def add(
    rows: Sequence[tuple[int, int, int]], kind: str, reference: str, actor_name: str, reason: str = ""
) -> None:
    """Add (sku, bin, quantity) to the shelf under one reference. One transaction."""
    shelve([(sku, bin_, quantity, reference, reason) for sku, bin_, quantity in rows], kind, actor_name)


def shelve(rows: Sequence[tuple[int, int, int, str, str]], kind: str, actor_name: str) -> None:
    """Add (sku, bin, quantity, reference, reason) to the shelf, making the counter where there is none.

    One counter update and one ledger line a SKU, bin and reference; two statements, one transaction.
    """
    totals: dict[tuple[int, int], int] = {}
    lines: dict[tuple[int, int, str], tuple[int, str]] = {}
    for sku_id, bin_id, quantity, reference, reason in rows:
        totals[sku_id, bin_id] = totals.get((sku_id, bin_id), 0) + quantity
        before, _reason = lines.get((sku_id, bin_id, reference), (0, reason))
        lines[sku_id, bin_id, reference] = (before + quantity, reason)
    keys = sorted(totals)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO inventory_stock (sku_id, bin_id, on_hand, reserved)
               SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::int[], %s::int[])
               ON CONFLICT (sku_id, bin_id) DO UPDATE SET on_hand = inventory_stock.on_hand + EXCLUDED.on_hand""",
            [[k[0] for k in keys], [k[1] for k in keys], [totals[k] for k in keys], [0] * len(keys)],
        )
        Movement.objects.bulk_create(
            Movement(
                sku_id=sku_id,
                bin_id=bin_id,
                kind=kind,
                on_hand_change=quantity,
                reference=reference,
                actor=actor_name,
                reason=reason[:120],
            )
            for (sku_id, bin_id, reference), (quantity, reason) in sorted(lines.items())
        )
    nudge(ARRIVED)


def opening(rows: Sequence[tuple[int, int, int]], actor_name: str = "opening stock") -> None:
    """Opening stock as (sku, bin, quantity)."""
    add(rows, Movement.Kind.OPENING, "opening", actor_name)


def receive_return(rows: Sequence[tuple[int, int, int, str, str]], actor_name: str) -> int:
    """Returned pieces as (sku, warehouse, quantity, reference, disposition); returns the pieces put away.

    A reference (receipt and line) is received once: what the ledger has already is left out. `resell` goes to a
    sellable bin, `recondition` and `scrap` to bins that are not sold from, `missing` nowhere.
    Raises KeyError for an unknown disposition.
    """
    put = 0
    with transaction.atomic():
        known = set(
            Movement.objects.filter(
                kind=Movement.Kind.RETURN, reference__in=[r[3] for r in rows]
            ).values_list("reference", flat=True)
        )
        for sku_id, warehouse_id, quantity, reference, disposition in rows:
            code = RETURN_BINS[disposition]
            if not code or reference in known:
                continue
            bin_row, _ = Bin.objects.get_or_create(
                warehouse_id=warehouse_id,
                code=code,
                defaults={"sellable": disposition == "resell", "walk_order": 9999},
            )
            add([(sku_id, bin_row.id, quantity)], Movement.Kind.RETURN, reference, actor_name, disposition)
            put += quantity
    return put


def shelf(sku_id: int) -> list[tuple[str, str, int, int]]:
    """(warehouse, bin, on hand, reserved) of a SKU."""
    return list(
        Stock.objects.filter(sku_id=sku_id)
        .order_by("bin__warehouse__priority", "bin__code")
        .values_list("bin__warehouse__code", "bin__code", "on_hand", "reserved")
    )
