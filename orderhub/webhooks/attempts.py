"""The log of deliveries: every try is a row, kept for a month. Statements are per batch, never per try."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

from django.db.models import Max
from django.utils import timezone

from orderhub.webhooks.models import Attempt

KEPT = dt.timedelta(days=30)
BATCH = 5000
#: The latest tries of a delivery that are shown; all of its first day are fewer.
SHOWN = 60


def keep(tries: Sequence[Attempt]) -> None:
    """Write down the tries of a batch, each with the next number of its message. Two statements."""
    if not tries:
        return
    ids = {one.message_id for one in tries}
    last = dict(
        Attempt.objects.filter(message_id__in=ids).values_list("message_id").annotate(last=Max("number"))
    )
    for one in tries:
        one.number = last[one.message_id] = last.get(one.message_id, 0) + 1
    Attempt.objects.bulk_create(tries)


def of(message_ids: Iterable[int]) -> dict[int, list[Attempt]]:
    """{message: its latest tries, the newest first}. One statement."""
    found: dict[int, list[Attempt]] = {}
    for one in Attempt.objects.filter(message_id__in=list(message_ids)).order_by("message_id", "-number"):
        mine = found.setdefault(one.message_id, [])
        if len(mine) < SHOWN:
            mine.append(one)
    return found


def prune() -> int:
    """Delete tries that are older than a month, in batches; how many."""
    before, gone = timezone.now() - KEPT, 0
    while True:
        ids = Attempt.objects.filter(at__lt=before).order_by("at").values_list("id", flat=True)[:BATCH]
        count, _kinds = Attempt.objects.filter(id__in=list(ids)).delete()
        gone += count
        if count < BATCH:
            return gone
