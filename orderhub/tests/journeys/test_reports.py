"""A scheduled report arrives in the sandbox's mailbox, once though workers are killed (-9) anywhere on its way."""

from __future__ import annotations

import base64
import csv
import datetime as dt
import io
import os
import signal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

import orderhub.tasks as ground
import orders.tasks as orders
from orderhub.drills import workers
from orderhub.jobs.models import Job
from orderhub.models import Connection, Message
from orderhub.tests.journeys.house import House, hurry
from orders.models import Order, ReportSchedule

pytestmark = pytest.mark.journey


@pytest.fixture(autouse=True)
def place(settings: Any, tmp_path: Any) -> None:
    settings.EXPORTS_ROOT = str(tmp_path)


def planned(people: int) -> ReportSchedule:
    """Every morning at eight, to so many colleagues, the file itself; its time has just come."""
    made = ReportSchedule.objects.create(
        name="每日履约", report="fulfilment", period="90", query="by=shop", form="csv", deliver="attachment", at=dt.time(8),
        connection=Connection.objects.get(platform="email"), next_at=timezone.now() - dt.timedelta(minutes=1),
    )  # fmt: skip
    made.people.set(
        User.objects.create_superuser(f"boss{n}", f"boss{n}@sandbox.example") for n in range(people)
    )
    return made


def tick() -> None:
    """What the clock does for it."""
    orders.mail_reports()
    ground.run_jobs()
    hurry()
    ground.drain_outbox("report.mail")


def end_leases() -> None:
    """The dead workers' leases run out; each death is its own misfortune (five in one step would give the job up)."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE orderhub_job SET lease_until = NULL, attempts = 0 WHERE lease_until IS NOT NULL"
        )
        cursor.execute(
            "UPDATE orderhub_message SET lease_until = now() - interval '1 second' WHERE lease_until IS NOT NULL"
        )


def test_that_a_scheduled_report_arrives_in_the_sandboxs_mailbox(house: House) -> None:
    house.fetch(*[source.number for source in house.plain("taobao")[:12]])
    house.run()
    plan = planned(1)
    tick()
    tick()
    (mail,) = house.sandbox.ledger("mail.taken")
    assert mail["body"]["to"] == ["boss0@sandbox.example"]
    (file,) = mail["body"]["files"]
    (row,) = csv.DictReader(io.StringIO(base64.b64decode(file["base64"]).decode("utf-8-sig")))
    paid = Order.objects.exclude(paid_at=None)
    assert (
        int(row["订单"]) == paid.count() == 12
        and int(row["已发货"]) == paid.exclude(shipped_at=None).count() == 12
    )
    text = base64.b64decode(file["base64"]).decode() + mail["body"]["text"]
    for receiver in ("*", "1**", "@"):
        assert receiver not in text, "no receiver, masked or plain, is in a report"
    plan.refresh_from_db()
    assert (
        plan.next_at
        and timezone.localtime(plan.next_at).strftime("%H:%M") == "08:00"
        and plan.next_at > timezone.now()
    )


def die_after(statements: int) -> None:
    """The clock's work in a child that is killed (-9) right before its n-th statement."""
    left = [statements]

    def count(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        left[0] -= 1
        if left[0] < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(count):
        orders.mail_reports()
        ground.run_jobs()


def die_while_mailing() -> None:
    """A sender that is killed (-9) after the mail was taken, before that is written down."""
    from orderhub.outbox import sending

    sending.settle = lambda *args, **kwargs: os.kill(os.getpid(), signal.SIGKILL)
    sending.drain("report.mail")


def test_that_it_comes_once_to_each_whoever_is_killed_on_the_way(house: House) -> None:
    house.fetch(*[source.number for source in house.plain("taobao")[:3]])
    planned(2)
    deaths, after = 0, 0
    while after < 80:
        child = workers.start(die_after, after)
        child.join(60)
        deaths += child.exitcode == -signal.SIGKILL
        assert child.exitcode in (0, -signal.SIGKILL)
        end_leases()
        assert Job.objects.filter(kind="report").count() in (0, 2), "all the files are asked for, or none"
        if child.exitcode == 0:
            break
        after += 1
    assert deaths >= 10, deaths
    assert set(Job.objects.filter(kind="report").values_list("state", flat=True)) == {"done"}
    assert Message.objects.filter(kind="report.mail").count() == 2
    child = workers.start(die_while_mailing)
    child.join(60)
    assert child.exitcode == -signal.SIGKILL and len(house.sandbox.ledger("mail.taken")) >= 1
    end_leases()
    for _again in range(3):
        tick()
        end_leases()
    mails = house.sandbox.ledger("mail.taken")
    assert sorted(mail["body"]["to"][0] for mail in mails) == [
        "boss0@sandbox.example",
        "boss1@sandbox.example",
    ]
