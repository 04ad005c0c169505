"""Limited purchase where an order comes without a claim: a buyer has no more by ordering at once than by a basket.

What is let through is counted as a claim that was bought, with the order line's uuid as its reference, so that it ends
with the order and the next basket knows of it.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils import timezone
from django.utils.translation import gettext as _

from inventory import availability
from inventory.models import Claim
from inventory.operations.claiming import COUNTED, Buyer, lock, sales

REFUSED = "limit"


@dataclass(frozen=True, slots=True)
class Asked:
    """An order that wants pieces: (the line's uuid, SKU, pieces) of each line that no claim stands for."""

    account_id: int
    key: str
    buyer: Buyer
    lines: tuple[tuple[uuid.UUID, int, int], ...]


def take(asked: Sequence[Asked]) -> dict[int, str]:
    """{place in `asked`: why not} of orders that would pass a limit; the others are counted, in the caller's transaction.

    At most five statements, three where nothing asked for is limited.
    """
    numbers = availability.for_sale({line[1] for one in asked for line in one.lines})
    limited = {sku: sale for sku, sale in sales(numbers).items() if sale.most is not None} if numbers else {}
    if not limited:
        return {}
    lock(limited)
    now = timezone.now()
    hashes = [one.buyer.hashes() for one in asked]
    had: Counter[tuple[int, str, str]] = Counter()
    rows = Claim.objects.filter(sku_id__in=limited, counts_until__gt=now).exclude(state=Claim.State.ENDED)
    for sku_id, quantity, *texts in rows.values_list("sku_id", "quantity", *COUNTED):
        for column, text in zip(COUNTED, texts, strict=True):
            had[sku_id, column, text] += quantity
    refused: dict[int, str] = {}
    made: list[Claim] = []
    for place, one in enumerate(asked):
        mine = {column: text for column, text in hashes[place].items() if text}
        wanted: Counter[int] = Counter()
        for _name, sku_id, pieces in one.lines:
            if sku_id in limited:
                wanted[sku_id] += pieces
        for sku_id, pieces in wanted.items():
            most = limited[sku_id].most or 0
            left = max(0, most - max((had[sku_id, column, text] for column, text in mine.items()), default=0))
            if pieces > left:
                words = _("Limited purchase: at most %(most)d a buyer; %(left)d can still be had.")
                refused[place] = words % {"most": most, "left": min(left, numbers[sku_id].shown)}
                break
        if place in refused:
            continue
        for sku_id, pieces in wanted.items():
            for column, text in mine.items():
                had[sku_id, column, text] += pieces
        until = {sku_id: now + limited[sku_id].counted for sku_id in wanted}
        made += [
            Claim(
                reference=name, account_id=one.account_id, key=f"{one.key[:74]}:{n}", sku_id=sku_id, quantity=pieces,
                limited=True, state=Claim.State.BOUGHT, expires_at=until[sku_id], counts_until=until[sku_id], **hashes[place],
            )
            for n, (name, sku_id, pieces) in enumerate(one.lines)
            if sku_id in limited
        ]  # fmt: skip
    Claim.objects.bulk_create(made, ignore_conflicts=True)
    return refused
