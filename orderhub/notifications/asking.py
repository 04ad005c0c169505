"""Asking for notices: one outbox row a place, in the caller's transaction, once for each cause however often asked."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Q

from orderhub import crypto
from orderhub.notifications import templates
from orderhub.notifications.models import Recipient
from orderhub.nudge import nudge

KIND = "notice.send"
#: What comes within this time of the first notice on a topic is told together with it.
WINDOW = dt.timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to tell. `key` is its cause (`late_payment:12`): a group or telephone is told of it once, ever."""

    key: str
    params: Mapping[str, Any]
    topic: str = ""
    order_id: int | None = None


def notify(
    role: str,
    template: str,
    key: str,
    params: Mapping[str, Any],
    *,
    topic: str = "",
    window: dt.timedelta = WINDOW,
    platform: str = "",
    order_id: int | None = None,
) -> int:
    """`notify_many` of one notice."""
    return notify_many(
        role, template, [Notice(key, params, topic, order_id)], window=window, platform=platform
    )


def notify_many(
    role: str,
    template: str,
    notices: Sequence[Notice],
    *,
    window: dt.timedelta = WINDOW,
    platform: str = "",
) -> int:
    """Tell a role's recipients; returns how many messages were asked for (0: told before, or nobody is set up).

    Notices with one `topic` (by default the template) that come within `window` go out as one message.
    `platform` narrows the recipients to one kind of channel. What must not be missed also needs a ticket:
    a role may have no recipient. Two statements, however many notices there are.
    """
    for notice in notices:
        templates.check(template, notice.params)
    people = Recipient.objects.filter(Q(only="") | Q(only=template), role=role, enabled=True)
    if platform:
        people = people.filter(connection__platform=platform)
    places: dict[tuple[int, str], int] = {}
    for person, account, phone in people.order_by("id").values_list("id", "connection_id", "phone"):
        places.setdefault((account, phone), person)
    rows = [
        (_natural(notice.key, account, phone), account, person, notice.order_id, _data(template, notice))
        for notice in notices
        for (account, phone), person in places.items()
    ]
    asked = _ask(rows, window) if rows else 0
    if asked:
        nudge("orderhub.drain_outbox", KIND)
    return asked


def _data(template: str, notice: Notice) -> str:
    params = {name: str(value) for name, value in notice.params.items()}
    return json.dumps(
        {"template": template, "params": params, "topic": notice.topic or template}, ensure_ascii=False
    )


def _ask(rows: Sequence[tuple[str, int, int, int | None, str]], window: dt.timedelta) -> int:
    """The rows are due when the first one that waits on their topic is due, else after the window."""
    keys, accounts, people, orders, data = zip(*rows, strict=True)
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO orderhub_message (kind, key, connection_id, subject_id, order_id, data, next_try_at)
               SELECT %(kind)s, asked.key, account, person, ordered, asked.data, coalesce(
                   (SELECT min(next_try_at) FROM orderhub_message waiting
                    WHERE kind = %(kind)s AND state = 'new' AND connection_id = account AND subject_id = person
                      AND waiting.data ->> 'topic' = asked.data ->> 'topic'),
                   statement_timestamp() + %(window)s::interval)
               FROM unnest(%(keys)s::text[], %(accounts)s::bigint[], %(people)s::bigint[], %(orders)s::bigint[],
                           %(data)s::jsonb[]) AS asked (key, account, person, ordered, data)
               ON CONFLICT (kind, key) DO NOTHING""",
            {
                "kind": KIND,
                "window": f"{window.total_seconds()} seconds",
                "keys": list(keys),
                "accounts": list(accounts),
                "people": list(people),
                "orders": list(orders),
                "data": list(data),
            },
        )
        return cursor.rowcount


def _natural(cause: str, account: int, phone: str) -> str:
    """One key a cause and place: a group that is set up for two roles is told once. Telephones only as a hash."""
    key = f"{cause}:{account}" + (f":{crypto.keyed_hash(phone)[:12]}" if phone else "")
    if len(key) <= 100:
        return key
    return f"{key[:67]}:{hashlib.sha256(key.encode()).hexdigest()[:32]}"
