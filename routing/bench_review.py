"""Address review under load: twenty reviewers with three seconds of thought each against a real server, then Chromium.

`p95_ms` is what a decision takes at the server, over HTTP, session and CSRF included; `painted_p95_ms` is from the key
press to the next address painted. Chromium is asked only where playwright is installed (a test requirement).
"""

from __future__ import annotations

import os
import random
import re
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
from django.contrib.auth import get_user_model
from django.core.management import call_command

from orderhub.drills.site import site
from orderhub.launch.checks import browser
from routing.bench_review_cast import fill
from routing.models import AddressReview

if TYPE_CHECKING:
    pass

REVIEWERS, THOUGHT = 20, 3.0
PASSWORD = "bench-bench-bench"
SERVER_GOAL, PAINTED_GOAL = 50.0, 100.0


def run(*, long: bool) -> dict[str, Any]:
    """One run; `long` is a minute of it."""
    seconds = 60.0 if long else 20.0
    fill(int(REVIEWERS * (seconds / THOUGHT + 6)) + 80)
    names = [f"reviewer{n}" for n in range(REVIEWERS)]
    for name in names:
        get_user_model().objects.create_superuser(name, "", PASSWORD)
    call_command("collectstatic", interactive=False, verbosity=0)
    with site() as url:
        with ThreadPoolExecutor(REVIEWERS) as pool:
            desks = list(
                pool.map(lambda name: _signed_in(url, name), names)
            )  # hashing passwords is not reviewing
            parts = list(
                pool.map(lambda desk: _review(url, desk[0], desk[1], seconds), zip(desks, names, strict=True))
            )
        painted = _painted(url, names[0], 60 if long else 25)
    took = sorted(ms for part in parts for ms in part["ms"])
    seen = [identity for part in parts for identity in part["decided"]]
    largest = max(size for part in parts for size in part["bytes"])
    p95, painted_p95 = _quantile(took, 0.95), _quantile(sorted(painted), 0.95)
    twice = len(seen) - len(set(seen))
    return {
        "ok": p95 <= SERVER_GOAL and (painted_p95 is None or painted_p95 <= PAINTED_GOAL) and not twice and largest <= 15_000,
        "value": round(p95, 1), "unit": "ms a decision at the server, p95", "p95_ms": round(p95, 1),
        "p50_ms": round(_quantile(took, 0.5), 1), "painted_p95_ms": None if painted_p95 is None else round(painted_p95, 1),
        "painted_p50_ms": None if not painted else round(_quantile(sorted(painted), 0.5), 1), "reviewers": REVIEWERS,
        "decisions": len(took), "twice": twice, "bytes_an_address": largest,
        "left": AddressReview.objects.filter(state="waiting").count(),
    }  # fmt: skip


def _quantile(values: list[float], part: float) -> Any:
    return values[min(len(values) - 1, int(len(values) * part))] if values else None


def _signed_in(url: str, name: str) -> httpx.Client:
    http = httpx.Client(base_url=url, timeout=30, trust_env=False, follow_redirects=True)
    page = http.get("/admin/login/").text
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    form = {
        "username": name,
        "password": PASSWORD,
        "csrfmiddlewaretoken": token.group(1) if token else "",
        "next": "/admin/",
    }
    http.post("/admin/login/", data=form, headers={"Referer": f"{url}/admin/login/"}).raise_for_status()
    return http


def _review(url: str, http: httpx.Client, name: str, seconds: float) -> dict[str, Any]:
    """One reviewer: thinks, decides, gets the next; what each decision took and how large an address is.

    The first decision is not counted: it may be the worker's very first and read its tables.
    """
    headers = {"X-CSRFToken": http.cookies["csrftoken"], "Referer": f"{url}/admin/review/"}
    token, took, decided, sizes = f"{name}{'x' * 12}", [], [], []

    def post(path: str, **body: Any) -> tuple[dict[str, Any], float, int]:
        begun = time.perf_counter()
        answer = http.post(path, json={"token": token, **body}, headers=headers)
        ms = (time.perf_counter() - begun) * 1000
        answer.raise_for_status()
        found = answer.json()
        return found, ms, len(answer.content) // max(1, len(found.get("items", ())))

    first, _ms, size = post("/admin/review/next/", have=[])
    queue = first["items"]
    time.sleep(random.uniform(0, THOUGHT))
    end = time.monotonic() + seconds
    while queue and time.monotonic() < end:
        item = queue.pop(0)
        have = [other["id"] for other in queue]
        choice = {"rank": 1} if item["cards"] else {"keep": True}
        said = {"way": "key", "seconds": 2.0, "have": have, "want": 4 - len(have), **choice}
        told, ms, size = post(f"/admin/review/{item['id']}/decide/", **said)
        decided.append(item["id"])
        if len(decided) > 1:
            took.append(ms)
        sizes.append(size if told["items"] else 0)
        queue = [other for other in queue if other["id"] not in told["twins"]] + told["items"]
        time.sleep(random.uniform(0.5, 1.5) * THOUGHT)
    post("/admin/review/leave/", have=[other["id"] for other in queue])
    http.close()
    return {"ms": took, "decided": decided, "bytes": sizes or [0]}


def _painted(url: str, name: str, presses: int) -> list[float]:
    """Milliseconds from key press to the next address painted, in Chromium; [] without playwright or a browser."""
    chromium = browser()
    if not chromium:
        return []
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return []
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as play:
        started = play.chromium.launch(args=["--no-sandbox"], executable_path=chromium)
        page = started.new_page(viewport={"width": 1440, "height": 900})
        page.goto(f"{url}/admin/login/")
        page.fill("input[name=username]", name)
        page.fill("input[name=password]", PASSWORD)
        page.press("input[name=password]", "Enter")
        page.wait_for_url(f"{url}/admin/")
        page.goto(f"{url}/admin/review/")
        page.locator(".rv-card").first.wait_for()
        for _ in range(presses):
            page.wait_for_timeout(500)
            page.keyboard.press("1")
        page.wait_for_timeout(500)
        found: list[float] = page.evaluate("ReviewDesk.painted")
        started.close()
    return found
