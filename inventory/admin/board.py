"""The credibility board: what buyers are shown of each SKU, from which three numbers, and how far suppliers keep their word."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from inventory import availability
from inventory.models import (
    Drift,
    Movement,
    PurchaseLine,
    Reservation,
    ShownFactor,
    ShownHistory,
    Sku,
    Stock,
    Warehouse,
)
from inventory.operations import claiming, learning
from inventory.putaways import delays
from inventory.scope import houses_of, part_of
from orderhub.actors import person
from orderhub.admin_site.base import Admin, need
from orderhub.admin_site.marks import ago, moment
from orderhub.admin_site.registry import REFUSALS
from orderhub.dotted import resolve
from orderhub.integrations.models import Call

SEE, CHANGE = "inventory.view_stock", "inventory.change_shownfactor"
PER_PAGE = 50
SORTS: dict[str, tuple[Any, Any]] = {
    "trouble": (
        gettext_lazy("trouble first"),
        lambda pair: (pair[1].shown > 0, pair[1].free - pair[1].shown, pair[0].code),
    ),
    "shown": (gettext_lazy("fewest shown"), lambda pair: (pair[1].shown, pair[0].code)),
    "free": (gettext_lazy("fewest free"), lambda pair: (pair[1].free, pair[0].code)),
    "coming": (gettext_lazy("most on the way"), lambda pair: (-pair[1].coming, pair[0].code)),
    "code": (gettext_lazy("by code"), lambda pair: pair[0].code),
}
#: What a person of some warehouses may sort by: nothing that is of all of them.
OF_A_PART = ("coming", "free", "code")
DAYS = 30


def page(request: HttpRequest) -> HttpResponse:
    """All active SKUs with their numbers; every number opens the rows behind it. Who is narrowed sees their part only."""
    need(request, SEE)
    part = part_of(request.user)
    sorts = {code: SORTS[code] for code in (SORTS if part is None else OF_A_PART)}
    text, sort = request.GET.get("q", "").strip()[:80], request.GET.get("sort", "")
    sort = sort if sort in sorts else "trouble" if part is None else "free"
    skus = Sku.objects.filter(active=True)
    if text:
        skus = skus.filter(Q(code__icontains=text) | Q(name__icontains=text) | Q(series__icontains=text))
    by_id = skus.only("id", "code", "name", "series").in_bulk()
    numbers = availability.shown(by_id, part)
    pairs = sorted(
        ((by_id[identity], row) for identity, row in numbers.items()),
        key=sorts[sort][1],
    )
    shown = Paginator(pairs, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "title": _("Stock that can be believed"), "rows": [_row(sku, row) for sku, row in shown], "page": shown, "q": text,
        "sort": sort, "sorts": [(code, label) for code, (label, _key) in sorts.items()],
        "sold_out": sum(row.shown == 0 for row in numbers.values()),
        "above": sum(row.shown > row.free for row in numbers.values()), "all": len(numbers), "part": part is not None,
        "not_here": sum(row.free <= 0 for row in numbers.values()),
        "delays": [
            {"row": one, "half": _hours(one.half), "most": _hours(one.most)} for one in delays(houses=part)
        ], "suppliers": learning.evidence() if part is None else [], "may": part is None and request.user.has_perm(CHANGE),
        "houses": houses(houses_of(request.user)),
        **admin.site.each_context(request),
    }  # fmt: skip
    return TemplateResponse(request, "inventory/board.html", context)


def _row(sku: Sku, row: availability.Shown) -> dict[str, Any]:
    return {
        "sku": sku, "n": row, "link": reverse("admin:shown_sku", args=[sku.pk]),
        "tone": "bad" if row.shown == 0 else "warn" if row.shown > max(row.free, 0) else "good",
        "here": "bad" if row.free <= 0 else "good",
    }  # fmt: skip


def one(request: HttpRequest, sku_id: int) -> HttpResponse:
    """One SKU: the rows behind each number (those of one's warehouses), their sums, and what was shown in the last month."""
    need(request, SEE)
    sku, mine, part = get_object_or_404(Sku, pk=sku_id), houses_of(request.user), part_of(request.user)
    numbers = availability.shown([sku.pk], part)[sku.pk]
    shelves = [
        {"row": row, "free": row.on_hand - row.reserved}
        for row in Stock.objects.filter(sku=sku, bin__sellable=True, bin__warehouse__active=True, bin__warehouse_id__in=mine)
        .select_related("bin__warehouse").order_by("bin__warehouse__priority", "bin__code")
    ]  # fmt: skip
    lines = [
        row
        for row in PurchaseLine.objects.filter(sku=sku, order__state__in=["placed", "partial"], order__warehouse_id__in=mine)
        .select_related("order__supplier", "order__warehouse").order_by("order__expected_at", "id")
        if row.on_the_way > 0
    ]  # fmt: skip
    unpaid = Reservation.objects.filter(
        sku=sku, state="active", kind="unpaid", warehouse_id__in=mine
    ).order_by("expires_at")
    since = timezone.now() - dt.timedelta(days=DAYS)
    told = ShownHistory.objects.filter(sku=sku, at__gte=since).order_by("at")
    history = list(told) if part is None else []
    context = {
        "title": _("%(sku)s: what buyers are shown") % {"sku": sku.code}, "sku": sku, "n": numbers, "shelves": shelves,
        "most": claiming.sales({sku.pk: numbers})[sku.pk].most if part is None else None, "part": part is not None,
        "lines": [{"row": row, "expected": moment(row.expected_at or row.order.expected_at)} for row in lines],
        "unpaid": [{"row": row, "until": moment(row.expires_at)} for row in unpaid],
        "lines_sum": sum(row.on_the_way for row in lines),
        "history": [{"at": moment(row.at), "row": row} for row in history[-20:]][::-1], "chart": chart(history),
        "days": DAYS, **admin.site.each_context(request),
    }  # fmt: skip
    return TemplateResponse(request, "inventory/board_sku.html", context)


def chart(history: list[ShownHistory]) -> dict[str, Any] | None:
    """What was shown as steps in a box of 600 × 120; None with nothing to draw."""
    if len(history) < 2:
        return None
    begin, end = history[0].at, timezone.now()
    width = max((end - begin).total_seconds(), 1)
    top = max(max(row.shown, row.free, 1) for row in history)

    def line(name: str) -> str:
        points, last = [], None
        for row in history:
            x, value = (row.at - begin).total_seconds() / width * 600, max(0, getattr(row, name))
            y = 115 - value / top * 105
            if last is not None:
                points.append(f"{x:.1f},{last:.1f}")
            points.append(f"{x:.1f},{y:.1f}")
            last = y
        points.append(f"600,{last:.1f}")
        return " ".join(points)

    return {"shown": line("shown"), "free": line("free"), "top": top, "since": moment(begin)}


def _hours(time: dt.timedelta) -> str:
    minutes = round(time.total_seconds() / 60)
    return _("%(h)d h %(m)02d min") % {"h": minutes // 60, "m": minutes % 60}


def houses(ids: list[int]) -> list[dict[str, Any]]:
    """How far the stock of each of these warehouses can be believed: age of the WMS's last answer, findings, counts, refusals.

    Of the bins that were counted in a month, the share that was right: a difference between systems or a write-off after
    a refusal is a count that was wrong.
    """
    refused = resolve(REFUSALS)()
    right: dict[int, tuple[int, int]] = {}
    since = timezone.now() - dt.timedelta(days=DAYS)
    counted = Movement.objects.filter(kind=Movement.Kind.COUNT, at__gte=since).values("bin__warehouse_id")
    for row in counted.annotate(n=Count("id"), good=Count("id", filter=Q(on_hand_change=0))):
        right[row["bin__warehouse_id"]] = row["good"], row["n"]
    drift: dict[int, int] = {}
    for house_id in Drift.objects.filter(ended_at=None, bin__isnull=False).values_list(
        "bin__warehouse_id", flat=True
    ):
        drift[house_id] = drift.get(house_id, 0) + 1
    rows = []
    for house in Warehouse.objects.filter(active=True, id__in=ids).select_related("wms"):
        last = None
        if house.wms_id:
            calls = Call.objects.filter(connection_id=house.wms_id, outcome="ok")
            last = calls.order_by("-started_at").values_list("started_at", flat=True).first()
        old = house.wms_id is not None and (last is None or timezone.now() - last > dt.timedelta(hours=2))
        rows.append({
            "house": house, "own": house.wms_id is None, "last": ago(last) if last else "", "old": old,
            "drift": drift.get(house.pk, 0), "refused": refused.get(house.code, 0),
            "good": not old and not drift.get(house.pk) and not refused.get(house.code), "counted": right.get(house.pk),
        })  # fmt: skip
    return rows


@require_POST
def take(request: HttpRequest, supplier_id: int) -> HttpResponse:
    """Use the factor that a supplier's own arrivals suggest."""
    need(request, CHANGE)
    if part_of(request.user) is not None:
        raise PermissionDenied("what counts of goods on the way is of all warehouses")
    done = learning.take(supplier_id, person(request.user).name)
    if done is None:
        messages.error(request, _("There is no suggestion for this supplier any more."))
    else:
        text = _("Of what %(supplier)s sends, %(factor)s counts from now on.")
        messages.success(request, text % {"supplier": done.supplier, "factor": done.suggested})
    return HttpResponseRedirect(reverse("admin:shown_board"))


@admin.register(ShownFactor)
class ShownFactorAdmin(Admin):
    list_display = ("scope", "factor", "horizon_days", "set_by", "set_at")
    list_select_related = ("sku", "supplier")
    ordering = ("sku_id", "supplier_id", "category")
    fields = ("sku", "supplier", "category", "factor", "horizon_days")
    autocomplete_fields = ("sku", "supplier")

    @admin.display(description=gettext_lazy("for"))
    def scope(self, row: ShownFactor) -> str:
        return str(row.sku or row.supplier or row.category or _("everything"))

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        obj.set_by = person(request.user).name[:80]
        form.also_written = ("set_by",)
        super().save_model(request, obj, form, change)
