"""Orders that ship in one parcel: who may, what the world is told, and how it is undone."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone, translation

from inventory.models import Reservation, Stock
from logistics.models import Parcel, ParcelLine
from logistics.operations import (
    follow,
    handover,
    packing,
    plan,
    printing,
    riding,
    together,
    tracking,
    waves,
)
from logistics.operations.progress import apply_progress
from logistics.operations.steps import Progress
from logistics.queries import shipments
from logistics.tests.together_cast import CLERK, merged, numbered, twins
from orderhub.actors import platform
from orderhub.lifecycle import apply
from orderhub.models import Message
from orders.models import Event, Merge, MergeMember, Order, Receiver
from orders.operations import holds
from orders.operations.merge import MergeRefused
from orders.providers import together as channels

WMS = platform("wangdiantong")


@pytest.fixture(autouse=True)
def _gate(open_gate: Any) -> Any:
    """Every channel says that its orders may go on; refusals are read in English."""
    with translation.override("en"):
        yield


def test_that_merged_orders_become_one_parcel_with_everything_in_it_and_one_question_for_a_number(
    house: Any,
) -> None:
    orders, lead, (rider,) = merged(house)
    assert (lead.order_id, rider.order_id) == (orders[0].id, orders[1].id)
    assert (lead.expected_weight_g, rider.expected_weight_g) == (4 * 300 + 80, 2 * 300 + 80)
    assert Message.objects.filter(kind="waybill.get").count() == 1
    assert (
        ParcelLine.objects.filter(parcel=lead).count() == ParcelLine.objects.filter(parcel=rider).count() == 1
    )
    shipment = shipments([lead.id])[lead.id]
    assert [c.quantity for c in shipment.contents] == [2, 2]
    assert [head.id for head in shipment.heads] == [order.id for order in orders]
    assert shipment.payable == sum(order.payable for order in orders) == Decimal("58.00")
    codes = set(Event.objects.filter(order=orders[1]).values_list("code", flat=True))
    assert {"merged", "parcel.rides"} <= codes


def test_that_every_order_of_the_parcel_is_reported_and_its_stock_leaves_but_traces_are_asked_once(
    house: Any,
) -> None:
    orders, lead, (rider,) = merged(house)
    numbered(lead)
    push = Message.objects.get(kind="wms.push")
    push.answer = {"reference": "JY1"}
    handover.accepted([push])
    apply_progress([Progress(lead.id, "shipped", {"shipped": timezone.now()}, 1280)], WMS)
    riding.ride()
    riding.ride()
    rider.refresh_from_db()
    assert (rider.state, rider.waybill_no, rider.weight_g) == ("shipped", "78000001", None)
    told = Message.objects.filter(kind="channel.ship").values_list("order_id", "subject_id")
    assert sorted(told) == [(orders[0].id, lead.id), (orders[1].id, rider.id)]
    assert Message.objects.filter(kind="trace.subscribe").count() == 1
    assert Message.objects.filter(kind="wms.push").count() == 1
    stock = Stock.objects.get(sku=house.sku, bin=house.bins["HZ01"])
    assert (stock.on_hand, stock.reserved) == (996, 0)
    follow.follow()
    assert set(Order.objects.filter(id__in=[o.id for o in orders]).values_list("state", flat=True)) == {
        "shipped"
    }


def test_that_one_signature_signs_every_order_of_the_parcel(house: Any) -> None:
    orders, lead, (rider,) = merged(house)
    Parcel.objects.filter(id__in=[lead.id, rider.id]).update(
        state="shipped", waybill_no="78000009", shipped_at=timezone.now()
    )
    Order.objects.filter(id__in=[o.id for o in orders]).update(state="shipped")
    apply(tracking.LIFECYCLE, "sign", [lead.id, rider.id], actor=platform("carrier"))
    follow.follow()
    assert set(Order.objects.values_list("state", flat=True)) == {"signed"}


def test_that_our_own_pickers_see_one_parcel(house: Any) -> None:
    _orders, lead, (rider,) = merged(house, warehouse="SH01")
    numbered(lead)
    riding.ride()
    (wave,) = waves.make_waves(CLERK)
    (pick,) = waves.pick_list(wave.id)
    assert (pick.quantity, pick.parcels) == (4, (lead.number,))
    found = packing.pack(rider.number, 1280, CLERK)
    assert (found.result, found.parcel.id if found.parcel else 0) == ("good", lead.id)
    assert printing.print_labels([rider.id], CLERK).refused.keys() == {rider.number}
    assert printing.print_labels([lead.id], CLERK).numbers == [lead.number]
    assert Event.objects.filter(code="label.printed").count() == 2
    assert Parcel.objects.get(id=lead.id).state == "printed"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"open_holds": 1}, "held"),
        ({"sealed": "gift"}, "ships alone"),
        ({"sealed": "cod"}, "ships alone"),
        ({"refund_state": "asked"}, "refund"),
        ({"state": "unpaid"}, "payment"),
        ({"state": "shipped"}, "payment"),
    ],
)
def test_that_who_may_not_is_not_merged_and_nothing_happens(house: Any, change: Any, words: str) -> None:
    one, other = twins(house)
    Order.objects.filter(id=other.id).update(**change)
    with pytest.raises(MergeRefused, match=words):
        together.merge([one.id, other.id], CLERK)
    assert not Merge.objects.exists()
    assert not MergeMember.objects.exists()
    assert not Event.objects.exists()


def test_that_other_addresses_other_shops_and_no_key_are_never_merged(house: Any) -> None:
    one, other = twins(house)
    for key in ("door-2", ""):
        Receiver.objects.filter(order=other).update(address_key=key)
        with pytest.raises(MergeRefused):
            together.merge([one.id, other.id], CLERK)
    Receiver.objects.filter(order=other).update(address_key="door-1")
    Order.objects.filter(id=other.id).update(shop=house.shops["taobao"])
    with pytest.raises(MergeRefused, match="two shops"):
        together.merge([one.id, other.id], CLERK)
    assert not Merge.objects.exists()


def test_that_taobao_itself_is_asked_and_its_no_is_a_no(house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = twins(house, channel="taobao")
    asked: list[Any] = []

    class Speaker:
        def oaid_merge(self, pairs: list[tuple[str, str]]) -> list[list[str]]:
            asked.append(pairs)
            return [[number] for number, _oaid in pairs]

    monkeypatch.setattr(channels, "client", lambda _connection: Speaker())
    with pytest.raises(MergeRefused, match="different addresses"):
        together.merge([one.id, other.id], CLERK)
    assert [number for number, _oaid in asked[0]] == [one.channel_number, other.channel_number]
    assert all(oaid.startswith("oaid") for _number, oaid in asked[0])
    monkeypatch.setattr(Speaker, "oaid_merge", lambda _s, pairs: [[number for number, _o in pairs]])
    together.merge([one.id, other.id], CLERK)
    assert Merge.objects.get().basis == "channel"


def test_that_what_changes_while_the_channel_is_asked_is_looked_at_again(
    house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = twins(house)

    def asked(ids: list[int]) -> list[list[int]]:
        holds.open_holds([other.id], "refund", "asked meanwhile", platform("taobao"))
        return [ids]

    monkeypatch.setattr(channels, "ask", asked)
    with pytest.raises(MergeRefused, match="held"):
        together.merge([one.id, other.id], CLERK)
    assert not MergeMember.objects.exists()


def test_that_a_parcel_that_was_planned_alone_is_voided_and_its_number_given_back(house: Any) -> None:
    one, other = twins(house)
    plan.plan()
    first = Parcel.objects.get(order=one)
    numbered(first)
    together.merge([one.id, other.id], CLERK)
    first.refresh_from_db()
    assert first.state == "voided"
    assert Message.objects.get(kind="wms.push").state == "cancelled"
    assert Message.objects.get(kind="waybill.cancel").data["waybill_no"] == "78000001"
    plan.plan()
    assert Parcel.objects.exclude(state="voided").filter(rides_with=None).count() == 1


def test_that_what_a_warehouse_has_is_not_merged(house: Any) -> None:
    one, other = twins(house)
    house.parcel(one, "handed")
    with pytest.raises(MergeRefused, match="warehouse has parcel"):
        together.merge([one.id, other.id], CLERK)
    assert not MergeMember.objects.exists()


def test_that_a_hand_over_in_flight_refuses_the_merge(house: Any) -> None:
    one, other = twins(house)
    plan.plan()
    numbered(Parcel.objects.get(order=one))
    Message.objects.filter(kind="wms.push").update(state="sending")
    with pytest.raises(MergeRefused, match="on its way"):
        together.merge([one.id, other.id], CLERK)
    assert not MergeMember.objects.exists()
    assert Parcel.objects.get(order=one).state == "numbered"


def snapshot(orders: list[Order]) -> Any:
    """What undoing must bring back: the orders' own columns, what they hold, and what each one's parcel carries."""
    ids = [order.id for order in orders]
    rows = Order.objects.filter(id__in=ids).order_by("id").values_list(
        "id", "state", "payable", "warehouse_id", "carrier", "open_holds"
    )  # fmt: skip
    held = sorted(Reservation.objects.filter(state="active").values_list("reference", "bin_id", "quantity"))
    live = Parcel.objects.filter(order_id__in=ids).exclude(state="voided").order_by("order_id")
    carried = [
        (p.order_id, p.worked_by, p.service, p.rides_with_id, [(c.line_uuid, c.quantity) for c in s.contents])
        for p in live
        for s in [shipments([p.id])[p.id]]
    ]
    return list(rows), held, carried


def test_that_undoing_before_picking_restores_exactly(house: Any) -> None:
    orders = twins(house)
    plan.plan()
    before = snapshot(orders)
    merge_id = together.merge([order.id for order in orders], CLERK)
    plan.plan()
    assert snapshot(orders) != before
    assert together.undo(merge_id, CLERK) == [order.id for order in orders]
    plan.plan()
    assert snapshot(orders) == before
    assert Event.objects.filter(code="merge_undone").count() == 2
    with pytest.raises(MergeRefused):
        together.undo(merge_id, CLERK)


def test_that_undoing_is_refused_once_it_is_picked(house: Any) -> None:
    _orders, lead, _riders = merged(house)
    Parcel.objects.filter(id=lead.id).update(state="waved")
    with pytest.raises(MergeRefused, match="picked"):
        together.undo(MergeMember.objects.first().merge_id, CLERK)  # type: ignore[union-attr]
    assert MergeMember.objects.filter(left_at=None).count() == 2


def test_that_a_merge_at_a_warehouse_is_stopped_there_before_it_goes_apart(house: Any) -> None:
    _orders, lead, (rider,) = merged(house)
    numbered(lead)
    push = Message.objects.get(kind="wms.push")
    push.answer = {"reference": "JY1"}
    handover.accepted([push])
    riding.ride()
    together.undo(Merge.objects.get().id, CLERK)
    stop = Message.objects.get(kind="wms.cancel")
    assert (stop.subject_id, Parcel.objects.get(id=rider.id).state) == (lead.id, "handed")
    assert plan.plan() == 0
    handover.stopped([stop])
    riding.ride()
    assert Parcel.objects.exclude(state="voided").count() == 0
    assert plan.plan() == 2
    assert not Parcel.objects.exclude(state="voided").exclude(rides_with=None).exists()
