"""Plain receivers in a file: two people, never one; each order says who has it; what a platform masks stays masked."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import os
import re
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone, translation

from orderhub import crypto
from orderhub.exports import files
from orderhub.integrations.errors import PlatformError
from orderhub.jobs import running
from orderhub.jobs.models import Job
from orderhub.models import Bell
from orderhub.scope import Scope
from orderhub.testing.dresses import signed_in, worn
from orders.models import Event, Order, PlainRequest, Receiver
from orders.operations import exporting, plain_export, plain_rows
from orders.operations.plain_export import Refused
from orders.tests import aftersale_cast as cast
from orders.tests.test_exports import read
from orders.tests.test_order_board_screens import looked_at

pytestmark = pytest.mark.django_db
PLAIN = {"name": "王小明", "phone": "13812345678", "address": "=文一西路969号"}
_people = itertools.count(1)


@pytest.fixture(autouse=True)
def place(settings: Any, tmp_path: Path) -> Iterator[Path]:
    settings.EXPORTS_ROOT = str(tmp_path)
    with translation.override("zh-hans"):
        yield tmp_path


def somebody(*rights: str, shops: tuple[str, ...] = ()) -> User:
    user = User.objects.create_user(f"p{next(_people)}", is_staff=True)
    user.user_permissions.add(
        *Permission.objects.filter(codename__in=("view_order", *rights), content_type__app_label="orders")
    )
    Scope.objects.create(user=user, shops=list(shops))
    return user


def asker(**more: Any) -> User:
    return somebody("add_plainrequest", **more)


def decider(**more: Any) -> User:
    return somebody("approve_plainrequest", **more)


def orders(count: int = 3) -> list[Order]:
    """Orders of the own shop that we know the receivers of, and one whose platform keeps them."""
    made = [cast.order("paid") for _n in range(count)]
    sealed = crypto.encrypt(json.dumps(PLAIN, ensure_ascii=False).encode())
    Receiver.objects.filter(order__in=made).update(plain_enc=sealed)
    masked = cast.order("paid", shop=cast.shop("tb", "taobao"))
    Receiver.objects.filter(order=masked).update(visibility="masked", name_mask="李**")
    return [*made, masked]


def ask(user: User, query: str = "", form: str = "csv", reason: str = "快递破损要逐个回访") -> PlainRequest:
    return plain_export.ask(user, query, form, reason, "zh-hans")


def written(asked: PlainRequest) -> Path:
    running.run_due()
    asked.refresh_from_db()
    assert asked.job and asked.job.state == "done", asked.job and asked.job.error
    return files.folder() / (asked.job.result or {})["name"]


def test_that_a_second_person_makes_it_a_file_and_every_step_is_written_down() -> None:
    made, first, second = orders(), asker(), decider()
    asked = ask(first)
    assert (asked.state, asked.orders) == ("waiting", 4) and not Job.objects.exists()
    assert Bell.objects.get(user=second).params[0]["orders"] == 4
    plain_export.decide(asked.pk, second, True, "客服主管已核实")
    path = written(asked)
    rows = read(path)
    assert [row["收件人"] for row in rows] == ["王小明"] * 3 + ["李**"], (
        "what the platform masks stays masked"
    )
    assert (
        rows[0]["地址"] == "'=文一西路969号"
        and rows[0]["手机号"] == "13812345678"
        and rows[3]["手机号"] == "138****0000"
    )
    said = list(LogEntry.objects.order_by("id").values_list("user_id", "change_message"))
    assert [user for user, _text in said] == [first.pk, second.pk]
    assert "快递破损要逐个回访" in said[0][1] and "客服主管已核实" in said[1][1]
    events = Event.objects.filter(code="revealed")
    assert {event.order_id for event in events} == {order.pk for order in made[:3]} and len(events) == 3
    assert {(e.actor_user_id, e.data["reason"]) for e in events} == {(first.pk, "快递破损要逐个回访")}
    assert {bell.template for bell in Bell.objects.filter(user=first)} == {"plain_decided", "export_ready"}


def test_that_nobody_allows_their_own(client: Client) -> None:
    orders(1)
    both = somebody("add_plainrequest", "approve_plainrequest")
    asked = ask(both)
    with pytest.raises(Refused, match="不能批准自己的申请"):
        plain_export.decide(asked.pk, both, True, "")
    client.force_login(both)
    page = client.get(reverse("admin:plain")).content.decode()
    assert reverse("admin:plain_decide", args=[asked.pk]) not in page
    client.post(reverse("admin:plain_decide", args=[asked.pk]), {"do": "allow"})
    asked.refresh_from_db()
    assert asked.state == "waiting" and not Job.objects.exists()
    boss = User.objects.create_superuser("boss")
    with pytest.raises(Refused):
        plain_export.decide(ask(boss).pk, boss, True, "")
    with pytest.raises(IntegrityError), transaction.atomic():
        PlainRequest.objects.filter(pk=asked.pk).update(state="approved", decided_by=both)


def test_that_who_may_not_neither_asks_nor_allows(client: Client) -> None:
    orders(1)
    clerk, first = somebody(), asker()
    with pytest.raises(Refused):
        ask(clerk)
    asked = ask(first)
    for nobody in (clerk, asker()):
        with pytest.raises(Refused):
            plain_export.decide(asked.pk, nobody, True, "")
    client.force_login(clerk)
    assert client.get(reverse("admin:plain")).status_code == 403
    assert client.post(reverse("admin:plain_ask"), {"reason": "because", "form": "csv"}).status_code == 403
    assert client.post(reverse("admin:plain_decide", args=[asked.pk]), {"do": "allow"}).status_code == 403
    assert reverse("admin:plain_ask") not in client.get(reverse("admin:exports")).content.decode()
    client.force_login(asker())
    assert "快递破损" not in client.get(reverse("admin:plain")).content.decode(), (
        "another's request is not theirs to read"
    )
    for query, form, reason in (
        ("", "exe", "reason enough"),
        ("", "csv", " x "),
        ("q=nothing", "csv", "reason enough"),
    ):
        with pytest.raises(Refused):
            ask(first, query, form, reason)


def test_that_who_allows_sees_every_order_of_it() -> None:
    orders(1)
    narrow, wide = decider(shops=("tb",)), decider()
    asked = ask(asker())
    assert not Bell.objects.filter(user=narrow).exists() and Bell.objects.filter(user=wide).exists()
    with pytest.raises(Refused, match="看不到"):
        plain_export.decide(asked.pk, narrow, True, "")
    theirs = ask(asker(shops=("tb",)))
    assert theirs.orders == 1
    plain_export.decide(theirs.pk, narrow, True, "")
    assert [row["收件人"] for row in read(written(theirs))] == ["李**"]


def test_that_a_request_is_decided_once_and_not_long_after() -> None:
    orders(1)
    first, second = asker(), decider()
    refused, old = ask(first), ask(first)
    plain_export.decide(refused.pk, second, False, "不需要明文")
    with pytest.raises(Refused, match="已拒绝"):
        plain_export.decide(refused.pk, second, True, "")
    PlainRequest.objects.filter(pk=old.pk).update(asked_at=timezone.now() - dt.timedelta(days=4))
    with pytest.raises(Refused):
        plain_export.decide(old.pk, second, True, "")
    assert not Job.objects.exists()


def test_that_no_job_writes_plain_text_without_the_second_person() -> None:
    orders(1)
    first, second = asker(), decider()
    asked = ask(first)
    forged = running.start(exporting.KIND, plain_export._params(asked), first.pk)
    running.run_due()
    forged.refresh_from_db()
    assert forged.state == "failed" and "没有人批准" in forged.error
    plain_export.decide(asked.pk, second, True, "")
    again = running.start(exporting.KIND, plain_export._params(asked), second.pk)
    first.user_permissions.clear()
    running.run_due()
    assert set(Job.objects.values_list("state", flat=True)) == {"failed"} and again.pk
    assert not any("王小明" in file.read_text(errors="ignore") for file in files.folder().iterdir())
    assert not Event.objects.filter(code="revealed").exists()


def test_that_a_killed_worker_writes_no_order_twice_and_new_orders_are_not_in_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    orders(5)
    monkeypatch.setattr(plain_rows, "PIECE", 2)
    asked = ask(asker())
    cast.order("paid")
    plain_export.decide(asked.pk, decider(), True, "")
    job = Job.objects.get()
    assert not exporting.step(job)
    job.save()
    for _death in range(2):
        exporting.step(Job.objects.get())
    assert len(read(written(asked))) == 6 == asked.orders
    assert Event.objects.filter(code="revealed").count() == 5


def test_that_the_file_is_its_askers_logged_and_gone_after_a_day(client: Client) -> None:
    orders(1)
    first, second = asker(), decider()
    asked = ask(first, form="xlsx")
    plain_export.decide(asked.pk, second, True, "")
    path = written(asked)
    sheet = openpyxl.load_workbook(path).active
    assert "王小明" in [cell.value for cell in sheet[2]] and not any(
        c.data_type == "f" for line in sheet.iter_rows() for c in line
    )
    assert asked.job
    address = reverse("admin:exports_download", args=[asked.job.pk])
    client.force_login(second)
    assert client.get(address).status_code == 404, "who allowed it does not get it"
    client.force_login(first)
    assert client.get(address).status_code == 200
    assert "明文" in LogEntry.objects.latest("id").change_message
    first.user_permissions.remove(Permission.objects.get(codename="add_plainrequest"))
    assert client.get(address).status_code == 403
    then = (timezone.now() - dt.timedelta(hours=25)).timestamp()
    os.utime(path, (then, then))
    assert files.sweep() == 1 and not path.exists()


def test_that_plain_text_is_in_no_statement_and_pieces_cost_the_same() -> None:
    first, second = asker(), decider()

    def cost(count: int) -> list[str]:
        orders(count)
        asked = ask(first)
        plain_export.decide(asked.pk, second, True, "")
        job = Job.objects.get(pk=asked.job_id or Job.objects.latest("id").pk)
        with CaptureQueriesContext(connection) as caught:
            exporting.step(job)
        return [one["sql"] for one in caught]

    few, many = cost(1), cost(12)
    assert len(few) == len(many)
    assert not any("王小明" in sql or "13812345678" in sql for sql in many)


def test_that_the_pages_lead_from_asking_to_the_file(client: Client) -> None:
    orders(1)
    first, second = asker(), decider()
    client.force_login(first)
    page = client.get(reverse("admin:exports") + "?state__exact=paid").content.decode()
    assert reverse("admin:plain_ask") in page
    given = {"query": "state__exact=paid", "form": "csv", "reason": "回访破损"}
    assert (
        "回访破损"
        not in client.post(reverse("admin:plain_ask"), {**given, "reason": "x"}, follow=True).content.decode()
    )
    assert "回访破损" in client.post(reverse("admin:plain_ask"), given, follow=True).content.decode()
    client.force_login(second)
    decide = re.search(r'action="([^"]*/decide/)"', client.get(reverse("admin:plain")).content.decode())
    assert decide
    assert client.post(decide[1], {"do": "allow", "note": "好"}, follow=True).status_code == 200
    assert (
        client.post(decide[1].replace(str(PlainRequest.objects.get().pk), "999"), {"do": "allow"}).status_code
        == 404
    )
    path = written(PlainRequest.objects.get())
    client.force_login(first)
    assert path.name in client.get(reverse("admin:exports")).content.decode()


def test_that_a_question_that_would_be_cut_off_is_not_asked() -> None:
    made = orders(3)
    query = f"e={'x' * 2000}&q={made[0].number}"
    assert exporting.listed(query, asker().pk).count() == 1
    with pytest.raises(Refused, match="筛选条件太长"):
        ask(asker(), query)


def refused_as_moved(asked: PlainRequest) -> None:
    """Allowed, begun and ended without a row: nobody's receiver was opened."""
    plain_export.decide(asked.pk, decider(), True, "")
    running.run_due()
    job = Job.objects.latest("id")
    assert job.state == "failed" and "重新申请" in job.error
    assert not Event.objects.filter(code="revealed").exists()
    assert not any("王小明" in file.read_text(errors="ignore") for file in files.folder().iterdir())


def test_that_the_file_has_no_more_orders_than_were_allowed() -> None:
    made, first, tagged = orders(3), asker(), {"tags": ["callback"]}
    Order.objects.filter(pk=made[-1].pk).update(**tagged)
    asked = ask(first, "tag=callback")
    assert asked.orders == 1
    Order.objects.update(**tagged)
    refused_as_moved(asked)


def test_that_the_file_has_the_orders_that_were_allowed_and_not_as_many_others() -> None:
    made, first = orders(3), asker()
    Order.objects.filter(pk__in=[made[1].pk, made[2].pk]).update(tags=["callback"])
    asked = ask(first, "tag=callback")
    Order.objects.filter(pk=made[1].pk).update(tags=[])
    Order.objects.filter(pk=made[0].pk).update(tags=["callback"])
    refused_as_moved(asked)
    Order.objects.filter(pk=made[0].pk).update(tags=[])
    refused_as_moved(ask_and_lose(first, made[2]))
    old = ask(first)
    PlainRequest.objects.filter(pk=old.pk).update(pieces=[])
    refused_as_moved(old)


def ask_and_lose(user: User, order: Order) -> PlainRequest:
    Order.objects.update(tags=["callback"])
    asked = ask(user, "tag=callback")
    Order.objects.filter(pk=order.pk).update(tags=[])
    return asked


def test_that_a_set_that_moves_while_the_file_is_written_goes_no_further(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = orders(4)
    monkeypatch.setattr(plain_rows, "PIECE", 2)
    Order.objects.exclude(pk=made[2].pk).update(tags=["callback"])
    asked = ask(asker(), "tag=callback")
    plain_export.decide(asked.pk, decider(), True, "")
    job = Job.objects.get()
    assert not exporting.step(job) and job.done == 2 and job.total == 4
    Order.objects.filter(pk=made[3].pk).update(tags=[])
    Order.objects.filter(pk=made[2].pk).update(tags=["callback"])
    with pytest.raises(PlatformError, match="重新申请"):
        exporting.step(job)
    assert set(Event.objects.filter(code="revealed").values_list("order_id", flat=True)) == {
        made[0].pk,
        made[1].pk,
    }
    Order.objects.filter(pk=made[3].pk).update(tags=["callback"])
    with pytest.raises(PlatformError, match="重新申请"):
        exporting.step(job)


def test_that_a_million_orders_are_held_a_piece_at_a_time() -> None:
    tracemalloc.start()
    pieces = list(plain_rows.pieces_of(iter(range(1, 1_000_001))))
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(pieces) == 500 and pieces[-1][:2] == (1_000_000, 2_000) and len({p[2] for p in pieces}) == 500
    assert peak < 1_000_000 and len(json.dumps(pieces)) < 60_000


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_that_asking_and_deciding_are_clean_in_every_dress(live_server: Any, page: Any) -> None:
    orders(2)
    boss, second = User.objects.create_superuser("boss"), decider()
    signed_in(page, live_server.url, boss)
    ask(asker(), "state__exact=paid"), ask(boss)
    plain_export.decide(ask(asker()).pk, second, False, "不需要明文，用脱敏文件即可")
    faults = []
    for dress in worn(page, live_server.url, reverse("admin:plain")):
        faults += looked_at(page, f"plain-{dress}")
    for dress in worn(page, live_server.url, reverse("admin:exports")):
        if not page.locator("details.oh-more[open]").count():
            page.click("details.oh-more summary")
        assert page.locator("details.oh-more[open]").count()
        faults += looked_at(page, f"exports-{dress}")
    assert not faults
