"""The site as it is run for real, for drills and measurements that speak to it over HTTP."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from django.conf import settings

from orderhub.launch.processes import free_port


@contextmanager
def site(application: str = "orderhub.wsgi:application", port: int = 18_890) -> Iterator[str]:
    """The site on this very database, two workers; its address. RuntimeError where it does not answer within a minute."""
    port = free_port(port)
    command = [
        sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port), "--workers", "2",
        "--no-access-log", application,
    ]  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        command, cwd=settings.BASE_DIR, env={**os.environ, "PUBLIC_URL": address},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        _answers(address)
        yield address
    finally:
        process.terminate()
        process.wait(20)


def _answers(address: str) -> None:
    for _ in range(240):
        try:
            httpx.get(f"{address}/admin/login/", timeout=5, trust_env=False)
            return
        except httpx.TransportError:
            time.sleep(0.25)
    raise RuntimeError(f"the site does not answer at {address}")
