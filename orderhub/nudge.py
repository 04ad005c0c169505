"""The doorbell: ask a worker to look now. Losing a ring loses nothing, the sweep looks anyway."""

from __future__ import annotations

import logging

from django.conf import settings
from django.db import transaction

log = logging.getLogger(__name__)


def nudge(task: str, *args: object) -> None:
    """Ring for a task by its name once the open transaction is committed."""
    if settings.NUDGE:
        transaction.on_commit(lambda: _ring(task, args))


def _ring(task: str, args: tuple[object, ...]) -> None:
    from orderhub.celery import app

    try:
        app.send_task(task, args=args, expires=60, ignore_result=True)
    except Exception as error:  # the broker may be down: the sweep will find the work
        log.warning("nudge for %s not delivered: %s", task, error)
