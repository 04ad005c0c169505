"""The queue of codes that nobody knows: a suggestion and one click, and the orders that waited go on."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from inventory.models import Sku, UnknownCode
from inventory.operations.codes import Collision
from inventory.scope import heard_by
from inventory.suggest import suggestions
from orderhub.actors import person
from orderhub.admin_site.base import Admin, need
from orderhub.admin_site.marks import moment, pill
from orderhub.admin_site.registry import MAP_CODE
from orderhub.admin_site.tabs import Tab, Tabs
from orderhub.dotted import resolve
from orderhub.nudge import nudge

MAP = "inventory.change_unknowncode"


class Queue(Tabs):
    default = "open"
    tabs = (
        Tab("open", _("To map"), Q(sku=None), counted=True, tone="warn"),
        Tab("mapped", _("Mapped"), Q(sku__isnull=False)),
        Tab("all", _("All"), Q()),
    )


@admin.register(UnknownCode)
class UnknownCodeAdmin(Admin):
    list_display = ("outside", "system", "seen", "since", "answer")
    list_display_links = ("outside",)
    list_select_related = ("sku",)
    list_filter = (Queue,)
    search_fields = ("code", "title")
    ordering = ("-seen", "id")
    sortable_by = ()
    actions = None
    autocomplete_fields = ("sku",)
    fields = (("system", "code"), "title", "sku")
    engine_fields = ("system", "code", "title")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[UnknownCode]:
        """The queue; somebody who is narrowed has what their own shops and warehouse systems say."""
        return heard_by(request.user, super().get_queryset(request))

    def get_urls(self) -> list[Any]:
        site = self.admin_site.admin_view
        return [
            path("<int:unknown_id>/map/<int:sku_id>/", site(require_POST(self.map)), name="map_code"),
            *super().get_urls(),
        ]

    def dress(self, request: HttpRequest, rows: list[UnknownCode]) -> None:
        """Suggestions for the page's rows."""
        open_rows = [row for row in rows if row.sku_id is None]
        found = suggestions(open_rows) if open_rows else {}
        may = request.user.has_perm(MAP)
        for row in rows:
            row.shown = found.get(row.pk, []), may  # type: ignore[attr-defined]

    def map(self, request: HttpRequest, unknown_id: int, sku_id: int) -> HttpResponse:
        """Take a suggestion."""
        need(request, MAP)
        sku = get_object_or_404(Sku, pk=sku_id)
        self._map(request, get_object_or_404(self.get_queryset(request), pk=unknown_id), sku)
        return HttpResponseRedirect(reverse("admin:inventory_unknowncode_changelist"))

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if obj.sku is not None and "sku" in form.changed_data:
            self._map(request, obj, obj.sku)

    def _map(self, request: HttpRequest, code: UnknownCode, sku: Sku) -> None:
        try:
            released = resolve(MAP_CODE)(code.pk, sku.pk, person(request.user))
        except Collision as error:
            messages.error(request, refusal(error))
            return
        except ValueError as error:
            messages.error(request, str(error))
            return
        nudge("orders.advance")
        text = _now("“%(code)s” is %(sku)s now; %(n)d orders go on.") % {
            "code": code.code,
            "sku": sku.code,
            "n": released,
        }
        messages.success(request, text)

    @admin.display(description=_("outside code"))
    def outside(self, code: UnknownCode) -> SafeString:
        return format_html(
            '<b class="oh-number">{}</b><span class="oh-under">{}</span>', code.code, code.title
        )

    @admin.display(description=_("first seen"))
    def since(self, code: UnknownCode) -> str:
        return moment(code.first_seen)

    @admin.display(description=_("it is"))
    def answer(self, code: UnknownCode) -> SafeString:
        if code.sku is not None:
            return pill(code.sku.code, "good", "check")
        found, may = code.shown  # type: ignore[attr-defined]
        if not found:
            return format_html(
                '<a class="oh-button oh-button-small oh-button-main" href="{}/change/">{}</a>',
                code.pk,
                _now("Choose the SKU"),
            )
        if not may:
            return format_html_join(" ", "{}", ((pill(one.sku.code),) for one in found))
        rows = format_html_join(
            "",
            '<span class="oh-row"><button class="oh-button oh-button-small {}" formmethod="post" formaction="{}">{}</button>'
            '<span class="oh-under">{}</span></span>',
            (
                ("oh-button-main" if place == 0 else "oh-button-quiet", reverse("admin:map_code", args=[code.pk, one.sku.pk]),
                 one.sku.code, f"{one.sku.name} · {one.reason}")
                for place, one in enumerate(found)
            ),
        )  # fmt: skip
        other = format_html('<a class="oh-link" href="{}/change/">{}</a>', code.pk, _now("Another SKU"))
        return format_html("{}{}", rows, other)


def refusal(error: Collision) -> SafeString:
    """The refusal in words, with a link to the other SKU."""
    address = reverse("admin:inventory_sku_change", args=[error.sku.pk])
    return format_html('{} <a class="oh-link" href="{}">{}</a>', str(error), address, error.sku.code)
