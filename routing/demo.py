"""The demo's outlets and fences: generated with fixed figures, and it says so. No carrier publishes its areas."""

from __future__ import annotations

import datetime as dt
import gzip
import json
from collections import defaultdict
from pathlib import Path

from orderhub import geo
from routing.models import Fence, Outlet

ADDRESSES = Path(__file__).resolve().parent.parent / "orderhub" / "sandbox" / "data" / "addresses.jsonl.gz"
FENCED = ("33", "31")  # provinces whose outlets have fences: the others are found by district


def load(now: dt.datetime) -> str:
    """Three outlets a district of the sample's addresses; around the centre of those of Zhejiang and Shanghai a fence each."""
    centres: dict[str, tuple[str, list[tuple[float, float]]]] = {}
    points: dict[str, list[tuple[float, float]]] = defaultdict(list)
    with gzip.open(ADDRESSES, "rt", encoding="utf-8") as file:
        for text in file:
            row = json.loads(text)
            if row["lng"] is not None:
                points[row["adcode"]].append((row["lng"], row["lat"]))
            centres[row["adcode"]] = (row["district"], points[row["adcode"]])
    outlets: list[Outlet] = []
    for adcode, (district, known) in sorted(centres.items()):
        middle = None
        if known:
            lng, lat = sum(p[0] for p in known) / len(known), sum(p[1] for p in known) / len(known)
            middle = geo.Point(lng, lat, "gcj02").wgs84()
        for n in range(1, 4):
            outlets.append(
                Outlet(
                    code=f"ZTO-{adcode}-{n}",
                    name=f"中通{district}{n}部",
                    carrier="zto",
                    adcode=adcode,
                    lng=middle.lng + (n - 2) * 0.02 if middle else None,
                    lat=middle.lat if middle else None,
                    daily_capacity=(260, 400, 400)[n - 1],
                )
            )
    Outlet.objects.bulk_create(outlets)
    fences = [
        Fence(
            outlet=outlet, name=outlet.name, geometry=_square(outlet.lng, outlet.lat), valid_from=now.date()
        )
        for outlet in outlets
        if outlet.adcode[:2] in FENCED and outlet.lng is not None and outlet.code.endswith("-1")
    ]
    Fence.objects.bulk_create(fences)
    return f"{len(outlets)} outlets, {len(fences)} fences (generated)"


def _square(lng: float, lat: float) -> dict[str, object]:
    d = 0.03
    ring = [
        [lng - d, lat - d],
        [lng + d, lat - d],
        [lng + d, lat + d],
        [lng - d, lat + d],
        [lng - d, lat - d],
    ]
    return {"type": "Polygon", "coordinates": [[[round(x, 6), round(y, 6)] for x, y in ring]]}
