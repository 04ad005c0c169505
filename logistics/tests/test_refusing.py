"""A warehouse refuses: the stock follows its reason, it is left out, the order goes elsewhere, a limited number of times."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import translation

from inventory.models import Movement, Reservation, Sku, Stock
from inventory.operations.receive import opening
from inventory.queries import drift
from logistics.lifecycle import LIFECYCLE as PARCELS
from logistics.models import Parcel, Policy
from logistics.operations import holding, plan, refusing
from logistics.refusals import kind_of
from orderhub.actors import CLOCK, Actor, platform
from orderhub.lifecycle import apply
from orderhub.models import Ticket
from orders.lifecycle import LIFECYCLE
from orders.models import Event, Hold, Line, Order
from orders.operations import holds

pytestmark = pytest.mark.django_db
CLERK = Actor("person", "lin")


@pytest.fixture(autouse=True)
def _in_chinese() -> Any:
    with translation.override("zh-hans"):
        yield


def refuse(order: Order, house: Any, reason: str, state: str = "handed") -> Parcel:
    """The order's parcel is refused, and that is settled and told, as the clock does it."""
    parcel: Parcel = house.parcel(order, state)
    apply(
        PARCELS,
        "refuse",
        [parcel.id],
        actor=platform("wangdiantong"),
        params={"reasons": {parcel.id: reason}},
    )
    refusing.settle()
    holding.tell()
    order.refresh_from_db()
    return parcel


def goes_on(order: Order) -> Order:
    """As far as a route."""
    apply(LIFECYCLE, "reserve", [order.id], actor=CLOCK)
    apply(LIFECYCLE, "route", [order.id], actor=CLOCK)
    order.refresh_from_db()
    return order


def pieces(house: Any, code: str = "HZ01") -> tuple[int, int]:
    """(on hand, promised) in a warehouse's sellable bin."""
    return Stock.objects.values_list("on_hand", "reserved").get(sku=house.sku, bin=house.bins[code])


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("缺货：拣货位实物不足，仓库拒单", "missing"), ("外箱破损，缺货", "damaged"), ("条码与商品不符", "mismatch"),
        ("超出服务范围", "other"), ("Out of stock", "missing"), ("", "other"),
    ],
)  # fmt: skip
def test_that_the_warehouses_words_say_the_kind(words: str, kind: str) -> None:
    assert kind_of(words) == kind


@pytest.mark.parametrize(
    ("reason", "left", "aside"),
    [
        ("缺货，仓库拒单", 998, None),
        ("破损", 998, "SECOND"),
        ("条码不符", 998, "CHECK"),
        ("超出服务范围", 1000, None),
    ],
)
def test_that_the_reason_decides_what_becomes_of_the_stock(
    house: Any, reason: str, left: int, aside: str | None
) -> None:
    order = house.order()
    refuse(order, house, reason)
    assert (order.state, order.refused_by) == ("paid", "HZ01")
    assert pieces(house) == (left, 0)
    found = dict(Stock.objects.filter(sku=house.sku, bin__sellable=False).values_list("bin__code", "on_hand"))
    assert found == ({aside: 2} if aside else {})
    written = Movement.objects.filter(reference__startswith="refused:")
    assert [(m.kind, m.on_hand_change, m.reason) for m in written] == (
        [("count", -2, reason)] if "缺货" in reason else []
    )
    assert not drift()
    assert not Hold.objects.exists()
    ticket = Ticket.objects.get(kind="warehouse_refused")
    assert "HZ01" in ticket.title and reason in ticket.body and ticket.role == "warehouse_manager"
    event = Event.objects.get(order=order, code="refuse")
    assert event.data == {"warehouse": "HZ01", "reason": reason}


def test_that_it_goes_to_another_warehouse_and_its_parcel_from_there(house: Any) -> None:
    order = house.order()
    old = refuse(order, house, "缺货，仓库拒单", state="waved")
    goes_on(order)
    assert (order.state, order.warehouse.code) == ("routed", "SH01")
    assert Reservation.objects.get(state="active").bin_id == house.bins["SH01"].id
    plan.plan()
    new = Parcel.objects.exclude(id=old.id).get(order=order)
    assert (new.warehouse.code, old.number != new.number) == ("SH01", True)


def test_that_a_third_refusal_is_a_persons(house: Any) -> None:
    Policy.objects.create(pk=1, refusals=1)
    order = house.order()
    refuse(order, house, "超出服务范围")
    goes_on(order)
    refuse(order, house, "超出服务范围")
    hold = Hold.objects.get(order=order)
    assert (hold.type, order.state, order.warehouse.code) == ("rejected", "routed", "SH01")
    assert Ticket.objects.filter(kind="parcel_rejected").count() == 1


def test_that_nobody_else_has_it_is_said_and_a_release_tries_it_there_again(house: Any) -> None:
    Stock.objects.filter(bin=house.bins["SH01"]).update(on_hand=0)
    order = house.order()
    refuse(order, house, "超出服务范围")
    apply(LIFECYCLE, "reserve", [order.id], actor=CLOCK)
    hold = Hold.objects.get(order=order)
    assert hold.type == "rejected" and "HZ01" in hold.reason
    holds.release(hold.pk, CLERK)
    goes_on(order)
    assert (order.state, order.warehouse.code, order.refused_by) == ("routed", "HZ01", "")


def test_that_what_is_split_or_ships_with_others_is_a_persons(house: Any) -> None:
    from logistics.tests.together_cast import merged

    merged(house)
    parcel = Parcel.objects.get(rides_with=None)
    Parcel.objects.filter(id=parcel.id).update(state="handed", waybill_no="780000000001")
    apply(
        PARCELS,
        "refuse",
        [parcel.id],
        actor=platform("wangdiantong"),
        params={"reasons": {parcel.id: "缺货"}},
    )
    assert refusing.settle() == 0
    holding.tell()
    assert Hold.objects.get(order=parcel.order_id).type == "rejected"
    assert pieces(house)[0] == 1000


def test_that_many_refusals_of_the_same_goods_are_one_ticket_and_what_others_hold_stays(house: Any) -> None:
    orders = [house.order() for _ in range(3)]
    kept = house.order()
    parcels = [house.parcel(order, "handed") for order in orders]
    reasons = {parcel.id: "缺货" for parcel in parcels}
    apply(PARCELS, "refuse", sorted(reasons), actor=platform("wangdiantong"), params={"reasons": reasons})
    assert refusing.settle() == 3
    assert pieces(house) == (994, 2) and not drift()
    assert Reservation.objects.get(reference=kept.lines.get().uuid).state == "active"
    assert Ticket.objects.filter(kind="warehouse_refused").count() == 1
    assert refusing.settle() == 0, "settled once"


def test_that_of_several_goods_only_the_named_ones_are_taken_off_the_shelf(house: Any) -> None:
    order = house.order()
    other = Sku.objects.create(code="BOWL-1", name="碗", weight_g=200)
    opening([(other.id, house.bins["HZ01"].id, 50)])
    line = Line.objects.create(
        order=order,
        channel_line="2",
        sku=other,
        seller_code="BOWL-1",
        title="碗",
        quantity=3,
        unit_price=1,
        payable=3,
    )
    house.reserve(line, "HZ01", other)
    refuse(order, house, "缺货：bowl-1 拣货位实物不足")
    assert pieces(house) == (1000, 0)
    assert Stock.objects.get(sku=other, bin=house.bins["HZ01"]).on_hand == 47
    second = house.order()
    line = Line.objects.create(
        order=second,
        channel_line="2",
        sku=other,
        seller_code="BOWL-1",
        title="碗",
        quantity=3,
        unit_price=1,
        payable=3,
    )
    house.reserve(line, "HZ01", other)
    refuse(second, house, "缺货，仓库拒单")
    assert pieces(house) == (1000, 0) and Stock.objects.get(sku=other, bin=house.bins["HZ01"]).on_hand == 47
    assert not drift()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("缺货：CUP-1 实物不足", True),
        ("缺货CUP-1，", True),
        ("缺货：CUP-10", False),
        ("XCUP-1 缺货", False),
        ("CUP-1-RED 缺货", False),
    ],
)
def test_that_a_code_is_named_only_as_a_whole(text: str, named: bool) -> None:
    assert refusing._says(text.upper(), "CUP-1") is named and not refusing._says(text, "")
