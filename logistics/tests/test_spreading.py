"""Orders whose goods lie in two warehouses: held with a button, split where it is worth the freight, or by what shops allow."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.utils import translation

from inventory.models import Reservation, Stock
from logistics.operations import dividing, plan
from logistics.operations.dividing import SplitRefused
from logistics.queries import shipments
from logistics.tests.test_dividing import held, parcels
from orderhub.actors import Actor, platform
from orderhub.lifecycle import apply
from orders.lifecycle import LIFECYCLE as ORDERS
from orders.models import Hold, Line, Order, Share, Shop
from orders.operations import split

CLERK = Actor("person", "li")
WMS = platform("wangdiantong")


@pytest.fixture(autouse=True)
def _gate(open_gate: Any) -> Iterator[None]:
    """Every channel says that its orders may go on; refusals are read in English."""
    with translation.override("en"):
        yield


def short(house: Any, hz: int, sh: int, quantity: int = 5, **shop: Any) -> Order:
    """A paid order of `quantity` pieces where the two warehouses have so many."""
    Stock.objects.filter(bin=house.bins["HZ01"]).update(on_hand=hz)
    Stock.objects.filter(bin=house.bins["SH01"]).update(on_hand=sh)
    order = house.order(state="paid", warehouse="HZ01", payable=Decimal("290.00"))
    Reservation.objects.all().delete()
    Stock.objects.update(reserved=0)
    Order.objects.filter(id=order.id).update(warehouse=None, carrier="", outlet_code="")
    Line.objects.filter(order=order).update(quantity=quantity, payable=Decimal("290.00"))
    Shop.objects.update(**shop)
    return order


def reserve(order: Order) -> None:
    apply(ORDERS, "reserve", [order.id], actor=CLERK)
    order.refresh_from_db()


def test_that_goods_in_two_warehouses_are_held_with_a_button_and_split_when_it_is_pressed(house: Any) -> None:
    order = short(house, 3, 4)
    reserve(order)
    hold = Hold.objects.get(order=order, type="stock")
    assert (order.state, hold.data["parcels"], held(order)) == ("paid", 2, {})
    assert split.allow(order.id, CLERK)
    assert not split.allow(order.id, CLERK)
    reserve(order)
    assert (order.state, order.open_holds, held(order)) == ("reserved", 0, {"HZ01": 1, "SH01": 4})
    assert order.warehouse_id == house.houses["SH01"].id
    apply(ORDERS, "route", [order.id], actor=CLERK)
    assert plan.plan() == 2
    one, other = parcels(order)
    assert [(p.role, p.warehouse.code) for p in (one, other)] == [("main", "SH01"), ("split", "HZ01")]
    assert sum(s.payable for s in shipments([one.id, other.id]).values()) == Decimal("290.00")


@pytest.mark.parametrize(
    ("shop", "splits"),
    [
        ({"split_automatic": True}, True),
        ({"split_automatic": False}, False),
        (
            {"split_automatic": True, "split_freight": Decimal("30.00")},
            False,
        ),  # 30.00 is more than 10 % of 290.00
        ({"split_automatic": True, "split_freight": Decimal("29.00")}, True),
        ({"split_automatic": True, "split_percent": 2}, False),
    ],
)
def test_that_only_orders_worth_the_freight_are_split_by_themselves(
    house: Any, shop: Any, splits: bool
) -> None:
    order = short(house, 3, 4, **shop)
    reserve(order)
    assert (order.state == "reserved", Share.objects.exists(), Hold.objects.exists()) == (
        splits,
        splits,
        not splits,
    )


def test_that_a_gift_is_never_split_and_goods_that_nobody_has_are_held(house: Any) -> None:
    order = short(house, 3, 4, split_automatic=True)
    Order.objects.filter(id=order.id).update(sealed="gift")
    reserve(order)
    assert (order.state, held(order)) == ("paid", {})
    assert not split.allow(order.id, CLERK)
    other = short(house, 2, 2, split_automatic=True)
    reserve(other)
    assert "parcels" not in Hold.objects.get(order=other).data


def test_that_a_split_of_two_warehouses_is_not_undone_where_none_has_all(house: Any) -> None:
    order = short(house, 3, 4, split_automatic=True)
    reserve(order)
    with pytest.raises(SplitRefused, match="does not have"):
        dividing.undo(order.id, CLERK)
    assert held(order) == {"HZ01": 1, "SH01": 4}
    Stock.objects.filter(bin=house.bins["SH01"]).update(on_hand=9)
    dividing.undo(order.id, CLERK)
    assert held(order) == {"SH01": 5}
