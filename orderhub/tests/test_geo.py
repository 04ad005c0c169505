"""A place survives every change of datum to far under a metre, one by one and by the thousand."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderhub.geo import DATUMS, BadPoint, Point, convert, metres

LNG, LAT = st.floats(73.6, 134.9), st.floats(18.1, 53.5)


@given(LNG, LAT, st.sampled_from(DATUMS), st.sampled_from(DATUMS))
def test_that_every_round_trip_closes_to_under_a_millimetre(
    lng: float, lat: float, source: Any, other: Any
) -> None:
    there = convert(lng, lat, source, other)
    back = convert(*there, other, source)
    assert metres(lng, lat, float(back[0]), float(back[1])) < 0.001


@pytest.mark.parametrize(
    ("wgs", "gcj"),
    [
        ((121.5272106, 31.1774276), (121.531541859215, 31.17530398364597)),
        ((113.912316, 22.543847), (113.9171764808363, 22.540796131694766)),
        ((116.377817, 39.911954), (116.38404722455657, 39.91334545536069)),
    ],
)
def test_that_the_offset_is_what_other_converters_make(wgs: Any, gcj: Any) -> None:
    # The three pairs that the test suite of the public eviltransform library carries for all its languages.
    assert [float(value) for value in convert(wgs[0], wgs[1], "wgs84", "gcj02")] == pytest.approx(
        gcj, abs=1e-6
    )
    assert [float(value) for value in convert(gcj[0], gcj[1], "gcj02", "wgs84")] == pytest.approx(
        wgs, abs=1e-6
    )


def test_that_bd09_lies_where_baidu_puts_it() -> None:
    # The published example of Baidu's conversion: GCJ-02 (116.404, 39.915) is BD-09 (116.41036949, 39.92133699).
    lng, lat = convert(116.404, 39.915, "gcj02", "bd09")
    assert (float(lng), float(lat)) == pytest.approx((116.41036949, 39.92133699), abs=1e-7)


def test_that_many_points_convert_as_one_does() -> None:
    rng = np.random.default_rng(7)
    lngs, lats = rng.uniform(74, 134, 2000), rng.uniform(19, 53, 2000)
    many = convert(lngs, lats, "gcj02", "wgs84")
    for index in range(0, 2000, 97):
        one = convert(lngs[index], lats[index], "gcj02", "wgs84")
        assert one == pytest.approx((many[0][index], many[1][index]), abs=1e-9)


def test_that_places_outside_china_are_left_alone() -> None:
    for point in (Point(2.35, 48.85, "wgs84"), Point(-122.4, 37.7, "wgs84"), Point(0.0, 0.0, "wgs84")):
        moved = point.to("gcj02")
        assert (moved.lng, moved.lat) == (point.lng, point.lat)


@pytest.mark.parametrize(
    ("lng", "lat", "datum"),
    [
        (200, 30, "wgs84"),
        (120, 91, "wgs84"),
        (math.nan, 30, "wgs84"),
        (120, math.inf, "wgs84"),
        (120, 30, "mars"),
        ("", "", "gcj02"),
        (None, 30, "gcj02"),
        ("120,1", "30", "gcj02"),
        (True, 30, "wgs84"),
        ([], {}, "wgs84"),
        (120, 30, ""),
        ("9" * 400, "30", "gcj02"),
    ],
)
def test_that_what_is_no_place_is_refused(lng: Any, lat: Any, datum: Any) -> None:
    with pytest.raises(BadPoint):
        Point.read(lng, lat, datum)


def test_that_points_are_read_from_platform_words() -> None:
    assert Point.read("120.5", Decimal("30.25"), "gcj02") == Point(120.5, 30.25, "gcj02")
    assert Point(120.5, 30.25, "wgs84").wgs84() == Point(120.5, 30.25, "wgs84")


def test_that_distance_brings_both_points_to_one_datum() -> None:
    here = Point(120.1551, 30.2741, "wgs84")
    assert here.metres_to(here.to("bd09")) < 0.001
    assert here.metres_to(Point(120.1551, 30.2841, "wgs84")) == pytest.approx(1112, abs=2)


def test_that_an_unknown_datum_is_refused() -> None:
    with pytest.raises(BadPoint):
        convert(1.0, 1.0, "wgs84", "mars")  # type: ignore[arg-type]
