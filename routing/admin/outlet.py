"""Outlets: where they are, what they serve, how many pick-ups a day; the point is set on a map."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.forms import Media
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import DropdownFilter

from orderhub.admin_site.base import Admin
from orderhub.admin_site.tabs import Tab, Tabs
from routing import fences, queries
from routing.addresses import regions
from routing.admin.capacity import gauge
from routing.admin.maps import MEDIA, config
from routing.models import Fence, Outlet


def valid_today() -> Q:
    """Fences that hold today."""
    day = fences.today()
    return Q(valid_from__lte=day) & (Q(valid_until=None) | Q(valid_until__gte=day))


class Queue(Tabs):
    tabs = (
        Tab("all", _("All"), Q()),
        Tab("fenced", _("With a fence"), Q(fences__isnull=False)),
        Tab("bare", _("Without a fence"), Q(fences__isnull=True), counted=True, tone="warn"),
        Tab("off", _("Switched off"), Q(active=False)),
    )

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return super().queryset(request, queryset).distinct()


class Province(DropdownFilter):
    title = _("province")
    parameter_name = "province"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        codes = Outlet.objects.values_list("adcode", flat=True).order_by().distinct()
        return [
            (code, regions.name(f"{code}0000")) for code in sorted({adcode[:2] for adcode in codes if adcode})
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(adcode__startswith=self.value()) if self.value() else queryset


@admin.register(Outlet)
class OutletAdmin(Admin):
    list_display = ("place", "area", "carrier", "daily_capacity", "today", "active")
    list_display_links = ("place",)
    list_filter = (Queue, Province)
    search_fields = ("code__startswith", "name", "adcode__exact")
    search_help_text = _("code, name or district code")
    ordering = ("code",)
    sortable_by = ()
    actions = None
    readonly_fields = ("map",)
    fieldsets = (
        (None, {"fields": (("name", "code"), ("carrier", "daily_capacity"), "active")}),
        (
            _("What it costs and promises"),
            {
                "fields": (("freight_first", "freight_next"), "promised_hours"),
                "description": _(
                    "Compared where the rules ask for cost or promised time. Empty: not known; it then comes after"
                    " those that are."
                ),
            },
        ),
        (_("Where it is"), {"fields": (("adcode", "town"), ("lng", "lat"), "map")}),
    )

    @property
    def media(self) -> Media:
        return super().media + MEDIA

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """An outlet is switched off; its ledger and the decisions that name it stay."""
        return False

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], term: str
    ) -> tuple[Any, bool]:
        """A district may be asked for by its name."""
        found, many = super().get_search_results(request, queryset, term)
        region = regions.find("", "", term) or regions.find("", term)
        return (found | queryset.filter(adcode=region.adcode) if region is not None else found), many

    def dress(self, request: HttpRequest, rows: list[Outlet]) -> None:
        """Today's places of the shown outlets in one statement."""
        days = {day.outlet_id: day for day in queries.capacity_today([row.pk for row in rows])}
        for row in rows:
            row.day = days.get(row.pk)  # type: ignore[attr-defined]

    @admin.display(description=_("outlet"))
    def place(self, outlet: Outlet) -> SafeString:
        return format_html('{}<span class="oh-under oh-number">{}</span>', outlet.name, outlet.code)

    @admin.display(description=_("serves"))
    def area(self, outlet: Outlet) -> SafeString:
        return format_html('{}<span class="oh-under">{}</span>', regions.name(outlet.adcode), outlet.town)

    @admin.display(description=_("taken today"))
    def today(self, outlet: Outlet) -> SafeString | str:
        day = getattr(outlet, "day", None)
        return gauge(day.places, day.held, day.confirmed) if day is not None else "–"

    @admin.display(description=_("on the map"))
    def map(self, outlet: Outlet | None) -> SafeString:
        drawn = Fence.objects.filter(valid_today(), outlet=outlet) if outlet is not None and outlet.pk else []
        features = [
            {"type": "Feature", "properties": {"name": str(f)}, "geometry": f.geometry} for f in drawn
        ]
        point = [outlet.lng, outlet.lat] if outlet is not None and outlet.lng is not None else None
        told = config(
            kind="point", lng="id_lng", lat="id_lat", point=point,
            fences={"type": "FeatureCollection", "features": features},
        )  # fmt: skip
        html = render_to_string(
            "routing/outlet_map.html", {"config": told, "outlet": outlet, "bare": not features}
        )
        return SafeString(html)
