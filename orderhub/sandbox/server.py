"""The HTTP side: a threaded keep-alive server on 127.0.0.1 that mounts the platforms and applies the faults."""

from __future__ import annotations

import argparse
import json
import signal
import socket
import sys
import threading
import time
import traceback
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

from orderhub.sandbox.control import Control
from orderhub.sandbox.faults import Plan
from orderhub.sandbox.frame import Answer, Platform, Request, parse_form
from orderhub.sandbox.ledger import Ledger
from orderhub.sandbox.platforms import PLATFORMS, MissingPlatform, resolve
from orderhub.sandbox.world import World

FORM = "application/x-www-form-urlencoded"


class Drop(Exception):
    """Close the connection without an answer."""


class Sandbox:
    """World, platforms and control behind one ``answer``; the tests may call it without a socket."""

    def __init__(self, world: World, platforms: list[str] | None = None) -> None:
        """Without a list every platform whose module exists is mounted; a listed one must exist."""
        self.world = world
        self.platforms: dict[str, Platform] = {}
        self.missing: dict[str, str] = {}
        for name in platforms or PLATFORMS:
            try:
                self.platforms[name] = resolve(name)(world)
            except MissingPlatform as error:
                if platforms:
                    raise
                self.missing[name] = str(error)
        self.control = Control(world, self.platforms, self.missing)

    def answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Answer:
        """The whole way of one request: mount point, faults before, platform, faults after."""
        parts = urlsplit(target)
        path = unquote(parts.path)
        root = next((name for name, platform in self.platforms.items() if path in platform.roots), None)
        prefix, _, rest = (f"{root}{path}" if root else path.lstrip("/")).partition("/")
        form = {}
        if headers.get("content-type", "").startswith(FORM):
            form = parse_form(body.decode("utf-8", "replace"))
        request = Request(method, "/" + rest, parse_form(parts.query), headers, body, form, self.world.now())
        if prefix == "_sandbox":
            return self.control.handle(request)
        platform = self.platforms.get(prefix)
        if platform is None:
            said = self.missing.get(prefix) or f"no platform is mounted at /{prefix}; there are " + ", ".join(
                self.platforms
            )
            return Answer(501 if prefix in self.missing else 404, {"error": said})
        return self._platform(platform, request)

    def _platform(self, platform: Platform, request: Request) -> Answer:
        key = platform.fault_key(request)
        plan = self.world.faults.plan(platform.prefix, key)
        if "slow" in plan:
            time.sleep(plan.seconds("slow", 3.0))
        early = self._before(platform, request, key, plan)
        if early is not None:
            return early
        if "skew" in plan:
            request = Request(
                **{**vars(request), "now": request.now + timedelta(seconds=plan.seconds("skew", 900))}
            )
        answer = platform.handle(request)
        if "lost_answer" in plan:
            raise Drop
        if "500_after" in plan:
            return Answer(
                502, "<html><body><h1>502 Bad Gateway</h1></body></html>", "text/html; charset=utf-8"
            )
        if "half_json" in plan:
            whole = answer.encoded()
            return Answer(
                answer.status, whole[: max(1, len(whole) // 2)], answer.content_type, answer.headers
            )
        return answer

    def _before(self, platform: Platform, request: Request, key: str, plan: Plan) -> Answer | None:
        if "500_before" in plan:
            return Answer(500, {"error": "internal error"})
        if "html" in plan:
            return Answer(
                200,
                "<!DOCTYPE html><html><head><title>系统维护</title></head>"
                "<body>系统维护中，请稍后再试</body></html>",
                "text/html; charset=utf-8",
            )
        over = not self.world.quota.take(platform.prefix, platform.app_of(request), key)
        if over or "quota" in plan:
            return platform.quota_answer(request)
        if "expire_token" in plan:
            said = platform.expire_token(request)
            if said is not None:
                return said
        if "deny" in plan:
            return platform.deny_answer(request)
        return None


class Wire(BaseHTTPRequestHandler):
    """One connection; keep-alive, chunked bodies, one write per answer."""

    protocol_version = "HTTP/1.1"
    server_version = "Sandbox/1"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize = 64 * 1024
    timeout = 120
    sandbox: Sandbox

    def _serve(self) -> None:
        body = self._body()
        try:
            answer = self.sandbox.answer(
                self.command, self.path, {name.lower(): value for name, value in self.headers.items()}, body
            )
        except Drop:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        except Exception as error:  # noqa: BLE001 - a fault of the sandbox itself must be seen, not hang the caller
            traceback.print_exc()
            answer = Answer(500, {"error": f"{type(error).__name__}: {error}"})
        data = answer.encoded()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(data)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)
        self.wfile.flush()

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _serve

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            parts = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet: the ledger and the counts say what happened."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 256

    def __init__(self, sandbox: Sandbox, port: int = 0) -> None:
        self.sandbox = sandbox
        super().__init__(("127.0.0.1", port), type("BoundWire", (Wire,), {"sandbox": sandbox}))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news; anything else is shown."""
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            traceback.print_exc()

    def run_in_thread(self) -> Server:
        """For tests: serve in the background; ``stop`` ends it."""
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def stop(self) -> None:
        self.shutdown()
        self.server_close()
        self.sandbox.world.pushes.stop()
        self.sandbox.world.ledger.close()


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="sandbox", description="Plays the outside world on 127.0.0.1.")
    add_arguments(made)
    return made


def add_arguments(made: argparse.ArgumentParser) -> None:
    made.add_argument("--port", type=int, default=8900, help="0 takes a free one and prints it")
    made.add_argument("--ledger", default=":memory:", help="sqlite file of what the sandbox received")
    made.add_argument("--seed", type=int, default=1)
    made.add_argument("--orders", type=int, default=1200)
    made.add_argument("--mix", default="", help="parts of the orders: taobao=40,own_shop=20,douyin=40")
    made.add_argument("--days", type=int, default=15, help="days of back-dated history")
    made.add_argument("--target", default="", help="base URL of the product, for callbacks")
    made.add_argument("--platforms", default="", help="comma list; default: all that exist")
    made.add_argument("--no-scenarios", action="store_true", help="only ordinary orders, for drills")


def run(options: dict[str, Any]) -> int:
    """Serve until SIGTERM or SIGINT."""
    world = World(
        options["seed"],
        options["orders"],
        options["days"],
        ledger=Ledger(options["ledger"]),
        target=options["target"],
        scenarios=not options["no_scenarios"],
        mix=options["mix"],
    )
    wanted = [name for name in options["platforms"].split(",") if name]
    try:
        server = Server(Sandbox(world, wanted or None), options["port"])
    except MissingPlatform as error:
        sys.stderr.write(f"sandbox: {error}\n")
        return 2
    except OSError as error:
        sys.stderr.write(f"sandbox: port {options['port']} cannot be used: {error}\n")
        return 2

    def end(number: int, frame: Any) -> None:
        threading.Thread(target=server.shutdown, daemon=True).start()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    started = {
        "sandbox": server.url,
        "orders": len(world.orders),
        "platforms": sorted(server.sandbox.platforms),
        "missing": sorted(server.sandbox.missing),
    }
    sys.stdout.write(json.dumps(started) + "\n")
    sys.stdout.flush()
    server.serve_forever(poll_interval=0.2)
    server.server_close()
    world.pushes.stop()
    world.ledger.close()
    return 0


def main(argv: list[str] | None = None) -> int:
    return run(vars(parser().parse_args(argv)))


if __name__ == "__main__":
    raise SystemExit(main())
