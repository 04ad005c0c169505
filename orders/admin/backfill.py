"""Reading a window of a shop's past again, from the sync page: begun, watched, stopped, carried on."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from orderhub.admin_site.base import need
from orderhub.admin_site.going import back
from orderhub.admin_site.marks import moment, state_pill
from orderhub.integrations.clients.base import BEIJING
from orderhub.jobs import running
from orderhub.jobs.models import Job
from orders.models import Shop
from orders.operations import backfill
from orders.scope import shops_of

PERMISSION = "orders.change_shop"
SHOWN = 3


def jobs() -> dict[int, list[dict[str, Any]]]:
    """The newest backfills by shop, as the page shows them."""
    found: dict[int, list[dict[str, Any]]] = {}
    for job in Job.objects.filter(kind=backfill.KIND).order_by("-id")[:200]:
        rows = found.setdefault(int(job.params["shop"]), [])
        if len(rows) < SHOWN:
            rows.append(_shown(job))
    return found


def _shown(job: Job) -> dict[str, Any]:
    ends = {name: moment(dt.datetime.fromisoformat(job.params[name])) for name in ("start", "end", "at")}
    return {
        "row": job, "pill": state_pill(job), **ends, "percent": job.done * 100 // job.total if job.total else 0,
        "seen": (job.result or {}).get("seen", 0), "new": (job.result or {}).get("new", 0),
        "open": job.state in running.OPEN, "stopped": job.state in (Job.State.CANCELLED, Job.State.FAILED),
        "waits_until": moment(job.lease_until) if job.error and job.state in running.OPEN else "",
    }  # fmt: skip


def defaults() -> dict[str, str]:
    """The window that the form offers: the last day, in Shanghai's time."""
    now = timezone.now().astimezone(BEIJING).replace(second=0, microsecond=0)
    return {"start": f"{now - dt.timedelta(days=1):%Y-%m-%dT%H:%M}", "end": f"{now:%Y-%m-%dT%H:%M}"}


@require_POST
def begin(request: HttpRequest, shop_id: int) -> HttpResponse:
    """Read a window again, as a job."""
    need(request, PERMISSION)
    shop = get_object_or_404(Shop, pk=shop_id)
    start, end = _moment(request, "start"), _moment(request, "end")
    if start is None or end is None:
        messages.error(request, _("Give the window's begin and end."))
        return back(request, "admin:sync_health")
    try:
        backfill.begin(shop, start, end, request.user.pk)
    except backfill.NotThere as error:
        messages.error(request, str(error))
    else:
        messages.success(
            request, _("“%(shop)s” reads this window again; its progress stands here.") % {"shop": shop.name}
        )
    return back(request, "admin:sync_health")


@require_POST
def stop(request: HttpRequest, job_id: int) -> HttpResponse:
    """Stop a backfill; what it has read stays."""
    need(request, PERMISSION)
    job = _job(request, job_id)
    if running.cancel(job.id):
        messages.success(request, _("Stopped. What was read so far is kept."))
    else:
        messages.info(request, _("It has already ended."))
    return back(request, "admin:sync_health")


@require_POST
def go_on(request: HttpRequest, job_id: int) -> HttpResponse:
    """A stopped or failed backfill goes on from where it stopped."""
    need(request, PERMISSION)
    job = _job(request, job_id)
    if running.go_on(job.id):
        messages.success(request, _("It goes on where it stopped."))
    else:
        messages.info(request, _("It is not stopped."))
    return back(request, "admin:sync_health")


def _job(request: HttpRequest, job_id: int) -> Job:
    """A backfill of one of the person's shops; Http404 for another."""
    mine = list(shops_of(request.user).values_list("pk", flat=True))
    return get_object_or_404(Job, pk=job_id, kind=backfill.KIND, params__shop__in=mine)


def _moment(request: HttpRequest, name: str) -> dt.datetime | None:
    """A moment of the form, which means Shanghai's time."""
    try:
        found = parse_datetime(request.POST.get(name, ""))
    except ValueError:
        return None
    return None if found is None else found.replace(tzinfo=BEIJING) if found.tzinfo is None else found
