"""A sandbox on a free port for a test, and plain HTTP to it; every signature in these tests is made by the test itself."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

from orderhub.sandbox.server import Sandbox, Server
from orderhub.sandbox.world import World


class Served:
    def __init__(self, world: World, server: Server) -> None:
        self.world, self.url, self.platforms = world, server.url, server.sandbox.platforms
        self.http = httpx.Client(base_url=server.url, trust_env=False, verify=False, timeout=30)

    def effects(self, kind: str, key: str | None = None) -> list[dict[str, Any]]:
        """The effects (not the repetitions) that reached the sandbox."""
        rows = self.world.ledger.find(kind, key) if key is not None else self.world.ledger.all(kind)
        return [row for row in rows if row["effect"]]

    def control(self, path: str, **body: Any) -> Any:
        return self.http.post(f"/_sandbox/{path}", json=body).json()


@contextmanager
def served(*platforms: str, seed: int = 7, orders: int = 200, **options: Any) -> Iterator[Served]:
    server = Server(Sandbox(World(seed, orders, 15, **options), list(platforms))).run_in_thread()
    made = Served(server.sandbox.world, server)
    try:
        yield made
    finally:
        made.http.close()
        server.stop()


class Listener:
    """A product's ear: keeps what was posted and answers as told."""

    def __init__(self, answers: list[bytes]) -> None:
        self.heard: list[tuple[str, dict[str, str], bytes]] = []
        ear = self

        class Ear(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                ear.heard.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                answer = answers.pop(0) if len(answers) > 1 else answers[0]
                self.send_response(200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: Any) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Ear)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
