"""Accepting many at once: everything that waits above a confidence, after a sample was looked at, undone within ten minutes."""

from __future__ import annotations

import datetime as dt
import random
import secrets
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from orderhub.actors import Actor
from routing.models import AddressPick, AddressReview
from routing.operations import deciding, review
from routing.operations.deciding import Case, State, Way

UNDO_FOR = dt.timedelta(minutes=10)
SAMPLE = 8
MOST = 500
#: Verdicts with a place to take; a missing number or an unreadable text is never taken in bulk.
TAKEABLE = (AddressReview.Verdict.ACCEPT, AddressReview.Verdict.CONFIRM)
_CHUNK = 50


@dataclass(frozen=True, slots=True)
class Preview:
    """How many would be taken, and a random few of them: what was written, what would be taken, the match in percent."""

    count: int
    sample: list[dict[str, Any]]


def _fitting(least: float, token: str) -> QuerySet[AddressReview]:
    """What waits for an order above this confidence and is open on nobody else's page."""
    free = Q(lease_until=None) | Q(lease_until__lt=timezone.now()) | Q(lease_token=token)
    return AddressReview.objects.filter(
        free, state=State.WAITING, kind=AddressReview.Kind.HOLD, verdict__in=TAKEABLE, sure__gte=least
    ).order_by("promised_at", "id")


def preview(least: float, token: str) -> Preview:
    """Count and sample, nothing changed."""
    ids = list(_fitting(least, token).values_list("id", flat=True)[:MOST])
    chosen = random.sample(ids, min(SAMPLE, len(ids)))
    sample = []
    for item in AddressReview.objects.filter(id__in=chosen).order_by("sure"):
        parsed, candidates = deciding.opened(item)
        if candidates:
            first = candidates[0]
            sample.append({"wrote": parsed.raw, "takes": first.poi.label, "score": round(item.sure * 100)})
    return Preview(len(ids), sample)


def accept(least: float, token: str, actor: Actor) -> tuple[str, list[int]]:
    """Take the first candidate of each; (batch, ids taken). In chunks, each its own transaction."""
    batch = f"bulk:{secrets.token_hex(12)}"
    ids = list(_fitting(least, token).values_list("id", flat=True)[:MOST])
    taken: list[int] = []
    for start in range(0, len(ids), _CHUNK):
        with transaction.atomic():
            cases = []
            for item in deciding.lock(ids[start : start + _CHUNK]):
                parsed, candidates = deciding.opened(item)
                if item.state == State.WAITING and candidates:
                    cases.append(Case(item, parsed, candidates, deciding.of_candidate(candidates[0], 1)))
            done = deciding.decide(cases, actor, Way.BULK, batch=batch) if cases else {}
        orders_of = {case.item.id: case.item.order_id for case in cases}
        deciding.reroute_after(done, orders_of, actor)
        taken += [identity for identity, result in done.items() if result.outcome == "done"]
    return batch, taken


def undo(batch: str, actor: Actor) -> tuple[int, int]:
    """Take a bulk accept back; (how many wait again, how many could not: printed by now). Refused after ten minutes."""
    picks = AddressPick.objects.filter(batch=batch, way=Way.BULK, undone_at=None, user_id=actor.user_id)
    if not batch.startswith("bulk:") or not picks.exists():
        raise review.Refused("nothing", review.nothing())
    if picks.earliest("id").at < timezone.now() - UNDO_FOR:
        raise review.Refused("late", review.too_late())
    back = left = 0
    while True:
        with transaction.atomic():
            rows = list(picks.select_for_update().order_by("id")[left : left + _CHUNK])
            if not rows:
                return back, left
            stay = review.take_back(rows, actor)
            left += len(stay)
            back += len(rows) - len(stay)
