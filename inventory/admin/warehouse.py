"""Warehouses and their bins."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from inventory.models import Bin, Warehouse
from orderhub.admin_site.base import Admin
from orderhub.admin_site.marks import pill
from orderhub.admin_site.within import Within


@admin.register(Warehouse)
class WarehouseAdmin(Admin):
    house_code = "code"
    list_display = ("place", "sort", "where", "wms", "priority", "active", "accepts_returns")
    list_display_links = ("place",)
    list_select_related = ("wms",)
    search_fields = ("code", "name")
    sortable_by = ()
    actions = None
    autocomplete_fields = ("wms",)
    fieldsets = (
        (None, {"fields": (("name", "code"), ("kind", "priority"), "wms", ("active", "accepts_returns"))}),
        (_("Where it is"), {"fields": (("province", "city"), ("district", "address"), ("lng", "lat"))}),
        (_("Who answers for it"), {"fields": (("contact", "manager_phone"),)}),
    )

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description=_("warehouse"))
    def place(self, warehouse: Warehouse) -> SafeString:
        return format_html('{}<span class="oh-under oh-number">{}</span>', warehouse.name, warehouse.code)

    @admin.display(description=_("kind"))
    def sort(self, warehouse: Warehouse) -> SafeString:
        return pill(warehouse.get_kind_display(), "info" if warehouse.kind == "own" else "good")

    @admin.display(description=_("where"))
    def where(self, warehouse: Warehouse) -> str:
        return f"{warehouse.city}{warehouse.district}"


@admin.register(Bin)
class BinAdmin(Admin):
    house_code = "warehouse__code"
    list_display = ("code", "warehouse", "sellable", "walk_order")
    list_select_related = ("warehouse",)
    list_filter = (("warehouse", Within), "sellable")
    search_fields = ("code",)
    ordering = ("warehouse__priority", "walk_order", "id")
    sortable_by = ()
    actions = None
    fields = (("warehouse", "code"), ("sellable", "walk_order"))
