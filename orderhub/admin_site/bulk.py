"""One act on everything that a list shows, as a job: the filter is kept, records are taken by keyset, a batch an operation.

Results are rows (`JobRow`), written in the transaction that did the work, under a lock on the job. Where the job goes on,
what was done already, and the counts are all read from them: a worker that dies leaves either the whole batch or nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db import OperationalError, models, transaction
from django.db.models import Count, Max, QuerySet
from django.http import QueryDict
from django.test import RequestFactory
from django.utils import translation
from django.utils.translation import gettext as _

from orderhub.actors import person
from orderhub.admin_site.registry import ACTS, Act
from orderhub.dotted import resolve
from orderhub.jobs import running
from orderhub.jobs.models import Job, JobRow
from orderhub.notifications.bells import ring
from orderhub.nudge import nudge

log = logging.getLogger(__name__)

KIND = "bulk"
BATCH = 200
#: More records than this are not one act.
MOST = 100_000
#: What an address of a list holds that is no filter.
NO_FILTER = ("p", "pick", "e", "o", "view")
Kind = JobRow.Kind


class NotAllowed(ValueError):
    """An act that can't be begun; the text is for the person."""


def acts_of(model: type[models.Model], user: Any) -> list[Act]:
    """What this person may do to many of these."""
    return [act for act in ACTS.get(model._meta.label_lower, ()) if user.has_perm(act.permission)]


def act_of(job: Job) -> Act:
    """The act of a job. KeyError where there is none of this name any more."""
    return {act.code: act for act in ACTS[job.params["model"]]}[job.params["act"]]


def filters_of(query: str) -> str:
    """The part of a list's address that says which records."""
    asked = QueryDict(query, mutable=True)
    for name in NO_FILTER:
        asked.pop(name, None)
    return asked.urlencode()


def listed(model: type[models.Model], query: str, user: Any, picked: Sequence[int] = ()) -> QuerySet[Any]:
    """What the list shows to this person, in no order; of these only the picked ones, if any are."""
    request = RequestFactory().get("/", QueryDict(filters_of(query)))
    request.user = user
    shown = admin.site._registry[model]
    found = shown.get_queryset(request)
    if picked:
        return found.filter(pk__in=picked).order_by()
    return shown.get_changelist_instance(request).get_queryset(request).order_by()


def begin(
    model: type[models.Model], code: str, query: str, picked: Sequence[int], values: dict[str, str], user: Any
) -> Job:
    """Begin an act on what the list shows. NotAllowed, in words."""
    act = next((act for act in acts_of(model, user) if act.code == code), None)
    if act is None:
        raise NotAllowed(_("You may not do this."))
    given = {ask.code: values.get(ask.code, "").strip()[:300] for ask in act.asks}
    for ask in act.asks:
        if not given[ask.code]:
            raise NotAllowed(_("Say this first: %(what)s.") % {"what": ask.label})
        if ask.most and not (
            given[ask.code].isdecimal() and len(given[ask.code]) < 5 and int(given[ask.code]) <= ask.most
        ):
            raise NotAllowed(
                _("A whole number from 0 to %(most)d is needed: %(what)s.")
                % {"most": ask.most, "what": ask.label}
            )
        if ask.choices and given[ask.code] not in dict(resolve(ask.choices)()):
            raise NotAllowed(_("Choose one of the list: %(what)s.") % {"what": ask.label})
    found = listed(model, query, user, picked)
    total = found[: MOST + 1].count()
    if not total:
        raise NotAllowed(_("Nothing matches any more."))
    most = act.most or MOST
    if total > most:
        raise NotAllowed(_("More than %(n)d match: narrow the list down first.") % {"n": most})
    params = {
        "model": model._meta.label_lower, "act": code, "query": filters_of(query), "picked": list(picked), "values": given,
        "upto": found.aggregate(n=Max("pk"))["n"], "retry": 0, "language": translation.get_language() or "zh-hans",
    }  # fmt: skip
    job = running.start(KIND, params, user.pk)
    Job.objects.filter(pk=job.pk).update(total=total)
    return job


def retry(job: Job) -> bool:
    """Try what was refused again; False while the job runs or where nothing was."""
    with transaction.atomic():
        locked = Job.objects.select_for_update().get(pk=job.pk)
        if locked.state in running.OPEN or not locked.rows.filter(kind=Kind.REFUSED).exists():
            return False
        params = {**locked.params, "retry": locked.params["retry"] + 1}
        Job.objects.filter(pk=job.pk).update(
            params=params, state=Job.State.NEW, finished_at=None, lease_until=None, attempts=0, error=""
        )
    nudge("orderhub.run_jobs")
    return True


def step(job: Job) -> bool:
    """One batch: records not reached yet, then what was refused before the last retry. True when none is left."""
    if act_of(job).outside:
        with translation.override(job.params["language"]):
            return _step_outside(job)
    with translation.override(job.params["language"]), transaction.atomic():
        live = Job.objects.select_for_update().get(pk=job.pk)
        if live.state != Job.State.RUNNING:
            return False
        user = get_user_model().objects.get(pk=job.requested_by_id or 0, is_active=True)
        act, model = act_of(job), apps.get_model(job.params["model"])
        if not user.has_perm(act.permission):
            raise NotAllowed(_("You may not do this."))
        ids, again = _next(job, model, user)
        if ids:
            _write(job, ids, _do(act, ids, person(user), job.params["values"]), again)
        return _ended(job, act, user, ids, again)


def _step_outside(job: Job) -> bool:
    """The same for an act that asks others: it is done between two transactions, and its results are written after it."""
    with transaction.atomic():
        live = Job.objects.select_for_update().get(pk=job.pk)
        if live.state != Job.State.RUNNING:
            return False
        user = get_user_model().objects.get(pk=job.requested_by_id or 0, is_active=True)
        act, model = act_of(job), apps.get_model(job.params["model"])
        if not user.has_perm(act.permission):
            raise NotAllowed(_("You may not do this."))
        ids, again = _next(job, model, user)
    undone = resolve(act.by)(ids, person(user), job.params["values"]) if ids else {}
    with transaction.atomic():
        Job.objects.select_for_update().get(pk=job.pk)
        if ids:
            _write(job, ids, undone, True)
        return _ended(job, act, user, ids, again)


def _ended(job: Job, act: Act, user: Any, ids: list[int], again: bool) -> bool:
    """Count the results; True, and its person is told, where nothing is left."""
    counts = dict(job.rows.order_by().values_list("kind").annotate(n=Count("pk")))
    job.done, job.result = sum(counts.values()), counts
    job.total = max(job.total, job.done)
    if len(ids) == BATCH or (ids and not again):
        return False
    job.total = job.done
    said = {
        "what": str(act.label),
        "done": counts.get(Kind.DONE, 0),
        "refused": counts.get(Kind.REFUSED, 0),
    }
    ring(user.pk, "bulk_ready", f"bulk:{job.pk}:{job.params['retry']}", said)
    nudge("orders.advance")
    return True


def _next(job: Job, model: type[models.Model], user: Any) -> tuple[list[int], bool]:
    """The next records and whether they were tried before."""
    params = job.params
    after = job.rows.aggregate(n=Max("record"))["n"] or 0
    found = listed(model, params["query"], user, params["picked"])
    ids = list(
        found.filter(pk__gt=after, pk__lte=params["upto"]).order_by("pk").values_list("pk", flat=True)[:BATCH]
    )
    if ids or not params["retry"]:
        return ids, False
    # the narrowing of the person stands, the filter does not: it may not hold any more for what it once found
    mine = listed(model, "", user)
    refused = job.rows.filter(kind=Kind.REFUSED, retry__lt=params["retry"], record__in=mine.values("pk"))
    return list(refused.order_by("record").values_list("record", flat=True)[:BATCH]), True


def _do(act: Act, ids: list[int], actor: Any, values: dict[str, str]) -> dict[int, tuple[str, str]]:
    """One operation call; where it breaks, in halves, so that one record that breaks it stands alone."""
    try:
        with transaction.atomic():
            undone: dict[int, tuple[str, str]] = resolve(act.by)(ids, actor, values)
            return undone
    except OperationalError:  # the database's own trouble: the job stops with it and goes on by a button
        raise
    except Exception as error:
        log.exception("act %s on %d records", act.code, len(ids))
        if len(ids) == 1:
            why = _("It could not be worked at (%(kind)s); nothing of it was done.")
            return {ids[0]: (Kind.REFUSED, why % {"kind": type(error).__name__})}
        middle = len(ids) // 2
        return {
            **_do(act, ids[:middle], actor, values),
            **_do(act, ids[middle:], actor, values),
        }


def _write(job: Job, ids: list[int], undone: dict[int, tuple[str, str]], again: bool) -> None:
    rows = [
        JobRow(
            job_id=job.pk, record=i, kind=undone.get(i, (Kind.DONE, ""))[0],
            why=undone.get(i, ("", ""))[1][:300], retry=job.params["retry"],
        )
        for i in ids
    ]  # fmt: skip
    if again:
        JobRow.objects.bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["job", "record"],
            update_fields=["kind", "why", "retry"],
        )
    else:
        JobRow.objects.bulk_create(rows)
