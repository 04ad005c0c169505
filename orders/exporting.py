"""The columns of an order in exports. Receivers are masked, always: what is shown here is what the lists show."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from import_export.resources import Resource

from orderhub.dotted import resolve
from orderhub.exports.columns import CODE, MOMENT, MONEY, WHOLE, WORD, Column, columns_of, labelled
from orderhub.integrations.platforms import name_of
from orders.models import Order
from orders.models.hold import HoldType
from orders.providers import PROVIDERS
from orders.watching import refunds

#: What other apps know of an order, by dotted name: a function () -> {place: Column}.
OTHERS = ("logistics.exporting.columns",)


def _channels() -> list[tuple[str, Any]]:
    return [(code, name_of(code)) for code in PROVIDERS]


def _choices(name: str) -> list[tuple[Any, Any]]:
    return list(getattr(Order._meta.get_field(name), "choices", None) or [])


_GOODS = """SELECT string_agg(coalesce(k.code, l.seller_code) || ' × ' || l.quantity, '; ' ORDER BY l.channel_line)
    FROM orders_line l LEFT JOIN inventory_sku k ON k.id = l.sku_id WHERE l.order_id = o.id"""
_HOLDS = "SELECT string_agg({label}, '; ' ORDER BY h.id) FROM orders_hold h WHERE h.order_id = o.id AND h.released_at IS NULL"


def columns() -> dict[str, Column]:
    """{code: column}, in order; labels in the language of now."""
    own = {
        "number": Column(_("order"), "o.number", CODE),
        "channel": Column(_("Channel"), labelled("s.channel", _channels()), WORD),
        "shop": Column(_("Shop"), "s.name"),
        "channel_number": Column(_("channel's number"), "o.channel_number", CODE),
        "state": Column(_("state"), labelled("o.state", _choices("state")), WORD),
        "holds": Column(_("Open holds"), _HOLDS.format(label=labelled("h.type", HoldType.choices)), WORD),
        "ordered_at": Column(_("ordered"), "o.ordered_at", MOMENT),
        "paid_at": Column(_("paid"), "o.paid_at", MOMENT),
        "promised_ship_at": Column(_("promised to ship by"), "o.promised_ship_at", MOMENT),
        "shipped_at": Column(_("Shipped at"), "o.shipped_at", MOMENT),
        "signed_at": Column(_("Signed at"), "o.signed_at", MOMENT),
        "closed_at": Column(_("closed"), "o.closed_at", MOMENT),
        "goods_amount": Column(_("goods amount"), "o.goods_amount", MONEY),
        "discount": Column(_("discount"), "o.discount", MONEY),
        "freight": Column(_("freight"), "o.freight", MONEY),
        "payable": Column(_("payable"), "o.payable", MONEY),
        "pieces": Column(_("Pieces"), "o.piece_count", WHOLE),
        "goods": Column(_("goods"), _GOODS),
        "warehouse": Column(_("warehouse"), "w.name"),
        "carrier": Column(_("Carrier"), "o.carrier"),
        "outlet": Column(_("outlet"), "o.outlet_code", CODE),
    }
    for name in OTHERS:
        own |= resolve(name)()
    return own | {
        "receiver": Column(_("receiver"), "r.name_mask"),
        "phone": Column(_("telephone"), "r.phone_mask"),
        "province": Column(_("Province"), "r.province"),
        "city": Column(_("City"), "r.city"),
        "district": Column(_("District"), "r.district"),
        "address": Column(_("address"), "r.address_mask"),
        "refund": Column(_("Refund"), labelled("o.refund_state", refunds()), WORD),
        "tags": Column(_("tags"), "SELECT string_agg(t, '; ') FROM jsonb_array_elements_text(o.tags) t"),
    }


class OrderResource(Resource):
    """Orders as rows of a file."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.fields = columns()

    def get_export_order(self, selected_fields: Any = None) -> list[str]:
        return list(self.fields)


FROM = """FROM orders_order o JOIN orders_shop s ON s.id = o.shop_id
    LEFT JOIN inventory_warehouse w ON w.id = o.warehouse_id LEFT JOIN orders_receiver r ON r.order_id = o.id
    WHERE o.id = ANY(%s::bigint[]) ORDER BY o.id"""


def exported() -> list[Column]:
    """The columns of the file, in the language of now."""
    return columns_of(OrderResource())
