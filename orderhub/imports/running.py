"""A file is checked in the background, previewed, and on a person's word applied: all of it in one transaction, once.

A worker that dies leaves nothing behind; the next one begins again. Applied is what was previewed: where what is here
has changed meanwhile so that a row would do something else, nothing is written and the new preview is shown.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import Any

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from orderhub.actors import person
from orderhub.imports.models import Import
from orderhub.imports.reading import NotASheet
from orderhub.imports.resources import (
    OUTCOMES,
    REFUSED,
    Bringing,
    Line,
    fingerprint,
    judge,
    resources,
)
from orderhub.jobs import running
from orderhub.jobs.models import Job
from orderhub.notifications.bells import ring

KIND = "import"
MOST_BYTES = 40_000_000
BATCH = 5_000
#: So many rows of each outcome are shown; of refused ones so many, with their cells.
SHOWN, SHOWN_REFUSED = 50, 5_000
KEPT = dt.timedelta(days=30)


def begin(what: str, name: str, data: bytes, user: Any, language: str) -> Import:
    """Keep a file and begin to check it. KeyError for no such kind, NotASheet for none or too large a file."""
    resources()[what]
    if not 0 < len(data) <= MOST_BYTES:
        raise NotASheet(_("Choose a file of at most %(n)d MB.") % {"n": MOST_BYTES // 1_000_000})
    with transaction.atomic():
        made = Import.objects.create(
            what=what, name=name[-120:], data=data, digest=hashlib.sha256(data).hexdigest(), made_by=user, language=language
        )  # fmt: skip
        _start(made, "check", user)
    return made


def apply(made: Import, user: Any) -> bool:
    """Let what was previewed be written; False where it is not (any more) waiting for that."""
    with transaction.atomic():
        waiting = Import.objects.filter(pk=made.pk, state=Import.State.CHECKED)
        if not waiting.update(state=Import.State.APPLYING, problem="", applied_by=person(user).name[:80]):
            return False
        _start(made, "apply", user)
    return True


def drop(made: Import) -> bool:
    """Throw a preview away; False where it was decided before."""
    undecided = (Import.State.CHECKED, Import.State.UNREADABLE)
    return bool(
        Import.objects.filter(pk=made.pk, state__in=undecided).update(
            state=Import.State.DROPPED, data=b"", seen=None
        )
    )


def _start(made: Import, phase: str, user: Any) -> None:
    job = running.start(KIND, {"import": made.pk, "phase": phase}, user.pk)
    Import.objects.filter(pk=made.pk).update(job=job)


def step(job: Job) -> bool:
    """Check a file, or apply it, in one transaction. Its person is told at the bell when it was applied."""
    with transaction.atomic():
        made = Import.objects.select_for_update().get(pk=job.params["import"])
        with translation.override(made.language):
            if job.params["phase"] == "check" and made.state == Import.State.CHECKING:
                _check(made)
            elif job.params["phase"] == "apply" and made.state == Import.State.APPLYING:
                _apply(made, job.requested_by)
        job.done = job.total = made.rows
    return True


def _check(made: Import) -> None:
    resource = resources()[made.what](user=made.made_by)
    try:
        if resource.once and (before := _same(made)):
            text = _("This very file was applied on %(day)s by %(who)s: what it says would count twice.")
            day = timezone.localtime(before.applied_at).strftime("%Y-%m-%d %H:%M")
            raise NotASheet(text % {"day": day, "who": before.applied_by})
        _keep(made, resource, judge(resource, bytes(made.data)))
    except NotASheet as error:
        made.state, made.problem = Import.State.UNREADABLE, str(error)
    made.save()


def _same(made: Import) -> Import | None:
    same = Import.objects.filter(what=made.what, digest=made.digest, state=Import.State.APPLIED)
    return same.exclude(pk=made.pk).defer("data").first()


def _keep(made: Import, resource: Bringing, lines: list[Line]) -> None:
    by: dict[str, list[Line]] = {outcome: [] for outcome in OUTCOMES}
    for line in lines:
        by[line.outcome].append(line)
    made.rows = len(lines)
    made.fresh, made.changed, made.unchanged, made.refused = (len(by[outcome]) for outcome in OUTCOMES)
    made.preview = {"unread": resource.unread[:20]} | {
        outcome: [
            {"row": line.row, "head": line.head, "reason": line.reason, "changes": line.changes}
            | ({"cells": line.cells} if outcome == REFUSED else {})
            for line in found[: SHOWN_REFUSED if outcome == REFUSED else SHOWN]
        ]
        for outcome, found in by.items()
    }
    made.fingerprint, made.state, made.seen = fingerprint(lines), Import.State.CHECKED, resource.seen or None


def _apply(made: Import, user: Any) -> None:
    resource = resources()[made.what](user=user, seen=made.seen or {})
    if resource.once and _same(made):
        made.state, made.problem = Import.State.UNREADABLE, _("This very file was applied meanwhile.")
        made.save()
        return
    lines = judge(resource, bytes(made.data))
    if fingerprint(lines) != made.fingerprint:
        again = resources()[made.what](user=user)
        _keep(made, again, judge(again, bytes(made.data)))
        made.problem = _(
            "What is here has changed since the preview, and nothing was written: this is the preview of now."
        )
        made.save()
        return
    wanted = [line for line in lines if line.outcome in resource.writes]
    for start in range(0, len(wanted), BATCH):
        resource.write(wanted[start : start + BATCH], f"import:{made.pk}", made.applied_by)
    resource.written()
    made.state, made.applied_at = Import.State.APPLIED, timezone.now()
    made.save()
    said = _("%(file)s: %(fresh)d new, %(changed)d changed, %(unchanged)d as they were, %(refused)d left out") % {
        "file": made.name, "fresh": made.fresh, "changed": made.changed, "unchanged": made.unchanged, "refused": made.refused,
    }  # fmt: skip
    if user is not None:
        LogEntry.objects.create(
            user_id=user.pk, content_type=ContentType.objects.get_for_model(Import), object_id=str(made.pk),
            object_repr=str(made)[:200], action_flag=CHANGE, change_message=said,
        )  # fmt: skip
        ring(
            user.pk,
            "import_applied",
            f"import:{made.pk}",
            {"name": made.name, "rows": made.fresh + made.changed},
        )


def sweep() -> int:
    """Files older than thirty days are forgotten; who brought what, and what came of it, stays. How many went."""
    old = Import.objects.filter(made_at__lt=timezone.now() - KEPT).exclude(data=b"")
    return old.exclude(state=Import.State.APPLYING).update(data=b"", seen=None)
