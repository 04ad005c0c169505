"""How fast a robot may be used: all workers together, counted in the database; a platform's "too fast" shuts it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone

from orderhub.notifications.models import Pace

Limits = Sequence[tuple[int, float]]


def room(connection_id: int, limits: Limits) -> tuple[int, dt.timedelta]:
    """(how many messages may go now, how long until the next one may where none)."""
    pace = Pace.objects.filter(pk=connection_id).first() or Pace(connection_id=connection_id)
    return _room(pace, limits, timezone.now())


def take(connection_id: int, limits: Limits) -> dt.timedelta | None:
    """Take the place of one message; None when it may go, else how long to wait. One short transaction."""
    now = timezone.now()
    with transaction.atomic():
        Pace.objects.bulk_create([Pace(connection_id=connection_id)], ignore_conflicts=True)
        pace = Pace.objects.select_for_update().get(pk=connection_id)
        free, wait = _room(pace, limits, now)
        if not free:
            return wait
        longest = dt.timedelta(seconds=max(seconds for _n, seconds in limits))
        pace.sent_at = [at for at in pace.sent_at if at > now - longest] + [now]
        pace.save(update_fields=["sent_at"])
    return None


def shut(connection_id: int, wait: dt.timedelta) -> None:
    """The platform said "too fast": nobody uses this robot before `wait` is over."""
    until = timezone.now() + wait
    Pace.objects.update_or_create(connection_id=connection_id, defaults={"shut_until": until})


def _room(pace: Pace, limits: Limits, now: dt.datetime) -> tuple[int, dt.timedelta]:
    if pace.shut_until and pace.shut_until > now:
        return 0, pace.shut_until - now
    free, wait = min(n for n, _seconds in limits), dt.timedelta(0)
    for n, seconds in limits:
        span = dt.timedelta(seconds=seconds)
        inside = sorted(at for at in pace.sent_at if at > now - span)
        free = min(free, n - len(inside))
        if len(inside) >= n:
            wait = max(wait, inside[len(inside) - n] + span - now)
    return max(free, 0), wait
