"""Fences from a GeoJSON file: read and judged feature by feature, shown as a preview, then taken in.

A feature names its outlet by code in its properties. What an outlet had before ends the day before the new
fence begins (nothing is overwritten, fences are versioned by date). One bad feature is refused with its reason
and the others go on. The datum of the file is said by whoever brings it: a file cannot be trusted to know.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import shapely
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from routing import fences
from routing.geometry import BadGeometry, Checked, check, check_crs, overlap
from routing.models import Fence, Outlet

MAX_BYTES = 20 * 1024 * 1024
MAX_FEATURES = 5_000
#: Where a feature may carry its outlet's code, first found counts.
CODE_NAMES = ("outlet", "outlet_code", "code", "网点编码", "网点代码")
NAME_NAMES = ("name", "名称", "网点名称")


class BadFile(ValueError):
    """A file that holds no fences at all, with the reason in words."""


@dataclass(slots=True)
class Row:
    """One feature: what it will do (`add`, `replace`) or why not (`error`), and what a person should know."""

    number: int  # from 1, as it stands in the file
    code: str = ""
    name: str = ""
    action: str = "error"
    error: str = ""
    notices: list[str] = field(default_factory=list)
    vertices: int = 0
    area_km2: float = 0.0
    replaces: int = 0
    outlet_id: int = 0
    checked: Checked | None = None


@dataclass(slots=True)
class Preview:
    """What taking the file in would do. `digest` names the bytes, so that what was seen is what is applied."""

    digest: str
    datum: str
    valid_from: dt.date
    rows: list[Row]

    @property
    def good(self) -> list[Row]:
        """The features that would become fences."""
        return [row for row in self.rows if row.action != "error"]

    @property
    def bad(self) -> list[Row]:
        """The features that are refused."""
        return [row for row in self.rows if row.action == "error"]

    @property
    def counts(self) -> dict[str, int]:
        """How many are added, replace one, and are refused."""
        return {
            action: sum(row.action == action for row in self.rows) for action in ("add", "replace", "error")
        }


def preview(data: bytes, datum: str, valid_from: dt.date | None = None) -> Preview:
    """Read and judge a file without writing anything. BadFile when it is no feature collection."""
    since = valid_from or fences.today()
    collection = _collection(data)
    outlets = {
        code: (identity, name) for code, identity, name in Outlet.objects.values_list("code", "id", "name")
    }
    standing = _standing(since)
    rows = [_row(n, feature, datum, outlets) for n, feature in enumerate(collection["features"], 1)]
    for row in rows:
        if row.checked is not None:
            row.replaces = len(standing.get(row.outlet_id, ()))
            row.action = "replace" if row.replaces else "add"
    _report_overlaps(rows, standing)
    return Preview(hashlib.sha256(data).hexdigest(), datum, since, rows)


@transaction.atomic
def take_in(seen: Preview) -> dict[str, int]:
    """Write the good rows of a preview: old fences of these outlets end the day before, the new ones begin."""
    good = seen.good
    ids = sorted({row.outlet_id for row in good})
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM routing_outlet WHERE id = ANY(%s) ORDER BY id FOR UPDATE", [ids])
        cursor.execute(
            """UPDATE routing_fence SET valid_until = %s, updated_at = %s
               WHERE outlet_id = ANY(%s) AND (valid_until IS NULL OR valid_until >= %s)""",
            [seen.valid_from - dt.timedelta(days=1), timezone.now(), ids, seen.valid_from],
        )
        ended = cursor.rowcount
    Fence.objects.bulk_create(
        Fence(
            outlet_id=row.outlet_id,
            name=row.name[:80],
            geometry=row.checked.geometry,
            valid_from=seen.valid_from,
        )
        for row in good
        if row.checked is not None
    )
    return {"made": len(good), "ended": ended, "refused": len(seen.bad)}


def _collection(data: bytes) -> dict[str, Any]:
    if len(data) > MAX_BYTES:
        raise BadFile(_("The file is larger than %(mb)d MB.") % {"mb": MAX_BYTES // 1024 // 1024})
    try:
        read = json.loads(data.decode("utf-8-sig"))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise BadFile(_("The file is not JSON in UTF-8: %(why)s") % {"why": str(error)[:120]}) from error
    if isinstance(read, dict) and read.get("type") == "Feature":
        read = {"type": "FeatureCollection", "features": [read]}
    if (
        not isinstance(read, dict)
        or read.get("type") != "FeatureCollection"
        or not isinstance(read.get("features"), list)
    ):
        raise BadFile(_("The file is not a GeoJSON FeatureCollection."))
    if not read["features"]:
        raise BadFile(_("The file holds no feature."))
    if len(read["features"]) > MAX_FEATURES:
        raise BadFile(_("The file holds more than %(n)d features.") % {"n": MAX_FEATURES})
    try:
        check_crs(read)
    except BadGeometry as error:
        raise BadFile(str(error)) from error
    return read


def _row(number: int, feature: Any, datum: str, outlets: dict[str, tuple[int, str]]) -> Row:
    row = Row(number)
    if not isinstance(feature, dict) or feature.get("type") != "Feature":
        row.error = _("This is not a Feature.")
        return row
    properties = feature.get("properties")
    properties = properties if isinstance(properties, dict) else {}
    row.code = next((str(properties[name]).strip() for name in CODE_NAMES if properties.get(name)), "")
    row.name = next((str(properties[name]).strip() for name in NAME_NAMES if properties.get(name)), "")
    if not row.code:
        row.error = _("Its properties name no outlet (%(names)s).") % {"names": ", ".join(CODE_NAMES)}
        return row
    if row.code not in outlets:
        row.error = _("No outlet has the code %(code)s.") % {"code": row.code[:40]}
        return row
    row.outlet_id, known_as = outlets[row.code]
    row.name = row.name or known_as
    if "\x00" in row.name:
        row.error = _("Its name holds a character that cannot be stored.")
        return row
    try:
        row.checked = check(feature.get("geometry"), datum)
    except BadGeometry as error:
        row.error = str(error)
        return row
    row.notices = list(row.checked.notices)
    row.vertices, row.area_km2 = row.checked.vertices, row.checked.area_km2
    return row


def _standing(day: dt.date) -> dict[int, list[tuple[str, Any]]]:
    """{outlet: [(its code, shape)]} of the fences that would still be valid on that day."""
    found: dict[int, list[tuple[str, Any]]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT f.outlet_id, o.code, f.geometry::text FROM routing_fence f JOIN routing_outlet o ON o.id = f.outlet_id
               WHERE f.valid_until IS NULL OR f.valid_until >= %s ORDER BY f.id""",
            [day],
        )
        for outlet_id, code, text in cursor.fetchall():
            found.setdefault(outlet_id, []).append((code, shapely.from_geojson(text)))
    return found


def _report_overlaps(rows: list[Row], standing: dict[int, list[tuple[str, Any]]]) -> None:
    """Name the overlaps with other outlets' areas: those of the file, and those that stay."""
    fresh = {row.outlet_id for row in rows if row.checked is not None}
    others = [(row.outlet_id, row.code, row.checked.shape) for row in rows if row.checked is not None]
    others += [(o, code, s) for o, entries in standing.items() if o not in fresh for code, s in entries]
    if not others:
        return
    tree = shapely.STRtree([shape for _, _, shape in others])
    for row in rows:
        if row.checked is None:
            continue
        row.notices += overlaps(row.outlet_id, row.checked.shape, others, tree)


def overlaps(outlet_id: int, shape: Any, others: list[tuple[int, str, Any]], tree: Any) -> list[str]:
    """Sentences about the areas of other outlets that share ground with this one, the largest five."""
    found: list[tuple[float, str]] = []
    for i in tree.query(shape, predicate="intersects").tolist():
        other_id, code, other = others[i]
        if other_id != outlet_id and (share := overlap(shape, other)):
            found.append((share, code))
    words = [
        _("It overlaps %(code)s by %(share)d %%.") % {"code": c, "share": round(s * 100) or 1}
        for s, c in _largest(found)
    ]
    if len(found) > len(words):
        words.append(_("It overlaps %(n)d more.") % {"n": len(found) - len(words)})
    return words


def _largest(found: Iterable[tuple[float, str]]) -> list[tuple[float, str]]:
    return sorted(found, reverse=True)[:5]


def _around(outlet_id: int, shape: Any | None) -> tuple[list[tuple[int, str, Any]], Any]:
    """Today's fences of other outlets, as entries of `overlaps` with their tree; near `shape` where it is given."""
    index = fences.current(fresh=True)
    which = range(len(index.outlets))
    if shape is not None and index.outlets:
        which = index.tree.query(shape).tolist()
    chosen = [i for i in which if index.outlets[i] != outlet_id]
    codes = dict(Outlet.objects.filter(id__in={index.outlets[i] for i in chosen}).values_list("id", "code"))
    entries = [(index.outlets[i], codes.get(index.outlets[i], ""), index.shapes[i]) for i in chosen]
    return entries, shapely.STRtree([shape for _, _, shape in entries])


def notices_of(outlet_id: int, geometry: dict[str, Any]) -> list[str]:
    """Sentences about the overlaps of one drawn area with other outlets' fences of today."""
    shape = fences.as_shape(geometry)
    return overlaps(outlet_id, shape, *_around(outlet_id, shape))


def neighbours(outlet_id: int) -> dict[str, Any]:
    """The fences of the other outlets of its district, as a FeatureCollection to draw beneath."""
    own = Outlet.objects.filter(id=outlet_id).values_list("adcode", flat=True).first()
    mates = (
        Outlet.objects.filter(adcode=own).exclude(id=outlet_id).values_list("id", flat=True) if own else []
    )
    index = fences.current()
    wanted = set(mates)
    features = [
        {"type": "Feature", "properties": {}, "geometry": json.loads(shapely.to_geojson(index.shapes[i]))}
        for i, outlet in enumerate(index.outlets)
        if outlet in wanted
    ]
    return {"type": "FeatureCollection", "features": features[:200]}
