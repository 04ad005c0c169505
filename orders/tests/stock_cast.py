"""The cast of the stock tests: two warehouses, goods, a bundle, purchase orders, and orders that want them."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.utils import timezone

from inventory.models import Bin, BundlePart, PurchaseLine, PurchaseOrder, Sku, Stock, Supplier, Warehouse
from inventory.operations.receive import opening
from orderhub.actors import CLOCK
from orderhub.lifecycle import Outcome, apply
from orders.lifecycle import LIFECYCLE
from orders.models import Hold, Order
from orders.tests import aftersale_cast as cast


def place(code: str = "HZ01", bin_code: str = "A-01", priority: int = 10) -> Bin:
    """A sellable bin of a warehouse."""
    house, _made = Warehouse.objects.get_or_create(code=code, defaults={"name": code, "priority": priority})
    return Bin.objects.get_or_create(warehouse=house, code=bin_code)[0]


def goods(code: str, on_hand: int = 0, **columns: Any) -> Sku:
    """A SKU with so many pieces in HZ01, by the ledger."""
    sku, _made = Sku.objects.get_or_create(
        code=code, defaults={"name": f"商品{code}", "weight_g": 300, **columns}
    )
    if on_hand:
        opening([(sku.pk, place().pk, on_hand)])
    return sku


def bundle(code: str, **parts: int) -> Sku:
    """A bundle of {part's code, _ for -: pieces}."""
    sku = Sku.objects.create(code=code, name=f"组合{code}")
    for part, count in parts.items():
        BundlePart.objects.create(
            bundle=sku, part=Sku.objects.get(code=part.replace("_", "-")), quantity=count
        )
    return sku


def on_the_way(sku: Sku, pieces: int, days: int, number: str = "") -> PurchaseLine:
    """A purchase order that brings so many pieces in so many days."""
    supplier, _made = Supplier.objects.get_or_create(code="S1", defaults={"name": "木器厂"})
    order = PurchaseOrder.objects.create(
        number=number or f"CG{PurchaseOrder.objects.count() + 1}", supplier=supplier, warehouse=place().warehouse,
        expected_at=timezone.now() + dt.timedelta(days=days),
    )  # fmt: skip
    return PurchaseLine.objects.create(order=order, sku=sku, ordered=pieces)


def wants(*lines: tuple[Sku, int], state: str = "paid", promise_in: float = 48, **columns: Any) -> Order:
    """A paid order of these lines, promised in so many hours, that holds nothing yet."""
    promised = timezone.now() + dt.timedelta(hours=promise_in)
    sold = tuple((sku.code, count, "10.00") for sku, count in lines)
    place()
    return cast.order(
        state, goods=sold, discount="0.00", **{"promised_ship_at": promised, "warehouse": None, **columns}
    )


def reserve(*orders: Order) -> Outcome:
    """All of these in one batch."""
    return apply(LIFECYCLE, "reserve", [order.pk for order in orders], actor=CLOCK)


def state(order: Order) -> str:
    return str(Order.objects.get(pk=order.pk).state)


def holds(order: Order) -> list[str]:
    return list(Hold.objects.filter(order=order, released_at=None).values_list("type", flat=True))


def held(order: Order) -> dict[str, int]:
    """{SKU: pieces} that the order holds."""
    from inventory.models import Reservation

    found: dict[str, int] = {}
    for row in Reservation.objects.filter(
        reference__in=list(order.lines.values_list("uuid", flat=True)), state="active"
    ).select_related("sku"):
        found[row.sku.code] = found.get(row.sku.code, 0) + row.quantity
    return found


def free(sku: Sku) -> int:
    return sum(row.on_hand - row.reserved for row in Stock.objects.filter(sku=sku))
