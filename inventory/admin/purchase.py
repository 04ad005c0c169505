"""What was ordered from suppliers, what of it is here, and what is late. Orders of a WMS are shown, not edited."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, F, Q, QuerySet, Sum
from django.db.models.functions import Now
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline

from inventory.models import PurchaseLine, PurchaseOrder, Supplier
from inventory.scope import part_of
from orderhub.admin_site.base import Admin
from orderhub.admin_site.marks import deadline, moment, state_pill
from orderhub.admin_site.tabs import Tab, Tabs

COMING = Q(state__in=[PurchaseOrder.State.PLACED, PurchaseOrder.State.PARTIAL])


class Arriving(Tabs):
    tabs = (
        Tab("coming", _("On the way"), COMING),
        Tab("late", _("Late"), COMING & Q(expected_at__lt=Now()), counted=True, tone="bad"),
        Tab("here", _("Received"), Q(state=PurchaseOrder.State.RECEIVED)),
        Tab("all", _("All"), Q()),
    )


class Lines(TabularInline):
    model = PurchaseLine
    fields = ("sku", "ordered", "received", "stopped", "price", "expected_at")
    readonly_fields = ("received",)
    autocomplete_fields = ("sku",)
    extra = 0

    def get_queryset(self, request: HttpRequest) -> QuerySet[PurchaseLine]:
        return super().get_queryset(request).select_related("sku")

    def has_change_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or obj.connection_id is None)

    def has_add_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        return super().has_add_permission(request, obj) and (obj is None or obj.connection_id is None)

    def has_delete_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        return super().has_delete_permission(request, obj) and (obj is None or obj.connection_id is None)


@admin.register(PurchaseOrder)
class PurchaseOrderAdmin(Admin):
    house_code = "warehouse__code"
    list_display = ("head", "supplier", "warehouse", "pill", "expected", "pieces", "kinds")
    list_display_links = ("head",)
    list_select_related = ("supplier", "warehouse", "connection")
    list_filter = (Arriving,)
    search_fields = ("number", "supplier__name", "supplier__code", "lines__sku__code")
    search_help_text = _("Number, supplier or SKU")
    ordering = (F("expected_at").asc(nulls_last=True), "id")
    sortable_by = ()
    fields = ("number", "connection", "supplier", "warehouse", "state", "ordered_at", "expected_at")
    autocomplete_fields = ("supplier",)
    inlines = (Lines,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[PurchaseOrder]:
        rows = super().get_queryset(request)
        return rows.annotate(
            wanted=Sum("lines__ordered"), got=Sum("lines__received"), kinds_count=Count("lines")
        )

    def get_readonly_fields(self, request: HttpRequest, obj: PurchaseOrder | None = None) -> tuple[str, ...]:
        fixed = super().get_readonly_fields(request, obj)
        if obj is not None and obj.connection_id is not None:
            return (*fixed, *self.fields)
        return (*fixed, "connection")

    @admin.display(description=_("purchase order"))
    def head(self, order: PurchaseOrder) -> SafeString:
        system = order.connection.name if order.connection else ""
        return format_html(
            '<b class="oh-number">{}</b><span class="oh-under">{}</span>', order.number, system
        )

    @admin.display(description=_("state"))
    def pill(self, order: PurchaseOrder) -> SafeString:
        return state_pill(order)

    @admin.display(description=_("expected arrival"))
    def expected(self, order: PurchaseOrder) -> SafeString | str:
        if order.state in (PurchaseOrder.State.PLACED, PurchaseOrder.State.PARTIAL):
            return deadline(order.expected_at)
        return moment(order.expected_at)

    @admin.display(description=_("received of ordered"))
    def pieces(self, order: PurchaseOrder) -> SafeString:
        wanted, got = getattr(order, "wanted", 0) or 0, getattr(order, "got", 0) or 0
        bar = '<progress class="oh-progress" max="{}" value="{}" aria-label="{}"></progress>'
        return format_html(
            bar + ' <span class="oh-number">{} / {}</span>',
            max(wanted, 1),
            min(got, wanted),
            _("received of ordered"),
            got,
            wanted,
        )

    @admin.display(description=_("SKUs"))
    def kinds(self, order: PurchaseOrder) -> int:
        return int(getattr(order, "kinds_count", 0))


@admin.register(Supplier)
class SupplierAdmin(Admin):
    list_display = ("code", "name", "active")
    search_fields = ("code", "name")
    ordering = ("code",)
    fields = ("code", "name", "active")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Not for a person of some warehouses: with it go purchase orders of all, and the page before it names them."""
        return part_of(request.user) is None and bool(super().has_delete_permission(request, obj))
