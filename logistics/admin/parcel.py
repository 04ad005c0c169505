"""Parcels as people see them: read, printed, printed again, voided with a reason; their state is never edited."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from logistics.labels import SIZES
from logistics.lifecycle import AT_WAREHOUSE, BEFORE_SHIPPING
from logistics.models import Parcel
from logistics.operations import printing, shipping, voids, waves
from logistics.queries import parcels_of
from orderhub.actors import person
from orderhub.admin_site.base import Ledger, need
from orderhub.admin_site.going import back, order_link
from orderhub.admin_site.marks import moment, pill, state_pill
from orderhub.admin_site.tabs import Tab, Tabs
from orderhub.admin_site.within import Within
from orderhub.lifecycle import Outcome

WORK, VOID = "logistics.work_parcel", "logistics.void_parcel"


class Queue(Tabs):
    default = "all"
    tabs = (
        Tab("all", _("All"), Q()),
        Tab("number", _("Waiting for a number"), Q(state="planned"), counted=True, tone="info"),
        Tab("warehouse", _("At the warehouse"), Q(state__in=AT_WAREHOUSE), counted=True, tone="info"),
        Tab("ours", _("Our own waves"), Q(state__in=AT_WAREHOUSE, worked_by="own"), counted=True, tone="info"),
        Tab("stop", _("To be stopped"), Q(state__in=BEFORE_SHIPPING) & ~Q(stop_reason=""), counted=True, tone="bad"),
        Tab("weight", _("Weight off"), Q(weight_state="off"), counted=True, tone="bad"),
        Tab("unreported", _("Channel not told"), Q(state="shipped", report_state="asked"), counted=True, tone="warn"),
        Tab("way", _("On the way"), Q(state="shipped")),
        Tab("overdue", _("Not picked up"), Q(state="shipped", overdue_told=True, picked_up_at=None), counted=True, tone="bad"),
        Tab("voided", _("Voided"), Q(state="voided")),
    )  # fmt: skip


@admin.register(Parcel)
class ParcelAdmin(Ledger):
    list_display = ("which", "status", "order_shown", "house", "waybill", "weight", "carrier_says", "left")
    list_display_links = ("which",)
    list_select_related = ("order", "warehouse")
    list_filter = (
        Queue, ("state", ChoicesDropdownFilter), ("worked_by", ChoicesDropdownFilter), ("warehouse", Within),
    )  # fmt: skip
    search_fields = ("number__exact", "waybill_no__exact", "order__number__exact")
    search_help_text = _("parcel, waybill or order number")
    ordering = ("-id",)
    sortable_by = ()
    actions = ("print_100x180", "print_76x130", "into_waves", "send_off")
    change_form_template = "logistics/parcel_page.html"

    @admin.display(description=_("parcel"))
    def which(self, parcel: Parcel) -> SafeString:
        role = parcel.get_role_display()
        return format_html('<b class="oh-number">{}</b><span class="oh-under">{}</span>', parcel.number, role)

    @admin.display(description=_("state"))
    def status(self, parcel: Parcel) -> SafeString:
        stop = (
            pill(_now("STOP"), "bad", "block", parcel.stop_reason)
            if parcel.stop_reason and parcel.state != "voided"
            else ""
        )
        off = pill(_now("weight off"), "bad", "scale") if parcel.weight_state == "off" else ""
        return format_html("{} {} {}", state_pill(parcel), stop, off)

    @admin.display(description=_("order"))
    def order_shown(self, parcel: Parcel) -> SafeString | str:
        return order_link(parcel.order_id, parcel.order.number)

    @admin.display(description=_("warehouse"))
    def house(self, parcel: Parcel) -> SafeString:
        under = parcel.get_worked_by_display()
        return format_html('{}<span class="oh-under">{}</span>', parcel.warehouse.name, under)

    @admin.display(description=_("waybill"))
    def waybill(self, parcel: Parcel) -> SafeString:
        under = f"{parcel.carrier} · {parcel.outlet_code}"
        return format_html(
            '<span class="oh-number">{}</span><span class="oh-under">{}</span>',
            parcel.waybill_no or "—",
            under,
        )

    @admin.display(description=_("weight"))
    def weight(self, parcel: Parcel) -> SafeString:
        shown = f"{parcel.weight_g} g" if parcel.weight_g else "—"
        under = _now("expected %(g)s g") % {"g": parcel.expected_weight_g}
        return format_html('{}<span class="oh-under">{}</span>', shown, under)

    @admin.display(description=_("carrier says"))
    def carrier_says(self, parcel: Parcel) -> str:
        return tracking_word(parcel.tracking)

    @admin.display(description=_("shipped"))
    def left(self, parcel: Parcel) -> SafeString | str:
        return moment(parcel.shipped_at)

    # actions on several

    def get_actions(self, request: HttpRequest) -> Any:
        """Only what the person may do."""
        return super().get_actions(request) if request.user.has_perm(WORK) else {}

    @admin.action(description=_("Print labels 100 × 180 mm"))
    def print_100x180(self, request: HttpRequest, queryset: QuerySet[Parcel]) -> HttpResponse | None:
        return self._print(request, list(queryset.values_list("id", flat=True)), "100x180")

    @admin.action(description=_("Print labels 76 × 130 mm"))
    def print_76x130(self, request: HttpRequest, queryset: QuerySet[Parcel]) -> HttpResponse | None:
        return self._print(request, list(queryset.values_list("id", flat=True)), "76x130")

    @admin.action(description=_("Put into waves"))
    def into_waves(self, request: HttpRequest, queryset: QuerySet[Parcel]) -> None:
        need(request, WORK)
        made = waves.make_waves(person(request.user), list(queryset.values_list("id", flat=True)))
        for wave in made:
            messages.success(request, _now("Wave %(number)s was made.") % {"number": wave.number})
        if not made:
            messages.warning(request, _now("None of these is ready for a wave of our own."))

    @admin.action(description=_("Hand over to the carrier"))
    def send_off(self, request: HttpRequest, queryset: QuerySet[Parcel]) -> None:
        need(request, WORK)
        ids = list(queryset.filter(worked_by="own").values_list("id", flat=True))
        report(request, shipping.send_off(ids, person(request.user)), _now("%(n)s parcels have left."))

    def _print(self, request: HttpRequest, ids: list[int], size: str) -> HttpResponse | None:
        need(request, WORK)
        done = printing.print_labels(ids, person(request.user), size)
        for number, why in list(done.refused.items())[:10]:
            messages.error(request, f"{number}: {why}")
        if done.tasks:
            text = _now("%(n)s labels of platforms are printed by the platform's print component.")
            messages.warning(request, text % {"n": len(done.tasks)})
        if not done.pdf:
            return None
        answer = HttpResponse(done.pdf, content_type="application/pdf")
        answer["Content-Disposition"] = f'inline; filename="labels-{len(done.numbers)}.pdf"'
        answer["Cache-Control"] = "no-store"
        return answer

    # one parcel

    def get_urls(self) -> list[Any]:
        site = self.admin_site.admin_view
        return [
            path("<int:parcel_id>/label/", site(require_POST(self.label_view)), name="parcel_label"),
            path("<int:parcel_id>/task/", site(require_POST(self.task_view)), name="parcel_task"),
            path("<int:parcel_id>/void/", site(require_POST(self.void_view)), name="parcel_void"),
            *super().get_urls(),
        ]

    def label_view(self, request: HttpRequest, parcel_id: int) -> HttpResponse:
        """The label as PDF; a second time is a reprint with its own line on the timeline."""
        size = request.POST.get("size", "100x180")
        made = self._print(request, [parcel_id], size if size in SIZES else "100x180")
        return made or back(request, "admin:logistics_parcel_change", parcel_id)

    def task_view(self, request: HttpRequest, parcel_id: int) -> HttpResponse:
        """The task for the platform's print component on this PC: print_data as it came, for the component only."""
        need(request, WORK)
        done = printing.print_labels([parcel_id], person(request.user))
        answer = JsonResponse(
            {"tasks": done.tasks, "refused": done.refused}, status=200 if done.tasks else 409
        )
        answer["Cache-Control"] = "no-store"
        return answer

    def void_view(self, request: HttpRequest, parcel_id: int) -> HttpResponse:
        """Stop and void with a reason; the warehouse is asked first where it has the parcel."""
        need(request, VOID)
        parcel = Parcel.objects.filter(pk=parcel_id).first()
        reason = request.POST.get("reason", "").strip()
        if parcel is None or not reason:
            messages.error(request, _now("Say why."))
        else:
            row = {parcel.id: (parcel.state, parcel.worked_by, reason)}
            report(
                request, voids.take_out(row, person(request.user)), _now("%(n)s parcel is stopped or voided.")
            )
        return back(request, "admin:logistics_parcel_change", parcel_id)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:  # fmt: skip
        mine: dict[str, Any] = {}
        parcel = Parcel.objects.filter(pk=object_id).first() if object_id.isdigit() else None
        if parcel is not None:
            shown = next(row for row in parcels_of(parcel.order_id) if row["id"] == parcel.id)
            mine = {
                "title": parcel.number, "parcel": dressed(shown), "order_shown": order_link(parcel.order_id, parcel.order.number),
                "can_work": request.user.has_perm(WORK) and bool(parcel.waybill_no) and parcel.state != "voided",
                "can_void": request.user.has_perm(VOID) and parcel.state in BEFORE_SHIPPING,
                "sizes": list(SIZES), "list_url": reverse("admin:logistics_parcel_changelist"),
            }  # fmt: skip
        return super().change_view(request, object_id, form_url, {**mine, **(extra_context or {})})


def report(request: HttpRequest, outcome: Outcome, done: str) -> None:
    """What became of a bulk step: how many, and the first reasons of those that did not."""
    if outcome.moved:
        messages.success(request, done % {"n": len(outcome.moved)})
    numbers = dict(Parcel.objects.filter(id__in=list(outcome.refused)[:10]).values_list("id", "number"))
    for identity, refusal in list(outcome.refused.items())[:10]:
        messages.error(request, f"{numbers.get(identity, identity)}: {refusal.text}")
    if not outcome.moved and not outcome.refused:
        messages.warning(request, _now("Nothing was chosen that this fits."))


def tracking_word(code: str) -> str:
    """The carrier's word in ours."""
    return {
        "": "—", "picked_up": _now("picked up"), "transit": _now("in transit"), "delivering": _now("out for delivery"),
        "signed": _now("signed"), "problem": _now("delivery problem"), "refused": _now("refused by the buyer"),
        "damaged": _now("damaged"), "returning": _now("on its way back"), "returned": _now("came back"),
        "unknown": _now("unknown word"), "ordered": _now("ordered at the carrier"),
    }.get(code, code)  # fmt: skip


def dressed(row: dict[str, Any]) -> dict[str, Any]:
    """A row of `parcels_of` with its marks, for the templates."""
    tones = {"off": "bad", "ok": "good", "released": "warn"}
    weight = {"off": _now("weight off"), "ok": _now("as expected"), "released": _now("released by a person")}
    told = {"asked": _now("being told"), "done": _now("told"), "already": _now("knew already"),
            "no_place": _now("the channel takes no second number")}  # fmt: skip
    return {
        **row,
        "pill": state_pill(Parcel(state=row["state"])),
        "shipped_shown": moment(row["shipped_at"]),
        "picked_shown": moment(row["picked_up_at"]),
        "tracking_word": tracking_word(row["tracking"]),
        "weight_pill": pill(weight[row["weight_state"]], tones[row["weight_state"]]) if row["weight_state"] else "",
        "report_word": told.get(row["report_state"], "—"),
        "traces": [{**t, "at": moment(t["at"]), "word": tracking_word(t["meaning"])} for t in row["traces"]],
        "link": reverse("admin:logistics_parcel_change", args=[row["id"]]),
    }  # fmt: skip
