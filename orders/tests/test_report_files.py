"""Files of reports: the page's numbers, right in a spreadsheet, once though a worker dies, for who may see them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import translation

from logistics.models import Parcel
from orderhub.exports import files
from orderhub.jobs import running
from orderhub.jobs.models import Job
from orderhub.models import Bell
from orders.models import Case
from orders.operations import report_files
from orders.tests import aftersale_cast as cast
from orders.tests.test_exports import read
from orders.tests.test_order_board import person
from orders.tests.test_reports import at, sold, told

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def place(settings: Any, tmp_path: Path) -> Iterator[Path]:
    settings.EXPORTS_ROOT = str(tmp_path)
    with translation.override("zh-hans"):
        yield tmp_path


@pytest.fixture
def boss() -> User:
    return User.objects.create_superuser("boss")


def written(user: User, code: str, query: str = "period=7", form: str = "csv") -> tuple[Job, Path]:
    job = report_files.begin(code, query, form, user.pk, "zh-hans")
    running.run_due()
    job.refresh_from_db()
    assert job.state == "done", job.error
    return job, files.folder() / (job.result or {})["name"]


def test_that_a_file_has_the_numbers_of_the_page_and_those_before(boss: User) -> None:
    made = [sold(1), sold(2), sold(1, shop=cast.shop("tb", "taobao")), sold(8)]
    _job, path = written(boss, "channel", "period=7&by=shop")
    rows = read(path)
    assert [(row["店铺"], row["订单"], row["订单（上期）"]) for row in rows] == [
        ("own", "2", "1"),
        ("tb", "1", ""),
    ]
    assert rows[0]["金额"] == str(made[0].payable + made[1].payable) and rows[0]["渠道"] != "own_shop"
    page, _total = told(boss, "channel", "shop")
    assert [str(row["amount"]) for row in page] == [row["金额"] for row in rows]
    bell = Bell.objects.get(user=boss)
    assert bell.params[0]["rows"] == 2 and bell.template == "export_ready"


def test_that_a_workbook_keeps_days_numbers_and_every_digit(boss: User) -> None:
    order = sold(1)
    Parcel.objects.create(
        number="P1", order=order, warehouse=cast.warehouse(), worked_by="own", carrier="ZTO", service="zto",
        outlet_code="690000000000012345", shipped_at=order.shipped_at, state="shipped", weight_g=1234,
    )  # fmt: skip
    _job, path = written(boss, "carrier", "period=7&by=outlet", "xlsx")
    sheet = openpyxl.load_workbook(path).active
    heads = {cell.value: n for n, cell in enumerate(sheet[1])}
    row = sheet[2]
    assert (row[heads["网点"]].value, row[heads["网点"]].data_type) == ("690000000000012345", "s")
    assert row[heads["包裹"]].value == 1 and row[heads["重量（千克）"]].value == 1.23
    _job, path = written(boss, "carrier", "period=7&by=outlet")
    assert read(path)[0]["网点"] == "690000000000012345\t"
    _job, path = written(boss, "fulfilment", "period=7&by=day", "xlsx")
    day = openpyxl.load_workbook(path).active["A2"]
    assert day.is_date and day.value.date() == at(1).date()
    assert not list(files.folder().glob("*.part"))


def test_that_what_people_typed_runs_nowhere(boss: User) -> None:
    for n, reason in enumerate(("=HYPERLINK(1)", "+1", "-1", "@x", "破损")):
        Case.objects.create(
            number=f"R{n}", order=sold(1), kind="refund", amount="1.00", opened_at=at(1), reason=reason
        )
    _job, path = written(boss, "aftersale", "period=7&by=reason")
    assert {row["原因"] for row in read(path)} == {"'=HYPERLINK(1)", "'+1", "'-1", "'@x", "破损"}
    _job, path = written(boss, "aftersale", "period=7&by=reason", "xlsx")
    assert not any(
        cell.data_type == "f" for line in openpyxl.load_workbook(path).active.iter_rows() for cell in line
    )


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_that_a_killed_worker_leaves_one_whole_file_of_the_days_asked_for(boss: User, form: str) -> None:
    sold(1), sold(2)
    job = report_files.begin("fulfilment", "period=7", form, boss.pk, "zh-hans", at(1).date())
    for _death in range(3):  # each writes its file and dies before the job is written
        report_files.step(Job.objects.get(pk=job.pk))
    running.run_due()
    job.refresh_from_db()
    assert (job.state, job.done, Bell.objects.count()) == ("done", 2, 1)
    assert len(list(files.folder().iterdir())) == 1
    assert job.params["today"] == at(1).date().isoformat()


def test_that_a_person_gets_their_shops_and_only_reports_of_their_right(boss: User, client: Client) -> None:
    sold(1), sold(1, shop=cast.shop("tb", "taobao"))
    narrowed = person("orders.view_order", shops=["tb"])
    narrowed.post(reverse("admin:report_write", args=["channel"]), {"query": "period=7", "form": "csv"})
    running.run_due()
    job = Job.objects.get()
    rows = read(files.folder() / (job.result or {})["name"])
    assert [row["店铺"] for row in rows] == ["tb"]
    staff = reverse("admin:report_write", args=["staff"])
    assert narrowed.post(staff, {"form": "csv"}).status_code == 403
    answer = narrowed.post(reverse("admin:report_write", args=["channel"]), {"form": "exe"})
    assert answer.status_code == 302 and Job.objects.count() == 1
    lost = report_files.begin("staff", "", "csv", job.requested_by_id or 0, "zh-hans")
    running.run_due()
    lost.refresh_from_db()
    assert lost.state == "failed" and "无权" in lost.error


def test_that_each_download_is_written_down_and_anothers_file_is_none(boss: User, client: Client) -> None:
    sold(1)
    job, path = written(boss, "staff", "period=7&by=day")
    address = reverse("admin:exports_download", args=[job.pk])
    client.force_login(boss)
    assert path.name in client.get(reverse("admin:exports")).content.decode()
    assert b"".join(client.get(address).streaming_content) == path.read_bytes()  # type: ignore[attr-defined]
    assert "staff period=7&by=day" in LogEntry.objects.get().change_message
    assert person("orders.view_order").get(address).status_code == 404
    User.objects.filter(pk=boss.pk).update(is_superuser=False, is_staff=True)
    clerk = User.objects.get(pk=boss.pk)
    from django.contrib.auth.models import Permission

    clerk.user_permissions.add(
        Permission.objects.get(codename="view_order", content_type__app_label="orders")
    )
    assert client.get(address).status_code == 403, "the right to the report is gone"
    assert LogEntry.objects.count() == 1


def test_that_a_file_can_be_stopped(boss: User, client: Client) -> None:
    client.force_login(boss)
    client.post(reverse("admin:report_write", args=["sku"]), {"query": "", "form": "xlsx"})
    job = Job.objects.get()
    client.post(reverse("admin:exports_stop", args=[job.pk]))
    running.run_due()
    job.refresh_from_db()
    assert job.state == "cancelled" and not list(files.folder().iterdir())
    assert dt.date.fromisoformat(job.params["today"])
