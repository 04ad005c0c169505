"""The measurement of the API: what it asks for is there, and a server that falls behind can't hide it."""

from __future__ import annotations

import random
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from orderhub.benches import api
from orders.tests import aftersale_cast as cast
from orders.tests.api_cast import bearer, call, make_world, person  # noqa: F401  a fixture


@pytest.mark.django_db
def test_that_every_kind_of_call_is_answered(world: dict[str, Any]) -> None:
    numbers = [cast.order("paid", warehouse=cast.warehouse()).number for _ in range(3)]
    calls = api.plan(numbers, random.Random(1), 36)
    kinds = [kind for kind, _path in calls]
    assert kinds.count("detail") == 24 and len(set(kinds)) == 8
    heads = bearer(person("operations"))
    for _kind, path in calls:
        assert call("GET", path.removeprefix("/api/v1/"), heads).status_code == 200


def test_that_waiting_for_a_slow_server_counts() -> None:
    class Slow(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            time.sleep(0.05)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Slow)  # one call at a time: 20 a second of the 200 that are asked
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    took = api.asked(f"http://127.0.0.1:{server.server_port}", [("detail", "/", {})] * 20, 200.0)
    server.shutdown()
    server.server_close()
    assert all(status == 200 for _kind, _ms, status in took)
    assert max(ms for _kind, ms, _status in took) > 800
