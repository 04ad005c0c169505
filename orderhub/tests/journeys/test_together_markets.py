"""Merging and splitting over Pinduoduo's and Douyin's real protocols: what the sandbox's ledger says of numbers and reports."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.utils import timezone, translation

from logistics.models import Parcel
from logistics.operations import dividing, packing, plan, printing, riding, shipping, together, waves
from logistics.providers.labels import own as labels
from logistics.tests.conftest import House, open_gate  # noqa: F401
from orderhub import crypto, modules
from orderhub.actors import Actor
from orderhub.integrations import turns
from orderhub.integrations.registry import client
from orderhub.models import Message
from orderhub.outbox import sending
from orderhub.sandbox.tests.served import Served, served
from orderhub.testing.connections import connection
from orders.models import Line, Order, Receiver, Shop
from orders.operations.merge import MergeRefused
from orders.operations.newcomers import address_digest
from orders.providers import channel_of

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
CLERK = Actor("person", "li")
CHANNELS = ("pinduoduo", "douyin")


@pytest.fixture(params=CHANNELS)
def channel(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def sandbox(channel: str) -> Iterator[Served]:
    with served(channel, orders=300, mix=f"{channel}=100") as made:
        turns.forget()
        yield made
    turns.forget()


@pytest.fixture
def house(db: None, sandbox: Served, channel: str, open_gate: Any) -> Iterator[House]:  # noqa: F811
    """The cast of the parcels with a shop of this channel; everything is worked in our own waves."""
    modules.forget()
    labels.forget()
    made = House(sandbox.url)
    made.accounts[channel] = connection(channel, sandbox.url)
    made.shops[channel] = Shop.objects.create(
        code=channel, name=channel, channel=channel, connection=made.accounts[channel]
    )
    with translation.override("en"):
        yield made


def sources(sandbox: Served, channel: str, lines: int = 1) -> list[Any]:
    """Orders that wait to be shipped, with at least so many lines."""
    return [o for o in sandbox.world.of(channel) if o.paid_at and not o.scenario and len(o.lines) >= lines]


def same_door(sandbox: Served, channel: str, one: Any, other: Any) -> None:
    """The second order is of the first one's buyer, on the same day, and goes to the same address."""
    book = sandbox.platforms[channel].orders  # type: ignore[attr-defined]
    book.orders[other.number] = replace(
        other, buyer_id=one.buyer_id, receiver=one.receiver, created_at=one.created_at
    )


def taken_in(house: House, channel: str, number: str) -> Order:
    """A routed order as a pull would have left it, read over HTTP and parsed by the channel's own provider."""
    provider = channel_of(channel)
    kept = provider.details(client(house.accounts[channel]), [number])[number]
    assert not isinstance(kept, Exception), kept
    parsed = provider.parse(kept.raw)
    to = parsed.receiver
    order = house.order(channel, "SH01", channel_number=number)
    Receiver.objects.filter(order=order).update(
        visibility="masked", plain_enc=None, opaque_enc=crypto.encrypt(json.dumps(to.opaque).encode()),
        address_key=address_digest(to), name_mask=to.name_mask, phone_mask=to.phone_mask, address_mask=to.address_mask,
        province=to.province, city=to.city, district=to.district, town=to.town,
    )  # fmt: skip
    Line.objects.filter(order=order).update(channel_line=parsed.lines[0].channel_line)
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


def numbers_of(parcels: list[Parcel]) -> str:
    return ", ".join(
        f"{m.kind} {m.state} {m.error}"
        for m in Message.objects.filter(subject_id__in=[p.id for p in parcels])
    )


def test_that_two_orders_with_one_door_get_one_number_and_are_each_reported_once(
    house: House, sandbox: Served, channel: str
) -> None:
    one, other, stranger = sources(sandbox, channel)[:3]
    same_door(sandbox, channel, one, other)
    orders = [taken_in(house, channel, source.number) for source in (one, other, stranger)]
    with pytest.raises(MergeRefused):
        together.merge([order.id for order in orders], CLERK)
    together.merge([order.id for order in orders[:2]], CLERK)
    plan.plan()
    drain("waybill.get")
    lead = Parcel.objects.filter(order=orders[0]).latest("id")
    assert lead.state == "handed", numbers_of([lead])
    rows = [
        row
        for row in sandbox.effects("waybill.number")
        if one.number in json.dumps([row["key"], row["body"]])
    ]
    assert len(rows) == 1 and other.number in json.dumps([rows[0]["key"], rows[0]["body"]]), rows
    send_off([lead])
    for source in (one, other):
        (told,) = [r for r in sandbox.effects("channel.ship") if r["key"].startswith(source.number)]
        assert lead.waybill_no in json.dumps([told["key"], told["body"]])
    assert not [r for r in sandbox.effects("channel.ship") if r["key"].startswith(stranger.number)]


def test_that_a_lost_answer_takes_no_second_number_for_a_merged_parcel(
    house: House, sandbox: Served, channel: str
) -> None:
    one, other = sources(sandbox, channel)[:2]
    same_door(sandbox, channel, one, other)
    orders = [taken_in(house, channel, source.number) for source in (one, other)]
    together.merge([order.id for order in orders], CLERK)
    plan.plan()
    sandbox.control("faults", platform=channel, method="*", kind="lost_answer", times=1, after=1)
    for _again in range(4):
        drain("waybill.get")
    lead = Parcel.objects.filter(order=orders[0]).latest("id")
    assert lead.state == "handed", numbers_of([lead])
    taken = [r for r in sandbox.effects("waybill.number") if one.number in json.dumps([r["key"], r["body"]])]
    assert len(taken) == 1


def test_that_a_split_order_has_two_numbers_and_the_channel_knows_both(
    house: House, sandbox: Served, channel: str
) -> None:
    from inventory.models import Sku

    by_line = not channel_of(channel).splits_lines and channel == "douyin"  # it takes one number a line
    source = sources(sandbox, channel, lines=2 if by_line else 1)[0]
    order = taken_in(house, channel, source.number)
    line = Line.objects.get(order=order)
    if by_line:
        line = Line.objects.create(
            order=order, channel_line=source.lines[1].line_id, sku=Sku.objects.get(), seller_code="CUP-1", title="杯",
            quantity=1, unit_price=1, payable=1,
        )  # fmt: skip
        house.reserve(line, "SH01")
    dividing.divide(order.id, {line.uuid: 1}, CLERK)
    plan.plan()
    drain("waybill.get")
    parcels = list(Parcel.objects.filter(order=order).exclude(state="voided").order_by("place"))
    assert [p.state for p in parcels] == ["handed", "handed"], numbers_of(parcels)
    assert len({parcel.waybill_no for parcel in parcels}) == 2
    send_off(parcels)
    drain("channel.ship")
    told = [r for r in sandbox.effects("channel.ship") if r["key"].startswith(source.number)]
    said = json.dumps([[r["key"], r["body"]] for r in told])
    assert [said.count(f'"{p.waybill_no}"') >= 1 for p in parcels] == [True, True], said
    assert len(told) == 2, "each number once"
    assert set(Parcel.objects.filter(order=order).values_list("report_state", flat=True)) == {"done"}
