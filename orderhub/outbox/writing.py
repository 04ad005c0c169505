"""Asking for an effect: one row in the same transaction, keyed so that it is one effect however often asked."""

from __future__ import annotations

import json
from typing import Any

from django.db import connection

from orderhub.lifecycle import Writer
from orderhub.outbox.registry import KINDS

TABLE = "orderhub_message"
COLUMNS = ("kind", "key", "connection_id", "subject_id", "order_id", "data")


def ask(
    writer: Writer,
    kind: str,
    key: str,
    *,
    connection_id: int | None,
    subject_id: int,
    order_id: int | None = None,
    data: dict[str, Any] | None = None,
) -> None:
    """Add a message to the batch (COPY). The caller knows that the key is new: a touch is made once a state."""
    if kind not in KINDS:
        raise KeyError(kind)
    writer.copy(TABLE, COLUMNS, (kind, key, connection_id, subject_id, order_id, data or {}))
    writer.wake.add(f"outbox:{kind}")


def ask_once(
    kind: str,
    key: str,
    *,
    connection_id: int | None,
    subject_id: int,
    order_id: int | None = None,
    data: dict[str, Any] | None = None,
) -> bool:
    """Write one message outside a batch; False when that effect was asked for before."""
    if kind not in KINDS:
        raise KeyError(kind)
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO orderhub_message (kind, key, connection_id, subject_id, order_id, data)
               VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (kind, key) DO NOTHING""",
            [kind, key, connection_id, subject_id, order_id, json.dumps(data or {}, ensure_ascii=False)],
        )
        return bool(cursor.rowcount)


def withdraw(kind: str, subject_ids: list[int]) -> list[int]:
    """Cancel messages that are not sent yet; returns the subjects whose message was withdrawn.

    One that is being sent, or whose outcome is unknown, is not withdrawn: the effect must be undone instead.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE orderhub_message SET state = 'cancelled', done_at = now()
               WHERE kind = %s AND subject_id = ANY(%s) AND state IN ('new', 'needs_person') RETURNING subject_id""",
            [kind, subject_ids],
        )
        return [row[0] for row in cursor.fetchall()]
