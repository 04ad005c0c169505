"""The bell in the admin: what our people are told there, what they have read; unread notices on one topic are one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from orderhub.notifications import templates
from orderhub.notifications.models import Bell
from orderhub.outbox.models import Message
from orderhub.outbox.sending import Answer

#: Of one unread topic so many lines are kept; the rest is counted.
KEPT = 20


@dataclass(frozen=True, slots=True)
class Shown:
    """A notice as a person reads it, in the language they speak now."""

    id: int
    title: str
    lines: list[str]
    more: int
    order_id: int | None
    at: Any
    unread: bool
    page: str = ""


def send(messages: Sequence[Message]) -> dict[int, Answer]:
    """Nothing leaves the house: the bell is hung up in the transaction that marks the message done."""
    return {message.id: Answer.done() for message in messages}


def hang(messages: Sequence[Message]) -> None:
    """Put the notices at their persons' bells; those on a topic that is unread join it. One statement."""
    topics: dict[tuple[int, str], list[Message]] = {}
    for message in messages:
        topics.setdefault((message.subject_id, str(message.data["topic"])[:120]), []).append(message)
    rows = [
        (user, group[-1].data["template"], topic, json.dumps([m.data["params"] for m in group][-KEPT:], ensure_ascii=False),
         len(group), group[-1].order_id if len(group) == 1 else None)
        for (user, topic), group in sorted(topics.items())
    ]  # fmt: skip
    columns = [list(column) for column in zip(*rows, strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(
            f"""INSERT INTO orderhub_bell (user_id, template, topic, params, n, order_id)
                SELECT v.u, v.template, v.topic, v.params::jsonb, v.n, v.ordered
                FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::bigint[])
                    AS v(u, template, topic, params, n, ordered) JOIN auth_user p ON p.id = v.u
                ON CONFLICT (user_id, topic) WHERE read_at IS NULL DO UPDATE SET
                    n = orderhub_bell.n + excluded.n, at = now(), order_id = NULL,
                    params = (SELECT coalesce(jsonb_agg(value ORDER BY place), '[]') FROM (
                        SELECT value, place FROM jsonb_array_elements(orderhub_bell.params || excluded.params)
                            WITH ORDINALITY AS every(value, place) ORDER BY place DESC LIMIT {KEPT}) newest)""",
            columns,
        )


def ring(user_id: int, template: str, topic: str, params: dict[str, Any]) -> None:
    """One thing at one person's bell, in the caller's transaction: the answer to what the person asked for."""
    templates.check(template, params)
    Bell.objects.get_or_create(
        user_id=user_id, topic=topic[:120], read_at=None, defaults={"template": template, "params": [params]}
    )


def unread(user_id: int) -> int:
    """How many notices the person has not read."""
    return unread_of(user_id).count()


def unread_of(user_id: int) -> QuerySet[Bell]:
    """The notices that the person has not read."""
    return Bell.objects.filter(user_id=user_id, read_at=None)


def newest(user_id: int, before: int | None = None, limit: int = 30) -> list[Shown]:
    """The person's notices, newest first."""
    rows = Bell.objects.filter(user_id=user_id)
    if before is not None:
        rows = rows.filter(id__lt=before)
    return [_shown(row) for row in rows.order_by("-id")[:limit]]


def read(user_id: int, bell_id: int | None = None) -> int:
    """Mark one or all of the person's notices read; how many there were."""
    rows = Bell.objects.filter(user_id=user_id, read_at=None)
    if bell_id is not None:
        rows = rows.filter(id=bell_id)
    return rows.update(read_at=timezone.now())


def _shown(row: Bell) -> Shown:
    last = row.params[-1] if row.params else {}
    try:
        title = templates.title(row.template, last)
        lines = list(dict.fromkeys(templates.line(row.template, params) for params in row.params))
    except KeyError:  # a notice that there is no more, or whose words changed
        title, lines = row.template, []
    return Shown(
        row.id, title, lines, max(row.n - len(row.params), 0), row.order_id, row.at, row.read_at is None,
        templates.TEMPLATES[row.template].page if row.template in templates.TEMPLATES else "",
    )  # fmt: skip
