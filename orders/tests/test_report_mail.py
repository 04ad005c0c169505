"""Scheduled reports: at the time here, once whoever runs, each colleague their own numbers, in the sandbox's mailbox."""

from __future__ import annotations

import base64
import datetime as dt
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone, translation

from orderhub.jobs import running
from orderhub.jobs.models import Job
from orderhub.models import Message
from orderhub.outbox import sending
from orderhub.sandbox.tests.served import Served, served
from orderhub.scope import Scope
from orderhub.testing.connections import connection
from orders.models import ReportSchedule
from orders.operations import report_files, report_mail
from orders.tests import aftersale_cast as cast
from orders.tests.test_reports import sold

pytestmark = pytest.mark.django_db
SHANGHAI = dt.timezone(dt.timedelta(hours=8))


@pytest.fixture(scope="module")
def world() -> Iterator[Served]:
    with served("email", orders=60) as made:
        yield made


@pytest.fixture
def box(world: Served) -> Iterator[Served]:
    world.control("reset")
    world.control("faults", clear=True)
    yield world
    world.control("faults", clear=True)


@pytest.fixture(autouse=True)
def place(settings: Any, tmp_path: Path) -> Iterator[Path]:
    settings.EXPORTS_ROOT = str(tmp_path)
    with translation.override("zh-hans"):
        yield tmp_path


def colleague(name: str, shops: tuple[str, ...] = (), rights: tuple[str, ...] = ("view_order",)) -> User:
    user = User.objects.create_user(name, f"{name}@sandbox.example", is_staff=True)
    user.user_permissions.add(
        *Permission.objects.filter(codename__in=rights, content_type__app_label="orders")
    )
    Scope.objects.create(user=user, shops=list(shops))
    return user


def schedule(box: Served, *people: User, **more: Any) -> ReportSchedule:
    made = ReportSchedule.objects.create(
        name="每日渠道", report="channel", query="by=shop", connection=connection("email", box.url),
        next_at=timezone.now() - dt.timedelta(minutes=1), **more,
    )  # fmt: skip
    made.people.add(*people)
    return made


def go() -> None:
    report_mail.run_due()
    running.run_due()
    Message.objects.update(next_try_at=timezone.now())
    sending.drain("report.mail")


def test_that_each_colleague_is_mailed_their_own_numbers(box: Served) -> None:
    sold(1), sold(1, shop=cast.shop("tb", "taobao"))
    schedule(box, colleague("anna"), colleague("ben", ("tb",)), deliver="attachment")
    go()
    go()
    mails = {mail["body"]["to"][0]: mail["body"] for mail in box.effects("mail.taken")}
    assert len(box.effects("mail.taken")) == 2 and set(mails) == {
        "anna@sandbox.example",
        "ben@sandbox.example",
    }
    shown = {}
    for address, mail in mails.items():
        (file,) = mail["files"]
        assert file["name"].endswith(".xlsx") and file["type"].endswith("spreadsheetml.sheet")
        sheet = openpyxl.load_workbook(io.BytesIO(base64.b64decode(file["base64"]))).active
        shown[address[:4]] = sorted(str(row[1].value) for row in sheet.iter_rows(min_row=2))
    assert shown == {"anna": ["own", "tb"], "ben@": ["tb"]}
    yesterday = (timezone.localdate() - dt.timedelta(days=1)).isoformat()
    assert mails["ben@sandbox.example"]["subject"] == f"每日渠道 · {yesterday} – {yesterday}"
    assert "订单: 1" in mails["ben@sandbox.example"]["text"].replace("：", ": ")
    assert LogEntry.objects.count() == 2, "a file that is mailed is written down like a download"


def test_that_a_link_opens_the_file_for_its_person_alone(box: Served, client: Client, settings: Any) -> None:
    sold(1)
    anna = colleague("anna")
    schedule(box, anna, form="csv")
    go()
    (mail,) = box.effects("mail.taken")
    assert mail["body"]["files"] == [] and not LogEntry.objects.exists()
    link = re.search(rf"{re.escape(settings.PUBLIC_URL)}(/admin/exports/\d+/file/)", mail["body"]["text"])
    assert link
    client.force_login(anna)
    assert b"own" in b"".join(client.get(link[1]).streaming_content)  # type: ignore[attr-defined]
    client.force_login(User.objects.create_superuser("boss"))
    assert client.get(link[1]).status_code == 404


def test_that_who_lost_the_right_or_the_address_gets_nothing(box: Served) -> None:
    gone, late, mute = colleague("gone"), colleague("late"), colleague("mute")
    schedule(box, gone, late, mute, deliver="attachment")
    report_mail.run_due()
    User.objects.filter(pk=gone.pk).update(is_active=False)
    User.objects.filter(pk=mute.pk).update(email="")
    running.run_due()
    late.user_permissions.clear()
    sending.drain("report.mail")
    assert not box.effects("mail.taken")
    states = dict(Message.objects.values_list("subject_id", "state"))
    by = {job.requested_by_id: (job.state, states.get(job.pk)) for job in Job.objects.all()}
    assert by == {
        gone.pk: ("failed", None),
        late.pk: ("done", "cancelled"),
        mute.pk: ("done", "needs_person"),
    }


@pytest.mark.parametrize(
    ("fault", "first", "mails"),
    [("500_before", "new", 1), ("deny", "needs_person", 0), ("lost_answer", "unknown", 1)],
)
def test_that_trouble_at_the_mail_server_mails_nothing_twice(
    box: Served, fault: str, first: str, mails: int
) -> None:
    schedule(box, colleague("anna"))
    box.control("faults", kind=fault, platform="email", method="DATA", times=1)
    go()
    assert Message.objects.get().state == first
    go()
    go()
    assert len(box.effects("mail.taken")) == mails
    assert Message.objects.get().state == ("done" if first == "new" else "needs_person")


def test_that_steps_made_again_by_another_worker_mail_once(box: Served) -> None:
    schedule(box, colleague("anna"))
    report_mail.run_due()
    for _death in range(3):
        report_files.step(Job.objects.get())
    assert report_mail.run_due() == 0 and Message.objects.count() == 0
    go()
    report_files.step(Job.objects.get())
    go()
    assert Message.objects.count() == 1 and len(box.effects("mail.taken")) == 1


def test_that_what_was_missed_is_made_up_for_once_with_its_own_days(box: Served) -> None:
    now = timezone.now()
    made = schedule(box, colleague("anna"), at=dt.time(8))
    ReportSchedule.objects.update(next_at=now - dt.timedelta(days=5))
    assert report_mail.run_due(now) == 1 and report_mail.run_due(now) == 0
    made.refresh_from_db()
    assert made.last_at and made.next_at and made.last_at <= now < made.next_at
    assert made.next_at - made.last_at == dt.timedelta(days=1)
    assert Job.objects.get().params["today"] == timezone.localdate(made.last_at).isoformat()


@pytest.mark.parametrize(
    ("given", "after", "found"),
    [
        ({"every": "day"}, "2026-03-01 07:59", "2026-03-01 08:00"),
        ({"every": "day"}, "2026-03-01 08:00", "2026-03-02 08:00"),
        ({"every": "week", "weekday": 1}, "2026-03-02 09:00", "2026-03-09 08:00"),
        ({"every": "month", "monthday": 31}, "2026-02-01 00:00", "2026-02-28 08:00"),
        ({"every": "month", "monthday": 31}, "2026-03-31 08:00", "2026-04-30 08:00"),
        ({"every": "month", "monthday": 1}, "2026-12-31 23:00", "2027-01-01 08:00"),
    ],
)
def test_that_times_are_of_the_clock_here(given: dict[str, Any], after: str, found: str) -> None:
    moment = dt.datetime.fromisoformat(after).replace(tzinfo=SHANGHAI)
    said = report_mail.next_run(ReportSchedule(at=dt.time(8), **given), moment)
    assert timezone.localtime(said).strftime("%Y-%m-%d %H:%M") == found


def test_that_taking_what_is_due_costs_the_same_for_one_and_for_ten(box: Served) -> None:
    def cost() -> int:
        ReportSchedule.objects.update(next_at=timezone.now() - dt.timedelta(minutes=1))
        with CaptureQueriesContext(database) as caught:
            report_mail.run_due()
        return len(caught)

    people = [colleague(f"p{n}") for n in range(3)]
    schedule(box, *people[:1])
    few = cost()
    account = ReportSchedule.objects.get().connection
    for n in range(9):
        made = ReportSchedule.objects.create(name=f"s{n}", report="sku", connection=account)
        made.people.add(*people)
    assert cost() == few


def test_that_the_form_names_who_can_have_it_and_knows_when_it_goes(box: Served, client: Client) -> None:
    sold(1)
    client.force_login(User.objects.create_superuser("boss", email="boss@sandbox.example"))
    page = client.get(
        reverse("admin:report", args=["staff"]), {"period": "last_week", "from": "x", "by": "day"}
    ).content.decode()
    button = re.search(r'href="([^"]*reportschedule/add/[^"]*)"', page)
    assert button and "period=last_week" in button[1] and "query=by%3Dday" in button[1]
    account, mute, unseen = (
        connection("email", box.url),
        User.objects.create_user("mute"),
        colleague("unseen"),
    )
    given = {
        "name": "周报", "report": "staff", "period": "last_week", "query": "?by=day&period=7&from=2026-01-01&to=2026-01-02&x=1",
        "every": "week", "at": "08:30", "weekday": "1", "monthday": "1", "enabled": "on", "connection": account.pk,
        "language": "zh-hans", "form": "xlsx", "deliver": "link", "people": [mute.pk, unseen.pk],
    }  # fmt: skip
    add = reverse("admin:orders_reportschedule_add")
    refused = client.post(add, given).content.decode()
    assert "没有邮箱地址：mute" in refused and "无权查看这张报表：" in refused and "unseen" in refused
    boss = User.objects.get(username="boss")
    assert client.post(add, {**given, "people": [boss.pk]}).status_code == 302
    made = ReportSchedule.objects.get()
    assert (
        made.query == "by=day"
        and made.next_at
        and timezone.localtime(made.next_at).strftime("%u %H:%M") == "1 08:30"
    )
    assert client.get(reverse("admin:orders_reportschedule_changelist")).status_code == 200
    assert client.get(reverse("admin:orders_reportschedule_change", args=[made.pk])).status_code == 200
    client.force_login(unseen)
    assert client.get(add).status_code == 403
