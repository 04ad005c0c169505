"""Cutting an area into parts around centres: how the demo's areas are generated. Pure."""

from __future__ import annotations

from typing import Any

import shapely

SMALLEST = 1e-5  # square degrees, about 0.1 km²: slivers that cutting leaves


def cells(area: Any, centres: dict[str, tuple[float, float]]) -> dict[str, Any]:
    """`area` divided among the centres: each gets what lies nearest to it (Voronoi cells clipped to the area)."""
    if len(centres) == 1:
        return dict.fromkeys(centres, area)
    points = shapely.MultiPoint(list(centres.values()))
    polygons = list(shapely.voronoi_polygons(points, extend_to=area.envelope).geoms)
    made = {}
    for code, centre in centres.items():
        cell = next(polygon for polygon in polygons if polygon.contains(shapely.Point(centre)))
        made[code] = areas(shapely.set_precision(cell.intersection(area), 1e-5))
    return made


def areas(geometry: Any) -> Any:
    """Only the polygons of a geometry (cutting may leave lines behind)."""
    parts = [
        part for part in shapely.get_parts(geometry) if part.geom_type == "Polygon" and part.area > SMALLEST
    ]
    return parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)
