"""Waybill numbers in the outbox's words: the gate, the carrier's reach, then the parcel's own label service (`labels`)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from django.utils.translation import gettext as _

from logistics.providers.gate import pass_gate
from logistics.providers.labels import service
from logistics.providers.reach import pass_reach
from logistics.queries import shipments
from orderhub.integrations.errors import PlatformError
from orderhub.models import Message
from orderhub.outbox.sending import Answer


def send(messages: Sequence[Message]) -> dict[int, Answer]:
    """Take a number for each parcel whose order may go on."""
    going, answers = pass_gate(messages)
    found = shipments(m.subject_id for m in going)
    ready: dict[str, list[Message]] = defaultdict(list)
    for message in going:
        shipment = found.get(message.subject_id)
        if shipment is None or shipment.parcel.state != "planned":
            answers[message.id] = Answer.withdrawn(_("The parcel is no longer planned."))
        elif shipment.parcel.destination_version != shipment.receiver.version:
            answers[message.id] = Answer.withdrawn(_("The address was changed; the parcel is planned again."))
        elif message.connection is None:
            answers[message.id] = Answer.person(
                _("No account of a label service is connected."), "configuration"
            )
        else:
            ready[shipment.parcel.service].append(message)
    for word, group in ready.items():
        within, turned_back = pass_reach(group, found)
        answers.update(turned_back)
        if within:
            answers.update(service(word).take(within, found))
    return answers


def ask(messages: Sequence[Message]) -> dict[int, Answer]:
    """Whether numbers exist already for parcels whose outcome is unknown."""
    found = shipments(m.subject_id for m in messages)
    answers: dict[int, Answer] = {}
    known: dict[str, list[Message]] = defaultdict(list)
    for message in messages:
        shipment = found.get(message.subject_id)
        if shipment is None or message.connection is None:
            answers[message.id] = Answer.missing()
        else:
            known[shipment.parcel.service].append(message)
    for word, group in known.items():
        answers.update(service(word).ask(group, found))
    return answers


def send_cancel(messages: Sequence[Message]) -> dict[int, Answer]:
    """Give numbers back; one cancelled before is cancelled, one with a pick-up stays and says so."""
    answers: dict[int, Answer] = {}
    for message in messages:
        if message.connection is None:
            answers[message.id] = Answer.person(
                _("No account of a label service is connected."), "configuration"
            )
            continue
        try:
            service(str(message.data["service"])).cancel(message.connection, message.data)
            answers[message.id] = Answer.done(waybill_no=str(message.data["waybill_no"]))
        except PlatformError as error:
            answers[message.id] = _retry_cancel(error)
    return answers


def _retry_cancel(error: PlatformError) -> Answer:
    """A cancel may be repeated: a second one changes nothing."""
    return Answer("retry", kind="retry", text=error.message) if error.kind == "unknown" else Answer.of(error)
