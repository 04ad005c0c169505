"""What does not add up, each with its figures and one click that repairs it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from inventory.models import Drift
from inventory.operations import drift
from inventory.operations.count import Refused
from orderhub.actors import person
from orderhub.admin_site.base import Ledger, need
from orderhub.admin_site.marks import moment, pill
from orderhub.admin_site.tabs import Tab, Tabs

REPAIR = "inventory.change_drift"
FIGURES = ("on_hand", "reserved", "ledger_on_hand", "ledger_reserved", "held")


class Findings(Tabs):
    default = "open"
    tabs = (
        Tab("open", _("Open"), Q(ended_at=None), counted=True, tone="bad"),
        Tab("ended", _("Repaired or gone"), Q(ended_at__isnull=False)),
        Tab("all", _("All"), Q()),
    )


@admin.register(Drift)
class DriftAdmin(Ledger):
    house_code = "bin__warehouse__code"
    list_display = ("goods", "what", "figures_said", "since", "answer")
    list_display_links = None
    list_select_related = ("sku", "bin__warehouse")
    list_filter = (Findings,)
    search_fields = ("sku__code__exact",)
    search_help_text = _("SKU, exactly")
    ordering = ("-id",)
    sortable_by = ()

    def get_urls(self) -> list[Any]:
        site = self.admin_site.admin_view
        return [
            path("<int:drift_id>/repair/", site(require_POST(self.repair)), name="drift_repair"),
            *super().get_urls(),
        ]

    def dress(self, request: HttpRequest, rows: list[Drift]) -> None:
        """Whether this person may repair."""
        for row in rows:
            row.may = request.user.has_perm(REPAIR)  # type: ignore[attr-defined]

    def repair(self, request: HttpRequest, drift_id: int) -> HttpResponse:
        """One click: compensating lines of the ledger."""
        need(request, REPAIR)
        if not self.get_queryset(request).filter(pk=drift_id).exists():
            raise Http404
        try:
            if drift.repair(drift_id, person(request.user).name):
                messages.success(request, _now("Repaired: the ledger has the lines and the reason."))
            else:
                messages.info(request, _now("It was repaired before, or is gone."))
        except Refused as error:
            messages.error(request, str(error))
        return HttpResponseRedirect(reverse("admin:inventory_drift_changelist"))

    @admin.display(description=_("SKU"))
    def goods(self, row: Drift) -> SafeString:
        place = str(row.bin) if row.bin else ""
        return format_html(
            '<a class="oh-link oh-number" href="{}">{}</a><span class="oh-under">{}</span>',
            reverse("admin:stock_sku", args=[row.sku_id]), row.sku.code, place,
        )  # fmt: skip

    @admin.display(description=_("what is wrong"))
    def what(self, row: Drift) -> SafeString:
        return pill(row.get_kind_display(), "done" if row.ended_at else "bad")

    @admin.display(description=_("figures"))
    def figures_said(self, row: Drift) -> str:
        said: dict[str, Any] = row.figures
        if row.kind == Drift.Kind.COUNTER:
            words = _now(
                "counter %(on_hand)s on hand, %(reserved)s promised; ledger %(ledger_on_hand)s and %(ledger_reserved)s; "
                "reservations %(held)s"
            )
            return words % {name: said.get(name, "?") for name in FIGURES}
        if row.kind == Drift.Kind.ORPHAN:
            return _now("%(n)s pieces are held and no order wants them") % {"n": said.get("pieces", "?")}
        if row.kind == Drift.Kind.WMS:
            words = _now("%(by)s says %(theirs)s, here are %(ours)s")
            return words % {name: said.get(name, "?") for name in ("by", "theirs", "ours")}
        return _now("order %(number)s") % {"number": said.get("number", "?")}

    @admin.display(description=_("found"))
    def since(self, row: Drift) -> str:
        return moment(row.found_at)

    @admin.display(description=_("repair"))
    def answer(self, row: Drift) -> SafeString | str:
        if row.ended_at:
            return format_html("{} {}", row.ended_by, moment(row.ended_at))
        if row.kind == Drift.Kind.UNHELD:
            return format_html(
                '<a class="oh-button oh-button-small oh-button-quiet" href="{}">{}</a>',
                reverse("admin:orders_order_change", args=[row.figures.get("order_id", 0)]), _now("Open the order"),
            )  # fmt: skip
        if not row.may:  # type: ignore[attr-defined]
            return ""
        return format_html(
            '<button class="oh-button oh-button-small oh-button-main" formmethod="post" formaction="{}">{}</button>',
            reverse("admin:drift_repair", args=[row.pk]), _now("Repair"),
        )  # fmt: skip
