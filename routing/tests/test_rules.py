"""Routing by rules on real rows: thresholds and rows of the table, preferences, exclusions, both policies, what is told."""

import copy

import pytest
from django.contrib.auth.models import User

from orderhub.actors import Actor
from orderhub.lifecycle import apply
from orderhub.rules import engine, publishing, seeding
from orderhub.rules.models import RuleSet, Trace
from orders.lifecycle import LIFECYCLE
from orders.models import Hold, Order
from routing import policies, queries
from routing.models import CapacityEntry, Decision
from routing.operations import judging, reroute
from routing.tests.cast import POINT, day_of, fence, outlet, rate

CLERK = Actor("person", "lin")
HUZHOU = ("浙江省", "湖州市", "吴兴区", "")


@pytest.fixture
def boss(db):
    seeding.seed()
    engine.forget()
    return User.objects.create_superuser("boss")


def edited(document, rows, other=()):
    """The document with rows put before the last one of the preferences, and cells of any row changed."""
    made = copy.deepcopy(document)
    nodes = {node["id"]: node["content"] for node in made["nodes"] if "content" in node}
    nodes["preferences"]["rules"][:0] = [
        {
            "_id": f"row{n}",
            **{f"in_{k}": v for k, v in when.items()},
            **{f"out_{k}": v for k, v in then.items()},
        }
        for n, (when, then) in enumerate(rows)
    ]
    for node, row, cell, value in other:
        next(r for r in nodes[node]["rules"] if r["_id"] == row)[f"out_{cell}"] = value
    return made


def publish(boss, rows=(), other=(), code="chain", document=None):
    draft = publishing.new_draft(
        "routing", code, boss, document=edited(document or policies.chain(), rows, other)
    )
    faults = publishing.check_draft(draft.id, boss)
    assert faults == []
    version = publishing.publish(draft.id, boss)
    engine.forget_heads()
    return version


def go(orders):
    return apply(LIFECYCLE, "route", [order.id for order in orders], actor=CLERK)


def routed(order):
    order.refresh_from_db()
    return order


def codes(order):
    return [reason[0] for reason in Decision.objects.filter(order_id=order.id).latest("id").reasons]


def told(order):
    return "\n".join(queries.explain(order.id).sentences)


def test_that_version_1_changes_nothing_and_leaves_no_trace(house, boss):
    a, b = outlet(1, capacity=201), outlet(2)
    fence(a)
    rate("330110", "outlet", b.code, 0.9, 0.99)
    first, second = house.orders(2, point=POINT)
    assert go([first]).refused == {} and go([second]).refused == {}
    assert (routed(first).outlet_code, routed(second).outlet_code) == (a.code, b.code)
    assert Trace.objects.count() == 0
    live = RuleSet.objects.get(point="routing", code="chain").live
    assert Decision.objects.get(order_id=first.id).policy == f"chain/{live.id}"
    assert "1" in queries.explain(first.id).policy


def test_that_the_threshold_and_a_row_for_one_district_are_followed_by_the_next_order(house, boss):
    a, b = outlet(1, capacity=180), outlet(2)
    c, d = outlet(1, "330502", capacity=180), outlet(2, "330502")
    fence(a)
    fence(c, 120.3, 30.28)
    for one in (b, d):
        rate(one.adcode, "outlet", one.code, 0.9, 0.99)
    (before,) = house.orders(1, point=POINT)
    go([before])
    assert routed(before).outlet_code == b.code
    version = publish(
        boss,
        [({"district": "'吴兴区'"}, {"preferred_left": "300"})],
        [("preferences", "everywhere", "preferred_left", "150")],
    )
    (here,) = house.orders(1, point=POINT)
    (there,) = house.orders(1, HUZHOU, (120.3, 30.28))
    assert go([here, there]).refused == {}
    assert routed(here).outlet_code == a.code  # 180 > 150
    assert routed(there).outlet_code == d.code  # 180 <= 300, by its own row
    trace = Trace.objects.get(order_id=here.id)
    assert (trace.version_id, trace.answer["preferred_left"]) == (version.id, 150)
    assert "everywhere" in [row["row"] for row in trace.row]
    assert not Trace.objects.filter(order_id=there.id).exists()  # without the rules it would go there, too
    assert str(version.number) in told(here) and "150" in told(here)


def test_that_a_preferred_warehouse_takes_what_it_has_and_the_row_that_matched_is_told(house, boss):
    outlet(1)
    publish(boss, [({"district": "'余杭区'"}, {"prefer_warehouse": "'YH01'"})])
    (order,) = house.orders(1)
    assert go([order]).refused == {}
    assert routed(order).warehouse_id == house.partner.id
    assert (house.reserved_at(house.own), house.reserved_at(house.partner)) == (0, 1)
    assert codes(order)[-1] == "rule" and "rule_warehouse" in codes(order)
    assert "余杭区" in told(order) and "余杭合作仓" in told(order)


def test_that_a_preferred_warehouse_without_the_goods_is_not_taken(house, boss):
    outlet(1)
    publish(boss, [({}, {"prefer_warehouse": "'YH01'"})])
    house.orders(1, warehouse=house.partner, quantity=9_999)
    (order,) = house.orders(1, quantity=2)
    go([order])
    assert routed(order).warehouse_id == house.own.id
    assert {row.code for row in queries.explain(order.id).warehouses if row.dropped} == {"YH01"}


def test_that_an_excluded_warehouse_is_listed_with_the_reason(house, boss):
    outlet(1)
    publish(boss, [({}, {"exclude_warehouses": "['HZ01']"})])
    (order,) = house.orders(1)
    go([order])
    assert routed(order).warehouse_id == house.partner.id
    rows = {row.code: row.dropped for row in queries.explain(order.id).warehouses}
    assert rows["HZ01"] and not rows["YH01"]
    assert "rule_excludes_warehouses" in codes(order) and "杭州自建仓" in told(order)


def test_that_an_order_left_with_no_warehouse_is_held_and_says_why(house, boss):
    outlet(1)
    publish(boss, [({}, {"exclude_warehouses": "['HZ01', 'YH01']"})])
    (order,) = house.orders(1)
    assert go([order]).moved == {}
    hold = Hold.objects.get(order=order)
    assert hold.type == "route" and "HZ01" in hold.reason
    assert routed(order).state == "reserved"
    assert (house.reserved_at(house.own), CapacityEntry.objects.count(), Decision.objects.count()) == (
        1,
        0,
        0,
    )


def test_that_goods_that_lie_only_in_an_excluded_warehouse_hold_the_order(house, boss):
    outlet(1)
    house.orders(1, warehouse=house.partner, quantity=9_999)
    publish(boss, [({}, {"exclude_warehouses": "['HZ01']"})])
    (order,) = house.orders(1, quantity=2)
    assert go([order]).moved == {}
    assert Hold.objects.get(order=order).type == "route"


def test_that_excluded_carriers_leave_the_default_carrier_to_nobody(house, boss):
    outlet(1)
    publish(boss, [({}, {"exclude_carriers": "['ZTO']"})])
    (known,) = house.orders(1)
    (unknown,) = house.orders(1, ("西藏自治区", "拉萨市", "城关区", ""))
    assert go([known, unknown]).moved == {}
    assert set(Hold.objects.values_list("order_id", "type")) == {(known.id, "route"), (unknown.id, "route")}
    assert "ZTO" in Hold.objects.get(order=unknown).reason


def test_that_a_full_outlet_beside_an_excluded_one_is_waited_for(house, boss):
    outlet(1, capacity=0)
    out = outlet(2, carrier="YTO")
    publish(boss, [({}, {"exclude_carriers": "['YTO']"})])
    (order,) = house.orders(1)
    assert go([order]).refused[order.id].code == "no_capacity"
    assert not Hold.objects.exists() and day_of(out).held == 0


def test_that_a_preferred_outlet_elsewhere_is_locked_and_takes_a_place(house, boss):
    outlet(1)
    far = outlet(7, "330106", capacity=1)
    publish(boss, [({"city": "'杭州市'"}, {"prefer_outlet": f"'{far.code}'"})])
    orders = house.orders(2)
    assert go(orders).refused == {}
    assert [routed(order).outlet_code for order in orders] == [far.code, "ZTO-330110-1"]
    assert day_of(far).held == 1
    assert "rule_outlet" in codes(orders[0])


def test_that_a_preferred_carrier_comes_before_success(house, boss):
    a, b = outlet(1), outlet(1, carrier="YTO")
    rate("330110", "outlet", a.code, 0.9, 0.99)
    rate("330110", "outlet", b.code, 0.9, 0.80)
    publish(boss, [({}, {"prefer_carrier": "'YTO'"})])
    (order,) = house.orders(1)
    go([order])
    assert (routed(order).carrier, order.outlet_code) == ("YTO", b.code)
    assert "rule_carrier" in codes(order)


def test_that_a_persons_choice_goes_before_a_rule_and_frees_an_order_that_a_rule_held(house, boss):
    outlet(1)
    publish(boss, [({}, {"exclude_warehouses": "['HZ01', 'YH01']"})])
    (order,) = house.orders(1)
    go([order])
    assert Hold.objects.filter(order=order, released_at=None).exists()
    result = reroute.override([order.id], actor=CLERK, reason="客户自提", warehouse_id=house.partner.id)
    assert (result.routed, result.refused) == ([order.id], {})
    assert (routed(order).warehouse_id, order.open_holds) == (house.partner.id, 0)


def yuhang(house):
    outlet(1, capacity=500)
    rate("330110", "warehouse", "YH01", 0.946, 0.99, 130)
    rate("330110", "warehouse", "HZ01", 0.833, 0.99, 90)
    (order,) = house.orders(1)
    return order


def test_that_yuhang_goes_to_the_partner_under_the_chain_and_under_the_weighted_policy_and_both_say_why(
    house, boss
):
    order = yuhang(house)
    go([order])
    assert routed(order).warehouse_id == house.partner.id
    chain = told(order)
    assert "94.6 %" in chain and "11.3" in chain
    publishing.choose("routing", "weighted", boss)
    engine.forget_heads()
    assert reroute.again([order.id], actor=CLERK, reason="加权").routed == [order.id]
    assert routed(order).warehouse_id == house.partner.id
    weighted = told(order)
    assert "94.6 %" in weighted and "11.3" in weighted and "weighted_warehouse" in codes(order)
    assert queries.explain(order.id).policy != queries.history(order.id)[1].policy


def test_that_the_weighted_policy_weighs_freight_and_promised_time(house, boss):
    a, b = outlet(1), outlet(2)
    a.freight_first, a.promised_hours = "5.00", 72
    b.freight_first, b.promised_hours = "3.20", 24
    for one in (a, b):
        one.save()
        rate("330110", "outlet", one.code, 0.9, 0.95)
    publishing.choose("routing", "weighted", boss)
    engine.forget_heads()
    (order,) = house.orders(1)
    go([order])
    assert routed(order).outlet_code == b.code
    kept = {row["code"]: row for row in Decision.objects.get(order_id=order.id).options["outlets"]}
    assert (kept[b.code]["cost"], kept[b.code]["hours"]) == (3.2, 24)


def test_that_the_statements_stay_constant_where_a_rule_asks_for_the_channel(house, boss):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    outlet(1)
    publish(boss, [({"channel": "'own_shop'", "amount": "> 5"}, {"preferred_left": "1"})])
    go(house.orders(1))  # makes the day's rows
    go(house.orders(1))
    counts = []
    for size in (3, 30):
        orders = house.orders(size)
        engine.head_of("routing")
        with CaptureQueriesContext(connection) as caught:
            assert len(go(orders).moved) == size
        counts.append(len([q for q in caught.captured_queries if "orderhub_ruleset" not in q["sql"]]))
    assert counts[0] == counts[1]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("330110", ("浙江省", "杭州市", "余杭区")),
        ("310115", ("上海市", "上海市", "浦东新区")),
        ("441900", ("广东省", "东莞市", "东莞市")),
        ("429004", ("湖北省", "仙桃市", "仙桃市")),
        ("", ("", "", "")),
    ],
)
def test_that_a_code_is_named_as_the_table_of_divisions_has_it(code, expected):
    assert judging.names(code) == expected


def test_that_a_warehouse_that_a_watch_rule_asked_for_is_preferred_and_an_unknown_one_stops_nothing(
    house, boss
):
    outlet(1)
    rate("330110", "warehouse", "YH01", 0.9, 0.95)
    rate("330110", "warehouse", "HZ01", 0.7, 0.75)
    usual, asked, short = house.orders(3)
    Order.objects.filter(id__in=[asked.id, short.id]).update(preferred="HZ01")
    go([usual, asked])
    assert routed(usual).warehouse_id == house.partner.id
    assert routed(asked).warehouse_id == house.own.id
    assert "rule_warehouse" in codes(asked)
    Order.objects.filter(id=short.id).update(preferred="NOWHERE")
    go([short])
    assert routed(short).warehouse_id == house.partner.id
