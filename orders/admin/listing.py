"""各渠道可售数: what each channel sells under its own number, what it is to show, was told and shows, and what is wrong."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import F, Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import DropdownFilter

from orderhub.admin_site.base import Admin
from orderhub.admin_site.marks import ago, channel_chip, moment, pill
from orderhub.admin_site.tabs import Tab, Tabs
from orderhub.scope import reach_of
from orders.models import Listing, Shop
from orders.operations import offer_limits
from orders.providers import channel_of
from orders.scope import shops_of

OFF = Shop.StockMode.OFF
SHOWN = ~Q(shop__stock_mode=OFF)
WAITS = SHOWN & Q(sku__isnull=False, wanted_version__gt=F("sent_version"))
DIFFERS = SHOWN & Q(sku__isnull=False, sent__isnull=False, read__isnull=False) & ~Q(read=F("sent"))


class Queues(Tabs):
    default = "all"
    tabs = (
        Tab("refused", _("Refused"), SHOWN & ~Q(refusal=""), counted=True, tone="bad"),
        Tab("differs", _("Shows something else"), DIFFERS, counted=True, tone="warn"),
        Tab("unmapped", _("Without SKU"), Q(sku=None), counted=True, tone="warn"),
        Tab("waits", _("To be told"), WAITS, counted=True, tone="info"),
        Tab("all", _("All"), Q()),
    )


class ByShop(DropdownFilter):
    """The shops that the person sees."""

    title = _("shop")
    parameter_name = "shop"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(str(shop.pk), shop.name) for shop in seen(request)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        wanted = self.value() or ""
        return queryset.filter(shop_id=int(wanted)) if wanted.isdecimal() and len(wanted) < 19 else queryset


def seen(request: HttpRequest) -> QuerySet[Shop]:
    """The shops of this person, in their order; none for a person of some warehouses: see `ListingAdmin.get_queryset`."""
    found = shops_of(request.user).order_by("id")
    return found if reach_of(request.user).warehouses is None else found.none()


def limited(shop: Shop, counts: tuple[int, int, int] | None) -> str:
    """What is said of a shop's purchase limits."""
    if not channel_of(shop.channel).limits_items:
        return _now("in the channel's back office")
    if not shop.usual_limit:
        return _now("not sent")
    fewer, waits, refused = counts or (0, 0, 0)
    said = [_now("%(n)d items limited") % {"n": fewer}]
    said += [_now("%(n)d to be told") % {"n": waits}] if waits else []
    said += [_now("%(n)d refused") % {"n": refused}] if refused else []
    return " · ".join(said)


@admin.register(Listing)
class ListingAdmin(Admin):
    shop_code = "shop__code"
    list_display = ("goods", "where", "ours", "to_show", "cut", "told", "shows", "trouble")
    list_display_links = ("goods",)
    list_select_related = ("shop", "sku")
    list_filter = (Queues, ByShop)
    search_fields = ("code", "title", "channel_sku", "item", "sku__code")
    ordering = ("-hot", "id")
    sortable_by = ()
    actions = None
    autocomplete_fields = ("sku",)
    engine_fields = (
        "shop", "item", "channel_sku", "code", "title", "wanted", "wanted_at", "sent", "sent_at", "read", "read_at", "refusal",
        "next_try_at", "seen_at",
    )  # fmt: skip
    list_before_template = "orders/listings.html"
    fieldsets = (
        (None, {"fields": (("shop", "code"), "title", "sku", ("share", "margin"))}),
        (_("Numbers"), {"fields": (
            ("wanted", "wanted_at"), ("sent", "sent_at"), ("read", "read_at"), ("refusal", "next_try_at"),
        )}),
        (_("In the channel"), {"fields": (("item", "channel_sku"), "seen_at")}),
    )  # fmt: skip

    def has_add_permission(self, request: HttpRequest) -> bool:
        """They come from the channel."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Listing]:
        """Those of the shops that the person sees. A number is sold from all warehouses together: who sees some sees none."""
        found: QuerySet[Listing] = super().get_queryset(request)
        return found if reach_of(request.user).warehouses is None else found.none()

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        limits = offer_limits.summary()
        part = reach_of(request.user).warehouses is not None
        told = [
            {
                "chip": channel_chip(shop.channel, shop.name), "row": shop, "mode": shop.get_stock_mode_display(),
                "off": shop.stock_mode == OFF, "read": ago(shop.stock_read_at), "waits": ago(shop.stock_wait_until),
                "limit": limited(shop, limits.get(shop.pk)),
            }
            for shop in seen(request)
        ]  # fmt: skip
        return super().changelist_view(request, {**(extra_context or {}), "told_shops": told, "part": part})

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """A listing that was mended is tried at once."""
        super().save_model(request, obj, form, change)
        Listing.objects.filter(pk=obj.pk).update(next_try_at=None)

    @admin.display(description=_("goods"))
    def goods(self, row: Listing) -> SafeString:
        return format_html('{}<span class="oh-under">{}</span>', row.code or row.channel_sku, row.title)

    @admin.display(description=_("shop"))
    def where(self, row: Listing) -> SafeString:
        return channel_chip(row.shop.channel, row.shop.name)

    @admin.display(description=_("SKU"))
    def ours(self, row: Listing) -> str | SafeString:
        return row.sku.code if row.sku is not None else pill(_now("none"), "warn")

    @admin.display(description=_("to show"))
    def to_show(self, row: Listing) -> str:
        return "—" if row.wanted is None or row.shop.stock_mode == OFF else str(row.wanted)

    @admin.display(description=_("share, margin"))
    def cut(self, row: Listing) -> str:
        share = row.shop.stock_share if row.share is None else row.share
        margin = row.shop.stock_margin if row.margin is None else row.margin
        return f"{share} %" + (f" − {margin}" if margin else "")

    @admin.display(description=_("told"))
    def told(self, row: Listing) -> SafeString | str:
        return (
            "—"
            if row.sent is None
            else format_html("{} <span class='oh-under'>{}</span>", row.sent, moment(row.sent_at))
        )

    @admin.display(description=_("the channel shows"))
    def shows(self, row: Listing) -> SafeString | str:
        return (
            "—"
            if row.read is None
            else format_html("{} <span class='oh-under'>{}</span>", row.read, moment(row.read_at))
        )

    @admin.display(description=_("trouble"))
    def trouble(self, row: Listing) -> SafeString | str:
        if row.shop.stock_mode == OFF:
            return pill(_now("left alone"), "neutral")
        if row.refusal:
            return format_html(
                '{}<span class="oh-under">{}</span>', pill(_now("refused by the channel"), "bad"), row.refusal
            )
        if row.sku_id is None:
            return pill(_now("without SKU: never told"), "warn")
        if row.sent is not None and row.read is not None and row.read != row.sent:
            return pill(_now("shows something else"), "warn")
        return pill(_now("waits to be told"), "info") if row.wanted_version > row.sent_version else "—"
