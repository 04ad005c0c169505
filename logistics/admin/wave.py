"""Waves of our own warehouses: the walk through the bins, the parcels in them, how far they are."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from logistics.models import Parcel, Wave
from logistics.operations.waves import pick_list
from orderhub.admin_site.base import Ledger
from orderhub.admin_site.marks import moment, pill, state_pill
from orderhub.admin_site.tabs import Tab, Tabs
from orderhub.admin_site.within import Within
from orderhub.scope import reach_of
from orders.scope import visible_to


class Queue(Tabs):
    default = "open"
    tabs = (
        Tab("open", _("In work"), Q(done_at=None), counted=True, tone="info"),
        Tab("all", _("All"), Q()),
    )


def _parcels(request: HttpRequest) -> QuerySet[Parcel]:
    """Parcels of the orders that the person sees."""
    found = Parcel.objects.all()
    return (
        found
        if reach_of(request.user).everything
        else found.filter(order__in=visible_to(request.user).values("pk"))
    )


@admin.register(Wave)
class WaveAdmin(Ledger):
    list_display = ("number", "warehouse", "carrier", "progress", "made", "done")
    list_select_related = ("warehouse",)
    list_filter = (Queue, ("warehouse", Within))
    search_fields = ("number__exact",)
    ordering = ("-id",)
    sortable_by = ()
    house_code = "warehouse__code"
    change_form_template = "logistics/wave_page.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Wave]:
        left = Q(parcel__state__in=["waved", "packed", "printed"])
        found = super().get_queryset(request)
        if not reach_of(request.user).everything:
            found = found.filter(pk__in=_parcels(request).values("wave_id"))
        return found.annotate(total=Count("parcel"), left=Count("parcel", filter=left))

    @admin.display(description=_("parcels"))
    def progress(self, wave: Any) -> SafeString:
        words = _now("%(done)s of %(total)s done") % {"done": wave.total - wave.left, "total": wave.total}
        return pill(words, "good" if not wave.left else "info")

    @admin.display(description=_("made"))
    def made(self, wave: Wave) -> SafeString | str:
        return moment(wave.created_at)

    @admin.display(description=_("finished"))
    def done(self, wave: Wave) -> SafeString | str:
        return moment(wave.done_at)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:  # fmt: skip
        mine: dict[str, Any] = {}
        if object_id.isdigit():
            parcels = _parcels(request).filter(wave_id=int(object_id)).select_related("order").order_by("id")
            mine = {
                "picks": pick_list(int(object_id)),
                "parcels": [{"row": parcel, "pill": state_pill(parcel)} for parcel in parcels],
            }
        return super().change_view(request, object_id, form_url, {**mine, **(extra_context or {})})
