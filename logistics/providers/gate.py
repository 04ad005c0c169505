"""The gate before a label, a hand-over and a ship report: the channel itself is asked whether the order may go on."""

from __future__ import annotations

from collections.abc import Sequence

from logistics.queries import orders_in
from orderhub.models import Message
from orderhub.outbox.sending import Answer
from orders.operations import recheck


def pass_gate(messages: Sequence[Message]) -> tuple[list[Message], dict[int, Answer]]:
    """(messages whose orders may go on, answers of the others): withdrawn, or retried where nobody could be asked.

    A parcel with several orders goes on only where every one of them may.
    """
    inside = orders_in([m.subject_id for m in messages])
    about = {m.id: sorted({m.order_id or 0, *inside.get(m.subject_id, [])}) for m in messages}
    reports = {m.id for m in messages if m.kind == "channel.ship"}  # each order is reported by itself
    about.update({m.id: [m.order_id or 0] for m in messages if m.id in reports})
    states = recheck.channel_states(sorted({i for ids in about.values() for i in ids if i}))
    going: list[Message] = []
    answers: dict[int, Answer] = {}
    for message in messages:
        found = [states.get(order_id) for order_id in about[message.id]]
        stop = next((state for state in found if state is None or not state.ok), recheck.ChannelState(True))
        if stop is None:
            answers[message.id] = Answer.withdrawn("the order is gone")
        elif stop.again:
            answers[message.id] = Answer("retry", kind="retry", text=stop.reason)
        elif not stop.ok:
            answers[message.id] = Answer.withdrawn(stop.reason)
        else:
            going.append(message)
    return going, answers
