"""Cycle counts: what a person (or a warehouse system) counted becomes a movement of the difference, never an overwrite."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection, transaction
from django.utils.translation import gettext as _

from inventory.models import Movement
from inventory.operations.receive import ARRIVED
from inventory.operations.reserve import MOVEMENT_COLUMNS
from orderhub.copying import copy_rows
from orderhub.nudge import nudge

MOST = 10_000_000


class Refused(ValueError):
    """A change of the shelf that can't be made; the text is for a clerk."""


@dataclass(frozen=True, slots=True)
class Counted:
    """So many pieces of a SKU were counted in a bin.

    `seen` is what the books said when the counting began: what moved since is no difference. None: they are as now.
    """

    sku_id: int
    bin_id: int
    pieces: int
    reason: str
    seen: int | None = None


def count(rows: Sequence[Counted], reference: str, actor_name: str) -> dict[tuple[int, int], int]:
    """Write counts; {(sku, bin): the difference}. One transaction, constant SQL: all of them or none.

    A count is a line of the ledger also where it changes nothing (it says that somebody looked). The same reference
    counts a SKU and bin once, however often it is told. Refused where a count has no reason, is no number of pieces,
    or leaves less than is promised.
    """
    if not rows:
        return {}
    wanted = {(row.sku_id, row.bin_id): row for row in rows}
    for row in rows:
        if not 0 <= row.pieces <= MOST:
            raise Refused(_("A count is a whole number of pieces, from 0 to %(most)d.") % {"most": MOST})
        if not row.reason.strip():
            raise Refused(_("Say why it was counted: it stands in the ledger."))
    with transaction.atomic():
        there = lock(wanted)
        known = set(
            Movement.objects.filter(kind=Movement.Kind.COUNT, reference=reference).values_list(
                "sku_id", "bin_id"
            )
        )
        changes: dict[tuple[int, int], int] = {}
        for key, row in wanted.items():
            on_hand, reserved, name = there[key]
            change = row.pieces - (on_hand if row.seen is None else row.seen)
            if key in known:
                continue
            if on_hand + change < reserved:
                said = {"place": name, "left": on_hand + change, "promised": reserved}
                raise Refused(
                    _("%(place)s: %(left)d pieces would be left, but %(promised)d are promised to orders. "
                      "Release or move those first.") % said
                )  # fmt: skip
            changes[key] = change
        _apply(changes)
        copy_rows(
            "inventory_movement",
            MOVEMENT_COLUMNS,
            [
                (
                    sku,
                    place,
                    "count",
                    change,
                    0,
                    reference[:60],
                    wanted[sku, place].reason[:120],
                    actor_name[:80],
                )
                for (sku, place), change in sorted(changes.items())
            ],
        )
        if any(change > 0 for change in changes.values()):
            nudge(ARRIVED)
    return changes


def lock(
    keys: Sequence[tuple[int, int]] | dict[tuple[int, int], Counted],
) -> dict[tuple[int, int], tuple[int, int, str]]:
    """{(sku, bin): (on hand, reserved, its name)} of these counters, locked in order; missing ones are made. Two statements."""
    ordered = sorted(keys)
    columns = [[key[0] for key in ordered], [key[1] for key in ordered]]
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO inventory_stock (sku_id, bin_id, on_hand, reserved)
               SELECT a, b, 0, 0 FROM unnest(%s::bigint[], %s::bigint[]) AS v(a, b)
               ON CONFLICT (sku_id, bin_id) DO NOTHING""",
            columns,
        )
        cursor.execute(
            """SELECT s.sku_id, s.bin_id, s.on_hand, s.reserved, k.code || ' @ ' || b.code FROM inventory_stock s
               JOIN unnest(%s::bigint[], %s::bigint[]) AS v(a, b) ON s.sku_id = v.a AND s.bin_id = v.b
               JOIN inventory_sku k ON k.id = s.sku_id JOIN inventory_bin b ON b.id = s.bin_id
               ORDER BY s.sku_id, s.bin_id FOR UPDATE OF s""",
            columns,
        )
        return {(row[0], row[1]): (row[2], row[3], row[4]) for row in cursor.fetchall()}


def _apply(changes: dict[tuple[int, int], int]) -> None:
    keys = sorted(key for key, change in changes.items() if change)
    if not keys:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE inventory_stock s SET on_hand = s.on_hand + v.n
               FROM unnest(%s::bigint[], %s::bigint[], %s::int[]) AS v(a, b, n) WHERE s.sku_id = v.a AND s.bin_id = v.b""",
            [[key[0] for key in keys], [key[1] for key in keys], [changes[key] for key in keys]],
        )
