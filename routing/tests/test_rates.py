"""Success rates: only parcels old enough are judged, small samples are shrunk, raw and smoothed both kept."""

import datetime as dt

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from logistics.models import Delivery
from routing import known
from routing.models import Rate
from routing.operations import rates

NOW = dt.datetime(2026, 3, 10, 12, tzinfo=dt.UTC)


def parcel(
    hours_ago,
    signed_after=None,
    *,
    adcode="330110",
    warehouse="YH01",
    outlet="ZTO-330110-1",
    first=True,
    now=NOW,
):
    parcel.n = getattr(parcel, "n", 0) + 1
    shipped = now - dt.timedelta(hours=hours_ago)
    return Delivery(
        waybill_no=f"W{parcel.n}", adcode=adcode, warehouse_code=warehouse, carrier="ZTO", outlet_code=outlet,
        shipped_at=shipped, first_attempt_ok=first,
        signed_at=None if signed_after is None else shipped + dt.timedelta(hours=signed_after),
    )  # fmt: skip


def test_that_a_parcel_still_within_the_horizon_is_no_failure():
    counts, _ = rates.count([parcel(20), parcel(30, 20), parcel(30, 25), parcel(71)], NOW)
    assert counts["330110", "warehouse", "YH01"] == [3, 1, 0, 0, 0, 0]


def test_that_a_parcel_never_signed_is_a_failure_once_the_horizon_is_over():
    counts, _ = rates.count([parcel(80, None, first=None), parcel(90, 60, first=False), parcel(100, 73)], NOW)
    assert counts["", "all", ""] == [2, 0, 3, 1, 2, 1]


def test_that_only_three_days_before_the_horizon_count():
    short, long = rates.count([parcel(24 + 72, 5), parcel(24 + 73, 5), parcel(72 + 73, 5)], NOW)
    assert short["", "all", ""][:3] == [1, 1, 2]
    assert long["", "all", ""][:3] == [3, 3, 3]


def test_that_the_window_is_widened_where_three_days_hold_too_few_and_says_so():
    few = [parcel(200, 20, adcode="330106", first=None) for _ in range(30)]
    many = [parcel(80, 20, adcode="330110") for _ in range(rates.ENOUGH)] + [parcel(200, 90, adcode="330110")]
    counts, days = rates.chosen(*rates.count([*few, *many], NOW))
    assert (counts["330106", "all", ""][0], days["330106", "all", ""]) == (30, 15)
    assert (counts["330110", "all", ""][0], days["330110", "all", ""]) == (rates.ENOUGH, 3)


def test_that_one_parcel_does_not_swing_an_area():
    many = [parcel(100, 20, warehouse="HZ01", adcode="330106") for _ in range(900)]
    many += [parcel(100, 80, warehouse="HZ01", adcode="330106") for _ in range(100)]
    rows = {
        row[:3]: row
        for row in rates.smoothed(
            *rates.chosen(*rates.count([*many, parcel(100, 200, warehouse="YH01")], NOW))
        )
    }
    one = rows["330110", "warehouse", "YH01"]
    assert (one[6], one[7]) == (1, 0.0)
    assert 0.80 < one[8] < 0.9
    big = rows["330106", "warehouse", "HZ01"]
    assert abs(big[8] - big[7]) < 0.005


@given(st.integers(0, 500), st.integers(0, 500), st.floats(0, 1))
def test_that_a_smoothed_rate_lies_between_the_raw_one_and_the_prior(n, k, towards):
    k = min(k, n)
    smooth = rates.shrink(k, n, towards)
    raw = k / n if n else towards
    assert min(raw, towards) - 1e-9 <= smooth <= max(raw, towards) + 1e-9


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=40))
def test_that_the_areas_and_keys_add_up_to_everywhere(draws):
    made = [
        parcel(100, 20 if ok else None, adcode="330110" if here else "330106", warehouse="A" if ok else "B")
        for here, ok in draws
    ]
    counts, _ = rates.count(made, NOW)
    nothing = [0] * 6
    everywhere = counts.get(("", "all", ""), nothing)
    for dimension in ("all", "warehouse"):
        areas = [row for (area, kind, _), row in counts.items() if area and kind == dimension]
        assert [sum(column) for column in zip(*areas, strict=True)] == (everywhere if areas else [])


def test_that_a_key_without_parcels_in_an_area_counts_as_average_there(db):
    now = timezone.now()
    Delivery.objects.bulk_create([parcel(100, 20 if i % 4 else None, now=now) for i in range(40)])
    assert rates.refresh(now) == 8
    facts = known.current(fresh=True)
    area = facts.rate("330110", "all", "").three
    assert facts.rate("330110", "warehouse", "SH01").three == known.Figure(area.smooth, None, 0)
    assert facts.rate("999999", "warehouse", "SH01").three.parcels == 0


def test_that_a_refresh_replaces_the_table_and_keeps_raw_smoothed_and_sample(db):
    now = timezone.now()
    Delivery.objects.bulk_create([parcel(80, 20 if i < 9 else 30, now=now) for i in range(10)])
    rates.refresh(now)
    rates.refresh(now)
    row = Rate.objects.get(adcode="330110", dimension="warehouse", key="YH01")
    assert (row.parcels_24h, row.signed_24h) == (10, pytest.approx(0.9))
    assert (row.parcels_72h, row.signed_72h, row.attempts) == (10, 1.0, 10)
    assert 0.85 < row.signed_24h_smooth < 0.9
    assert Rate.objects.count() == 8


def test_that_without_any_parcel_nothing_is_preferred(db):
    assert rates.refresh(timezone.now()) == 0
    facts = known.current(fresh=True)
    assert facts.rate("330110", "warehouse", "A") == facts.rate("330110", "warehouse", "B")
