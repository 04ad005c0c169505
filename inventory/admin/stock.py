"""What is on which shelf, what of it is free, and the ledger that both must equal. Nothing here is edited."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import F, Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from inventory.models import Movement, Reservation, Stock
from orderhub.admin_site.base import Ledger
from orderhub.admin_site.marks import moment, pill, state_pill
from orderhub.admin_site.tabs import Tab, Tabs
from orderhub.admin_site.within import Within

NEARLY_GONE = Q(on_hand__gt=0, bin__sellable=True, reserved__gte=F("on_hand") * 0.95)


class Shelf(Tabs):
    tabs = (
        Tab("all", _("All"), Q()),
        Tab("low", _("Nearly gone (a twentieth free or less)"), NEARLY_GONE, counted=True, tone="warn"),
        Tab("none", _("Nothing on the shelf"), Q(on_hand=0, bin__sellable=True), counted=True, tone="bad"),
        Tab("unsellable", _("Not for sale"), Q(bin__sellable=False)),
    )  # fmt: skip


@admin.register(Stock)
class StockAdmin(Ledger):
    house_code = "bin__warehouse__code"
    list_display = ("goods", "warehouse", "place", "shelf", "on_hand", "reserved", "free", "ledger")
    list_display_links = None
    list_select_related = ("sku", "bin__warehouse")
    list_filter = (Shelf, ("bin__warehouse", Within))
    search_fields = ("sku__code", "sku__name", "bin__code")
    search_help_text = _("SKU, name or bin")
    ordering = ("sku__code", "bin__warehouse__priority", "bin__walk_order", "id")
    sortable_by = ()

    @admin.display(description=_("SKU"))
    def goods(self, stock: Stock) -> SafeString:
        return format_html(
            '<a class="oh-link oh-number" href="{}">{}</a><span class="oh-under">{}</span>',
            reverse("admin:stock_sku", args=[stock.sku_id]), stock.sku.code, stock.sku.name,
        )  # fmt: skip

    @admin.display(description=_("warehouse"))
    def warehouse(self, stock: Stock) -> str:
        return stock.bin.warehouse.name

    @admin.display(description=_("bin"))
    def place(self, stock: Stock) -> SafeString:
        mark = "" if stock.bin.sellable else pill(_now("not for sale"), "warn")
        return format_html('<span class="oh-number">{}</span> {}', stock.bin.code, mark)

    @admin.display(description=_("how full of promises"))
    def shelf(self, stock: Stock) -> SafeString:
        share = round(100 * stock.reserved / stock.on_hand) if stock.on_hand else 0
        tone = "bad" if stock.on_hand == 0 or share >= 95 else "warn" if share >= 80 else "good"
        label = _now("%(share)d %% reserved") % {"share": share}
        return format_html(
            '<span class="oh-gauge oh-gauge-{}" role="img" aria-label="{}" title="{}"><i style="width:{}%"></i></span>',
            tone, label, label, share,
        )  # fmt: skip

    @admin.display(description=_("free"))
    def free(self, stock: Stock) -> SafeString:
        count = stock.on_hand - stock.reserved
        return format_html('<b class="{}">{}</b>', "oh-text-bad" if count <= 0 else "", count)

    @admin.display(description=_("ledger"))
    def ledger(self, stock: Stock) -> SafeString:
        address = reverse("admin:inventory_movement_changelist")
        return format_html(
            '<a class="oh-link" href="{}?sku_id={}&bin_id={}">{}</a>',
            address,
            stock.sku_id,
            stock.bin_id,
            _now("Movements"),
        )


@admin.register(Movement)
class MovementAdmin(Ledger):
    house_code = "bin__warehouse__code"
    list_display = ("when", "goods", "place", "what", "hand", "promise", "reference", "why", "actor")
    list_display_links = ("when",)
    list_select_related = ("sku", "bin__warehouse")
    list_filter = (("kind", ChoicesDropdownFilter),)
    search_fields = ("reference__exact", "sku__code__exact")
    search_help_text = _("Reference or SKU, exactly")
    ordering = ("-id",)
    sortable_by = ()

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        return lookup in ("sku_id", "bin_id") or super().lookup_allowed(lookup, value, request)

    @admin.display(description=_("at"))
    def when(self, movement: Movement) -> str:
        return moment(movement.at, seconds=True)

    @admin.display(description=_("SKU"))
    def goods(self, movement: Movement) -> SafeString:
        return format_html('<span class="oh-number">{}</span>', movement.sku.code)

    @admin.display(description=_("bin"))
    def place(self, movement: Movement) -> str:
        return str(movement.bin)

    @admin.display(description=_("kind"))
    def what(self, movement: Movement) -> SafeString:
        return pill(movement.get_kind_display(), "neutral")

    @admin.display(description=_("on hand ±"))
    def hand(self, movement: Movement) -> str:
        return f"{movement.on_hand_change:+d}" if movement.on_hand_change else "·"

    @admin.display(description=_("reserved ±"))
    def promise(self, movement: Movement) -> str:
        return f"{movement.reserved_change:+d}" if movement.reserved_change else "·"

    @admin.display(description=_("reason"))
    def why(self, movement: Movement) -> str:
        return movement.reason


@admin.register(Reservation)
class ReservationAdmin(Ledger):
    house_code = "bin__warehouse__code"
    list_display = ("when", "sku", "bin", "quantity", "status", "reference", "expires_at")
    list_display_links = ("when",)
    list_select_related = ("sku", "bin__warehouse")
    list_filter = (("state", ChoicesDropdownFilter),)
    search_fields = ("sku__code__exact",)
    ordering = ("-id",)
    sortable_by = ()

    @admin.display(description=_("made"))
    def when(self, reservation: Reservation) -> str:
        return moment(reservation.created_at)

    @admin.display(description=_("state"))
    def status(self, reservation: Reservation) -> SafeString:
        return state_pill(reservation)
