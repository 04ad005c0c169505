"""A Douyin order from the pull to its label: routed by town, its carrier's reach asked by ciphertext; one opened for a pin."""

from __future__ import annotations

import datetime as dt
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import connection as database
from django.test import Client

from inventory.models import Sku, Warehouse
from inventory.operations.receive import opening
from logistics.models import Parcel
from logistics.operations.plan import plan
from orderhub import crypto
from orderhub.actors import Actor
from orderhub.inbound import keeping
from orderhub.integrations.registry import client
from orderhub.models import Call, Message
from orderhub.outbox.sending import drain
from orderhub.sandbox.world import SourceOrder, World
from orderhub.tasks import read_payloads
from orderhub.testing.connections import connection
from orderhub.testing.sandbox import RunningSandbox, running_sandbox
from orderhub.tests.journeys import house as houses
from orders.models import Event, Hold, Order, Shop
from orders.operations import holds
from orders.providers import channel_of
from orders.tasks import advance
from routing import fences, known
from routing.models import AddressPick, AddressPolicy, AddressReview, Decision, Fence, Outlet
from routing.operations import reroute
from routing.providers import local
from routing.tests.cast import House, square

pytestmark = [pytest.mark.journey, pytest.mark.django_db(transaction=True)]
SEED, ORDERS, DAYS, MIX = 7, 200, 15, "douyin=100"
CLERK = Actor("person", "xiaoli")
TOKEN = "e" * 24


class Place:
    """A small house with the Douyin shop, ZTO's and YTO's outlets in one town, and the sandbox outside."""

    def __init__(self, sandbox: RunningSandbox) -> None:
        self.sandbox, self.house = sandbox, House()
        start = dt.datetime.fromisoformat(sandbox.health()["start"])
        self.world = World(SEED, ORDERS, DAYS, start, mix=MIX)
        self.source = self._plain()
        self.to = self.source.receiver
        Warehouse.objects.update(
            contact="仓库", manager_phone="13900000000", province="浙江省", city="杭州市", district="滨江区"
        )
        account = connection("douyin", sandbox.url)
        self.shop = Shop.objects.create(
            code="douyin",
            name="抖音店",
            channel="douyin",
            connection=account,
            default_warehouse=self.house.own,
        )
        for line in self.source.lines:
            sku = Sku.objects.create(code=line.sku, name=line.title, weight_g=200)
            opening([(sku.id, bin.id, 500) for bin in self.house.bins.values()])

    def _plain(self) -> SourceOrder:
        """The oldest paid order without a scenario whose town is known."""
        return next(o for o in self.world.orders.values() if o.paid_at and not o.scenario and o.receiver.town)

    def outlet(self, carrier: str, town: str = "", n: int = 1) -> Outlet:
        return Outlet.objects.create(
            code=f"{carrier}-{self.to.adcode}-{n}", name=f"{carrier}网点{n}", carrier=carrier, adcode=self.to.adcode,
            town=town, daily_capacity=500,
        )  # fmt: skip

    def take_in(self) -> Order:
        """This one order, as the platform has it now."""
        kept = channel_of("douyin").details(client(self.shop.connection), [self.source.number])
        keeping.keep_many(
            self.shop.connection_id, [row for row in kept.values() if isinstance(row, keeping.Kept)]
        )
        read_payloads()
        return Order.objects.get(channel_number=self.source.number)

    def work(self) -> None:
        """Routed, planned, a number asked for."""
        advance()
        plan()
        drain("waybill.get")


@pytest.fixture(name="here")
def made(tmp_path: Path) -> Iterator[Place]:
    houses.forget()
    local.forget()
    with running_sandbox(tmp_path, seed=SEED, orders=ORDERS, days=DAYS, mix=MIX) as sandbox:
        yield Place(sandbox)
    houses.forget()
    local.forget()


def said(order: Order) -> list[str]:
    """What the timeline says of reach, oldest first."""
    codes = ("within_reach", "out_of_reach", "reach_unknown")
    return [
        f"{e.code} {e.data['carrier']}"
        for e in Event.objects.filter(order=order, code__in=codes).order_by("id")
    ]


def test_that_it_is_routed_by_town_and_labelled_by_douyin_after_the_carrier_is_asked(here: Place) -> None:
    here.outlet("ZTO")
    in_town = here.outlet("ZTO", here.to.town, 2)
    here.sandbox.fault("500_before", "douyin", "logistics.newCreateOrder", times=1)
    order = here.take_in()
    here.work()
    assert Message.objects.get(kind="waybill.get").state == "unknown", "the label has to be asked for twice"
    houses.hurry()
    drain("waybill.get")
    decision = Decision.objects.get(order_id=order.id)
    assert (decision.located_by, decision.outlet_code) == ("town", in_town.code)
    assert said(order) == ["within_reach ZTO"]
    asked = Call.objects.get(method="logistics.getOutRange")
    assert here.to.address not in asked.request
    parcel = Parcel.objects.get(order=order)
    assert (parcel.service, parcel.state != "planned", bool(parcel.waybill_no)) == ("douyin", True, True)
    assert len(here.sandbox.ledger("waybill.number", platform="douyin")) == 1
    assert here.sandbox.counts()["calls"]["douyin.logistics.getOutRange"] == 1


def test_that_one_out_of_reach_goes_with_another_carrier_and_says_why(here: Place) -> None:
    here.outlet("ZTO", here.to.town)
    here.sandbox.drive("douyin_out_of_range", carrier="zhongtong", names=[here.to.district])
    yto = here.outlet("YTO")
    order = here.take_in()
    Outlet.objects.filter(pk=yto.pk).update(active=False)
    known_again()
    here.work()
    assert not here.sandbox.ledger("waybill.number", platform="douyin")
    order.refresh_from_db()
    assert (order.state, said(order)) == ("reserved", ["out_of_reach ZTO"])
    assert Event.objects.get(order=order, code="out_of_reach").data["reason"] == "网点经营问题"
    assert Parcel.objects.get(order=order).state == "voided"
    no = reroute.override(
        [order.id], actor=CLERK, reason="买家指定", outlet_code=f"ZTO-{here.to.adcode}-1"
    ).refused
    assert no[order.id].code == "choice_impossible"
    houses.hurry()
    here.work()
    hold = Hold.objects.get(order=order, released_at=None)
    assert hold.type == "address" and "抖音" in hold.reason and "中通" in hold.reason

    Outlet.objects.filter(pk=yto.pk).update(active=True)
    known_again()
    assert holds.release(hold.id, CLERK, "圆通网点开通")
    for _ in range(2):
        here.work()
    order.refresh_from_db()
    assert said(order) == ["out_of_reach ZTO", "out_of_reach ZTO", "within_reach YTO"], "a release asks again"
    live = Parcel.objects.exclude(state="voided").get(order=order)
    assert (live.carrier, live.waybill_no[:2], order.carrier) == ("YTO", "YT", "YTO")
    assert "out_of_reach" in [
        reason[0] for reason in Decision.objects.filter(order_id=order.id).latest("id").reasons
    ]
    numbers = here.sandbox.ledger("waybill.number", platform="douyin")
    assert [entry["key"] for entry in numbers] == [f"yuantong:{order.channel_number}/P{live.number[-1]}"]


def test_that_a_platform_that_cannot_say_keeps_nobody_waiting(here: Place) -> None:
    here.outlet("ZTO", here.to.town)
    here.sandbox.fault("500_before", "douyin", "logistics.getOutRange")
    order = here.take_in()
    here.work()
    assert said(order) == ["reach_unknown ZTO"]
    assert Parcel.objects.get(order=order).waybill_no


def known_again() -> None:
    """Outlets were switched: what this process remembers of them is read anew."""
    known.forget()
    fences.forget()


def test_that_one_is_opened_with_a_reason_pinned_and_routed_by_its_point_and_its_text_is_nowhere(
    here: Place, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("", "httpx", "django", "orderhub", "orders", "logistics", "routing"):
        caplog.set_level(logging.DEBUG, logger=name)
    by_town, by_point = here.outlet("ZTO", here.to.town), here.outlet("ZTO", "", 2)
    Fence.objects.create(
        outlet=by_point, geometry=square(120.0, 30.28), valid_from=fences.today() - dt.timedelta(days=1)
    )
    order = here.take_in()
    advance()
    assert Decision.objects.get(order_id=order.id).outlet_code == by_town.code
    AddressPolicy.objects.create(pk=1, revealed=False)
    boss = Client()
    boss.force_login(User.objects.create_superuser("boss"))
    reveal = f"/admin/review/reveal/{order.pk}/"
    boss.post(reveal, {"reason": "买家来电核对"})
    assert not AddressReview.objects.exists(), "switched off until the owner switches it on"
    AddressPolicy.objects.update(revealed=True, revealed_a_day=1)
    boss.post(reveal, {"reason": "买家来电核对"})
    item = AddressReview.objects.get()
    post(boss, "next/", have=[], open=item.pk)
    post(boss, f"{item.pk}/search/", text=here.to.address)  # what the clerk reads in Douyin's own back office
    assert post(boss, f"{item.pk}/decide/", lng=120.0, lat=30.28, way="mouse")["outcome"] == "done"
    assert (AddressPick.objects.get().precision, AddressPick.objects.get().order_id) == ("pin", order.pk)
    for _ in range(2):
        here.work()
    decision = Decision.objects.filter(order_id=order.id).latest("id")
    assert (decision.located_by, decision.outlet_code) == ("fence", by_point.code)
    parcel = Parcel.objects.exclude(state="voided").get(order=order)
    assert (parcel.outlet_code, parcel.service, bool(parcel.waybill_no)) == (by_point.code, "douyin", True)

    sealed = json.loads(crypto.decrypt(bytes(order.receiver.opaque_enc)))
    secrets = [here.to.address, here.to.phone, sealed["detail"], sealed["tel"], sealed["address_id"]]
    with database.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        tables = [row[0] for row in cursor.fetchall()]
        forms = [f"%{form}%" for secret in secrets for form in (secret, secret.encode().hex())]
        for table in tables:
            cursor.execute(f'SELECT count(*) FROM "{table}" t WHERE t::text LIKE ANY(%s)', [forms])
            assert cursor.fetchone()[0] == 0, table
        cursor.execute("SELECT count(*) FROM orders_event t WHERE t::text LIKE %s", ["%买家来电核对%"])
        assert cursor.fetchone()[0] == 1, "the search itself finds what is there, and the reason is kept"
    kept = repr(getattr(cache, "_cache", None))
    assert not [secret for secret in secrets if secret in caplog.text or secret in kept]
    assert len(caplog.records) > 5, "logs were listened to"


def post(client: Client, path: str, **body: Any) -> Any:
    answer = client.post(
        f"/admin/review/{path}", json.dumps({"token": TOKEN, **body}), content_type="application/json"
    )
    assert answer.status_code == 200, answer.content
    return answer.json()
