"""Many workers want one SKU, in one bin and in 32: batches of 50, one at a time, and a conditional UPDATE as floor.

Commits are durable (synchronous_commit on). Every reservation writes counter, reservation and ledger row; the
floor writes the counter only. Nothing may be oversold and the ledger must balance afterwards: it must hold exactly what
the workers were told was committed, read after the database was cut off and started again.
"""

from __future__ import annotations

import statistics
import time
import uuid
from typing import Any

from django.db import connection

from inventory import queries
from inventory.models import Bin, Sku, Warehouse
from inventory.operations.receive import opening
from inventory.operations.take import reserve_many, reserve_one
from orderhub.drills import workers
from orderhub.drills.cast import scalar

WORKERS, BATCH = 8, 50


def run(*, long: bool) -> dict[str, Any]:
    seconds, rounds = (4.0, 5) if long else (1.0, 5)
    house = Warehouse.objects.create(code="HZ01", name="杭州自建仓")
    goods = {bins: _shelve(house, bins) for bins in (1, 32)}
    durable = str(scalar("SHOW synchronous_commit"))
    speeds: dict[str, list[float]] = {}
    committed = 0
    for _ in range(rounds):
        for bins, sku_id in goods.items():
            for name, work in (("floor", _conditional), ("one", _one), ("batch", _batches)):
                answers = workers.together(_timed, [(work, sku_id, seconds)] * WORKERS)
                broken = [answer for answer in answers if isinstance(answer, str)]
                if broken:
                    raise RuntimeError(broken[0])
                total = sum(answer[0] for answer in answers)
                spent = max(answer[2] for answer in answers) - min(answer[1] for answer in answers)
                speeds.setdefault(f"{name}_{bins}", []).append(total / spent)
                if name == "floor":
                    _undo_floor(sku_id)
                else:
                    committed += total
    median = {name: statistics.median(values) for name, values in speeds.items()}
    restarted = _power_cut()
    sold = int(scalar("SELECT coalesce(sum(quantity), 0) FROM inventory_reservation WHERE state = 'active'"))
    counted = int(scalar("SELECT sum(reserved) FROM inventory_stock"))
    ledger = int(scalar("SELECT coalesce(sum(reserved_change), 0) FROM inventory_movement"))
    oversold = _oversold(house)
    drift = len(queries.drift())
    ratio = {bins: median[f"one_{bins}"] / median[f"floor_{bins}"] for bins in goods}
    return {
        "ok": median["batch_1"] >= 20_000 and ratio[1] >= 0.4 and not oversold and not drift and sold == counted
        and durable == "on" and ledger == committed == sold,
        "value": round(median["batch_1"]), "unit": "reservations/s in batches of 50, one bin", "floor": round(median["floor_1"]),
        "ratio": round(ratio[1], 2), "oversold": oversold, "drift": drift, "synchronous_commit": durable,
        "workers": WORKERS, "one_at_a_time": round(median["one_1"]), "batches_32_bins": round(median["batch_32"]),
        "one_at_a_time_32_bins": round(median["one_32"]), "floor_32_bins": round(median["floor_32"]),
        "ratio_32_bins": round(ratio[32], 2), "reserved": sold,
        "committed": committed, "ledger": ledger, "database_cut_off": restarted,
    }  # fmt: skip


def _power_cut() -> bool:
    """End the database without a checkpoint and start it again; everything after is read by a new connection.

    False where it is not the embedded one, or somebody else is at work on it: then it is only read anew.
    """
    from orderhub.launch.cluster import Cluster

    cluster = Cluster()
    connection.close()
    if not cluster.pid() or str(cluster.port) != str(connection.settings_dict["PORT"]):
        return False
    if cluster.others_connected():
        return False
    cluster.stop(at_once=True)
    return cluster.start()


def _shelve(house: Warehouse, bins: int) -> int:
    sku = Sku.objects.create(code=f"HOT-{bins}", name="热销")
    shelves = Bin.objects.bulk_create(Bin(warehouse=house, code=f"{bins}-{n}") for n in range(bins))
    opening([(sku.id, shelf.id, 50_000_000 // bins) for shelf in shelves])
    return int(sku.id)


def _timed(work: Any, sku_id: int, seconds: float) -> tuple[int, float, float]:
    connection.ensure_connection()
    started = time.monotonic()
    done = work(sku_id, started + seconds)
    return done, started, time.monotonic()


def _conditional(sku_id: int, until: float) -> int:
    """The floor: one statement a reservation, on any of the SKU's bins, and nothing written down about it."""
    done = 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM inventory_stock WHERE sku_id = %s ORDER BY id", [sku_id])
        ids = [row[0] for row in cursor.fetchall()]
        number = uuid.uuid4().int
        while time.monotonic() < until:
            cursor.execute(
                "UPDATE inventory_stock SET reserved = reserved + 1 WHERE id = %s AND on_hand - reserved >= 1",
                [ids[(number + done) % len(ids)]],
            )
            done += cursor.rowcount
    return done


def _undo_floor(sku_id: int) -> None:
    """The floor kept no ledger: its pieces are taken off the counters again."""
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE inventory_stock s SET reserved = coalesce((SELECT sum(quantity) FROM inventory_reservation r
               WHERE r.sku_id = s.sku_id AND r.bin_id = s.bin_id AND r.state = 'active'), 0) WHERE s.sku_id = %s""",
            [sku_id],
        )


def _one(sku_id: int, until: float) -> int:
    done = 0
    while time.monotonic() < until:
        done += reserve_one(uuid.uuid4(), sku_id, 1)
    return done


def _batches(sku_id: int, until: float) -> int:
    done = 0
    while time.monotonic() < until:
        done += len(reserve_many([(uuid.uuid4(), sku_id, 1) for _ in range(BATCH)]))
    return done


def _oversold(house: Warehouse) -> int:
    return int(
        scalar(
            """SELECT coalesce(sum(greatest(r.n - s.on_hand, 0)), 0) FROM inventory_stock s JOIN
               (SELECT sku_id, bin_id, sum(quantity) n FROM inventory_reservation WHERE state = 'active' GROUP BY 1, 2) r
               ON r.sku_id = s.sku_id AND r.bin_id = s.bin_id JOIN inventory_bin b ON b.id = s.bin_id
               WHERE b.warehouse_id = %s""",
            [house.id],
        )
    )
