"""Looking changes nothing: every address that answers GET, opened by a superuser, writes no row and calls nobody.

Where to go comes from the table of addresses (with real rows in them) and from the links of what was opened. The
database says whether a row was written, also one that was taken back; Python says whether a connection was opened.
"""

from __future__ import annotations

import collections
import contextlib
import html
import re
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, clear_url_caches, get_resolver, path

from orderhub import modules, urls
from orderhub.exports import files
from orderhub.jobs.models import Job
from orderhub.tests.every_row import every_row
from orderhub.tests.test_every_dress import world
from orders.models import Order
from orders.operations import exporting
from orders.tests.api_cast import bearer
from routing import fences, known

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

#: Tables that a GET may write, and why.
HOUSEKEEPING = {
    "orderhub_callcount": "the API's limits count calls in the database, so that all workers count alike"
}
#: The one page that is asked to write: who took which file is written down before the first byte.
LOGGED = re.compile(r"/admin/exports/\d+/file/"), "django_admin_log"
#: What opens a way out, as Python reports it to whoever audits.
OUTWARD = {"socket.connect", "socket.getaddrinfo", "socket.sendto", "subprocess.Popen", "os.system"}
#: So many addresses that differ in their question only are opened of one page.
OF_ONE_PAGE = 12

_heard: list[tuple[str, str]] = []
_listening = [False]


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    if _listening[0] and event in OUTWARD:
        _heard.append((event, str(arguments[1:] or arguments)))


@pytest.fixture(scope="module", autouse=True)
def _ears() -> None:
    """Hears every connection that Python opens; the database's own client is none of Python's."""
    sys.addaudithook(_hear)


def written() -> dict[str, int]:
    """Rows written in this transaction so far, by table, as PostgreSQL counts them (also those taken back)."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT relname, n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_xact_user_tables
               WHERE n_tup_ins + n_tup_upd + n_tup_del > 0"""
        )
        return dict(cursor.fetchall())


class Visit:
    """One superuser going about: `seen` are answers by address, `faults` what was written or called."""

    def __init__(self, client: Client, heads: dict[str, str]) -> None:
        self.client, self.heads = client, heads
        self.seen: dict[str, int] = {}
        self.faults: list[tuple[str, Any]] = []

    def open(self, address: str) -> str:
        """The page there, or nothing where it is no page."""
        before = written()
        _heard.clear()
        _listening[0] = True
        try:
            heads = self.heads if address.startswith("/api/") else {}
            answer = self.client.get(address, **heads)
            body = b"".join(answer.streaming_content) if answer.streaming else answer.content
        finally:
            _listening[0] = False
        self.seen[address] = answer.status_code
        if answer.status_code >= 500:
            self.faults.append((address, answer.status_code))
        after = written()
        changed = {table for table, rows in after.items() if rows != before.get(table, 0)} - set(HOUSEKEEPING)
        if LOGGED[0].fullmatch(address):
            changed -= {LOGGED[1]}
        if changed:
            self.faults.append((address, sorted(changed)))
        if _heard:
            self.faults.append((address, list(_heard)))
        if answer.status_code in (301, 302):
            return f'href="{html.escape(answer["Location"])}"'
        return body.decode() if answer.get("Content-Type", "").startswith("text/html") else ""

    def go(self, addresses: list[str]) -> None:
        """Open these, and what they link to, each page with at most a few of its questions."""
        waiting, asked = collections.deque(addresses), collections.Counter[Any]()
        met = set(waiting)
        while waiting:
            at = waiting.popleft()
            for link in links(self.open(at), at):
                split = urlsplit(link)
                kind = (split.path, *sorted(name for name, _value in parse_qsl(split.query)))
                if link in met or asked[split.path] >= OF_ONE_PAGE or asked[kind] >= 2:
                    continue
                asked[kind] += 1
                asked[split.path] += bool(split.query)
                met.add(link)
                waiting.append(link)


def links(page: str, at: str) -> Iterator[str]:
    """Addresses of this site that a page leads to, loads, or sends a question to."""
    for found in re.findall(r'(?:href|hx-get|src|data-url|data-next)="([^"#]+)', page):
        split = urlsplit(urljoin(f"http://testserver{at}", html.unescape(found)))
        if split.netloc == "testserver" and not split.path.startswith("/static/"):
            yield f"{split.path}?{split.query}" if split.query else split.path


def patterns() -> Iterator[tuple[str, URLPattern]]:
    """(address with names in it, pattern) of every address of the site."""

    def walk(some: list[Any], at: str) -> Iterator[tuple[str, URLPattern]]:
        for one in some:
            here = at + str(one.pattern)
            if isinstance(one, URLResolver):
                yield from walk(one.url_patterns, here)
            else:
                yield here, one

    yield from walk(get_resolver().url_patterns, "/")


#: name in an address -> (model, column) whose first row fills it.
ROWS = {
    "order_id": ("orders.Order", "pk"), "number": ("orders.Order", "number"), "line": ("orders.Line", "pk"),
    "parcel_id": ("logistics.Parcel", "pk"), "ticket_id": ("orderhub.Ticket", "pk"), "ticket": ("orderhub.Ticket", "pk"),
    "case_id": ("orders.Case", "pk"), "hold_id": ("orders.Hold", "pk"), "hold": ("orders.Hold", "pk"),
    "item_id": ("routing.AddressReview", "pk"), "item": ("routing.AddressReview", "pk"), "shop_id": ("orders.Shop", "pk"),
    "sku_id": ("inventory.Sku", "pk"), "sku": ("inventory.Sku", "code"), "payload_id": ("orderhub.Payload", "pk"),
    "message_id": ("orderhub.Message", "pk"), "connection_id": ("orderhub.Connection", "pk"),
    "version_id": ("orderhub.Version", "pk"), "word_id": ("orders.ComplaintWord", "pk"),
    "job_id": ("orderhub.Job", "pk"), "endpoint_id": ("orderhub.Endpoint", "pk"),
    "merge_id": ("orders.Merge", "pk"), "entry_id": ("orders.Blacklist", "pk"), "file_id": ("orders.ComplaintFile", "pk"),
    "drift_id": ("inventory.Drift", "pk"), "unknown_id": ("inventory.UnknownCode", "pk"),
    "supplier_id": ("inventory.Supplier", "pk"), "reference": ("inventory.Reservation", "reference"),
    "device": ("orderhub.Device", "pk"),
}  # fmt: skip
#: What the names mean that are of no row.
WORDS = {
    "code": "routing",
    "what": "publish",
    "touch": "cancel",
    "place": "0",
    "claim": "00000000-0000-4000-8000-000000000000",
}


def filled() -> tuple[list[str], set[str]]:
    """(every address of the site with real rows in it, names that no row was found for)."""
    values, lacking = dict(WORDS), set()
    for name, (label, column) in ROWS.items():
        found = apps.get_model(label)._default_manager.order_by("-pk").values_list(column, flat=True).first()
        if found is not None:
            values[name] = str(found)
    forms = {
        f"/admin/{model._meta.app_label}/{model._meta.model_name}/": model._default_manager.order_by(
            "-pk"
        ).first()
        for model in admin.site._registry
    }
    made = []
    for address, pattern in patterns():
        if pattern.name == "logout" or "(?P" in address:
            continue  # leaving ends the visit; the other is any word at all
        for name in pattern.pattern.converters:
            row = next((row for start, row in forms.items() if address.startswith(start)), None)
            value = str(row.pk) if name in ("object_id", "id") and row is not None else values.get(name)
            if value is None:
                lacking.add(name)
            address = re.sub(rf"<(?:\w+:)?{name}>", value or "1", address)
        made.append(address)
    return made, lacking


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
