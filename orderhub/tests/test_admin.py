"""The ground floor's screens: outbox, payloads, tickets, modules, and forms that respect newer states."""

from __future__ import annotations

import datetime as dt
import json
import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from inventory.models import Sku
from orderhub import crypto, modules
from orderhub.admin_site.paging import NextPaginator
from orderhub.models import Call, Connection, Message, Note, Payload
from orderhub.testing.speaking import fresh_sandbox, start_sandbox  # noqa: F401
from orderhub.tests.conftest import taobao

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def forget_modules() -> None:
    modules.forget()


def clerk(*permissions: str) -> Client:
    made = User.objects.create_user(f"clerk{User.objects.count()}", password="x", is_staff=True)
    for name in permissions:
        app, codename = name.split(".")
        made.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
    client = Client()
    client.force_login(made)
    return client


def shown(response: Any) -> str:
    return response.content.decode()


# secrets and forms


def token_of(page: str) -> str:
    found = re.search(r'name="_seen" value="(\w+)"', page)
    assert found
    return found[1]


def fields(made: Connection, page: str, **changes: str) -> dict[str, str]:
    return {
        "_seen": token_of(page), "name": made.name, "code": made.code, "platform": made.platform, "state": made.state,
        "base_url": made.base_url, "app_key": made.app_key, "options": "{}", "app_secret": "", "more_secrets": "", **changes,
    }  # fmt: skip


def test_that_secrets_go_in_and_never_come_out(office):
    made = taobao()
    address = reverse("admin:orderhub_connection_change", args=[made.pk])
    page = shown(office.get(address))
    assert "s3cret-s3cret" not in page
    assert "app_secret" in page, "which ones are stored is told"
    office.post(address, fields(made, page, name="新名字"))
    made.refresh_from_db()
    assert (made.name, made.secrets) == ("新名字", {"app_secret": "s3cret-s3cret"})
    office.post(
        address, fields(made, shown(office.get(address)), app_secret="n3w", more_secrets='{"salt": "z"}')
    )
    made.refresh_from_db()
    assert made.secrets == {"app_secret": "n3w", "salt": "z"}


@pytest.mark.parametrize(
    "there", [{"base_url": "https://thief.example/"}, {"options": '{"oauth_url": "https://thief.example"}'}]
)
def test_that_stored_secrets_are_not_sent_to_another_address(office, there):
    made = taobao()
    made.set_token({"access_token": "t0ken"}, timezone.now() + dt.timedelta(days=1))
    made.save()
    address = reverse("admin:orderhub_connection_change", args=[made.pk])
    refused = office.post(address, fields(made, shown(office.get(address)), **there))
    assert refused.status_code == 200 and "app_secret" in shown(refused)
    before = made.base_url
    made.refresh_from_db()
    assert (made.base_url, made.options, made.token) == (before, {}, {"access_token": "t0ken"})
    mine = fields(made, shown(office.get(address)), app_secret="typed", **there)
    assert office.post(address, mine).status_code == 302
    made.refresh_from_db()
    assert (made.secrets, made.token) == ({"app_secret": "typed"}, {})
    page = shown(office.get(address))
    same = {"base_url": f"{made.base_url.rstrip('/')}/gw", "options": json.dumps(made.options)}
    assert office.post(address, fields(made, page, **same)).status_code == 302


def test_that_a_form_never_undoes_a_token_that_was_renewed_meanwhile(office):
    made = taobao()
    address = reverse("admin:orderhub_connection_change", args=[made.pk])
    page = shown(office.get(address))
    made.set_token({"access_token": "fresh"}, timezone.now() + dt.timedelta(days=1))
    made.save()
    answer = office.post(address, fields(made, page, name="新名字"))
    assert "已被他人更改" in shown(answer)
    made.refresh_from_db()
    assert (made.name, made.token) == ("淘宝店", {"access_token": "fresh"})


def test_that_of_two_people_at_one_form_the_second_is_told(office):
    sku = Sku.objects.create(code="CUP-1", name="马克杯")
    address = reverse("admin:inventory_sku_change", args=[sku.pk])
    page = shown(office.get(address))
    inline = {f"{name}-{count}_FORMS": "0" for name in ("codes", "parts") for count in ("TOTAL", "INITIAL")}
    mine = {
        "_seen": token_of(page),
        "code": "CUP-1",
        "name": "马克杯 蓝",
        "series": "",
        "weight_g": "300",
        "volume_cm3": "0",
        "active": "on",
        **inline,
    }
    Sku.objects.filter(pk=sku.pk).update(name="马克杯 红")
    assert "已被他人更改" in shown(office.post(address, mine))
    sku.refresh_from_db()
    assert (sku.name, sku.weight_g) == ("马克杯 红", 0)
    office.post(address, {**mine, "_seen": token_of(shown(office.get(address)))})
    sku.refresh_from_db()
    assert (sku.name, sku.weight_g) == ("马克杯 蓝", 300)


@pytest.mark.parametrize(
    "name", ["orderhub_call", "orderhub_message", "orderhub_payload", "inventory_movement", "inventory_stock"]
)
def test_that_ledgers_are_read_only(office, name):
    assert office.get(reverse(f"admin:{name}_changelist")).status_code == 200
    assert office.get(reverse(f"admin:{name}_add")).status_code == 403


def test_that_a_call_cant_be_changed_even_by_the_owner_of_everything(office):
    call = Call.objects.create(platform="taobao", method="m", started_at=timezone.now(), outcome="ok")
    assert (
        office.post(reverse("admin:orderhub_call_change", args=[call.pk]), {"code": "x"}).status_code == 403
    )
    assert (
        office.post(reverse("admin:orderhub_call_delete", args=[call.pk]), {"post": "yes"}).status_code == 403
    )
    call.refresh_from_db()
    assert call.code == ""


# lists


def test_that_a_page_is_turned_without_counting():
    for n in range(5):
        Sku.objects.create(code=f"S{n}", name="x")
    pages = NextPaginator(Sku.objects.order_by("id"), 2)
    with CaptureQueriesContext(database) as caught:
        first, last = pages.page(1), pages.page(3)
    assert [len(first), first.has_next(), len(last), last.has_next()] == [2, True, 1, False]
    assert not [query for query in caught.captured_queries if "COUNT" in query["sql"].upper()]


@pytest.mark.parametrize("wrong", ["0", "-3", "99999999999"])
def test_that_an_impossible_page_is_a_page_all_the_same(office, wrong):
    assert office.get(reverse("admin:orderhub_call_changelist"), {"p": wrong}).status_code == 200


# messages and payloads


def message(**columns: Any) -> Message:
    return Message.objects.create(
        **{"kind": "channel.ship", "key": f"k{Message.objects.count()}", "subject_id": 1, **columns}
    )


def test_that_the_outbox_opens_on_what_needs_a_person_in_words(office):
    stuck = message(state="needs_person", error_kind="business", error="B150 交易已关闭")
    done = message(state="done")
    page = shown(office.get(reverse("admin:orderhub_message_changelist")))
    assert stuck.key in page
    assert f">{done.key}<" not in page
    assert "平台拒绝了" in page
    assert "B150 交易已关闭" in page


def test_that_a_retry_asks_first_and_is_post_only_with_its_right(office):
    stuck = message(state="needs_person", attempts=8)
    address = reverse("admin:outbox_retry", args=[stuck.pk])
    assert office.get(address).status_code == 405
    assert clerk("orderhub.view_message").post(address).status_code == 403
    stuck.refresh_from_db()
    assert stuck.state == "needs_person"
    office.post(address)
    stuck.refresh_from_db()
    assert (stuck.state, stuck.attempts) == ("unknown", 0)


def test_that_a_message_that_is_done_is_not_repeated(office):
    done = message(state="done")
    answer = office.post(reverse("admin:outbox_retry", args=[done.pk]), follow=True)
    assert "已完成" in shown(answer)
    done.refresh_from_db()
    assert done.state == "done"


def test_that_raw_text_is_opened_by_right_and_after_a_log_line(office, payload):
    address = reverse("admin:payload_raw", args=[payload.pk])
    assert office.get(address).status_code == 405
    assert clerk("orderhub.view_payload").post(address).status_code == 403
    assert not LogEntry.objects.exists()
    answer = office.post(address)
    assert "原文&lt;b&gt;" in shown(answer)
    assert "no-store" in answer["Cache-Control"]
    entry = LogEntry.objects.get()
    assert (entry.object_id, entry.change_message) == (str(payload.pk), "raw payload viewed")


def test_that_raw_text_is_on_no_page_that_was_not_asked_for_it(office, payload):
    for address in (
        reverse("admin:orderhub_payload_change", args=[payload.pk]),
        reverse("admin:orderhub_payload_changelist"),
    ):
        assert "原文" not in shown(office.get(address)).replace("查看原文", "")


def test_that_bytes_that_are_no_json_are_shown_as_text(office, payload):
    Payload.objects.filter(pk=payload.pk).update(raw_enc=crypto.encrypt(b"\xff\x00<half"))
    assert "&lt;half" in shown(office.post(reverse("admin:payload_raw", args=[payload.pk])))


def test_that_a_replay_is_for_what_was_set_aside(office, payload):
    address = reverse("admin:payload_replay", args=[payload.pk])
    assert clerk("orderhub.view_payload").post(address).status_code == 403
    office.post(address)
    payload.refresh_from_db()
    assert (payload.state, payload.reason) == ("new", "")
    Payload.objects.filter(pk=payload.pk).update(state="parsed")
    office.post(address)
    payload.refresh_from_db()
    assert payload.state == "parsed"


# tickets


@pytest.mark.parametrize(
    ("act", "form"), [("take", {}), ("note", {"text": "已打电话"}), ("close", {"resolution": "已揽收"})]
)
def test_that_the_first_thing_anyone_does_is_the_first_response(office, ticket, act, form):
    office.post(reverse(f"admin:ticket_{act}", args=[ticket.pk]), form)
    ticket.refresh_from_db()
    assert ticket.first_response_at is not None
    assert ticket.owner.get_username() == "老板"
    first = ticket.first_response_at
    office.post(reverse("admin:ticket_note", args=[ticket.pk]), {"text": "再看"})
    ticket.refresh_from_db()
    assert ticket.first_response_at == first


def test_that_a_ticket_is_closed_once_and_with_what_was_done(office, ticket):
    address = reverse("admin:ticket_close", args=[ticket.pk])
    office.post(address, {"resolution": " "})
    ticket.refresh_from_db()
    assert ticket.state == "open"
    office.post(address, {"resolution": "网点已揽收"})
    office.post(address, {"resolution": "第二次"})
    ticket.refresh_from_db()
    assert (ticket.state, ticket.resolution) == ("done", "网点已揽收")


def test_that_a_ticket_is_not_touched_without_the_right_or_by_a_link(office, ticket):
    reader = clerk("orderhub.view_ticket")
    for act in ("take", "note", "close"):
        assert office.get(reverse(f"admin:ticket_{act}", args=[ticket.pk])).status_code == 405
        assert (
            reader.post(
                reverse(f"admin:ticket_{act}", args=[ticket.pk]), {"text": "x", "resolution": "x"}
            ).status_code
            == 403
        )
    ticket.refresh_from_db()
    assert (ticket.state, ticket.first_response_at, Note.objects.count()) == ("open", None, 0)


# modules, front page, sidebar


def test_that_a_module_is_switched_and_the_first_triangle_is_not(office):
    address = reverse("admin:modules")
    office.post(address, {"code": "tracking", "on": "0"})
    assert not modules.enabled("tracking")
    office.post(address, {"code": "tracking", "on": "1"})
    assert modules.enabled("tracking")
    answer = office.post(address, {"code": "stock", "on": "0"}, follow=True)
    assert "不能开关" in shown(answer)
    assert modules.enabled("stock")
    assert (
        clerk("orderhub.view_moduleswitch").post(address, {"code": "tracking", "on": "0"}).status_code == 403
    )
    assert modules.enabled("tracking")


def test_that_every_module_says_what_it_does():
    from orderhub.admin.modules import WHAT

    assert set(WHAT) == {module.code for module in modules.MODULES}
