"""Level one of the judgement: the payment is real because the channel or gateway itself says so.

A notice (a gateway's callback) only makes us ask; a proof is what the gateway answered. Amount, payee and
state must agree with the order, else it is held for a person.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _

from orderhub.actors import Actor, platform
from orderhub.inbound.processing import PayloadRow, Verdict
from orderhub.lifecycle import Refusal, Writer, apply
from orderhub.models import Connection, Message
from orderhub.money import BadMoney, yuan
from orderhub.notifications.asking import notify
from orderhub.nudge import nudge
from orderhub.outbox.writing import ask_once
from orderhub.tickets.opening import open_ticket
from orders.lifecycle import LIFECYCLE
from orders.models import HoldType, Order, PaymentProof, Shop
from orders.operations import figures, holds, risk, unpaid
from orders.providers import payment
from orders.providers.base import Unreadable


def claim(live: list[Any], writer: Writer) -> None:
    """UNPAID → CLAIMED: somebody says it is paid (`params["paid_at"][id]`); nothing is proved yet."""
    times: dict[int, dt.datetime] = writer.params.get("paid_at", {})
    for row in live:
        if times.get(row.id):
            writer.set(row, paid_at=times[row.id])


def verify(live: list[Any], writer: Writer) -> None:
    """CLAIMED → PAID where a gateway's newest word agrees in state, amount and payee; else held. Two queries.

    What is real may still be suspicious: that is a rule's to say, after the truth (`orders.operations.risk`).

    A shop may be paid through several gateways: one that knows nothing of the order says nothing against
    another that was paid, and none is believed to be unpaid as long as one of them has not answered.
    """
    ids = [row.id for row in live]
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT order_id, source, trade_no, state, paid, amount, payee, paid_at FROM (
                   SELECT DISTINCT ON (order_id, source) * FROM orders_paymentproof
                   WHERE order_id = ANY(%s) ORDER BY order_id, source, id DESC) newest
               ORDER BY order_id, paid, id""",
            [ids],
        )
        proofs = {values[0]: values[1:] for values in cursor.fetchall()}
        cursor.execute(
            """SELECT DISTINCT subject_id FROM orderhub_message WHERE kind = 'payment.query'
               AND subject_id = ANY(%s) AND order_id = ANY(%s) AND state IN ('new', 'sending', 'unknown')""",
            [ids, ids],
        )
        asking = {row[0] for row in cursor.fetchall()}
    payees = _payees()
    real: list[Any] = []
    data = writer.context.setdefault("data", {})
    for row in live:
        proof = proofs.get(row.id)
        if proof is None or (not proof[3] and row.id in asking):
            text = _("The gateway has not answered yet.")
            writer.refuse({row.id: Refusal("no_proof", text, dt.timedelta(seconds=30))})
            continue
        source, trade_no, state, paid, amount, payee, paid_at = proof
        expected = payees.get((row.shop_id, source), set())
        if not paid:
            text = _("%(who)s says it is not paid (%(state)s).") % {"who": source, "state": state}
        elif amount != row.payable:
            text = _("%(who)s says %(paid)s was paid, the order is %(due)s.") % {
                "who": source,
                "paid": amount,
                "due": row.payable,
            }
        elif payee and expected and payee not in expected:
            text = _("%(who)s says it was paid to %(payee)s, which is not this shop.") % {
                "who": source,
                "payee": payee,
            }
        else:
            data[row.id] = {"asked": source, "trade_no": trade_no, "amount": str(amount), "says": state}
            writer.occurred(row, paid_at or row.paid_at)
            if row.paid_at is None and paid_at is not None:
                writer.set(row, paid_at=paid_at)
            real.append(row)
            continue
        holds.open_in(
            writer, row, HoldType.PAYMENT, text, {"asked": source, "trade_no": trade_no, "says": state}
        )
    _promise([row for row in real if row.promised_ship_at is None and row.paid_at is not None], writer)
    risk.judge(real, writer)


def _promise(rows: list[Any], writer: Writer) -> None:
    """Say when these must leave; no statement where every order has its promise already."""
    if not rows:
        return
    found = Shop.objects.filter(id__in={row.shop_id for row in rows})
    shops = {shop[0]: shop for shop in found.values_list("id", "code", "channel", "promise_hours")}
    asked = []
    for row in rows:
        _id, code, channel, hours = shops[row.shop_id]
        known = figures.promise_input(code, channel, hours, row.payable, row.piece_count)
        asked.append((known, row.paid_at))
    for row, at in zip(rows, figures.promised(asked), strict=True):
        writer.set(row, promised_ship_at=at)


def _payees() -> dict[tuple[int, str], set[str]]:
    """Who may be paid, by shop and gateway."""
    rows = Shop.payment_connections.through.objects.values_list(
        "shop_id", "connection__platform", "connection__options"
    )
    found: dict[tuple[int, str], set[str]] = {}
    for shop_id, platform_code, options in rows:
        gateway = payment.GATEWAYS.get(platform_code)
        if gateway is not None and options.get(gateway.payee):
            found.setdefault((shop_id, platform_code), set()).add(str(options[gateway.payee]))
    return found


def take_notices(rows: list[PayloadRow]) -> dict[int, Verdict]:
    """Signed callbacks of a gateway: each makes one question to the gateway about its order.

    One that comes before its order waits; one after the order was cancelled is put before a person.
    """
    verdicts: dict[int, Verdict] = {}
    notices: dict[int, payment.Notice] = {}
    accounts = Connection.objects.in_bulk({row.connection_id for row in rows})
    for row in rows:
        try:
            notices[row.id] = payment.read(accounts[row.connection_id], row.raw)
        except Unreadable as error:
            verdicts[row.id] = Verdict.set_aside(error.code, error.text)
    orders = _orders_of(accounts, notices.values())
    claims: dict[str, dict[int, dt.datetime | None]] = {}
    told: dict[int, tuple[Order, payment.Notice]] = {}
    for row in rows:
        if row.id not in notices:
            continue
        notice = notices[row.id]
        order = orders.get((row.connection_id, notice.number))
        if order is None:
            verdicts[row.id] = Verdict.wait("no_order", _("The order of this payment is not here yet."))
            continue
        verdicts[row.id] = Verdict.parsed(order.id)
        if not notice.paid:
            continue
        account = accounts[row.connection_id]
        if order.state in ("unpaid", "cancelled"):
            claims.setdefault(account.platform, {})[order.id] = notice.paid_at
            told[order.id] = (order, notice)
        ask_once(
            "payment.query",
            f"{order.number}:{notice.trade_no}:{notice.state}",
            connection_id=row.connection_id,
            subject_id=order.id,
            order_id=order.id,
            data={"out_trade_no": order.channel_number},
        )
    for platform_code, found in claims.items():
        for order_id in claimed_or_back(found, platform(platform_code)):
            _late(*told[order_id])
    nudge("orderhub.drain_outbox", "payment.query")
    return verdicts


def claimed_or_back(found: dict[int, dt.datetime | None], actor: Actor) -> list[int]:
    """Orders that are said to be paid: claimed, or brought back where they expired; those that are neither.

    An order that expires at this moment is one or the other: whoever has its row first decides, and nobody is lost.
    """
    times = {identity: at for identity, at in found.items() if at}
    claimed = apply(LIFECYCLE, "claim", sorted(found), actor=actor, params={"paid_at": times}, occurred=times)
    late = {identity: found[identity] for identity in unpaid.expired(claimed.refused)}
    if late:
        unpaid.revive(late, actor)
    lost = Order.objects.filter(id__in=list(claimed.refused), state="cancelled")
    return list(lost.values_list("id", flat=True))


def _orders_of(
    accounts: dict[int, Connection], notices: Iterable[payment.Notice]
) -> dict[tuple[int, str], Order]:
    """The orders that the notices name, by account and shop number: only shops that use the account are asked."""
    shops: dict[int, list[int]] = {}
    uses = Shop.payment_connections.through.objects.filter(connection_id__in=accounts)
    for shop_id, account_id in uses.values_list("shop_id", "connection_id"):
        shops.setdefault(shop_id, []).append(account_id)
    found = Order.objects.filter(channel_number__in={n.number for n in notices}, shop_id__in=shops)
    return {
        (account_id, order.channel_number): order for order in found for account_id in shops[order.shop_id]
    }


def _late(order: Order, notice: payment.Notice) -> None:
    open_ticket(
        "late_payment",
        f"late_payment:{order.id}",
        _("Paid after the order had expired: %(number)s") % {"number": order.number},
        body=_("The buyer paid %(amount)s. Refund it, or place the order again.") % {"amount": notice.amount},
        role="service_lead",
        order_id=order.id,
    )
    notify(
        "service_lead",
        "late_payment",
        f"late_payment:{order.id}",
        {"number": order.number, "amount": notice.amount},
        order_id=order.id,
    )


def answered(messages: list[Message]) -> None:
    """The gateway answered: its words become proofs, and the orders are looked at now."""
    now = timezone.now()
    proofs: list[PaymentProof] = []
    for message in messages:
        answer = message.answer or {}
        try:
            amount = yuan(answer["amount"]) if answer.get("amount") else None
        except BadMoney:
            amount = None
        proofs.append(
            PaymentProof(
                order_id=message.subject_id,
                source=answer.get("source", ""),
                trade_no=answer.get("trade_no", ""),
                state=answer.get("state", ""),
                paid=bool(answer.get("paid")),
                amount=amount,
                payee=answer.get("payee", ""),
                paid_at=dt.datetime.fromisoformat(answer["paid_at"]) if answer.get("paid_at") else None,
                asked_at=now,
            )
        )
    PaymentProof.objects.bulk_create(proofs)
    ids = [proof.order_id for proof in proofs]
    _paid_twice(ids)
    Order.objects.filter(id__in=ids, state="claimed").update(next_try_at=now)
    nudge("orders.advance")


def _paid_twice(ids: list[int]) -> None:
    """A ticket for every order that was paid by two payments: the buyer's money is owed back."""
    paid: dict[int, dict[tuple[str, str], str]] = {}
    rows = PaymentProof.objects.filter(order_id__in=ids, paid=True).order_by("id")
    for order_id, source, trade_no, amount in rows.values_list("order_id", "source", "trade_no", "amount"):
        paid.setdefault(order_id, {})[source, trade_no] = f"{source} {trade_no} {amount}"
    twice = {order_id: found for order_id, found in paid.items() if len(found) > 1}
    for order in Order.objects.filter(id__in=twice).only("id", "number"):
        open_ticket(
            "paid_twice",
            f"paid_twice:{order.id}",
            _("Paid twice: %(number)s") % {"number": order.number},
            body=_("Refund one of these payments: %(payments)s.")
            % {"payments": "; ".join(twice[order.id].values())},
            role="service_lead",
            order_id=order.id,
        )
        notify(
            "service_lead",
            "paid_twice",
            f"paid_twice:{order.id}",
            {"number": order.number, "times": len(twice[order.id])},
            order_id=order.id,
        )


def missing_questions(limit: int = 500) -> int:
    """Ask every account of its shop about claimed orders that nobody asked about yet; returns how many questions."""
    rows = (
        Order.objects.filter(
            state="claimed", open_holds=0, proofs__isnull=True, shop__payment_connections__isnull=False
        )
        .exclude(id__in=Message.objects.filter(kind="payment.query").values("subject_id"))
        .values_list("id", "number", "channel_number", "shop__payment_connections")[:limit]
    )
    return sum(
        ask_once(
            "payment.query",
            f"{number}:first:{connection_id}",
            connection_id=connection_id,
            subject_id=identity,
            order_id=identity,
            data={"out_trade_no": channel_number},
        )
        for identity, number, channel_number, connection_id in rows
    )
