"""The queue of codes that nobody knows: a suggestion and one click, and the orders that waited go on."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from rapidfuzz import fuzz, process

from inventory.models import Sku, UnknownCode
from inventory.queries import normal
from orderhub.actors import person
from orderhub.admin_site.base import Admin, need
from orderhub.admin_site.marks import moment, pill
from orderhub.admin_site.registry import MAP_CODE
from orderhub.admin_site.tabs import Tab, Tabs
from orderhub.dotted import resolve
from orderhub.nudge import nudge

MAP = "inventory.change_unknowncode"
#: Suggestions less alike than this are not shown.
ALIKE = 55


class Queue(Tabs):
    default = "open"
    tabs = (
        Tab("open", _("To map"), Q(sku=None), counted=True, tone="warn"),
        Tab("mapped", _("Mapped"), Q(sku__isnull=False)),
        Tab("all", _("All"), Q()),
    )


def suggestions(codes: list[UnknownCode], most: int = 3) -> dict[int, list[Sku]]:
    """The SKUs most like each unknown code, by spelling and by title; one query for all of them."""
    skus = list(Sku.objects.filter(active=True).order_by("id")[:5000])
    spelt = {sku.pk: normal(sku.code) for sku in skus}
    named = {sku.pk: sku.name for sku in skus}
    by_id = {sku.pk: sku for sku in skus}
    found = {}
    for code in codes:
        scores: dict[int, float] = {}
        for _text, score, key in process.extract(normal(code.code), spelt, scorer=fuzz.ratio, limit=most):
            scores[key] = score
        if code.title:
            for _text, score, key in process.extract(
                code.title, named, scorer=fuzz.token_set_ratio, limit=most
            ):
                scores[key] = max(scores.get(key, 0), score)
        best = sorted((key for key, score in scores.items() if score >= ALIKE), key=lambda key: -scores[key])
        found[code.pk] = [by_id[key] for key in best[:most]]
    return found


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
        self._map(request, get_object_or_404(UnknownCode, pk=unknown_id), sku)
        return HttpResponseRedirect(reverse("admin:inventory_unknowncode_changelist"))

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if obj.sku is not None and "sku" in form.changed_data:
            self._map(request, obj, obj.sku)

    def _map(self, request: HttpRequest, code: UnknownCode, sku: Sku) -> None:
        released = resolve(MAP_CODE)(code.pk, sku.pk, person(request.user))
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
        skus, may = code.shown  # type: ignore[attr-defined]
        if not skus:
            return format_html(
                '<a class="oh-button oh-button-small oh-button-main" href="{}/change/">{}</a>',
                code.pk,
                _now("Choose the SKU"),
            )
        if not may:
            return format_html_join(" ", "{}", ((pill(sku.code),) for sku in skus))
        buttons = format_html_join(
            " ", '<button class="oh-button oh-button-small {}" formmethod="post" formaction="{}" title="{}">{}</button>',
            (("oh-button-main" if place == 0 else "oh-button-quiet", reverse("admin:map_code", args=[code.pk, sku.pk]),
              sku.name, sku.code)
             for place, sku in enumerate(skus)),
        )  # fmt: skip
        return format_html('<span class="oh-row">{}</span>', buttons)
