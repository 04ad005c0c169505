"""A buyer who waits for our word on a new address: agreed while nobody has touched the goods, refused from then on."""

from __future__ import annotations

from django.utils.translation import gettext as _

from orderhub.integrations.errors import PlatformError
from orderhub.integrations.registry import client
from orderhub.models import Message
from orderhub.outbox.sending import Answer
from orders.models import Order
from orders.models import OrderState as S
from orders.providers import channel_of

#: What is going on with the goods from the warehouse on; before it a new address costs nothing.
GOING_ON = {
    S.RELEASED: "allocating",
    S.WAVED: "picking",
    S.PACKED: "in_warehouse",
    S.PRINTED: "leaving",
    S.SHIPPED: "shipping",
    S.SIGNED: "shipping",
    S.CLOSED: "shipping",
    S.CANCELLED: "shipping",
}


def send(messages: list[Message]) -> dict[int, Answer]:
    """Answer for each message's order (all messages are of one connection); answering twice changes nothing."""
    account = messages[0].connection
    assert account is not None
    speaker, api = channel_of(account.platform), client(account)
    numbers = {str(message.data["number"]) for message in messages}
    here = Order.objects.filter(shop__connection_id=account.id, channel_number__in=numbers)
    states = dict(here.values_list("channel_number", "state"))
    answers: dict[int, Answer] = {}
    for message in messages:
        number = str(message.data["number"])
        if number not in states:
            answers[message.id] = Answer("retry", kind="retry", text=_("The order has not come in yet."))
            continue
        refusal = GOING_ON.get(S(states[number]), "")
        try:
            speaker.answer_address(api, number, refusal)
            answers[message.id] = Answer.done(refused=refusal)
        except PlatformError as error:
            answers[message.id] = Answer.of(error)
    return answers
