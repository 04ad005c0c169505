"""Opening a receiver for a person, from the admin or the API: how often a day, and the log of each."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.models import CHANGE, LogEntry
from django.db import transaction
from django.utils import timezone

from orderhub.actors import one_at_a_time, person
from orders import timeline
from orders.models import Order

#: One person may open this many receivers a day; further ones need the service lead's own look.
REVEALS_A_DAY = 50
REVEALED = "receiver revealed"


def revealed_today(user: Any) -> int:
    """How many receivers this person opened since midnight, by the log that is indexed by person."""
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    return LogEntry.objects.filter(
        user_id=user.pk, action_time__gte=midnight, change_message=REVEALED
    ).count()


def log_reveal(user: Any, order: Order, reason: str, most: int) -> bool:
    """Who looks, at what, and why: on the order's timeline and in the person's log. False where `most` are spent today.

    Two looks of one person at once are counted one after the other.
    """
    with transaction.atomic():
        one_at_a_time(user.pk)
        if revealed_today(user) >= most:
            return False
        LogEntry.objects.log_actions(
            user.pk, [order], action_flag=CHANGE, change_message=REVEALED, single_object=True
        )
        now = timezone.now()
        timeline.append(
            [timeline.line(order.pk, "revealed", actor=person(user), now=now, data={"reason": reason})]
        )
    return True
