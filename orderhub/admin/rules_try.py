"""Trying a version before it decides anything: on past orders, on cases that must hold, and beside the one in use."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from orderhub.admin_site.base import need
from orderhub.admin_site.going import order_link
from orderhub.admin_site.marks import moment, state_pill, yuan
from orderhub.admin_site.registry import ORDER_IDS
from orderhub.dotted import resolve
from orderhub.jobs import running
from orderhub.jobs.models import Job
from orderhub.rules import asserting, explaining, simulating
from orderhub.rules.models import Assertion, ShadowCount, Version
from orderhub.rules.registry import point as point_of
from orderhub.scope import VISIBLE, reach_of

SEE, CHANGE = "orderhub.view_ruleset", "orderhub.change_ruleset"
PERIODS: dict[str, tuple[Any, dt.timedelta]] = {
    "day": (gettext_lazy("the last 24 hours"), dt.timedelta(days=1)),
    "week": (gettext_lazy("the last 7 days"), dt.timedelta(days=7)),
    "month": (gettext_lazy("the last 30 days"), dt.timedelta(days=30)),
}
#: Chosen orders are looked for this far back.
CHOSEN = dt.timedelta(days=365)
MOST_CHOSEN = 500


def page(request: HttpRequest, version_id: int) -> HttpResponse:
    """The form, and what the newest trial came to."""
    need(request, SEE)
    version = get_object_or_404(Version.objects.select_related("rule_set"), pk=version_id)
    return TemplateResponse(request, "orderhub/rules/try.html", {
        "title": _("Try “%(version)s” on past orders") % {"version": f"{version.rule_set.title} {version}"},
        "version": version, "periods": [(code, label) for code, (label, _span) in PERIODS.items()],
        "may": request.user.has_perm(CHANGE), **_cases(version), **progress_of(version, request.user),
        "shadow": ShadowCount.objects.filter(version=version).first(), **admin.site.each_context(request),
    })  # fmt: skip


def progress(request: HttpRequest, version_id: int) -> HttpResponse:
    """The part of the page that changes while a trial runs."""
    need(request, SEE)
    version = get_object_or_404(Version.objects.select_related("rule_set"), pk=version_id)
    context = {"version": version, "may": request.user.has_perm(CHANGE), **progress_of(version, request.user)}
    return TemplateResponse(request, "orderhub/rules/try_result.html", context)


def _seen(samples: list[Any], user: Any) -> list[tuple[int, Any]]:
    """(place, sample) of those about orders that the person sees."""
    placed = list(enumerate(samples))
    if reach_of(user).everything:
        return placed
    named = [one["order"] for one in samples if one["order"]]
    mine = set(resolve(VISIBLE)(user).filter(pk__in=named).values_list("pk", flat=True))
    return [(place, one) for place, one in placed if one["order"] in mine]


def progress_of(version: Version, user: Any) -> dict[str, Any]:
    """The newest trial as the page shows it, with the samples of orders that the person sees."""
    job = simulating.newest(version)
    if job is None:
        return {"job": None}
    result = job.result or {}
    seen, differing = result.get("seen", 0), result.get("differing", 0)
    return {
        "job": job,
        "pill": state_pill(job),
        "open": job.state in running.OPEN,
        "percent": min(99, job.done * 100 // job.total) if job.total and job.state in running.OPEN else 100,
        "older": job.params["digest"] != version.digest,
        "since": moment(dt.datetime.fromisoformat(job.params["since"])),
        "until": moment(dt.datetime.fromisoformat(job.params["until"])),
        "chosen": job.params["orders"] is not None,
        "seen": seen,
        "differing": differing,
        "share": f"{differing * 100 / seen:.1f} %" if seen else "",
        "impossible": result.get("impossible", 0),
        "changes": [
            {"from": frm, "to": to, "n": n, "width": round(n * 100 / differing) if differing else 0}
            for frm, to, n in result.get("changes", ())
        ],
        "errors": result.get("errors", ()),
        "cost": yuan(Decimal(result["cost"])) if result.get("costed") else "",
        "costed": result.get("costed", 0),
        "hours": f"{result['hours'] / result['timed']:+.1f}" if result.get("timed") else "",
        "timed": result.get("timed", 0),
        "samples": [
            {
                **sample,
                "place": place,
                "link": order_link(sample["order"] or None, sample["label"]) or sample["label"],
            }
            for place, sample in _seen(result.get("samples", []), user)
        ],
        "took": _took(job),
    }


def _took(job: Job) -> str:
    if job.finished_at is None:
        return ""
    return f"{(job.finished_at - job.created_at).total_seconds():.1f} s"


@require_POST
def begin(request: HttpRequest, version_id: int) -> HttpResponse:
    """Begin a trial."""
    need(request, SEE)
    version = get_object_or_404(Version.objects.select_related("rule_set"), pk=version_id)
    now = timezone.now()
    numbers = [n for n in re.split(r"[\s,;，；、]+", request.POST.get("numbers", "")) if n][:MOST_CHOSEN]
    ids: list[int] | None = None
    span = PERIODS.get(request.POST.get("period", ""), PERIODS["week"])[1]
    if numbers:
        known = resolve(ORDER_IDS)(numbers).values()
        ids, span = (
            list(resolve(VISIBLE)(request.user).filter(pk__in=known).values_list("pk", flat=True)),
            CHOSEN,
        )
    try:
        simulating.begin(version, now - span, now, ids, request.user.pk)
    except simulating.CannotTry as error:
        messages.error(request, str(error))
    if numbers and ids is not None and len(ids) < len(numbers):
        text = _("%(found)s of these %(asked)s orders are known; the trial uses those.")
        messages.warning(request, text % {"found": len(ids), "asked": len(numbers)})
    return _to(version)


@require_POST
def stop(request: HttpRequest, version_id: int) -> HttpResponse:
    """Stop a trial; what it counted so far stays."""
    need(request, SEE)
    version = get_object_or_404(Version, pk=version_id)
    job = simulating.newest(version)
    if job is not None and running.cancel(job.pk):
        messages.success(request, _("Stopped. What was counted so far is shown."))
    return _to(version)


def sample(request: HttpRequest, version_id: int, place: int) -> HttpResponse:
    """One differing decision with both explanations side by side."""
    need(request, SEE)
    version = get_object_or_404(Version.objects.select_related("rule_set"), pk=version_id)
    job = simulating.newest(version)
    samples: list[Any] = (job.result or {}).get("samples", []) if job is not None else []
    if job is None or place not in dict(_seen(samples, request.user)):
        return _to(version)
    kept, point = samples[place], point_of(version.rule_set.point)
    live = Version.objects.get(pk=job.params["live"])
    pairs = (
        (_("In use: %(version)s"), live, live.document),
        (_("Tried: %(version)s"), version, job.params["document"]),
    )
    sides = [
        {"title": title % {"version": which}, **explaining.explained(point, document, kept["input"])}
        for title, which, document in pairs
    ]
    return TemplateResponse(request, "orderhub/rules/try_sample.html", {
        "title": _("Order %(number)s, decided twice") % {"number": kept["label"]}, "sample": kept, "sides": sides,
        "version": version, "inputs": explaining.input_words(point, kept["input"]), **admin.site.each_context(request),
    })  # fmt: skip


def _cases(version: Version) -> dict[str, Any]:
    """The cases that must hold, each with what this version answers."""
    point = point_of(version.rule_set.point)
    held = asserting.run(version)
    return {
        "cases": [
            {
                "row": verdict.case, "holds": verdict.holds, "got": verdict.text,
                "when": explaining.input_words(point, verdict.case.input, only_given=True),
                "then": explaining.answer_list(point, verdict.case.expect),
            }
            for verdict in held
        ],
        "fields": point.inputs, "answers": point.outputs,
    }  # fmt: skip


@require_POST
def add_case(request: HttpRequest, version_id: int) -> HttpResponse:
    """A case that must hold before anything of this set is published: one field each, more by adding another."""
    need(request, CHANGE)
    version = get_object_or_404(Version.objects.select_related("rule_set"), pk=version_id)
    names = request.POST.getlist("field"), request.POST.getlist("value")
    outs = request.POST.getlist("answer"), request.POST.getlist("expected")
    try:
        asserting.add(
            version.rule_set,
            request.POST.get("label", ""),
            {n: v for n, v in zip(*names, strict=False) if n and v != ""},
            {n: v for n, v in zip(*outs, strict=False) if n and v != ""},
        )
    except asserting.BadCase as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("From now on nothing is published that breaks this case."))
    return _to(version)


@require_POST
def drop_case(request: HttpRequest, version_id: int, case_id: int) -> HttpResponse:
    """Take a case away."""
    need(request, CHANGE)
    version = get_object_or_404(Version, pk=version_id)
    Assertion.objects.filter(pk=case_id, rule_set_id=version.rule_set_id).delete()
    messages.success(request, _("The case is gone."))
    return _to(version)


def _to(version: Version) -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:rules_try", args=[version.pk]))
