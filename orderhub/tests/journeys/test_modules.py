"""The first chain alone, pay → stock → ship; then the others are switched on and the old orders go on."""

from __future__ import annotations

import pytest

from finance.models import Invoice, Receivable
from logistics.models import Parcel
from orderhub import modules
from orderhub.models import Message
from orderhub.tests.journeys.house import House
from orders.models import Event, Order
from routing.models import Decision

pytestmark = pytest.mark.journey
LATER = ("tracking", "aftersale", "invoice", "finance")


def points() -> set[int]:
    return set(Event.objects.exclude(point=None).values_list("point", flat=True))


def test_that_orders_stop_at_shipped_and_go_on_to_closed_when_the_modules_are_switched_on(
    house: House,
) -> None:
    for code in ("routing", *LATER):
        modules.switch(code, False)
    house.fetch(*[order.number for order in house.plain("taobao")[:3]])
    house.own_shop(*[order.number for order in house.plain("own_shop")[:3]])
    house.run()
    assert list(Order.objects.values_list("state", flat=True)) == ["shipped"] * 6
    assert points() == {1, 2, 3, 4, 5, 6} and not Receivable.objects.exists() and not Invoice.objects.exists()
    assert set(Decision.objects.values_list("located_by", flat=True)) == {"off"}
    assert set(Parcel.objects.values_list("tracking", flat=True)) == {""}
    assert not house.sandbox.ledger("trace.subscribe") and not house.sandbox.ledger("kingdee.save")
    assert len(house.sandbox.ledger("channel.ship")) == 6

    for code in LATER:
        modules.switch(code, True)
    house.run()
    assert list(Order.objects.values_list("state", flat=True)) == ["closed"] * 6
    assert points() == set(range(1, 11))
    for kind in (
        "wms.order",
        "waybill.number",
        "channel.ship",
        "kingdee.save",
        "kingdee.submit",
        "kingdee.audit",
    ):
        assert [e["effect"] for e in house.sandbox.ledger(kind)] == [True] * 6, kind
    assert not Message.objects.exclude(state="done").exists()
