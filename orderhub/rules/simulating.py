"""Trying a version on decisions of the past, in the background: what would differ, at what price, and what it can't do.

Everything is read in read-only transactions, so that a trial can't write to an order even by mistake. The version in
use is evaluated on the same inputs at the same time: a difference is a difference of the two documents, not of the days.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from orderhub.dotted import resolve
from orderhub.jobs import running
from orderhub.jobs.models import Job
from orderhub.rules import engine
from orderhub.rules.models import Version
from orderhub.rules.points import Effect, Past, Point
from orderhub.rules.registry import point as point_of
from orderhub.rules.tally import Tally
from orderhub.rules.words import answer_words

KIND = "simulate"
PAGE = 4_000
#: More than this is no answer to a question that a person waits for.
MOST = 500_000


class CannotTry(ValueError):
    """There is nothing to try this on; the text says why."""


def begin(
    version: Version,
    since: dt.datetime,
    until: dt.datetime,
    order_ids: Sequence[int] | None,
    user_id: int | None,
) -> Job:
    """Try a version on what was decided in [since, until), or on chosen orders only. Raises CannotTry."""
    point = point_of(version.rule_set.point)
    if not point.past:
        raise CannotTry(_("No past decisions are kept for this point, so it can't be tried on them."))
    if order_ids is not None and not order_ids:
        raise CannotTry(_("None of these order numbers is known."))
    if since >= until:
        raise CannotTry(_("The period ends before it begins."))
    live = version.rule_set.live_id
    if live is None:
        raise CannotTry(_("Nothing is published here yet that the draft could be compared with."))
    params = {
        "version": version.pk,
        "live": live,
        "digest": version.digest,
        "document": version.document,  # a draft goes on being edited while this runs
        "since": since.isoformat(),
        "until": until.isoformat(),
        "orders": None if order_ids is None else sorted(set(order_ids)),
        "after": 0,
    }
    return running.start(KIND, params, user_id)


def newest(version: Version) -> Job | None:
    """The last trial of a version."""
    return Job.objects.filter(kind=KIND, params__version=version.pk).order_by("-id").first()


def step(job: Job) -> bool:
    """One page of past decisions."""
    params = job.params
    live = Version.objects.select_related("rule_set").get(pk=params["live"])
    point = point_of(live.rule_set.point)
    window = dt.datetime.fromisoformat(params["since"]), dt.datetime.fromisoformat(params["until"])
    tally = Tally.from_json(job.result)
    if not job.total:
        job.total = _count(point, *window, params["orders"])
    pasts = read(point, *window, params["orders"], params["after"], PAGE)
    compare(point, pasts, live.document, params["document"], tally)
    job.result = {**tally.as_json(), "at": timezone.now().isoformat()}
    job.done = tally.seen
    finished = len(pasts) < PAGE or tally.seen >= MOST
    if finished:
        job.total = tally.seen
    else:
        params["after"] = pasts[-1].id
        job.total = max(job.total, tally.seen)
    return finished


def read(
    point: Point,
    since: dt.datetime,
    until: dt.datetime,
    order_ids: Sequence[int] | None,
    after: int,
    limit: int,
) -> list[Past]:
    """A page of past decisions, read in a transaction that can't write."""
    with transaction.atomic():
        _read_only()
        found: list[Past] = resolve(point.past)(since, until, order_ids, after, limit)
    return found


def _count(point: Point, since: dt.datetime, until: dt.datetime, order_ids: Sequence[int] | None) -> int:
    """How many decisions there are, where the point can tell (its `past` has a `count`); else 0."""
    count = getattr(resolve(point.past), "count", None)
    if count is None:
        return 0
    with transaction.atomic():
        _read_only()
        return int(count(since, until, order_ids))


def _read_only() -> None:
    with connection.cursor() as cursor:  # ends with this block, also inside an outer transaction
        cursor.execute("SET TRANSACTION READ ONLY")


def compare(point: Point, pasts: Sequence[Past], live: Any, draft: Any, tally: Tally) -> None:
    """Evaluate both documents on these decisions and count the differences into `tally`."""
    inputs = [past.input for past in pasts]
    told: dict[int, tuple[dict[str, Any], dict[str, Any]]] = {}
    errors = [""] * len(pasts)
    both = zip(
        engine.evaluate(point.code, live, inputs), engine.evaluate(point.code, draft, inputs), strict=True
    )
    for place, (before, after) in enumerate(both):
        if before.answer is None or after.answer is None:
            errors[place] = after.error or _("The version in use can't decide this: %s") % before.error
        else:
            told[place] = (before.answer, after.answer)
    pairs = list(told.values())
    found = effects(
        point, [pasts[place] for place in told], [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    )
    by_place = dict(zip(told, found, strict=True))
    tally.add(pasts, [by_place.get(place) for place in range(len(pasts))], errors)


def effects(
    point: Point, pasts: list[Past], before: list[dict[str, Any]], after: list[dict[str, Any]]
) -> list[Effect]:
    """What the second answers would have come to instead of the first; the point's own words where it has them."""
    if point.effect:
        told: list[Effect] = resolve(point.effect)(pasts, before, after)
        return told
    return [
        Effect(False, "", "") if a == b else Effect(True, *answer_words(point, a, b))
        for a, b in zip(before, after, strict=True)
    ]
