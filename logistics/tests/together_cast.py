"""Orders of one buyer, merged, as the tests of merging need them."""

from __future__ import annotations

from typing import Any

from logistics.models import Parcel
from logistics.operations import (
    plan,
    together,
    waybill,
)
from orderhub.actors import Actor
from orderhub.models import Message
from orders.models import Order, Receiver

CLERK = Actor("person", "li")


def twins(house: Any, n: int = 2, **columns: Any) -> list[Order]:
    """Orders of one buyer at one address, routed."""
    made = [house.order(**columns) for _ in range(n)]
    Receiver.objects.filter(order__in=made).update(address_key="door-1")
    return made


def numbered(parcel: Parcel, number: str = "78000001") -> None:
    message = Message.objects.get(kind="waybill.get", subject_id=parcel.id)
    message.answer, message.state = {"waybill_no": number, "service": parcel.service}, "done"
    message.save()
    waybill.numbered([message])
    parcel.refresh_from_db()


def merged(house: Any, n: int = 2, **columns: Any) -> tuple[list[Order], Parcel, list[Parcel]]:
    """Merged orders with their planned parcels: the one that goes and those that ride in it."""
    orders = twins(house, n, **columns)
    together.merge([order.id for order in orders], CLERK)
    plan.plan()
    lead = Parcel.objects.exclude(state="voided").get(rides_with=None)
    return orders, lead, list(Parcel.objects.filter(rides_with=lead).order_by("id"))
