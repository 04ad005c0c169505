"""Doing what rules ask for about orders: each action once for each row of the rules, in the transaction of its trace.

A deed's row (order, point, cause, action) is what makes it once: whoever writes it does the action in the same
transaction, so a worker that dies between deciding and acting leaves neither, and the next look does both. What leaves
the house goes by the outbox, whose key is the same cause.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext as _

from orderhub.actors import Actor
from orderhub.lifecycle import Batch, Writer
from orderhub.notifications.asking import Notice, notify_many
from orderhub.rules import engine
from orderhub.rules.actions import TELLS, wanted
from orderhub.rules.engine import Answer, Decided
from orderhub.tickets.opening import Opening, open_tickets
from orders import models, timeline
from orders.lifecycle import LIFECYCLE
from orders.models import HoldType
from orders.operations import holds

TEMPLATE = "watch"
A_PRIORITY = dt.timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Order:
    """An order as it is under the lock."""

    id: int
    number: str
    tags: list[str]
    priority: int
    alarm: str


@dataclass(frozen=True, slots=True)
class Deed:
    """One action that is done now, for the first time."""

    order: Order
    cause: str
    argument: Any
    why: str
    severity: str = ""


@dataclass(slots=True)
class Acted:
    """How many deeds were done, by action."""

    counts: dict[str, int] = field(default_factory=dict)
    orders: set[int] = field(default_factory=set)


def act(
    decided: Decided, answers: Mapping[int, Answer], states: Mapping[int, str], alarms: Mapping[int, str]
) -> Acted:
    """Do what the answers ask for, each action once for each order and row; constant SQL but for the roles told.

    `answers` is {order: the very answer out of `decided.answers`}; `states` and `alarms` are how the orders were seen:
    one that has moved since is left for the next look. One transaction; nothing leaves the house in it.
    """
    asking = {i: answer for i, answer in answers.items() if wanted(answer) or answer["severity"] != alarms[i]}
    if not asking:
        return Acted()
    causes = {order_id: cause_of(decided, answer) for order_id, answer in asking.items()}
    known = _known(decided.point, list(asking))
    asked = {
        i: answer
        for i, answer in asking.items()
        if answer["severity"] != alarms[i] or any((i, causes[i], a) not in known for a in wanted(answer))
    }
    if not asked:
        return Acted()
    with transaction.atomic():
        orders = _locked(asked, states)
        lines = [
            (order_id, causes[order_id], action, argument)
            for order_id in orders
            for action, argument in wanted(asked[order_id]).items()
        ]
        fresh = _new(decided, asked, lines)
        changed = {i: str(asked[i]["severity"]) for i, o in orders.items() if o.alarm != asked[i]["severity"]}
        if changed:
            _set("alarm = v.value", changed, "text")
        deeds: dict[str, list[Deed]] = {}
        for order_id, cause, action, argument in lines:
            if (order_id, cause, action) in fresh:
                why = str(asked[order_id].get("why") or "") or _("A rule watches this order.")
                deeds.setdefault(action, []).append(
                    Deed(orders[order_id], cause, argument, why, str(asked[order_id]["severity"] or ""))
                )
        for action, done in deeds.items():
            ACTS[action](done, decided.point) if action in ACTS else _tell(action, done, decided.point)
        _trace(decided, asked, fresh)
    return Acted({action: len(done) for action, done in deeds.items()}, {key[0] for key in fresh})


def cause_of(decided: Decided, answer: Answer) -> str:
    """The rows that asked for it, by their own ids: what is done once for them stays done when their figures change."""
    version, context = decided.said[id(answer)]
    rows = [
        row.row or f"{row.node}#{row.index}" for row in engine.matched(decided.point, version, context).rows
    ]
    text = "+".join(rows) or "document"
    return text if len(text) <= 60 else f"{text[:40]}:{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def _known(point: str, order_ids: list[int]) -> set[tuple[int, str, str]]:
    """What was done already: nothing of it needs a lock."""
    rows = models.Deed.objects.filter(order_id__in=order_ids, point=point)
    return set(rows.values_list("order_id", "cause", "action"))


def _locked(asked: Mapping[int, Answer], states: Mapping[int, str]) -> dict[int, Order]:
    ids = sorted(asked)
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT o.id, o.number, o.tags, o.priority, o.alarm FROM orders_order o
               JOIN unnest(%s::bigint[], %s::text[]) AS v(id, state) ON v.id = o.id AND v.state = o.state
               WHERE o.id = ANY(%s) ORDER BY o.id FOR UPDATE OF o""",
            [ids, [states[order_id] for order_id in ids], ids],
        )
        return {row[0]: Order(row[0], row[1], engine.loaded(row[2]), *row[3:]) for row in cursor.fetchall()}


def _new(
    decided: Decided, asked: Mapping[int, Answer], lines: Sequence[tuple[int, str, str, Any]]
) -> set[tuple[int, str, str]]:
    """The actions that nobody has done yet, now written down as done."""
    if not lines:
        return set()
    versions = [decided.said[id(asked[line[0]])][0] for line in lines]
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO orders_deed (point, order_id, cause, action, detail, version_id)
               SELECT %s, v.* FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::bigint[]) AS v
               ON CONFLICT (order_id, point, cause, action) DO NOTHING RETURNING order_id, cause, action""",
            [
                decided.point,
                *([line[place] for line in lines] for place in range(3)),
                [str(line[3])[:80] for line in lines],
                versions,
            ],
        )
        return set(cursor.fetchall())


def _set(assignment: str, values: Mapping[int, Any], cast: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"""UPDATE orders_order o SET {assignment} FROM unnest(%s::bigint[], %s::{cast}[]) AS v(id, value)
                WHERE o.id = v.id AND o.id = ANY(%s)""",
            [list(values), list(values.values()), list(values)],
        )


def _hold(deeds: Sequence[Deed], point: str) -> None:
    why = {deed.order.id: deed.why for deed in deeds}
    holds.open_holds(list(why), HoldType.RULE, why, _actor(point), {"point": point})


def _release(deeds: Sequence[Deed], point: str) -> None:
    """Only what a rule held: a payment that is not proved is no rule's to let go."""
    holds.release_type([deed.order.id for deed in deeds], HoldType.RULE, _actor(point), deeds[0].why)


def _tag(deeds: Sequence[Deed], point: str) -> None:
    added = {
        deed.order.id: json.dumps([*deed.order.tags, str(deed.argument)[:40]], ensure_ascii=False)
        for deed in deeds
        if str(deed.argument)[:40] not in deed.order.tags
    }
    if added:
        _set("tags = v.value::jsonb", added, "text")


def _prioritise(deeds: Sequence[Deed], point: str) -> None:
    """The sweep takes what is due longest first: a prioritised order is due an hour earlier a step."""
    _set(
        f"""priority = greatest(o.priority, v.value),
            next_try_at = least(o.next_try_at, now()) - v.value * interval '{A_PRIORITY.total_seconds()} seconds'""",
        {deed.order.id: int(deed.argument) for deed in deeds},
        "smallint",
    )


def _prefer(deeds: Sequence[Deed], point: str) -> None:
    _set("preferred = v.value", {deed.order.id: str(deed.argument)[:20] for deed in deeds}, "text")


def _ticket(deeds: Sequence[Deed], point: str) -> None:
    open_tickets(
        "watch",
        [
            Opening(
                ticket_cause(point, deed.order.id, deed.cause),
                f"{deed.order.number} {deed.why}",
                _(
                    "A rule asks for somebody to look at it. The order's page says which row, and what it saw."
                ),
                str(deed.argument),
                deed.order.id,
            )
            for deed in deeds
        ],
    )


def ticket_cause(point: str, order_id: int, cause: str) -> str:
    """The key by which a rule has one open ticket an order and row."""
    return f"{point}:{order_id}:{cause}"


def _tell(action: str, deeds: Sequence[Deed], point: str) -> None:
    """Told once for each order; what one row says of many orders goes as one message."""
    by_role: dict[tuple[str, str], list[Deed]] = {}
    for deed in deeds:
        by_role.setdefault((str(deed.argument), deed.severity), []).append(deed)
    for (role, severity), told in by_role.items():
        notices = [
            Notice(
                f"{point}:{deed.order.id}:{deed.cause}:{action}",
                {"number": deed.order.number, "reason": deed.why},
                topic=f"{point}:{deed.cause}",
                order_id=deed.order.id,
            )
            for deed in told
        ]
        notify_many(role, TEMPLATE, notices, platform=TELLS[action], severity=severity)


ACTS: dict[str, Callable[[Sequence[Deed], str], None]] = {
    "hold": _hold, "release": _release, "tag": _tag, "prioritise": _prioritise, "prefer": _prefer, "ticket": _ticket,
}  # fmt: skip


def _trace(decided: Decided, asked: Mapping[int, Answer], fresh: set[tuple[int, str, str]]) -> None:
    """Why it was done, one trace an order, with a line of its timeline; two COPY."""
    if not fresh:
        return
    done: dict[int, list[str]] = {}
    for order_id, _cause, action in sorted(fresh):
        done.setdefault(order_id, []).append(action)
    writer = Writer(Batch(LIFECYCLE, _actor(decided.point)))
    for order_id, actions in done.items():
        answer = asked[order_id]
        engine.leave_trace(writer, decided.point, order_id, decided, answer, str(answer.get("why") or ""))
        data = {"actions": actions, "why": str(answer.get("why") or "")}
        timeline.record(writer, order_id, "rule_acted", data=data)
    writer.flush()


def _actor(point: str) -> Actor:
    return Actor("clock", f"rule:{point}")
