"""Deliveries in figures, the carriers' scans, and the figures that staff may change."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from logistics.admin.parcel import tracking_word
from logistics.models import Delivery, Parcel, Policy, Trace
from orderhub.admin_site.base import Ledger, OneRow
from orderhub.admin_site.marks import moment
from orderhub.admin_site.tabs import Tab, Tabs
from orderhub.scope import reach_of
from orders.scope import visible_to


class Kind(Tabs):
    tabs = (
        Tab("all", _("All"), Q()),
        Tab("own", _("Shipped with this system"), Q(history=False)),
        Tab("history", _("Loaded history"), Q(history=True)),
    )


class ByWaybill(Ledger):
    """Records that know their parcel by its waybill only."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        found: QuerySet[Any] = super().get_queryset(request)
        if reach_of(request.user).everything:
            return found
        parcels = Parcel.objects.filter(order__in=visible_to(request.user).values("pk"))
        return found.filter(waybill_no__in=parcels.exclude(waybill_no="").values("waybill_no"))


@admin.register(Delivery)
class DeliveryAdmin(ByWaybill):
    list_display = (
        "waybill_no", "adcode", "warehouse_code", "carrier", "outlet_code", "left", "picked", "first_attempt_ok", "signed",
    )  # fmt: skip
    list_display_links = None
    list_filter = (Kind,)
    search_fields = ("waybill_no__exact", "adcode__exact", "warehouse_code__exact")
    search_help_text = _("waybill, district code or warehouse")
    ordering = ("-shipped_at", "-id")
    sortable_by = ()

    @admin.display(description=_("shipped"))
    def left(self, row: Delivery) -> SafeString | str:
        return moment(row.shipped_at)

    @admin.display(description=_("picked up"))
    def picked(self, row: Delivery) -> SafeString | str:
        return moment(row.picked_up_at)

    @admin.display(description=_("signed"))
    def signed(self, row: Delivery) -> SafeString | str:
        return moment(row.signed_at)


@admin.register(Trace)
class TraceAdmin(ByWaybill):
    list_display = ("waybill_no", "happened", "word", "text", "learned")
    list_display_links = None
    search_fields = ("waybill_no__exact",)
    ordering = ("-id",)
    sortable_by = ()

    @admin.display(description=_("happened"))
    def happened(self, row: Trace) -> SafeString | str:
        return moment(row.occurred_at)

    @admin.display(description=_("learned"))
    def learned(self, row: Trace) -> SafeString | str:
        return moment(row.recorded_at)

    @admin.display(description=_("meaning"))
    def word(self, row: Trace) -> str:
        return tracking_word(row.meaning)


@admin.register(Policy)
class PolicyAdmin(OneRow):
    list_display = (
        "__str__",
        "tolerance_percent",
        "tolerance_g",
        "packaging_g",
        "pickup_hours",
        "poll_minutes",
        "wave_size",
    )

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            obj.pk = 1
        super().save_model(request, obj, form, change)
