"""Parcels that ride inside another one follow it step by step, each order's own record of what happened to it."""

from __future__ import annotations

from typing import Any

from django.db import connection

from logistics.lifecycle import LIFECYCLE, RANK
from logistics.operations.progress import apply_progress
from logistics.operations.steps import Progress
from orderhub.actors import Actor, platform
from orderhub.lifecycle import apply

_BEHIND = """
    SELECT r.id, r.state, p.state, p.worked_by, p.waybill_no, p.sort_code, p.carrier, p.stop_reason, p.waved_at, p.packed_at,
        p.printed_at, p.shipped_at
    FROM logistics_parcel r JOIN logistics_parcel p ON p.id = r.rides_with_id
    WHERE r.rides_with_id IS NOT NULL AND r.state IN ('planned', 'numbered', 'handed', 'waved', 'packed', 'printed')
      AND r.state <> p.state AND r.next_try_at <= clock_timestamp() ORDER BY r.id LIMIT %s"""
STEPS = ("waved", "packed", "printed", "shipped")
FURTHER = ("returned", "signed")


def ride(*, n: int = 500) -> int:
    """Bring riders to where the parcel that carries them is; returns how many were behind. One transaction a step."""
    with connection.cursor() as cursor:
        cursor.execute(_BEHIND, [n])
        rows = [dict(zip([c[0] if i != 2 else "lead" for i, c in enumerate(cursor.description)], row, strict=True))
                for row in cursor.fetchall()]  # fmt: skip
    by_actor: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_actor.setdefault(row["worked_by"], []).append(row)
    for name, mine in by_actor.items():
        _follow(mine, platform(name))
    return len(rows)


def _follow(rows: list[dict[str, Any]], actor: Actor) -> None:
    voided = {row["id"]: row["stop_reason"] for row in rows if row["lead"] == "voided"}
    if voided:
        apply(LIFECYCLE, "void", sorted(voided), actor=actor, params={"reasons": voided, "stopped": True})
    going = [row for row in rows if row["lead"] != "voided"]
    numbers = {
        row["id"]: {"waybill_no": row["waybill_no"], "sort_code": row["sort_code"], "carrier": row["carrier"]}
        for row in going
        if row["state"] == "planned" and row["lead"] != "planned"
    }
    if numbers:
        apply(LIFECYCLE, "number", sorted(numbers), actor=actor, params={"answers": numbers})
    handed = [row["id"] for row in going if RANK[row["lead"]] >= 1 and RANK[row["state"]] == 0]
    if handed:
        apply(LIFECYCLE, "hand", sorted(handed), actor=actor)
    told = [_progress(row) for row in going if RANK[row["lead"]] >= 2]
    if told:
        apply_progress(told, actor)


def _progress(row: dict[str, Any]) -> Progress:
    """The carrying parcel's steps and times; its weight is of all goods together and says nothing of one order's."""
    stage = "shipped" if row["lead"] in FURTHER else row["lead"]
    times = {step: row[f"{step}_at"] for step in STEPS if row[f"{step}_at"] is not None}
    return Progress(row["id"], stage, times)
