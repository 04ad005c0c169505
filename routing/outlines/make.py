"""Makes `outlines.geojson.gz` from echarts 4 maps; run by hand, never at run time.

`python -m routing.outlines.make SOURCE_DIRECTORY` reads `echarts4_zhejiang_encoded.json` (cities) and
`echarts4_shanghai_encoded.json` (districts), decodes them, converts GCJ-02 to WGS-84 and simplifies to about
100 m. The map of Zhejiang knows cities only: their districts are **generated**, the part of the city that lies
nearest to the district's centre. They look like districts and are none.
"""

from __future__ import annotations

import argparse
import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from orderhub.geo import convert
from orderhub.sandbox.centres import CENTRES
from routing.outlines.cut import areas, cells

TARGET = Path(__file__).with_name("outlines.geojson.gz")
TOLERANCE = 0.001
SMALLEST = 0.0004  # square degrees, about 4 km²: smaller islands are left out


def ring(text: str, offset: list[int]) -> np.ndarray:
    """Decode one ring of echarts' UTF8 encoding: zig-zag steps of 1/1024 degree from an offset."""
    x, y = offset
    points = []
    for i in range(0, len(text), 2):
        dx, dy = ord(text[i]) - 64, ord(text[i + 1]) - 64
        x += (dx >> 1) ^ -(dx & 1)
        y += (dy >> 1) ^ -(dy & 1)
        points.append((x / 1024, y / 1024))
    x_degrees, y_degrees = np.array(points).T
    lng, lat = convert(x_degrees, y_degrees, "gcj02", "wgs84")
    return np.column_stack([lng, lat])


def shape(geometry: dict[str, Any]) -> Any:
    """The decoded area in WGS-84, simplified, without the smallest islands."""
    many = geometry["type"] == "MultiPolygon"
    parts = geometry["coordinates"] if many else [geometry["coordinates"]]
    offsets = geometry["encodeOffsets"] if many else [geometry["encodeOffsets"]]
    made = [shapely.Polygon(ring(p[0], o[0])) for p, o in zip(parts, offsets, strict=True)]
    # The source's rings touch themselves here and there; these known files are put right once, by hand of this script.
    made = [shapely.make_valid(polygon) for polygon in made]
    made = [polygon for polygon in made if polygon.area >= SMALLEST or len(made) == 1]
    whole = shapely.simplify(shapely.union_all(made), TOLERANCE)
    return areas(shapely.set_precision(whole, 1e-5))


def read(path: Path, codes: dict[str, str]) -> dict[str, Any]:
    """{code: shape} of a map whose features carry names or codes."""
    features = json.loads(path.read_text("utf-8"))["features"]
    found = {}
    for feature in features:
        code = feature.get("id") or codes[feature["properties"]["name"]]
        found[code] = shape(feature["geometry"])
    return found


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    source = parser.parse_args().source
    districts = {
        code: ("real", each)
        for code, each in read(source / "echarts4_shanghai_encoded.json", {"崇明区": "310151"}).items()
    }
    for city, area in read(source / "echarts4_zhejiang_encoded.json", {}).items():
        wgs = {c: convert(*p, "gcj02", "wgs84") for c, p in CENTRES.items() if c[:4] == city[:4]}
        inside = {c: p for c, p in wgs.items() if area.contains(shapely.Point(p))}
        if inside:
            districts.update({code: ("generated", cell) for code, cell in cells(area, inside).items()})
    features = [
        {
            "type": "Feature",
            "properties": {"adcode": code, "outline": kind},
            "geometry": json.loads(shapely.to_geojson(area)),
        }
        for code, (kind, area) in sorted(districts.items())
    ]
    bad = [code for code, (_, area) in districts.items() if area.is_empty or not area.is_valid]
    if bad:
        raise SystemExit(f"no good outline for {', '.join(bad)}")
    text = json.dumps({"type": "FeatureCollection", "features": features}, separators=(",", ":"))
    with TARGET.open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as packed:
        packed.write(text.encode())


if __name__ == "__main__":
    main()
