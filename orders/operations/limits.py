"""Limited purchase for orders that come without a claim: whoever passes the limit is refused before he pays.

Only where the channel says who buys before anything is paid (the own shop). Channels that hide their buyers have the
listing's own limit.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from django.utils import timezone

from inventory.operations import claiming, limiting
from inventory.operations.limiting import REFUSED
from inventory.queries import find_sku
from orderhub.ordered import ordered_uuid
from orders.operations.newcomers import claims_of
from orders.providers import channel_of
from orders.providers.base import ChannelState

if TYPE_CHECKING:
    from orders.operations.intake import Incoming

__all__ = ["REFUSED", "look"]


def look(
    fresh: list[Incoming], codes: dict[tuple[str, str], int]
) -> tuple[list[tuple[Incoming, str]], list[str]]:
    """([(newcomer, why it is refused)], the claims that count the others' pieces, each written into its line).

    In the caller's transaction, constant SQL; none where no newcomer is unpaid and of a shop that says who buys.
    """
    asking = [
        item for item in fresh
        if item.order.state is ChannelState.UNPAID and channel_of(item.shop.channel).limits_buyers
    ]  # fmt: skip
    if not asking:
        return [], []
    good = claiming.fitting(claims_of(asking, codes, timezone.now()))
    asked: list[limiting.Asked] = []
    whose: list[Incoming] = []
    named: list[list[tuple[int, str]]] = []  # of each: its lines without a claim, and their uuids
    for item in asking:
        rows, names = [], []
        left = set(good)
        for place, line in enumerate(item.order.lines):
            claim = uuid.UUID(line.claim) if line.claim else None
            sku_id = find_sku(item.shop.code, line.seller_code, codes)
            if claim in left:
                left.discard(claim)
            elif sku_id is not None:
                name = str(ordered_uuid())
                rows.append((uuid.UUID(name), sku_id, line.quantity))
                names.append((place, name))
        if rows:
            plain = item.order.receiver.plain or {}
            buyer = claiming.Buyer(item.order.buyer_ip, plain.get("phone", ""), item.order.buyer_ref)
            key = f"order:{item.order.channel_number}"
            asked.append(limiting.Asked(item.shop.connection_id, key, buyer, tuple(rows)))
            whose.append(item)
            named.append(names)
    said = limiting.take(asked) if asked else {}
    counted = []
    for place, item in enumerate(whose):
        if place not in said:
            for at, name in named[place]:
                item.order.lines[at].claim = name
                counted.append(name)
    return [(whose[place], text) for place, text in said.items()], counted
