"""Asking a channel for single orders that it spoke of, in the outbox's words; asking twice does no harm."""

from __future__ import annotations

from orderhub.inbound import keeping
from orderhub.integrations.errors import PlatformError
from orderhub.integrations.importance import Importance, spending
from orderhub.integrations.registry import client
from orderhub.models import Message
from orderhub.nudge import nudge
from orderhub.outbox.sending import Answer
from orders.providers import channel_of


def send(messages: list[Message]) -> dict[int, Answer]:
    """Read each message's order (all messages are of one connection) and keep what the channel says."""
    account = messages[0].connection
    assert account is not None
    numbers = list(dict.fromkeys(str(message.data["number"]) for message in messages))
    with spending(Importance.PULL):
        found = channel_of(account.platform).details(client(account), numbers)
    payloads = [answer for answer in found.values() if isinstance(answer, keeping.Kept)]
    keeping.keep_many(account.id, payloads)
    if payloads:
        nudge("orderhub.read_payloads", "order")
    answers: dict[int, Answer] = {}
    for message in messages:
        said = found[str(message.data["number"])]
        answers[message.id] = Answer.of(said) if isinstance(said, PlatformError) else Answer.done()
    return answers
