"""What merged orders keep through cancellations, refunds, holds, counting and races: pieces, money, one truth."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone, translation
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inventory.models import Reservation, Stock
from logistics.models import Parcel
from logistics.operations import (
    contents,
    holding,
    messages,
    packing,
    plan,
    printing,
    riding,
    together,
    tracking,
    voids,
    waves,
    waybill,
)
from logistics.operations.progress import apply_progress
from logistics.operations.steps import Progress
from logistics.providers.gate import pass_gate
from logistics.queries import shipments
from logistics.tests.together_cast import CLERK, merged, numbered, twins
from orderhub.actors import platform
from orderhub.integrations.errors import PlatformError
from orderhub.lifecycle import apply
from orderhub.models import Message, Ticket
from orders.lifecycle import LIFECYCLE as ORDERS
from orders.models import Event, HoldType, Merge, MergeMember, Order, Receiver, Shop
from orders.operations import holds
from orders.operations.merge import MergeRefused
from orders.providers import together as channels

WMS = platform("wangdiantong")


@pytest.fixture(autouse=True)
def _gate(open_gate: Any) -> Any:
    """Every channel says that its orders may go on; refusals are read in English."""
    with translation.override("en"):
        yield


def test_that_a_cancelled_member_leaves_and_the_others_go_on_together(house: Any) -> None:
    orders, _lead, _riders = merged(house, 3)
    apply(ORDERS, "cancel", [orders[1].id], actor=platform("taobao"), params={"reason": "closed"})
    voids.stop_wrong()
    together.tend()
    assert set(Parcel.objects.values_list("state", flat=True)) == {"voided"}
    plan.plan()
    live = Parcel.objects.exclude(state="voided")
    assert sorted(live.values_list("order_id", flat=True)) == [orders[0].id, orders[2].id]
    assert live.exclude(rides_with=None).count() == 1
    assert Reservation.objects.filter(state="active").count() == 2


def test_that_a_refund_of_one_order_stops_the_parcel_and_leaves_the_other_alone(house: Any) -> None:
    orders, _lead, (_rider,) = merged(house)
    holds.open_holds([orders[1].id], "refund", "asked", platform("taobao"))
    voids.stop_wrong()
    together.tend()
    plan.plan()
    live = Parcel.objects.exclude(state="voided")
    assert list(live.values_list("order_id", "rides_with")) == [(orders[0].id, None)]
    assert Merge.objects.get().ended_at is not None


def test_that_a_changed_address_of_one_order_takes_it_out(house: Any) -> None:
    orders, _lead, _riders = merged(house)
    Order.objects.filter(id=orders[1].id).update(destination_version=2)
    Receiver.objects.filter(order=orders[1]).update(version=2, address_key="door-2")
    voids.stop_wrong()
    together.tend()
    plan.plan()
    live = Parcel.objects.exclude(state="voided")
    assert list(live.order_by("order_id").values_list("rides_with", "destination_version")) == [
        (None, 1),
        (None, 2),
    ]


def test_that_a_hold_on_a_rider_stops_the_picker_and_the_label(house: Any) -> None:
    orders, lead, _riders = merged(house, warehouse="SH01")
    numbered(lead)
    riding.ride()
    waves.make_waves(CLERK)
    holds.open_holds([orders[1].id], "manual", "look", CLERK)
    assert packing.pack(lead.number, 1280, CLERK).result == "stop"
    assert Parcel.objects.get(id=lead.id).state == "waved"
    assert lead.number in printing.print_labels([lead.id], CLERK).refused


def test_that_the_gate_asks_about_every_order_in_the_parcel(house: Any, open_gate: Any) -> None:
    from orders.operations.recheck import ChannelState

    orders, _lead, _riders = merged(house)
    message = Message.objects.get(kind="waybill.get")
    assert pass_gate([message])[0] == [message]
    open_gate[orders[1].id] = ChannelState(False, "refunded")
    going, answers = pass_gate([message])
    assert going == []
    assert answers[message.id].text == "refunded"


def test_that_stock_in_two_warehouses_is_gathered_into_one(house: Any) -> None:
    one, other = house.order(), house.order(warehouse="SH01")
    Receiver.objects.filter(order__in=[one, other]).update(address_key="door-1")
    together.merge([one.id, other.id], CLERK)
    assert plan.plan() == 0
    together.tend()
    assert plan.plan() == 2
    assert set(Reservation.objects.filter(state="active").values_list("warehouse_id", flat=True)) == {
        house.houses["HZ01"].id
    }
    assert Stock.objects.get(bin=house.bins["SH01"]).reserved == 0


def test_that_goods_that_no_warehouse_has_together_go_apart_again(house: Any) -> None:
    one, other = house.order(), house.order(warehouse="SH01")
    Receiver.objects.filter(order__in=[one, other]).update(address_key="door-1")
    Stock.objects.update(on_hand=2)
    together.merge([one.id, other.id], CLERK)
    together.tend()
    assert Merge.objects.get().ended_at is not None
    assert plan.plan() == 2
    assert not Parcel.objects.exclude(rides_with=None).exists()


def test_that_the_clock_merges_only_where_the_shop_says_so_and_not_what_a_person_took_apart(
    house: Any,
) -> None:
    orders = twins(house)
    assert [group.orders for group in together.candidates()] == [tuple(order.id for order in orders)]
    assert together.automatic() == 0
    Shop.objects.update(merge_mode="auto")
    assert together.automatic() == 1
    assert together.candidates() == []
    together.undo(Merge.objects.get().id, CLERK)
    assert together.automatic() == 0
    assert len(together.candidates()) == 1


def test_that_an_order_waits_for_others_only_where_orders_are_merged_by_themselves(house: Any) -> None:
    Shop.objects.update(merge_mode="auto", merge_minutes=30)
    (order,) = twins(house, 1, paid_at=timezone.now())
    assert plan.plan() == 0
    Order.objects.filter(id=order.id).update(paid_at=timezone.now() - timezone.timedelta(minutes=31))
    assert plan.plan() == 1


def test_that_a_merge_begun_by_duplicates_waits_for_the_channels_word(house: Any, monkeypatch: Any) -> None:
    from orders.operations import merge

    one, other = twins(house, channel="taobao")
    merge.begin([one.id, other.id], shop_id=one.shop_id, confirmed=False, plain=False, by="duplicates")
    assert plan.plan() == 0

    def refuse(_ids: Any) -> Any:
        raise PlatformError("business", "no_oaid", "an order of it has no oaid")

    monkeypatch.setattr(channels, "ask", refuse)
    together.confirm()
    other.refresh_from_db()
    assert (Merge.objects.get().ended_at is not None, other.open_holds) == (True, 1)
    assert plan.plan() == 1


def test_that_parcels_planned_before_the_merge_began_are_taken_back_by_the_clock(house: Any) -> None:
    from orders.operations import merge

    one, other = twins(house)
    assert plan.plan() == 2
    merge.begin([one.id, other.id], shop_id=one.shop_id, confirmed=True, plain=True, by="duplicates")
    voids.stop_wrong()
    assert set(Parcel.objects.values_list("state", flat=True)) == {"voided"}
    assert plan.plan() == 2
    assert Parcel.objects.exclude(state="voided").exclude(rides_with=None).count() == 1


def test_that_a_parcel_with_a_stranger_in_it_is_stopped(house: Any) -> None:
    orders, lead, _riders = merged(house)
    holds.open_holds([orders[1].id], "duplicate", "look", CLERK)
    together.tend()
    assert Merge.objects.get().ended_at is not None
    voids.stop_wrong()
    riding.ride()
    assert Parcel.objects.get(id=lead.id).state == "voided"
    assert plan.plan() == 1
    assert Parcel.objects.exclude(state="voided").get().order_id == orders[0].id


STEPS = st.tuples(
    st.sampled_from(["merge", "undo", "cancel", "refund", "release", "number"]), st.integers(0, 3)
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(count=st.integers(2, 4), steps=st.lists(STEPS, max_size=6))
def test_that_pieces_and_money_are_conserved_whatever_is_merged_undone_cancelled_and_refunded(
    house: Any, count: int, steps: list[tuple[str, int]]
) -> None:
    Message.objects.all().delete()
    Order.objects.exclude(state="cancelled").update(state="cancelled")
    voids.stop_wrong()
    orders = twins(house, count)
    Receiver.objects.filter(order__in=orders).update(address_key=f"door-{orders[0].id}")
    Stock.objects.filter(bin=house.bins["HZ01"]).update(reserved=2 * count)
    plan.plan()
    for what, which in steps:
        order = orders[which % count]
        try:
            if what == "merge":
                together.merge([order.id, orders[(which + 1) % count].id], CLERK)
            elif what == "undo":
                group = MergeMember.objects.filter(order=order, left_at=None).first()
                if group is not None:
                    together.undo(group.merge_id, CLERK)
            elif what == "cancel":
                apply(ORDERS, "cancel", [order.id], actor=platform("taobao"), params={"reason": "x"})
            elif what == "refund":
                holds.open_holds([order.id], "refund", "asked", platform("taobao"))
            elif what == "release":
                holds.release_type([order.id], HoldType.REFUND, CLERK, "withdrawn")
            else:
                parcel = Parcel.objects.filter(order=order, state="planned", rides_with=None).first()
                if parcel is not None:
                    numbered(parcel, f"79{parcel.id:06d}")
        except MergeRefused:
            pass
        for _tick in range(2):
            voids.stop_wrong()
            together.tend()
            plan.plan()
        _conserved(house, orders)


def _conserved(house: Any, orders: list[Order]) -> None:
    """Every order that may go has its goods in exactly one parcel that goes, and nothing else is in any."""
    rows = {o.id: o for o in Order.objects.filter(id__in=[o.id for o in orders])}
    going = {i for i, o in rows.items() if o.state != "cancelled" and not o.open_holds}
    live = Parcel.objects.filter(order_id__in=rows).exclude(state="voided")
    leads = shipments(live.filter(rides_with=None).values_list("id", flat=True))
    packed = [content.order_id for s in leads.values() for content in s.contents]
    assert sorted(packed) == sorted(going)
    assert sum(s.payable for s in leads.values()) == sum(rows[i].payable for i in going)
    kept = sum(2 for o in rows.values() if o.state != "cancelled")
    assert Stock.objects.get(bin=house.bins["HZ01"]).reserved == kept
    for shipment in leads.values():
        together_now = {head.id for head in shipment.heads}
        members = set(
            MergeMember.objects.filter(order_id=shipment.head.id, left_at=None).values_list(
                "merge", flat=True
            )
        )
        mates = set(
            MergeMember.objects.filter(merge__in=members, left_at=None).values_list("order_id", flat=True)
        )
        assert together_now == (mates & going or {shipment.head.id})


def test_that_weight_trouble_of_the_parcel_is_one_ticket(house: Any) -> None:
    _orders, lead, (rider,) = merged(house)
    numbered(lead)
    Parcel.objects.filter(id=lead.id).update(state="waved")
    apply_progress([Progress(lead.id, "packed", {}, 3000)], WMS)
    holding.tell()
    riding.ride()
    assert Ticket.objects.filter(kind="parcel_weight").count() == 1
    messages.send_again()
    assert Parcel.objects.get(id=rider.id).state == "packed"


def test_that_the_questions_to_the_database_do_not_grow_with_the_merges(house: Any) -> None:
    from django.test.utils import CaptureQueriesContext

    def cost(n: int) -> int:
        for i in range(n):
            pair = twins(house)
            Receiver.objects.filter(order__in=pair).update(address_key=f"door-{n}-{i}")
            together.merge([order.id for order in pair], CLERK)
        with CaptureQueriesContext(connection) as captured:
            assert plan._plan(500) == 2 * n
            riding.ride()
        return len(captured)

    cost(1)
    assert cost(1) == cost(5)


def test_that_a_merge_without_all_its_members_is_not_planned(house: Any) -> None:
    one, other = twins(house)
    together.merge([one.id, other.id], CLERK)
    assert contents.boxes([one.id], {}) == []
    assert len(contents.boxes([one.id, other.id], {})) == 2


def _work(name: str, ids: tuple[int, int], parcel_id: int, start: threading.Barrier, said: list[str]) -> None:
    try:
        start.wait()
        if name == "merge":
            together.merge(ids, CLERK)
            done = True
        elif name == "cancel":
            done = bool(
                apply(ORDERS, "cancel", ids[1:], actor=platform("taobao"), params={"reason": "x"}).moved
            )
        else:
            done = bool(apply(tracking.LIFECYCLE, "hand", [parcel_id], actor=WMS).moved)
        if done:
            said.append(name)
    except MergeRefused:
        pass
    finally:
        connection.close()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("rival", ["cancel", "hand"])
def test_that_a_merge_against_a_cancellation_or_a_hand_over_leaves_one_truth(house: Any, rival: str) -> None:
    """Both at once, many times: no parcel carries a cancelled order, nothing is handed over and merged as well."""
    for _round in range(6):
        Parcel.objects.all().delete()
        one, other = twins(house)
        plan.plan()
        parcel = Parcel.objects.exclude(state="voided").get(order=other)
        message = Message.objects.get(kind="waybill.get", subject_id=parcel.id)
        message.answer, message.state = {"waybill_no": f"78{parcel.id:06d}", "service": "zto"}, "done"
        message.save()
        waybill.numbered([message])
        said: list[str] = []
        start = threading.Barrier(2)

        about = ((one.id, other.id), parcel.id, start, said)
        threads = [threading.Thread(target=_work, args=(name, *about)) for name in ("merge", rival)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert said, "one of the two must win"
        parcel.refresh_from_db()
        if rival == "hand":
            assert not ("merge" in said and "hand" in said)
            assert parcel.state == ("handed" if "hand" in said else "voided")
            assert MergeMember.objects.filter(order=other, left_at=None).exists() == ("merge" in said)
        else:
            assert "cancel" in said
            voids.stop_wrong()
            together.tend()
            plan.plan()
            assert not Parcel.objects.filter(order=other).exclude(state="voided").exists()
            assert Parcel.objects.filter(order=one).exclude(state="voided").count() == 1
        Message.objects.all().delete()
        MergeMember.objects.all().delete()
        Event.objects.all().delete()
        Order.objects.filter(id__in=[one.id, other.id]).update(state="cancelled")
