"""Reports that the clock mails: whose time has come, a file for each colleague with what they may see, one mail each.

Exactly once: a due schedule is locked, its files are asked for and its next time is written in one transaction; a file's
job asks for its mail under the job's own key; a mail whose answer got lost is put before a person, never repeated.
"""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Sequence

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from orderhub.jobs.models import Job
from orderhub.nudge import nudge
from orderhub.outbox.models import Message
from orderhub.outbox.writing import ask_once
from orders.models import ReportSchedule

KIND = "report.mail"
JOB = "report"
#: So many schedules are taken at once.
MOST = 20


def next_run(schedule: ReportSchedule, after: dt.datetime) -> dt.datetime:
    """The first time of a schedule after a moment; times are of the clock here."""
    here = timezone.localtime(after)
    at = schedule.at if isinstance(schedule.at, dt.time) else dt.time.fromisoformat(schedule.at)
    for ahead in range(63):
        day = here.date() + dt.timedelta(days=ahead)
        found = timezone.make_aware(dt.datetime.combine(day, at))
        if found > after and _is_on(schedule, day):
            return found
    raise ValueError(schedule.every)


def _is_on(schedule: ReportSchedule, day: dt.date) -> bool:
    if schedule.every == ReportSchedule.Every.WEEK:
        return day.isoweekday() == schedule.weekday
    if schedule.every == ReportSchedule.Every.MONTH:
        return day.day == min(schedule.monthday, calendar.monthrange(day.year, day.month)[1])
    return True


def run_due(now: dt.datetime | None = None) -> int:
    """Ask for the files of every due schedule; returns how many. What was missed while nothing ran is made up for once."""
    from orders.operations.report_files import params_of  # it asks for our mails

    now = now or timezone.now()
    jobs: list[Job] = []
    with transaction.atomic():
        due = list(
            ReportSchedule.objects.select_for_update(skip_locked=True)
            .filter(enabled=True, next_at__lte=now)
            .order_by("next_at", "id")
            .prefetch_related("people")[:MOST]
        )
        for schedule in due:
            planned = schedule.next_at or now
            while (later := next_run(schedule, planned)) <= now:
                planned = later
            schedule.last_at, schedule.next_at = planned, next_run(schedule, now)
            query = "&".join(filter(None, [schedule.query, f"period={schedule.period}"]))
            for person in schedule.people.all():
                params = params_of(
                    schedule.report, query, schedule.form, schedule.language, timezone.localdate(planned)
                )
                params["mail"] = {
                    "schedule": schedule.pk, "name": schedule.name, "connection": schedule.connection_id,
                    "deliver": schedule.deliver,
                }  # fmt: skip
                jobs.append(Job(kind=JOB, params=params, requested_by=person))
        Job.objects.bulk_create(jobs)
        ReportSchedule.objects.bulk_update(due, ["last_at", "next_at"])
    if jobs:
        nudge("orderhub.run_jobs")
    return len(jobs)


def ask(job: Job) -> bool:
    """Ask for the mail of a job's file; False where that was asked for before."""
    mail = job.params["mail"]
    asked = ask_once(
        KIND, f"report:{job.pk}", connection_id=mail["connection"], subject_id=job.pk,
        data={"name": mail["name"], "deliver": mail["deliver"]},
    )  # fmt: skip
    if asked:
        nudge("orderhub.drain_outbox", KIND)
    return asked


def mailed(messages: Sequence[Message]) -> None:
    """Who was sent which file is written down like a download. Three statements, however many."""
    jobs = Job.objects.in_bulk([message.subject_id for message in messages])
    kind = ContentType.objects.get_for_model(Job)
    LogEntry.objects.bulk_create(
        LogEntry(
            user_id=job.requested_by_id, content_type=kind, object_id=str(job.pk), action_flag=CHANGE,
            object_repr=str((job.result or {}).get("name", ""))[:200],
            change_message=_("mailed, %(rows)s rows: %(query)s")
            % {"rows": job.done, "query": f"{job.params['report']} {job.params['query']}"},
        )
        for message in messages
        if (job := jobs.get(message.subject_id)) and job.requested_by_id and (message.answer or {}).get("attached")
    )  # fmt: skip
