"""Going everywhere: every address of the site with real rows in it, what its pages link to, and what that did.

The database says whether a row was written, also one that was taken back; Python says whether a connection was opened.
"""

from __future__ import annotations

import collections
import html
import re
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

from django.apps import apps
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

#: Tables that a GET may write, and why.
HOUSEKEEPING = {
    "orderhub_callcount": "the API's limits count calls in the database, so that all workers count alike"
}
#: What is asked to write: who took which file is written down before the first byte.
LOGGED = re.compile(r"/admin/(exports/\d+/file|imports/\w+/export)/(\?form=\w+)?"), "django_admin_log"
#: What opens a way out, as Python reports it to whoever audits.
OUTWARD = {"socket.connect", "socket.getaddrinfo", "socket.sendto", "subprocess.Popen", "os.system"}
_heard: list[tuple[str, str]] = []
_listening = [False, False]  # now, and at all


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    if _listening[0] and event in OUTWARD:
        _heard.append((event, str(arguments[1:] or arguments)))


def written() -> dict[str, int]:
    """Rows written in this transaction so far, by table, as PostgreSQL counts them (also those taken back)."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT relname, n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_xact_user_tables
               WHERE n_tup_ins + n_tup_upd + n_tup_del > 0"""
        )
        return dict(cursor.fetchall())


class Visit:
    """Somebody going about: `seen` are answers by address, `faults` what was written or called, or said of
    `secrets`. `most`: so many addresses that differ in their question only are opened of one page.
    """

    def __init__(
        self, client: Client, heads: dict[str, str], secrets: tuple[str, ...] = (), most: int = 12
    ) -> None:
        listen()
        self.client, self.heads, self.secrets, self.most = client, heads, secrets, most
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
        text = body.decode("utf-8", "replace")
        told = [secret for secret in self.secrets if secret in text.replace(address, "")]
        if told:
            self.faults.append((address, told))
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
        return text if answer.get("Content-Type", "").startswith("text/html") else ""

    def go(self, addresses: list[str]) -> None:
        """Open these, and what they link to, each page with at most a few of its questions."""
        waiting, asked = collections.deque(addresses), collections.Counter[Any]()
        met = set(waiting)
        while waiting:
            at = waiting.popleft()
            for link in links(self.open(at), at):
                split = urlsplit(link)
                kind = (split.path, *sorted(name for name, _value in parse_qsl(split.query)))
                if link in met or asked[split.path] >= self.most or asked[kind] >= 2:
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
    "saved_id": ("orders.SavedReport", "pk"), "plain_id": ("orders.PlainRequest", "pk"),
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
    "language": "zh-hans",
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


def listen() -> None:
    """Hear every connection that Python opens from now on (the database's own client is none of Python's)."""
    if not _listening[1]:
        sys.addaudithook(_hear)
        _listening[1] = True
