"""After a change of the rules: which waiting orders would go elsewhere, and routing those again, in two buttons."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from orderhub.admin_site.base import need
from orderhub.admin_site.going import order_link
from orderhub.admin_site.marks import moment, pill, state_pill
from orderhub.jobs import running
from orderhub.jobs.models import Job
from orderhub.rules import engine
from routing import rules
from routing.operations import rerouting

OVERRIDE = "routing.add_override"
SEE = "routing.view_decision"
SHOWN = 200


def page(request: HttpRequest) -> HttpResponse:
    """What the last look or move came to, and the one thing to do next."""
    need(request, SEE)
    context = {"title": _("Route waiting orders again"), **_told(request), **admin.site.each_context(request)}
    return TemplateResponse(request, "routing/again.html", context)


def progress(request: HttpRequest) -> HttpResponse:
    """The part of the page that changes while a job runs."""
    need(request, SEE)
    return TemplateResponse(request, "routing/again_result.html", _told(request))


@require_POST
def look(request: HttpRequest) -> HttpResponse:
    """Begin a look."""
    need(request, OVERRIDE)
    rerouting.look(request.user.pk)
    return _back()


@require_POST
def go(request: HttpRequest) -> HttpResponse:
    """Route the orders of the look again that the form names."""
    need(request, OVERRIDE)
    number = request.POST.get("look", "")
    looked = Job.objects.filter(kind=rerouting.KIND, pk=int(number) if number.isdigit() else 0).first()
    try:
        if looked is None:
            raise rerouting.NothingToDo(_("Look first which orders would go elsewhere."))
        rerouting.go(looked, request.user.pk, request.user.get_username(), request.POST.get("reason", ""))
    except rerouting.NothingToDo as error:
        messages.error(request, str(error))
    return _back()


@require_POST
def stop(request: HttpRequest) -> HttpResponse:
    """Stop the job; what was routed stays routed."""
    need(request, OVERRIDE)
    job = rerouting.newest()
    if job is not None and running.cancel(job.pk):
        messages.success(request, _("Stopped. What was routed again stays so."))
    return _back()


def _back() -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:routing_again"))


def _told(request: HttpRequest) -> dict[str, Any]:
    job = rerouting.newest()
    told: dict[str, Any] = {
        "job": job,
        "may": request.user.has_perm(OVERRIDE),
        "version": rules.title(engine.head_of("routing").live),
    }
    if job is None:
        return told
    result = job.result or {}
    rows = result.get("found", result.get("rows", []))
    return {
        **told,
        "part": job.params["part"],
        "open": job.state in running.OPEN,
        "done": job.state == Job.State.DONE,
        "state": state_pill(job),
        "at": moment(job.created_at),
        "percent": min(99, job.done * 100 // job.total) if job.total else 0,
        "result": result,
        "found": len(rows),
        "stale": job.params["part"] == "look" and result.get("version") != engine.head_of("routing").live,
        "rows": [_row(row) for row in rows[:SHOWN]],
        "more": max(0, len(rows) - SHOWN),
    }


_OUTCOME = {"moved": "good", "same": "neutral", "refused": "bad"}


def _row(row: dict[str, Any]) -> dict[str, Any]:
    words = {"moved": _("routed again"), "same": _("goes where it went"), "refused": _("not routed")}
    kind = row.get("kind", "")
    return {
        **row,
        "link": order_link(row["order"], row["number"]),
        "pill": pill(words[kind], _OUTCOME[kind]) if kind else "",
    }
