"""Counters that left the ledger are found every night and repaired by one click, by compensating ledger lines.

The ledger is the truth of what is on hand, the reservations are the truth of what is promised. A repair writes two
lines: what the counter said without a reason, and what takes it back; nothing is overwritten.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from django.db import connection, transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from inventory import queries
from inventory.models import Drift
from inventory.operations.count import Refused, lock
from inventory.operations.release import release
from inventory.operations.reserve import MOVEMENT_COLUMNS
from inventory.operations.takeover import write
from orderhub.copying import copy_rows
from orderhub.tickets.opening import close_gone, open_ticket

CAUSE = "stock_drift"
#: (sku, bin or None, reference or None, figures)
Finding = tuple[int, int | None, str | None, dict[str, Any]]


def look() -> int:
    """Compare all counters with the ledger and the reservations; how many differ."""
    found = [
        (
            one.sku_id, one.bin_id, None,
            {"on_hand": one.on_hand, "reserved": one.reserved, "ledger_on_hand": one.ledger_on_hand,
             "ledger_reserved": one.ledger_reserved, "held": one.held},
        )
        for one in queries.drift()
    ]  # fmt: skip
    return note(Drift.Kind.COUNTER, found)


def note(kind: str, found: Iterable[Finding]) -> int:
    """What is found of a kind is open from now on, what is no longer found is ended. Two statements."""
    rows = list(found)
    columns: list[list[Any]] = [
        [row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows],
        [json.dumps(row[3], ensure_ascii=False, default=str) for row in rows],
    ]  # fmt: skip
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO inventory_drift (kind, sku_id, bin_id, reference, figures)
               SELECT %s, * FROM unnest(%s::bigint[], %s::bigint[], %s::uuid[], %s::jsonb[])
               ON CONFLICT (kind, sku_id, bin_id, reference) WHERE ended_at IS NULL
               DO UPDATE SET figures = EXCLUDED.figures""",
            [kind, *columns],
        )
        cursor.execute(
            """UPDATE inventory_drift d SET ended_at = now(), ended_by = 'clock' WHERE d.kind = %s AND d.ended_at IS NULL
               AND NOT EXISTS (SELECT 1 FROM unnest(%s::bigint[], %s::bigint[], %s::uuid[]) AS v(s, b, r)
                   WHERE v.s = d.sku_id AND v.b IS NOT DISTINCT FROM d.bin_id AND v.r IS NOT DISTINCT FROM d.reference)""",
            [kind, *columns[:3]],
        )
    _tell()
    return len(rows)


def _tell() -> None:
    """One ticket while anything is open."""
    left = Drift.objects.filter(ended_at=None).count()
    if not left:
        close_gone([CAUSE], _("Everything adds up again."))
        return
    open_ticket(
        CAUSE, CAUSE, _("Stock does not add up in %(n)d places") % {"n": left},
        body=_("Open the list, look at each, and repair it with one click."), role="warehouse_manager",
        link=reverse("admin:inventory_drift_changelist"),
    )  # fmt: skip


def repair(drift_id: int, actor_name: str) -> bool:
    """Repair one finding by compensating lines; False where it is repaired or gone. Refused where a count is needed first."""
    with transaction.atomic():
        found = Drift.objects.select_for_update().filter(pk=drift_id, ended_at=None).first()
        if found is None:
            return False
        if found.kind == Drift.Kind.COUNTER and found.bin_id is not None:
            _set_right(found.sku_id, found.bin_id, actor_name)
        elif found.kind == Drift.Kind.WMS and found.bin_id is not None:
            write(found.sku_id, found.bin_id, found.figures, actor_name)
        elif found.kind == Drift.Kind.ORPHAN and found.reference is not None:
            release([found.reference], actor_name, "held for nobody")
        else:
            raise Refused(_("Open the order and hold its goods again there."))
        found.ended_at, found.ended_by = timezone.now(), actor_name[:80]
        found.save(update_fields=["ended_at", "ended_by"])
    _tell()
    return True


def _set_right(sku_id: int, bin_id: int, actor_name: str) -> None:
    on_hand, reserved, name = lock([(sku_id, bin_id)])[sku_id, bin_id]
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT coalesce(sum(on_hand_change), 0), coalesce(sum(reserved_change), 0),
                   (SELECT coalesce(sum(quantity), 0) FROM inventory_reservation
                    WHERE sku_id = %(sku)s AND bin_id = %(bin)s AND state = 'active')
               FROM inventory_movement WHERE sku_id = %(sku)s AND bin_id = %(bin)s""",
            {"sku": sku_id, "bin": bin_id},
        )
        there, said, held = (int(value) for value in cursor.fetchone())
        if there < held:
            told = {"place": name, "ledger": there, "held": held}
            raise Refused(
                _(
                    "%(place)s: the ledger knows of %(ledger)d pieces, %(held)d are promised. Count the bin first."
                )
                % told
            )
        if (on_hand, reserved, said) == (there, held, held):
            return
        reference = f"drift:{sku_id}:{bin_id}:{timezone.now():%y%m%d%H%M%S}"
        was = _("the counters said %(h)d / %(r)d without a movement") % {"h": on_hand, "r": reserved}
        now = _("taken back to the ledger") + f" {there} / {held}"
        cursor.execute(
            "UPDATE inventory_stock SET on_hand = on_hand + %s, reserved = reserved + %s WHERE sku_id = %s AND bin_id = %s",
            [there - on_hand, held - reserved, sku_id, bin_id],
        )
    copy_rows(
        "inventory_movement",
        MOVEMENT_COLUMNS,
        [
            (
                sku_id,
                bin_id,
                "repair",
                on_hand - there,
                reserved - said,
                reference,
                was[:120],
                actor_name[:80],
            ),
            (
                sku_id,
                bin_id,
                "repair",
                there - on_hand,
                held - reserved,
                reference,
                now[:120],
                actor_name[:80],
            ),
        ],
    )
