"""A live version that fails at run time: said once, in a ticket and a notice, after the orders it touched are safe."""

from __future__ import annotations

import logging
import time
from functools import partial

from django.conf import settings
from django.db import connection, transaction
from django.utils import translation
from django.utils.translation import gettext as _

from orderhub.notifications.asking import notify
from orderhub.rules.points import Point
from orderhub.tickets.opening import open_ticket

log = logging.getLogger(__name__)

#: Within this many seconds a process does not ask the database again whether a version was alerted about.
QUIET = 60.0
_told: dict[str, float] = {}


def alert_later(point: Point, rule_set: int | None, version: int | None, reason: str) -> None:
    """Alert once the transaction that decided is committed: the alert's rows must not be locked by a batch."""
    key = f"rules:{version or point.code}"
    if time.monotonic() - _told.get(key, float("-inf")) < QUIET:
        return
    transaction.on_commit(partial(alert, point, rule_set, version, reason), robust=True)


def alert(point: Point, rule_set: int | None, version: int | None, reason: str) -> bool:
    """One ticket and one notice a failing version; True where this call was the first."""
    key = f"rules:{version or point.code}"
    if time.monotonic() - _told.get(key, float("-inf")) < QUIET:
        return False
    with transaction.atomic(), connection.cursor() as cursor:
        number = 0
        if rule_set is not None:
            cursor.execute(
                "UPDATE orderhub_ruleset SET failing_since = now() WHERE id = %s AND live_id = %s AND failing_since IS NULL",
                [rule_set, version],
            )
            cursor.execute("SELECT number FROM orderhub_version WHERE id = %s", [version])
            row = cursor.fetchone()
            number = row[0] if row else 0
        with translation.override(settings.LANGUAGE_CODE):
            said = {"point": str(point.label), "version": number}
            made = open_ticket(
                "rule_failing",
                key,
                _("A rule fails: %(point)s, version %(version)s") % said,
                body=_(
                    "The last good version decides, orders go on. Roll back, or correct it and publish. %(reason)s"
                )
                % {"reason": reason[:300]},
                role="operations",
            )
            if made:
                notify("operations", "rule_failing", key, said)
    _told[key] = time.monotonic()
    return made


def forget() -> None:
    """Drop what this process remembers of its alerts."""
    _told.clear()
