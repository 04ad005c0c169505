"""The doorbell: ask a worker to look now. Losing a ring loses nothing, the sweep looks anyway.

A process rings the same bell at most once a second, so that a burst of orders is one message and not many.
"""

from __future__ import annotations

import logging
import time

from django.conf import settings
from django.db import transaction

log = logging.getLogger(__name__)

QUIET_SECONDS = 1.0
_rung: dict[tuple[str, tuple[object, ...]], float] = {}


def nudge(task: str, *args: object, expires: int = 60) -> None:
    """Ring for a task by its name once the open transaction is committed; not heard within `expires` seconds, it is
    no longer rung.
    """
    if settings.NUDGE:
        transaction.on_commit(lambda: _ring(task, args, expires))


def _ring(task: str, args: tuple[object, ...], expires: int) -> None:
    from orderhub.celery import app

    now = time.monotonic()
    if now - _rung.get((task, args), -QUIET_SECONDS) < QUIET_SECONDS:
        return
    _rung[task, args] = now
    try:
        app.send_task(task, args=args, expires=expires, ignore_result=True)
    except Exception as error:  # noqa: BLE001  whatever the broker raises, the sweep will find the work
        log.warning("nudge for %s not delivered: %s", task, error)
