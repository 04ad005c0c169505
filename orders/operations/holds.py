"""Opening and releasing typed holds; the order's count moves in the same transaction."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from orderhub.actors import CLOCK, Actor
from orderhub.lifecycle import Refusal, Writer
from orderhub.tickets.opening import open_ticket
from orders import timeline
from orders.models import Hold, HoldType

COLUMNS = ("order_id", "type", "reason", "data", "opened_by")


def open_in(
    writer: Writer,
    row: Any,
    hold: HoldType | str,
    reason: str,
    data: dict[str, Any] | None = None,
    *,
    until: dt.date | None = None,
) -> None:
    """Hold a record of the batch: written at its flush, and the record is refused from here on."""
    count = row.open_holds + 1
    values = (row.id, str(hold), reason, data or {}, writer.actor.name)
    if until is None:
        writer.copy("orders_hold", COLUMNS, values)
    else:
        start = dt.datetime.combine(until, dt.time.min, tzinfo=timezone.get_default_timezone())
        writer.copy("orders_hold", (*COLUMNS, "until"), (*values, start))
    writer.set(row, open_holds=count)
    timeline.record(writer, row.id, "hold_opened", data={"type": str(hold), "reason": reason})
    writer.refuse({row.id: Refusal(str(hold), reason, dt.timedelta(seconds=0))})


def open_holds(
    order_ids: Iterable[int],
    hold: HoldType | str,
    reason: str | dict[int, str],
    actor: Actor,
    data: dict[str, Any] | None = None,
) -> list[int]:
    """Open a hold on each order that has none of this type; returns the orders newly held. Constant SQL."""
    ids = sorted(set(order_ids))
    if not ids:
        return []
    words = [reason if isinstance(reason, str) else reason[identity] for identity in ids]
    now = timezone.now()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT id FROM orders_order WHERE id = ANY(%s) ORDER BY id FOR UPDATE", [ids])
            cursor.execute(
                """INSERT INTO orders_hold (order_id, type, reason, data, opened_by)
                   SELECT v.id, %s, v.reason, %s::jsonb, %s FROM unnest(%s::bigint[], %s::text[]) AS v(id, reason)
                   ON CONFLICT (order_id, type) WHERE released_at IS NULL DO NOTHING RETURNING order_id""",
                [str(hold), json.dumps(data or {}, ensure_ascii=False, default=str), actor.name, ids, words],
            )
            made = [row[0] for row in cursor.fetchall()]
            cursor.execute(
                """UPDATE orders_order SET open_holds = open_holds + 1, lease_until = NULL, attempts = 0
                   WHERE id = ANY(%s)""",
                [made],
            )
        by_id = dict(zip(ids, words, strict=True))
        timeline.append(
            [
                timeline.line(
                    i, "hold_opened", actor=actor, now=now, data={"type": str(hold), "reason": by_id[i]}
                )
                for i in made
            ]
        )
    return made


def release(hold_id: int, actor: Actor, note: str = "") -> bool:
    """Release one hold by its own id; the order moves on when none is left. False when it was released before."""
    now = timezone.now()
    with transaction.atomic():
        order_id = Hold.objects.filter(id=hold_id).values_list("order_id", flat=True).first()
        if order_id is None:
            return False
        with connection.cursor() as cursor:
            cursor.execute("SELECT id FROM orders_order WHERE id = %s FOR UPDATE", [order_id])
            cursor.execute(
                """UPDATE orders_hold SET released_at = now(), released_by = %s, release_note = %s
                   WHERE id = %s AND released_at IS NULL RETURNING type""",
                [actor.name, note, hold_id],
            )
            row = cursor.fetchone()
            if row is None:
                return False
            cursor.execute(
                """UPDATE orders_order SET open_holds = open_holds - 1, next_try_at = now(), attempts = 0, refusal = ''
                   WHERE id = %s""",
                [order_id],
            )
        timeline.append(
            [
                timeline.line(
                    order_id, "hold_released", actor=actor, now=now, data={"type": row[0], "note": note}
                )
            ]
        )
    return True


def release_type(order_ids: Sequence[int], hold: HoldType | str, actor: Actor, note: str = "") -> int:
    """Release the open hold of one type on each of these orders; returns how many. Constant SQL."""
    ids = sorted(set(order_ids))
    if not ids:
        return 0
    now = timezone.now()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT id FROM orders_order WHERE id = ANY(%s) ORDER BY id FOR UPDATE", [ids])
            cursor.execute(
                """UPDATE orders_hold SET released_at = now(), released_by = %s, release_note = %s
                   WHERE order_id = ANY(%s) AND type = %s AND released_at IS NULL RETURNING order_id""",
                [actor.name, note, ids, str(hold)],
            )
            freed = [row[0] for row in cursor.fetchall()]
            cursor.execute(
                """UPDATE orders_order SET open_holds = open_holds - 1, next_try_at = now(), attempts = 0, refusal = ''
                   WHERE id = ANY(%s)""",
                [freed],
            )
        said = {"type": str(hold), "note": note}
        timeline.append(
            [timeline.line(i, "hold_released", actor=actor, now=now, data=said) for i in sorted(freed)]
        )
    return len(freed)


def set_aside(order_ids: list[int], code: str, reason: str) -> None:
    """Orders that broke or killed their worker: held, explained on their page, and a ticket each."""
    with transaction.atomic():
        for order_id in open_holds(order_ids, HoldType.BROKEN, reason, CLOCK, {"code": code}):
            open_ticket(
                "broken_order",
                f"broken:{order_id}",
                f"Order {order_id} could not be processed",
                body=reason,
                role="operations",
                order_id=order_id,
            )
