"""What may become a fence, what is refused with which words, and which fence a point lies in."""

import datetime as dt
import json
import math

import pytest
import shapely
from django.core.management import CommandError, call_command

from orderhub.geo import convert, metres
from routing import fences
from routing.geometry import MAX_VERTICES, BadGeometry, check, overlap
from routing.models import Fence
from routing.operations.import_fences import BadFile, preview, take_in
from routing.tests.cast import POINT, fence, outlet, square


def polygon(*ring):
    return {"type": "Polygon", "coordinates": [[list(point) for point in ring]]}


BOW_TIE = polygon((120, 30), (121, 31), (121, 30), (120, 31), (120, 30))
HOLED = {
    "type": "Polygon",
    "coordinates": [square(120, 30, 0.1)["coordinates"][0], square(120, 30, 0.02)["coordinates"][0]],
}


@pytest.mark.parametrize(
    "geometry",
    [
        None,
        [],
        {"type": "Point", "coordinates": [120, 30]},
        {"type": "GeometryCollection", "geometries": []},
        {"type": "Polygon"},
        {"type": "Polygon", "coordinates": []},
        {"type": "Polygon", "coordinates": [[]]},
        {"type": "Polygon", "coordinates": [[1, 2, 3, 4]]},
        {"type": "Polygon", "coordinates": {"a": 1}},
        {"type": "Polygon", "coordinates": [["120", "30"]] * 5},
        polygon((120, 30), (121, 30), (120, 30)),
        polygon((120, 30), (121, 30), (121, 31), (120, 31)),
        polygon((120, 30), (121, 30), (121, 91), (120, 30)),
        polygon((30, 120), (31, 120), (31, 121), (30, 120)),
        polygon((120, 30), (121, float("nan")), (121, 31), (120, 30)),
        polygon((120, 30), (121, float("inf")), (121, 31), (120, 30)),
        polygon((120, 30), (True, 30), (121, 31), (120, 30)),
        polygon((120, 30), (121, 30), (122, 30), (120, 30)),
        BOW_TIE,
        {
            "type": "MultiPolygon",
            "coordinates": [square(120, 30)["coordinates"], square(120.01, 30)["coordinates"]],
        },
        polygon((0, 0), (90, 0), (90, 80), (0, 80), (0, 0)),
    ],
)
def test_that_what_cannot_be_a_fence_is_refused_with_a_sentence(geometry):
    with pytest.raises(BadGeometry) as caught:
        check(geometry, "wgs84")
    assert len(str(caught.value)) > 5


def test_that_an_invalid_area_is_refused_and_never_repaired():
    with pytest.raises(BadGeometry, match=r"\["):  # with the place where the border crosses itself
        check(BOW_TIE, "wgs84")


def test_that_an_area_with_too_many_corners_is_refused_before_it_is_built(monkeypatch):
    monkeypatch.setattr(shapely, "Polygon", None)
    ring = [[120 + math.cos(i) / 9, 30 + math.sin(i) / 9] for i in range(MAX_VERTICES + 1)]
    with pytest.raises(BadGeometry, match=str(MAX_VERTICES)):
        check(polygon(*ring, ring[0]), "wgs84")


def test_that_the_datum_must_be_declared():
    with pytest.raises(BadGeometry, match="gcj02"):
        check(square(120, 30), "")


def test_that_holes_parts_and_places_abroad_are_reported():
    assert len(check(HOLED, "wgs84").notices) == 1
    parts = {
        "type": "MultiPolygon",
        "coordinates": [square(120, 30)["coordinates"], square(121, 30)["coordinates"]],
    }
    assert len(check(parts, "wgs84").notices) == 1
    assert len(check(square(-73, 40), "wgs84").notices) == 1


def test_that_a_gcj_fence_is_stored_in_wgs84_within_a_metre():
    checked = check(square(*POINT), "gcj02")
    given = square(*POINT)["coordinates"][0]
    for (lng, lat), (stored_lng, stored_lat) in zip(given, checked.geometry["coordinates"][0], strict=True):
        assert metres(lng, lat, stored_lng, stored_lat) > 300
        back = convert(stored_lng, stored_lat, "wgs84", "gcj02")
        assert metres(lng, lat, *back) < 1


def test_that_areas_which_only_touch_do_not_overlap():
    one, other = (shapely.from_geojson(json.dumps(square(lng, 30, 0.05))) for lng in (120.0, 120.1))
    assert overlap(one, other) == 0
    third = shapely.from_geojson(json.dumps(square(120.05, 30, 0.05)))
    assert overlap(one, third) == pytest.approx(0.5)


def test_that_a_point_is_found_in_every_fence_that_holds_it_and_a_hole_is_outside(db):
    a, b = outlet(1), outlet(2)
    fence(a, half=0.05)
    Fence.objects.create(outlet=b, geometry=check(HOLED, "wgs84").geometry, valid_from=fences.today())
    index = fences.current()
    assert index.locate([120.0, 120.0, 120.05, 0.0], [30.28, 30.0, 30.05, 0.0]) == [[a.id], [], [b.id], []]
    assert index.locate([], []) == []


def test_that_only_fences_of_active_outlets_valid_today_count(db):
    today, day = fences.today(), dt.timedelta(days=1)
    outlets = [outlet(n) for n in range(1, 6)]
    dates = [
        (today, None),
        (today + day, None),
        (today - day, today - day),
        (today - day, today),
        (today, None),
    ]
    for each, (since, until) in zip(outlets, dates, strict=True):
        Fence.objects.create(outlet=each, geometry=square(*POINT), valid_from=since, valid_until=until)
    outlets[4].active = False
    outlets[4].save()
    (found,) = fences.current().locate([POINT[0]], [POINT[1]])
    assert found == [outlets[0].id, outlets[3].id]


def test_that_an_edit_is_seen_and_nothing_is_rebuilt_without_one(db):
    a = outlet(1)
    drawn = fence(a)
    first = fences.current()
    assert fences.current() is first
    drawn.geometry = square(121.0, 30.0)
    drawn.save()
    assert fences.current().locate([POINT[0], 121.0], [POINT[1], 30.0]) == [[], [a.id]]


def test_that_the_nearest_fence_is_nearest_in_metres_and_has_a_limit(db):
    east, north = outlet(1), outlet(2)
    fence(east, 120.13, 30.28, 0.02)  # 0.11 degrees of longitude are 10.6 km here
    fence(north, 120.0, 30.405, 0.02)  # 0.105 degrees of latitude are 11.7 km
    found = fences.current().nearest(*POINT, within=50_000)
    assert found is not None
    assert (found[0], found[1]) == (east.id, pytest.approx(10_570, rel=0.01))
    assert fences.current().nearest(*POINT, within=5_000) is None


# --- a file --------------------------------------------------------------------------------------------------


def collection(*features, **extra):
    made = [
        {"type": "Feature", "properties": properties, "geometry": geometry}
        for properties, geometry in features
    ]
    return json.dumps({"type": "FeatureCollection", "features": made, **extra}).encode()


def test_that_one_bad_feature_is_named_and_the_others_go_in(db):
    a, b = outlet(1), outlet(2)
    old = fence(a, 119.0)
    data = collection(
        ({"outlet": a.code}, square(*POINT)),
        ({"outlet": "NOWHERE"}, square(*POINT)),
        ({"网点编码": b.code, "name": "东片"}, HOLED),
        ({}, square(*POINT)),
        ({"code": b.code}, BOW_TIE),
        ({"code": b.code}, None),
    )
    seen = preview(data, "gcj02")
    assert Fence.objects.count() == 1
    assert [row.action for row in seen.rows] == ["replace", "error", "add", "error", "error", "error"]
    assert all(row.error for row in seen.bad)
    assert take_in(seen) == {"made": 2, "ended": 1, "refused": 4}
    old.refresh_from_db()
    assert old.valid_until == fences.today() - dt.timedelta(days=1)
    assert set(Fence.objects.filter(valid_until=None).values_list("outlet__code", "name")) == {
        (a.code, a.name), (b.code, "东片"),
    }  # fmt: skip
    gcj = convert(*POINT, "gcj02", "wgs84")
    assert fences.current().locate([gcj[0]], [gcj[1]]) == [[a.id]]


def test_that_overlaps_with_others_are_reported_in_the_preview(db):
    a, b, c = outlet(1), outlet(2), outlet(3)
    fence(c)
    seen = preview(
        collection(({"code": a.code}, square(*POINT)), ({"code": b.code}, square(125, 40))), "wgs84"
    )
    assert [bool(row.notices) for row in seen.rows] == [True, False]
    assert c.code in seen.rows[0].notices[0]
    assert "100 %" in seen.rows[0].notices[0]


@pytest.mark.parametrize(
    "data",
    [
        b"", b"[]", b"{}", b'{"type":"FeatureCollection"}', b'{"type":"FeatureCollection","features":[]}', b"\xff\xfe",
        b"[" * 100_000, collection(({}, None), crs={"type": "name", "properties": {"name": "EPSG:3857"}}),
        b'{"type":"Polygon","coordinates":[]}',
    ],
)  # fmt: skip
def test_that_a_file_without_fences_is_refused_with_a_sentence(db, data):
    with pytest.raises(BadFile):
        preview(data, "wgs84")


def test_that_the_old_name_of_wgs84_is_accepted(db):
    a = outlet(1)
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}
    assert preview(collection(({"code": a.code}, square(*POINT)), crs=crs), "wgs84").counts["add"] == 1


def test_that_the_command_previews_then_imports(db, tmp_path, capsys):
    a = outlet(1)
    file = tmp_path / "fences.geojson"
    file.write_bytes(collection(({"code": a.code}, square(*POINT)), ({"code": "X"}, square(*POINT))))
    call_command("import_fences", str(file), "--datum", "gcj02", "--preview")
    assert not Fence.objects.exists()
    call_command("import_fences", str(file), "--datum", "gcj02")
    assert Fence.objects.count() == 1
    assert "X" in capsys.readouterr().out
    with pytest.raises(CommandError):
        call_command("import_fences", str(tmp_path / "absent"), "--datum", "gcj02")
