"""Hand-over to a warehouse system: own-shop orders by Wangdiantong's push, masked ones by Qimen with their oaid.

The parcel's number is the natural key on both sides. A refusal of the warehouse itself is an answer (the order
is held); a refusal of our data waits for a person in the outbox.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from django.utils.translation import gettext as _

from logistics.models import Parcel
from logistics.providers import qimen, wangdiantong
from logistics.providers.gate import pass_gate
from logistics.queries import Shipment, shipments
from orderhub.integrations.errors import PlatformError
from orderhub.models import Connection, Message
from orderhub.outbox.sending import Answer

#: What a warehouse says when it will not do it; everything else is our data's fault.
REFUSALS = ("拒单", "拒绝", "缺货", "库存不足", "实物不足")


def refusal(text: str) -> Answer:
    """The warehouse's own refusal, or a fault of what we sent."""
    if any(word in text for word in REFUSALS):
        return Answer.done(refused=text)
    return Answer.person(text)


def send(messages: Sequence[Message]) -> dict[int, Answer]:
    """Hand over each parcel whose order may go on."""
    going, answers = pass_gate(messages)
    found = shipments(m.subject_id for m in going)
    groups: dict[int, list[Message]] = defaultdict(list)
    for message in going:
        shipment = found.get(message.subject_id)
        if shipment is None or shipment.parcel.state != "numbered" or shipment.parcel.stop_reason:
            answers[message.id] = Answer.withdrawn(_("The parcel is no longer to be handed over."))
        elif shipment.parcel.destination_version != shipment.receiver.version:
            answers[message.id] = Answer.withdrawn(_("The address was changed; the parcel is planned again."))
        elif message.connection is None:
            answers[message.id] = Answer.person(
                _("The warehouse has no account to hand over to."), "configuration"
            )
        else:
            groups[message.connection.id].append(message)
    for group in groups.values():
        connection = group[0].connection
        assert connection is not None
        parcels = {m.id: found[m.subject_id] for m in group}
        if _route(group[0], found) == Parcel.Route.WANGDIANTONG:
            answers.update(_push(connection, parcels))
        else:
            answers.update(
                {identity: _create(connection, shipment) for identity, shipment in parcels.items()}
            )
    return answers


def _route(message: Message, found: dict[int, Shipment]) -> str:
    return found[message.subject_id].parcel.worked_by


def _push(connection: Connection, parcels: dict[int, Shipment]) -> dict[int, Answer]:
    try:
        errors = wangdiantong.push(connection, list(parcels.values()))
    except PlatformError as error:
        return {identity: Answer.of(error) for identity in parcels}
    return {
        identity: refusal(errors[s.parcel.number])
        if s.parcel.number in errors
        else Answer.done(reference=s.parcel.number)
        for identity, s in parcels.items()
    }


def _create(connection: Connection, shipment: Shipment) -> Answer:
    try:
        return Answer.done(reference=qimen.create(connection, shipment))
    except PlatformError as error:
        return refusal(error.message) if error.kind == "business" else Answer.of(error)


def ask(messages: Sequence[Message]) -> dict[int, Answer]:
    """Whether the warehouse has the parcels whose hand-over is unknown."""
    found = shipments(m.subject_id for m in messages)
    answers: dict[int, Answer] = {}
    for message in messages:
        shipment = found.get(message.subject_id)
        if shipment is None or message.connection is None:
            answers[message.id] = Answer.missing()
            continue
        speaker = wangdiantong if shipment.parcel.worked_by == Parcel.Route.WANGDIANTONG else qimen
        try:
            reference = speaker.known(message.connection, shipment.parcel.number, shipment.warehouse.code)
        except PlatformError as error:
            answers[message.id] = Answer("unknown", kind=error.kind, text=error.message)
            continue
        answers[message.id] = Answer.done(reference=reference) if reference else Answer.missing()
    return answers


def send_cancel(messages: Sequence[Message]) -> dict[int, Answer]:
    """Stop parcels at the warehouse; one that left already is answered as late, not as an error."""
    found = shipments(m.subject_id for m in messages)
    answers: dict[int, Answer] = {}
    for message in messages:
        shipment = found.get(message.subject_id)
        if shipment is None or message.connection is None:
            answers[message.id] = Answer.person(
                _("The warehouse has no account to stop it at."), "configuration"
            )
            continue
        speaker = wangdiantong if shipment.parcel.worked_by == Parcel.Route.WANGDIANTONG else qimen
        try:
            late = speaker.stop(message.connection, shipment)
            answers[message.id] = Answer.done(late=late)
        except PlatformError as error:  # a second stop changes nothing, so an unknown one is repeated
            retry = error.kind == "unknown"
            answers[message.id] = (
                Answer("retry", kind="retry", text=error.message) if retry else Answer.of(error)
            )
    return answers


def word(route: str, connection: Connection, number: str, house: str) -> str:
    """How the warehouse sees a parcel: missing cancelled working shipped; ValueError for what can't be read."""
    if route == Parcel.Route.QIMEN:
        answer = qimen.read(connection, number, house)
        if answer is None:
            return "missing"
        told = qimen.progress(answer, 0)
    else:
        rows = wangdiantong.by_number(connection, number)
        if not rows:
            return "missing"
        told = wangdiantong.progress(rows[0], 0)
    if told.refused:
        return "cancelled"
    return "shipped" if told.stage == "shipped" else "working"
