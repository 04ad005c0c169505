"""A parcel's life: planned, numbered, handed, worked, shipped; what refuses each step, and that nothing happened then."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from inventory.models import Stock
from logistics.lifecycle import LIFECYCLE
from logistics.models import Delivery, Parcel, ParcelLine
from logistics.operations import follow, handover, holding, messages, plan, shipping, voids, waybill
from logistics.operations.progress import apply_progress
from logistics.operations.steps import Progress
from orderhub.actors import Actor, platform
from orderhub.lifecycle import apply
from orderhub.models import Message, Ticket
from orders.models import Event, Hold, Order
from orders.operations import holds

CLERK = Actor("person", "li")
WMS = platform("wangdiantong")


def numbered(parcel: Parcel, number: str = "78000001") -> None:
    message = Message.objects.get(kind="waybill.get", subject_id=parcel.id)
    message.answer, message.state = (
        {"waybill_no": number, "sort_code": "A-1", "service": parcel.service},
        "done",
    )
    message.save()
    waybill.numbered([message])
    parcel.refresh_from_db()


def test_that_a_routed_order_becomes_one_parcel_with_its_lines_and_one_question_for_a_number(
    house: Any,
) -> None:
    order = house.order()
    assert plan.plan() == 1
    assert plan.plan() == 0
    parcel = Parcel.objects.get(order=order)
    assert (parcel.number, parcel.service, parcel.worked_by) == (f"{order.number}-1", "zto", "wangdiantong")
    assert parcel.expected_weight_g == 2 * 300 + 80
    assert ParcelLine.objects.get(parcel=parcel).quantity == 2
    message = Message.objects.get(kind="waybill.get")
    assert (message.key, getattr(message.connection, "platform", "")) == (f"{parcel.number}/1", "zto")


def test_that_a_masked_order_takes_the_platforms_label_and_goes_by_qimen(house: Any) -> None:
    parcel = house.parcel(house.order("taobao"))
    assert (parcel.service, parcel.worked_by) == ("cainiao", "qimen")
    assert getattr(Message.objects.get(kind="waybill.get").connection, "platform", "") == "taobao"


def test_that_a_warehouse_without_a_wms_is_worked_in_our_own_waves(house: Any) -> None:
    assert house.parcel(house.order(warehouse="SH01")).worked_by == "own"


def test_that_a_held_order_gets_no_parcel(house: Any) -> None:
    order = house.order()
    holds.open_holds([order.id], "manual", "wait", CLERK)
    assert plan.plan() == 0
    assert not Parcel.objects.exists()


def test_that_planning_asks_the_database_a_constant_number_of_questions(house: Any) -> None:
    def cost(n: int) -> int:
        for _ in range(n):
            house.order()
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert plan._plan(500) == n
        return len(captured)

    cost(1)
    assert cost(1) == cost(5)


def test_that_a_number_asks_for_the_hand_over_and_the_answer_hands_it(house: Any) -> None:
    parcel = house.parcel(house.order())
    numbered(parcel)
    assert (parcel.state, parcel.waybill_no, parcel.sort_code) == ("numbered", "78000001", "A-1")
    push = Message.objects.get(kind="wms.push")
    assert (push.key, getattr(push.connection, "platform", "")) == (parcel.number, "wangdiantong")
    push.answer = {"reference": "JY1"}
    handover.accepted([push])
    parcel.refresh_from_db()
    assert (parcel.state, parcel.wms_reference) == ("handed", "JY1")


def test_that_our_own_parcel_is_ready_for_a_wave_as_soon_as_it_has_a_number(house: Any) -> None:
    parcel = house.parcel(house.order(warehouse="SH01"))
    numbered(parcel)
    assert parcel.state == "handed"
    assert not Message.objects.filter(kind="wms.push").exists()


def test_that_a_number_that_comes_after_the_voiding_is_given_back(house: Any) -> None:
    parcel = house.parcel(house.order())
    Parcel.objects.filter(id=parcel.id).update(state="voided")
    numbered(parcel)
    assert parcel.waybill_no == ""
    assert Message.objects.get(kind="waybill.cancel").data["waybill_no"] == "78000001"


def progress(parcel: Parcel, stage: str = "shipped", weight: int = 690, **times: dt.datetime) -> Progress:
    at = timezone.now() - dt.timedelta(days=3)
    every = {
        name: at + dt.timedelta(hours=n) for n, name in enumerate(("waved", "packed", "printed", "shipped"))
    }
    return Progress(parcel.id, stage, every | times, weight)


def test_that_one_word_of_the_wms_brings_a_parcel_all_the_way_at_the_wms_own_times(house: Any) -> None:
    order = house.order()
    parcel = house.parcel(order, "handed")
    told = progress(parcel)
    apply_progress([told], WMS)
    apply_progress([told], WMS)
    parcel.refresh_from_db()
    assert (parcel.state, parcel.weight_g, parcel.weight_state) == ("shipped", 690, "ok")
    assert (parcel.waved_at, parcel.shipped_at) == (told.times["waved"], told.times["shipped"])
    assert Message.objects.filter(kind="channel.ship", key=parcel.number).count() == 1
    assert Message.objects.filter(kind="trace.subscribe").count() == 1
    stock = Stock.objects.get(sku=house.sku, bin=house.bins["HZ01"])
    assert (stock.on_hand, stock.reserved) == (998, 0)
    delivery = Delivery.objects.get(waybill_no=parcel.waybill_no)
    assert (delivery.adcode, delivery.warehouse_code, delivery.history) == ("330110", "HZ01", False)


def test_that_the_order_follows_with_an_event_at_each_point(house: Any) -> None:
    order = house.order()
    parcel = house.parcel(order, "handed", handed_at=timezone.now())
    told = progress(parcel)
    apply_progress([told], WMS)
    follow.follow()
    order.refresh_from_db()
    parcel.refresh_from_db()
    assert (order.state, parcel.followed) == ("shipped", "shipped")
    points = dict(Event.objects.filter(order=order, point__isnull=False).values_list("point", "occurred_at"))
    assert points == {4: told.times["waved"], 5: told.times["packed"], 6: told.times["printed"]}
    assert order.shipped_at == told.times["shipped"]


def test_that_an_order_follows_its_least_advanced_live_parcel(house: Any) -> None:
    order = house.order()
    first = house.parcel(order, "shipped", handed_at=timezone.now(), waved_at=timezone.now())
    Parcel.objects.create(
        number=f"{order.number}-2", order=order, state="waved", warehouse=order.warehouse, worked_by="own",
        carrier="ZTO", service="zto", role="split", waved_at=timezone.now(),
    )  # fmt: skip
    Parcel.objects.create(
        number=f"{order.number}-3", order=order, state="voided", warehouse=order.warehouse, worked_by="own",
        carrier="ZTO", service="zto",
    )  # fmt: skip
    follow.follow()
    order.refresh_from_db()
    assert order.state == "waved"
    assert (
        not Parcel.objects.filter(order=order)
        .exclude(followed="planned")
        .exclude(id=first.id)
        .exclude(followed__in=["waved", "voided"])
    )


def test_that_a_weight_far_off_holds_the_order_and_stops_the_parcel_until_a_person_releases_it(
    house: Any,
) -> None:
    order = house.order()
    parcel = house.parcel(order, "handed")
    apply_progress([progress(parcel, weight=2600)], WMS)
    parcel.refresh_from_db()
    assert (parcel.state, parcel.weight_state, parcel.weight_g) == ("printed", "off", 2600)
    assert not Message.objects.filter(kind="channel.ship").exists()
    assert holding.tell() == 1
    assert holding.tell() == 0
    order.refresh_from_db()
    assert order.open_holds == 1
    assert Ticket.objects.get(kind="parcel_weight").order_id == order.id
    assert holding.go_on() == 0
    holds.release(Hold.objects.get(order=order).id, CLERK, "two gifts inside")
    assert holding.go_on() == 1
    apply_progress([progress(parcel, weight=2600)], WMS)
    parcel.refresh_from_db()
    assert (parcel.state, parcel.weight_state) == ("shipped", "released")


@pytest.mark.parametrize(
    ("weight", "off"), [(680, False), (780, False), (781, True), (579, True), (580, False)]
)
def test_that_the_tolerance_is_ten_percent_but_at_least_a_hundred_grams(
    house: Any, weight: int, off: bool
) -> None:
    parcel = house.parcel(house.order(), "waved")
    apply_progress([progress(parcel, "packed", weight)], WMS)
    parcel.refresh_from_db()
    assert (parcel.weight_state == "off") is off


def test_that_our_own_steps_stop_on_a_held_order_and_facts_do_not(house: Any) -> None:
    order = house.order(warehouse="SH01")
    parcel = house.parcel(order, "waved")
    holds.open_holds([order.id], "refund", "asked", CLERK)
    outcome = apply(LIFECYCLE, "pack", [parcel.id], actor=CLERK, params={"weights": {parcel.id: 680}})
    assert outcome.refused[parcel.id].code == "stopped"
    parcel.refresh_from_db()
    assert (parcel.state, parcel.weight_g) == ("waved", None)
    apply_progress([progress(parcel, "packed")], WMS)
    parcel.refresh_from_db()
    assert parcel.state == "packed"


def test_that_packing_without_a_weight_is_refused(house: Any) -> None:
    parcel = house.parcel(house.order(warehouse="SH01"), "waved")
    outcome = apply(LIFECYCLE, "pack", [parcel.id], actor=CLERK)
    assert outcome.refused[parcel.id].code == "no_weight"
    parcel.refresh_from_db()
    assert parcel.state == "waved"


def test_that_a_cancelled_orders_planned_parcel_is_voided_and_its_question_taken_back(house: Any) -> None:
    order = house.order()
    parcel = house.parcel(order)
    Order.objects.filter(id=order.id).update(state="cancelled")
    voids.stop_wrong()
    parcel.refresh_from_db()
    assert (parcel.state, Message.objects.get(kind="waybill.get").state) == ("voided", "cancelled")
    assert not Message.objects.filter(kind="waybill.cancel").exists()


@pytest.mark.parametrize("state", ["planned", "numbered"])
def test_that_a_parcel_planned_for_another_outlet_of_the_same_warehouse_is_replaced(
    house: Any, state: str
) -> None:
    order = house.order()
    parcel = house.parcel(order, state)
    Order.objects.filter(id=order.id).update(outlet_code="ZTO-330110-2")
    voids.stop_wrong()
    plan.plan()
    parcel.refresh_from_db()
    assert parcel.state == "voided"
    new = Parcel.objects.exclude(id=parcel.id).get(order_id=order.id)
    assert (new.state, new.outlet_code) == ("planned", "ZTO-330110-2")


def test_that_a_parcel_that_a_warehouse_has_keeps_its_outlet(house: Any) -> None:
    order = house.order(state="released")
    parcel = house.parcel(order, "handed")
    Order.objects.filter(id=order.id).update(outlet_code="ZTO-330110-2")
    voids.stop_wrong()
    parcel.refresh_from_db()
    assert (parcel.state, parcel.stop_reason) == ("handed", "")


def test_that_voiding_waits_for_a_call_in_flight(house: Any) -> None:
    order = house.order()
    parcel = house.parcel(order)
    Message.objects.filter(kind="waybill.get").update(state="unknown")
    Order.objects.filter(id=order.id).update(state="cancelled")
    voids.stop_wrong()
    parcel.refresh_from_db()
    assert (parcel.state, parcel.refusal) == ("planned", "in_flight")


def test_that_what_a_wms_has_is_stopped_first_and_voided_when_it_says_so(house: Any) -> None:
    order = house.order()
    parcel = house.parcel(order, "handed")
    holds.open_holds([order.id], "refund", "asked", CLERK)
    voids.stop_wrong()
    voids.stop_wrong()
    parcel.refresh_from_db()
    assert parcel.state == "handed" and parcel.stop_reason
    message = Message.objects.get(kind="wms.cancel")
    message.answer = {"late": False}
    handover.stopped([message])
    parcel.refresh_from_db()
    assert parcel.state == "voided"
    assert Message.objects.get(kind="waybill.cancel").key == f"zto:{parcel.waybill_no}"


def test_that_a_parcel_that_left_too_early_becomes_an_intercept_ticket_and_no_void(house: Any) -> None:
    order = house.order()
    parcel = house.parcel(order, "printed")
    Order.objects.filter(id=order.id).update(state="cancelled")
    voids.stop_wrong()
    message = Message.objects.get(kind="wms.cancel")
    message.answer = {"late": True}
    handover.stopped([message])
    parcel.refresh_from_db()
    assert parcel.state == "printed"
    assert Ticket.objects.get(kind="intercept").order_id == order.id


def test_that_a_shipped_parcel_cannot_be_voided(house: Any) -> None:
    parcel = house.parcel(house.order(), "shipped")
    outcome = apply(LIFECYCLE, "void", [parcel.id], actor=CLERK)
    assert outcome.refused[parcel.id].code == "wrong_state"
    assert not Message.objects.filter(kind="waybill.cancel").exists()


def test_that_a_changed_address_voids_the_parcel_and_plans_one_for_the_new_version(house: Any) -> None:
    order = house.order()
    parcel = house.parcel(order)
    Order.objects.filter(id=order.id).update(destination_version=2)
    order.receiver.version = 2
    order.receiver.save()
    voids.stop_wrong()
    plan.plan()
    parcel.refresh_from_db()
    fresh = Parcel.objects.exclude(id=parcel.id).get()
    assert (parcel.state, fresh.number, fresh.destination_version) == ("voided", f"{order.number}-2", 2)
    assert Message.objects.filter(kind="waybill.get", key=f"{fresh.number}/2").exists()


def test_that_a_refusing_warehouse_voids_the_parcel_and_holds_the_order_before_it_is_planned_again(
    house: Any,
) -> None:
    order = house.order()
    parcel = house.parcel(order)
    numbered(parcel)
    push = Message.objects.get(kind="wms.push")
    push.answer = {"refused": "缺货：仓库拒单"}
    handover.accepted([push])
    assert plan.plan() == 0
    holding.tell()
    parcel.refresh_from_db()
    assert parcel.state == "voided"
    assert Hold.objects.get(order=order).type == "rejected"
    assert Ticket.objects.filter(kind="parcel_rejected").count() == 1
    assert Message.objects.filter(kind="waybill.cancel").count() == 1
    assert plan.plan() == 0
    holds.release(Hold.objects.get(order=order).id, CLERK)
    holding.go_on()
    assert plan.plan() == 1


def test_that_a_withdrawn_message_is_wanted_again_when_the_order_may_go_on(house: Any) -> None:
    parcel = house.parcel(house.order())
    old = timezone.now() - dt.timedelta(minutes=1)
    Message.objects.filter(subject_id=parcel.id).update(state="cancelled", done_at=old)
    assert messages.send_again() == 1
    assert Message.objects.get(subject_id=parcel.id).state == "new"


def test_that_an_order_refunded_at_the_last_gate_is_not_sent_off_from_our_own_warehouse(
    house: Any, open_gate: dict[int, Any]
) -> None:
    from orders.operations.recheck import ChannelState

    good, bad = house.order(warehouse="SH01"), house.order(warehouse="SH01")
    parcels = [house.parcel(order, "printed") for order in (good, bad)]
    open_gate[bad.id] = ChannelState(False, "refund asked")
    outcome = shipping.send_off([parcel.id for parcel in parcels], CLERK)
    assert (list(outcome.moved), outcome.refused[parcels[1].id].code) == ([parcels[0].id], "channel")
    assert Parcel.objects.get(id=parcels[1].id).state == "printed"


def test_that_a_broken_parcel_holds_its_order_and_comes_back_when_released(house: Any) -> None:
    order = house.order()
    parcel = house.parcel(order)
    holding.set_aside([parcel.id], "broken", "no such thing")
    holding.tell()
    assert Hold.objects.get(order=order).type == "broken"
    holds.release(Hold.objects.get(order=order).id, CLERK)
    holding.go_on()
    parcel.refresh_from_db()
    assert (parcel.open_holds, parcel.hold_type) == (0, "")


def test_that_applying_progress_asks_a_constant_number_of_questions(house: Any) -> None:
    def cost(n: int) -> int:
        parcels = [house.parcel(house.order(), "handed") for _ in range(n)]
        with CaptureQueriesContext(connection) as captured:
            apply_progress([progress(parcel) for parcel in parcels], WMS)
        return len(captured)

    cost(1)
    assert cost(1) == cost(5)
