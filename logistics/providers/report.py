"""The ship report in our words: the channel is told carrier and number once; shipped already counts as told."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext as _

from logistics.providers.gate import pass_gate
from logistics.queries import Shipment, shipments
from orderhub.integrations.errors import PlatformError
from orderhub.integrations.registry import client
from orderhub.models import Message
from orderhub.outbox.sending import Answer
from orders.providers import channel_of
from orders.providers.channel import Told


def send(messages: Sequence[Message]) -> dict[int, Answer]:
    """Report each shipment whose order may go on."""
    going, answers = pass_gate(messages)
    found = shipments(m.subject_id for m in going)
    told_now: set[int] = set()
    for message in sorted(going, key=lambda m: m.subject_id):
        shipment = found.get(message.subject_id)
        if shipment is not None and shipment.head.id in told_now:
            shipment.told = True  # the first parcel that leaves ships the order, whichever it is
        if shipment is None or message.connection is None:
            answers[message.id] = Answer.person(_("The parcel or its shop's account is gone."))
            continue
        if shipment.split and not _lines(shipment):
            other = shipment.others[0] if shipment.others else ""
            answers[message.id] = Answer.done(only=other)  # the channel has no place for a second number
            continue
        try:
            answers[message.id] = Answer.done(already=_tell(message, shipment))
            told_now.add(shipment.head.id)
        except PlatformError as error:
            answers[message.id] = Answer.of(error)
    return answers


def ask(messages: Sequence[Message]) -> dict[int, Answer]:
    """Whether the channel knows of the shipment already."""
    found = shipments(m.subject_id for m in messages)
    answers: dict[int, Answer] = {}
    for message in messages:
        shipment = found.get(message.subject_id)
        if shipment is None or message.connection is None:
            answers[message.id] = Answer.missing()
            continue
        try:
            known = _known(message, shipment)
            answers[message.id] = Answer.done(already=True) if known else Answer.missing()
        except PlatformError as error:
            answers[message.id] = Answer("unknown", kind=error.kind, text=error.message)
    return answers


def _tell(message: Message, shipment: Shipment) -> bool:
    assert message.connection is not None
    return channel_of(shipment.head.channel).ship(client(message.connection), told(shipment))


def _known(message: Message, shipment: Shipment) -> bool:
    assert message.connection is not None
    return channel_of(shipment.head.channel).shipped(client(message.connection), told(shipment))


def told(shipment: Shipment) -> Told:
    """The shipment of a parcel in the words of a channel."""
    parcel = shipment.parcel
    at = parcel.shipped_at or parcel.state_since
    return Told(
        shipment.head.channel_number,
        parcel.carrier,
        parcel.waybill_no,
        at,
        lines=_lines(shipment) if shipment.split else (),
        role="split" if shipment.split and shipment.told else "main" if shipment.split else parcel.role,
    )


def _lines(shipment: Shipment) -> tuple[str, ...]:
    """The channel's own line ids that this parcel of a split order tells.

    Where the channel takes one number a line, a line whose pieces go in several parcels is told with the first.
    """
    once = not channel_of(shipment.head.channel).splits_lines
    rows = [c for c in shipment.contents if c.line is not None and c.order_id == shipment.head.id]
    return tuple(c.line.channel_line for c in rows if not (once and c.line_uuid in shipment.told_before))
