"""How a buyer of the own shop pays: which gateway, how much, and whether at all; both gateways look here."""

from __future__ import annotations

from decimal import Decimal

from orderhub.sandbox.world import SourceOrder, World


def choose(world: World, order: SourceOrder, gateway: str) -> None:
    """The buyer opens the payment at this gateway; the others never hear of the order."""
    world.ledger.remember("_pay", order.number, gateway)


def gateway(world: World, order: SourceOrder) -> str:
    """Where the buyer pays: Alipay where nothing else was chosen."""
    return str(world.ledger.recall("_pay", order.number, "alipay"))


def paid_amount(order: SourceOrder) -> Decimal:
    """What the buyer really paid: the scenario payment_wrong_amount paid too little."""
    if order.scenario == "payment_wrong_amount":
        return Decimal("0.01")
    return order.payable


def is_paid(order: SourceOrder) -> bool:
    """Whether the money came: the scenario payment_denied only claims it."""
    return order.paid_at is not None and order.scenario != "payment_denied"


def is_opened(order: SourceOrder) -> bool:
    """Whether the gateway knows the order at all: every second unpaid buyer never opened the payment."""
    return order.paid_at is not None or order.scenario == "payment_denied" or bool(order.seq % 2)
