"""The warehouse system's shelves against ours: a difference is a finding, and a movement with a reason once it is sure.

Between their shelf and our ledger lie minutes: a difference is sure when a second look, with no movement of that SKU
in that warehouse in between, finds the same figures. Or when a person presses the button.

An account is asked where its option `reconcile` says so: "show" notes what differs, "write" takes over what is sure.
"""

from __future__ import annotations

import logging
from typing import Any

from django.db import connection

from inventory.models import Bin, Drift, Warehouse
from inventory.operations import drift
from inventory.operations.codes import note_unknown
from inventory.operations.count import Refused
from inventory.operations.stockins import ARRIVALS
from inventory.operations.takeover import OURS
from inventory.providers import levels, stockins
from orderhub.integrations.errors import PlatformError
from orderhub.integrations.models import Connection

log = logging.getLogger(__name__)


def look() -> dict[str, int]:
    """Ask every account, note what differs, write what is sure: {"differ": n, "written": n}."""
    told: dict[tuple[int, int], int] = {}
    by: dict[int, str] = {}
    asked: set[int] = set()
    writes: set[int] = set()
    accounts = Connection.objects.filter(platform__in=levels.SYSTEMS, state=Connection.State.OK).order_by(
        "id"
    )
    for account in accounts:
        mine = set(Warehouse.objects.filter(wms=account, active=True).values_list("id", flat=True))
        spelled = {
            word: house for word, house in stockins.warehouses([account])[account.id].items() if house in mine
        }
        wish = account.options.get("reconcile")
        if not spelled or wish not in ("show", "write"):
            continue
        try:
            found, unknown = levels.levels(account, spelled)
        except (PlatformError, stockins.Unreadable) as error:
            log.warning("stock of %s: %s", account.code, error)
            continue
        note_unknown({(account.code, code): ("", 1) for code in unknown})
        told |= found
        asked |= mine
        writes |= mine if wish == "write" else set()
        by |= dict.fromkeys(mine, account.code)
    return _compare(told, by, asked, writes)


def _compare(
    told: dict[tuple[int, int], int], by: dict[int, str], asked: set[int], writes: set[int]
) -> dict[str, int]:
    before = {
        (row.figures.get("warehouse"), row.sku_id): row
        for row in Drift.objects.filter(kind=Drift.Kind.WMS, ended_at=None)
    }
    keys = sorted(told)
    with connection.cursor() as cursor:
        cursor.execute(OURS, [[key[0] for key in keys], [key[1] for key in keys]])
        ours = {(row[0], row[1]): row[2:] for row in cursor.fetchall()}
    findings: list[drift.Finding] = []
    sure: list[tuple[int, int]] = []
    for key in keys:
        here, moved, place = ours[key]
        if told[key] == here:
            continue
        figures: dict[str, Any] = {
            "warehouse": key[0],
            "theirs": told[key],
            "ours": int(here),
            "moved": moved,
            "by": by[key[0]],
        }
        seen = before.get(key)
        if (
            key[0] in writes
            and seen is not None
            and {name: seen.figures.get(name) for name in figures} == figures
        ):
            sure.append(key)
        findings.append((key[1], place or _arrivals(key[0]), None, figures))
    findings += [
        (row.sku_id, row.bin_id, None, row.figures) for key, row in before.items() if key[0] not in asked
    ]  # who could not be asked has not changed his mind
    drift.note(Drift.Kind.WMS, findings)
    written = 0
    for row in Drift.objects.filter(kind=Drift.Kind.WMS, ended_at=None, sku_id__in=[key[1] for key in sure]):
        if (row.figures["warehouse"], row.sku_id) in sure:
            try:
                written += drift.repair(row.pk, row.figures["by"])
            except Refused as refusal:
                log.info("stock of SKU %s stays different: %s", row.sku_id, refusal)
    return {"differ": len(findings), "written": written}


def _arrivals(warehouse_id: int) -> int:
    """The bin of a warehouse for goods whose place nobody names."""
    made, _new = Bin.objects.get_or_create(
        warehouse_id=warehouse_id, code=ARRIVALS, defaults={"sellable": True, "walk_order": 9999}
    )
    return made.pk
