"""A Douyin shop from the pull to the receivable: its own e-waybill, our own waves, each effect once, nobody in the clear."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from logistics.models import Parcel
from orderhub import crypto
from orderhub.actors import Actor
from orderhub.integrations.registry import client
from orderhub.management import demo_crew
from orderhub.management.commands import audit_sandbox
from orderhub.models import Call, Connection, Message, Payload
from orderhub.sandbox.credentials import DOUYIN
from orderhub.testing.sandbox import RunningSandbox, running_sandbox
from orderhub.tests.journeys.house import DAYS, ORDERS, SEED, House
from orders.models import Event, Hold, Order

pytestmark = pytest.mark.journey
CREW = Actor("person", "crew")


@pytest.fixture(scope="module", name="outside")
def start_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    folder = Path(tmp_path_factory.mktemp("douyin-journey"))
    with running_sandbox(folder, seed=SEED, orders=ORDERS, days=DAYS, mix="douyin=100") as running:
        yield running


@pytest.fixture(scope="module", autouse=True)
def lived(whole: House) -> Iterator[None]:
    """The shop was pulled, its messages came, the crew worked, and nothing moves any more."""
    whole.sandbox.drive("douyin_messages", target=whole.url, numbers=[])
    account = Connection.objects.get(code="douyin-main")
    client(account).call("order.AddressAppliedSwitch", {"is_allowed": 1, "review_type": 0}, effect=True)
    whole.pull("douyin")
    whole.plan()
    whole.sandbox.fault("duplicate", "douyin", "message", probability=0.5)
    whole.sandbox.fault("out_of_order", "douyin", "message", probability=0.3)
    whole.sandbox.drive("douyin_messages", target=whole.url, batch=3)
    whole.sandbox.drive("douyin_probe", target=whole.url)
    whole.run()
    while demo_crew.work(CREW).sent:
        whole.run()
    whole.pull("douyin")
    whole.run()
    yield


def closed() -> Order:
    """The oldest order that went all the way."""
    found = Order.objects.filter(state="closed").order_by("paid_at").first()
    assert found is not None, Counter(Order.objects.values_list("state", flat=True))
    return found


def effects(house: House, kind: str) -> list[dict[str, Any]]:
    return [entry for entry in house.sandbox.ledger(kind) if entry["effect"]]


def about(entries: list[dict[str, Any]], word: str) -> list[dict[str, Any]]:
    return [entry for entry in entries if word in json.dumps([entry["key"], entry["body"]])]


def of_scenario(house: House, name: str) -> Order:
    return Order.objects.filter(channel_number__in=house.world.scenarios[name]).order_by("id")[0]


def test_that_an_order_passes_ten_touchpoints_and_each_effect_is_outside_once(whole: House) -> None:
    order = closed()
    points = Event.objects.filter(order=order, point__isnull=False).values_list("point", flat=True)
    assert sorted(points) == list(range(1, 11))
    parcel = order.parcels.get()
    assert (parcel.service, parcel.worked_by) == ("douyin", "own") and parcel.sort_code
    for kind, word in (("waybill.number", parcel.waybill_no), ("channel.ship", parcel.waybill_no),
                       ("kingdee.save", f"AR{order.number}"), ("kingdee.audit", f"AR{order.number}")):  # fmt: skip
        assert len(about(effects(whole, kind), word)) == 1, kind
    shipped = about(effects(whole, "channel.ship"), parcel.waybill_no)[0]
    assert shipped["key"] == order.channel_number and shipped["body"]["company_code"] == "zhongtong"


def test_that_most_orders_go_all_the_way_and_nothing_is_lost_or_doubled(
    whole: House, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command(audit_sandbox.Command(), str(whole.sandbox.log.with_name("sandbox.sqlite3")), "--json")
    verdict = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert (verdict["lost"], verdict["doubled"]) == (0, 0), verdict
    assert Order.objects.filter(state="closed").count() >= 20
    assert not Message.objects.exclude(state__in=["done", "cancelled"]).exists()


def test_that_no_order_was_handed_to_a_warehouse_system(whole: House) -> None:
    assert set(Parcel.objects.values_list("worked_by", "service").distinct()) == {("own", "douyin")}
    assert not whole.sandbox.ledger("wms.order")


def test_that_messages_came_twice_and_out_of_order_and_each_was_read_once(whole: House) -> None:
    faults = whole.sandbox.counts()["faults"]
    assert faults["douyin.duplicate"] > 3 and faults["douyin.out_of_order"] > 3
    letters = Payload.objects.filter(kind="letter")
    assert letters.count() >= 60 and set(letters.values_list("state", flat=True)) == {"parsed"}


def test_that_a_refund_before_shipping_takes_no_number(whole: House) -> None:
    order = of_scenario(whole, "refund_before_ship")
    assert Hold.objects.get(order=order, released_at=None).type == "refund"
    assert not about(effects(whole, "waybill.number"), order.channel_number)


def test_that_a_buyer_who_asks_in_time_gets_a_label_with_the_new_ciphertext(whole: House) -> None:
    order = of_scenario(whole, "address_changed")
    answered = Message.objects.get(kind="channel.address", data__number=order.channel_number)
    assert (answered.state, answered.answer, order.destination_version) == ("done", {"refused": ""}, 2)
    assert whole.sandbox.counts()["calls"]["douyin.order.addressConfirm"] == 1
    live = order.parcels.exclude(state="voided").get()
    numbers = about(effects(whole, "waybill.number"), order.channel_number)
    assert [entry["body"]["waybill_code"] for entry in numbers] == [live.waybill_no]


def test_that_a_risk_check_stops_an_order_until_the_platform_lets_it_go(whole: House) -> None:
    order = of_scenario(whole, "risk_control")
    hold = Hold.objects.filter(order=order, type="platform").get()
    assert hold.released_at is not None or not about(effects(whole, "waybill.number"), order.channel_number)


def test_that_the_print_station_gets_sealed_data_and_a_query_of_this_moment(whole: House) -> None:
    parcel = closed().parcels.get()
    task = demo_crew.printing.print_labels([parcel.id], CREW).tasks[0]
    content = task["contents"][0]
    assert content["encryptedData"] and content["signature"] and content["templateURL"].startswith("https://")
    assert "logistics.getShopKey" in content["params"] and "sign=" in content["params"]


def test_that_nobody_lies_anywhere_in_the_clear(whole: House) -> None:
    """The canary: the receiver's text, and the keys that stand for it, in every table and in the calls kept."""
    order = closed()
    person = whole.world.orders[order.channel_number].receiver
    sealed = json.loads(crypto.decrypt(bytes(order.receiver.opaque_enc)))
    token = order.shop.connection.token["access_token"]
    secrets = [person.name, person.phone, person.address, sealed["detail"], sealed["tel"], sealed["address_id"], token,
               DOUYIN["app_secret"]]  # fmt: skip
    assert order.receiver.visibility == "masked" and order.receiver.plain_enc is None
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        tables = [row[0] for row in cursor.fetchall()]
        for secret in secrets:
            for form in (secret, secret.encode().hex()):
                for table in tables:
                    cursor.execute(
                        f'SELECT count(*) FROM "{table}" t WHERE position(%s in t::text) > 0', [form]
                    )
                    assert cursor.fetchone()[0] == 0, (table, secret[:6])
    assert Call.objects.filter(
        method="order.orderDetail", response__contains=order.channel_number
    ).exists(), "the calls are kept, and a search of them finds what is there"
