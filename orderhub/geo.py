"""Points are kept in WGS-84; this module is the only place that turns GCJ-02 and BD-09 into it and back.

GCJ-02 is a published-by-nobody offset of WGS-84; the forward formula is the one every map library uses
(Krasovsky ellipsoid), so the way back is found by iteration until the forward formula returns the given
point. One-step inverses are up to a few metres off; this one closes to well under a millimetre.
The same formulas serve one point (floats) and many (numpy arrays).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from math import asin, cos, radians, sin, sqrt
from typing import Any, Literal, get_args

import numpy as np

Datum = Literal["wgs84", "gcj02", "bd09"]
DATUMS: tuple[str, ...] = get_args(Datum)

_A = 6378245.0  # Krasovsky 1940, semi-major axis in metres
_EE = 0.00669342162296594323  # its squared eccentricity
_BD = np.pi * 3000.0 / 180.0
_EARTH = 6371008.8
_TOLERANCE = 1e-10  # degrees, about 0.01 mm
_ROUNDS = 60


class BadPoint(ValueError):
    """Coordinates that are no place on earth, or a datum nobody knows."""


@dataclass(frozen=True, slots=True)
class Point:
    """Longitude and latitude in degrees together with their datum; never one without the other."""

    lng: float
    lat: float
    datum: Datum

    def __post_init__(self) -> None:
        if self.datum not in DATUMS:
            raise BadPoint(f"unknown datum {self.datum!r}")
        if not (-180.0 <= self.lng <= 180.0 and -90.0 <= self.lat <= 90.0):  # NaN fails this as well
            raise BadPoint(f"not a place on earth: {self.lng!r}, {self.lat!r}")

    @classmethod
    def read(cls, lng: Any, lat: Any, datum: str) -> Point:
        """A point from a platform's words (text, int, Decimal or float); BadPoint when it is none."""
        if isinstance(lng, bool) or isinstance(lat, bool):
            raise BadPoint("coordinates are numbers")
        try:
            return cls(float(lng), float(lat), datum)  # type: ignore[arg-type]
        except (TypeError, ValueError, OverflowError) as error:
            raise BadPoint(f"not coordinates: {str(lng)[:40]!r}, {str(lat)[:40]!r} ({datum!r})") from error

    def to(self, datum: Datum) -> Point:
        """The same place in another datum."""
        if datum == self.datum:
            return self
        lng, lat = convert(self.lng, self.lat, self.datum, datum)
        return Point(float(lng), float(lat), datum)

    def wgs84(self) -> Point:
        """The same place as it is stored."""
        return self.to("wgs84")

    def metres_to(self, other: Point) -> float:
        """Great-circle distance in metres; both are brought to WGS-84 first."""
        here, there = self.wgs84(), other.wgs84()
        return metres(here.lng, here.lat, there.lng, there.lat)


def convert(lng: Any, lat: Any, source: Datum, target: Datum) -> tuple[Any, Any]:
    """Coordinates (floats or arrays of equal shape) from one datum to another; BadPoint for unknown datums.

    Points outside the rectangle of China are left as they are between WGS-84 and GCJ-02, as the maps do.
    """
    if source not in DATUMS or target not in DATUMS:
        raise BadPoint(f"unknown datum {source!r} or {target!r}")
    single = isinstance(lng, float) and isinstance(lat, float)  # without numpy, ten times as quick
    if not single:
        lng, lat = np.asarray(lng, dtype=float), np.asarray(lat, dtype=float)
    if source == target:
        return (lng, lat) if single else (lng[()], lat[()])
    if source == "bd09":
        lng, lat = _inverse(_gcj_to_bd, lng, lat)
    elif source == "wgs84":
        lng, lat = _wgs_to_gcj(lng, lat)
    if target == "bd09":
        lng, lat = _gcj_to_bd(lng, lat)
    elif target == "wgs84":
        lng, lat = _inverse(_wgs_to_gcj, lng, lat)
    return (lng, lat) if single else (lng[()], lat[()])


def metres(lng1: float, lat1: float, lng2: float, lat2: float) -> float:
    """Great-circle distance in metres between two WGS-84 points (haversine, mean radius)."""
    north, east = radians(lat2 - lat1), radians(lng2 - lng1)
    part = sin(north / 2) ** 2 + cos(radians(lat1)) * cos(radians(lat2)) * sin(east / 2) ** 2
    return 2 * _EARTH * asin(min(1.0, sqrt(part)))


def _inside(lng: Any, lat: Any) -> Any:
    """The rectangle in which maps apply the offset (72.004–137.8347 E, 0.8293–55.8271 N)."""
    return (lng >= 72.004) & (lng <= 137.8347) & (lat >= 0.8293) & (lat <= 55.8271)


def _reckoner(lng: Any) -> Any:
    """The functions of one number, or those of arrays."""
    return math if isinstance(lng, float) else np


def _offset(lng: Any, lat: Any) -> tuple[Any, Any]:
    """How far GCJ-02 lies from WGS-84 at a WGS-84 place, in degrees."""
    x, y, pi, m = lng - 105.0, lat - 35.0, math.pi, _reckoner(lng)
    root = m.sqrt(abs(x))
    waves = (20.0 * m.sin(6.0 * x * pi) + 20.0 * m.sin(2.0 * x * pi)) * 2.0 / 3.0
    d_lat = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + waves
    d_lat += (20.0 * m.sin(y * pi) + 40.0 * m.sin(y / 3.0 * pi)) * 2.0 / 3.0
    d_lat += (160.0 * m.sin(y / 12.0 * pi) + 320.0 * m.sin(y * pi / 30.0)) * 2.0 / 3.0
    d_lng = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + waves
    d_lng += (20.0 * m.sin(x * pi) + 40.0 * m.sin(x / 3.0 * pi)) * 2.0 / 3.0
    d_lng += (150.0 * m.sin(x / 12.0 * pi) + 300.0 * m.sin(x / 30.0 * pi)) * 2.0 / 3.0
    rad = lat / 180.0 * pi
    magic = 1.0 - _EE * m.sin(rad) ** 2
    d_lat = d_lat * 180.0 / ((_A * (1.0 - _EE)) / (magic * m.sqrt(magic)) * pi)
    d_lng = d_lng * 180.0 / (_A / m.sqrt(magic) * m.cos(rad) * pi)
    return d_lng, d_lat


def _wgs_to_gcj(lng: Any, lat: Any) -> tuple[Any, Any]:
    inside = _inside(lng, lat)
    if isinstance(lng, float):
        d_lng, d_lat = _offset(lng, lat) if inside else (0.0, 0.0)
        return lng + d_lng, lat + d_lat
    safe_lng, safe_lat = np.where(inside, lng, 105.0), np.where(inside, lat, 35.0)
    d_lng, d_lat = _offset(safe_lng, safe_lat)
    return lng + np.where(inside, d_lng, 0.0), lat + np.where(inside, d_lat, 0.0)


def _gcj_to_bd(lng: Any, lat: Any) -> tuple[Any, Any]:
    m = _reckoner(lng)
    z = m.sqrt(lng * lng + lat * lat) + 0.00002 * m.sin(lat * _BD)
    theta = (math.atan2 if m is math else np.arctan2)(lat, lng) + 0.000003 * m.cos(lng * _BD)
    return z * m.cos(theta) + 0.0065, z * m.sin(theta) + 0.006


def _still(step: Any) -> bool:
    return abs(step) < _TOLERANCE if isinstance(step, float) else bool(np.all(np.abs(step) < _TOLERANCE))


def _inverse(forward: Any, lng: Any, lat: Any) -> tuple[Any, Any]:
    """The place whose forward image is (lng, lat): fixed-point iteration until nothing moves any more.

    The offset changes by under a thousandth a degree, so each round gains about three digits. On the very
    edge of the rectangle there may be no such place; the last approximation (under a kilometre off, in the
    sea or abroad) is returned there.
    """
    guess_lng, guess_lat = lng + 0.0, lat + 0.0
    for _round in range(_ROUNDS):
        made_lng, made_lat = forward(guess_lng, guess_lat)
        step_lng, step_lat = lng - made_lng, lat - made_lat
        guess_lng, guess_lat = guess_lng + step_lng, guess_lat + step_lat
        if _still(step_lng) and _still(step_lat):
            break
    return guess_lng, guess_lat
