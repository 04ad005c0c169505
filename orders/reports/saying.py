"""How a report's numbers are said, on the page and in a mail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.utils.translation import gettext as _

from orderhub.exports.columns import MONEY, WHOLE
from orders.reports.frame import HOURS, SHARE, Measure

#: Less of a change than this is none.
SAME = 0.005


def words(measure: Measure) -> Callable[[Any], str]:
    """How a number of this measure is said."""

    def say(value: Any) -> str:
        if value is None:
            return "–"
        if measure.kind == WHOLE:
            return f"{round(value):,}"
        if measure.kind == MONEY:
            return f"{value:,.2f}"
        return f"{value:,.1f}"

    return say


def change(measure: Measure, row: dict[str, Any], whole: dict[str, Any] | None = None) -> tuple[str, str]:
    """(what became of it in words, its tone): shares and hours differ by points, all else by percent.

    Of a row of a table `whole` is the table's total, which says whether there was a period before at all.
    """
    now, before = row.get(measure.name), row.get(f"b_{measure.name}")
    if (whole or row).get(f"b_{measure.name}") is None:
        return _("no period before"), ""
    if now is None or before is None or (not before and measure.kind not in (SHARE, HOURS)):
        return ("–", "") if not now else (_("new"), "")
    if measure.kind in (SHARE, HOURS):
        moved = float(now - before)
        text = f"{moved:+.1f}"
    else:
        moved = float(now) / float(before) - 1
        text = f"{100 * moved:+.1f} %"
    if abs(moved) < SAME:
        return _("the same"), ""
    return text, "" if not measure.good else ("good" if moved * measure.good > 0 else "bad")
