"""Where the time goes between the touchpoints: over a period with the one before, and of one order."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from inventory.models import Warehouse
from orderhub.admin_site.base import need
from orderhub.admin_site.marks import channel_chip, clock, state_pill
from orderhub.integrations.platforms import name_of
from orderhub.scope import reach_of
from orders import steps
from orders.models import Shop
from orders.scope import visible_to

SEE = "orders.view_order"
PERIODS: dict[str, tuple[int, Any]] = {
    "1": (1, gettext_lazy("today")), "7": (7, gettext_lazy("last 7 days")), "30": (30, gettext_lazy("last 30 days")),
    "90": (90, gettext_lazy("last 90 days")),
}  # fmt: skip
#: The longest period that is asked for, in days.
MOST_DAYS = 400
#: The chart's width, and the seconds at its two ends.
WIDTH, SHORTEST, LONGEST = 320.0, 0.1, 30 * 86_400.0
TICKS = (
    (1, gettext_lazy("1 s")),
    (60, gettext_lazy("1 min")),
    (3600, gettext_lazy("1 h")),
    (86_400, gettext_lazy("1 d")),
)
SLOWEST = 50


def took(seconds: float | None) -> str:
    """A duration with its two largest units: 12.3 s, 2 min 30 s, 5 h 12 min, 2 d 3 h; a dash for none."""
    if seconds is None:
        return "–"
    if seconds < 60:
        return _("%(s)s s") % {"s": f"{seconds:.1f}" if seconds < 10 else f"{seconds:.0f}"}
    whole = round(seconds)
    if whole < 3600:
        return _("%(m)d min %(s)d s") % {"m": whole // 60, "s": whole % 60}
    if whole < 86_400:
        return _("%(h)d h %(m)d min") % {"h": whole // 3600, "m": whole % 3600 // 60}
    return _("%(d)d d %(h)d h") % {"d": whole // 86_400, "h": whole % 86_400 // 3600}


def x_of(seconds: float) -> float:
    """Where a duration lies on the chart: each tenfold is as wide as any other."""
    held = min(max(seconds, SHORTEST), LONGEST)
    return round(WIDTH * math.log(held / SHORTEST) / math.log(LONGEST / SHORTEST), 1)


def _ticks() -> list[dict[str, Any]]:
    return [{"x": x_of(seconds), "label": label} for seconds, label in TICKS]


def _asked(request: HttpRequest) -> dict[str, Any]:
    """The period, the shops and the warehouses that were asked for, as far as the person sees them. Three statements."""
    get, reach = request.GET, reach_of(request.user)
    today = timezone.localdate()
    begin, end = _date(get.get("from", "")), _date(get.get("to", ""))
    period = get.get("period", "")
    if begin and end and begin <= end and (end - begin).days < MOST_DAYS:
        period = "own"
    else:
        period = period if period in PERIODS else "7"
        begin, end = today - dt.timedelta(days=PERIODS[period][0] - 1), today
    shops = [
        shop
        for shop in Shop.objects.order_by("id").values_list("id", "code", "channel")
        if reach.shops is None or shop[1] in reach.shops
    ]
    houses = [
        house
        for house in Warehouse.objects.order_by("priority", "id").values_list("id", "code", "name")
        if reach.warehouses is None or house[1] in reach.warehouses
    ]
    channels = list(dict.fromkeys(channel for _id, _code, channel in shops))
    channel = get.get("channel", "") if get.get("channel", "") in channels else ""
    house = get.get("house", "") if get.get("house", "") in {str(one[0]) for one in houses} else ""
    by_shop = [one for one, _code, of in shops if not channel or of == channel]
    by_house = [int(house)] if house else [one[0] for one in houses]
    return {
        "begin": begin, "end": end, "period": period, "channel": channel, "house": house, "channels": channels,
        "houses": houses,
        "shop_ids": by_shop if channel or reach.shops is not None else None,
        "house_ids": by_house if house or reach.warehouses is not None else None,
    }  # fmt: skip


def _date(text: str) -> dt.date | None:
    try:
        return parse_date(text)
    except ValueError:
        return None


def page(request: HttpRequest) -> HttpResponse:
    """Every step with its percentiles, its target and the period before; the slowest orders of the one asked for."""
    need(request, SEE)
    asked = _asked(request)
    rows = steps.taken(asked["begin"], asked["end"], asked["shop_ids"], asked["house_ids"])
    query = {
        "period": asked["period"], "channel": asked["channel"], "house": asked["house"],
        **({"from": asked["begin"], "to": asked["end"]} if asked["period"] == "own" else {}),
    }  # fmt: skip
    query = {name: value for name, value in query.items() if value and value != "own"}
    days = (asked["end"] - asked["begin"]).days + 1
    shown = {
        "title": _("Time between touchpoints"),
        "asked": asked,
        "rows": [_row(row, query) for row in rows],
        "any": any(row.now.n for row in rows),
        "red": [row.step.label for row in rows if row.red],
        "push": next(_row(row, query) for row in rows if row.step.code == "push"),
        "ticks": _ticks(),
        "width": WIDTH,
        "periods": [(code, label) for code, (_days, label) in PERIODS.items()],
        "channels": [(code, name_of(code)) for code in asked["channels"]],
        "before": (asked["begin"] - dt.timedelta(days=days), asked["begin"] - dt.timedelta(days=1)),
        "slow": _slow(request, asked, rows),
    }
    return TemplateResponse(request, "orders/waterfall.html", {**admin.site.each_context(request), **shown})


def _row(row: steps.Taken, query: dict[str, Any]) -> dict[str, Any]:
    now, target = row.now, row.step.target
    change = row.change
    bar = None
    if now.p50 is not None and now.p90 is not None and now.p99 is not None:
        left, right = x_of(now.p50), x_of(now.p99)
        bar = {"x": left, "width": max(3.0, round(right - left, 1)), "p90": x_of(now.p90)}
    link = ""
    if now.late:
        asked = {**query, "slow": row.step.code}
        link = reverse("admin:waterfall") + "?" + urlencode(asked) + "#slow"
    return {
        "step": row.step, "red": row.red, "n": now.n, "late": now.late, "link": link, "bar": bar,
        "share": round(100 * now.late / now.n, 1) if now.n else 0,
        "p50": took(now.p50), "p90": took(now.p90), "p99": took(now.p99), "before": took(row.before.p90),
        "target": took(target.total_seconds()) if target else "–", "target_x": x_of(target.total_seconds()) if target else None,
        "change": _change(change), "worse": change is not None and change > 0.05, "better": change is not None and change < -0.05,
    }  # fmt: skip


def _change(change: float | None) -> str:
    """What became of it, in words; differences within the buckets' own error are none."""
    if change is None:
        return "–"
    percent = round(100 * abs(change))
    if abs(change) <= 0.05:
        return _("the same")
    if change >= 1:
        return _("%(n)s times as long") % {"n": f"{1 + change:.1f}"}
    words = _("%(n)d %% longer") if change > 0 else _("%(n)d %% shorter")
    return words % {"n": percent}


def _slow(request: HttpRequest, asked: dict[str, Any], rows: Iterable[steps.Taken]) -> dict[str, Any] | None:
    """The slowest orders of the step that the address names, of those that the person sees. Two statements."""
    row = next(
        (one for one in rows if one.step.code == request.GET.get("slow", "") and one.step.target), None
    )
    if row is None:
        return None
    period = asked["begin"], asked["end"]
    found = steps.slowest(row.step.code, *period, asked["shop_ids"], asked["house_ids"], SLOWEST)
    orders = visible_to(request.user).filter(id__in=[one for one, _seconds in found]).select_related("shop")
    known = {order.pk: order for order in orders}
    return {
        "step": row.step, "late": row.now.late, "most": SLOWEST,
        "rows": [
            {"order": known[one], "took": took(seconds), "chip": channel_chip(known[one].shop.channel, known[one].shop.name),
             "pill": state_pill(known[one])}
            for one, seconds in found if one in known
        ],
    }  # fmt: skip


def panel(order_id: int, request: HttpRequest) -> dict[str, Any] | None:
    """The steps of one order, as bars in the time since its payment. One statement."""
    found = steps.of_order(order_id)
    if not found:
        return None
    first = min(stretch.since for stretch in found)
    rows = []
    for stretch in found:
        left = x_of((stretch.since - first).total_seconds() + SHORTEST)
        right = x_of((stretch.until - first).total_seconds() + SHORTEST)
        target = stretch.step.target
        rows.append({
            "step": stretch.step, "red": stretch.red, "took": took(stretch.seconds),
            "target": took(target.total_seconds()) if target else "–",
            "until": clock(stretch.until), "bar": {"x": left, "width": max(3.0, round(right - left, 1))},
        })  # fmt: skip
    return {"template": "orders/waterfall_panel.html", "rows": rows, "ticks": _ticks(), "width": WIDTH}
