"""Detached children: started in a session of their own, recorded by pid and start time, ended exactly.

Decision: a pid alone never identifies a process. A record holds the kernel's start time (and boot) as well,
and only a process that matches both is ever signalled: a reused pid or someone else's process is safe.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from orderhub.launch.places import LOG, ROOT, RUN, Stop, say

PROC = Path("/proc")
#: Kept, so that Python does not take them for forgotten ones.
DETACHED: list[subprocess.Popen[bytes]] = []


def identity(pid: int) -> str:
    """What tells this process from any other that has or will have its pid; empty when dead (or a zombie)."""
    if PROC.joinpath("self/stat").exists():
        try:
            fields = PROC.joinpath(str(pid), "stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            return ""
        if fields[0] in "ZX":
            return ""
        boot = PROC / "sys/kernel/random/boot_id"
        return f"{boot.read_text().strip() if boot.exists() else 'boot'}:{fields[19]}"
    answer = subprocess.run(["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True)
    state, _, started = answer.stdout.strip().partition(" ")
    return "" if not state or state.startswith("Z") else started.strip()


@dataclass
class Child:
    """One started process, as recorded in var/run/<name>.json."""

    name: str
    pid: int
    started: str
    port: int = 0

    @property
    def alive(self) -> bool:
        """Whether the very process that was started is still running."""
        return bool(self.started) and identity(self.pid) == self.started

    @property
    def record(self) -> Path:
        """The file that remembers it."""
        return RUN / f"{self.name}.json"

    @property
    def log(self) -> Path:
        """The file that its output goes to."""
        return LOG / f"{self.name}.log"


def recorded(name: str) -> Child | None:
    """The child remembered under this name, alive or not."""
    try:
        return Child(**json.loads((RUN / f"{name}.json").read_text()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError):
        say(f"the record var/run/{name}.json is damaged and is not used")
        return None


def detach(command: list[str], log: Path, **options: Any) -> subprocess.Popen[bytes]:
    """Start a process that outlives the launcher: its own session, no input, its output in a log."""
    with log.open("ab") as out, open(os.devnull, "rb") as nothing:
        outside: dict[str, Any] = {"stdin": nothing, "stdout": out, "stderr": subprocess.STDOUT}
        process = subprocess.Popen(command, start_new_session=True, **outside, **options)
    DETACHED.append(process)
    return process


def start(name: str, command: list[str], env: dict[str, str], port: int = 0) -> Child:
    """Start a detached child with its output in var/log/<name>.log."""
    log = LOG / f"{name}.log"
    if log.exists():
        log.replace(log.with_suffix(".log.before"))
    process = detach(command, log, cwd=ROOT, env=env)
    child = Child(name, process.pid, identity(process.pid), port)
    child.record.write_text(json.dumps(asdict(child)))
    return child


def end(child: Child, patience: float = 20) -> bool:
    """End a recorded child, politely first, then what is left of its group; False when it was gone."""
    alive = child.alive
    if alive:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child.pid, signal.SIGTERM)
        deadline = time.monotonic() + patience
        while child.alive and time.monotonic() < deadline:
            reap()
            time.sleep(0.05)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
        while child.alive:
            reap()
            time.sleep(0.05)
    child.record.unlink(missing_ok=True)
    return alive


def reap() -> None:
    """Collect those of our own children that have ended, so that they do not stay zombies."""
    for process in DETACHED:
        process.poll()


def tail(path: Path, lines: int = 25) -> str:
    """The end of a log, for a message."""
    try:
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
    except FileNotFoundError:
        return "(no log)"


def wait_for_http(child: Child, url: str, patience: float = 60) -> None:
    """Wait until the child answers HTTP (any status below 500), or stop with the end of its log."""
    deadline = time.monotonic() + patience
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while time.monotonic() < deadline:
        reap()
        if not child.alive:
            break
        if _answers(opener, url):
            return
        time.sleep(0.15)
    state = "did not answer" if child.alive else "ended"
    raise Stop(f"{child.name} {state} ({url}). The end of {child.log}:\n{tail(child.log)}")


def _answers(opener: urllib.request.OpenerDirector, url: str) -> bool:
    """Whether anything but a failure comes back."""
    try:
        with opener.open(url, timeout=10):
            return True
    except urllib.error.HTTPError as answer:
        return answer.code < 500
    except (OSError, ValueError):
        return False  # not listening yet


def port_is_free(port: int) -> bool:
    """Whether a port of the loopback address can be taken now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port(wished: int, first: int = 0) -> int:
    """The wished port when it is free, else the next free one (from `first` on when no port is wished)."""
    for port in [wished] if wished else []:
        if port_is_free(port):
            return port
    start_at = wished + 1 if wished else first
    for port in range(start_at, start_at + 2000):
        if port < 65536 and port_is_free(port):
            return port
    raise Stop(f"no free port from {start_at} on")
