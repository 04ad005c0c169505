"""A Pinduoduo shop from the pull to the receivable: its own e-waybill, our own waves, each effect once, nobody in the clear."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.urls import reverse

from logistics.models import Parcel
from logistics.operations import printing
from orderhub import crypto
from orderhub.actors import Actor
from orderhub.management import demo_crew
from orderhub.management.commands import audit_sandbox
from orderhub.models import Call, Message, Payload
from orderhub.sandbox.credentials import PINDUODUO
from orderhub.testing.sandbox import RunningSandbox, running_sandbox
from orderhub.tests.journeys.house import DAYS, ORDERS, SEED, House
from orders.models import Event, Hold, Order, Shop
from routing.models import Outlet

pytestmark = pytest.mark.journey
CREW = Actor("person", "crew")


@pytest.fixture(scope="module", name="outside")
def start_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    folder = Path(tmp_path_factory.mktemp("pinduoduo-journey"))
    with running_sandbox(folder, seed=SEED, orders=ORDERS, days=DAYS, mix="pinduoduo=100") as running:
        yield running


@pytest.fixture(scope="module", autouse=True)
def lived(whole: House) -> Iterator[None]:
    """The shop was pulled, its messages came, the crew worked, and nothing moves any more."""
    Outlet.objects.update(
        daily_capacity=100_000
    )  # a full outlet lets a moved order wait, and is another test's
    # what changes after its first reading is read once and planned; a pull's windows overlap and may read twice
    whole.fetch(*whole.world.scenarios["address_changed"], shop="pinduoduo")
    whole.plan()
    whole.pull("pinduoduo")
    whole.plan()
    whole.sandbox.fault("duplicate", "pinduoduo", "pdd_trade_*", probability=0.5)
    whole.sandbox.fault("out_of_order", "pinduoduo", "pdd_trade_*", probability=0.3)
    whole.sandbox.drive("pinduoduo_messages", target=whole.url)
    whole.run()
    while demo_crew.work(CREW).sent:
        whole.run()
    whole.pull("pinduoduo")
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
    assert (parcel.service, parcel.worked_by) == ("pinduoduo", "own")
    for kind, word in (("waybill.number", parcel.waybill_no), ("channel.ship", parcel.waybill_no),
                       ("kingdee.save", f"AR{order.number}"), ("kingdee.audit", f"AR{order.number}")):  # fmt: skip
        assert len(about(effects(whole, kind), word)) == 1, kind
    taken = about(effects(whole, "waybill.number"), parcel.waybill_no)[0]
    assert taken["platform"] == "pinduoduo" and taken["body"]["masked"], "its cipher text went back unchanged"
    assert about(effects(whole, "channel.ship"), parcel.waybill_no)[0]["key"] == order.channel_number


def test_that_most_orders_go_all_the_way_and_nothing_is_lost_or_doubled(
    whole: House, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command(audit_sandbox.Command(), str(whole.sandbox.log.with_name("sandbox.sqlite3")), "--json")
    verdict = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert (verdict["lost"], verdict["doubled"]) == (0, 0), verdict
    assert Order.objects.filter(state="closed").count() >= 20
    assert not Message.objects.exclude(state__in=["done", "cancelled"]).exists()
    assert Shop.objects.get(code="pinduoduo").last_error == ""


def test_that_no_order_was_handed_to_a_warehouse_system(whole: House) -> None:
    assert set(Parcel.objects.values_list("worked_by", "service").distinct()) == {("own", "pinduoduo")}
    assert not whole.sandbox.ledger("wms.order")


def test_that_messages_came_twice_late_and_forged_and_each_was_read_once(whole: House) -> None:
    faults = whole.sandbox.counts()["faults"]
    assert faults["pinduoduo.duplicate"] > 3 and faults["pinduoduo.out_of_order"] > 3
    letters = Payload.objects.filter(kind="letter")
    assert letters.count() == len(list(whole.world.of("pinduoduo"))), "a forged or stale one leaves nothing"
    assert set(letters.values_list("state", flat=True)) == {"parsed"}


def test_that_a_refund_before_shipping_takes_no_number(whole: House) -> None:
    order = of_scenario(whole, "refund_before_ship")
    assert Hold.objects.get(order=order, released_at=None).type == "refund"
    assert not about(effects(whole, "waybill.number"), order.channel_number)


def test_that_a_changed_address_is_labelled_with_its_own_cipher_text(whole: House) -> None:
    order = of_scenario(whole, "address_changed")
    assert order.destination_version == 2
    live = order.parcels.exclude(state="voided").get()
    numbers = about(effects(whole, "waybill.number"), order.channel_number)
    assert live.waybill_no and live.waybill_no in [entry["body"]["waybill_code"] for entry in numbers]


def test_that_a_review_stops_an_order_until_the_platform_lets_it_go(whole: House) -> None:
    for order in Order.objects.filter(channel_number__in=whole.world.scenarios["risk_control"]):
        hold = Hold.objects.get(order=order, type="platform")
        assert hold.released_at is not None or not about(
            effects(whole, "waybill.number"), order.channel_number
        )
        assert order.destination_version == 1, "its cipher text came later; its address is the same"


def test_that_the_print_station_gets_the_platforms_own_document(whole: House) -> None:
    parcel = closed().parcels.get()
    task = printing.print_labels([parcel.id], CREW).tasks[0]
    assert set(task["contents"][0]) == {"encryptedData", "signature", "templateUrl", "ver", "userid"}


def test_that_nobody_lies_anywhere_in_the_clear(whole: House) -> None:
    """The canary: the receiver's text, and the keys that stand for it, in every table and in the calls kept."""
    order = closed()
    person = whole.world.orders[order.channel_number].receiver
    sealed = json.loads(crypto.decrypt(bytes(order.receiver.opaque_enc)))
    token = order.shop.connection.token["access_token"]
    secrets = [person.phone, person.address, sealed["name"], sealed["phone"], sealed["address"],
               sealed["address_id"], token, PINDUODUO["client_secret"]]  # fmt: skip
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
    visitor = Client()
    visitor.force_login(get_user_model().objects.get(username="admin"))
    for page in ("admin:orders_order_change", "admin:logistics_parcel_change"):
        about_it = order.pk if "orders" in page else order.parcels.get().pk
        shown = visitor.get(reverse(page, args=[about_it]))
        text = shown.content.decode()
        assert shown.status_code == 200 and order.number in text
        assert not [secret for secret in secrets if secret in text], page
    assert Call.objects.filter(
        method="pdd.order.information.get", response__contains=order.channel_number
    ).exists(), "the calls are kept, and a search of them finds what is there"
