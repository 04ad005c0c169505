"""Which orders somebody sees (P5): the one narrowing for API, lists, search and exports.

A shop's token sees its shop's orders. A person narrowed to shops sees theirs; narrowed to warehouses, those that ship
from one of them, wholly or in part. An order that has no warehouse yet is seen by nobody who is narrowed to warehouses.
"""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from orderhub.api.authentication import ShopCaller
from orderhub.scope import reach_of
from orders.models import Order, Share, Shop


def shop_choices() -> list[tuple[str, str]]:
    """(code, name) of every shop, for the form that narrows a person."""
    return [
        (code, f"{name} ({code})") for code, name in Shop.objects.order_by("name").values_list("code", "name")
    ]


def visible_to(user: Any, orders: QuerySet[Order] | None = None) -> QuerySet[Order]:
    """The orders among `orders` (all of them by default) that the caller sees."""
    found = Order.objects.all() if orders is None else orders
    if isinstance(user, ShopCaller):
        return found.filter(shop__connection=user.connection)
    reach = reach_of(user)
    if reach.shops is not None:
        found = found.filter(shop__code__in=reach.shops)
    if reach.warehouses is not None:
        shares = Share.objects.filter(order=OuterRef("pk"), warehouse__code__in=reach.warehouses)
        found = found.filter(Q(warehouse__code__in=reach.warehouses) | Exists(shares))
    return found
