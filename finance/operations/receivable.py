"""Signed and seven quiet days: one receivable an order, booked exactly once, then the order closes.

The bill number is ours (`AR` + order number), unique here and in Kingdee; each of the three calls is a message
of its own. An order of which nothing is left to collect (paid with coupons, refunded in full) is settled at
once and closes without a voucher: Kingdee has no bill of zero, and "exactly once" counts vouchers.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from finance.lifecycle import LIFECYCLE
from finance.models import Invoice, Receivable
from finance.operations.invoice import request_invoices
from orderhub import modules
from orderhub.actors import platform
from orderhub.copying import copy_rows
from orderhub.lifecycle import Outcome, Touch, Writer, apply
from orderhub.models import Connection, Message
from orderhub.nudge import nudge
from orderhub.outbox import writing
from orderhub.tickets.opening import open_ticket
from orders import queries, timeline
from orders.lifecycle import LIFECYCLE as ORDERS
from orders.operations.aftersale import lock_quiet

KINGDEE = platform("kingdee")
BATCH = 500
LATER = dt.timedelta(minutes=5)


def kingdee_id() -> int | None:
    """The account that vouchers go to."""
    accounts = Connection.objects.filter(platform="kingdee").exclude(state="disabled").order_by("id")
    return accounts.values_list("id", flat=True).first()


def make_due(limit: int = BATCH) -> int:
    """A receivable for each order whose after-sale window ended quietly; returns how many. Constant SQL.

    The orders are locked, so that no case opens meanwhile. Where invoices are on, an order is first invoiced.
    """
    if not modules.enabled("finance"):
        return 0
    account = kingdee_id()
    if account is None:
        return 0
    with transaction.atomic():
        waiting = Receivable.objects.filter(told_order=False).values_list("order_id", flat=True)
        quiet = lock_quiet(limit, list(waiting))
        if quiet and modules.enabled("invoice"):
            invoiced = set(
                Invoice.objects.filter(order_id__in=[q.id for q in quiet]).values_list("order_id", flat=True)
            )
            quiet = [order for order in quiet if order.id in invoiced]
        if not quiet:
            return 0
        with connection.cursor() as cursor:
            cursor.execute(
                """INSERT INTO finance_receivable (order_id, number, amount, quiet_since, state)
                   SELECT v.*, CASE WHEN v.amount > 0 THEN 'due' ELSE 'audited' END
                   FROM unnest(%s::bigint[], %s::text[], %s::numeric[], %s::timestamptz[]) AS v(id, number, amount, since)
                   ON CONFLICT (order_id) DO NOTHING RETURNING id, order_id, number, amount""",
                [
                    [order.id for order in quiet],
                    [f"AR{order.number}" for order in quiet],
                    [order.amount for order in quiet],
                    [order.since for order in quiet],
                ],
            )
            made = cursor.fetchall()
        asked: list[tuple[Any, ...]] = [
            ("voucher.save", number, account, id_, order_id, {})
            for id_, order_id, number, amount in made
            if amount > 0
        ]
        copy_rows(writing.TABLE, writing.COLUMNS, asked)
        nudge("orderhub.drain_outbox", "voucher.save")
    return len(made)


def sweep() -> int:
    """Invoices, then receivables, until nothing is due; returns the receivables made."""
    while request_invoices() == BATCH:
        continue
    total = 0
    while made := make_due():
        total += made
    return total


def note(touch: Touch, row: Any, writer: Writer) -> None:
    """Each step of the voucher is a line on the order's timeline."""
    timeline.record(
        writer, row.order_id, f"voucher_{touch.code}", data={"voucher": row.number, "amount": str(row.amount)}
    )


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
    writing.ask(
        writer,
        kind,
        row.number,
        connection_id=writer.params["account"],
        subject_id=row.id,
        order_id=row.order_id,
    )


def _answered(code: str, messages: list[Message], outside: dict[int, str] | None = None) -> Outcome:
    return apply(
        LIFECYCLE,
        code,
        [message.subject_id for message in messages],
        actor=KINGDEE,
        params={"account": messages[0].connection_id, "outside": outside or {}},
    )


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
        Receivable.objects.filter(
            state=Receivable.State.AUDITED, told_order=False, next_try_at__lte=timezone.now()
        )
        .order_by("next_try_at")
        .values_list("order_id", "number", "amount", "quiet_since")[:limit]
    )
    if not rows:
        return 0
    said = {order_id: number for order_id, number, amount, _since in rows if amount > 0}
    with transaction.atomic():
        outcome = apply(
            ORDERS,
            "close",
            sorted(row[0] for row in rows),
            actor=KINGDEE,
            params={"vouchers": said},
            occurred={order_id: since for order_id, _number, _amount, since in rows},
        )
        already = queries.closed_among(sorted(outcome.refused))
        told = set(outcome.moved) | already
        later = {row[0] for row in rows} - told
        Receivable.objects.filter(order_id__in=told).update(told_order=True, refusal="")
        Receivable.objects.filter(order_id__in=later).update(
            next_try_at=timezone.now() + LATER, refusal="order_not_ready"
        )
        _differences({order_id: amount for order_id, _number, amount, _since in rows if order_id in told})
    return len(outcome.moved)


def _differences(amounts: dict[int, Any]) -> None:
    """A refund that came between voucher and closing: the books need a red voucher, so finance is told."""
    for order_id, head in queries.heads(list(amounts)).items():
        left = head.payable - head.refunded
        if left != amounts[order_id]:
            title = _("Order %(number)s closed at %(left)s, its voucher says %(amount)s: make a red voucher") % {
                "number": head.number, "left": left, "amount": amounts[order_id],
            }  # fmt: skip
            open_ticket(
                "voucher_difference",
                f"voucher_difference:{order_id}",
                title,
                role="finance",
                order_id=order_id,
            )


def set_aside(ids: list[int], code: str, reason: str) -> None:
    """Receivables that broke: they wait for a person, with a ticket."""
    Receivable.objects.filter(id__in=ids).update(open_holds=1, refusal=code[:60])
    for receivable in Receivable.objects.filter(id__in=ids):
        open_ticket(
            "receivable", f"receivable:{receivable.id}", f"{receivable.number}: {reason}"[:200], role="finance",
            order_id=receivable.order_id,
        )  # fmt: skip
