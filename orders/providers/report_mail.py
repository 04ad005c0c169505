"""Mailing reports: a text with the sums, and the file or a link to it, to the colleague whose file it is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from orderhub.exports import files
from orderhub.integrations.errors import PlatformError
from orderhub.integrations.registry import client
from orderhub.jobs.models import Job
from orderhub.outbox.models import Message
from orderhub.outbox.sending import Answer
from orders.models import ReportSchedule
from orders.reports import REPORTS

#: What is larger goes as a link: mail servers refuse it.
LARGEST = 5_000_000
_MOMENT = dt.timedelta(seconds=5)
_OPEN = (Job.State.NEW, Job.State.RUNNING)


def send(messages: Sequence[Message]) -> dict[int, Answer]:
    """Mails of one account."""
    connection = messages[0].connection
    if connection is None:
        return {m.id: Answer.person(_("No account is connected."), "configuration") for m in messages}
    jobs = Job.objects.select_related("requested_by").in_bulk([message.subject_id for message in messages])
    server = client(connection)
    return {message.id: _one(server, message, jobs.get(message.subject_id)) for message in messages}


def _one(server: Any, message: Message, job: Job | None) -> Answer:
    person = job.requested_by if job else None
    if job is None or person is None:
        return Answer.withdrawn(_("The file or its person is no longer there."))
    report = REPORTS[job.params["report"]]
    if not person.is_active or not person.has_perm(report.permission):
        return Answer.withdrawn(_("Who asked for it may no longer see this report."))
    if not person.email:
        return Answer.person(_("The recipient has no e-mail address."), "configuration")
    path = files.folder() / str((job.result or {}).get("name") or "-")
    if not path.is_file():
        # the job's last step is written a moment after it asked for the mail
        return Answer.wait(_MOMENT, _("The file is not there yet.")) if job.state in _OPEN else Answer.withdrawn(
            _("The file or its person is no longer there.")
        )  # fmt: skip
    attached = path if message.data.get("deliver") == ReportSchedule.Deliver.ATTACHMENT else None
    if attached and path.stat().st_size > LARGEST:
        attached = None
    with translation.override(job.params["language"]):
        subject = f"{message.data['name']} · {job.params['from']} – {job.params['to']}"
        text = text_of(job, str(report.label), attached)
    try:
        server.send(person.email, subject, text, f"report-{message.pk}", attached)
    except PlatformError as error:
        return Answer.of(error)
    return Answer.done(attached=attached is not None)


def text_of(job: Job, label: str, attached: Path | None) -> str:
    """The mail in the language of now."""
    lines = [f"{label} {job.params['from']} – {job.params['to']}", ""]
    lines += [
        _("%(what)s: %(now)s (before %(before)s, %(change)s)")
        % {"what": what, "now": now, "before": before, "change": change}
        for what, now, before, change in job.params["totals"]
    ]
    rows = _("%(n)s rows") % {"n": job.done}
    if attached:
        lines += ["", _("The file is attached: %(name)s, %(rows)s.") % {"name": attached.name, "rows": rows}]
    else:
        link = settings.PUBLIC_URL + reverse("admin:exports_download", args=[job.pk])
        lines += [
            "",
            _("The file (%(rows)s), for %(days)s days, once you have signed in:")
            % {"rows": rows, "days": files.KEPT.days},
            link,
        ]
    page = (
        settings.PUBLIC_URL + reverse("admin:report", args=[job.params["report"]]) + f"?{job.params['query']}"
    )
    return "\n".join([*lines, "", _("On the page:"), page, ""])
