"""The way out: what broken, slow, huge and odd answers mean, and that every call leaves a clean row."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from orderhub.integrations import http
from orderhub.integrations.clients.kuaidi100 import Kuaidi100
from orderhub.integrations.clients.qimen import Qimen
from orderhub.integrations.clients.taobao import Taobao, refusal
from orderhub.integrations.errors import KINDS, Forged, PlatformError
from orderhub.integrations.models import Call, Connection
from orderhub.integrations.registry import CLIENTS, client

Reply = Callable[[BaseHTTPRequestHandler], None]
pytestmark = pytest.mark.django_db


@contextmanager
def answering(reply: Reply) -> Iterator[str]:
    """A local server whose every answer is made by `reply`."""

    class Wire(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.body = self.rfile.read(int(self.headers.get("content-length") or 0))
            reply(self)

        do_GET = do_POST

        def log_message(self, *args: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Wire)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def says(body: bytes, status: int = 200, **headers: str) -> Reply:
    def reply(wire: BaseHTTPRequestHandler) -> None:
        wire.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            wire.send_header(name.replace("_", "-"), value)
        wire.end_headers()
        wire.wfile.write(body)

    return reply


def shop(url: str, platform: str = "taobao") -> Connection:
    made = Connection(
        platform=platform, name="x", code=f"x-{time.monotonic_ns()}", base_url=url, app_key="key"
    )
    made.set_secrets({"app_secret": "very-secret-value"})
    made.set_token({"access_token": "very-secret-token"})
    made.save()
    return made


def kinds(reply: Reply) -> tuple[str, str]:
    """(kind of a call that reads, kind of a call that may change something)."""
    with answering(reply) as url:
        taobao = Taobao(shop(url))
        found = []
        for effect in (False, True):
            with pytest.raises(PlatformError) as error:
                taobao.call("taobao.any.thing", effect=effect)
            found.append(error.value.kind)
    return found[0], found[1]


def drop(wire: BaseHTTPRequestHandler) -> None:
    wire.close_connection = True
    wire.connection.shutdown(socket.SHUT_RDWR)


def half(wire: BaseHTTPRequestHandler) -> None:
    says(b'{"any_thing_response":{', Content_Length="4000")(wire)
    drop(wire)


@pytest.mark.parametrize(
    "reply",
    [drop, half, says(b""), says(b"<html><body>down</body></html>"), says(b'{"any_thing_response":{"a":'),
     says(b"[]"), says(b'{"other":{}}'), says(b'{"any_thing_response":[]}'), says(b"\xff\xfe\x00"), says(b"NaN"),
     says(b"[" * 5000), says(b'{"any_thing_response":{"a":NaN}}'), says(b"oops", 500), says(b"oops", 503)],
)  # fmt: skip
def test_that_no_clear_answer_is_unknown_for_writes_and_retried_for_reads(reply: Reply) -> None:
    assert kinds(reply) == ("retry", "unknown")


def test_that_unreachable_and_misaddressed_platforms_are_told_apart() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(PlatformError) as closed:
        Taobao(shop(f"http://127.0.0.1:{port}")).call("taobao.any.thing", effect=True)
    assert closed.value.kind == "retry"
    with pytest.raises(PlatformError) as odd:
        Taobao(shop("gopher://nowhere")).call("taobao.any.thing", effect=True)
    assert odd.value.kind == "configuration"
    assert kinds(says(b"<html>no</html>", 404)) == ("configuration", "configuration")
    assert kinds(says(b"", 302, Location="http://127.0.0.1:1/")) == ("configuration", "configuration")


def test_that_slowing_down_is_obeyed() -> None:
    with answering(says(b"{}", 429, Retry_After="17")) as url, pytest.raises(PlatformError) as slow:
        Taobao(shop(url)).call("taobao.any.thing", effect=True)
    assert (slow.value.kind, slow.value.retry_after) == ("retry", 17.0)


def test_that_a_silent_platform_is_left_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    left = threading.Event()

    def silent(wire: BaseHTTPRequestHandler) -> None:
        left.wait(60)

    with answering(silent) as url:
        request = http.Outgoing("POST", url, b"x", read_seconds=0.3)
        for effect, kind in ((True, "unknown"), (False, "retry")):
            started = time.monotonic()
            with pytest.raises(PlatformError) as late:
                http.send(shop(url), "any", request, effect=effect)
            assert late.value.kind == kind and late.value.code == "timeout"
            assert time.monotonic() - started < 30
        left.set()


def test_that_a_dripping_platform_is_left_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "WHOLE_SECONDS", 0.4)

    def drip(wire: BaseHTTPRequestHandler) -> None:
        wire.send_response(200)
        wire.send_header("Content-Length", "100")
        wire.end_headers()
        for _byte in range(20):
            wire.wfile.write(b" ")
            time.sleep(0.1)

    assert kinds(drip) == ("retry", "unknown")


def test_that_a_huge_answer_is_not_taken_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "MAX_BYTES", 1000)
    assert kinds(says(b'{"any_thing_response":{"a":"' + b"x" * 2000 + b'"}}')) == ("retry", "unknown")


def test_that_nobody_calls_out_inside_a_transaction() -> None:
    with answering(says(b"{}")) as url:
        taobao = Taobao(shop(url))
        with transaction.atomic(), pytest.raises(RuntimeError, match="transaction"):
            taobao.call("taobao.any.thing")


def test_that_each_call_leaves_a_row_with_its_outcome() -> None:
    with answering(says(b'{"any_thing_response":{"receiver_mobile":"13812345678","ok":1}}')) as url:
        taobao = Taobao(shop(url))
        taobao.call("taobao.any.thing", buyer_message="call me 13812345678", tid="123")
    row = Call.objects.get()
    assert (row.outcome, row.method, row.connection_id) == ("ok", "taobao.any.thing", taobao.connection.pk)
    assert "tid=123" in row.request and '"ok":1' in row.response
    for hidden in ("13812345678", "very-secret-value", "very-secret-token"):
        assert hidden not in row.request + row.response
    answer = {"error_response": {"code": 40, "msg": "no", "sub_code": "isv.x", "sub_msg": "ask 13812345678"}}
    with answering(says(json.dumps(answer).encode())) as url, pytest.raises(PlatformError):
        Taobao(shop(url)).call("taobao.any.thing")
    row = Call.objects.get(outcome="business")
    assert (row.outcome, row.code, row.message) == ("business", "isv.x", "ask ***")


def test_that_a_row_that_cannot_be_written_does_not_cost_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*args: Any, **more: Any) -> None:
        raise DatabaseError("no space")

    monkeypatch.setattr(Call.objects, "bulk_create", refuses)
    with answering(says(b'{"any_thing_response":{"ok":1}}')) as url:
        assert Taobao(shop(url)).call("taobao.any.thing") == {"ok": 1}


def test_that_sessions_of_one_connection_never_ride_with_another() -> None:
    seen: list[str] = []

    def cookie(wire: BaseHTTPRequestHandler) -> None:
        seen.append(wire.headers.get("cookie") or "")
        says(b'{"any_thing_response":{}}', Set_Cookie="session=first; path=/")(wire)

    with answering(cookie) as url:
        for _turn in range(3):
            Taobao(shop(url)).call("taobao.any.thing")
    assert seen == ["", "", ""]


def test_that_a_switched_off_connection_stays_silent() -> None:
    with answering(says(b"{}")) as url:
        off = shop(url)
        off.state = "disabled"
        with pytest.raises(PlatformError) as refused:
            Taobao(off).call("taobao.any.thing")
    assert refused.value.kind == "configuration" and not Call.objects.exists()


@pytest.mark.parametrize(
    ("error", "reads", "writes"),
    [
        ({"code": 7, "sub_code": "accesscontrol.limited-by-app-access-count"}, "retry", "retry"),
        ({"code": 27, "sub_code": "invalid-sessionkey"}, "reauthorise", "reauthorise"),
        ({"code": 26}, "reauthorise", "reauthorise"),
        ({"code": 25, "sub_code": "isv.invalid-signature"}, "configuration", "configuration"),
        ({"code": 31}, "configuration", "configuration"),
        ({"code": 15, "sub_code": "isv.trade-not-exist"}, "business", "business"),
        ({"code": 15, "sub_code": "isp.service-error"}, "retry", "unknown"),
        ({"code": 50, "sub_code": "isp.remote-error"}, "retry", "unknown"),
        ({"code": 10}, "retry", "retry"),
        ({"code": 999}, "business", "unknown"),
        ({}, "business", "unknown"),
        ({"code": "x" * 5000}, "business", "unknown"),
    ],
)
def test_that_taobao_errors_have_their_kind(error: dict[str, Any], reads: str, writes: str) -> None:
    assert (refusal(error, effect=False).kind, refusal(error, effect=True).kind) == (reads, writes)


def test_that_an_unknown_kind_of_error_cannot_be_made() -> None:
    import pickle

    with pytest.raises(ValueError):
        PlatformError("maybe", "x", "y")  # type: ignore[arg-type]
    again = pickle.loads(pickle.dumps(PlatformError("retry", "x", "y", 3.0)))
    assert (again.kind, again.code, again.message, again.retry_after) == ("retry", "x", "y", 3.0)
    assert len(KINDS) == 5


def test_that_every_platform_has_its_client() -> None:
    for platform in CLIENTS:
        assert client(Connection(platform=platform)).connection.platform == platform
    assert dict(Connection._meta.get_field("platform").choices).keys() == CLIENTS.keys()
    with pytest.raises(LookupError):
        client(Connection(platform="telegraph"))


def test_that_secrets_and_tokens_are_sealed_in_the_database() -> None:
    made = shop("http://127.0.0.1")
    stored = Connection.objects.get(pk=made.pk)
    assert stored.secrets == {"app_secret": "very-secret-value"}
    assert b"very-secret" not in bytes(stored.secrets_enc) + bytes(stored.token_enc)
    assert Connection(platform="zto").secrets == {} == Connection(platform="zto").token


def test_that_a_forged_confirmation_is_refused_and_a_right_one_read() -> None:
    from orderhub.integrations import signing
    from orderhub.integrations.jsontext import Unreadable

    made = shop("http://127.0.0.1", "qimen")
    made.options = {"customerId": "C1"}
    qimen = Qimen(made)
    body = (b'<?xml version="1.0" encoding="utf-8"?><request><deliveryOrder><deliveryOrderCode>S1</deliveryOrderCode>'
            b"</deliveryOrder><packages><package><expressCode>78</expressCode></package></packages></request>")  # fmt: skip
    query = {
        "method": "taobao.qimen.deliveryorder.confirm",
        "customerId": "C1",
        "timestamp": "2026-01-02 03:04:05",
    }
    signed = {**query, "sign": signing.qimen("very-secret-value", query, body)}
    told = qimen.parse_confirm(signed, body)
    assert told["method"] == "deliveryorder.confirm"
    assert told["packages"] == [{"expressCode": "78"}]
    for wrong_query, wrong_body in (
        ({**signed, "sign": "0" * 32}, body), (query, body), (signed, body + b" "), ({**signed, "v": "2.0"}, body),
    ):  # fmt: skip
        with pytest.raises(Forged):
            qimen.parse_confirm(wrong_query, wrong_body)
    other = {**query, "customerId": "C2"}
    with pytest.raises(Forged):
        qimen.parse_confirm({**other, "sign": signing.qimen("very-secret-value", other, body)}, body)
    bomb = b'<!DOCTYPE r [<!ENTITY a "aaaa">]><request><x>&a;</x></request>'
    with pytest.raises(Unreadable):
        qimen.parse_confirm({**query, "sign": signing.qimen("very-secret-value", query, bomb)}, bomb)
    assert b"<flag>success</flag>" in qimen.answer(True)


def test_that_kuaidi100_callbacks_are_verified_over_their_exact_text() -> None:
    param, sign = '{"status":"polling"}', "e3b0c44298fc1c149afbf4c8996fb924"
    from orderhub.integrations.signing import kuaidi100_callback

    right = kuaidi100_callback(param, "salt")
    assert Kuaidi100.verify_callback(param, right.lower(), "salt")
    assert not Kuaidi100.verify_callback(param + " ", right, "salt")
    assert not Kuaidi100.verify_callback(param, sign, "salt")
    assert not Kuaidi100.verify_callback(param, "", "salt")
