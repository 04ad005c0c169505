"""Shops: connect, how far the pulls have come, and how each shop wants its orders treated."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from orderhub.admin.oauth import PERMISSION, can_connect
from orderhub.admin_site.base import Admin
from orderhub.admin_site.marks import ago, channel_chip, state_pill
from orders.admin import sheet
from orders.models import Shop
from orders.providers import channel_of


@admin.register(Shop)
class ShopAdmin(Admin):
    shop_code = "code"
    list_display = ("shop", "connected", "token", "last", "trouble", "on", "connect_button")
    list_display_links = ("shop",)
    list_select_related = ("connection", "default_warehouse")
    search_fields = ("name", "code")
    ordering = ("id",)
    sortable_by = ()
    actions = None
    engine_fields = ("pulled_until", "last_success_at", "last_error")
    autocomplete_fields = ("connection", "payment_connections")
    change_form_outer_before_template = "orders/shop_head.html"
    fieldsets = (
        (None, {"fields": (("name", "code"), ("channel", "connection"), ("enabled", "payment_connections"))}),
        (_("How its orders are treated"), {"fields": (
            ("duplicate_mode", "duplicate_minutes"), ("unpaid_minutes", "promise_hours"),
            ("aftersale_days", "default_warehouse"),
        )}),
        (_("Parcels"), {"fields": (
            ("merge_mode", "merge_minutes"), "split_automatic", ("split_freight", "split_percent"),
        )}),
        (_("Numbers shown to buyers"), {"fields": ("stock_mode", ("stock_share", "stock_margin"), "usual_limit")}),
        (_("Pulling"), {"fields": (("pulled_until", "overlap_minutes"), ("last_success_at", "last_error"))}),
    )  # fmt: skip

    def get_urls(self) -> list[Any]:
        page = path("<int:shop_id>/file/", self.admin_site.admin_view(sheet.page), name="shop_file")
        return [page, *super().get_urls()]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Without the purchase limit where the shop's channel takes none."""
        if obj is None or channel_of(obj.channel).limits_items:
            return super().get_fieldsets(request, obj)
        return [
            (title, {**parts, "fields": tuple(one for one in parts["fields"] if one != "usual_limit")})
            for title, parts in super().get_fieldsets(request, obj)
        ]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Switched off instead: its orders stay."""
        return False

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        self.may_connect = request.user.has_perm(PERMISSION)
        return super().changelist_view(request, extra_context)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        found = (
            Shop.objects.select_related("connection").filter(pk=object_id).first()
            if object_id.isdigit()
            else None
        )
        mine: dict[str, Any] = {"shop": found}
        if found is not None:
            account = found.connection
            mine |= {
                "title": found.name, "connection": account, "connection_pill": state_pill(account),
                "by_file": channel_of(found.channel).by_file and request.user.has_perm(sheet.PERMISSION),
                "can_connect": can_connect(account) and request.user.has_perm(PERMISSION),
                "token_ends": ago(account.token_expires_at), "last_success": ago(found.last_success_at),
            }  # fmt: skip
        return super().change_view(request, object_id, form_url, {**mine, **(extra_context or {})})

    @admin.display(description=_("shop"))
    def shop(self, shop: Shop) -> SafeString:
        return channel_chip(shop.channel, shop.name)

    @admin.display(description=_("connection"))
    def connected(self, shop: Shop) -> SafeString:
        return format_html(
            '{}<span class="oh-under">{}</span>', state_pill(shop.connection), shop.connection.state_reason
        )

    @admin.display(description=_("token ends"))
    def token(self, shop: Shop) -> str:
        if not can_connect(shop.connection):
            return _now("needs none")
        return (
            ago(shop.connection.token_expires_at) if shop.connection.token_enc else _now("not connected yet")
        )

    @admin.display(description=_("last success"))
    def last(self, shop: Shop) -> str:
        return ago(shop.last_success_at)

    @admin.display(description=_("trouble"))
    def trouble(self, shop: Shop) -> SafeString | str:
        return (
            format_html('<span class="oh-clip oh-text-bad">{}</span>', shop.last_error)
            if shop.last_error
            else "—"
        )

    @admin.display(description=_("on"), boolean=True)
    def on(self, shop: Shop) -> bool:
        return shop.enabled

    @admin.display(description=_("connect"))
    def connect_button(self, shop: Shop) -> SafeString | str:
        """The list is one form already, so the button sends itself to its own address."""
        if not can_connect(shop.connection) or not self.may_connect:
            return ""
        needs = shop.connection.state != "ok" or not shop.connection.token_enc
        return format_html(
            '<button class="oh-button oh-button-small {}" formaction="{}" formmethod="post">{}</button>',
            "oh-button-main" if needs else "oh-button-quiet", reverse("admin:oauth_connect", args=[shop.connection_id]),
            _now("Connect") if needs else _now("Connect again"),
        )  # fmt: skip
