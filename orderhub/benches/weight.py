"""What pages weigh over the wire on a first visit, with nothing kept by the browser, and whether they ask anybody else.

Chromium opens each page of a running site in a fresh profile; bytes are those that came over the network, compressed as
they came, headers included. The rule canvas is apart: it is a program of its own. Needs playwright (a test requirement).
"""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit

from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from orderhub.benches.board import addresses
from orderhub.drills.site import site
from orderhub.launch.checks import browser
from orderhub.management.seeding import Filled, filled
from orderhub.rules import seeding

GOAL = 500.0


def run(*, long: bool) -> dict[str, Any]:
    """20,000 orders; `long` is 1,000,000."""
    return measure(filled(1_000_000 if long else 20_000))


def pages_of(house: Filled) -> dict[str, str]:
    """{page: its address}."""
    chosen = addresses(house)
    names = {
        "review": "address_review",
        "reports": "reports",
        "sync": "sync_health",
        "tickets": "orderhub_ticket_changelist",
    }
    same = ("front_page", "list", "order_page", "board", "waterfall")
    return {
        "sign_in": reverse("admin:login"), **{name: chosen[name] for name in same},
        **{name: reverse(f"admin:{address}") for name, address in names.items()}, "phone": reverse("phone"),
    }  # fmt: skip


def measure(house: Filled) -> dict[str, Any]:
    """Kilobytes (1,000) of each page's first visit; RuntimeError without playwright or a browser."""
    from playwright.sync_api import sync_playwright

    seeding.seed()
    call_command("collectstatic", interactive=False, verbosity=0)
    people = get_user_model().objects
    user = people.filter(username="board-bench").first() or people.create_superuser("board-bench", "", "x")
    client = Client()
    client.force_login(user)
    cookie = next(morsel for morsel in client.cookies.values() if morsel.value)
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    shown: dict[str, dict[str, Any]] = {}
    with site() as url, sync_playwright() as play:
        started = play.chromium.launch(args=["--no-sandbox"], executable_path=browser())
        for name, address in pages_of(house).items():
            context = started.new_context(viewport={"width": 1440, "height": 900}, service_workers="block")
            if name != "sign_in":
                context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": url}])
            shown[name] = _visit(context, url + address)
            context.close()
        started.close()
    worst = max(shown, key=lambda name: shown[name]["kb"])
    outside = sorted({host for page in shown.values() for host in page["outside"]})
    return {
        "ok": shown[worst]["kb"] <= GOAL and not outside, "value": shown[worst]["kb"], "unit": "kB of the heaviest first visit",
        "worst": worst, "outside": outside, "pages": shown,
    }  # fmt: skip


def _visit(context: Any, address: str) -> dict[str, Any]:
    """One page until its network is quiet."""
    page = context.new_page()
    wire = context.new_cdp_session(page)
    asked: dict[str, tuple[str, str]] = {}
    weighed: dict[str, float] = {}
    wire.on(
        "Network.responseReceived",
        lambda said: asked.__setitem__(said["requestId"], (said["response"]["url"], said["type"])),
    )
    wire.on(
        "Network.loadingFinished",
        lambda said: weighed.__setitem__(said["requestId"], said["encodedDataLength"]),
    )
    wire.send("Network.enable")
    answer = page.goto(address, wait_until="networkidle")
    if answer is None or answer.status != 200:
        raise RuntimeError(f"{address} answered {answer and answer.status}")
    kinds: dict[str, float] = {}
    for request, size in weighed.items():
        kind = asked.get(request, ("", "Other"))[1].lower()
        kinds[kind] = round(kinds.get(kind, 0) + size / 1000, 1)
    own = urlsplit(address).netloc
    hosts = {
        urlsplit(found).netloc for found, _kind in asked.values() if not found.startswith(("data:", "blob:"))
    }
    return {
        "kb": round(sum(weighed.values()) / 1000, 1), "requests": len(weighed), "of": kinds, "outside": sorted(hosts - {own}),
    }  # fmt: skip
