"""Signed and seven quiet days: one receivable an order, booked exactly once, then the order closes.

The bill number is ours (`AR` + order number), unique here and in Kingdee; each of the three calls is a message
of its own, and an order that was refunded in full closes without a voucher because nothing is left to collect.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from finance.lifecycle import LIFECYCLE
from finance.models import Receivable
from orderhub.actors import platform
from orderhub.lifecycle import Outcome, Writer, apply
from orderhub.models import Connection, Message
from orderhub.nudge import nudge
from orderhub.outbox.writing import ask
from orderhub.tickets.opening import open_ticket
from orders import queries
from orders.lifecycle import LIFECYCLE as ORDERS

KINGDEE = platform("kingdee")


def kingdee_id() -> int | None:
    """The account that vouchers go to."""
    return Connection.objects.filter(platform="kingdee").exclude(state="disabled").values_list("id", flat=True).first()


def make_due(limit: int = 500) -> int:
    """A receivable for each order whose after-sale window ended quietly; returns how many. Constant SQL."""
    account = kingdee_id()
    if account is None:
        return 0
    waiting = Receivable.objects.filter(told_order=False).values_list("order_id", flat=True)
    quiet = queries.quiet_orders(exclude=list(waiting), limit=limit)
    if not quiet:
        return 0
    with transaction.atomic(), connection.cursor() as cursor:
        amounts = [row.payable - row.refunded for row in quiet]
        cursor.execute(
            """INSERT INTO finance_receivable (order_id, number, amount, quiet_since, state)
               SELECT v.*, CASE WHEN v.amount > 0 THEN 'due' ELSE 'audited' END
               FROM unnest(%s::bigint[], %s::text[], %s::numeric[], %s::timestamptz[]) AS v(id, number, amount, since)
               ON CONFLICT (order_id) DO NOTHING RETURNING id, order_id, number, amount""",
            [
                [row.id for row in quiet],
                [f"AR{row.number}" for row in quiet],
                [max(amount, Decimal("0.00")) for amount in amounts],
                [row.aftersale_until for row in quiet],
            ],
        )
        made = cursor.fetchall()
        _ask_raw("voucher.save", [(r[0], r[1], r[2]) for r in made if r[3] > 0], account)
    nudge("orderhub.drain_outbox", "voucher.save")
    return len(made)


def _ask_raw(kind: str, rows: list[tuple[int, int, str]], account: int) -> None:
    from orderhub.copying import copy_rows
    from orderhub.outbox.writing import COLUMNS, TABLE

    copy_rows(TABLE, COLUMNS, [(kind, number, account, identity, order_id, {}) for identity, order_id, number in rows])


def save(live: list[Any], writer: Writer) -> None:
    """DUE → SAVED: Kingdee has the bill; the submission is asked for."""
    ids = writer.params.get("outside", {})
    for row in live:
        writer.set(row, outside_id=str(ids.get(row.id, "")))
        _next(writer, row, "voucher.submit")


def submit(live: list[Any], writer: Writer) -> None:
    """SAVED → SUBMITTED: the audit is asked for."""
    for row in live:
        _next(writer, row, "voucher.audit")


def audit(live: list[Any], writer: Writer) -> None:
    """SUBMITTED → AUDITED: the order may close."""
    for row in live:
        writer.set(row, audited_at=writer.now)


def _next(writer: Writer, row: Any, kind: str) -> None:
    ask(writer, kind, row.number, connection_id=writer.params["account"], subject_id=row.id, order_id=row.order_id)


def _answered(code: str, messages: list[Message], outside: dict[int, str] | None = None) -> Outcome:
    outcome = apply(
        LIFECYCLE,
        code,
        [message.subject_id for message in messages],
        actor=KINGDEE,
        params={"account": messages[0].connection_id, "outside": outside or {}},
    )
    return outcome


def saved(messages: list[Message]) -> None:
    """Kingdee saved these bills (in the outbox's transaction; a repeat finds them saved and does nothing)."""
    _answered("save", messages, {m.subject_id: str((m.answer or {}).get("id", "")) for m in messages})
    nudge("orderhub.drain_outbox", "voucher.submit")


def submitted(messages: list[Message]) -> None:
    """Kingdee submitted these bills."""
    _answered("submit", messages)
    nudge("orderhub.drain_outbox", "voucher.audit")


def audited(messages: list[Message]) -> None:
    """Kingdee audited these bills; the orders close in a transaction of their own."""
    _answered("audit", messages)
    nudge("finance.tell_orders")


def tell_orders(limit: int = 500) -> int:
    """Close the orders whose receivable is audited; returns how many closed. What can't close yet is tried again."""
    rows = list(
        Receivable.objects.filter(state=Receivable.State.AUDITED, told_order=False, next_try_at__lte=timezone.now())
        .order_by("next_try_at")
        .values_list("order_id", "number", "amount", "quiet_since")[:limit]
    )
    if not rows:
        return 0
    said = {order_id: number for order_id, number, _, _ in rows}
    outcome = apply(
        ORDERS,
        "close",
        sorted(said),
        actor=KINGDEE,
        params={"vouchers": said},
        occurred={order_id: since for order_id, _, _, since in rows},
    )
    done = set(outcome.moved) | {i for i, r in outcome.refused.items() if r.code == "wrong_state"}
    already = queries.closed_among(sorted(done - set(outcome.moved)))
    Receivable.objects.filter(order_id__in=set(outcome.moved) | already).update(told_order=True)
    later = set(said) - set(outcome.moved) - already
    Receivable.objects.filter(order_id__in=later).update(next_try_at=timezone.now() + dt.timedelta(minutes=5))
    return len(outcome.moved)


def set_aside(ids: list[int], code: str, reason: str) -> None:
    """Receivables that broke: they wait for a person, with a ticket."""
    Receivable.objects.filter(id__in=ids).update(open_holds=1, refusal=code[:60])
    for receivable in Receivable.objects.filter(id__in=ids):
        open_ticket(
            "receivable", f"receivable:{receivable.id}", f"{receivable.number}: {reason}"[:200], role="finance",
            order_id=receivable.order_id,
        )  # fmt: skip
