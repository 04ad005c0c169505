"""What the API forgets: counts of past windows, answers of yesterday, tokens that are over."""

from __future__ import annotations

import datetime as dt
import time

from django.utils import timezone

from orderhub.api.models import ApiToken, CallCount, KeptAnswer

#: An Idempotency-Key is good for so long.
ANSWERS = dt.timedelta(days=1)


def prune() -> int:
    """Delete what is over; how many rows."""
    now = timezone.now()
    gone = [
        CallCount.objects.filter(window__lt=int(time.time())).delete()[0],
        KeptAnswer.objects.filter(made_at__lt=now - ANSWERS).delete()[0],
        ApiToken.objects.filter(expires_at__lt=now).delete()[0],
    ]
    return sum(gone)
