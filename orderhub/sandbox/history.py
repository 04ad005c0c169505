"""Parcels delivered before the demo begins, made up from a seed so that success rates exist on the first day.

With the default seed the share signed within 24 hours in 余杭区 is 333 of 352 (94.6 %) from the partner warehouse
YH01 and 300 of 360 (83.3 %, 11.3 points less) from the own warehouse HZ01; another seed gives figures nearby.
Elsewhere it lies around 70 to 93 %.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import TextIO

from orderhub.sandbox.catalogue import addresses
from orderhub.sandbox.places import outlet_code
from orderhub.sandbox.schedule import lot

YUHANG = "330110"
DEFAULT_SEED = 1
YUHANG_PARCELS = {"YH01": (352, 333, 7), "HZ01": (360, 300, 12)}  # parcels, fast ones, room for another seed
CARRIERS = ("ZTO", "YTO")
OUTLETS = 3


@dataclass(frozen=True)
class Delivered:
    """One parcel of the past; times are aware, `first_attempt_ok` says whether the first attempt was the last."""

    waybill: str
    district: str
    warehouse: str
    carrier: str
    outlet: str
    shipped_at: datetime
    picked_up_at: datetime
    first_attempt_at: datetime
    first_attempt_ok: bool
    signed_at: datetime


FIELDS = tuple(field.name for field in fields(Delivered))


def delivered_history(seed: int, now: datetime, n: int) -> list[Delivered]:
    """`n` parcels (at least the 712 of 余杭区) shipped and signed in the last 3 to 15 days, oldest first.

    Whether "in 24 hours" counts from leaving the warehouse or from pick-up makes no difference here.
    """
    rows: list[Delivered] = []
    for warehouse, (count, fast, room) in YUHANG_PARCELS.items():
        draw = lot(seed, "history-yuhang", warehouse)
        shift = 0 if seed == DEFAULT_SEED else draw.choice([step for step in range(-room, room + 1) if step])
        rows += group(seed, now, YUHANG, warehouse, count, fast + shift)
    for district, warehouse, count in others(seed, max(0, n - len(rows))):
        draw = lot(seed, "history-rate", district, warehouse)
        rows += group(seed, now, district, warehouse, count, round(count * draw.uniform(0.70, 0.93)))
    return sorted(rows, key=lambda row: (row.shipped_at, row.waybill))


def others(seed: int, n: int) -> Iterator[tuple[str, str, int]]:
    """How many parcels of which other district and warehouse; districts nearby come first."""
    districts = sorted({place.adcode for place in addresses() if place.adcode.startswith("33")} - {YUHANG})
    pairs = [(district, "HZ01") for district in districts]
    pairs += [(district, "YH01") for district in districts if district.startswith("3301")]
    pairs += [(district, "JX01") for district in districts if district.startswith("3304")]
    if not pairs:
        return
    each, rest = divmod(n, len(pairs))
    lot(seed, "history-others").shuffle(pairs)
    for at, (district, warehouse) in enumerate(pairs):
        count = each + (at < rest)
        if count:
            yield district, warehouse, count


def group(seed: int, now: datetime, district: str, warehouse: str, count: int, fast: int) -> list[Delivered]:
    """`count` parcels of which exactly `fast` were signed within 24 hours of pick-up."""
    draw = lot(seed, "history", district, warehouse)
    order = [at < fast for at in range(count)]
    draw.shuffle(order)
    return [parcel(draw, now, district, warehouse, quick) for quick in order]


def parcel(draw: random.Random, now: datetime, district: str, warehouse: str, quick: bool) -> Delivered:
    carrier = CARRIERS[draw.random() < 0.3]
    signed = now - timedelta(days=draw.uniform(3, 12.5))
    if quick:
        first_ok = draw.random() < 0.985
        whole = draw.uniform(14, 23.8)
        waited = draw.uniform(0.5, min(5, whole - 11))
        first = signed if first_ok else signed - timedelta(hours=draw.uniform(2, 5))
    else:
        first_ok = draw.random() < 0.55
        waited = draw.uniform(0.5, 5)
        whole = draw.uniform(24.3, 52) + waited
        first = signed if first_ok else signed - timedelta(hours=draw.uniform(14, 22))
    shipped = signed - timedelta(hours=whole)
    picked = shipped + timedelta(hours=waited)
    number = f"{'73' if carrier == 'ZTO' else 'YT'}{draw.randrange(10**12):012d}"
    shipped, picked, first, signed = (at.replace(microsecond=0) for at in (shipped, picked, first, signed))
    outlet = outlet_code(carrier, district, draw.randint(1, OUTLETS))
    return Delivered(number, district, warehouse, carrier, outlet, shipped, picked, first, first_ok, signed)


def write_csv(rows: Iterable[Delivered], file: TextIO) -> int:
    """Write rows with a heading (times ISO 8601 with offset, flags true/false); how many."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(FIELDS)
    count = 0
    for row in rows:
        values = (getattr(row, name) for name in FIELDS)
        writer.writerow([
            value.isoformat() if isinstance(value, datetime) else str(value).lower() if isinstance(value, bool) else value
            for value in values
        ])  # fmt: skip
        count += 1
    return count
