"""SKUs and every outside spelling of them."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline

from inventory.models import Sku, SkuCode
from inventory.queries import normal
from orderhub.admin_site.base import Admin


class Spellings(TabularInline):
    model = SkuCode
    fields = ("system", "code")
    extra = 1
    tab = False


@admin.register(Sku)
class SkuAdmin(Admin):
    list_display = ("goods", "series", "weight", "active")
    list_display_links = ("goods",)
    list_filter = ("active",)
    search_fields = ("code", "name")
    search_help_text = _("Code in any spelling, or a name")
    ordering = ("code",)
    sortable_by = ()
    actions = None
    inlines = (Spellings,)
    fields = (("code", "name"), ("series", "weight_g"), "active")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        text = search_term.strip()
        if not text:
            return queryset, False
        spelt = SkuCode.objects.filter(normal=normal(text)).values("sku_id")
        return queryset.filter(Q(code__icontains=text) | Q(name__icontains=text) | Q(id__in=spelt)), False

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        for row in formset.save(commit=False):
            row.normal = normal(row.code)
            row.save()
        for row in formset.deleted_objects:
            row.delete()
        formset.save_m2m()

    @admin.display(description=_("SKU"))
    def goods(self, sku: Sku) -> SafeString:
        return format_html('<b class="oh-number">{}</b><span class="oh-under">{}</span>', sku.code, sku.name)

    @admin.display(description=_("weight"))
    def weight(self, sku: Sku) -> str:
        return f"{sku.weight_g} g"
