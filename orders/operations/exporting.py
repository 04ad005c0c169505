"""Orders written to a file in the background: what the list shows to its person, in pieces of some ten thousand.

Each piece is committed with the job: a killed worker costs one piece, which is cut off and written again. Rows go from
the database to the file by COPY; nothing grows with their number.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.postgres.aggregates import StringAgg
from django.db.models import Count, Max, QuerySet, TextField
from django.db.models.functions import Cast
from django.test import RequestFactory
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from orderhub.exports import files
from orderhub.exports.columns import Column, select
from orderhub.jobs import running
from orderhub.jobs.models import Job
from orderhub.notifications.bells import ring
from orders.exporting import FROM, exported
from orders.models import Order
from orders.operations import plain_rows

KIND = "export"
PIECE = 50_000
CSV, XLSX = "csv", "xlsx"


def begin(query: str, form: str, user_id: int, language: str) -> Job:
    """Export what the order list shows under this query string. ValueError for a form that there is none of."""
    if form not in (CSV, XLSX):
        raise ValueError(form)
    stamp = timezone.localtime().strftime("%Y%m%d-%H%M%S")
    params = {
        "query": query, "form": form, "language": language, "after": 0, "size": 0,
        "file": f"orders-{stamp}-{secrets.token_hex(6)}", "begun": timezone.now().isoformat(),
    }  # fmt: skip
    return running.start(KIND, params, user_id)


def listed(query: str, user_id: int) -> QuerySet[Order]:
    """The orders that the list shows to this person under a query string, in no order. Users.DoesNotExist, IncorrectLookup."""
    request = RequestFactory().get(f"/admin/orders/order/?{query}")
    request.user = get_user_model().objects.get(pk=user_id, is_active=True)
    found: QuerySet[Order] = (
        admin.site._registry[Order].get_changelist_instance(request).get_queryset(request)
    )
    return found.order_by()


def taken(orders: QuerySet[Order], after: int, most: int) -> tuple[str, int, int]:
    """The next orders behind a key, as a literal of an array, how many, and the last key. No list of numbers is made here."""
    keys = orders.filter(pk__gt=after).order_by("pk").values("pk")[:most]
    found = keys.aggregate(
        ids=StringAgg(Cast("pk", TextField()), ",", order_by="pk"), count=Count("pk"), last=Max("pk")
    )
    return f"{{{found['ids'] or ''}}}", found["count"], found["last"] or after


def step(job: Job) -> bool:
    """One piece, or the workbook; True when the file is there. Its person is told at the bell."""
    params = job.params
    path = files.folder() / f"{params['file']}.csv"
    with translation.override(params["language"]):
        columns = exported()
        orders = listed(params["query"], job.requested_by_id or 0)
        allowed = plain_rows.allowed(job) if params.get("plain") else None
        if allowed is not None:
            orders = orders.filter(pk__lte=params["upto"])
        if not params["size"]:
            job.total = orders.count() if allowed is None else plain_rows.same(orders, allowed)
            params["size"] = files.begin(path, columns)
        if not params.get("written"):
            if allowed is not None:
                numbers = plain_rows.piece_at(orders, allowed, params["after"])
                if numbers:
                    params["size"], rows = plain_rows.append(path, params["size"], columns, numbers, job)
                    params["after"] = numbers[-1]
                    job.done += rows
                params["written"] = not numbers or numbers[-1] == allowed[-1][0]
            else:
                ids, count, last = taken(orders, params["after"], PIECE)
                if count:
                    statement = select(columns, FROM, long_as_text=True)
                    params["size"], rows = files.append(path, params["size"], statement, [ids])
                    params["after"] = last
                    job.done += rows
                params["written"] = count < PIECE
            job.total = max(job.total, job.done)
            if not params["written"] or params["form"] == XLSX:
                return False
        finish(job, path, columns, _("Orders"))
    return True


def finish(job: Job, path: Path, columns: Sequence[Column], title: str, *, tell: bool = True) -> None:
    """The rows are written: turn them into a workbook where one is wanted, and tell who asked for it."""
    if job.params["form"] == XLSX:
        made, target = path.with_suffix(".part"), path.with_suffix(".xlsx")
        if path.is_file():  # else a worker that died here had made it
            try:
                files.workbook(path, made, columns, title, job.done, lambda rows: _made(job, rows))
            except running.Stopped:
                made.unlink(missing_ok=True)
                raise
            made.replace(target)
            path.unlink()
        path = target
    job.total = job.done
    job.result = {"name": path.name, "bytes": path.stat().st_size, "rows": job.done}
    if job.requested_by_id and tell:
        ring(job.requested_by_id, "export_ready", f"export:{job.pk}", {"rows": job.done, "name": path.name})


def _made(job: Job, rows: int) -> None:
    """So many rows are in the workbook: said on the page, and the job is kept; a stopped one ends here."""
    job.params["made"] = rows
    running.keep(job)
