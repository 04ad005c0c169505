"""Merging and splitting over Taobao's real protocol: the sandbox's ledger says which numbers and reports there were."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.utils import timezone, translation

from inventory.models import Sku, Stock
from logistics.models import Parcel
from logistics.operations import dividing, packing, plan, printing, riding, shipping, together, waves
from logistics.providers.labels import own as labels
from logistics.tests.conftest import House, open_gate  # noqa: F401
from orderhub import crypto, modules
from orderhub.actors import Actor
from orderhub.integrations.errors import PlatformError
from orderhub.integrations.registry import client
from orderhub.models import Message
from orderhub.outbox import sending
from orderhub.sandbox.tests.served import Served, served
from orderhub.testing.connections import connection
from orders.models import Line, Merge, Order, Receiver
from orders.operations.merge import MergeRefused

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
CLERK = Actor("person", "li")


@pytest.fixture
def sandbox() -> Iterator[Served]:
    with served("taobao", orders=300) as made:
        yield made


@pytest.fixture
def house(db: None, sandbox: Served, open_gate: Any) -> Iterator[House]:  # noqa: F811
    """The cast of the parcels, its Taobao account at the sandbox, everything worked in our own waves."""
    modules.forget()
    labels.forget()
    made = House(sandbox.url)
    account = connection("taobao", sandbox.url, save=False)
    known = made.accounts["taobao"]
    account.id, account.code, account.created_at = known.id, known.code, known.created_at
    account.save()
    made.accounts["taobao"] = account
    with translation.override("en"):
        yield made


def trades(sandbox: Served, lines: int = 1) -> list[Any]:
    """Orders of the sandbox that wait to be shipped, with at least so many lines."""
    return [
        order
        for order in sandbox.world.of("taobao")
        if order.paid_at and not order.scenario and len(order.lines) >= lines
    ]


def same_door(sandbox: Served, one: Any, other: Any) -> None:
    """The sandbox's second order is of the first one's buyer and goes to the same address."""
    trading = sandbox.platforms["taobao"].trades  # type: ignore[attr-defined]
    trading.orders[other.number] = replace(other, buyer_id=one.buyer_id, receiver=one.receiver)


def taken_in(house: House, tid: str) -> Order:
    """A routed order as a pull would have left it, with the oaid that Taobao shows now."""
    trade, _raw = client(house.accounts["taobao"]).fullinfo(tid)
    order = house.order("taobao", "SH01", channel_number=tid)
    Receiver.objects.filter(order=order).update(
        opaque_enc=crypto.encrypt(json.dumps({"oaid": trade["oaid"]}).encode()), address_key=trade["buyer_open_uid"],
        name_mask=trade["receiver_name"], phone_mask=trade["receiver_mobile"], address_mask=trade["receiver_address"],
        province=trade["receiver_state"], city=trade["receiver_city"], district=trade["receiver_district"],
    )  # fmt: skip
    first = trade["orders"]["order"][0]
    Line.objects.filter(order=order).update(channel_line=first["oid_str"])
    return order


def drain(*kinds: str) -> None:
    for kind in kinds:
        Message.objects.filter(kind=kind, state__in=["new", "unknown"]).update(
            next_try_at=timezone.now() - timezone.timedelta(seconds=5)
        )
        sending.drain(kind)


def send_off(parcels: list[Parcel]) -> None:
    """Our own people pick, pack, print and ship them."""
    waves.make_waves(CLERK)
    for parcel in parcels:
        assert packing.pack(parcel.number, parcel.expected_weight_g, CLERK).result == "good"
    assert not printing.print_labels([parcel.id for parcel in parcels], CLERK).refused
    assert not shipping.send_off([parcel.id for parcel in parcels], CLERK).refused
    riding.ride()
    drain("channel.ship")


def test_that_two_trades_with_one_door_get_one_number_and_are_each_reported_once(
    house: House, sandbox: Served
) -> None:
    one, other, stranger = trades(sandbox)[:3]
    same_door(sandbox, one, other)
    orders = [taken_in(house, trade.number) for trade in (one, other, stranger)]
    Receiver.objects.filter(order=orders[2]).update(address_key=one.buyer_id)
    with pytest.raises(MergeRefused, match="different addresses"):
        together.merge([order.id for order in orders], CLERK)
    together.merge([order.id for order in orders[:2]], CLERK)
    plan.plan()
    drain("waybill.get")
    lead = Parcel.objects.get(order=orders[0], state="handed")
    (number,) = [row for row in sandbox.effects("waybill.number") if one.number in row["key"]]
    assert other.number in number["key"]
    send_off([lead])
    for trade in (one, other):
        (told,) = sandbox.effects("channel.ship", trade.number)
        assert told["body"]["out_sid"] == lead.waybill_no
    assert sandbox.effects("channel.ship", stranger.number) == []


def test_that_a_key_that_is_not_the_trades_refuses_the_merge_and_nothing_happens(
    house: House, sandbox: Served
) -> None:
    one, other = trades(sandbox)[:2]
    same_door(sandbox, one, other)
    orders = [taken_in(house, trade.number) for trade in (one, other)]
    Receiver.objects.filter(order__in=orders).update(address_key=one.buyer_id)
    stale = crypto.encrypt(json.dumps({"oaid": "1old"}).encode())
    Receiver.objects.filter(order=orders[1]).update(opaque_enc=stale)
    with pytest.raises(PlatformError):
        together.merge([order.id for order in orders], CLERK)
    assert not Merge.objects.exists()


def test_that_a_split_trade_is_reported_line_by_line_with_two_numbers(house: House, sandbox: Served) -> None:
    trade = trades(sandbox, lines=2)[0]
    order = taken_in(house, trade.number)
    second = Line.objects.create(
        order=order, channel_line=trade.lines[1].line_id, sku=Sku.objects.get(), seller_code="CUP-1", title="杯",
        quantity=1, unit_price=1, payable=1,
    )  # fmt: skip
    for line in trade.lines[2:]:
        Line.objects.create(order=order, channel_line=line.line_id, seller_code="x", title="x", quantity=1,
                            unit_price=1, payable=1)  # fmt: skip
    house.reserve(second, "SH01")
    dividing.divide(order.id, {second.uuid: 1}, CLERK)
    plan.plan()
    drain("waybill.get")
    parcels = list(Parcel.objects.filter(order=order, state="handed").order_by("place"))
    assert len({parcel.waybill_no for parcel in parcels}) == 2
    send_off(parcels)
    told = [row for row in sandbox.effects("channel.ship") if row["key"].startswith(trade.number)]
    assert [(row["body"]["sub_tid"], row["body"]["out_sid"]) for row in told] == [
        ([trade.lines[0].line_id], parcels[0].waybill_no), ([trade.lines[1].line_id], parcels[1].waybill_no),
    ]  # fmt: skip
    assert set(Parcel.objects.filter(order=order).values_list("report_state", flat=True)) == {"done"}
    assert Stock.objects.get(bin=house.bins["SH01"]).on_hand == 997
