"""Reading any window of a shop's past again: window by window, page by page, as a job of the lowest importance.

What is here already is stored once and changes nothing, so a window may be read as often as one likes. The
pull's own mark is not moved. `params`: shop, start, end (ISO), at (how far all is read), page (the next one, or None).
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from orderhub.inbound import keeping
from orderhub.integrations.importance import Importance, spending
from orderhub.integrations.registry import client
from orderhub.jobs import running
from orderhub.jobs.models import Job
from orderhub.nudge import nudge
from orders.models import Shop
from orders.operations.pull import details
from orders.providers import channel_of, pulled

KIND = "backfill"
LONGEST = dt.timedelta(days=90)


class NotThere(ValueError):
    """A window that can't be read; the text says why."""


def begin(shop: Shop, start: dt.datetime, end: dt.datetime, user_id: int | None) -> Job:
    """A job that reads everything which changed in the shop in this window. NotThere where that makes no sense."""
    now = timezone.now()
    end = min(end, now)
    if shop.channel not in pulled():
        raise NotThere(_("This shop sends its orders by itself; there is nothing to pull."))
    if start >= end:
        raise NotThere(_("The window must begin before it ends, and not in the future."))
    if now - start > LONGEST:
        raise NotThere(_("Platforms keep changes for three months; begin later."))
    params = {
        "shop": shop.id,
        "start": start.isoformat(),
        "end": end.isoformat(),
        "at": start.isoformat(),
        "page": None,
    }
    return running.start(KIND, params, user_id)


def step(job: Job) -> bool:
    """Read one page and note how far the job is; True where the window is read to its end."""
    shop = Shop.objects.select_related("connection").get(id=job.params["shop"])
    start, end, at = (dt.datetime.fromisoformat(job.params[name]) for name in ("start", "end", "at"))
    api, speaker = client(shop.connection), channel_of(shop.channel)
    until = min(at + speaker.window, end)
    page, pages = job.params["page"], job.params.get("pages") or 1
    with spending(Importance.REPORT):
        if page is None:
            page = pages = max(1, speaker.pages(api, at, until))
        payloads, failed = details(speaker, api, speaker.listed(api, at, until, page))
    stored = keeping.keep_many(shop.connection_id, payloads)
    if stored:
        nudge("orderhub.read_payloads", "order")
    _count(job, len(payloads), len(stored))
    if failed is not None:
        job.params |= {"page": page, "pages": pages}
        raise failed
    page -= 1
    if page < 1:
        at, page, pages = until, None, None
    job.params |= {"at": at.isoformat(), "page": page, "pages": pages}
    job.total = _minutes(end - start)
    part = (1 - page / pages) * (until - at).total_seconds() if page and pages else 0
    job.done = min(job.total, _minutes(at - start + dt.timedelta(seconds=part)))
    return at >= end


def _count(job: Job, seen: int, new: int) -> None:
    before: dict[str, Any] = job.result or {"seen": 0, "new": 0}
    job.result = {"seen": before["seen"] + seen, "new": before["new"] + new}


def _minutes(span: dt.timedelta) -> int:
    return max(1, int(span.total_seconds() // 60))
