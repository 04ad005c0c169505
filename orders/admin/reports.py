"""Reports as pages: a table with its picture, each number beside the period before; filters are the address, and kept by name."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from orderhub.admin_site.base import need
from orderhub.integrations.platforms import name_of
from orders.admin import report_chart
from orders.models import SavedReport
from orders.operations import report_files
from orders.reports import REPORTS, asked, frame
from orders.reports.frame import Dim, Measure, Report
from orders.reports.saying import change, words


def first(request: HttpRequest) -> HttpResponse:
    """The first report that the person may see."""
    for report in REPORTS.values():
        if request.user.has_perm(report.permission):
            return page(request, report.code)
    need(request, FIRST.permission)
    raise Http404


FIRST = next(iter(REPORTS.values()))


def report_of(request: HttpRequest, code: str) -> Report:
    """The report of that code. Http404; PermissionDenied."""
    if code not in REPORTS:
        raise Http404
    need(request, REPORTS[code].permission)
    return REPORTS[code]


def page(request: HttpRequest, code: str) -> HttpResponse:
    """A report as the address asks for it. Five statements beside those of every page."""
    report, get = report_of(request, code), request.GET
    wanted = asked.asked(get, request.user)
    dim, measure = report.dim(get.get("by", "")), report.measure(get.get("show", ""))
    told = frame.tell(report, dim, measure, wanted)
    titles = [" · ".join(row[key.name] or _("none") for key in dim.keys) for row in told.rows]
    say = words(measure)
    picture = (
        report_chart.days(told.rows, measure.name, wanted.begin, wanted.days, say)
        if dim.days
        else report_chart.bars(told.rows, measure.name, titles, say)
    )
    shown = {
        "title": report.label, "report": report, "asked": wanted, "dim": dim, "measure": measure, "measures": report.measures,
        "reports": [one for one in REPORTS.values() if request.user.has_perm(one.permission)],
        "periods": list(asked.PERIODS.items()), "channels": [(one, name_of(one)) for one in wanted.channels],
        "tiles": [_tile(one, told.total, one is measure, asked.kept(get, show=one.name)) for one in report.measures],
        "heads": [frame.label(key) for key in dim.keys], "columns": [(one, frame.label(one)) for one in report.measures],
        "rows": [_row(report, dim, measure, row, told.total) for row in told.rows], "chart": picture if told.rows else None,
        "more": max(told.groups - len(told.rows), 0), "most": frame.SHOWN, "query": asked.kept(get),
        "others": asked.kept(get, by="", show=""), "label": frame.label(measure),
        "period_before": told.total.get(f"b_{measure.name}") is not None,
        "schedule": _schedule(request, report, wanted, get),
        "saved": list(SavedReport.objects.filter(user_id=request.user.pk or 0, report=code).order_by("name")),
    }  # fmt: skip
    return TemplateResponse(request, "orders/report.html", {**admin.site.each_context(request), **shown})


def _schedule(request: HttpRequest, report: Report, wanted: asked.Asked, get: QueryDict) -> str:
    """Where this page becomes a mail by the clock; "" for who may not."""
    if not request.user.has_perm("orders.add_reportschedule"):
        return ""
    query = asked.kept(get, **{"period": "", "from": "", "to": ""})
    given = {"report": report.code, "query": query, "name": str(report.label)}
    if wanted.period != asked.OWN:
        given["period"] = wanted.period
    return reverse("admin:orders_reportschedule_add") + "?" + urlencode(given)


@require_POST
def save(request: HttpRequest, code: str) -> HttpResponse:
    """Keep the filters of the address under a name; the same name again replaces them."""
    report = report_of(request, code)
    name, query = request.POST.get("name", "").strip()[:40], request.POST.get("query", "")[:300]
    if name:
        SavedReport.objects.update_or_create(
            user_id=request.user.pk or 0, report=report.code, name=name, defaults={"query": query}
        )
        messages.success(request, _("Kept as %(name)s.") % {"name": name})
    else:
        messages.error(request, _("Give the filters a name."))
    return _back(code, query)


@require_POST
def forget(request: HttpRequest, saved_id: int) -> HttpResponse:
    """Drop kept filters; only one's own."""
    saved = get_object_or_404(SavedReport, pk=saved_id, user_id=request.user.pk)
    saved.delete()
    messages.success(request, _("%(name)s is no longer kept.") % {"name": saved.name})
    return _back(saved.report, saved.query)


@require_POST
def write(request: HttpRequest, code: str) -> HttpResponse:
    """Write the report to a file in the background; it is found under Exports."""
    report, query = report_of(request, code), request.POST.get("query", "")[:300]
    try:
        report_files.begin(
            report.code,
            query,
            request.POST.get("form", ""),
            request.user.pk or 0,
            get_language() or "zh-hans",
        )
    except ValueError:
        messages.error(request, _("Choose CSV or XLSX."))
        return _back(code, query)
    messages.success(
        request,
        _("The file is being written; its progress stands here, and the bell tells when it is ready."),
    )
    return HttpResponseRedirect(reverse("admin:exports"))


def _back(code: str, query: str) -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:report", args=[code]) + (f"?{query}" if query else ""))


def _tile(measure: Measure, total: dict[str, Any], on: bool, query: str) -> dict[str, Any]:
    say = words(measure)
    text, tone = change(measure, total)
    before = total.get(f"b_{measure.name}")
    return {
        "label": frame.label(measure), "now": say(total.get(measure.name)), "before": None if before is None else say(before),
        "change": text, "tone": tone, "on": on, "query": query,
    }  # fmt: skip


def _row(
    report: Report, dim: Dim, measure: Measure, row: dict[str, Any], whole: dict[str, Any]
) -> dict[str, Any]:
    text, tone = change(measure, row, whole)
    return {
        "keys": [row[key.name] or _("none") for key in dim.keys],
        "values": [{"now": words(one)(row[one.name]), "main": one is measure} for one in report.measures],
        "before": words(measure)(row[f"b_{measure.name}"]), "change": text, "tone": tone,
    }  # fmt: skip
