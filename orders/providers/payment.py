"""Asking a payment gateway about payments, in the outbox's words."""

from __future__ import annotations

from orderhub.integrations.errors import PlatformError
from orderhub.integrations.registry import client
from orderhub.models import Message
from orderhub.outbox.sending import Answer

#: Fields of the gateway's answer that we keep; nothing about the buyer.
KEPT = ("trade_no", "out_trade_no", "trade_status", "total_amount", "send_pay_date", "seller_id")
#: The buyer never opened the payment: that is an answer (not paid), not a failure.
NOT_THERE = "ACQ.TRADE_NOT_EXIST"


def send(messages: list[Message]) -> dict[int, Answer]:
    """alipay.trade.query for each message's `out_trade_no`; asking twice does no harm."""
    answers: dict[int, Answer] = {}
    for message in messages:
        assert message.connection is not None
        try:
            found = client(message.connection).trade_query(message.data["out_trade_no"])
        except PlatformError as error:
            if error.code == NOT_THERE:
                answers[message.id] = Answer.done(
                    source=message.connection.platform, trade_status="NOT_EXIST"
                )
            else:
                answers[message.id] = Answer.of(error)
            continue
        kept = {name: str(found[name]) for name in KEPT if found.get(name)}
        answers[message.id] = Answer.done(source=message.connection.platform, **kept)
    return answers
