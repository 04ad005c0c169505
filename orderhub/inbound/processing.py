"""Reading kept payloads in batches: one that breaks its batch is found by halving and set aside alone."""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import dataclass

from django.db import connection, transaction
from django.utils import timezone

from orderhub import crypto
from orderhub.collecting import no_collecting
from orderhub.copying import update_rows
from orderhub.dotted import resolve
from orderhub.inbound.keeping import storable
from orderhub.inbound.registry import PAYLOAD_KINDS
from orderhub.lifecycle import Lifecycle
from orderhub.models import Payload
from orderhub.sweeping import claim, exhausted

log = logging.getLogger(__name__)

PAYLOADS = Lifecycle(
    "payloads", "orderhub_payload", (), (), set_aside="orderhub.inbound.processing.set_aside"
)
#: A payload that waits for something else (a callback before its order) is tried this often, then set aside.
LONGEST_WAIT = dt.timedelta(hours=24)


@dataclass(slots=True)
class PayloadRow:
    """One payload to read; `raw` is the exact bytes that came."""

    id: int
    connection_id: int
    external_id: str
    version: str
    raw: bytes
    source: str
    received_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a payload: parsed, stale, wait (try again later) or set_aside with a reason in words."""

    state: str
    order_id: int | None = None
    code: str = ""
    text: str = ""

    @classmethod
    def parsed(cls, order_id: int | None = None) -> Verdict:
        return cls("parsed", order_id)

    @classmethod
    def stale(cls, order_id: int | None = None) -> Verdict:
        return cls("stale", order_id)

    @classmethod
    def wait(cls, code: str, text: str) -> Verdict:
        return cls("new", None, code, text)

    @classmethod
    def set_aside(cls, code: str, text: str, order_id: int | None = None) -> Verdict:
        return cls("set_aside", order_id, code, text)


def process(kind: str, *, n: int = 500, limit: int = 50_000) -> int:
    """Read everything that is due of one kind; returns how many payloads were read."""
    dead = exhausted(PAYLOADS, ["new"])
    if dead:
        set_aside(dead, "killed_worker", "the worker stopped three times while reading this payload")
    done = 0
    while done < limit:
        claimed = claim(PAYLOADS, ["new"], n, when=f"kind = '{kind}'")
        if not claimed.ids:
            break
        read(kind, claimed.ids)
        done += len(claimed.ids)
    return done


def read(kind: str, ids: list[int]) -> None:
    """Read these payloads now, halving what fails."""
    stack = [ids]
    while stack:
        part = stack.pop()
        try:
            with transaction.atomic():
                _read(kind, part)
        except Exception as error:
            if not connection.is_usable():
                raise
            if len(part) > 1:
                middle = len(part) // 2
                stack += [part[middle:], part[:middle]]
                continue
            log.exception("payload %s set aside", part[0])
            set_aside(part, "broken", f"{type(error).__name__}: {error}"[:500])


@no_collecting()
def _read(kind: str, ids: list[int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT id, connection_id, external_id, version, raw_enc, source, received_at FROM orderhub_payload
               WHERE id = ANY(%s) AND state = 'new' ORDER BY id FOR UPDATE""",
            [ids],
        )
        found = cursor.fetchall()
    rows = [PayloadRow(r[0], r[1], r[2], r[3], crypto.decrypt(bytes(r[4])), r[5], r[6]) for r in found]
    if not rows:
        return
    verdicts = resolve(PAYLOAD_KINDS[kind])(rows)
    now = timezone.now()
    changes: dict[int, dict[str, object]] = {}
    for row in rows:
        verdict = verdicts[row.id]
        state = verdict.state
        if state == "new" and now - row.received_at > LONGEST_WAIT:
            state = "set_aside"
        changes[row.id] = {
            "state": state,
            "reason_code": storable(verdict.code),
            "reason": storable(verdict.text),
        }
        if verdict.order_id is not None:
            changes[row.id]["order_id"] = verdict.order_id
        if state == "new":
            age = now - row.received_at
            changes[row.id]["next_try_at"] = now + max(dt.timedelta(seconds=2), age / 4)
        else:
            changes[row.id]["state_since"] = now
    update_rows(
        "orderhub_payload", "id", changes, fixed="attempts = 0, lease_until = NULL, lease_token = NULL"
    )


def set_aside(ids: list[int], code: str, reason: str) -> None:
    """Take payloads out of the automatic path with the reason in words."""
    Payload.objects.filter(id__in=ids).update(
        state=Payload.State.SET_ASIDE,
        reason_code=code,
        reason=reason,
        attempts=0,
        lease_until=None,
        state_since=timezone.now(),
    )


def replay(ids: list[int]) -> int:
    """A person's replay: these payloads are read again, now."""
    return Payload.objects.filter(id__in=ids, state=Payload.State.SET_ASIDE).update(
        state=Payload.State.NEW,
        attempts=0,
        next_try_at=timezone.now(),
        reason="",
        reason_code="",
        source="replay",
    )
