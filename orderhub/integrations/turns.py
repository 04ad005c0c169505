"""May this call leave now? Asked once before every request; budgets and breakers of all workers meet in two tables.

Each worker counts in memory and writes in one upsert at most once in `FRESH_SECONDS` (and when a task ends), reading
what the others wrote in the same breath. So a limit can be overrun by what the other workers called within that
time, and by no more. A table that can't be read or written costs a log line, never the call.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.db import Error, connections, transaction
from django.utils.translation import gettext as _

from orderhub.integrations.breaker import Line
from orderhub.integrations.budget import Book, Count, Key, limits_of, said_too_many, window
from orderhub.integrations.errors import Held, PlatformError
from orderhub.integrations.importance import importance
from orderhub.integrations.models import Breaker, Budget, Connection

log = logging.getLogger(__name__)

FRESH_SECONDS = 1.0
#: Whoever was kept back looks again after this long: the limit may have been raised meanwhile.
LONGEST_WAIT = 900.0


@dataclass(slots=True)
class Tally:
    """Calls that left and calls that were kept back, by connection, since some moment; `wait` in seconds."""

    left: dict[int, int] = field(default_factory=dict)
    held: dict[int, int] = field(default_factory=dict)
    wait: float = 0.0

    def spared(self, connection: int | None) -> bool:
        """Something was kept back and nothing left for this connection: the try has cost nothing."""
        return bool(self.held) and not self.left.get(connection or 0)


_lock = threading.Lock()
_book = Book()
_lines: dict[int, Line] = {}
_tallies: list[Tally] = []
_pid = os.getpid()
_synced_at = 0.0


def take(connection: Connection, method: str) -> None:
    """Counts the call and lets it leave, or raises Held ("retry" with the seconds to wait)."""
    if connection.pk is None:
        return
    now, level = time.time(), importance()
    with _lock:
        _after_fork()
        refusal = _book.refusal(
            connection.pk, connection.app_key, method[:120], limits_of(connection.options), level, now
        )
        if refusal is not None:
            _book.hold(connection.pk, method[:120], refusal.span, now)
            wait, code = refusal.wait, "quota_spent" if refusal.spent else "quota_kept"
        else:
            wait, code = _lines.setdefault(connection.pk, Line()).wait(now), "breaker_open"
        if wait <= 0:
            _book.spend(connection.pk, method[:120], now)
        wait = max(1.0, min(wait, LONGEST_WAIT)) if wait > 0 else 0.0
        for tally in _tallies:
            side = tally.held if wait else tally.left
            side[connection.pk] = side.get(connection.pk, 0) + 1
            tally.wait = max(tally.wait, wait)
    if wait:
        raise Held("retry", code, _said(code), wait)


def _said(code: str) -> str:
    return {
        "quota_spent": _("The platform's call quota is used up; this waits until it is fresh again."),
        "quota_kept": _("The rest of the call quota is kept for labels and ship reports; this waits."),
        "breaker_open": _("The platform gave no answer several times; it is left alone for a moment."),
    }[code]


def hear(connection: Connection, method: str, error: PlatformError | None) -> None:
    """What came of a call that `take` let leave."""
    if connection.pk is None:
        return
    now = time.time()
    with _lock:
        span = said_too_many(connection.platform, error.code) if error is not None else None
        _lines.setdefault(connection.pk, Line()).hear(error if span is None else None, now)
        if error is not None and span is not None:
            _book.learn(connection.pk, method[:120], span, error.retry_after, now)


@contextmanager
def tallying() -> Iterator[Tally]:
    """What left and what was kept back inside the block, by any thread of this process."""
    tally = Tally()
    with _lock:
        _tallies.append(tally)
    try:
        yield tally
    finally:
        with _lock:
            _tallies[:] = [other for other in _tallies if other is not tally]


def forget() -> None:
    """Drop what this process remembers (a test, another database); nothing is written."""
    global _synced_at
    with _lock:
        _book.counts.clear()
        _book.apps.clear()
        _lines.clear()
        _synced_at = 0.0


def sync(*, due: bool = True) -> None:
    """Write what was counted here and read what others wrote; with `due`, only where the last time is a while ago.

    Must not be called with a transaction open: its rows would stay locked until the end of that transaction.
    """
    global _synced_at
    with _lock:
        _after_fork()
        if due and time.monotonic() - _synced_at < FRESH_SECONDS:
            return
        _synced_at = time.monotonic()
        rows = _book.unwritten()
        written = {key: (row.started, row.mine, row.held) for key, row in rows.items()}
        values = [_values(key, row) for key, row in rows.items()]
        for row in rows.values():
            row.unwritten = False
        lines = {identity: line for identity, line in sorted(_lines.items()) if line.unwritten}
        shared = [(i, line.open_until, line.times, line.reason, line.changed_at) for i, line in lines.items()]
        for line in lines.values():
            line.unwritten = False
    try:
        with transaction.atomic():
            _write(values, shared)
            found = _read()
    except Error:
        log.exception("call budgets could not be written")
        with _lock:
            for row in rows.values():
                row.unwritten = True
            for line in lines.values():
                line.unwritten = True
        return
    with _lock:
        for key, (started, mine, held) in written.items():
            row = rows[key]
            if row.started == started:  # what was counted meanwhile stays to be written
                row.mine, row.held = row.mine - mine, row.held - held
        _adopt(*found)


def finish(**_: object) -> None:
    """The task is over: the tail of its counts is written."""
    if (
        any(row.unwritten for row in list(_book.counts.values()))
        and not connections["default"].in_atomic_block
    ):
        sync(due=False)


def _after_fork() -> None:
    """A forked worker counts for itself: what its parent had not written yet is the parent's to write."""
    global _pid, _synced_at
    if os.getpid() == _pid:
        return
    _pid, _synced_at = os.getpid(), 0.0
    _tallies.clear()
    for row in _book.counts.values():
        row.known, row.mine, row.held, row.unwritten = row.used, 0, 0, False


def _values(key: Key, row: Count) -> tuple[object, ...]:
    return (
        key[0], _book.apps.get(key[0], ""), key[1], key[2], _moment(row.started), row.mine, row.held,
        row.learned or None, _moment(row.learned_at), _moment(row.blocked_until),
    )  # fmt: skip


def _write(values: list[tuple[object, ...]], lines: list[tuple[int, float, int, str, float]]) -> None:
    with connections["default"].cursor() as cursor:
        if values:
            columns = [list(column) for column in zip(*values, strict=True)]
            cursor.execute(
                """INSERT INTO orderhub_budget AS t (connection_id, app_key, method, span, started_at, used, held,
                       learned, learned_at, blocked_until)
                   SELECT * FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::timestamptz[],
                       %s::int[], %s::int[], %s::int[], %s::timestamptz[], %s::timestamptz[])
                   ON CONFLICT (connection_id, method, span) DO UPDATE SET
                       app_key = excluded.app_key,
                       used = CASE WHEN excluded.started_at > t.started_at THEN excluded.used
                           WHEN excluded.started_at = t.started_at THEN t.used + excluded.used ELSE t.used END,
                       held = CASE WHEN excluded.started_at > t.started_at THEN excluded.held
                           WHEN excluded.started_at = t.started_at THEN t.held + excluded.held ELSE t.held END,
                       started_at = greatest(t.started_at, excluded.started_at),
                       learned = CASE WHEN excluded.learned_at > coalesce(t.learned_at, '-infinity')
                           THEN excluded.learned ELSE t.learned END,
                       learned_at = greatest(t.learned_at, excluded.learned_at),
                       blocked_until = greatest(t.blocked_until, excluded.blocked_until)""",
                columns,
            )
        for identity, open_until, times, reason, changed_at in lines:
            cursor.execute(
                """INSERT INTO orderhub_breaker AS t (connection_id, open_until, times, reason, changed_at)
                   VALUES (%s, %s, %s, %s, %s)
                   ON CONFLICT (connection_id) DO UPDATE SET open_until = excluded.open_until, times = excluded.times,
                       reason = excluded.reason, changed_at = excluded.changed_at
                   WHERE t.changed_at < excluded.changed_at""",
                [identity, _moment(open_until), times, reason[:500], _moment(changed_at)],
            )


def _read() -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    counts = Budget.objects.values_list(
        "connection_id",
        "app_key",
        "method",
        "span",
        "started_at",
        "used",
        "learned",
        "learned_at",
        "blocked_until",
    )
    lines = Breaker.objects.values_list("connection_id", "open_until", "times", "reason", "changed_at")
    return list(counts), list(lines)


def _adopt(counts: list[tuple[Any, ...]], lines: list[tuple[Any, ...]]) -> None:
    now = time.time()
    for identity, app, method, span, started, used, learned, learned_at, blocked in counts:
        _book.apps[identity] = app
        row = _book.count((identity, method, span), now)
        if started.timestamp() == window(span, now)[0]:
            row.known = used
        if not row.unwritten:
            row.learned, row.learned_at, row.blocked_until = (
                learned or 0,
                _seconds(learned_at),
                _seconds(blocked),
            )
    for identity, open_until, times, reason, changed_at in lines:
        _lines.setdefault(identity, Line()).adopt(_seconds(open_until), times, reason, _seconds(changed_at))


def _moment(seconds: float) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


def _seconds(moment: datetime | None) -> float:
    return moment.timestamp() if moment else 0.0
