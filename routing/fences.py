"""Which outlet's fence a point lies in: one search tree a process, rebuilt when the fences change.

The tree holds the fences that are valid today. Its version (latest change, count, day) is asked for at most
every two seconds, so an edit is live on every worker within that time. A whole batch is located in one call.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from django.db import connection
from django.utils import timezone

from orderhub.geo import metres

CHECK_EVERY = 2.0
_METRES_A_DEGREE = 111_320.0


@dataclass(slots=True)
class Index:
    """Fences as prepared shapes in a search tree; `outlets[i]` is the outlet id of shape i. Points are WGS-84."""

    version: tuple[Any, ...]
    shapes: np.ndarray
    outlets: list[int]
    tree: Any

    @classmethod
    def build(cls, version: tuple[Any, ...], shapes: Sequence[Any], outlets: Sequence[int]) -> Index:
        array = np.array(list(shapes), dtype=object)
        shapely.prepare(array)
        return cls(version, array, list(outlets), shapely.STRtree(array))

    def locate(self, lngs: Sequence[float], lats: Sequence[float]) -> list[list[int]]:
        """For each point the ids of the outlets whose fence contains it (a border counts), in id order."""
        found: list[list[int]] = [[] for _ in lngs]
        if not len(self.outlets) or not len(found):
            return found
        x, y = np.asarray(lngs, dtype=float), np.asarray(lats, dtype=float)
        points, shapes = self.tree.query(shapely.points(x, y))
        inside = shapely.intersects_xy(self.shapes[shapes], x[points], y[points])
        for point, shape in zip(points[inside].tolist(), shapes[inside].tolist(), strict=True):
            outlet = self.outlets[shape]
            if outlet not in found[point]:
                found[point].append(outlet)
        for outlets in found:
            outlets.sort()
        return found

    def nearest(self, lng: float, lat: float, within: float) -> tuple[int, float] | None:
        """The outlet whose fence is nearest to a point, and how many metres away; None beyond `within` metres."""
        for reach in (within / 25, within / 5, within):
            found = self._nearest(lng, lat, reach)
            if found is not None:
                return found
        return None

    def _nearest(self, lng: float, lat: float, within: float) -> tuple[int, float] | None:
        if not self.outlets:
            return None
        tall = within / _METRES_A_DEGREE
        wide = tall / max(0.05, math.cos(math.radians(lat)))
        near = self.tree.query(shapely.box(lng - wide, lat - tall, lng + wide, lat + tall))
        best: tuple[float, int] | None = None
        if len(near):
            lines = shapely.shortest_line(self.shapes[near], shapely.Point(lng, lat))
            for shape, line in zip(near.tolist(), lines, strict=True):
                away = metres(lng, lat, *shapely.get_coordinates(line)[0])
                if away <= within and (best is None or (away, self.outlets[shape]) < best):
                    best = (away, self.outlets[shape])
        return None if best is None else (best[1], best[0])


_cache: tuple[float, Index] | None = None


def today() -> dt.date:
    """The day as the seller's people see it."""
    return timezone.localdate()


def _version(day: dt.date) -> tuple[Any, ...]:
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT (SELECT max(updated_at) FROM routing_fence), (SELECT count(*) FROM routing_fence),
                      (SELECT max(updated_at) FROM routing_outlet), (SELECT count(*) FROM routing_outlet)"""
        )
        return (*cursor.fetchone(), day)


def current(*, fresh: bool = False) -> Index:
    """The tree over the fences of active outlets that are valid today, at most two seconds old."""
    global _cache
    if not fresh and _cache is not None and time.monotonic() - _cache[0] < CHECK_EVERY:
        return _cache[1]
    day = today()
    version = _version(day)
    if _cache is None or _cache[1].version != version:
        _cache = (time.monotonic(), _load(version, day))
    else:
        _cache = (time.monotonic(), _cache[1])
    return _cache[1]


def _load(version: tuple[Any, ...], day: dt.date) -> Index:
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT f.outlet_id, f.geometry::text FROM routing_fence f JOIN routing_outlet o ON o.id = f.outlet_id
               WHERE o.active AND f.valid_from <= %s AND (f.valid_until IS NULL OR f.valid_until >= %s) ORDER BY f.id""",
            [day, day],
        )
        rows = cursor.fetchall()
    shapes = shapely.from_geojson([geometry for _, geometry in rows]) if rows else []
    return Index.build(version, shapes, [outlet for outlet, _ in rows])


def forget() -> None:
    """Drop the cached tree (a test, or a forked worker)."""
    global _cache
    _cache = None


def as_shape(geometry: dict[str, Any]) -> Any:
    """A stored fence as a shape."""
    return shapely.from_geojson(json.dumps(geometry))
