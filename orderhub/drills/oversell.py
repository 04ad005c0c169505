"""64 buyers want 1,000 pieces with 3,200 requests, half of them retries: exactly what is there is sold.

Four casts: one bin; 32 bins; with earlier reservations present; and single buyers mixed with batches of 50. Two more
in `oversell_more`: bundles in random order, and expiry racing with payment.
Buyers are threads in several processes, each with a connection of its own.
"""

from __future__ import annotations

import random
import threading
import uuid
from typing import Any

from django.db import connections

from inventory import queries
from inventory.models import Bin, Sku, Warehouse
from inventory.operations.receive import opening
from inventory.operations.take import reserve_many, reserve_one
from orderhub.drills import oversell_more, workers
from orderhub.drills.cast import scalar

STOCK, BUYERS, REQUESTS, PROCESSES = 1000, 64, 3200, 4


def run(*, long: bool) -> dict[str, Any]:
    rounds = 5 if long else 1
    said: dict[str, Any] = {"ok": True, "buyers": BUYERS, "requests": 0, "retries": 0, "sold": 0, "oversold": 0,
                            "deadlocks": 0, "drift": 0, "casts": []}  # fmt: skip
    result = oversell_more.expiring(0)
    said["ok"] = said["ok"] and result.pop("ok")
    said["casts"].append({"cast": "expiry racing with payment", **result})
    _add(said, result)
    for number in range(rounds):
        for name, bins, earlier, batches in (
            ("one bin", 1, 0, False),
            ("32 bins", 32, 0, False),
            ("300 reserved before", 1, 300, False),
            ("with batches of 50", 4, 0, True),
        ):
            result = _cast(f"{number}-{name}", bins, earlier, batches, seed=number)
            said["ok"] = said["ok"] and result.pop("ok")
            said["casts"].append({"cast": name, **result})
            _add(said, result)
        result = oversell_more.bundles(number)
        said["ok"] = said["ok"] and result.pop("ok")
        said["casts"].append({"cast": "bundles in random order", **result})
        _add(said, result)
    said["drift"] = len(queries.drift())
    said["ok"] = said["ok"] and not said["drift"]
    return said


def _add(said: dict[str, Any], result: dict[str, Any]) -> None:
    for key in ("requests", "retries", "sold", "oversold", "deadlocks"):
        said[key] += result[key]


def _cast(name: str, bins: int, earlier: int, batches: bool, seed: int) -> dict[str, Any]:
    house, _ = Warehouse.objects.get_or_create(code="HZ01", defaults={"name": "杭州自建仓"})
    sku = Sku.objects.create(code=f"HOT {name}", name=name)
    shelves = [Bin.objects.create(warehouse=house, code=f"{name} {n}"[:30]) for n in range(bins)]
    share = STOCK // bins
    opening(
        [
            (sku.id, shelf.id, share + (STOCK - share * bins if n == 0 else 0))
            for n, shelf in enumerate(shelves)
        ]
    )
    if earlier:
        reserve_many([(uuid.uuid4(), sku.id, 1) for _ in range(earlier)])
    rng = random.Random(f"{seed} {name}")
    wanted = [uuid.UUID(int=rng.getrandbits(128), version=4) for _ in range(REQUESTS // 2)]
    requests = wanted * 2
    rng.shuffle(requests)
    each = -(-len(requests) // BUYERS)
    hands = [requests[n * each : (n + 1) * each] for n in range(BUYERS)]
    per = BUYERS // PROCESSES
    crews = [(sku.id, hands[n * per : (n + 1) * per], batches) for n in range(PROCESSES)]
    answers = workers.together(_crew, crews)
    errors = [error for answer in answers for error in ([answer] if isinstance(answer, str) else answer[1])]
    told = {reference for answer in answers if not isinstance(answer, str) for reference in answer[0]}
    rows = "FROM inventory_reservation WHERE sku_id = %s AND state = 'active'"
    sold = int(scalar(f"SELECT coalesce(sum(quantity), 0) {rows}", [sku.id]))
    twice = int(scalar(f"SELECT count(*) - count(DISTINCT reference) {rows}", [sku.id]))
    counted = int(scalar("SELECT sum(reserved) FROM inventory_stock WHERE sku_id = %s", [sku.id]))
    kept = int(scalar(f"SELECT count(*) {rows} AND reference = ANY(%s)", [sku.id, list(told)]))
    result = {
        "requests": len(requests), "retries": len(requests) - len(wanted), "sold": sold,
        "oversold": max(0, sold - STOCK), "told_yes": len(told), "told_but_not_kept": len(told) - kept,
        "twice": twice, "deadlocks": len(errors), "errors": sorted(set(errors))[:3],
    }  # fmt: skip
    right = sold == counted == STOCK == earlier + len(told)
    return {"ok": right and not errors and not twice and kept == len(told), **result}


def _crew(sku_id: int, hands: list[list[uuid.UUID]], batches: bool) -> tuple[list[uuid.UUID], list[str]]:
    """Several buyers of one process; the references that were told yes, and every error that a buyer saw."""
    yes: list[uuid.UUID] = []
    errors: list[str] = []

    def buy(number: int, requests: list[uuid.UUID]) -> None:
        try:
            if batches and number % 2:
                yes.extend(reserve_many([(reference, sku_id, 1) for reference in dict.fromkeys(requests)]))
            else:
                yes.extend([reference for reference in requests if reserve_one(reference, sku_id, 1)])
        except Exception as error:  # noqa: BLE001 - what a buyer sees is what is counted
            errors.append(f"{type(error).__name__}: {error}"[:200])
        finally:
            connections.close_all()

    threads = [threading.Thread(target=buy, args=(n, requests)) for n, requests in enumerate(hands)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return yes, errors
