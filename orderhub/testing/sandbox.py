"""The sandbox as tests use it: a process of its own on a free port, asked about its ledger over HTTP."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 60.0


class SandboxFailed(RuntimeError):
    """The sandbox did not start, or refused an order of the test; the text carries what it said."""


@dataclass(frozen=True)
class RunningSandbox:
    """A sandbox that answers at `url`; `url_of("taobao")` is a connection's base address."""

    url: str
    log: Path
    process: subprocess.Popen[bytes]

    def url_of(self, platform: str) -> str:
        return f"{self.url}/{platform}"

    def health(self) -> dict[str, Any]:
        return self._ask("GET", "health")

    def ledger(self, kind: str, key: str | None = None, platform: str | None = None) -> list[dict[str, Any]]:
        """The effects of one kind, oldest first: what really happened."""
        asked = {"kind": kind, "key": key, "platform": platform}
        given = {name: value for name, value in asked.items() if value}
        return self._ask("GET", "ledger", params=given)["entries"]

    def counts(self) -> dict[str, Any]:
        """Effects by kind, calls, faults done and pushes."""
        return self._ask("GET", "counts")

    def scenarios(self) -> dict[str, list[str]]:
        """Order numbers of each marked scenario."""
        return self._ask("GET", "scenarios")

    def fault(self, kind: str, platform: str = "", method: str = "", **more: Any) -> dict[str, Any]:
        """Misbehaviour from now on: kind slow, 500_before, 500_after, lost_answer, duplicate, … (times, seconds)."""
        return self._ask("POST", "faults", {"kind": kind, "platform": platform, "method": method, **more})

    def clear_faults(self) -> None:
        self._ask("POST", "faults", {"clear": True})

    def quota(self, platform: str, app: str, limit: int, seconds: float = 60) -> None:
        self._ask("POST", "quota", {"platform": platform, "app": app, "limit": limit, "seconds": seconds})

    def modify(self, n: int, platform: str = "taobao") -> list[str]:
        """Changes n random orders at the platform; their numbers."""
        return self._ask("POST", "modify", {"n": n, "platform": platform})["changed"]

    def drive(self, what: str, wait: bool = True, **more: Any) -> dict[str, Any]:
        """Makes the sandbox do something by itself (push own-shop orders, expire a token)."""
        state = self._ask("POST", "drive", {"what": what, "wait": wait, **more}, timeout=300.0)
        if state.get("error"):
            raise SandboxFailed(f"drive {what}: {state['error']}")
        return state

    def reset(self) -> None:
        """Forgets faults, quotas and effects; the world of orders stays."""
        self._ask("POST", "reset", {})

    def _ask(
        self,
        method: str,
        what: str,
        body: dict[str, Any] | None = None,
        params: dict[str, str] | None = None,
        timeout: float = 30.0,
    ) -> dict[str, Any]:
        # Plain HTTP on this machine: reading the authorities' certificates for each call would take longer than it.
        with httpx.Client(trust_env=False, verify=False, timeout=timeout) as http:
            answer = http.request(method, f"{self.url}/_sandbox/{what}", json=body, params=params)
        if answer.status_code != 200:
            raise SandboxFailed(f"/_sandbox/{what}: HTTP {answer.status_code} {answer.text[:500]}")
        return answer.json()


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running_sandbox(tmp_path: Path, **options: Any) -> Iterator[RunningSandbox]:
    """A sandbox process until the block ends; options are those of `manage.py sandbox` (seed=7, orders=50, …)."""
    given = {"seed": 7, "orders": 60, "days": 15, "ledger": tmp_path / "sandbox.sqlite3"} | options
    port = free_port()
    command = [sys.executable, str(ROOT / "manage.py"), "sandbox", "--port", str(port)]
    for name, value in given.items():
        command += (
            [f"--{name.replace('_', '-')}"] if value is True else [f"--{name.replace('_', '-')}", str(value)]
        )
    log = tmp_path / "sandbox.log"
    environment = {"DJANGO_SETTINGS_MODULE": "orderhub.settings.test", **os.environ}
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    sandbox = RunningSandbox(f"http://127.0.0.1:{port}", log, process)
    try:
        _wait(sandbox)
        yield sandbox
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def _wait(sandbox: RunningSandbox) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if sandbox.process.poll() is not None:
            break
        try:
            if sandbox.health().get("ok"):
                return
        except (httpx.HTTPError, SandboxFailed):
            time.sleep(0.1)
    said = sandbox.log.read_text("utf-8", "replace")[-2000:]
    raise SandboxFailed(f"the sandbox did not start:\n{said}")
