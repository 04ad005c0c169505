"""The seller's own case: over 24 hours without a waybill number. Judged by the sandbox's ledger, with workers that are killed."""

from __future__ import annotations

import datetime as dt
import os
import signal
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

import orderhub.tasks as ground
import orders.tasks as orders
from orderhub.drills import workers
from orderhub.models import Connection, Message, Recipient, Ticket, Trace
from orderhub.rules import engine, seeding
from orderhub.tests.journeys.house import House, hurry
from orders.models import Deed, Order
from orders.operations import acting, watching

pytestmark = pytest.mark.journey
PHONE = "13800000007"
CALM = dt.timedelta(hours=72)


def staffed(house: House, n: int) -> list[Order]:
    """`n` orders of the Taobao shop, paid 25 hours ago, without a number; the lead and the director can be told."""
    seeding.seed()
    engine.forget()
    sms, group = Connection.objects.get(platform="aliyun_sms"), Connection.objects.get(platform="feishu")
    Recipient.objects.all().delete()
    Recipient.objects.create(role="warehouse_manager", connection=sms, phone=PHONE)
    Recipient.objects.create(role="director", connection=group)
    numbers = [source.number for source in house.plain("taobao")[:n]]
    house.fetch(*numbers)
    now = timezone.now()
    Order.objects.update(
        paid_at=now - dt.timedelta(hours=25), promised_ship_at=now + CALM, next_try_at=now + CALM
    )
    found = list(Order.objects.order_by("id"))
    assert len(found) == n and {order.shipped_at for order in found} == {None}
    return found


def told(house: House, number: str) -> tuple[int, int]:
    """How many texts and group messages speak of the order, by the sandbox's ledger."""
    texts = [e["body"]["content"] for e in house.sandbox.ledger("sms.sent") if e["effect"]]
    groups = [e["body"]["text"] for e in house.sandbox.ledger("group.told", platform="feishu") if e["effect"]]
    return sum(number in text for text in texts), sum(number in text for text in groups)


def send() -> None:
    hurry()
    ground.drain_outbox("notice.send")


def test_that_an_order_over_a_day_without_a_number_is_urged_once(house: House) -> None:
    (order,) = staffed(house, 1)
    orders.watch()
    send()
    for _again in range(3):
        orders.watch()
        send()
    assert told(house, order.number) == (1, 1)
    order.refresh_from_db()
    assert (order.alarm, order.tags) == ("red", ["紧急催单"])
    ticket = Ticket.objects.get(kind="watch")
    assert (ticket.role, ticket.order_id) == ("warehouse_manager", order.id)
    assert Trace.objects.get(point="watch").order_id == order.id


def test_that_forty_orders_are_one_text_and_one_message(house: House) -> None:
    found = staffed(house, 40)
    orders.watch()
    send()
    assert len(house.sandbox.ledger("sms.sent")) == 1
    groups = house.sandbox.ledger("group.told", platform="feishu")
    assert len(groups) == 1 and all(order.number in groups[0]["body"]["text"] for order in found)
    assert Ticket.objects.filter(kind="watch").count() == 40


def die_after(statements: int) -> None:
    """A look in a child that is killed (-9) right before its n-th statement; it ends by itself where there are fewer."""
    left = [statements]

    def count(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        left[0] -= 1
        if left[0] < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return execute(sql, params, many, context)

    engine.forget()
    with connection.execute_wrapper(count):
        watching.watch(page=2)


def die_while_sending() -> None:
    """A sender in a child that is killed (-9) after an account answered, before that is written down."""
    from orderhub.outbox import sending

    sending.settle = lambda *args, **kwargs: os.kill(os.getpid(), signal.SIGKILL)
    sending.drain("notice.send")


def test_that_every_action_happens_once_when_workers_are_killed_between_deciding_and_acting(
    house: House,
) -> None:
    found = staffed(house, 6)
    deaths, after = 0, 0
    while after < 120:
        child = workers.start(die_after, after)
        child.join(30)
        deaths += child.exitcode == -signal.SIGKILL
        assert child.exitcode in (0, -signal.SIGKILL)
        whole = Deed.objects.count()
        assert Trace.objects.filter(point="watch").count() * 5 == whole  # deeds and traces, or neither
        assert Ticket.objects.filter(kind="watch").count() * 5 == whole
        assert Message.objects.filter(kind="notice.send").count() * 5 == whole * 2
        if child.exitcode == 0 and whole == 5 * len(found):
            break
        after += 1
    assert deaths >= 20, deaths
    assert {order.id for order in found} == set(Deed.objects.values_list("order_id", flat=True))
    send()
    for order in found:
        assert told(house, order.number)[1] == 1, order.number
    assert len(house.sandbox.ledger("sms.sent")) == 1
    assert not Message.objects.filter(kind="notice.send").exclude(state="done").exists()


def test_that_a_sender_killed_after_the_text_left_sends_no_second_one(house: House) -> None:
    (order,) = staffed(house, 1)
    orders.watch()
    hurry()
    for _account in ("aliyun_sms", "feishu"):
        child = workers.start(die_while_sending)
        child.join(30)
        assert child.exitcode == -signal.SIGKILL
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE orderhub_message SET lease_until = now() - interval '1 second', next_try_at = now()"
        )
    ground.drain_outbox("notice.send")
    send()
    assert told(house, order.number) == (1, 1)
    states = dict(Message.objects.filter(kind="notice.send").values_list("connection__platform", "state"))
    assert states == {
        "aliyun_sms": "done",
        "feishu": "needs_person",
    }  # a group can't be asked: a person looks


def test_that_the_guard_against_doing_twice_is_the_deeds_row(house: House, monkeypatch: Any) -> None:
    (order,) = staffed(house, 1)
    orders.watch()
    kept = Deed.objects.count()
    monkeypatch.setattr(
        acting, "_known", lambda point, ids: set()
    )  # nobody remembers: the constraint still does
    orders.watch()
    assert Deed.objects.count() == kept and Ticket.objects.filter(kind="watch").count() == 1
    assert Trace.objects.filter(point="watch", order_id=order.id).count() == 1
