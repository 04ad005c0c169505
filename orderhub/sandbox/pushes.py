"""What the sandbox sends by itself: queued, sent by a few threads, retried, doubled or reordered by the fault rules."""

from __future__ import annotations

import heapq
import http.client
import itertools
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from orderhub.sandbox.faults import Faults

PUSH_FAULTS = ("duplicate", "out_of_order")


@dataclass(frozen=True)
class Reply:
    """What the product said to a push; status 0 when nothing came back."""

    status: int
    body: bytes = b""
    error: str = ""


def post(
    url: str, body: bytes, headers: dict[str, str], timeout: float = 15.0, method: str = "POST"
) -> Reply:
    """One HTTP request without any retry."""
    parts = urlsplit(url)
    host = parts.hostname or "127.0.0.1"
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        connection = http.client.HTTPSConnection(
            host, parts.port, timeout=timeout, context=ssl.create_default_context()
        )
    else:
        connection = http.client.HTTPConnection(host, parts.port, timeout=timeout)
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return Reply(response.status, response.read())
    except (OSError, http.client.HTTPException) as error:
        return Reply(0, error=f"{type(error).__name__}: {error}")
    finally:
        connection.close()


@dataclass
class Push:
    """One message to the product; ``taken`` says from the reply whether it need not be sent again."""

    platform: str
    method: str
    url: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    taken: Callable[[Reply], bool] = lambda reply: reply.status == 200
    after: Callable[[Reply], None] | None = None
    tries: int = 6
    wait: float = 1.0


class Pushes:
    """A queue with a few sender threads; ``idle`` waits until all is sent or given up."""

    def __init__(self, faults: Faults, threads: int = 2) -> None:
        self._faults = faults
        self._condition = threading.Condition()
        self._queue: list[tuple[float, int, int, Push]] = []
        self._order = itertools.count()
        self._busy = 0
        self._stopped = False
        self._threads_wanted = threads
        self._threads: list[threading.Thread] = []
        self.sent = 0
        self.given_up = 0

    def send(self, push: Push, delay: float = 0.0) -> None:
        """Queue a push; the fault ``duplicate`` sends it twice, ``out_of_order`` later than the next ones."""
        plan = self._faults.plan(push.platform, push.method, only=PUSH_FAULTS)
        if "out_of_order" in plan:
            delay += plan.seconds("out_of_order", 1.5)
        self._put(push, delay, 1)
        if "duplicate" in plan:
            self._put(push, delay + plan.seconds("duplicate", 0.2), 1)

    def idle(self, timeout: float = 30.0) -> bool:
        end = time.monotonic() + timeout
        with self._condition:
            while self._queue or self._busy:
                left = end - time.monotonic()
                if left <= 0:
                    return False
                self._condition.wait(min(left, 0.2))
        return True

    def stop(self) -> None:
        with self._condition:
            self._stopped = True
            self._queue.clear()
            self._condition.notify_all()

    def clear(self) -> None:
        with self._condition:
            self._queue.clear()
            self.sent = self.given_up = 0

    def _put(self, push: Push, delay: float, attempt: int) -> None:
        with self._condition:
            if self._stopped:
                return
            heapq.heappush(self._queue, (time.monotonic() + delay, next(self._order), attempt, push))
            if len(self._threads) < self._threads_wanted:
                thread = threading.Thread(target=self._run, name="sandbox-push", daemon=True)
                self._threads.append(thread)
                thread.start()
            self._condition.notify()

    def _run(self) -> None:
        while True:
            with self._condition:
                while not self._stopped and (not self._queue or self._queue[0][0] > time.monotonic()):
                    self._condition.wait(
                        min(1.0, max(0.0, self._queue[0][0] - time.monotonic())) if self._queue else 1.0
                    )
                if self._stopped:
                    return
                _, _, attempt, push = heapq.heappop(self._queue)
                self._busy += 1
            try:
                reply = post(push.url, push.body, push.headers)
                again = not push.taken(reply)
                if push.after is not None:
                    push.after(reply)
                with self._condition:
                    self.sent += 1
                if again and attempt < push.tries:
                    self._put(push, push.wait * 2 ** (attempt - 1), attempt + 1)
                elif again:
                    with self._condition:
                        self.given_up += 1
            finally:
                with self._condition:
                    self._busy -= 1
                    self._condition.notify_all()
