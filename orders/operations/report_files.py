"""Reports written to a file in the background: every group with its numbers and those of the period before.

The days are fixed when the file is asked for, so that a job that goes on tomorrow writes the same file.
"""

from __future__ import annotations

import datetime as dt
import secrets
from typing import Any

from django.contrib.auth import get_user_model
from django.http import QueryDict
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from orderhub.exports import files
from orderhub.exports.columns import columns_of, select
from orderhub.integrations.errors import PlatformError
from orderhub.jobs import running
from orderhub.jobs.models import Job
from orders.operations import report_mail
from orders.operations.exporting import CSV, XLSX, finish
from orders.reports import REPORTS, asked, frame
from orders.reports.asked import Asked
from orders.reports.frame import Dim, Report
from orders.reports.saying import change, words

KIND = "report"


def begin(code: str, query: str, form: str, user_id: int, language: str, today: dt.date | None = None) -> Job:
    """Write a report as its address asks for it. ValueError for a form or report that there is none of."""
    if form not in (CSV, XLSX) or code not in REPORTS:
        raise ValueError(form)
    return running.start(KIND, params_of(code, query, form, language, today), user_id)


def params_of(
    code: str, query: str, form: str, language: str, today: dt.date | None = None
) -> dict[str, Any]:
    """What the job knows."""
    stamp = timezone.localtime().strftime("%Y%m%d-%H%M%S")
    return {
        "report": code, "query": query, "form": form, "language": language, "begun": timezone.now().isoformat(),
        "today": (today or timezone.localdate()).isoformat(), "file": f"report-{code}-{stamp}-{secrets.token_hex(6)}",
    }  # fmt: skip


def step(job: Job) -> bool:
    """The rows, then the workbook; True when the file is there."""
    params = job.params
    with translation.override(params["language"]):
        user = get_user_model().objects.filter(pk=job.requested_by_id or 0, is_active=True).first()
        if user is None or not user.has_perm(REPORTS[params["report"]].permission):
            raise PlatformError(
                "configuration", "right", _("Who asked for it may no longer see this report.")
            )
        report = REPORTS[params["report"]]
        given = QueryDict(params["query"])
        dim, measure = report.dim(given.get("by", "")), report.measure(given.get("show", ""))
        columns = columns_of(frame.ReportResource(report, dim))
        path = files.folder() / f"{params['file']}.csv"
        if not params.get("written"):
            wanted = asked.asked(given, user, dt.date.fromisoformat(params["today"]))
            sql, values = frame.query(report, dim, wanted)
            order = frame.order(report, dim, measure)
            source = f"FROM ({sql}) r WHERE r.total = 0 ORDER BY {order}"
            rows = select(columns, source, long_as_text=True)
            _size, job.done = files.append(path, files.begin(path, columns), rows, values)
            job.total, params["written"] = job.done, True
            params["from"], params["to"] = wanted.begin.isoformat(), wanted.end.isoformat()
            params["totals"] = totals(report, dim, wanted)
            if params["form"] == XLSX:
                return False
        finish(job, path, columns, str(report.label), tell=not params.get("mail"))
    if params.get("mail"):
        report_mail.ask(job)
    return True


def totals(report: Report, dim: Dim, wanted: Asked) -> list[list[str]]:
    """[label, this period, the one before, the change] of every measure, as a mail says them. One statement."""
    sums = frame.tell(report, dim, report.measures[0], wanted, limit=0).total
    return [
        [
            frame.label(one),
            words(one)(sums.get(one.name)),
            words(one)(sums.get(f"b_{one.name}")),
            change(one, sums)[0],
        ]
        for one in report.measures
    ]
