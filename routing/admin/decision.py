"""Decisions, read-only, each with its figures; many orders can be routed again after a change."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import path
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST
from unfold.decorators import action

from inventory.queries import warehouses
from orderhub.actors import person
from orderhub.admin_site.base import Ledger, need
from orderhub.admin_site.going import back, order_link
from orderhub.admin_site.marks import moment, pill
from orderhub.admin_site.tabs import Tab, Tabs
from orders import queries as orders
from routing import queries
from routing.addresses import regions
from routing.admin import again
from routing.models import Decision, Override
from routing.operations import reroute

OVERRIDE = again.OVERRIDE
TONES = {
    "fence": "good",
    "town": "info",
    "district": "info",
    "nearest": "warn",
    "none": "bad",
    "off": "neutral",
}


class Rung(Tabs):
    tabs = (
        Tab("all", _("All"), Q()),
        Tab("fence", _("By fence"), Q(located_by="fence")),
        Tab("town", _("By town"), Q(located_by="town")),
        Tab("district", _("By district"), Q(located_by="district")),
        Tab("nearest", _("By the nearest fence"), Q(located_by="nearest"), counted=True, tone="warn"),
        Tab("none", _("No outlet known"), Q(located_by="none"), counted=True, tone="bad"),
        Tab("person", _("By hand"), ~Q(overridden_by="")),
    )


@admin.register(Decision)
class DecisionAdmin(Ledger):
    list_display = ("order", "when", "rung", "area", "house", "carrier", "outlet_code", "overridden_by")
    list_display_links = ("when",)
    list_filter = (Rung,)
    search_fields = ("order_id__exact", "outlet_code__exact")
    search_help_text = _("outlet's code, or the whole order number")
    ordering = ("-id",)
    sortable_by = ()
    actions = ("route_again",)
    list_before_template = "routing/decisions_head.html"
    fields = ("order", "made_at", "explained")
    readonly_fields = fields

    def get_urls(self) -> list[Any]:
        site = self.admin_site.admin_view
        return [
            path("again/", site(again.page), name="routing_again"),
            path("again/progress/", site(again.progress), name="routing_again_progress"),
            path("again/look/", site(again.look), name="routing_again_look"),
            path("again/go/", site(again.go), name="routing_again_go"),
            path("again/stop/", site(again.stop), name="routing_again_stop"),
            path("override/<int:order_id>/", site(require_POST(self.override)), name="routing_override"),
            *super().get_urls(),
        ]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], term: str
    ) -> tuple[Any, bool]:
        """An order may be asked for by its number."""
        known = orders.ids_of_numbers([term.strip()])
        if known:
            return queryset.filter(order_id__in=known.values()), False
        return super().get_search_results(
            request, queryset, term if len(term) < 19 or not term.isdigit() else ""
        )

    def dress(self, request: HttpRequest, rows: list[Decision]) -> None:
        """Numbers of the shown orders and names of warehouses: two statements."""
        heads = orders.heads([row.order_id for row in rows])
        houses = {house.id: house.name for house in warehouses()}
        for row in rows:
            head = heads.get(row.order_id)
            row.number = head.number if head is not None else ""  # type: ignore[attr-defined]
            row.house = houses.get(row.warehouse_id, "")  # type: ignore[attr-defined]

    @admin.display(description=_("order"))
    def order(self, decision: Decision) -> SafeString | str:
        return order_link(decision.order_id, getattr(decision, "number", ""))

    @admin.display(description=_("made"))
    def when(self, decision: Decision) -> SafeString | str:
        return moment(decision.made_at)

    @admin.display(description=_("located"))
    def rung(self, decision: Decision) -> SafeString:
        return pill(decision.get_located_by_display(), TONES.get(decision.located_by, "neutral"))

    @admin.display(description=_("area"))
    def area(self, decision: Decision) -> str:
        return regions.name(decision.adcode) if decision.adcode else "–"

    @admin.display(description=_("warehouse"))
    def house(self, decision: Decision) -> str:
        return getattr(decision, "house", "") or str(decision.warehouse_id)

    @admin.display(description=_("why"))
    def explained(self, decision: Decision) -> SafeString:
        found = next(
            (e for e in queries.history(decision.order_id, limit=200) if e.made_at == decision.made_at), None
        )
        return SafeString(render_to_string("routing/explanation.html", {"explained": found}))

    def has_override_permission(self, request: HttpRequest) -> bool:
        """Who may route again."""
        return bool(request.user.has_perm(OVERRIDE))

    @action(description=_("Route the chosen orders again"), permissions=["override"])
    def route_again(self, request: HttpRequest, chosen: QuerySet[Decision]) -> None:
        """Under today's fences, places and figures."""
        ids = sorted(set(chosen.values_list("order_id", flat=True)))
        result = reroute.again(
            ids, actor=person(request.user), reason=_now("routed again from the list of decisions")
        )
        _report(request, result)

    def override(self, request: HttpRequest, order_id: int) -> HttpResponse:
        """A person's choice for one order, from its page."""
        need(request, OVERRIDE)
        house = request.POST.get("warehouse", "")
        try:
            result = reroute.override(
                [order_id],
                actor=person(request.user),
                reason=request.POST.get("reason", ""),
                warehouse_id=int(house) if house.isdigit() else None,
                outlet_code=request.POST.get("outlet", "").strip(),
            )
        except reroute.ImpossibleChoice as error:
            messages.error(request, str(error))
        else:
            _report(request, result)
        return back(request, "admin:orders_order_change", order_id)


@admin.register(Override)
class OverrideAdmin(Ledger):
    list_display = ("order_id", "warehouse_id", "outlet_code", "reason", "by", "at")
    list_display_links = None
    ordering = ("-at",)
    sortable_by = ()


def _report(request: HttpRequest, result: reroute.Result) -> None:
    done, refused = len(result.routed), len(result.refused)
    if done:
        words = ngettext("%(n)d order was routed again.", "%(n)d orders were routed again.", done)
        messages.success(request, words % {"n": done})
    reasons = sorted({refusal.text for refusal in result.refused.values()})
    for reason in reasons[:5]:
        messages.error(request, reason)
    if refused > 1:
        words = ngettext("%(n)d order was not routed again.", "%(n)d orders were not routed again.", refused)
        messages.warning(request, words % {"n": refused})
