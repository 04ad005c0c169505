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


def send(messages: Sequence[Message]) -> dict[int, Answer]:
    """Report each shipment whose order may go on."""
    going, answers = pass_gate(messages)
    found = shipments(m.subject_id for m in going)
    for message in going:
        shipment = found.get(message.subject_id)
        if shipment is None or message.connection is None:
            answers[message.id] = Answer.person(_("The parcel or its shop's account is gone."))
            continue
        try:
            answers[message.id] = Answer.done(already=_tell(message, shipment))
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
    speaker, parcel = client(message.connection), shipment.parcel
    if shipment.head.channel == "taobao":
        answer = speaker.offline_send(shipment.head.channel_number, parcel.carrier, parcel.waybill_no)
    else:
        at = parcel.shipped_at or parcel.state_since
        answer = speaker.report_shipment(shipment.head.channel_number, parcel.carrier, parcel.waybill_no, at)
    return bool(answer.get("already"))


def _known(message: Message, shipment: Shipment) -> bool:
    assert message.connection is not None
    speaker, number = client(message.connection), shipment.head.channel_number
    if shipment.head.channel == "taobao":
        return speaker.shipped_with(number) in (shipment.parcel.waybill_no, "")
    told = speaker.order_state(number).get("shipment") or {}
    return shipment.parcel.waybill_no in told.get("waybills", ())
