"""Success rates of areas by warehouse, carrier and outlet from parcels that are old enough to be judged.

A parcel is judged on "signed within H hours" only when it was shipped more than H hours ago, so that one still
on its way is not counted as a failure. The sample is what was shipped in the three days before that moment:
shipped in [now - H - 3 d, now - H). Where an area and key have fewer than `ENOUGH` such parcels their window is
widened to fifteen days; each row says which it has. The first attempt is judged on the 3-day horizon's sample.

Small samples are shrunk (beta-binomial, the prior worth `WEIGHT` parcels): smoothed = (k + w·m) / (n + w),
where m is the area's own rate for a key in it, the overall rate for an area or for a key everywhere, and the
raw overall rate is shrunk to `UNKNOWN`. A key without parcels in an area thus counts as average for the area.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from django.db import connection, transaction

from logistics.queries import deliveries
from orderhub.copying import copy_rows
from routing.known import UNKNOWN
from routing.plan import SMOOTHED_WITH

WINDOWS = (dt.timedelta(days=3), dt.timedelta(days=15))
#: With at least so many parcels on both horizons the short window stands.
ENOUGH = 100
#: How many parcels the prior is worth.
WEIGHT = SMOOTHED_WITH
HORIZONS = (dt.timedelta(hours=24), dt.timedelta(hours=72))
COLUMNS = (
    "adcode", "dimension", "key", "parcels_24h", "signed_24h", "signed_24h_smooth", "parcels_72h", "signed_72h",
    "signed_72h_smooth", "attempts", "first_attempt", "first_attempt_smooth", "window_days", "computed_at",
)  # fmt: skip
_LOCK = 7_203_001  # advisory lock: one refresh at a time
#: area, dimension, key
Key = tuple[str, str, str]
#: parcels and successes of the three measures
Counts = list[int]


def refresh(now: dt.datetime) -> int:
    """Compute all rates anew and replace the table; returns how many rows it has. Safe to run twice at once."""
    short, long = count(deliveries(now - max(HORIZONS) - max(WINDOWS)), now)
    rows = [(*row, now) for row in smoothed(*chosen(short, long))]
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
            cursor.execute("DELETE FROM routing_rate")
        copy_rows("routing_rate", COLUMNS, rows)
    return len(rows)


def count(parcels: Iterable[Any], now: dt.datetime) -> list[dict[Key, Counts]]:
    """{(area, dimension, key): [n, k] of 24 h, 3 days and first attempt} of each window; area "" is everywhere."""
    day, three = HORIZONS
    counts: list[dict[Key, Counts]] = [{} for _ in WINDOWS]
    for parcel in parcels:
        age = now - parcel.shipped_at
        took = parcel.signed_at - parcel.shipped_at if parcel.signed_at is not None else None
        for window, table in zip(WINDOWS, counts, strict=True):
            add = [0] * 6
            if day < age <= day + window:
                add[0], add[1] = 1, int(took is not None and took <= day)
            if three < age <= three + window:
                add[2], add[3] = 1, int(took is not None and took <= three)
                if parcel.first_attempt_ok is not None:
                    add[4], add[5] = 1, int(parcel.first_attempt_ok)
            if any(add):
                for key in _keys(parcel):
                    row = table.setdefault(key, [0] * 6)
                    for i, step in enumerate(add):
                        row[i] += step
    return counts


def _keys(parcel: Any) -> list[Key]:
    """Under which areas and keys a parcel counts."""
    found = [("", "all", "")]
    named = (
        ("warehouse", parcel.warehouse_code),
        ("carrier", parcel.carrier),
        ("outlet", parcel.outlet_code),
    )
    found += [("", dimension, key) for dimension, key in named if key]
    return (
        found + [(parcel.adcode, dimension, key) for _, dimension, key in found] if parcel.adcode else found
    )


def chosen(short: dict[Key, Counts], long: dict[Key, Counts]) -> tuple[dict[Key, Counts], dict[Key, int]]:
    """For each key the counts of the short window where they are enough, else of the long one; and the days."""
    counts: dict[Key, Counts] = {}
    days: dict[Key, int] = {}
    for key, wide in long.items():
        narrow = short.get(key, [0] * 6)
        enough = min(narrow[0], narrow[2]) >= ENOUGH
        counts[key], days[key] = (narrow, WINDOWS[0].days) if enough else (wide, WINDOWS[1].days)
    return counts, days


def shrink(successes: int, parcels: int, towards: float, weight: float = WEIGHT) -> float:
    """The rate after `weight` parcels' worth of `towards` are added."""
    return (successes + weight * towards) / (parcels + weight)


def smoothed(
    counts: dict[Key, Counts], days: dict[Key, int], weight: float = WEIGHT
) -> list[tuple[Any, ...]]:
    """Rows (area, dimension, key, then n, raw, smoothed of each measure, days): raw is None without parcels."""
    overall = counts.get(("", "all", ""), [0] * 6)
    top = [shrink(overall[i + 1], overall[i], UNKNOWN, weight) for i in (0, 2, 4)]
    areas: dict[str, list[float]] = {"": top}
    for (area, dimension, _), row in counts.items():
        if dimension == "all" and area:
            areas[area] = [shrink(row[i + 1], row[i], top[i // 2], weight) for i in (0, 2, 4)]
    made = []
    for (area, dimension, key), row in counts.items():
        figures: list[Any] = []
        for measure, i in enumerate((0, 2, 4)):
            n, k = row[i], row[i + 1]
            smooth = (
                areas[area][measure] if dimension == "all" else shrink(k, n, areas[area][measure], weight)
            )
            figures += [n, k / n if n else None, smooth]
        made.append((area, dimension, key, *figures, days[area, dimension, key]))
    return made
