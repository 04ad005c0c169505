"""An order follows its least advanced live parcel, in a transaction of its own; `followed` says what it knows."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import connection

from logistics.lifecycle import RANK
from logistics.models import Parcel
from orderhub.actors import platform
from orders import queries as orders
from orders.operations.follow import Move, advance

#: The order's state by the rank of its least advanced parcel.
STATES = ("routed", "released", "waved", "packed", "printed", "shipped", "signed")
TIMES = {1: "handed_at", 2: "waved_at", 3: "packed_at", 4: "printed_at", 5: "shipped_at", 6: "signed_at"}


def follow(*, n: int = 500, limit: int = 20_000) -> int:
    """Bring the orders of changed parcels forward; returns how many orders were looked at."""
    looked, last = 0, 0
    while looked < limit:
        with connection.cursor() as cursor:
            cursor.execute(
                """SELECT DISTINCT order_id FROM logistics_parcel WHERE followed <> state AND order_id > %s
                   ORDER BY order_id LIMIT %s""",
                [last, n],
            )
            ids = [row[0] for row in cursor.fetchall()]
        if not ids:
            break
        _follow(ids)
        looked += len(ids)
        last = ids[-1]
    return looked


def _follow(order_ids: list[int]) -> None:
    by_order: dict[int, list[Parcel]] = {}
    columns = ("id", "order_id", "number", "state", "followed", "worked_by", "weight_g", "waybill_no", "carrier", "wave_id",
               "place", "rides_with__worked_by", *TIMES.values())  # fmt: skip
    for parcel in (
        Parcel.objects.filter(order_id__in=order_ids)
        .select_related("rides_with")
        .only(*columns)
        .order_by("id")
    ):
        by_order.setdefault(parcel.order_id, []).append(parcel)
    moves: dict[str, list[Move]] = {}
    wanted: dict[int, str] = {}
    places = orders.places_of_splits(order_ids)
    for order_id, parcels in by_order.items():
        live = [parcel for parcel in parcels if parcel.state != "voided"]
        if not live or places.get(order_id, set()) - {parcel.place for parcel in live}:
            continue  # a part of it has no parcel at this moment: it is not as far as the others
        rank = min(RANK[parcel.state] for parcel in live)
        if rank:
            wanted[order_id] = STATES[rank]
            moves.setdefault(_who(live), []).append(_move(order_id, rank, live))
    reached: dict[int, str] = {}
    for who, rows in moves.items():
        reached.update(advance(rows, platform(who)))
    behind = {i for i, state in wanted.items() if i in reached and _before(reached[i], state)}
    _remember([p for i, parcels in by_order.items() for p in parcels if i not in behind])


def _before(here: str, wanted: str) -> bool:
    """An order that could not follow yet (a module is off, its own steps are behind) is looked at again."""
    return here in STATES and STATES.index(here) < STATES.index(wanted)


def _who(parcels: list[Parcel]) -> str:
    if all(parcel.state == "signed" for parcel in parcels):
        return "carrier"
    last = parcels[-1]
    return (last.rides_with or last).worked_by


def _move(order_id: int, rank: int, parcels: list[Parcel]) -> Move:
    """When each state was reached: by the last of the parcels."""
    times: dict[str, dt.datetime] = {}
    for step in range(1, rank + 1):
        known = [at for parcel in parcels if (at := getattr(parcel, TIMES[step])) is not None]
        if known:
            times[STATES[step]] = max(known)
    data: dict[str, Any] = {
        "parcels": [parcel.number for parcel in parcels],
        "waybills": [f"{parcel.carrier} {parcel.waybill_no}" for parcel in parcels if parcel.waybill_no],
    }
    weights = [parcel.weight_g for parcel in parcels if parcel.weight_g]
    if weights:
        data["weight_g"] = sum(weights)
    return Move(order_id, STATES[rank], times.get(STATES[rank]), data, times)


def _remember(parcels: list[Parcel]) -> None:
    """The order knows the state that was read; a parcel that moved on meanwhile is followed again."""
    rows = [parcel for parcel in parcels if parcel.followed != parcel.state]
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE logistics_parcel p SET followed = v.seen FROM unnest(%s::bigint[], %s::text[]) AS v(id, seen)
               WHERE p.id = v.id AND p.id = ANY(%s::bigint[])""",
            [[p.id for p in rows], [str(p.state) for p in rows], [p.id for p in rows]],
        )
