"""The carrier's axis: whatever order scans come in, however often, the parcel ends in the same place."""

from __future__ import annotations

import datetime as dt
import itertools

from hypothesis import given
from hypothesis import strategies as st

from logistics.axis import Seen, derive
from logistics.providers.traces import scans as kuaidi100_scans

START = dt.datetime(2026, 11, 1, 8, tzinfo=dt.UTC)


def scan(hours: float, meaning: str, code: str = "") -> Seen:
    return Seen(START + dt.timedelta(hours=hours), code or meaning, meaning)


SIX = [
    scan(0, "picked_up"), scan(3, "transit"), scan(20, "transit"), scan(24, "delivering"), scan(26, "problem"),
    scan(48, "signed"),
]  # fmt: skip


def test_that_720_orders_of_six_scans_end_in_the_same_place() -> None:
    ends = {derive(order) for order in itertools.permutations(SIX)}
    assert len(ends) == 1
    assert ends.pop().tracking == "signed"


def test_that_every_prefix_order_of_arrival_ends_the_same_and_repeats_change_nothing() -> None:
    whole = derive(SIX)
    for order in itertools.permutations(SIX):
        stored: set[Seen] = set()
        for one in order:
            stored.add(one)
            derive(stored)
        assert derive([*stored, *stored]) == whole


def test_that_a_late_transit_scan_does_not_undo_a_signature() -> None:
    axis = derive([scan(10, "signed"), scan(11, "transit"), scan(0, "picked_up")])
    assert axis.tracking == "signed"
    assert axis.signed_at == START + dt.timedelta(hours=10)


def test_that_a_failed_attempt_before_the_signature_spoils_the_first_attempt() -> None:
    assert derive(SIX).first_attempt_ok is False
    assert derive([s for s in SIX if s.meaning != "problem"]).first_attempt_ok is True
    assert derive(SIX[:4]).first_attempt_ok is None


def test_that_an_ordered_but_unscanned_parcel_is_not_picked_up() -> None:
    assert derive([scan(0, "ordered", "101")]).picked_up_at is None


def test_that_a_lost_pick_up_scan_does_not_make_a_delivered_parcel_unpicked() -> None:
    assert derive([scan(5, "transit"), scan(9, "signed")]).picked_up_at == START + dt.timedelta(hours=5)


def test_that_a_parcel_that_comes_back_ends_returned() -> None:
    axis = derive([scan(0, "picked_up"), scan(20, "refused"), scan(30, "returning"), scan(60, "returned")])
    assert (axis.tracking, axis.trouble, axis.first_attempt_ok) == ("returned", "returned", None)


meanings = st.sampled_from(
    ["picked_up", "transit", "delivering", "signed", "problem", "refused", "returning", "ordered"]
)
rows = st.lists(st.builds(scan, st.integers(0, 200), meanings), max_size=8)


@given(rows, st.randoms())
def test_that_shuffling_and_doubling_never_matters(scans: list[Seen], random: object) -> None:
    shuffled = [*scans, *scans[:3]]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert derive(shuffled) == derive(scans)


def test_that_rows_of_another_shape_are_named_and_the_others_read() -> None:
    good = {"statusCode": "103", "context": "已揽收", "ftime": "2026-11-20 10:00:00"}
    scans, unknown = kuaidi100_scans("W", ["x", 1.5, good])  # type: ignore[list-item]
    assert [scan.meaning for scan in scans] == ["picked_up"] and len(unknown) == 2
