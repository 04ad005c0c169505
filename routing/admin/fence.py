"""Fences: drawn on the map, versioned by day; the map of all of them with what is left today; files of fences.

Changing the area of a fence that holds since an earlier day keeps what it was: that becomes a row that ended
yesterday, and the changed one holds from today.
"""

from __future__ import annotations

import copy
import datetime as dt
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Q
from django.http import HttpRequest
from django.urls import path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from orderhub.admin_site.base import Admin, Ledger
from orderhub.admin_site.marks import moment, pill
from orderhub.admin_site.tabs import Tab, Tabs
from routing import fences
from routing.addresses import regions
from routing.admin import importing, map_page
from routing.admin.fields import FenceField
from routing.admin.outlet import valid_today
from routing.models import Fence, FenceImport
from routing.operations.import_fences import neighbours, notices_of


class Queue(Tabs):
    default = "now"
    tabs = (
        Tab("now", _("Valid today"), lambda request: valid_today()),
        Tab("coming", _("Coming"), lambda request: Q(valid_from__gt=fences.today())),
        Tab("past", _("Past"), lambda request: Q(valid_until__lt=fences.today())),
        Tab("all", _("All"), Q()),
    )


class FenceForm(forms.ModelForm):
    """The area is drawn; the dates must follow each other."""

    geometry = FenceField(label=_("area"))

    class Meta:
        model = Fence
        fields = ("outlet", "name", "valid_from", "valid_until", "geometry")

    def clean(self) -> Any:
        cleaned = super().clean()
        dates = self.cleaned_data
        since, until = dates.get("valid_from"), dates.get("valid_until")
        if since and until and until < since:
            self.add_error("valid_until", _now("It ends before it begins."))
        return cleaned


@admin.register(Fence)
class FenceAdmin(Admin):
    form = FenceForm
    list_display = ("title", "area", "since", "until", "standing", "changed")
    list_display_links = ("title",)
    list_select_related = ("outlet",)
    list_filter = (Queue, ("outlet", AutocompleteSelectFilter))
    search_fields = ("outlet__code__startswith", "outlet__name", "name")
    search_help_text = _("outlet's code or name")
    ordering = ("outlet__code", "-valid_from", "-id")
    sortable_by = ()
    actions = None
    autocomplete_fields = ("outlet",)
    fields = (("outlet", "name"), ("valid_from", "valid_until"), "geometry")
    list_before_template = "routing/fence_list_head.html"

    def get_queryset(self, request: HttpRequest) -> Any:
        found = super().get_queryset(request)
        return (
            found.defer("geometry") if request.resolver_match and not request.resolver_match.kwargs else found
        )

    def get_urls(self) -> list[Any]:
        site = self.admin_site.admin_view
        return [
            path("map/", site(map_page.page), name="routing_fence_map"),
            path("map/data/", site(map_page.data), name="routing_fence_map_data"),
            path("import/", site(importing.page), name="routing_fence_import"),
            *super().get_urls(),
        ]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"valid_from": fences.today(), **super().get_changeform_initial_data(request)}

    def get_form(
        self, request: HttpRequest, obj: Any | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        made = super().get_form(request, obj, change=change, **kwargs)
        asked = obj.outlet_id if obj is not None else request.GET.get("outlet", "")
        if str(asked).isdigit() and "geometry" in made.base_fields:
            field = copy.deepcopy(made.base_fields["geometry"])  # the class shares it with other requests
            field.widget.others = neighbours(int(asked))
            made.base_fields["geometry"] = field
        return made

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Keep what the fence was until yesterday, then write the change; say what a person should know."""
        today = fences.today()
        if change and "geometry" in form.changed_data:
            before = Fence.objects.get(pk=obj.pk)
            if before.valid_from < today and (before.valid_until is None or before.valid_until >= today):
                Fence.objects.create(
                    outlet_id=before.outlet_id, name=before.name, geometry=before.geometry,
                    valid_from=before.valid_from, valid_until=today - dt.timedelta(days=1),
                )  # fmt: skip
                if "valid_from" not in form.changed_data:
                    obj.valid_from = today
                    form.also_written = ("valid_from",)
                messages.info(
                    request, _now("The area as it was until yesterday is kept among the past fences.")
                )
        super().save_model(request, obj, form, change)
        for notice in [*form.fields["geometry"].notices, *notices_of(obj.outlet_id, obj.geometry)]:
            messages.warning(request, notice)

    @admin.display(description=_("fence"))
    def title(self, fence: Fence) -> SafeString:
        return format_html(
            '{}<span class="oh-under oh-number">{}</span>', fence.name or fence.outlet.name, fence.outlet.code
        )

    @admin.display(description=_("district"))
    def area(self, fence: Fence) -> str:
        return regions.name(fence.outlet.adcode)

    @admin.display(description=_("valid from"))
    def since(self, fence: Fence) -> dt.date:
        return fence.valid_from

    @admin.display(description=_("valid until"))
    def until(self, fence: Fence) -> Any:
        return fence.valid_until or "–"

    @admin.display(description=_("now"))
    def standing(self, fence: Fence) -> SafeString:
        today = fences.today()
        if fence.valid_from > today:
            return pill(_("coming"), "info")
        if fence.valid_until is not None and fence.valid_until < today:
            return pill(_("past"), "done")
        return pill(_("valid"), "good")

    @admin.display(description=_("changed"))
    def changed(self, fence: Fence) -> SafeString | str:
        return moment(fence.updated_at)


@admin.register(FenceImport)
class FenceImportAdmin(Ledger):
    list_display = ("filename", "datum", "valid_from", "by", "brought", "taken", "outcome")
    list_display_links = None
    ordering = ("-id",)
    sortable_by = ()

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("data")

    @admin.display(description=_("at"))
    def brought(self, row: FenceImport) -> SafeString | str:
        return moment(row.at)

    @admin.display(description=_("taken in"))
    def taken(self, row: FenceImport) -> SafeString | str:
        return moment(row.applied_at) if row.applied_at else pill(_("preview only"), "neutral")

    @admin.display(description=_("result"))
    def outcome(self, row: FenceImport) -> str:
        return importing.result_words(row.result) if row.result else ""
