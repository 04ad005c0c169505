"""Webhooks: signed as the standard says, once an event, tried again, switched off, and never to a private address."""

from __future__ import annotations

import base64
import datetime as dt
import hmac
import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import httpx
import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from orderhub.actors import CLOCK
from orderhub.models import Message, Ticket
from orderhub.outbox import sending as outbox
from orderhub.webhooks import addresses, attempts, sending, signing
from orderhub.webhooks.models import Attempt, Endpoint
from orders.models import Order
from orders.operations import holds, telling
from orders.tests import aftersale_cast as cast

pytestmark = pytest.mark.django_db


class Receiver:
    """Somebody else's server: answers `status`, keeps what came."""

    def __init__(self) -> None:
        self.status, self.got = 204, []  # type: int, list[tuple[dict[str, str], bytes]]
        outer = self

        class Answering(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.got.append(({k.lower(): v for k, v in self.headers.items()}, body))
                self.send_response(outer.status)
                self.send_header("Content-Length", "0")
                self.send_header("Location", "http://127.0.0.1:1/")
                self.send_header("Set-Cookie", "theirs=1; Path=/")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                return

        self.server = HTTPServer(("127.0.0.1", 0), Answering)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook?a=1"


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    settings.WEBHOOK_PRIVATE = ["127.0.0.1"]
    made = Receiver()
    thread = threading.Thread(target=made.server.serve_forever, daemon=True)
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


def endpoint(url: str, **columns: Any) -> tuple[Endpoint, str]:
    secret = signing.new_secret()
    return Endpoint.objects.create(name="ERP", url=url, secret_enc=signing.seal(secret), **columns), secret


def happen(order: Order, kind: str = "risk") -> None:
    holds.open_holds([order.pk], kind, "odd", CLOCK)


def due() -> None:
    Message.objects.filter(state="new").update(next_try_at=timezone.now() - dt.timedelta(seconds=1))


def verified(secret: str, headers: dict[str, str], body: bytes) -> bool:
    """As the standard's own text says it: any of the space-separated v1 signatures over id.timestamp.body."""
    said = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    right = base64.b64encode(hmac.digest(key, said, "sha256")).decode()
    return f"v1,{right}" in headers["webhook-signature"].split(" ")


def test_that_the_signature_is_the_standards_own_example() -> None:
    secret, body = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b'{"test": 2432232314}'
    got = signing.signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert got == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_that_an_event_is_told_once_signed_and_without_the_receiver(receiver: Receiver) -> None:
    order, (_row, secret) = cast.order("paid"), endpoint(receiver.url)
    telling.feed()
    happen(order)
    assert telling.feed() == 1 and telling.feed() == 0
    outbox.drain(sending.KIND)
    ((headers, body),) = receiver.got
    assert verified(secret, headers, body) and not verified(signing.new_secret(), headers, body)
    told = json.loads(body)
    assert told["type"] == "order.hold_opened" and told["data"]["number"] == order.number
    assert (
        order.receiver.phone_mask not in body.decode()
        and Message.objects.get(kind=sending.KIND).state == "done"
    )


def test_that_an_endpoint_gets_the_events_and_shops_that_it_chose(receiver: Receiver) -> None:
    endpoint(receiver.url, shops=["far"])
    endpoint(receiver.url, events=["sign"])
    wants, _secret = endpoint(receiver.url, shops=["own"], events=["hold_opened"])
    telling.feed()
    happen(cast.order("paid"))
    telling.feed()
    assert list(Message.objects.values_list("subject_id", flat=True)) == [wants.pk]


def test_that_a_failed_delivery_comes_again_under_the_same_id_and_body(receiver: Receiver) -> None:
    row, _secret = endpoint(receiver.url)
    telling.feed()
    happen(cast.order("paid"))
    telling.feed()
    receiver.status = 503
    outbox.drain(sending.KIND)
    row.refresh_from_db()
    assert row.failures == 1 and Message.objects.get().next_try_at > timezone.now()
    receiver.status = 200
    due()
    outbox.drain(sending.KIND)
    (first, one), (second, two) = receiver.got
    assert first["webhook-id"] == second["webhook-id"] and one == two
    row.refresh_from_db()
    assert row.failures == 0 and row.failing_since is None


def test_that_the_tries_reach_over_a_day() -> None:
    waits = [outbox.wait_before(n) for n in range(1, outbox.KINDS[sending.KIND].max_attempts)]
    assert dt.timedelta(hours=23) < sum(waits, dt.timedelta()) < dt.timedelta(hours=26)


@pytest.mark.parametrize(("status", "failures"), [(500, 30), (410, 0)])
def test_that_what_fails_for_a_day_is_switched_off_and_replayed_later(
    status: int, failures: int, receiver: Receiver
) -> None:
    row, _secret = endpoint(
        receiver.url, failures=failures, failing_since=timezone.now() - dt.timedelta(hours=25) if failures else None
    )  # fmt: skip
    telling.feed()
    happen(cast.order("paid"))
    telling.feed()
    receiver.status = status
    outbox.drain(sending.KIND)
    row.refresh_from_db()
    assert not row.enabled and row.off_why and Ticket.objects.get(kind="webhook_off").role == "operations"
    assert Message.objects.get().state == "needs_person"
    receiver.status = 200
    client = Client()
    client.force_login(User.objects.create_superuser("boss", password="x"))
    page = client.get(f"/admin/orderhub/endpoint/{row.pk}/change/")
    assert page.status_code == 200 and "order.hold_opened" in page.content.decode()
    Endpoint.objects.filter(pk=row.pk).update(enabled=True, failures=0, failing_since=None)
    assert client.post(f"/admin/webhooks/{row.pk}/replay/").status_code == 302
    outbox.drain(sending.KIND)
    assert Message.objects.get(kind=sending.KIND).state == "done" and len(receiver.got) == 2


def test_that_every_try_is_a_row_of_the_log_and_a_replay_keeps_them(receiver: Receiver) -> None:
    row, _secret = endpoint(receiver.url)
    telling.feed()
    for _ in range(3):
        happen(cast.order("paid"))
    assert telling.feed() == 3
    receiver.status = 503
    with CaptureQueriesContext(connection) as queries:
        outbox.drain(sending.KIND)
    assert sum('"orderhub_attempt"' in q["sql"] for q in queries) == 2
    receiver.status = 204
    due()
    outbox.drain(sending.KIND)
    message = Message.objects.filter(kind=sending.KIND).latest("id")
    assert sending.replay([message.pk]) == 1
    receiver.server.server_close()  # nobody is there
    outbox.drain(sending.KIND)
    first, second, third = Attempt.objects.filter(message_id=message.pk).order_by("number")
    assert (first.number, first.status) == (1, 503) and "503" in first.error
    assert (second.number, second.status, second.error) == (2, 204, "")
    assert (third.number, third.status) == (3, None) and "Error" in third.error
    assert first.at < second.at < third.at and all(one.latency_ms < 10_000 for one in (first, second, third))
    assert Attempt.objects.filter(endpoint=row).count() == 7
    client = Client()
    client.force_login(User.objects.create_superuser("boss", password="x"))
    page = client.get(f"/admin/orderhub/endpoint/{row.pk}/change/").content.decode()
    assert page.count('<td class="oh-num">503</td>') == 3 and third.error in page
    assert "oh-scroll" in page and str(message.pk) in page


def test_that_a_private_address_is_a_try_without_an_answer(receiver: Receiver, settings: Any) -> None:
    endpoint(receiver.url.replace("http:", "https:"))
    settings.WEBHOOK_PRIVATE = []
    telling.feed()
    happen(cast.order("paid"))
    telling.feed()
    outbox.drain(sending.KIND)
    made = Attempt.objects.get()
    assert made.status is None and made.number == 1 and made.error and not receiver.got


def test_that_old_tries_are_forgotten_by_batch(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    row, _secret = endpoint(receiver.url)
    now = timezone.now()
    ages = [dt.timedelta(days=days) for days in (1, 29, 31, 40, 50, 60, 70)]
    Attempt.objects.bulk_create(
        Attempt(endpoint=row, message_id=n, number=1, at=now - age, status=200, latency_ms=5)
        for n, age in enumerate(ages)
    )
    monkeypatch.setattr(attempts, "BATCH", 2)
    assert attempts.prune() == 5 and attempts.prune() == 0
    assert sorted(Attempt.objects.values_list("message_id", flat=True)) == [0, 1]


def test_that_a_batch_has_one_client_and_a_connection_of_its_own_for_each_name(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    """Two names at one address: what was opened and checked for one is not used for the other."""
    names = ["one.example.com", "two.example.com"]
    settings.WEBHOOK_PRIVATE, port = names, receiver.server.server_port
    real = socket.getaddrinfo

    def here(host: Any, *rest: Any, **named: Any) -> Any:
        if host in names:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]
        return real(host, *rest, **named)

    made: list[httpx.Client] = []
    plain = httpx.Client

    def counted(**named: Any) -> httpx.Client:
        made.append(plain(**named))
        return made[-1]

    monkeypatch.setattr(socket, "getaddrinfo", here)
    monkeypatch.setattr(httpx, "Client", counted)
    handler: Any = receiver.server.RequestHandlerClass
    monkeypatch.setattr(handler, "protocol_version", "HTTP/1.1")
    monkeypatch.setattr(handler, "timeout", 1)
    opened: list[Any] = []
    monkeypatch.setattr(receiver.server, "verify_request", lambda *what: opened.append(what) or True)
    for name in names:
        endpoint(f"http://{name}:{port}/")
    telling.feed()
    for _ in range(3):
        happen(cast.order("paid"))
    assert telling.feed() == 6
    answers = sending.send(list(Message.objects.filter(kind=sending.KIND)))
    assert {answer.outcome for answer in answers.values()} == {"done"}
    assert len(receiver.got) == 6 and len(made) == 1 and made[0].is_closed
    assert {heads["host"] for heads, _body in receiver.got} == {f"{name}:{port}" for name in names}
    assert len(opened) == 6 and not any("cookie" in heads for heads, _body in receiver.got)


def test_that_a_redirect_is_no_delivery_and_is_not_followed(receiver: Receiver) -> None:
    endpoint(receiver.url)
    telling.feed()
    happen(cast.order("paid"))
    telling.feed()
    receiver.status = 302
    outbox.drain(sending.KIND)
    assert "302" in Message.objects.get().error and len(receiver.got) == 1


def test_that_both_secrets_sign_after_a_rotation(receiver: Receiver) -> None:
    row, old = endpoint(receiver.url)
    client = Client()
    client.force_login(User.objects.create_superuser("boss", password="x"))
    shown = client.post(f"/admin/webhooks/{row.pk}/secret/")
    new = shown.content.decode().split("whsec_")[1].split("<")[0].strip()
    row.refresh_from_db()
    assert old.encode() not in bytes(row.before_enc) and "no-store" in shown["Cache-Control"]
    headers = signing.headers(row, "msg_1", 1, b"{}")
    assert verified(old, headers, b"{}") and verified(new.replace("&#x2B;", "+"), headers, b"{}")
    row.before_until = timezone.now()
    assert not verified(old, signing.headers(row, "msg_1", 1, b"{}"), b"{}")


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "192.168.0.1", "172.16.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
     "::1", "fe80::1%eth0", "fd00::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "::", "240.0.0.1"],
)  # fmt: skip
def test_that_a_name_with_any_private_address_is_refused(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [(0, 0, 0, "", (ip, 443)) for ip in ("8.8.8.8", address)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_a, **_k: rows)
    with pytest.raises(addresses.Refused):
        addresses.pinned("https://hooks.example.com/x")


def test_that_the_checked_address_is_the_one_that_is_called(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    """The name means something else at the second look-up (rebinding): there is none."""
    settings.WEBHOOK_PRIVATE = ["hooks.example.com"]
    asked: list[str] = []
    port = receiver.server.server_port
    real = socket.getaddrinfo

    def changing(host: Any, *rest: Any, **named: Any) -> Any:
        if host not in ("hooks.example.com", b"hooks.example.com"):
            return real(host, *rest, **named)
        asked.append(host)
        ip = "127.0.0.1" if len(asked) == 1 else "127.0.0.99"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port))]

    monkeypatch.setattr(socket, "getaddrinfo", changing)
    endpoint(f"http://hooks.example.com:{port}/")
    telling.feed()
    happen(cast.order("paid"))
    telling.feed()
    outbox.drain(sending.KIND)
    ((headers, _body),) = receiver.got
    assert asked == ["hooks.example.com"] and headers["host"] == f"hooks.example.com:{port}"


@pytest.mark.parametrize(
    "url", ["ftp://a.b/", "http://a.b/", "https://u:p@a.b/", "https://", "https://a.b:99999/", "x"]
)
def test_that_only_https_addresses_are_taken(url: str) -> None:
    with pytest.raises(addresses.Refused):
        addresses.parts(url)
