"""Raw payloads become orders: parsed in memory, unique in the database, older versions never win.

One bad payload is set aside with its reason and the rest goes on. New orders are written by COPY, one
statement a table; changes of known orders go through `orders.operations.changes`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from inventory.queries import sku_codes
from orderhub.inbound.processing import PayloadRow, Verdict
from orderhub.nudge import nudge
from orders.models import Shop
from orders.operations import changes, limits, newcomers
from orders.providers import channel_of
from orders.providers.base import ParsedOrder, Unreadable


@dataclass(slots=True)
class Incoming:
    """A parsed payload with its shop."""

    payload: PayloadRow
    shop: Shop
    order: ParsedOrder

    @property
    def key(self) -> tuple[int, str]:
        return self.shop.id, self.order.channel_number


def take_in(rows: list[PayloadRow]) -> dict[int, Verdict]:
    """Read order payloads of any shops, in the caller's transaction; constant SQL whatever their number."""
    verdicts: dict[int, Verdict] = {}
    newest: dict[tuple[int, str], Incoming] = {}
    shops = {
        shop.connection_id: shop
        for shop in Shop.objects.filter(connection_id__in={row.connection_id for row in rows})
    }
    for row in rows:
        shop = shops.get(row.connection_id)
        if shop is None:
            verdicts[row.id] = Verdict.set_aside("no_shop", _("This account belongs to no shop."))
            continue
        try:
            incoming = Incoming(row, shop, channel_of(shop.channel).parse(row.raw))
        except Unreadable as error:
            verdicts[row.id] = Verdict.set_aside(error.code, error.text)
            continue
        other = newest.get(incoming.key)
        if other is None or other.order.version <= incoming.order.version:
            newest[incoming.key] = incoming
            incoming, other = other, incoming  # type: ignore[assignment]
        if incoming is not None:
            verdicts[incoming.payload.id] = Verdict.stale()
    if not newest:
        return verdicts
    known = _known(list(newest))
    fresh = [incoming for key, incoming in newest.items() if key not in known]
    codes = sku_codes()
    refused, counted = limits.look(fresh, codes)
    for incoming, text in refused:
        verdicts[incoming.payload.id] = Verdict.set_aside(limits.REFUSED, text)
    out = {incoming.key for incoming, _text in refused}
    fresh = [incoming for incoming in fresh if incoming.key not in out]
    made = newcomers.create(fresh, codes, counted)
    for incoming in fresh:
        verdicts[incoming.payload.id] = Verdict.parsed(made.get(incoming.key))
    later = [(known[key], incoming) for key, incoming in newest.items() if key in known]
    if later:
        verdicts.update(changes.apply_changes(later))
    # an older version in the same batch belongs to the same order
    for row in rows:
        if verdicts[row.id].state == "stale" and verdicts[row.id].order_id is None:
            shop = shops[row.connection_id]
            verdicts[row.id] = Verdict.stale(made.get((shop.id, row.external_id)))
    nudge("orders.advance")
    return verdicts


def _known(keys: list[tuple[int, str]]) -> dict[tuple[int, str], dict[str, Any]]:
    """The orders that are here already, locked by id."""
    names = (
        "id",
        "shop_id",
        "channel_number",
        "number",
        "state",
        "channel_version",
        "channel_state",
        "refund_state",
        "destination_version",
        "open_holds",
        "payable",
        "paid_at",
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT {", ".join(names)} FROM orders_order
                WHERE shop_id = ANY(%s) AND channel_number = ANY(%s) ORDER BY id FOR UPDATE""",
            [sorted({key[0] for key in keys}), [key[1] for key in keys]],
        )
        rows = [dict(zip(names, values, strict=True)) for values in cursor.fetchall()]
    return {(row["shop_id"], row["channel_number"]): row for row in rows}
