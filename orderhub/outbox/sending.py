"""Making the effects: claim, call, answer. An unknown outcome is asked about before it is repeated.

1. Claim due messages of one kind and connection (skip locked), attempts + 1, lease; committed before the call.
2. A message found `sending` with its lease over was cut off in mid-call: its outcome is unknown.
3. Ask the platform about unknown ones; send the rest; both with no transaction open.
4. Mark the answers and run the touch that the answer makes, in one transaction. A try whose calls were all kept
   back (`integrations/turns.py`) is none: it raises no count, and comes again when they may leave.
"""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from orderhub import modules
from orderhub.copying import update_rows
from orderhub.dotted import resolve
from orderhub.integrations import http, turns
from orderhub.integrations.errors import PlatformError
from orderhub.models import Message
from orderhub.outbox.registry import KINDS, Kind

log = logging.getLogger(__name__)

LEASE = dt.timedelta(seconds=90)
FIRST_WAIT = dt.timedelta(seconds=5)
LONGEST_WAIT = dt.timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one message. Make it with the constructors below."""

    outcome: str  # done retry wait unknown person missing cancelled
    data: dict[str, Any] = field(default_factory=dict)
    kind: str = ""
    text: str = ""
    after: dt.timedelta | None = None

    @classmethod
    def done(cls, **data: Any) -> Answer:
        """The effect is there."""
        return cls("done", data)

    @classmethod
    def missing(cls) -> Answer:
        """Asked: the effect is not there, so it may be made again."""
        return cls("missing")

    @classmethod
    def withdrawn(cls, text: str) -> Answer:
        """No longer wanted (the order was cancelled meanwhile); nothing was done."""
        return cls("cancelled", text=text)

    @classmethod
    def person(cls, text: str, kind: str = "business") -> Answer:
        """The platform refused: a person has to decide."""
        return cls("person", kind=kind, text=text)

    @classmethod
    def wait(cls, after: dt.timedelta, text: str, kind: str = "retry") -> Answer:
        """Nothing was tried: a limit leaves no room before `after` is over. It counts as no try."""
        return cls("wait", kind=kind, text=text, after=after)

    @classmethod
    def limited(cls, error: PlatformError) -> Answer:
        """A send that a limit (the platform's or our own budget) refused: a wait, not a failed try. Not for `ask`."""
        return cls.wait(dt.timedelta(seconds=error.retry_after or 60.0), f"{error.message} ({error.code})")

    @classmethod
    def of(cls, error: PlatformError) -> Answer:
        """A client's error in the outbox's words."""
        after = dt.timedelta(seconds=error.retry_after) if error.retry_after else None
        outcome = {"retry": "retry", "unknown": "unknown"}.get(error.kind, "person")
        text = f"{error.message} ({error.code})" if error.code else error.message
        return cls(outcome, kind=error.kind, text=text, after=after)


def wait_before(attempts: int) -> dt.timedelta:
    """Doubling back-off with a cap: 5 s, 10 s, … 30 min."""
    return min(FIRST_WAIT * 2 ** min(max(attempts - 1, 0), 16), LONGEST_WAIT)


def drain(kind_code: str, *, limit: int = 2000) -> int:
    """Send all due messages of a kind; returns how many were tried."""
    kind = KINDS[kind_code]
    if kind.module and not modules.enabled(kind.module):
        return 0
    tried = 0
    while tried < limit:
        claimed = _claim(kind)
        if not claimed:
            break
        _send(kind, claimed)
        tried += len(claimed)
    return tried


def drain_all() -> dict[str, int]:
    """Drain every kind once, in the order of the table."""
    return {code: drain(code) for code in KINDS}


def _claim(kind: Kind) -> list[Message]:
    sql = """
        WITH first AS (
            SELECT connection_id FROM orderhub_message
            WHERE kind = %(kind)s AND state IN ('new', 'sending', 'unknown') AND next_try_at <= statement_timestamp()
              AND (lease_until IS NULL OR lease_until < statement_timestamp())
            ORDER BY next_try_at, id LIMIT 1 FOR UPDATE SKIP LOCKED),
        due AS (
            SELECT m.id, m.state FROM orderhub_message m, first
            WHERE m.kind = %(kind)s AND m.state IN ('new', 'sending', 'unknown') AND m.next_try_at <= statement_timestamp()
              AND (m.lease_until IS NULL OR m.lease_until < statement_timestamp())
              AND m.connection_id IS NOT DISTINCT FROM first.connection_id
            ORDER BY m.next_try_at, m.id LIMIT %(n)s FOR UPDATE OF m SKIP LOCKED)
        UPDATE orderhub_message t SET attempts = t.attempts + 1, lease_until = statement_timestamp() + %(lease)s::interval,
            state = CASE WHEN due.state = 'new' THEN 'sending' ELSE 'unknown' END
        FROM due WHERE t.id = due.id RETURNING t.id"""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, {"kind": kind.code, "n": kind.batch, "lease": f"{LEASE.total_seconds()} seconds"})
        ids = [row[0] for row in cursor.fetchall()]
    return list(Message.objects.filter(id__in=ids).select_related("connection").order_by("id"))


def _call(function: str, messages: list[Message]) -> dict[int, Answer]:
    try:
        return dict(resolve(function)(messages))
    except PlatformError as error:
        return {message.id: Answer.of(error) for message in messages}
    except Exception as error:  # a fault of ours after the call may have left an effect: ask before repeating
        log.exception("sending %s", function)
        text = f"{type(error).__name__}: {error}"[:500]
        return {message.id: Answer("unknown", kind="internal", text=text) for message in messages}


def _send(kind: Kind, messages: list[Message]) -> None:
    unknown = [message for message in messages if message.state == Message.State.UNKNOWN]
    fresh = [message for message in messages if message.state != Message.State.UNKNOWN]
    answers: dict[int, Answer] = {}
    with turns.tallying() as tally, http.collecting() as calls:
        if unknown:
            answers.update(_call(kind.ask, unknown))
            again = [m for m in unknown if answers.get(m.id, Answer("unknown")).outcome == "missing"]
            for message in again:
                del answers[message.id]
            if again:
                Message.objects.filter(id__in=[m.id for m in again]).update(state=Message.State.SENDING)
                fresh += again
        if fresh:
            answers.update(_call(kind.send, fresh))
    http.write_calls(calls)  # one statement for all calls of the batch
    settle(kind, messages, answers, tally)


def settle(
    kind: Kind, messages: list[Message], answers: dict[int, Answer], tally: turns.Tally | None = None
) -> None:
    """Write what became of each message and make the answer's touch, in one transaction."""
    now = timezone.now()
    tally = tally or turns.Tally()
    done: list[Message] = []
    for message in messages:
        answer = answers.get(
            message.id, Answer("unknown", kind="internal", text="no answer for this message")
        )
        message.lease_until = None
        message.error, message.error_kind = answer.text, answer.kind
        if answer.outcome == "done":
            message.state, message.answer, message.done_at = Message.State.DONE, answer.data, now
            message.error = message.error_kind = ""
            done.append(message)
        elif answer.outcome == "cancelled":
            message.state, message.done_at = Message.State.CANCELLED, now
        elif answer.outcome == "wait":
            message.state, message.attempts = Message.State.NEW, max(message.attempts - 1, 0)
            message.next_try_at = now + (answer.after or FIRST_WAIT)
        elif answer.outcome in ("retry", "unknown") and tally.spared(message.connection_id):
            message.state = Message.State.NEW if answer.outcome == "retry" else Message.State.UNKNOWN
            message.attempts = max(0, message.attempts - 1)
            message.next_try_at = now + dt.timedelta(seconds=tally.wait)
        elif answer.outcome == "person" or message.attempts >= kind.max_attempts:
            message.state = Message.State.NEEDS_PERSON
            message.error_kind = message.error_kind or "exhausted"
        else:
            message.state = Message.State.NEW if answer.outcome == "retry" else Message.State.UNKNOWN
            message.next_try_at = now + (answer.after or wait_before(message.attempts))
    try:
        with transaction.atomic():
            _write(messages)
            if done and kind.answered:
                resolve(kind.answered)(done)
    except Exception as error:
        if len(messages) > 1:
            for message in messages:
                settle(kind, [message], answers, tally)
            return
        log.exception("answer of %s", messages[0])
        messages[0].state = Message.State.NEEDS_PERSON
        messages[0].error_kind, messages[0].error = "internal", f"{type(error).__name__}: {error}"[:500]
        messages[0].answer = None  # it may be what could not be stored
        with transaction.atomic():
            _write(messages)


def _write(messages: list[Message]) -> None:
    """What became of the messages, in one statement; an absent answer leaves the column as it is."""
    rows = {
        message.id: {
            "state": str(message.state), "attempts": message.attempts, "error": message.error,
            "error_kind": message.error_kind, "next_try_at": message.next_try_at,
            **({} if message.answer is None else {"answer": message.answer}),
            **({} if message.done_at is None else {"done_at": message.done_at}),
        }
        for message in messages
    }  # fmt: skip
    update_rows("orderhub_message", "id", rows, fixed="lease_until = NULL")


def retry(message_id: int) -> bool:
    """A person's retry: due now, tries counted afresh, and asked about before it is repeated."""
    changed = Message.objects.filter(
        id=message_id, state__in=[Message.State.NEEDS_PERSON, Message.State.NEW, Message.State.UNKNOWN]
    ).update(state=Message.State.UNKNOWN, attempts=0, next_try_at=timezone.now(), lease_until=None, error="")
    return bool(changed)
