"""How often somebody may call: counted in the database, so that every worker counts the same; one statement a call."""

from __future__ import annotations

import time
from dataclasses import dataclass

from django.db import connection

#: Calls a minute of a person or of a shop; tries to sign in a quarter of an hour, by address and by name.
PERSON, SHOP, ANYBODY, WINDOW = 600, 6000, 120, 60
SIGN_IN_FROM, SIGN_IN_AS, SIGN_IN_WINDOW = 30, 8, 900


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a caller stands: the limit, what is left, seconds until it begins anew."""

    limit: int
    left: int
    reset: int
    over: bool

    def headers(self) -> dict[str, str]:
        """The RateLimit headers, and Retry-After where nothing is left."""
        told = {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.left),
            "RateLimit-Reset": str(self.reset),
        }
        return {**told, "Retry-After": str(self.reset)} if self.over else told


def count(caller: str, limit: int, window: int = WINDOW) -> Standing:
    """Count one call. Committed with the caller's transaction, so ask outside of one."""
    now = int(time.time())
    end = now - now % window + window
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO orderhub_callcount AS c (caller, "window", calls) VALUES (%s, %s, 1)
               ON CONFLICT (caller, "window") DO UPDATE SET calls = c.calls + 1 RETURNING calls""",
            [caller[:100], end],
        )
        (calls,) = cursor.fetchone()
    return Standing(limit, max(0, limit - calls), end - now, calls > limit)


def spent(caller: str, window: int = WINDOW) -> int:
    """How many calls were counted in the window of now; nothing is counted by asking."""
    now = int(time.time())
    with connection.cursor() as cursor:
        cursor.execute(
            'SELECT calls FROM orderhub_callcount WHERE caller = %s AND "window" = %s',
            [caller[:100], now - now % window + window],
        )
        found = cursor.fetchone()
    return int(found[0]) if found else 0
