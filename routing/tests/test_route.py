"""C3 on real rows: both branches of the seller's strategy, every rung of the ladder, the warehouse, the module."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from inventory.models import Movement, Reservation
from orderhub import modules
from orderhub.actors import Actor
from orderhub.lifecycle import apply
from orderhub.sweeping import sweep
from orders.lifecycle import LIFECYCLE
from orders.models import Event, Order
from routing import queries
from routing.models import CapacityEntry, Decision, Override, Rate
from routing.operations import reroute
from routing.tests.cast import POINT, YUHANG, day_of, fence, outlet, rate

CLERK = Actor("person", "lin")


def go(orders, code="route"):
    return apply(LIFECYCLE, code, [order.id for order in orders], actor=CLERK)


def routed(order):
    order.refresh_from_db()
    return order


# --- the outlet ----------------------------------------------------------------------------------------------


def test_that_the_outlet_whose_fence_it_is_comes_first_while_it_has_over_200_places(house):
    a, b, c = outlet(1, capacity=201), outlet(2), outlet(3)
    fence(a)
    rate("330110", "outlet", b.code, 0.9, 0.99)
    rate("330110", "outlet", c.code, 0.9, 0.95)
    (order,) = house.orders(1, point=POINT)
    assert go([order]).refused == {}
    assert (routed(order).state, order.outlet_code, order.carrier) == ("routed", a.code, "ZTO")
    assert (order.adcode, order.warehouse_id) == ("330110", house.own.id)
    assert (day_of(a).held, day_of(a).places) == (1, 201)
    decision = Decision.objects.get(order_id=order.id)
    assert decision.located_by == "fence"
    assert ["inside_and_free", {"outlet": a.code, "left": 201}] in decision.reasons


def test_that_with_200_places_or_fewer_the_better_three_day_success_of_the_others_decides(house):
    a, b, c = outlet(1, capacity=200), outlet(2), outlet(3)
    fence(a)
    rate("330110", "outlet", b.code, 0.99, 0.951)
    rate("330110", "outlet", c.code, 0.5, 0.968)
    (order,) = house.orders(1, point=POINT)
    go([order])
    assert routed(order).outlet_code == c.code
    reason = Decision.objects.get(order_id=order.id).reasons[-1]
    assert reason[0] == "better_of_others"
    assert (reason[1]["inside"], reason[1]["left"], reason[1]["second"]) == (a.code, 200, b.code)
    assert day_of(a).held == 0


def test_that_the_last_places_of_the_own_outlet_are_used_when_the_others_are_full(house):
    a, b = outlet(1, capacity=2), outlet(2, capacity=0)
    fence(a)
    (order,) = house.orders(1, point=POINT)
    go([order])
    assert routed(order).outlet_code == a.code
    explained = queries.explain(order.id)
    assert {row.code: row.dropped for row in explained.outlets} == {
        a.code: "",
        b.code: explained.outlets[1].dropped,
    }
    assert explained.outlets[1].dropped


# --- the ladder ----------------------------------------------------------------------------------------------


def test_that_without_coordinates_the_town_decides(house):
    near, far = outlet(1, town="仓前街道"), outlet(2, town="良渚街道")
    rate("330110", "outlet", far.code, 0.99, 0.99)
    (order,) = house.orders(1)
    go([order])
    assert routed(order).outlet_code == near.code
    assert Decision.objects.get(order_id=order.id).located_by == "town"


def test_that_without_a_town_the_district_decides_and_says_so(house):
    first, second = outlet(1), outlet(2)
    rate("330110", "outlet", second.code, 0.9, 0.99)
    rate("330110", "outlet", first.code, 0.9, 0.90)
    (order,) = house.orders(1, ("浙江省", "杭州市", "余杭区", ""))
    go([order])
    assert routed(order).outlet_code == second.code
    assert Decision.objects.get(order_id=order.id).located_by == "district"
    assert any("余杭区" in sentence for sentence in queries.explain(order.id).sentences)


def test_that_an_abolished_district_is_routed_as_its_successor(house):
    new = outlet(1, "330114")
    (order,) = house.orders(1, ("浙江省", "杭州市", "江干区", "下沙街道"))
    go([order])
    assert (routed(order).outlet_code, order.adcode) == (new.code, "330114")
    assert any("江干区" in sentence for sentence in queries.explain(order.id).sentences)


def test_that_a_point_in_no_fence_of_a_district_without_outlet_goes_to_the_nearest_fence(house):
    near, far = outlet(1, "330106"), outlet(1, "330108")
    fence(near, 120.10, 30.28)
    fence(far, 120.30, 30.28)
    (order,) = house.orders(1, YUHANG, POINT)
    go([order])
    assert routed(order).outlet_code == near.code
    decision = Decision.objects.get(order_id=order.id)
    assert decision.located_by == "nearest"
    assert next(r[1]["metres"] for r in decision.reasons if "metres" in r[1]) == pytest.approx(7700, rel=0.03)


def test_that_where_nobody_is_known_the_default_carrier_takes_it_and_the_page_says_so(house):
    (order,) = house.orders(1, ("西藏自治区", "拉萨市", "城关区", ""))
    go([order])
    assert (routed(order).state, order.carrier, order.outlet_code) == ("routed", "ZTO", "")
    assert Decision.objects.get(order_id=order.id).located_by == "none"
    assert CapacityEntry.objects.count() == 0
    assert any("拉萨市城关区" in sentence for sentence in queries.explain(order.id).sentences)


def test_that_a_gcj_point_must_be_converted_to_fall_into_its_fence(house):
    """The same point read in the wrong datum lies half a kilometre off: outside a small fence."""
    from orderhub.geo import Point

    a = outlet(1, capacity=300)
    fence(a, half=0.002)
    gcj = Point(*POINT, "wgs84").to("gcj02")
    wrong, right = house.orders(1, point=(gcj.lng, gcj.lat))[0], house.orders(1, point=POINT)[0]
    go([wrong, right])
    located = dict(Decision.objects.values_list("order_id", "located_by"))
    assert (located[wrong.id], located[right.id]) == ("district", "fence")


# --- the warehouse -------------------------------------------------------------------------------------------


def test_that_the_area_goes_to_the_partner_whose_24_hour_rate_there_is_better_and_the_stock_moves_along(
    house,
):
    outlet(1)
    rate("330110", "warehouse", "YH01", 0.946, 0.99, 130)
    rate("330110", "warehouse", "HZ01", 0.833, 0.99, 90)
    (order,) = house.orders(1, quantity=3)
    assert go([order]).refused == {}
    assert routed(order).warehouse_id == house.partner.id
    assert (house.reserved_at(house.own), house.reserved_at(house.partner)) == (0, 3)
    active = Reservation.objects.get(reference=order.lines.get().uuid, state="active")
    assert (active.warehouse_id, active.quantity) == (house.partner.id, 3)
    assert Movement.objects.filter(reference=str(active.reference)).count() == 2
    sentence = next(s for s in queries.explain(order.id).sentences if "94.6 %" in s)
    assert "11.3" in sentence
    assert "83.3 %" in sentence


def test_that_within_the_tolerance_our_own_warehouse_goes_first(house):
    outlet(1)
    rate("330110", "warehouse", "YH01", 0.91, 0.99)
    rate("330110", "warehouse", "HZ01", 0.90, 0.99)
    (order,) = house.orders(1, warehouse=house.partner)
    go([order])
    assert routed(order).warehouse_id == house.own.id
    assert house.reserved_at(house.partner) == 0


def test_that_a_warehouse_without_the_goods_is_listed_with_the_reason(house):
    outlet(1)
    rate("330110", "warehouse", "YH01", 0.99, 0.99)
    rate("330110", "warehouse", "HZ01", 0.50, 0.99)
    (order,) = house.orders(1, quantity=10_000)
    house.orders(1, warehouse=house.partner)
    go([order])
    assert routed(order).warehouse_id == house.own.id
    rows = {row.code: row for row in queries.explain(order.id).warehouses}
    assert rows["YH01"].dropped
    assert rows["YH01"].smooth == "99.0 %"
    assert rows["HZ01"].taken


def test_that_a_switched_off_warehouse_is_not_chosen_and_is_listed(house):
    outlet(1)
    house.partner.active = False
    house.partner.save()
    rate("330110", "warehouse", "YH01", 0.99, 0.99)
    (order,) = house.orders(1)
    go([order])
    assert routed(order).warehouse_id == house.own.id
    assert {row.code for row in queries.explain(order.id).warehouses if row.dropped} == {"YH01"}


# --- by hand, again, off -------------------------------------------------------------------------------------


def test_that_a_person_overrides_with_a_reason_and_it_is_kept(house):
    a, b = outlet(1), outlet(2)
    fence(a)
    (order,) = house.orders(1, point=POINT)
    go([order])
    assert routed(order).outlet_code == a.code
    result = reroute.override(
        [order.id], actor=CLERK, reason="客户指定", warehouse_id=house.partner.id, outlet_code=b.code
    )
    assert (result.routed, result.refused) == ([order.id], {})
    assert (routed(order).state, order.warehouse_id, order.outlet_code) == (
        "routed",
        house.partner.id,
        b.code,
    )
    assert (day_of(a).held, day_of(b).held) == (0, 1)
    assert house.reserved_at(house.partner) == 1
    explained = queries.explain(order.id)
    assert explained.decided_by == "lin"
    assert any("客户指定" in sentence for sentence in explained.sentences)
    assert len(queries.history(order.id)) == 2
    assert not Override.objects.exists()


@pytest.mark.parametrize(
    ("reason", "extra"), [("", {"outlet_code": "ZTO-330110-1"}), ("x", {}), ("x", {"outlet_code": "NOWHERE"})]
)
def test_that_an_impossible_choice_is_refused_before_anything_happens(house, reason, extra):
    outlet(1)
    (order,) = house.orders(1)
    go([order])
    with pytest.raises(reroute.ImpossibleChoice):
        reroute.override([order.id], actor=CLERK, reason=reason, **extra)
    assert routed(order).state == "routed"
    assert Decision.objects.count() == 1


def test_that_a_choice_which_turns_out_impossible_leaves_no_choice_behind(house):
    outlet(1)
    (order,) = house.orders(1, quantity=10_000)
    house.orders(1, warehouse=house.partner)
    result = reroute.override([order.id], actor=CLERK, reason="急", warehouse_id=house.partner.id)
    assert result.refused[order.id].code == "choice_impossible"
    assert not Override.objects.exists()
    assert routed(order).warehouse_id == house.own.id
    assert house.reserved_at(house.own) == 10_000


def test_that_a_shipped_order_cannot_be_routed_again(house):
    (order,) = house.orders(1)
    Order.objects.filter(id=order.id).update(state="shipped")
    result = reroute.override([order.id], actor=CLERK, reason="急", warehouse_id=house.partner.id)
    assert result.routed == []
    assert result.refused[order.id].code == "wrong_state"
    assert routed(order).state == "shipped"


def test_that_routing_again_decides_by_todays_figures_and_keeps_one_place(house):
    a, b = outlet(1), outlet(2)
    rate("330110", "outlet", a.code, 0.9, 0.99)
    rate("330110", "outlet", b.code, 0.9, 0.95)
    orders = house.orders(3)
    go(orders)
    assert day_of(a).held == 3
    Rate.objects.filter(key=a.code).delete()
    result = reroute.again([order.id for order in orders], actor=CLERK, reason="new figures")
    assert len(result.routed) == 3
    assert (day_of(a).held, day_of(b).held) == (0, 3)


def test_that_with_the_module_off_the_default_stands_and_is_explained(house):
    outlet(1)
    rate("330110", "warehouse", "YH01", 0.99, 0.99)
    modules.switch("routing", False)
    first, second = house.orders(2, point=POINT)
    Order.objects.filter(id=second.id).update(warehouse_id=None)
    assert go([first, second]).refused == {}
    for order in (first, second):
        assert (routed(order).warehouse_id, order.carrier, order.outlet_code) == (house.own.id, "ZTO", "")
        assert queries.explain(order.id).sentences
    assert CapacityEntry.objects.count() == 0
    modules.switch("routing", True)


def test_that_the_event_names_what_was_decided(house):
    a = outlet(1)
    (order,) = house.orders(1)
    sweep(LIFECYCLE, "reserved", ["route"])
    event = Event.objects.get(order=order, code="route")
    assert event.point == 3
    assert event.data == {"warehouse": "HZ01", "outlet": a.code, "carrier": "ZTO", "located_by": "district"}


def test_that_a_batch_of_fifty_costs_the_statements_of_a_batch_of_five(house):
    a = outlet(1)
    outlet(2)
    fence(a)
    rate("330110", "warehouse", "YH01", 0.99, 0.99)
    go(house.orders(1, point=POINT))  # makes the day's rows
    go(house.orders(1, point=POINT))
    counts = []
    for size in (5, 50):
        orders = house.orders(size, point=POINT)
        with CaptureQueriesContext(connection) as caught:
            go(orders)
        counts.append(len(caught))
        assert (
            Order.objects.filter(
                id__in=[o.id for o in orders], state="routed", warehouse=house.partner
            ).count()
            == size
        )
    assert counts[0] == counts[1]
    own = [
        q["sql"] for q in caught.captured_queries if "routing_" in q["sql"] or "orders_receiver" in q["sql"]
    ]
    assert len(own) <= 10
