"""After-sale cases: what is open first. A case is opened on the order's page and settled on its own, by POST."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from django.contrib import admin, messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from orderhub.actors import person
from orderhub.admin_site.base import Ledger, need
from orderhub.admin_site.going import order_link
from orderhub.admin_site.marks import moment, state_pill, yuan
from orderhub.admin_site.tabs import Tab, Tabs
from orders.admin.page import DISPOSITION
from orders.cases import LIVE
from orders.models import Case, Line, Order, OrderState
from orders.operations.aftersale import CaseRefused, close_case, open_case

State = Case.State
OPEN, SETTLE = "orders.add_case", "orders.change_case"


class Queue(Tabs):
    default = "live"
    tabs = (
        Tab("live", _("To settle"), Q(state__in=LIVE), counted=True, tone="warn"),
        Tab("received", _("Goods are back"), Q(state=State.RECEIVED), counted=True, tone="info"),
        Tab("done", _("Done"), Q(state=State.DONE)),
        Tab("ended", _("Refused or withdrawn"), Q(state__in=[State.REFUSED, State.WITHDRAWN])),
        Tab("all", _("All"), Q()),
    )


@admin.register(Case)
class CaseAdmin(Ledger):
    list_display = ("number", "status", "kind", "order_number", "money", "why", "opened", "goods")
    list_display_links = ("number",)
    list_select_related = ("order",)
    list_filter = (Queue, ("kind", ChoicesDropdownFilter))
    search_fields = ("number__startswith", "order__number__exact")
    search_help_text = _("Case number, or the whole order number")
    ordering = ("-id",)
    sortable_by = ()
    fields = (
        ("number", "kind", "state"),
        ("amount", "reason"),
        ("opened_at", "received_at", "done_at"),
        "receipt_key",
    )
    change_form_outer_before_template = "orders/case_head.html"

    def get_urls(self) -> list[Any]:
        site = self.admin_site.admin_view
        return [
            path("open/<int:order_id>/", site(require_POST(self.open)), name="case_open"),
            path("<int:case_id>/settle/", site(require_POST(self.settle)), name="case_settle"),
            *super().get_urls(),
        ]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        case = get_object_or_404(Case.objects.select_related("order"), pk=object_id)
        mine = {
            "title": case.number, "case": case, "case_pill": state_pill(case), "case_amount": yuan(case.amount),
            "lines": said_lines(case), "can_settle": request.user.has_perm(SETTLE) and case.state in LIVE,
            "frozen": case.order.state == OrderState.CLOSED,
        }  # fmt: skip
        return super().change_view(request, object_id, form_url, {**mine, **(extra_context or {})})

    def open(self, request: HttpRequest, order_id: int) -> HttpResponse:
        """Open a case from the order's page."""
        need(request, OPEN)
        wanted = [name[4:] for name in request.POST if name.startswith("line")]
        try:
            amount = Decimal(request.POST.get("amount", "").strip() or "0")
            pieces = [{"line": key, "quantity": int(request.POST.get(f"pieces{key}") or 1)} for key in wanted]
            case = open_case(
                order_id, request.POST.get("kind", ""), amount, pieces, request.POST.get("reason", "").strip(), "",
                person(request.user),
            )  # fmt: skip
        except (InvalidOperation, ValueError) as error:
            messages.error(
                request, str(error) if isinstance(error, CaseRefused) else _now("Give an amount in yuan.")
            )
        else:
            messages.success(request, _now("Case %(number)s is open.") % {"number": case.number})
        return HttpResponseRedirect(reverse("admin:orders_order_change", args=[order_id]) + "#panel-cases")

    def settle(self, request: HttpRequest, case_id: int) -> HttpResponse:
        """Settle a case: refunded, refused, or withdrawn by the buyer."""
        need(request, SETTLE)
        given = request.POST.get("amount", "").strip()
        try:
            amount = Decimal(given) if given else None
            done = close_case(
                case_id, request.POST.get("outcome", ""), person(request.user), amount=amount,
                note=request.POST.get("note", "").strip()[:200],
            )  # fmt: skip
        except (InvalidOperation, CaseRefused) as error:
            messages.error(
                request, str(error) if isinstance(error, CaseRefused) else _now("Give an amount in yuan.")
            )
        else:
            if done:
                messages.success(request, _now("The case is settled."))
            else:
                messages.warning(request, _now("Somebody settled this case before; nothing was changed."))
        return HttpResponseRedirect(reverse("admin:orders_case_change", args=[case_id]))

    @admin.display(description=_("state"))
    def status(self, case: Case) -> SafeString:
        return state_pill(case)

    @admin.display(description=_("order"))
    def order_number(self, case: Case) -> SafeString | str:
        return order_link(case.order_id, case.order.number)

    @admin.display(description=_("amount"))
    def money(self, case: Case) -> str:
        return yuan(case.amount)

    @admin.display(description=_("reason"))
    def why(self, case: Case) -> str:
        return case.reason

    @admin.display(description=_("opened"))
    def opened(self, case: Case) -> SafeString | str:
        return moment(case.opened_at)

    @admin.display(description=_("goods received"))
    def goods(self, case: Case) -> SafeString | str:
        return moment(case.received_at)


def said_lines(case: Case) -> list[dict[str, Any]]:
    """What the case says of each line: asked, came back as what, refunded."""
    titles = {str(uuid): (code, title) for uuid, code, title in
              Line.objects.filter(order_id=case.order_id).values_list("uuid", "seller_code", "title")}  # fmt: skip
    rows = []
    for entry in case.lines:
        code, title = titles.get(str(entry.get("line")), ("", ""))
        kind = "refund" if "refund" in entry else "came" if "receipt" in entry else "asked"
        word = str(entry.get("disposition", ""))
        rows.append(
            {"code": code, "title": title, "kind": kind, **entry, "disposition": DISPOSITION.get(word, word)}
        )
    return rows


def panel(order_id: int, request: HttpRequest) -> dict[str, Any] | None:
    """The order page's part about its cases, with the form that opens one."""
    cases = list(Case.objects.filter(order_id=order_id).order_by("id"))
    order = Order.objects.only("state", "payable", "refunded", "aftersale_until").get(pk=order_id)
    may = request.user.has_perm(OPEN) and order.state not in (OrderState.UNPAID, OrderState.CLAIMED)
    if not cases and not may:
        return None
    rows = [
        {"case": case, "pill": state_pill(case), "amount": yuan(case.amount), "at": moment(case.opened_at)}
        for case in cases
    ]
    return {
        "template": "orders/case_panel.html",
        "rows": rows,
        "order_id": order_id,
        "until": moment(order.aftersale_until),
        "left": yuan(order.payable - order.refunded),
        "may_open": may,
        "kinds": Case.Kind.choices,
        "lines": Line.objects.filter(order_id=order_id).order_by("channel_line") if may else (),
    }
