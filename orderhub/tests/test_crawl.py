"""Looking changes nothing: every address that answers GET, opened by a superuser, writes no row and calls nobody.

Where to go comes from the table of addresses (with real rows in them) and from the links of what was opened.
"""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import clear_url_caches, path

from orderhub import modules, urls
from orderhub.exports import files
from orderhub.jobs.models import Job
from orderhub.tests.crawling import Visit, filled
from orderhub.tests.every_row import every_row
from orderhub.tests.test_every_dress import world
from orders.models import Order
from orders.operations import exporting
from orders.tests.api_cast import bearer
from routing import fences, known

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


@pytest.fixture
def visit(db: None, settings: Any, tmp_path: Path) -> Visit:
    settings.EXPORTS_ROOT = tmp_path
    for each in (modules, fences, known):
        each.forget()
    world()
    boss = User.objects.get(username="boss")
    assert every_row(Order.objects.order_by("pk")[0]) == []
    name = "orders.csv"
    (files.folder() / name).write_bytes(b"\xef\xbb\xbf1\r\n")
    Job.objects.create(
        kind=exporting.KIND, total=1, done=1, state="done", requested_by=boss, params={"query": ""}, result={"name": name}
    )  # fmt: skip
    client = Client(raise_request_exception=False)
    client.force_login(boss)
    return Visit(client, bearer(boss))


def test_that_looking_writes_nothing_and_calls_nobody(visit: Visit) -> None:
    addresses, lacking = filled()
    visit.go(addresses)
    answered = [address for address, status in visit.seen.items() if status == 200]
    assert not visit.faults, "\n".join(map(str, visit.faults))
    assert lacking <= {"content_type_id", "object_id"}, lacking  # of no record, and of lists that hold none
    assert len(visit.seen) > 800 and len(answered) > 600, (len(visit.seen), len(answered))


def _writes(request: HttpRequest) -> HttpResponse:
    Order.objects.update(attempts=3)
    return HttpResponse("")


def _takes_back(request: HttpRequest) -> HttpResponse:
    with contextlib.suppress(ZeroDivisionError), transaction.atomic():
        Order.objects.update(attempts=3)
        raise ZeroDivisionError
    return HttpResponse("")


def _calls(request: HttpRequest) -> HttpResponse:
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", 1), timeout=1)
    return HttpResponse("")


@pytest.mark.parametrize(
    ("view", "told"), [(_writes, "orders_order"), (_takes_back, "orders_order"), (_calls, "socket.connect")]
)
def test_that_a_page_that_writes_or_calls_is_found(
    view: Any, told: str, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(urls, "urlpatterns", [*urls.urlpatterns, path("planted/", view)])
    clear_url_caches()
    assert "/planted/" in filled()[0]
    visit.go(["/planted/"])
    monkeypatch.undo()
    clear_url_caches()
    assert told in str(visit.faults)
