"""The gate before a label, a hand-over and a ship report: the channel itself is asked whether the order may go on."""

from __future__ import annotations

from collections.abc import Sequence

from orderhub.models import Message
from orderhub.outbox.sending import Answer
from orders.operations import recheck


def pass_gate(messages: Sequence[Message]) -> tuple[list[Message], dict[int, Answer]]:
    """(messages whose orders may go on, answers of the others): withdrawn, or retried where nobody could be asked."""
    states = recheck.channel_states(sorted({m.order_id for m in messages if m.order_id is not None}))
    going: list[Message] = []
    answers: dict[int, Answer] = {}
    for message in messages:
        state = states.get(message.order_id or 0)
        if state is None:
            answers[message.id] = Answer.withdrawn("the order is gone")
        elif state.again:
            answers[message.id] = Answer("retry", kind="retry", text=state.reason)
        elif not state.ok:
            answers[message.id] = Answer.withdrawn(state.reason)
        else:
            going.append(message)
    return going, answers
