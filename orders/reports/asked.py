"""What is asked of a report: a period in days here, channel, shop and warehouse, as far as the person sees them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext_lazy as _

from inventory.models import Warehouse
from orderhub.scope import reach_of
from orders.models import Shop

#: The longest period, in days.
MOST_DAYS = 400
PERIODS: dict[str, Any] = {
    "today": _("today"), "yesterday": _("yesterday"), "7": _("last 7 days"), "last_week": _("last week"),
    "30": _("last 30 days"), "this_month": _("this month"), "last_month": _("last month"), "90": _("last 90 days"),
}  # fmt: skip
OWN = "own"
USUAL = "30"
#: What of an address is a report's filter; everything else is no part of what is saved.
FILTERS = ("period", "from", "to", "channel", "shop", "house", "by", "show")


def days_of(period: str, today: dt.date) -> tuple[dt.date, dt.date]:
    """The first and last day of a named period. KeyError for one that there is none of."""
    day = dt.timedelta(days=1)
    monday, first = today - today.weekday() * day, today.replace(day=1)
    return {
        "today": (today, today), "yesterday": (today - day, today - day), "7": (today - 6 * day, today),
        "last_week": (monday - 7 * day, monday - day), "30": (today - 29 * day, today), "this_month": (first, today),
        "last_month": ((first - day).replace(day=1), first - day), "90": (today - 89 * day, today),
    }[period]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    """Days from `begin` to `end`, both included. `shop_ids` and `house_ids` are None where nothing narrows them."""

    period: str
    begin: dt.date
    end: dt.date
    channel: str = ""
    shop: str = ""
    house: str = ""
    shop_ids: list[int] | None = None
    house_ids: list[int] | None = None
    channels: list[str] = field(default_factory=list)
    shops: list[tuple[int, str, str, str]] = field(default_factory=list)
    houses: list[tuple[int, str, str]] = field(default_factory=list)

    @property
    def days(self) -> int:
        return (self.end - self.begin).days + 1

    @property
    def before(self) -> tuple[dt.date, dt.date]:
        """As many days before."""
        return self.begin - dt.timedelta(days=self.days), self.begin - dt.timedelta(days=1)

    @property
    def begins(self) -> dt.datetime:
        return _midnight(self.begin)

    @property
    def ends(self) -> dt.datetime:
        return _midnight(self.end + dt.timedelta(days=1))

    @property
    def before_begins(self) -> dt.datetime:
        return _midnight(self.before[0])


def _midnight(day: dt.date) -> dt.datetime:
    return timezone.make_aware(dt.datetime.combine(day, dt.time()))


def asked(given: Mapping[str, Any], user: Any, today: dt.date | None = None) -> Asked:
    """What an address asks for, of what the person sees. What can't be read is left out. Three statements."""
    reach = reach_of(user)
    begin, end = _date(given.get("from", "")), _date(given.get("to", ""))
    period = str(given.get("period", ""))
    if begin and end and begin <= end and (end - begin).days < MOST_DAYS:
        period = OWN
    else:
        period = period if period in PERIODS else USUAL
        begin, end = days_of(period, today or timezone.localdate())
    shops = [
        shop
        for shop in Shop.objects.order_by("id").values_list("id", "code", "name", "channel")
        if reach.shops is None or shop[1] in reach.shops
    ]
    houses = [
        house
        for house in Warehouse.objects.order_by("priority", "id").values_list("id", "code", "name")
        if reach.warehouses is None or house[1] in reach.warehouses
    ]
    channels = list(dict.fromkeys(shop[3] for shop in shops))
    channel = _one_of(given.get("channel", ""), channels)
    shop = _one_of(given.get("shop", ""), [one[1] for one in shops])
    house = _one_of(given.get("house", ""), [one[1] for one in houses])
    by_shop = [one[0] for one in shops if (not channel or one[3] == channel) and (not shop or one[1] == shop)]
    by_house = [one[0] for one in houses if not house or one[1] == house]
    return Asked(
        period, begin, end, channel, shop, house,
        by_shop if channel or shop or reach.shops is not None else None,
        by_house if house or reach.warehouses is not None else None,
        channels, shops, houses,
    )  # fmt: skip


def kept(given: Mapping[str, Any], **changed: str) -> str:
    """The filters of an address as a query string, in one order, some of them changed."""
    values = {name: changed.get(name, str(given.get(name, ""))) for name in FILTERS}
    return urlencode({name: value for name, value in values.items() if value})


def _one_of(value: Any, known: list[str]) -> str:
    return str(value) if str(value) in known else ""


def _date(text: Any) -> dt.date | None:
    try:
        return parse_date(str(text))
    except ValueError:
        return None
