"""What a warehouse system is told to pick: its own spelling of each SKU, and the parts of a bundle in its place.

An account whose option `bundles` is "whole" stocks bundles under a code of their own and is told that instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from inventory import queries as inventory
from logistics.queries import Content, Shipment
from orderhub.models import Connection
from orderhub.money import allocate, rounded


@dataclass(frozen=True, slots=True)
class Good:
    """One position of a hand-over; `total` is what its pieces are worth, without freight."""

    code: str
    name: str
    quantity: int
    price: Decimal
    discount: Decimal
    total: Decimal


def goods(account: Connection, shipments: Sequence[Shipment]) -> dict[int, list[Good]]:
    """{parcel: its positions in this account's words}. Constant SQL.

    The parts of a bundle are what is held for its line, so a bundle that was changed since is picked as it was sold.
    """
    contents = [content for shipment in shipments for content in shipment.contents]
    whole = account.options.get("bundles") == "whole"
    parts = {} if whole else inventory.made_of([(c.reference, c.sku_id, c.quantity) for c in contents])
    ids = {c.sku_id for c in contents} | {sku for made in parts.values() for sku in made}
    spelt = inventory.outside_codes([account.code, account.platform], ids)
    names = inventory.names(sku for made in parts.values() for sku in made)
    return {
        shipment.parcel.id: [
            good
            for content in shipment.contents
            for good in _positions(content, parts.get(content.reference), spelt, names)
        ]
        for shipment in shipments
    }


def _positions(
    content: Content, made: dict[int, int] | None, spelt: dict[int, str], names: dict[int, str]
) -> list[Good]:
    line, all_of_it = content.line, content.quantity == content.line.quantity
    total = line.payable - line.freight_share if all_of_it else content.payable
    if not made:
        code, discount = spelt[content.sku_id], line.discount if all_of_it else Decimal(0)
        return [Good(code, line.title or code, content.quantity, line.unit_price, discount, total)]
    shares = allocate(total, list(made.values()))
    return [
        Good(spelt[sku], names[sku] or spelt[sku], pieces, rounded(share / pieces), Decimal(0), share)
        for (sku, pieces), share in zip(made.items(), shares, strict=True)
    ]
