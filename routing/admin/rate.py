"""Success rates, read-only: raw and smoothed beside each other with their sample."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from orderhub.admin_site.base import Ledger
from orderhub.admin_site.marks import moment
from orderhub.admin_site.tabs import Tab, Tabs
from routing import words
from routing.addresses import regions
from routing.models import Rate

Kind = Rate.Dimension


class Dimension(Tabs):
    tabs = (
        Tab("all", _("All"), Q()),
        Tab("warehouse", _("By warehouse"), Q(dimension=Kind.WAREHOUSE)),
        Tab("outlet", _("By outlet"), Q(dimension=Kind.OUTLET)),
        Tab("carrier", _("By carrier"), Q(dimension=Kind.CARRIER)),
        Tab("area", _("By area only"), Q(dimension=Kind.ALL)),
    )


@admin.register(Rate)
class RateAdmin(Ledger):
    list_display = ("area", "sort", "key", "day", "three", "first", "window", "computed")
    list_display_links = None
    list_filter = (Dimension,)
    search_fields = ("adcode__exact", "key__exact")
    search_help_text = _("district, warehouse, carrier or outlet")
    ordering = ("adcode", "dimension", "key")
    sortable_by = ()

    def get_search_results(self, request: HttpRequest, queryset: Any, term: str) -> tuple[Any, bool]:
        """A district may be asked for by its name."""
        found, many = super().get_search_results(request, queryset, term)
        region = regions.find("", "", term) or regions.find("", term)
        return (found | queryset.filter(adcode=region.adcode) if region is not None else found), many

    @admin.display(description=_("area"))
    def area(self, rate: Rate) -> Any:
        return regions.name(rate.adcode) if rate.adcode else _("everywhere")

    @admin.display(description=_("of"))
    def sort(self, rate: Rate) -> str:
        return str(rate.get_dimension_display())

    @admin.display(description=_("signed within 24 h"))
    def day(self, rate: Rate) -> SafeString:
        return figure(rate.signed_24h, rate.signed_24h_smooth, rate.parcels_24h)

    @admin.display(description=_("delivered within 3 days"))
    def three(self, rate: Rate) -> SafeString:
        return figure(rate.signed_72h, rate.signed_72h_smooth, rate.parcels_72h)

    @admin.display(description=_("first attempt succeeded"))
    def first(self, rate: Rate) -> SafeString:
        return figure(rate.first_attempt, rate.first_attempt_smooth, rate.attempts)

    @admin.display(description=_("days"))
    def window(self, rate: Rate) -> int:
        return int(rate.window_days)

    @admin.display(description=_("computed"))
    def computed(self, rate: Rate) -> SafeString | str:
        return moment(rate.computed_at)


def figure(raw: float | None, smooth: float, parcels: int) -> SafeString:
    """The raw rate with its sample, the smoothed one under it."""
    return format_html(
        '<span class="oh-num">{} <span class="oh-quiet">n={}</span></span><span class="oh-under">{} {}</span>',
        words.share(raw), parcels, _("smoothed"), words.share(smooth),
    )  # fmt: skip
