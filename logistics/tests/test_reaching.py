"""A parcel whose carrier the channel says does not deliver: all of its orders go back, or nothing does and a person is told."""

from __future__ import annotations

from typing import Any

import pytest

from logistics.models import Parcel
from logistics.operations import dividing, plan, reaching, waybill
from logistics.providers import reach
from logistics.queries import shipments
from logistics.tests.test_dividing import parcels, two_lines
from logistics.tests.together_cast import merged
from orderhub.actors import Actor
from orderhub.models import Message
from orders.models import Event, Order
from orders.providers.channel import Reach

CLERK = Actor("person", "li")


def unreached(parcel: Parcel) -> Message:
    """The answered question for a parcel's number."""
    message = Message.objects.get(kind="waybill.get", subject_id=parcel.id)
    message.answer, message.state = (
        {"out_of_reach": "ZTO", "channel": "douyin", "reason": "地址未覆盖"},
        "done",
    )
    message.save()
    return message


def test_that_every_order_of_a_merged_parcel_goes_back_with_its_note(house: Any, open_gate: Any) -> None:
    orders, lead, riders = merged(house)
    waybill.numbered([unreached(lead)])
    assert set(
        Parcel.objects.filter(id__in=[lead.id, *(r.id for r in riders)]).values_list("state", flat=True)
    ) == {"voided"}
    assert set(Order.objects.values_list("state", flat=True)) == {"reserved"}
    notes = Event.objects.filter(code="out_of_reach").order_by("order_id")
    assert [(e.order_id, e.data["carrier"], e.data["version"]) for e in notes] == [
        (o.id, "ZTO", 1) for o in orders
    ]


def test_that_a_cancelled_order_only_keeps_the_note(house: Any, open_gate: Any) -> None:
    order = house.order()
    plan.plan()
    (parcel,) = parcels(order)
    Order.objects.filter(id=order.id).update(state="cancelled")
    waybill.numbered([unreached(parcel)])
    order.refresh_from_db()
    assert (order.state, Event.objects.filter(order=order, code="out_of_reach").count()) == ("cancelled", 1)


def test_that_nothing_goes_back_while_another_part_is_being_picked(house: Any, open_gate: Any) -> None:
    order, (_first, second) = two_lines(house)
    dividing.divide(order.id, {second.uuid: 2}, CLERK)
    plan.plan()
    one, other = parcels(order)
    Parcel.objects.filter(id=one.id).update(state="waved")
    message = unreached(other)
    said = {(order.id, other.carrier): Reach(False, "地址未覆盖")}
    answer = reach._turned_back([message], shipments([other.id]), said)[message.id]
    assert answer.outcome == "person" and "拣货" in answer.text
    with pytest.raises(reaching.Stays):
        waybill.numbered([message])
    other.refresh_from_db()
    assert other.state == "planned"
