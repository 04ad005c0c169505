"""Which orders somebody sees (P5): the one narrowing for API, lists, search and exports.

A shop's token sees its shop's orders. A person narrowed to shops sees theirs; narrowed to warehouses, those that ship
from one of them, wholly or in part. An order that has no warehouse yet is seen by nobody who is narrowed to warehouses.
"""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from inventory.models import Warehouse
from orderhub.api.authentication import ShopCaller
from orderhub.scope import reach_of
from orders.models import Order, Share, Shop


def shop_choices() -> list[tuple[str, str]]:
    """(code, name) of every shop, for the form that narrows a person."""
    return [
        (code, f"{name} ({code})") for code, name in Shop.objects.order_by("name").values_list("code", "name")
    ]


def shops_of(user: Any) -> QuerySet[Shop]:
    """The shops that this person sees."""
    reach, found = reach_of(user), Shop.objects.all()
    return found if reach.shops is None else found.filter(code__in=reach.shops)


def accounts_of(user: Any) -> set[int] | None:
    """Ids of the accounts at platforms that this person sees; None is all of them.

    Whoever is narrowed sees those of their own shops and the warehouse systems of their own warehouses: what a carrier or
    the bookkeeping is told speaks of everybody's orders.
    """
    reach = reach_of(user)
    if reach.everything:
        return None
    shops = Shop.objects.filter(code__in=reach.shops or ()).values_list("connection_id", flat=True)
    houses = Warehouse.objects.filter(code__in=reach.warehouses or (), wms__isnull=False)
    return {*shops, *houses.values_list("wms_id", flat=True)}


def systems_of(user: Any) -> set[str] | None:
    """Codes of the systems whose unmapped codes of goods this person sees; None is all of them.

    A code is heard from a shop or from a warehouse system: whoever is narrowed sees those of their own, as with accounts.
    What no shop or warehouse of theirs says is for people who are not narrowed.
    """
    reach = reach_of(user)
    if reach.everything:
        return None
    houses = Warehouse.objects.filter(code__in=reach.warehouses or (), wms__isnull=False)
    return {*(reach.shops or ()), *houses.values_list("wms__code", flat=True)}


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
