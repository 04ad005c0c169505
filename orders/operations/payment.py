"""Level one of the judgement: the payment is real because the channel or gateway itself says so.

A notice (a gateway's callback) only makes us ask; a proof is what the gateway answered. Amount, payee and
state must agree with the order, else it is held for a person.
"""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _

from orderhub.actors import platform
from orderhub.inbound.processing import PayloadRow, Verdict
from orderhub.lifecycle import Refusal, Writer, apply
from orderhub.models import Message
from orderhub.money import BadMoney, yuan
from orderhub.nudge import nudge
from orderhub.outbox.writing import ask_once
from orders.lifecycle import LIFECYCLE
from orders.models import HoldType, Order, PaymentProof, Shop
from orders.operations import holds
from orders.providers.base import beijing_time

PAID_WORDS = {"TRADE_SUCCESS", "TRADE_FINISHED"}


def claim(live: list[Any], writer: Writer) -> None:
    """UNPAID → CLAIMED: somebody says it is paid (`params["paid_at"][id]`); nothing is proved yet."""
    times: dict[int, dt.datetime] = writer.params.get("paid_at", {})
    for row in live:
        if times.get(row.id):
            writer.set(row, paid_at=times[row.id])


def verify(live: list[Any], writer: Writer) -> None:
    """CLAIMED → PAID where the newest proof agrees in state, amount and payee; else held. One query."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT DISTINCT ON (order_id) order_id, source, trade_no, state, paid, amount, payee, paid_at
               FROM orders_paymentproof WHERE order_id = ANY(%s) ORDER BY order_id, id DESC""",
            [[row.id for row in live]],
        )
        proofs = {values[0]: values[1:] for values in cursor.fetchall()}
    payees = _payees()
    data = writer.context.setdefault("data", {})
    for row in live:
        proof = proofs.get(row.id)
        if proof is None:
            writer.refuse(
                {
                    row.id: Refusal(
                        "no_proof", _("The gateway has not answered yet."), dt.timedelta(seconds=30)
                    )
                }
            )
            continue
        source, trade_no, state, paid, amount, payee, paid_at = proof
        expected = payees.get(row.shop_id, "")
        if not paid:
            text = _("%(who)s says it is not paid (%(state)s).") % {"who": source, "state": state}
        elif amount != row.payable:
            text = _("%(who)s says %(paid)s was paid, the order is %(due)s.") % {
                "who": source,
                "paid": amount,
                "due": row.payable,
            }
        elif payee and expected and payee != expected:
            text = _("%(who)s says it was paid to %(payee)s, which is not this shop.") % {
                "who": source,
                "payee": payee,
            }
        else:
            data[row.id] = {"asked": source, "trade_no": trade_no, "amount": str(amount), "says": state}
            writer.occurred(row, paid_at or row.paid_at)
            if row.paid_at is None and paid_at is not None:
                writer.set(row, paid_at=paid_at)
            continue
        holds.open_in(
            writer, row, HoldType.PAYMENT, text, {"asked": source, "trade_no": trade_no, "says": state}
        )


def _payees() -> dict[int, str]:
    rows = Shop.objects.filter(payment_connection__isnull=False).values_list(
        "id", "payment_connection__options"
    )
    return {shop_id: str(options.get("seller_id", "")) for shop_id, options in rows}


def take_notices(rows: list[PayloadRow]) -> dict[int, Verdict]:
    """Signed callbacks of a gateway: each makes one question to the gateway about its order.

    One that comes before its order waits; one after the order was cancelled is put before a person.
    """
    verdicts: dict[int, Verdict] = {}
    notices: dict[int, dict[str, str]] = {}
    for row in rows:
        try:
            notices[row.id] = json.loads(row.raw)
        except ValueError:
            verdicts[row.id] = Verdict.set_aside("not_json", _("The callback cannot be read."))
    numbers = {str(notice.get("out_trade_no", "")) for notice in notices.values()}
    orders = {
        order.channel_number: order
        for order in Order.objects.filter(
            channel_number__in=numbers, shop__payment_connection__in={row.connection_id for row in rows}
        )
    }
    claims: dict[int, dt.datetime | None] = {}
    for row in rows:
        if row.id not in notices:
            continue
        notice = notices[row.id]
        order = orders.get(str(notice.get("out_trade_no", "")))
        if order is None:
            verdicts[row.id] = Verdict.wait("no_order", _("The order of this payment is not here yet."))
            continue
        verdicts[row.id] = Verdict.parsed(order.id)
        if notice.get("trade_status") not in PAID_WORDS:
            continue
        paid_at = beijing_time(notice["gmt_payment"], "gmt_payment") if notice.get("gmt_payment") else None
        if order.state == "cancelled":
            _late(order, notice)
        elif order.state == "unpaid":
            claims[order.id] = paid_at
        ask_once(
            "payment.query",
            f"{order.number}:{notice.get('trade_no', '')}:{notice.get('trade_status')}",
            connection_id=row.connection_id,
            subject_id=order.id,
            order_id=order.id,
            data={"out_trade_no": order.channel_number},
        )
    if claims:
        times = {identity: at for identity, at in claims.items() if at}
        apply(
            LIFECYCLE,
            "claim",
            sorted(claims),
            actor=platform("alipay"),
            params={"paid_at": times},
            occurred=times,
        )
    nudge("orderhub.drain_outbox", "payment.query")
    return verdicts


def _late(order: Order, notice: dict[str, str]) -> None:
    from orderhub.tickets.opening import open_ticket

    open_ticket(
        "late_payment",
        f"late_payment:{order.id}",
        _("Paid after the order had expired: %(number)s") % {"number": order.number},
        body=_("The buyer paid %(amount)s. Refund it, or place the order again.")
        % {"amount": notice.get("total_amount")},
        role="service_lead",
        order_id=order.id,
    )


def answered(messages: list[Message]) -> None:
    """The gateway answered: its words become proofs, and the orders are looked at now."""
    now = timezone.now()
    proofs: list[PaymentProof] = []
    for message in messages:
        answer = message.answer or {}
        try:
            amount = yuan(answer["total_amount"]) if answer.get("total_amount") else None
        except BadMoney:
            amount = None
        proofs.append(
            PaymentProof(
                order_id=message.subject_id,
                source=answer.get("source", "alipay"),
                trade_no=answer.get("trade_no", ""),
                state=answer.get("trade_status", ""),
                paid=answer.get("trade_status") in PAID_WORDS,
                amount=amount,
                payee=answer.get("seller_id", ""),
                paid_at=beijing_time(answer["send_pay_date"], "send_pay_date")
                if answer.get("send_pay_date")
                else None,
                asked_at=now,
            )
        )
    PaymentProof.objects.bulk_create(proofs)
    Order.objects.filter(id__in=[m.subject_id for m in messages], state="claimed").update(next_try_at=now)
    nudge("orders.advance")


def missing_questions(limit: int = 500) -> int:
    """Ask about claimed orders that nobody asked about yet (the own shop's); returns how many."""
    rows = (
        Order.objects.filter(
            state="claimed", open_holds=0, proofs__isnull=True, shop__payment_connection__isnull=False
        )
        .exclude(id__in=Message.objects.filter(kind="payment.query").values("subject_id"))
        .values_list("id", "number", "channel_number", "shop__payment_connection_id")[:limit]
    )
    return sum(
        ask_once(
            "payment.query",
            f"{number}:first",
            connection_id=connection_id,
            subject_id=identity,
            order_id=identity,
            data={"out_trade_no": channel_number},
        )
        for identity, number, channel_number, connection_id in rows
    )


def expire_unpaid(limit: int = 500) -> int:
    """Cancel unpaid orders whose time is over; what they held returns to stock."""
    from orderhub.actors import CLOCK

    ids = list(
        Order.objects.filter(state="unpaid", expires_at__lt=timezone.now())
        .order_by("expires_at")
        .values_list("id", flat=True)[:limit]
    )
    if not ids:
        return 0
    outcome = apply(
        LIFECYCLE, "cancel", ids, actor=CLOCK, params={"reason": _("unpaid until its time was over")}
    )
    return len(outcome.moved)
