"""The marked history from which the first success rates come."""

from __future__ import annotations

import csv
import io
from collections import Counter
from datetime import UTC, datetime, timedelta

from orderhub.sandbox.history import FIELDS, delivered_history, write_csv

NOW = datetime(2026, 11, 20, 4, tzinfo=UTC)


def rates(seed: int) -> dict[tuple[str, str], tuple[int, int]]:
    fast: Counter[tuple[str, str]] = Counter()
    whole: Counter[tuple[str, str]] = Counter()
    for row in delivered_history(seed, NOW, 3000):
        whole[row.district, row.warehouse] += 1
        fast[row.district, row.warehouse] += row.signed_at - row.shipped_at <= timedelta(hours=24)
    return {key: (fast[key], whole[key]) for key in whole}


def test_that_the_sellers_own_case_comes_out_with_the_default_seed() -> None:
    found = rates(1)
    partner, own = (found["330110", code][0] / found["330110", code][1] * 100 for code in ("YH01", "HZ01"))
    assert (round(partner, 1), round(own, 1), round(partner - own, 1)) == (94.6, 83.3, 11.3)
    others = [fast / whole for (district, _), (fast, whole) in found.items() if district != "330110"]
    assert min(others) > 0.6 and max(others) < 0.98


def test_that_another_seed_gives_other_figures() -> None:
    assert rates(2)["330110", "YH01"] != rates(1)["330110", "YH01"]


def test_that_every_parcel_lies_in_the_past_and_in_order() -> None:
    rows = delivered_history(1, NOW, 1500)
    assert len(rows) == 1500 and len({row.waybill for row in rows}) == 1500
    for row in rows:
        assert row.shipped_at < row.picked_up_at < row.first_attempt_at <= row.signed_at
        assert row.shipped_at > NOW - timedelta(days=15.1) and row.signed_at <= NOW - timedelta(days=3)
        assert row.first_attempt_ok == (row.first_attempt_at == row.signed_at)
        assert row.outlet.startswith(f"{row.carrier}-{row.district}-")


def test_that_the_file_reads_back() -> None:
    file = io.StringIO()
    assert write_csv(delivered_history(1, NOW, 800), file) == 800
    rows = list(csv.DictReader(io.StringIO(file.getvalue())))
    assert tuple(rows[0]) == FIELDS and rows[0]["first_attempt_ok"] in ("true", "false")
    assert datetime.fromisoformat(rows[0]["signed_at"]).utcoffset() is not None
