"""What a worker knows about outlets, success rates and warehouses without asking for each order.

Outlets and rates change by hand and every half hour: they are kept in memory as narrow tuples and read again
when their version changes, which is asked for at most every two seconds.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.db import connection

from routing.addresses import regions

CHECK_EVERY = 2.0
#: Assumed where there is no trace at all yet, so that no option is preferred by accident.
UNKNOWN = 0.85


class OutletFact(NamedTuple):
    id: int
    code: str
    name: str
    carrier: str
    adcode: str
    town: str
    capacity: int
    lng: float | None = None  # WGS-84
    lat: float | None = None
    first: float | None = None  # freight in yuan: up to one kg, each further kg
    further: float = 0.0
    hours: int | None = None  # promised

    def cost(self, grams: int) -> float | None:
        """Freight of a parcel of this weight in yuan; None where none is agreed. Each begun kg counts."""
        if self.first is None:
            return None
        return round(self.first + max(0, -(-grams // 1000) - 1) * self.further, 2)


class Figure(NamedTuple):
    """A rate: smoothed, raw (None without parcels) and the parcels behind it."""

    smooth: float
    raw: float | None
    parcels: int


class RateFact(NamedTuple):
    day: Figure  # signed within 24 h
    three: Figure  # delivered within 3 days


NOTHING = RateFact(Figure(UNKNOWN, None, 0), Figure(UNKNOWN, None, 0))


@dataclass(slots=True)
class Known:
    """The picture of one version."""

    version: tuple[Any, ...]
    outlets: dict[int, OutletFact] = field(default_factory=dict)
    by_code: dict[str, int] = field(default_factory=dict)
    by_district: dict[str, list[int]] = field(default_factory=dict)
    by_town: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    rates: dict[tuple[str, str, str], RateFact] = field(default_factory=dict)

    def rate(self, adcode: str, dimension: str, key: str) -> RateFact:
        """The figures of a key in an area. Without parcels of its own there it counts as average for the area."""
        found = self.rates.get((adcode, dimension, key))
        if found is not None:
            return found
        wider = self.rates.get((adcode, "all", "")) or self.rates.get(("", "all", "")) or NOTHING
        made = RateFact(Figure(wider.day.smooth, None, 0), Figure(wider.three.smooth, None, 0))
        self.rates[adcode, dimension, key] = made
        return made

    def add(self, outlet: OutletFact) -> None:
        """Take in an active outlet: findable by code, district and town."""
        self.outlets[outlet.id] = outlet
        self.by_code[outlet.code] = outlet.id
        self.by_district.setdefault(outlet.adcode, []).append(outlet.id)
        if outlet.town:
            code = regions.town_code(outlet.adcode, outlet.town) or outlet.town
            self.by_town.setdefault((outlet.adcode, code), []).append(outlet.id)


_cache: tuple[float, Known] | None = None


def _version() -> tuple[Any, ...]:
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT (SELECT max(updated_at) FROM routing_outlet), (SELECT count(*) FROM routing_outlet WHERE active),
                      (SELECT max(computed_at) FROM routing_rate), (SELECT count(*) FROM routing_rate)"""
        )
        return tuple(cursor.fetchone())


def current(*, fresh: bool = False) -> Known:
    """Active outlets and rates, at most two seconds old."""
    global _cache
    if not fresh and _cache is not None and time.monotonic() - _cache[0] < CHECK_EVERY:
        return _cache[1]
    version = _version()
    known = _cache[1] if _cache is not None and _cache[1].version == version else _load(version)
    _cache = (time.monotonic(), known)
    return known


def _load(version: tuple[Any, ...]) -> Known:
    known = Known(version)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, code, name, carrier, adcode, town, daily_capacity, lng, lat, freight_first::float8,"
            " coalesce(freight_next, 0)::float8, promised_hours FROM routing_outlet WHERE active ORDER BY id"
        )
        for row in cursor.fetchall():
            known.add(OutletFact(*row))
        cursor.execute(
            """SELECT adcode, dimension, key, signed_24h_smooth, signed_24h, parcels_24h,
                      signed_72h_smooth, signed_72h, parcels_72h FROM routing_rate"""
        )
        for adcode, dimension, key, *figures in cursor.fetchall():
            known.rates[adcode, dimension, key] = RateFact(Figure(*figures[:3]), Figure(*figures[3:]))
    return known


def forget() -> None:
    """Drop the cached picture (a test, or a forked worker)."""
    global _cache
    _cache = None
