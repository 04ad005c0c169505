"""The canary: four shops live their day, and nobody's text is found in tables, logs, calls, tasks, pages or answers."""

from __future__ import annotations

import json
import logging
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.urls import reverse

from orderhub import crypto
from orderhub.actors import Actor
from orderhub.celery import app
from orderhub.management import demo_crew, demo_setup
from orderhub.models import Message, Payload
from orderhub.sandbox.credentials import OWN_SHOP
from orderhub.testing.sandbox import RunningSandbox, running_sandbox
from orderhub.tests.journeys.house import DAYS, SEED, House
from orders.models import Order
from orders.operations import exporting

pytestmark = pytest.mark.journey
CHANNELS = ("taobao", "pinduoduo", "douyin", "own_shop")
ORDERS = 48
LISTS = (
    "admin:index", "admin:orders_order_changelist", "admin:logistics_parcel_changelist", "admin:orderhub_message_changelist",
    "admin:orderhub_payload_changelist", "admin:orderhub_call_changelist", "admin:orderhub_ticket_changelist",
    "admin:sync_health", "admin:routing_decision_changelist",
)  # fmt: skip
#: Everything that was logged, and the arguments of every task that was rung for.
SAID: list[str] = []


LOUD = ("", "httpx", "django", "celery", "orderhub", "orders", "inventory", "logistics", "routing", "finance")


class Listener(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        SAID.append(f"{record.getMessage()} {record.exc_info or ''}")


@pytest.fixture(scope="module", name="outside")
def start_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    folder = Path(tmp_path_factory.mktemp("canary"))
    mix = ",".join(f"{channel}=25" for channel in CHANNELS)
    with running_sandbox(folder, seed=SEED, orders=ORDERS, days=DAYS, mix=mix) as running:
        yield running


@pytest.fixture(scope="module", autouse=True)
def lived(whole: House) -> Iterator[None]:
    """All four shops have sent their orders, our own waves were worked, and nothing moves any more."""
    listener, root = Listener(logging.DEBUG), logging.getLogger()
    whole.world = type(whole.world)(
        SEED, ORDERS, DAYS, whole.world.start, mix=",".join(f"{channel}=25" for channel in CHANNELS)
    )
    patched = pytest.MonkeyPatch()
    patched.setattr(app, "send_task", lambda *args, **kwargs: SAID.append(f"{args} {kwargs}"))
    patched.setattr(settings, "NUDGE", True)
    root.addHandler(listener)
    levels = {name: logging.getLogger(name).level for name in LOUD}
    for name in LOUD:
        logging.getLogger(name).setLevel(logging.DEBUG)
    try:
        for _code, channel, _name in demo_setup.MARKETS:
            whole.pull(channel)
        whole.own_shop()
        whole.run()
        while demo_crew.work(Actor("person", "crew")).sent:
            whole.run()
        yield
    finally:
        root.removeHandler(listener)
        patched.undo()
        for name, level in levels.items():
            # by setLevel, which also forgets what each logger remembers of its level
            logging.getLogger(name).setLevel(level)


def secrets_of(whole: House, order: Order) -> list[str]:
    """The receiver's text as the channel knows it, and the keys that stand for it."""
    person = whole.world.orders[order.channel_number].receiver
    sealed = json.loads(crypto.decrypt(bytes(order.receiver.opaque_enc))) if order.receiver.opaque_enc else {}
    return [person.phone, person.address, *(value for value in sealed.values() if len(value) > 12)]


def some(channel: str) -> Order:
    """An order that has its parcel and its number."""
    found = Order.objects.filter(
        shop__channel=channel, parcels__waybill_no__gt="", state__in=["shipped", "signed", "closed"]
    )
    return found.order_by("id")[0]


@pytest.mark.parametrize("channel", CHANNELS)
def test_that_a_receivers_text_is_in_no_table(whole: House, channel: str) -> None:
    order = some(channel)
    assert (order.receiver.plain_enc is not None) == (channel == "own_shop")
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        tables = [row[0] for row in cursor.fetchall()]
        forms = [form for secret in secrets_of(whole, order) for form in (secret, secret.encode().hex())]
        for table in tables:
            cursor.execute(
                f'SELECT count(*) FROM "{table}" t WHERE t::text LIKE ANY(%s)',
                [[f"%{form}%" for form in forms]],
            )
            assert cursor.fetchone()[0] == 0, table
        cursor.execute(
            "SELECT count(*) FROM orders_order t WHERE t::text LIKE %s", [f"%{order.channel_number}%"]
        )
        assert cursor.fetchone()[0] == 1, "the search itself finds what is there"


@pytest.mark.parametrize("channel", CHANNELS)
def test_that_a_receivers_text_was_never_logged_nor_given_to_a_task(whole: House, channel: str) -> None:
    order = some(channel)
    assert len(SAID) > 100, "logs were listened to"
    for secret in secrets_of(whole, order):
        assert not [said[:200] for said in SAID if secret in said]


@pytest.mark.parametrize("channel", CHANNELS)
def test_that_a_receivers_text_is_on_no_page_and_in_no_answer(whole: House, channel: str) -> None:
    order = some(channel)
    desk = Client()
    desk.force_login(get_user_model().objects.get(username="admin"))
    payload = Payload.objects.filter(order_id=order.id).latest("id")
    message = Message.objects.filter(order_id=order.id).latest("id")
    pages = [reverse(name) for name in LISTS] + [
        reverse("admin:orders_order_changelist") + f"?q={order.number}",
        reverse("admin:orders_order_change", args=[order.pk]),
        reverse("admin:logistics_parcel_change", args=[order.parcels.get().pk]),
        reverse("admin:orderhub_payload_change", args=[payload.pk]),
        reverse("admin:orderhub_message_change", args=[message.pk]),
    ]
    answers: list[Any] = [desk.get(page) for page in pages]
    assert order.number in answers[len(LISTS)].content.decode(), "the page shows the order itself"
    if channel == "own_shop":
        token = {"HTTP_AUTHORIZATION": f"Bearer {OWN_SHOP['token']}"}
        answers.append(Client().get(reverse("api-order", args=[order.number]), **token))  # type: ignore[arg-type]
    for page, answer in zip([*pages, "api"], answers, strict=False):
        assert answer.status_code == 200, page
        assert not [secret[:4] for secret in secrets_of(whole, order) if secret in answer.content.decode()], (
            page
        )


def test_that_no_receivers_text_is_in_an_export(whole: House, tmp_path: Path, settings: Any) -> None:
    settings.EXPORTS_ROOT = str(tmp_path)
    boss = get_user_model().objects.get(username="admin").pk
    made = b""
    for form in ("csv", "xlsx"):
        job = exporting.begin("", form, boss, "zh-hans")
        while not exporting.step(job):
            pass
        path = tmp_path / str((job.result or {})["name"])
        if form == "csv":
            made += path.read_bytes()
        else:
            with zipfile.ZipFile(path) as book:
                made += b"".join(book.read(name) for name in book.namelist())
    for channel in CHANNELS:
        order = some(channel)
        assert made.count(order.number.encode()) >= 2, "both files have the order"
        assert not [secret[:4] for secret in secrets_of(whole, order) if secret.encode() in made]
