"""Before a label: does the carrier deliver to an address that only the channel can read? Asked once an address and carrier.

A channel that could not be asked keeps nobody waiting: the parcel goes on, and its order's timeline says so. Where
smart routing is off nobody would choose another carrier, so nobody asks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from django.utils.translation import gettext as _

from logistics.operations import reaching
from logistics.providers.labels.base import Found
from logistics.queries import orders_in, places_picked
from orderhub import modules
from orderhub.integrations.errors import PlatformError
from orderhub.integrations.importance import Importance, spending
from orderhub.integrations.registry import client
from orderhub.models import Message
from orderhub.outbox.sending import Answer
from orders import queries as orders
from orders.providers import channel_of
from orders.providers.channel import Reach


def pass_reach(messages: Sequence[Message], found: Found) -> tuple[list[Message], dict[int, Answer]]:
    """(messages whose carrier delivers or of which nobody could say, answers of those that are turned back)."""
    if not modules.enabled("routing"):
        return list(messages), {}
    asked = [m for m in messages if _is_asked(m, found)]
    known = orders.reach([m.order_id or 0 for m in asked]) if asked else {}
    said = {key: Reach(told.ok, told.reason) for key, told in known.items()}
    groups: dict[tuple[str, str], list[Message]] = defaultdict(list)
    for message in asked:
        shipment = found[message.subject_id]
        if (shipment.head.id, shipment.parcel.carrier) not in said:
            groups[shipment.head.channel, shipment.parcel.carrier].append(message)
    for (channel, carrier), group in groups.items():
        said.update(_ask(channel, carrier, group, found))
    out = [m for m in asked if not said[found[m.subject_id].head.id, found[m.subject_id].parcel.carrier].ok]
    return [m for m in messages if m not in out], _turned_back(out, found, said) if out else {}


def _is_asked(message: Message, found: Found) -> bool:
    shipment = found[message.subject_id]
    return shipment.receiver.visibility != "plain" and channel_of(shipment.head.channel).says_reach


def _ask(
    channel: str, carrier: str, messages: Sequence[Message], found: Found
) -> dict[tuple[int, str], Reach]:
    """One carrier, one account: asked with the budget of news, so that labels keep theirs. Yes and unknown are noted."""
    heads = {found[m.subject_id].head.channel_number: found[m.subject_id] for m in messages}
    answers: dict[str, Reach | PlatformError]
    account = messages[0].connection
    assert account is not None
    try:
        with spending(Importance.PULL):
            receivers = {number: shipment.receiver for number, shipment in heads.items()}
            answers = channel_of(channel).reach(client(account), carrier, receivers)
    except PlatformError as error:
        answers = dict.fromkeys(heads, error)
    said: dict[tuple[int, str], Reach] = {}
    notes: list[reaching.Note] = []
    for number, shipment in heads.items():
        answer = answers[number]
        failed = isinstance(answer, PlatformError)
        said[shipment.head.id, carrier] = reach = Reach(True) if isinstance(answer, PlatformError) else answer
        if reach.ok:
            why = f"{answer.message} ({answer.code})" if isinstance(answer, PlatformError) else ""
            code = reaching.UNKNOWN if failed else reaching.WITHIN
            version = shipment.parcel.destination_version
            notes.append(reaching.Note(shipment.head.id, code, channel, carrier, version, why))
    reaching.note(notes)
    return said


def _turned_back(
    messages: Sequence[Message], found: Found, said: dict[tuple[int, str], Reach]
) -> dict[int, Answer]:
    """Answered and so no longer in flight; what is being picked is a person's."""
    inside = orders_in([m.subject_id for m in messages])
    late = places_picked(i for ids in inside.values() for i in ids)
    answers: dict[int, Answer] = {}
    for message in messages:
        shipment = found[message.subject_id]
        channel, carrier = shipment.head.channel, shipment.parcel.carrier
        if late.intersection(inside[message.subject_id]):
            text = _(
                "%(sentence)s Another parcel of the order is being picked: void this one, or ask the buyer."
            )
            answers[message.id] = Answer.person(text % {"sentence": reaching.words(channel, carrier)})
        else:
            reason = said[shipment.head.id, carrier].reason
            answers[message.id] = Answer.done(out_of_reach=carrier, channel=channel, reason=reason[:100])
    return answers
