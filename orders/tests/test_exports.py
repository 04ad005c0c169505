"""Exports: every row once though a worker dies, numbers that Excel keeps, no formulas, masked receivers, one's own files."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation

from orderhub.exports import files
from orderhub.exports.columns import select
from orderhub.jobs import running
from orderhub.jobs.models import Job
from orderhub.models import Bell
from orderhub.roles import sync_roles
from orders.exporting import FROM, exported
from orders.models import Order, Receiver
from orders.models.order import OrderState
from orders.operations import exporting
from orders.tests import aftersale_cast as cast
from orders.tests.api_cast import person

pytestmark = pytest.mark.django_db
LONG = "6900000000000012345"


@pytest.fixture(autouse=True)
def place(settings: Any, tmp_path: Path) -> Iterator[Path]:
    settings.EXPORTS_ROOT = str(tmp_path)
    with translation.override("zh-hans"):
        yield tmp_path


@pytest.fixture
def boss() -> User:
    return User.objects.create_superuser("boss")


def orders(count: int = 5, **columns: Any) -> list[Order]:
    made = [cast.order("paid", channel_number=f"{int(LONG) + n}", **columns) for n in range(count)]
    Receiver.objects.filter(order__in=made).update(
        name_mask="王**", phone_mask="138****5678", address_mask="=HYPERLINK(1)"
    )
    return made


def export(user: User, query: str = "", form: str = "csv") -> tuple[Job, Path]:
    job = exporting.begin(query, form, user.pk, "zh-hans")
    running.run_due()
    job.refresh_from_db()
    assert job.state == "done", job.error
    return job, files.folder() / (job.result or {})["name"]


def read(path: Path) -> list[dict[str, str]]:
    text = path.read_bytes()
    assert text.startswith(b"\xef\xbb\xbf"), "Chinese Excel takes it for UTF-8 by its mark"
    return list(csv.DictReader(io.StringIO(text.decode("utf-8-sig"))))


def test_that_every_order_is_a_row_with_every_digit_and_nothing_runs(boss: User) -> None:
    made = orders(paid_at=dt.datetime(2026, 3, 1, 16, 30, tzinfo=dt.UTC))
    Order.objects.filter(id=made[0].id).update(tags=["+1", "紧急"])
    job, path = export(boss)
    rows = read(path)
    assert [row["渠道单号"] for row in rows] == [f"{int(LONG) + n}\t" for n in range(5)]
    assert {row["付款时间"] for row in rows} == {"2026-03-02 00:30:00"}, "Beijing's day"
    assert rows[0]["地址"] == "'=HYPERLINK(1)" and rows[0]["标签"] == "'+1; 紧急"
    assert rows[0]["状态"] == str(made[0].get_state_display()) and len(rows[0]) == len(exported()) == 31
    assert not re.search(r'(^|,)"?[=+@]', path.read_text(encoding="utf-8-sig"), re.M)
    assert (job.done, job.total, (job.result or {})["rows"]) == (5, 5, 5)
    bell = Bell.objects.get(user=boss)
    assert bell.template == "export_ready" and bell.params[0]["rows"] == 5


def test_that_the_database_computes_each_cell_once() -> None:
    statement = select(exported(), FROM, long_as_text=True)
    assert statement.count("FROM orders_line l") == statement.count("string_agg(p.waybill_no") == 1


def test_that_a_workbook_keeps_types(boss: User) -> None:
    orders(2, payable="1234.50", paid_at=dt.datetime(2026, 3, 1, 16, 30, tzinfo=dt.UTC))
    _job, path = export(boss, form="xlsx")
    sheet = openpyxl.load_workbook(path).active
    heads = {cell.value: n for n, cell in enumerate(sheet[1])}
    row = sheet[2]
    assert row[heads["渠道单号"]].value == LONG and row[heads["渠道单号"]].data_type == "s"
    assert row[heads["应付"]].value == 1234.5 and row[heads["应付"]].data_type == "n"
    assert row[heads["付款时间"]].value == dt.datetime(2026, 3, 2, 0, 30) and row[heads["付款时间"]].is_date
    pieces = row[heads["件数"]]
    assert (pieces.data_type, pieces.number_format) == ("n", "General") and pieces.value == int(pieces.value)
    assert not any(cell.data_type == "f" for line in sheet.iter_rows() for cell in line)
    assert not list(files.folder().glob("*.csv")) and sheet.max_row == 3


def test_that_a_killed_worker_costs_a_piece_and_no_row(boss: User, monkeypatch: pytest.MonkeyPatch) -> None:
    orders(7)
    monkeypatch.setattr(exporting, "PIECE", 3)
    job = exporting.begin("", "csv", boss.pk, "zh-hans")
    assert not exporting.step(job)
    job.save()
    again = Job.objects.get(id=job.id)
    assert not exporting.step(again)  # written to the file, but its worker dies before the job is
    assert not exporting.step(Job.objects.get(id=job.id))
    running.run_due()
    job.refresh_from_db()
    rows = read(files.folder() / (job.result or {})["name"])
    assert [row["渠道单号"] for row in rows] == [f"{int(LONG) + n}\t" for n in range(7)]


def test_that_a_workbook_that_takes_long_keeps_its_job_and_can_be_stopped(
    boss: User, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders(6)
    monkeypatch.setattr(files, "BEAT", 2)
    job = exporting.begin("", "xlsx", boss.pk, "zh-hans")
    kept = running.keep
    shown: list[tuple[int, str]] = []
    client.force_login(boss)

    def watched(one: Job) -> None:
        before = one.lease_until
        kept(one)
        now = Job.objects.get(id=one.id)
        assert before and now.lease_until and now.lease_until > before, "no other worker may take it"
        page = client.get(reverse("admin:exports_progress")).content.decode()
        shown.append((now.params["made"], page.split('max="100" value="')[1].split('"')[0]))
        if one.params["made"] == 4 and stops:
            running.cancel(one.id)

    monkeypatch.setattr(running, "keep", watched)
    stops = False
    running.run_due()
    job.refresh_from_db()
    assert job.state == "done" and shown == [(2, "66"), (4, "83"), (6, "100")]
    stops, again = True, exporting.begin("", "xlsx", boss.pk, "zh-hans")
    running.run_due()
    again.refresh_from_db()
    assert again.state == "cancelled" and again.params["made"] == 4 and again.result is None
    assert not list(files.folder().glob(f"{again.params['file']}.part")) and running.run_due() == 0


def test_that_the_file_is_what_the_list_shows(boss: User) -> None:
    made = orders(3)
    other = cast.order("shipped", channel_number="770001")
    _job, path = export(boss, "state__exact=shipped")
    assert [row["渠道单号"] for row in read(path)] == [other.channel_number]
    _job, path = export(boss, f"q={made[1].number}")
    assert [row["订单"] for row in read(path)] == [made[1].number]


def test_that_nobody_is_in_it_in_plain_text_and_a_shops_staff_get_their_shop(boss: User) -> None:
    sync_roles()
    own, other = cast.shop("own", "own_shop"), cast.shop("second", "own_shop")
    mine = cast.order("paid", shop=own, channel_number="1")
    cast.order("paid", shop=other, channel_number="2")
    clerk = person("customer_service", shops=(own.code,))
    _job, path = export(clerk)
    assert [row["订单"] for row in read(path)] == [mine.number]
    _job, path = export(clerk, f"shop__id__exact={other.id}")
    assert read(path) == [], "a filter opens no other shop"
    plain = b"".join(file.read_bytes() for file in files.folder().iterdir())
    for canary in ("13812345678", "王小明", "文一西路969号"):
        assert canary.encode() not in plain


def test_that_a_file_is_its_persons_alone_and_each_download_is_written_down(
    boss: User, client: Client
) -> None:
    orders(2)
    job, path = export(boss, "state__exact=paid")
    address = reverse("admin:exports_download", args=[job.id])
    client.force_login(boss)
    assert b"".join(client.get(address).streaming_content) == path.read_bytes()  # type: ignore[attr-defined]
    entry = LogEntry.objects.get(user=boss)
    assert entry.object_id == str(job.id) and "state__exact=paid" in entry.change_message
    client.force_login(User.objects.create_superuser("another"))
    assert client.get(address).status_code == 404
    assert LogEntry.objects.count() == 1


def test_that_a_clerk_exports_from_the_list_and_stops(boss: User, client: Client) -> None:
    orders(2)
    client.force_login(boss)
    page = client.get(reverse("admin:orders_order_changelist") + "?state__exact=paid").content.decode()
    assert reverse("admin:exports") + "?state__exact=paid" in page
    assert (
        f"{OrderState.PAID.label}</span>"
        in client.get(reverse("admin:exports") + "?state__exact=paid").content.decode()
    )
    client.post(reverse("admin:exports_begin"), {"query": "state__exact=paid", "form": "csv"})
    job = Job.objects.get(kind="export")
    client.post(reverse("admin:exports_stop", args=[job.id]))
    job.refresh_from_db()
    assert job.state == "cancelled"
    assert client.post(reverse("admin:exports_begin"), {"query": "", "form": "exe"}).status_code == 302
    assert Job.objects.filter(kind="export").count() == 1
    nobody = User.objects.create_user("nobody", is_staff=True)
    nobody.groups.add(Group.objects.get_or_create(name="none")[0])
    client.force_login(nobody)
    assert client.get(reverse("admin:exports")).status_code == 403


def test_that_old_files_go_and_the_page_says_so(boss: User, client: Client) -> None:
    import os

    job, path = export(boss)
    old = (timezone.now() - dt.timedelta(days=8)).timestamp()
    os.utime(path, (old, old))
    assert files.sweep() == 1 and not path.exists()
    client.force_login(boss)
    assert client.get(reverse("admin:exports_download", args=[job.id])).status_code == 404
    assert "已到期删除" in client.get(reverse("admin:exports")).content.decode()
