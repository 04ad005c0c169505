"""Exports: what the list shows becomes a file in the background; one's own files, their progress, stop, and download.

Files hold receivers as the lists show them, masked. Each download is written down with who, when and what.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.http import (
    FileResponse,
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    QueryDict,
)
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from orderhub.admin_site.base import need
from orderhub.admin_site.marks import moment, state_pill
from orderhub.exports import files
from orderhub.jobs import running
from orderhub.jobs.models import Job
from orders.models.order import OrderState
from orders.operations import exporting, report_files
from orders.operations.plain_rows import APPROVE, ASK
from orders.reports import REPORTS

SEE = "orders.view_order"
SHOWN = 20
#: Jobs whose results are files of this page.
KINDS = (exporting.KIND, report_files.KIND)


def page(request: HttpRequest) -> HttpResponse:
    """What would be exported, and one's files. The query string is the order list's."""
    need(request, SEE)
    context = {
        "title": _("Exports"), "query": request.GET.urlencode(), "chosen": words_of(request.GET.urlencode()),
        "columns": [str(column.label) for column in exporting.exported()], "days": files.KEPT.days,
        "may_ask": request.user.has_perm(ASK), "sees_plain": request.user.has_perm(ASK) or request.user.has_perm(APPROVE),
        **_told(request), **admin.site.each_context(request),
    }  # fmt: skip
    return TemplateResponse(request, "orders/exports.html", context)


def progress(request: HttpRequest) -> HttpResponse:
    """The part of the page that changes while files are written."""
    need(request, SEE)
    return TemplateResponse(request, "orders/exports_files.html", _told(request))


@require_POST
def begin(request: HttpRequest) -> HttpResponse:
    """Begin a file of what the list shows."""
    need(request, SEE)
    try:
        exporting.begin(
            request.POST.get("query", ""),
            request.POST.get("form", ""),
            request.user.pk or 0,
            get_language() or "zh-hans",
        )
    except ValueError:
        messages.error(request, _("Choose CSV or XLSX."))
    else:
        messages.success(
            request,
            _("The file is being written; its progress stands here, and the bell tells when it is ready."),
        )
    return HttpResponseRedirect(reverse("admin:exports"))


@require_POST
def stop(request: HttpRequest, job_id: int) -> HttpResponse:
    """Stop writing a file."""
    need(request, SEE)
    if running.cancel(_mine(request, job_id).pk):
        messages.success(request, _("Stopped; what was written is thrown away."))
    else:
        messages.info(request, _("It has already ended."))
    return HttpResponseRedirect(reverse("admin:exports"))


def download(request: HttpRequest, job_id: int) -> HttpResponseBase:
    """The file, to whoever asked for it. The download is written down before the first byte."""
    need(request, SEE)
    job = _mine(request, job_id)
    if job.kind == report_files.KIND:
        need(request, REPORTS[job.params["report"]].permission)
    if job.params.get("plain"):
        need(request, ASK)
    path = files.folder() / str((job.result or {}).get("name") or "-")
    if job.state != Job.State.DONE or not path.is_file():
        raise Http404
    LogEntry.objects.create(
        user_id=request.user.pk or 0, content_type=ContentType.objects.get_for_model(Job), object_id=str(job.pk),
        object_repr=path.name, action_flag=CHANGE,
        change_message=_("downloaded, %(rows)s rows: %(query)s") % {"rows": job.done, "query": _asked(job)},
    )  # fmt: skip
    return FileResponse(path.open("rb"), as_attachment=True, filename=path.name)


def _asked(job: Job) -> str:
    """What the file is of, as it was asked for."""
    return " ".join(
        filter(
            None,
            [
                job.params.get("report", ""),
                _("plain receivers") if job.params.get("plain") else "",
                job.params["query"] or "*",
            ],
        )
    )


def _mine(request: HttpRequest, job_id: int) -> Job:
    """One's own export; 404 for another's."""
    return get_object_or_404(Job, pk=job_id, kind__in=KINDS, requested_by=request.user.pk)


def words_of(query: str) -> list[str]:
    """The filters of the list in words, as the list's own page says them."""
    names = {"q": _("search"), "state__exact": _("state")}
    values = {"state__exact": dict(OrderState.choices)}
    return [
        f"{names.get(name, name)} = {values.get(name, {}).get(str(value), value)}"
        for name, value in QueryDict(query).items()
        if value and name != "p"
    ]


def _told(request: HttpRequest) -> dict[str, Any]:
    jobs = list(Job.objects.filter(kind__in=KINDS, requested_by=request.user.pk).order_by("-id")[:SHOWN])
    rows = [_row(job) for job in jobs]
    return {"rows": rows, "moving": any(row["open"] for row in rows)}


def _row(job: Job) -> dict[str, Any]:
    result, opened = job.result or {}, job.state in running.OPEN
    there = bool(result) and (files.folder() / str(result["name"])).is_file()
    return {
        "job": job, "pill": state_pill(job), "at": moment(job.created_at), "open": opened, "there": there,
        "gone": job.state == Job.State.DONE and not there, "name": result.get("name", ""),
        "megabytes": f"{result.get('bytes', 0) / 1_000_000:.1f}", "percent": int(100 * _part(job)),
        "left": _left(job) if opened else "",
    }  # fmt: skip


def _part(job: Job) -> float:
    """How much of a file is done, 0 to 1; the rows of a workbook are written twice, first as rows and then into it."""
    if not job.total:
        return 0
    if job.params.get("form") == exporting.XLSX:
        return (job.done + job.params.get("made", 0)) / (2 * job.total)
    return job.done / job.total


def _left(job: Job) -> str:
    """How long it takes still, by how long it has taken."""
    begun = parse_datetime(str(job.params.get("begun") or ""))
    part = _part(job)
    if begun is None or not 0 < part < 1:
        return ""
    seconds = (timezone.now() - begun).total_seconds() * (1 - part) / part
    return (
        _("about %(n)d seconds left") % {"n": seconds}
        if seconds < 90
        else _("about %(n)d minutes left") % {"n": seconds / 60}
    )
