"""What may become a fence: GeoJSON checked before it is a shape, judged, and never repaired.

Repairing hostile geometry can cost any amount of time, and would silently change what a person drew; an
invalid area is refused with its reason. Sizes are capped before anything is built. Everything that leaves
here is WGS-84, rounded to six decimals (about a decimetre).
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import shapely
from django.utils.translation import gettext as _

from orderhub.geo import DATUMS, Datum, convert

MAX_VERTICES = 20_000
MAX_RINGS = 500
MAX_AREA_KM2 = 200_000.0
DECIMALS = 6
_SQUARE_DEGREE_KM2 = 111.32**2
#: What a file may call WGS-84 in its old "crs" member (RFC 7946 knows no other system).
_WGS84_NAMES = ("crs84", "epsg:4326", "epsg::4326", "wgs84", "wgs 84")


class BadGeometry(ValueError):
    """An area that cannot be a fence, with the reason in words."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A good area in WGS-84: as GeoJSON, as a shape, and what a person should know about it."""

    geometry: dict[str, Any]
    shape: Any
    vertices: int
    area_km2: float
    notices: list[str] = field(default_factory=list)


def check(geometry: Any, datum: str) -> Checked:
    """Check one GeoJSON geometry whose coordinates are in `datum`; BadGeometry says what is wrong."""
    if datum not in DATUMS:
        raise BadGeometry(_("Say which system the coordinates are in: wgs84, gcj02 or bd09."))
    rings = _rings(geometry)
    shape = _shape(geometry["type"], _converted(rings, datum))  # type: ignore[arg-type]
    if not shapely.is_valid(shape):
        raise BadGeometry(_("The area is not valid: %(why)s") % {"why": _reason(shape)})
    area = float(shape.area) * _SQUARE_DEGREE_KM2 * math.cos(math.radians(shape.centroid.y))
    if area <= 0:
        raise BadGeometry(_("The area is empty."))
    if area > MAX_AREA_KM2:
        raise BadGeometry(_("The area is larger than any delivery area (%(km2)d km²).") % {"km2": area})
    count = sum(len(ring) for polygon in rings for ring in polygon)
    return Checked(json.loads(shapely.to_geojson(shape)), shape, count, area, _notices(rings, shape))


def check_crs(collection: dict[str, Any]) -> None:
    """Refuse a file that names a system other than longitude and latitude."""
    crs = collection.get("crs")
    if crs is None:
        return
    properties = crs.get("properties") if isinstance(crs, dict) else None
    name = str(properties.get("name", "")) if isinstance(properties, dict) else str(crs)
    if not any(word in name.lower() for word in _WGS84_NAMES):
        raise BadGeometry(
            _("The file is in %(crs)s; export it as longitude and latitude (EPSG:4326) first.")
            % {"crs": name[:60]}
        )


def _rings(geometry: Any) -> list[list[list[Any]]]:
    """The coordinates as polygons of rings of positions; structure, ranges and sizes checked."""
    if not isinstance(geometry, dict) or geometry.get("type") not in ("Polygon", "MultiPolygon"):
        kind = geometry.get("type") if isinstance(geometry, dict) else type(geometry).__name__
        raise BadGeometry(
            _("Only a Polygon or MultiPolygon can be a fence, not %(kind)s.") % {"kind": str(kind)[:40]}
        )
    coordinates = geometry.get("coordinates")
    polygons = [coordinates] if geometry["type"] == "Polygon" else coordinates
    if not isinstance(polygons, list) or not polygons or not all(isinstance(p, list) and p for p in polygons):
        raise BadGeometry(_("The area has no coordinates."))
    rings = [ring for polygon in polygons for ring in polygon]
    if len(rings) > MAX_RINGS:
        raise BadGeometry(_("The area has more than %(n)d rings.") % {"n": MAX_RINGS})
    if not all(isinstance(ring, list) for ring in rings):
        raise BadGeometry(_("The coordinates are not lists of positions."))
    if sum(len(ring) for ring in rings) > MAX_VERTICES:
        raise BadGeometry(_("The area has more than %(n)d corners; simplify it first.") % {"n": MAX_VERTICES})
    for ring in rings:
        _check_ring(ring)
    return polygons


def _check_ring(ring: list[Any]) -> None:
    for position in ring:
        if not isinstance(position, list) or len(position) < 2:
            raise BadGeometry(_("A position is not a pair of numbers."))
        for number in position[:2]:
            if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
                raise BadGeometry(_("A coordinate is not a number."))
        lng, lat = position[0], position[1]
        if not (-180 <= lng <= 180 and -90 <= lat <= 90):
            swapped = -90 <= lng <= 90 and -180 <= lat <= 180
            hint = _(" Longitude comes first, then latitude.") if swapped else ""
            raise BadGeometry(_("%(lng)s, %(lat)s is no place on earth.") % {"lng": lng, "lat": lat} + hint)
    if len(ring) < 4 or ring[0][:2] != ring[-1][:2]:
        raise BadGeometry(_("A ring must close and have at least three corners."))


def _converted(polygons: list[list[list[Any]]], datum: Datum) -> list[list[np.ndarray]]:
    converted = []
    for polygon in polygons:
        rings = []
        for ring in polygon:
            array = np.array([position[:2] for position in ring], dtype=float)
            lng, lat = convert(array[:, 0], array[:, 1], datum, "wgs84")
            pairs = np.column_stack([np.round(lng, DECIMALS), np.round(lat, DECIMALS)])
            pairs[-1] = pairs[0]
            rings.append(pairs)
        converted.append(rings)
    return converted


def _shape(kind: str, polygons: list[list[np.ndarray]]) -> Any:
    try:
        made = [shapely.Polygon(rings[0], rings[1:]) for rings in polygons]
        return made[0] if kind == "Polygon" else shapely.MultiPolygon(made)
    except (ValueError, shapely.errors.GEOSException) as error:
        raise BadGeometry(_("The area cannot be read: %(why)s") % {"why": str(error)[:120]}) from error


def _reason(shape: Any) -> str:
    """GEOS's reason with the words that a clerk meets most in his own language."""
    reason = str(shapely.is_valid_reason(shape))
    words = {
        "Self-intersection": _("its border crosses itself"),
        "Ring Self-intersection": _("its border touches itself"),
        "Hole lies outside shell": _("a hole lies outside"),
        "Holes are nested": _("holes lie inside each other"),
        "Nested shells": _("parts lie inside each other"),
        "Interior is disconnected": _("holes cut it apart"),
        "Too few points in geometry component": _("too few corners"),
        "Duplicate Rings": _("the same ring twice"),
    }
    for english, text in sorted(words.items(), key=lambda item: -len(item[0])):
        if reason.startswith(english):
            return text + reason[len(english) :]
    return reason


def _notices(polygons: list[list[list[Any]]], shape: Any) -> list[str]:
    notices = []
    holes = sum(len(rings) - 1 for rings in polygons)
    if holes:
        notices.append(_("It has %(n)d hole(s): addresses inside them are not served.") % {"n": holes})
    if len(polygons) > 1:
        notices.append(_("It has %(n)d parts.") % {"n": len(polygons)})
    west, south, east, north = shape.bounds
    if west < 73 or east > 135.1 or south < 3 or north > 54:
        notices.append(_("It lies partly outside China: check the order of longitude and latitude."))
    return notices


def overlap(one: Any, other: Any) -> float:
    """Which share of the smaller of two areas lies in both (0..1); edges that only touch do not count."""
    smaller = min(one.area, other.area)
    share = float(shapely.intersection(one, other).area) / smaller if smaller else 0.0
    return share if share > 1e-4 else 0.0
