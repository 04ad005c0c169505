"""Asking for notices: one outbox row a place, in the caller's transaction, once for each cause however often asked."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_user_model
from django.db import connection
from django.db.models import Q
from django.utils import timezone

from orderhub import crypto
from orderhub.notifications import judgement, templates
from orderhub.notifications.models import Recipient
from orderhub.nudge import nudge

KIND = "notice.send"
#: What goes to a person's bell in the admin: the same way, so that it is digested, retried and logged like the rest.
BELL = "notice.bell"
APP = "app"
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
    window: dt.timedelta | None = None,
    platform: str = "",
    order_id: int | None = None,
    urgent: bool | None = None,
) -> int:
    """`notify_many` of one notice."""
    return notify_many(
        role,
        template,
        [Notice(key, params, topic, order_id)],
        window=window,
        platform=platform,
        urgent=urgent,
    )


def notify_many(
    role: str,
    template: str,
    notices: Sequence[Notice],
    *,
    window: dt.timedelta | None = None,
    platform: str = "",
    urgent: bool | None = None,
    severity: str = "",
) -> int:
    """Tell a role's recipients; returns how many messages were asked for (0: told before, or nobody is set up).

    Notices with one `topic` (by default the template) that come within `window` go out as one message. Everybody of the
    role has them at the bell. `platform` narrows it to one kind of channel ("app": the bell only). What is not `urgent`
    waits for the end of a recipient's quiet hours; the bell is never quiet. Window and urgency are the staff's wording's
    where the caller says nothing, and the rules of `notify` have the last word; `severity` is theirs to read. What must
    not be missed also needs a ticket: a role may have no recipient. Five statements, however many notices there are.
    """
    for notice in notices:
        templates.check(template, notice.params)
    own = templates.wording(template)
    if window is None:
        window = (
            dt.timedelta(seconds=own.window_seconds) if own and own.window_seconds is not None else WINDOW
        )
    if urgent is None:
        urgent = bool(own.urgent) if own else templates.TEMPLATES[template].urgent
    said = judgement.decided(template, role, severity, len(notices), urgent, window.total_seconds())
    window = dt.timedelta(seconds=float(said["seconds"]))
    asked = 0
    for told in dict.fromkeys((role, *filter(None, [said["also"]]))):
        if platform != APP and said["tell"]:
            asked += _tell_places(told, template, notices, window, platform, bool(said["urgent"]))
        if platform in ("", APP):
            asked += _tell_bells(told, template, notices, window)
    return asked


def _tell_places(
    role: str, template: str, notices: Sequence[Notice], window: dt.timedelta, platform: str, urgent: bool
) -> int:
    people = Recipient.objects.filter(Q(only="") | Q(only=template), role=role, enabled=True)
    if platform:
        people = people.filter(connection__platform=platform)
    now = timezone.now()
    places: dict[tuple[int, str], tuple[int, dt.datetime]] = {}
    for person in people.order_by("id"):
        quiet = None if urgent else person.quiet_until(now)
        places.setdefault((person.connection_id, person.phone or person.email), (person.id, quiet or now))
    rows = [
        (
            _natural(notice.key, account, place),
            account,
            person,
            notice.order_id,
            _data(template, notice),
            first,
        )
        for notice in notices
        for (account, place), (person, first) in places.items()
    ]
    asked = _ask(KIND, rows, window, urgent) if rows else 0
    if asked:
        nudge("orderhub.drain_outbox", KIND)
    return asked


def _tell_bells(role: str, template: str, notices: Sequence[Notice], window: dt.timedelta) -> int:
    users = list(
        get_user_model()
        .objects.filter(groups__name=role, is_active=True)
        .order_by("id")
        .values_list("id", flat=True)
    )
    now = timezone.now()
    rows = [
        (_natural(notice.key, 0, f"u{user}"), None, user, notice.order_id, _data(template, notice), now)
        for notice in notices
        for user in users
    ]
    asked = _ask(BELL, rows, min(window, dt.timedelta(seconds=2)), False) if rows else 0
    if asked:
        nudge("orderhub.drain_outbox", BELL)
    return asked


def _data(template: str, notice: Notice) -> str:
    params = {name: str(value) for name, value in notice.params.items()}
    return json.dumps(
        {"template": template, "params": params, "topic": notice.topic or template}, ensure_ascii=False
    )


def _ask(
    kind: str,
    rows: Sequence[tuple[str, int | None, int, int | None, str, dt.datetime]],
    window: dt.timedelta,
    urgent: bool,
) -> int:
    """The rows are due when the first one that waits on their topic is due, else after the window; none before its own time.

    What is urgent does not wait for a topic that waits for the morning.
    """
    keys, accounts, people, orders, data, first = zip(*rows, strict=True)
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO orderhub_message (kind, key, connection_id, subject_id, order_id, data, next_try_at)
               SELECT %(kind)s, asked.key, account, person, ordered, asked.data, coalesce(
                   (SELECT min(next_try_at) FROM orderhub_message waiting
                    WHERE kind = %(kind)s AND state = 'new' AND connection_id IS NOT DISTINCT FROM account
                      AND subject_id = person AND waiting.data ->> 'topic' = asked.data ->> 'topic'
                      AND (NOT %(urgent)s OR next_try_at <= statement_timestamp() + %(window)s::interval)),
                   greatest(statement_timestamp() + %(window)s::interval, asked.first))
               FROM unnest(%(keys)s::text[], %(accounts)s::bigint[], %(people)s::bigint[], %(orders)s::bigint[],
                           %(data)s::jsonb[], %(first)s::timestamptz[])
                   AS asked (key, account, person, ordered, data, first)
               ON CONFLICT (kind, key) DO NOTHING""",
            {
                "kind": kind,
                "window": f"{window.total_seconds()} seconds",
                "urgent": urgent,
                "keys": list(keys),
                "accounts": list(accounts),
                "people": list(people),
                "orders": list(orders),
                "data": list(data),
                "first": list(first),
            },
        )
        return cursor.rowcount


def _natural(cause: str, account: int, place: str) -> str:
    """One key a cause and place: a group that is set up for two roles is told once. Telephones and addresses only as a hash."""
    key = f"{cause}:{account}" + (f":{crypto.keyed_hash(place)[:12]}" if place else "")
    if len(key) <= 100:
        return key
    return f"{key[:67]}:{hashlib.sha256(key.encode()).hexdigest()[:32]}"
