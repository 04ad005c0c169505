"""What stands behind the review: remembered addresses (to forget), known places (to import), thresholds and rules."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from import_export.forms import forms

from orderhub import crypto
from orderhub.admin_site.base import Admin, Ledger, OneRow, Plain, need
from orderhub.admin_site.marks import moment
from routing import address_words
from routing.addresses import regions
from routing.models import AddressMemory, AddressPolicy, AddressThreshold, KnownPlace
from routing.operations import places


@admin.register(AddressMemory)
class MemoryAdmin(Plain):
    """Deleting one is forgetting it: the next such address is asked about again."""

    list_display = ("place", "area", "how", "learned_by", "learned", "uses")
    list_display_links = ("place",)
    ordering = ("-learned_at",)
    sortable_by = ()
    fields = ("place", "wrote", "area", "how", "learned_by", "learned", "uses", "used_at")
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        return False

    def _opened(self, row: AddressMemory) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(crypto.decrypt(bytes(row.sealed), b"routing.memory"))
        return found

    @admin.display(description=_("place"))
    def place(self, row: AddressMemory) -> str:
        poi = self._opened(row)["poi"]
        return f"{poi['address']} {poi['name']}".strip() if poi else _now("a pin on the map")

    @admin.display(description=_("what the buyer wrote"))
    def wrote(self, row: AddressMemory) -> str:
        return str(self._opened(row)["wrote"])

    @admin.display(description=_("district"))
    def area(self, row: AddressMemory) -> str:
        return regions.name(row.adcode) if row.adcode else "–"

    @admin.display(description=_("precision"))
    def how(self, row: AddressMemory) -> str:
        return address_words.precision(row.precision)

    @admin.display(description=_("learned"))
    def learned(self, row: AddressMemory) -> Any:
        return moment(row.learned_at)


class PlacesForm(forms.Form):
    """A file of places and the datum of its coordinates."""

    file = forms.FileField(label=_("File"))
    datum = forms.ChoiceField(
        label=_("coordinates are in"),
        choices=[
            ("gcj02", _("GCJ-02: Amap, Tencent and most Chinese maps")),
            ("wgs84", _("WGS-84: GPS, OpenStreetMap")),
        ],
    )


@admin.register(KnownPlace)
class KnownPlaceAdmin(Admin):
    list_display = ("shown", "address", "area", "source")
    list_filter = ("source",)
    search_fields = ("name__startswith", "code__exact", "address__startswith")
    ordering = ("-id",)
    sortable_by = ()
    fields = ("source", "code", "name", "address", "adcode", "lng", "lat")
    readonly_fields = ("source",)
    list_before_template = "routing/places_head.html"

    def get_urls(self) -> list[Any]:
        site = self.admin_site.admin_view
        return [path("import/", site(self.bring), name="routing_knownplace_import"), *super().get_urls()]

    @admin.display(description=_("name"))
    def shown(self, row: KnownPlace) -> str:
        return row.name or _now("delivered to before (sealed)")

    @admin.display(description=_("district"))
    def area(self, row: KnownPlace) -> str:
        return regions.name(row.adcode)

    def bring(self, request: HttpRequest) -> HttpResponse:
        """Import a file; every line that is wrong is said with its number, the others are taken in."""
        need(request, "routing.add_knownplace")
        form = PlacesForm(request.POST or None, request.FILES or None)
        result = None
        if request.method == "POST" and form.is_valid():
            try:
                result = places.take_in(form.cleaned_data["file"].read(), form.cleaned_data["datum"])
            except places.UnreadableFile as error:
                messages.error(request, str(error))
            else:
                words = ngettext("%(n)d place was taken in.", "%(n)d places were taken in.", result.taken)
                messages.success(request, words % {"n": result.taken})
        context = {
            **self.admin_site.each_context(request), "title": _now("Import places"), "form": form, "result": result,
        }  # fmt: skip
        return TemplateResponse(request, "routing/places_import.html", context)


@admin.register(AddressThreshold)
class ThresholdAdmin(Ledger):
    list_display = ("where", "value", "error", "coverage", "picks", "computed_at")
    ordering = ("city",)
    sortable_by = ()

    @admin.display(description=_("city"))
    def where(self, row: AddressThreshold) -> str:
        return regions.name(row.city) if row.city else _now("all cities")


@admin.register(AddressPolicy)
class PolicyAdmin(OneRow):
    list_display = ("__str__", "threshold", "precision", "sample", "let_go_hours", "revealed")
