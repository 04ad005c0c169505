"""Opening a ticket: one open ticket per cause, however often the cause is seen; and closing it when the cause is gone."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.utils import timezone


def open_ticket(
    kind: str,
    cause_key: str,
    title: str,
    *,
    body: str = "",
    role: str = "",
    order_id: int | None = None,
    link: str = "",
    due_in: dt.timedelta = dt.timedelta(hours=4),
    data: dict[str, Any] | None = None,
) -> bool:
    """Open a ticket unless one is open for this cause; returns whether a new one was made."""
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO orderhub_ticket (kind, cause_key, title, body, role, order_id, link, due_at, data, state, resolution)
               VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, 'open', '')
               ON CONFLICT (cause_key) WHERE NOT state = 'done' DO NOTHING""",
            [
                kind,
                cause_key,
                title[:200],
                body,
                role,
                order_id,
                link,
                timezone.now() + due_in,
                json.dumps(data or {}, ensure_ascii=False),
            ],
        )
        return bool(cursor.rowcount)


@dataclass(frozen=True, slots=True)
class Opening:
    """A ticket to be opened: its cause makes it one, however often it is asked for."""

    cause_key: str
    title: str
    body: str
    role: str
    order_id: int | None = None


def open_tickets(
    kind: str, wanted: Sequence[Opening], *, due_in: dt.timedelta = dt.timedelta(hours=4)
) -> list[str]:
    """Open those tickets whose cause has none open; the causes of the new ones. One statement, however many."""
    if not wanted:
        return []
    columns = [
        (each.cause_key, each.title[:200], each.body, each.role, each.order_id)
        for each in sorted(wanted, key=lambda each: each.cause_key)
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO orderhub_ticket (kind, cause_key, title, body, role, order_id, link, due_at, data, state, resolution)
               SELECT %s, v.*, '', %s, '{}', 'open', ''
               FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::bigint[]) AS v
               ON CONFLICT (cause_key) WHERE NOT state = 'done' DO NOTHING RETURNING cause_key""",
            [kind, timezone.now() + due_in, *(list(column) for column in zip(*columns, strict=True))],
        )
        return [row[0] for row in cursor.fetchall()]


def close_gone(cause_keys: Collection[str], resolution: str) -> int:
    """Close the open tickets of causes that are no more; returns how many were closed."""
    if not cause_keys:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE orderhub_ticket SET state = 'done', resolution = %s, done_at = now()
               WHERE cause_key = ANY(%s) AND state <> 'done'""",
            [resolution, list(cause_keys)],
        )
        return int(cursor.rowcount)
