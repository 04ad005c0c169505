"""SKUs and every outside spelling of them."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline

from inventory.admin.unknown import refusal
from inventory.models import BundlePart, Sku, SkuCode
from inventory.operations import codes
from inventory.spelling import normal
from orderhub.admin_site.base import Admin
from orderhub.admin_site.marks import pill
from orderhub.nudge import nudge


class CodeForm(ModelForm):
    """A spelling that means one SKU: what would mean two is refused in words."""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        system, code = cleaned.get("system"), cleaned.get("code")
        if system and code and not cleaned.get("DELETE"):
            try:
                codes.check_spelling(system, code, self.instance.sku_id)
            except codes.Collision as error:
                self.add_error("code", refusal(error))
            except ValueError as error:
                self.add_error("code", str(error))
        return cleaned


class SkuForm(ModelForm):
    """A code that no other SKU is spelt like."""

    def clean_code(self) -> str:
        code = str(self.cleaned_data["code"]).strip()
        try:
            codes.check_code(code, self.instance.pk)
        except codes.Collision as error:
            raise ValidationError(refusal(error)) from error
        except ValueError as error:
            raise ValidationError(str(error)) from error
        return code


class Spellings(TabularInline):
    model = SkuCode
    form = CodeForm
    fields = ("system", "code", "sent")
    extra = 0
    tab = False


class Parts(TabularInline):
    """What a bundle is made of."""

    model = BundlePart
    fk_name = "bundle"
    fields = ("part", "quantity")
    autocomplete_fields = ("part",)
    extra = 0
    tab = False


@admin.register(Sku)
class SkuAdmin(Admin):
    form = SkuForm
    list_display = ("goods", "kind", "series", "weight", "active", "shelf")
    list_display_links = ("goods",)
    list_filter = ("active",)
    search_fields = ("code", "name")
    search_help_text = _("Code in any spelling, or a name")
    ordering = ("code",)
    sortable_by = ()
    actions = None
    inlines = (Spellings, Parts)
    fieldsets = (
        (None, {"fields": (("code", "name"), ("presale_on", "active"))}),
        (
            _("What it is"),
            {"fields": (("series", "category"), ("colour", "size"), ("weight_g", "volume_cm3"))},
        ),
    )

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

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        parts = BundlePart.objects.filter(bundle=OuterRef("pk"))
        return super().get_queryset(request).annotate(bundled=Exists(parts))

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """A renamed SKU keeps its old code as a spelling."""
        before = form.initial.get("code") if change and "code" in form.changed_data else None
        super().save_model(request, obj, form, change)
        if before:
            codes.keep_old_code(obj.pk, before, obj.code)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        nudge("orders.retry_stock")

    @admin.display(description=_("kind"))
    def kind(self, sku: Sku) -> SafeString | str:
        if sku.bundled:  # type: ignore[attr-defined]
            return pill(_now("bundle"), "info", "deployed_code")
        if sku.presale_on:
            return pill(_now("presale from %(day)s") % {"day": sku.presale_on}, "warn", "event")
        return ""

    @admin.display(description=_("SKU"))
    def goods(self, sku: Sku) -> SafeString:
        return format_html('<b class="oh-number">{}</b><span class="oh-under">{}</span>', sku.code, sku.name)

    @admin.display(description=_("weight"))
    def weight(self, sku: Sku) -> str:
        return f"{sku.weight_g} g"

    @admin.display(description=_("stock"))
    def shelf(self, sku: Sku) -> SafeString:
        return format_html(
            '<a class="oh-link" href="{}">{}</a>', reverse("admin:stock_sku", args=[sku.pk]), _now("Stock")
        )
