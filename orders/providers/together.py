"""Whether a channel lets orders ship together: some must be asked, others have said so by the same address key."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from orderhub import crypto
from orderhub.integrations.registry import client
from orders.models import Merge, Order, Receiver
from orders.providers import channel_of


def basis(order_ids: Sequence[int]) -> str:
    """What says that these orders of one shop go to one address: the channel's call, its key, or plain text."""
    found = (
        Receiver.objects.filter(order_id=order_ids[0])
        .values_list("visibility", "order__shop__channel")
        .first()
    )
    if found is None or found[0] == "plain":
        return str(Merge.Basis.PLAIN)
    return str(Merge.Basis.CHANNEL if channel_of(found[1]).confirms_merge else Merge.Basis.ADDRESS_ID)


def ask(order_ids: Sequence[int]) -> list[list[int]]:
    """Orders of one shop with one address key: the parts that may ship together. HTTP, no transaction open.

    PlatformError where the channel can't be asked.
    """
    orders = list(Order.objects.filter(id__in=order_ids).select_related("shop__connection").order_by("id"))
    provider = channel_of(orders[0].shop.channel)
    if not provider.confirms_merge:
        return [[order.id for order in orders]]
    sealed = dict(Receiver.objects.filter(order_id__in=order_ids).values_list("order_id", "opaque_enc"))
    keys: dict[int, Mapping[str, str]] = {
        order_id: json.loads(crypto.decrypt(bytes(text))) if text else {} for order_id, text in sealed.items()
    }
    numbers = {order.channel_number: order.id for order in orders}
    pairs = [(order.channel_number, keys.get(order.id, {})) for order in orders]
    said = provider.together(client(orders[0].shop.connection), pairs)
    return [[numbers[number] for number in part if number in numbers] for part in said]
