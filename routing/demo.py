"""The demo's outlets, fences and capacities: made by hand and by seed, none of them real.

Three outlets `ZTO-<district>-<n>` in every district that the demo's addresses lie in. Where an outline is known
(Zhejiang, Shanghai) it is cut into one fence each around three points drawn by seed; elsewhere outlets have no
fence and addresses are routed by town or district.
"""

from __future__ import annotations

import datetime as dt
import gzip
import hashlib
import json
import random
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import shapely
from django.db import transaction
from django.utils import timezone

from orderhub.sandbox.catalogue import addresses
from routing import geometry
from routing.addresses import regions
from routing.models import Fence, Outlet
from routing.outlines.cut import cells

OUTLINES = Path(__file__).with_name("outlines") / "outlines.geojson.gz"
CARRIER, COMPANY = "ZTO", "中通"
#: Pick-ups a day: some outlets start over the policy's 200, some under it.
CAPACITIES = (160, 240, 320, 500, 800)
NUMBERS = "一二三"
#: Yuan for the first kg, and promised hours: made up, so that the weighted policy has something to weigh.
FREIGHT = (Decimal("2.80"), Decimal("3.20"), Decimal("3.60"), Decimal("4.50"))
HOURS = (24, 36, 48, 72)


@transaction.atomic
def load(now: dt.datetime) -> dict[str, int]:
    """Make the demo's outlets and fences (valid for a month already); returns how many of each."""
    outlines = _outlines()
    towns = _common_towns()
    codes = sorted({place.adcode for place in addresses()} | set(outlines))
    outlets: list[Outlet] = []
    fences: list[Fence] = []
    since = timezone.localdate(now) - dt.timedelta(days=30)
    for code in codes:
        draw = random.Random(int(hashlib.sha256(code.encode()).hexdigest()[:12], 16))
        price = random.Random(f"{code} freight")  # of its own, so that the rest of the demo stays as it was
        parts = _parts(outlines[code], draw) if code in outlines else [None] * 3
        for n, part in enumerate(parts, 1):
            town = towns.get(code, "") if n == 3 and part is None else ""
            outlet = Outlet(
                code=f"{CARRIER}-{code}-{n}",
                name=f"{COMPANY}{regions.short_name(code)}{town or NUMBERS[n - 1] + '部'}",
                carrier=CARRIER,
                adcode=code,
                town=town,
                daily_capacity=draw.choice(CAPACITIES),
                freight_first=price.choice(FREIGHT),
                freight_next=Decimal("0.80"),
                promised_hours=price.choice(HOURS),
            )
            outlets.append(outlet)
            if part is not None:
                checked = geometry.check(json.loads(shapely.to_geojson(part)), "wgs84")
                point = checked.shape.representative_point()
                outlet.lng, outlet.lat = round(point.x, 6), round(point.y, 6)
                fences.append(
                    Fence(outlet=outlet, name=outlet.name, geometry=checked.geometry, valid_from=since)
                )
    Outlet.objects.bulk_create(outlets)
    Fence.objects.bulk_create(fences)
    return {"districts": len(codes), "outlets": len(outlets), "fences": len(fences)}


def _outlines() -> dict[str, Any]:
    with gzip.open(OUTLINES, "rt", encoding="utf-8") as file:
        features = json.load(file)["features"]
    return {f["properties"]["adcode"]: shapely.from_geojson(json.dumps(f["geometry"])) for f in features}


def _parts(area: Any, draw: random.Random) -> list[Any]:
    """The area in three, around points that lie in it."""
    west, south, east, north = area.bounds
    points: dict[str, tuple[float, float]] = {}
    while len(points) < 3:
        point = (draw.uniform(west, east), draw.uniform(south, north))
        if area.contains(shapely.Point(point)):
            points[str(len(points))] = point
    made = cells(area, points)
    return [made[key] for key in sorted(made)]


def _common_towns() -> dict[str, str]:
    """{district: the town that at least three of its addresses name}: one outlet there serves that town only."""
    counts = Counter((place.adcode, place.town) for place in addresses() if place.town)
    found: dict[str, str] = {}
    for (code, town), count in counts.most_common():
        if count >= 3:
            found.setdefault(code, town)
    return found
