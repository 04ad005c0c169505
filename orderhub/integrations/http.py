"""The one way out: every request to a platform goes through `call`, with timeouts, a size cap and a Call row.

What a lost or broken answer means depends on the request alone: where it may have changed something the
outcome is "unknown", where it only read something it is "retry". No request leaves inside a database
transaction (locks would wait for a foreign server), the token refresh under its row lock excepted.
"""

from __future__ import annotations

import contextvars
import email.utils
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TypeVar

import httpx
from django.db import DatabaseError, connections, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from orderhub.integrations import turns
from orderhub.integrations.errors import Kind, PlatformError
from orderhub.integrations.jsontext import Unreadable, loads
from orderhub.integrations.models import Call, Connection
from orderhub.integrations.redact import redacted

T = TypeVar("T")
log = logging.getLogger(__name__)

CONNECT_SECONDS = 3.0
READ_SECONDS = 15.0
#: A server that drips a byte a second keeps no worker longer than this.
WHOLE_SECONDS = 60.0
MAX_BYTES = 10 * 1024 * 1024


@dataclass(frozen=True)
class Outgoing:
    """A request whose body bytes are exactly those that were signed."""

    method: str
    url: str
    content: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    read_seconds: float = READ_SECONDS
    #: What the Call row shows as the request; the body where this is empty.
    shown: str = ""


_pool: dict[int, httpx.Client] = {}
_pool_lock = threading.Lock()
_sink: contextvars.ContextVar[list[Call] | None] = contextvars.ContextVar("calls", default=None)
_under_lock: contextvars.ContextVar[bool] = contextvars.ContextVar("under_lock", default=False)


def client() -> httpx.Client:
    """This process's HTTP client (a forked worker never shares its parent's sockets). Local addresses skip proxies."""
    pid = os.getpid()
    with _pool_lock:
        if pid not in _pool:
            _pool.clear()
            _pool[pid] = httpx.Client(
                timeout=httpx.Timeout(CONNECT_SECONDS, read=READ_SECONDS, write=10.0, pool=5.0),
                limits=httpx.Limits(max_connections=50, max_keepalive_connections=20, keepalive_expiry=10.0),
                follow_redirects=False,
                # No jar: the session of one connection must never ride along with another's request.
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
                headers={"User-Agent": "OrderHub"},
                mounts={"all://127.0.0.1": None, "all://localhost": None},
            )
        return _pool[pid]


def send(connection: Connection, label: str, request: Outgoing, *, effect: bool) -> httpx.Response:
    """The whole answer (status below 500, under 10 MB) of one request; PlatformError otherwise.

    `effect`: whether the request may change anything at the platform.
    """
    return call(connection, label, request, effect=effect, read=lambda response: response)


def call(
    connection: Connection,
    label: str,
    request: Outgoing,
    *,
    effect: bool,
    read: Callable[[httpx.Response], T],
) -> T:
    """One request, its answer read by `read` (which raises PlatformError), and its Call row with the outcome.

    Held where its budget or breaker keeps it back (`turns`): then nothing left, and there is no row.
    """
    if _in_transaction() and not _under_lock.get():
        raise RuntimeError("a platform was called inside a database transaction")
    if connection.pk is not None:
        _share_counts()
    turns.take(connection, label)
    started, clock = timezone.now(), time.monotonic()
    response: httpx.Response | None = None
    error: PlatformError | None = None
    try:
        response = _exchange(request, effect)
        return read(response)
    except PlatformError as caught:
        error = caught
        raise
    except Unreadable as caught:
        error = unreadable(effect)
        raise error from caught
    except Exception as caught:
        # An answer of a shape nobody foresaw: the platform has spoken, we did not understand.
        error = unreadable(effect)
        log.exception("%s %s: the answer could not be read", connection.platform, label)
        raise error from caught
    finally:
        spent = int((time.monotonic() - clock) * 1000)
        turns.hear(connection, label, error)
        _note(connection, label, request, response, error, started, spent)


def unreadable(effect: bool) -> PlatformError:
    """The error for HTML, half a JSON and other answers that say nothing."""
    kind: Kind = "unknown" if effect else "retry"
    return PlatformError(kind, "unreadable", _("The platform's answer could not be read."))


def json_answer(response: httpx.Response, effect: bool) -> object:
    """The body as JSON (numbers exact); the `unreadable` error for anything else."""
    try:
        return loads(response.content)
    except Unreadable as error:
        raise unreadable(effect) from error


def json_object(response: httpx.Response, effect: bool) -> dict[str, object]:
    """The body as a JSON object; the `unreadable` error for anything else."""
    answer = json_answer(response, effect)
    if not isinstance(answer, dict):
        raise unreadable(effect)
    return answer


@contextmanager
def collecting() -> Iterator[list[Call]]:
    """Call rows made inside are collected instead of written; give them to `write_calls` afterwards."""
    rows: list[Call] = []
    token = _sink.set(rows)
    try:
        yield rows
    finally:
        _sink.reset(token)


@contextmanager
def under_lock() -> Iterator[list[Call]]:
    """Allows requests inside the transaction that holds a connection's row lock; Call rows are collected."""
    token = _under_lock.set(True)
    try:
        with collecting() as rows:
            yield rows
    finally:
        _under_lock.reset(token)


def write_calls(rows: list[Call]) -> None:
    """Writes Call rows; a database that refuses them costs a log line, never the call."""
    if not rows:
        return
    outer = _sink.get()
    if outer is not None:
        outer.extend(rows)
        return
    try:
        if connections["default"].in_atomic_block:
            with transaction.atomic():
                Call.objects.bulk_create(rows)
        else:
            Call.objects.bulk_create(rows)
    except (DatabaseError, ValueError):
        log.exception("%d call rows could not be written", len(rows))
    _share_counts()


def _in_transaction() -> bool:
    """Django's own test for `durable=True`: a test case's wrapping transaction does not count."""
    database = connections["default"]
    blocks = database.atomic_blocks
    return database.in_atomic_block and not (blocks and getattr(blocks[-1], "_from_testcase", False))


def _share_counts() -> None:
    """Threads of a pool, which collect their rows, never touch the database; nor are counters locked for long."""
    if _sink.get() is None and not _in_transaction():
        turns.sync()


def _exchange(request: Outgoing, effect: bool) -> httpx.Response:
    lost: Kind = "unknown" if effect else "retry"
    timeout = httpx.Timeout(CONNECT_SECONDS, read=request.read_seconds, write=10.0, pool=5.0)
    try:
        http = client()
        built = http.build_request(
            request.method,
            request.url,
            content=request.content or None,
            headers=list(request.headers),
            timeout=timeout,
        )
        answer = http.send(built, stream=True)
        try:
            body = _body(answer, lost)
        finally:
            answer.close()
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
        raise PlatformError("retry", "unreachable", _("The platform could not be reached.")) from error
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError) as error:
        raise PlatformError(
            "configuration", "address", _("The connection's address cannot be used.")
        ) from error
    except httpx.TimeoutException as error:
        raise PlatformError(lost, "timeout", _("The platform did not answer in time.")) from error
    except httpx.HTTPError as error:
        raise PlatformError(
            lost, "connection_lost", _("The connection broke before the answer was complete.")
        ) from error
    headers = [
        (name, value)
        for name, value in answer.headers.multi_items()
        if name.lower() not in ("content-encoding", "content-length", "transfer-encoding")
    ]
    whole = httpx.Response(answer.status_code, headers=headers, content=body, request=built)
    _refuse_status(whole, lost)
    return whole


def _body(answer: httpx.Response, lost: Kind) -> bytes:
    parts, size, end = [], 0, time.monotonic() + WHOLE_SECONDS
    for part in answer.iter_bytes():
        size += len(part)
        if size > MAX_BYTES:
            raise PlatformError(lost, "too_large", _("The platform's answer is larger than 10 MB."))
        if time.monotonic() > end:
            raise PlatformError(lost, "timeout", _("The platform did not answer in time."))
        parts.append(part)
    return b"".join(parts)


def _refuse_status(response: httpx.Response, lost: Kind) -> None:
    """5xx may come after the effect; 429 comes before it; a redirect or a missing path is a wrong address."""
    status = response.status_code
    if status >= 500:
        raise PlatformError(
            lost,
            f"http_{status}",
            _("The platform had a fault (HTTP %(status)s).") % {"status": status},
            _retry_after(response),
        )
    if status == 429:
        raise PlatformError(
            "retry", "http_429", _("The platform asks us to slow down."), _retry_after(response) or 60.0
        )
    moved = status in (301, 302, 303, 307, 308)
    absent = status in (404, 405) and "json" not in response.headers.get("content-type", "")
    if moved or absent:
        raise PlatformError(
            "configuration",
            f"http_{status}",
            _("The connection's address is wrong (HTTP %(status)s).") % {"status": status},
        )


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds from a Retry-After header (a number or a date), at most a day."""
    text = response.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(min(int(text[:9]), 86400))
    try:
        moment = email.utils.parsedate_to_datetime(text) if text else None
    except ValueError:
        return None
    if moment is None:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    wait = aware - datetime.now(UTC)
    return max(0.0, min(wait, timedelta(days=1)).total_seconds())


def _note(
    connection: Connection,
    label: str,
    request: Outgoing,
    response: httpx.Response | None,
    error: PlatformError | None,
    started: datetime,
    ms: int,
) -> None:
    try:
        hidden = _hidden(connection)
        row = Call(
            connection_id=connection.pk,
            platform=connection.platform,
            method=label[:120],
            started_at=started,
            ms=ms,
            outcome=error.kind if error else Call.Outcome.OK,
            code=_clean(error.code if error else "", hidden, 100),
            message=_clean(error.message if error else "", hidden, 500),
            request=redacted(request.shown or request.content, hidden),
            response=redacted(response.content, hidden) if response is not None else "",
        )
    except Exception:
        # A note that cannot be made is not a reason to lose the answer that was already received.
        log.exception("the call row of %s %s could not be made", connection.platform, label)
        return
    write_calls([row])


def _hidden(connection: Connection) -> list[str]:
    values = [*connection.secrets.values(), *connection.token.values()]
    return [part for value in values for part in (str(value), *str(value).split(":"))]


def _clean(text: str, hidden: list[str], limit: int) -> str:
    return redacted(text, hidden)[:limit]
