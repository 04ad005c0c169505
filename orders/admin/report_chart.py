"""The picture of a report: days as columns, groups as bars, the period before as a mark; its numbers stand beside it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

#: A drawing's size; it is stretched to its place.
WIDTH, HEIGHT = 1000.0, 160.0
#: So many groups are drawn as bars; the table has the others.
BARS = 10
Row = dict[str, Any]


def days(rows: Sequence[Row], name: str, begin: dt.date, count: int, said: Callable[[Any], str]) -> Row:
    """A column for every day of the period, also for those on which nothing was."""
    known = {row["day"]: row for row in rows}
    dates = [begin + dt.timedelta(days=n) for n in range(count)]
    values = [known.get(date.isoformat(), {}) for date in dates]
    most = _most(rows, name)
    wide = WIDTH / max(count, 1)
    gap = min(wide * 0.25, 6)
    columns = []
    for place, row in enumerate(values):
        now, before = float(row.get(name) or 0), row.get(f"b_{name}")
        tall = HEIGHT * now / most
        columns.append({
            "x": place * wide + gap / 2, "width": wide - gap, "y": HEIGHT - tall, "height": tall,
            "before": None if before is None else HEIGHT - HEIGHT * float(before) / most,
        })  # fmt: skip
    ticks = [dates[0], dates[len(dates) // 2], dates[-1]] if count > 2 else dates
    return {
        "days": True, "columns": columns, "width": WIDTH, "height": HEIGHT, "ticks": ticks, "most": said(most if rows else 0),
    }  # fmt: skip


def bars(rows: Sequence[Row], name: str, titles: Sequence[str], said: Callable[[Any], str]) -> Row:
    """A bar for each of the first groups."""
    most = _most(rows, name)
    return {
        "days": False, "width": WIDTH, "bars": [
            {
                "title": title, "width": WIDTH * float(row.get(name) or 0) / most, "now": said(row.get(name)),
                "before": None if row.get(f"b_{name}") is None else WIDTH * float(row[f"b_{name}"]) / most,
            }
            for row, title in list(zip(rows, titles, strict=True))[:BARS]
        ],
    }  # fmt: skip


def _most(rows: Sequence[Row], name: str) -> float:
    """The largest value that is drawn; never nought."""
    return max((float(row[part] or 0) for row in rows for part in (name, f"b_{name}")), default=0.0) or 1.0
