"""Automatic touches over everything that is due: claim, work, halve what breaks, set aside what kills.

The state is the queue. A claim is its own committed transaction: attempts + 1 and a lease, so a batch that
kills its worker is seen when the lease ends. After the second death its records are tried one by one, after
the third the record is set aside with its reason, and everything else goes on.
"""

from __future__ import annotations

import datetime as dt
import logging
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import DatabaseError, OperationalError, connection, transaction

from orderhub.actors import CLOCK, Actor
from orderhub.dotted import resolve
from orderhub.lifecycle import LEASE, Batch, Lifecycle, Outcome, Overtaken, Refusal, Touch, run_touches

log = logging.getLogger(__name__)

_TRANSIENT = {"40P01", "40001", "55P03"}  # deadlock, serialization failure, lock timeout
_CHECK = "23514"  # a counter was changed between a late batch's reading and its writing
DEATHS_BEFORE_ALONE = 2
DEATHS_BEFORE_SET_ASIDE = 3


@dataclass(frozen=True, slots=True)
class Claim:
    """Records that are ours until the lease ends."""

    token: int
    ids: list[int]


def claim(
    lifecycle: Lifecycle, start: Sequence[str], n: int, *, when: str = "", lease: dt.timedelta = LEASE
) -> Claim:
    """Claim up to `n` due records in the `start` states; committed before it returns.

    Records whose batch died twice come alone; see `exhausted` for those that died three times.
    """
    token = secrets.randbits(62)
    for condition, limit in (
        (f"attempts < {DEATHS_BEFORE_ALONE}", n),
        (f"attempts < {DEATHS_BEFORE_SET_ASIDE}", 1),
    ):
        sql = f"""
            WITH due AS (
                SELECT id FROM "{lifecycle.table}"
                WHERE state = ANY(%s) AND open_holds = 0 AND next_try_at <= statement_timestamp()
                  AND (lease_until IS NULL OR lease_until < statement_timestamp()) AND {condition} {f"AND {when}" if when else ""}
                ORDER BY next_try_at, id LIMIT %s FOR UPDATE SKIP LOCKED)
            UPDATE "{lifecycle.table}" t SET attempts = t.attempts + 1, lease_token = %s,
                lease_until = statement_timestamp() + %s::interval
            FROM due WHERE t.id = due.id RETURNING t.id"""
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql, [list(start), limit, token, f"{lease.total_seconds()} seconds"])
            ids = sorted(row[0] for row in cursor.fetchall())
        if ids:
            return Claim(token, ids)
    return Claim(token, [])


def exhausted(lifecycle: Lifecycle, start: Sequence[str]) -> list[int]:
    """Records whose worker died on every try and whose lease has ended: they wait for a person."""
    sql = f"""SELECT id FROM "{lifecycle.table}" WHERE state = ANY(%s) AND open_holds = 0
              AND attempts >= {DEATHS_BEFORE_SET_ASIDE} AND lease_until < statement_timestamp() LIMIT 100"""
    with connection.cursor() as cursor:
        cursor.execute(sql, [list(start)])
        return [row[0] for row in cursor.fetchall()]


def work(lifecycle: Lifecycle, claimed: Claim, touches: Sequence[Touch], actor: Actor = CLOCK) -> Outcome:
    """Run the touches on the claimed records; whatever breaks is found by halving and set aside alone."""
    outcome = Outcome()
    stack = [claimed.ids]
    while stack:
        ids = stack.pop()
        try:
            outcome.add(_attempt(lifecycle, ids, claimed.token, touches, actor))
        except Exception as error:
            if isinstance(error, OperationalError) and not connection.is_usable():
                raise
            if len(ids) > 1:
                middle = len(ids) // 2
                stack += [ids[middle:], ids[:middle]]
                continue
            reason = f"{type(error).__name__}: {error}"[:500]
            log.exception("%s %s set aside", lifecycle.name, ids[0])
            set_aside(lifecycle, ids, "broken", reason)
            outcome.set_aside[ids[0]] = reason
    return outcome


def _attempt(
    lifecycle: Lifecycle, ids: list[int], token: int, touches: Sequence[Touch], actor: Actor
) -> Outcome:
    """First with the counters locked late, so that workers do not wait for one another; then with all locks first."""
    late = True
    for wait in (0.0, 0.05, 0.1, 0.2, 0.4, 0.8, None):
        try:
            with transaction.atomic():
                batch = Batch(lifecycle, actor)
                batch.late = late
                batch.context["lease"] = token
                batch.lock(ids, token)
                return run_touches(batch, touches)
        except Overtaken:
            if not late:
                raise
        except DatabaseError as error:
            code = getattr(error.__cause__, "sqlstate", None)
            if not (late and code == _CHECK):
                if wait is None or code not in _TRANSIENT:
                    raise
                time.sleep(wait)
        late = False
    raise AssertionError("unreachable")


def set_aside(lifecycle: Lifecycle, ids: Sequence[int], code: str, reason: str) -> None:
    """Take records out of the automatic path with a reason that a person can read (the lifecycle says how)."""
    resolve(lifecycle.set_aside)(list(ids), code, reason)


def sweep(
    lifecycle: Lifecycle, start: str, codes: Sequence[str], *, n: int = 500, limit: int = 20_000
) -> Outcome:
    """Run the automatic touches `codes` over all that is due in state `start`, `n` at a time."""
    touches = [lifecycle.by_code[code] for code in codes]
    total = Outcome()
    dead = exhausted(lifecycle, [start])
    if dead:
        reason = "the worker stopped three times while working on this record"
        set_aside(lifecycle, dead, "killed_worker", reason)
        total.set_aside.update(dict.fromkeys(dead, reason))
    when = touches[0].when
    done = 0
    while done < limit:
        claimed = claim(lifecycle, [start], n, when=when)
        if not claimed.ids:
            break
        total.add(work(lifecycle, claimed, touches))
        done += len(claimed.ids)
    return total


__all__ = ["Claim", "Refusal", "claim", "exhausted", "set_aside", "sweep", "work"]
