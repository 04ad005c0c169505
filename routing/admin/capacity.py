"""Places by day, editable, and the ledger behind them, read-only."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from orderhub.admin_site.base import Admin, Ledger
from orderhub.admin_site.going import order_link
from orderhub.admin_site.marks import moment, pill
from orderhub.admin_site.tabs import Tab, Tabs
from routing import fences
from routing.models import CapacityDay, CapacityEntry

TONES = {"held": "info", "confirmed": "good", "returned": "neutral"}


def gauge(places: int, held: int, confirmed: int) -> SafeString:
    """How much is taken, as a bar and in numbers."""
    taken = held + confirmed
    share = min(100, round(100 * taken / places)) if places else 100
    tone = "oh-gauge-bad" if taken >= places else "oh-gauge-warn" if share >= 80 else ""
    return format_html(
        '<span class="oh-gauge {}" aria-hidden="true"><i style="width:{}%"></i></span> <span class="oh-num">{} / {}</span>',
        tone, share, taken, places,
    )  # fmt: skip


class Days(Tabs):
    parameter_name = "queue"
    default = "today"
    tabs = (
        Tab("today", _("Today"), lambda request: _on("exact")),
        Tab("coming", _("Coming days"), lambda request: _on("gt")),
        Tab("past", _("Past days"), lambda request: _on("lt")),
        Tab("all", _("All"), lambda request: _on("isnull", False)),
    )


def _on(lookup: str, value: Any = None) -> Any:
    from django.db.models import Q

    return Q(**{f"day__{lookup}": fences.today() if value is None else value})


class DayForm(forms.ModelForm):
    """Places may not fall below what is taken; the row is locked while the form is taken in."""

    class Meta:
        model = CapacityDay
        fields = ("outlet", "day", "places")

    def clean_places(self) -> int:
        places = int(self.cleaned_data["places"])
        taken = (self.instance.held or 0) + (self.instance.confirmed or 0)
        if places < taken:
            raise forms.ValidationError(_now("%(taken)d are taken already.") % {"taken": taken})
        return places


@admin.register(CapacityDay)
class CapacityDayAdmin(Admin):
    form = DayForm
    list_display = ("outlet", "day", "filled", "held", "confirmed", "places")
    list_select_related = ("outlet",)
    list_filter = (Days,)
    search_fields = ("outlet__code__startswith", "outlet__name")
    search_help_text = _("outlet's code or name")
    ordering = ("-day", "outlet__code")
    sortable_by = ()
    actions = None
    autocomplete_fields = ("outlet",)
    fields = (("outlet", "day"), ("places", "held", "confirmed"))
    engine_fields = ("held", "confirmed")

    def get_readonly_fields(self, request: HttpRequest, obj: Any | None = None) -> tuple[str, ...]:
        named = super().get_readonly_fields(request, obj)
        return (*named, "outlet", "day") if obj is not None else named

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description=_("taken"))
    def filled(self, day: CapacityDay) -> SafeString:
        return gauge(day.places, day.held, day.confirmed)


@admin.register(CapacityEntry)
class CapacityEntryAdmin(Ledger):
    list_display = ("when", "outlet", "day", "word", "order")
    list_display_links = None
    list_select_related = ("capacity__outlet",)
    search_fields = ("order_id__exact", "capacity__outlet__code__exact")
    ordering = ("-id",)
    sortable_by = ()

    @admin.display(description=_("at"))
    def when(self, entry: CapacityEntry) -> SafeString | str:
        return moment(entry.at)

    @admin.display(description=_("outlet"))
    def outlet(self, entry: CapacityEntry) -> str:
        return str(entry.capacity.outlet)

    @admin.display(description=_("day"))
    def day(self, entry: CapacityEntry) -> Any:
        return entry.capacity.day

    @admin.display(description=_("what"))
    def word(self, entry: CapacityEntry) -> SafeString:
        return pill(entry.get_change_display(), TONES.get(entry.change, "neutral"))

    @admin.display(description=_("order"))
    def order(self, entry: CapacityEntry) -> SafeString | str:
        return order_link(entry.order_id)
