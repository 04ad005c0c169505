"""Long work in small steps: each step's progress is committed, so a job goes on where its worker was killed.

A kind is a function `step(job) -> bool` (True: finished). It does one bounded piece, idempotently, and changes the
job's params, done, total and result in memory; they are written with the lease after each step. A piece that may take
longer than the lease calls `keep` on the way. A job that must
wait raises PlatformError: "retry" comes again by itself, anything else stops it with the reason in words.
"""

from __future__ import annotations

import datetime as dt
import logging
from typing import Any

from django.db.models import F, Q
from django.utils import timezone

from orderhub.dotted import resolve
from orderhub.integrations.errors import PlatformError
from orderhub.jobs.models import Job
from orderhub.nudge import nudge

log = logging.getLogger(__name__)

KINDS: dict[str, str] = {
    "backfill": "orders.operations.backfill.step",
    "simulate": "orderhub.rules.simulating.step",
    "export": "orders.operations.exporting.step",
    "report": "orders.operations.report_files.step",
    "import": "orderhub.imports.running.step",
    "bulk": "orderhub.admin_site.bulk.step",
    "reroute": "routing.operations.rerouting.step",
}
LEASE = dt.timedelta(seconds=90)
WAIT = dt.timedelta(minutes=1)
#: A job whose worker died this often in a row, without a step between, is given up.
DEATHS = 5
OPEN = (Job.State.NEW, Job.State.RUNNING)
WRITTEN = ["params", "done", "total", "result", "error", "attempts", "lease_until", "state", "finished_at"]


def start(kind: str, params: dict[str, Any], user_id: int | None) -> Job:
    """A new job, begun by the next free worker."""
    if kind not in KINDS:
        raise KeyError(kind)
    job = Job.objects.create(kind=kind, params=params, requested_by_id=user_id)
    nudge("orderhub.run_jobs")
    return job


def cancel(job_id: int) -> bool:
    """Stop a job after the step that it is in; what was done stays done."""
    return bool(
        Job.objects.filter(id=job_id, state__in=OPEN).update(
            state=Job.State.CANCELLED, finished_at=timezone.now(), lease_until=None
        )
    )


def go_on(job_id: int) -> bool:
    """A stopped or failed job goes on where it stopped."""
    changed = Job.objects.filter(id=job_id, state__in=[Job.State.CANCELLED, Job.State.FAILED]).update(
        state=Job.State.NEW, finished_at=None, lease_until=None, attempts=0, error=""
    )
    if changed:
        nudge("orderhub.run_jobs")
    return bool(changed)


class Stopped(Exception):
    """Raised inside a step: the job is not this worker's any more. A person stopped it, or another worker took it."""


def keep(job: Job) -> None:
    """Inside a long step: a fresh lease, with the progress written. Stopped when the job is not this worker's any more.

    A job that was never claimed (a step called by hand) is the caller's and has no lease to keep.
    """
    if job.lease_until is None:
        return
    until = timezone.now() + LEASE
    mine = Job.objects.filter(id=job.id, state=Job.State.RUNNING, lease_until=job.lease_until)
    if not mine.update(lease_until=until, params=job.params, done=job.done, total=job.total):
        raise Stopped
    job.lease_until = until


def run_due(*, seconds: float = 30.0) -> int:
    """Work at jobs for a while, a step of one at a time; returns how many steps were made."""
    steps, end = 0, timezone.now() + dt.timedelta(seconds=seconds)
    while timezone.now() < end:
        job = _claim()
        if job is None:
            break
        steps += 1
        _step(job)
    return steps


def _claim() -> Job | None:
    now = timezone.now()
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    for job in Job.objects.filter(free, state__in=OPEN, kind__in=KINDS).order_by(
        F("lease_until").asc(nulls_first=True), "id"
    ):
        taken = Job.objects.filter(free, id=job.id, state__in=OPEN).update(
            state=Job.State.RUNNING, lease_until=now + LEASE, attempts=F("attempts") + 1
        )
        if taken:
            job.refresh_from_db()
            return job
    return None


def _step(job: Job) -> None:
    if job.attempts > DEATHS:
        held, job.lease_until = job.lease_until, None
        job.state, job.error = Job.State.FAILED, "the worker stopped five times in the same step"
        job.finished_at = timezone.now()
        _write(job, held)
        return
    try:
        finished = resolve(KINDS[job.kind])(job)
        held = job.lease_until  # as the step left it: a long one keeps it fresh
        job.attempts, job.error, job.lease_until = 0, "", None
        if finished:
            job.state, job.finished_at = Job.State.DONE, timezone.now()
    except Stopped:
        return
    except PlatformError as error:
        held = job.lease_until
        job.attempts, job.error = 0, f"{error.message} ({error.code})"
        job.lease_until = timezone.now() + (
            dt.timedelta(seconds=error.retry_after) if error.retry_after else WAIT
        )
        if error.kind not in ("retry", "unknown"):
            job.state, job.finished_at, job.lease_until = Job.State.FAILED, timezone.now(), None
    except Exception as error:
        held = job.lease_until
        log.exception("job %s", job.pk)
        job.state, job.error = Job.State.FAILED, f"{type(error).__name__}: {error}"[:500]
        job.finished_at, job.lease_until = timezone.now(), None
    _write(job, held)


def _write(job: Job, held: Any) -> None:
    """What the step came to; a job that was cancelled meanwhile, or taken by another worker, stays as it is."""
    values = {name: getattr(job, name) for name in WRITTEN}
    Job.objects.filter(id=job.id, state=Job.State.RUNNING, lease_until=held).update(**values)
