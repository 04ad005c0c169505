"""A push that may not be believed leaves a count and a log line, never its content."""

from __future__ import annotations

import logging

from django.db import connection
from django.utils import timezone

log = logging.getLogger(__name__)


def refuse(connection_id: int, kind: str, code: str, sender: str = "") -> None:
    """Count one refused push (signature, stale, payee …) of a connection; `sender` is the address it came from."""
    now = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO orderhub_refusedpush (connection_id, kind, code, day, count, last_at)
               VALUES (%s, %s, %s, %s, 1, %s) ON CONFLICT (connection_id, kind, code, day)
               DO UPDATE SET count = orderhub_refusedpush.count + 1, last_at = excluded.last_at""",
            [connection_id, kind, code[:40], timezone.localdate(now), now],
        )
    log.warning("%s push of connection %s refused: %s (from %s)", kind, connection_id, code, sender or "?")
