"""The API over many orders: 30 calls a second by people with tokens to the site as it is run for real, two workers.

Calls leave at their times whether or not those before are answered, and what each takes is counted from when it should have
left: a server that falls behind can't hide it. Other work on the same processors shows in the figures: `load` is the machine's
while it was asked, `cpu_ms` what a call takes of the site's own processes. Two of three calls open an order, one asks for a
list of 50: the newest, of a state, of a shop, a page further on, a number, a phone's tail. The floor is the same frame with no
order in it (`/api/v1/me`: token, permission, limit), asked in between. The limits are counted as always.
Every address was asked once before (`first` is what that took to open an order, from the disk where it must be).
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group

from orderhub.api import tokens
from orderhub.api.cursors import cursor
from orderhub.api.models import Device
from orderhub.drills.site import site
from orderhub.management.seeding import filled
from orderhub.roles import sync_roles
from orders.models import Order, Shop

RATE, PEOPLE, SIZE = 30.0, 4, 50
DETAIL_GOAL, LIST_GOAL = 80.0, 150.0
#: Opened orders, and ends of pages and phone tails that are asked for; each is asked once before the figures, which are warm.
DRAWN, POOL = 300, 20


def run(*, long: bool) -> dict[str, Any]:
    """20,000 orders for 20 s; `long` is 1,000,000 for a minute."""
    filled(1_000_000 if long else 20_000)
    sync_roles()
    return measure(60 if long else 20)


def measure(seconds: int, seed: int = 7) -> dict[str, Any]:
    """Ask the site on this database, whatever is in it, for so many seconds."""
    chance, orders = random.Random(seed), Order.objects.order_by("-id")[0].pk
    drawn = list(
        Order.objects.filter(id__in=[chance.randint(1, orders) for _ in range(DRAWN)]).values_list(
            "number", flat=True
        )
    )
    calls = plan(drawn, chance, round(RATE * seconds))
    heads = [{"Authorization": f"Bearer {access}"} for access in _people(chance)]
    with site() as url:
        signed = [(kind, path, heads[n % PEOPLE]) for n, (kind, path) in enumerate(calls)]
        rate = len(calls) / seconds
        first = asked(url, list({path: call for call in signed if (path := call[1])}.values()), rate)
        time.sleep(1)
        before = _processor(url)
        took = asked(url, signed, rate)
        spent = _processor(url) - before
    shown = {
        kind: _figures([row for row in took if row[0] == kind])
        for kind in dict.fromkeys(row[0] for row in took)
    }
    details = _figures([row for row in took if row[0] == "detail"])
    lists = _figures([row for row in took if row[0] not in ("detail", "floor")])
    floor = _figures([row for row in took if row[0] == "floor"])
    wrong = sum(status != 200 for _kind, _ms, status in took)
    return {
        "ok": details["p95_ms"] <= DETAIL_GOAL and lists["p95_ms"] <= LIST_GOAL and not wrong,
        "value": details["p95_ms"], "unit": "ms to open an order, p95", "p95_ms": details["p95_ms"],
        "list_p95_ms": lists["p95_ms"], "detail": details, "list": lists, "kinds": shown, "calls": len(took), "wrong": wrong,
        "calls_a_second": RATE, "seconds_asked": seconds, "orders": Order.objects.count(), "workers": 2,
        "floor": floor,
        "first": _figures([row for row in first if row[0] == "detail"]), "ratio": round(details["p50_ms"] / floor["p50_ms"], 2),
        "list_ratio": round(lists["p50_ms"] / floor["p50_ms"], 2),
        "cpu_ms": round(1000 * spent / len(took), 1), "load": round(os.getloadavg()[0], 1),
    }  # fmt: skip


def plan(numbers: Sequence[str], chance: random.Random, count: int) -> list[tuple[str, str]]:
    """[(kind, path)]: two of three open an order, the third is a list; a sixth call, the floor, goes in between."""
    shops = list(Shop.objects.values_list("code", flat=True))
    ends = list(Order.objects.filter(number__in=numbers[:POOL]).values_list("ordered_at", "id"))
    tails = [f"{chance.randint(0, 9999):04}" for _n in range(POOL)]
    lists = {
        "list": lambda: "",
        "list of a state": lambda: f"&state={chance.choice(('paid', 'routed', 'shipped', 'closed'))}",
        "list of a shop": lambda: f"&shop={chance.choice(shops)}",
        "page further on": lambda: "&cursor={}".format(
            cursor("orders", (end := chance.choice(ends))[0].isoformat(), end[1])
        ),
        "number": lambda: f"&q={chance.choice(numbers[:POOL])}",
        "phone tail": lambda: f"&q={chance.choice(tails)}",
    }
    kinds = list(lists)
    made: list[tuple[str, str]] = []
    for n in range(count):
        if n % 3 < 2:
            made.append(("detail", f"/api/v1/orders/{numbers[(n - n // 3) % len(numbers)]}"))
        else:
            kind = kinds[n // 3 % len(kinds)]
            made.append((kind, f"/api/v1/orders?limit={SIZE}{lists[kind]()}"))
        if n % 5 == 4:
            made.append(("floor", "/api/v1/me"))
    return made


def _people(chance: random.Random) -> list[str]:
    """Access tokens of people who may see every order."""
    made = []
    for _n in range(PEOPLE):
        name = f"api-bench-{chance.getrandbits(32):08x}-{time.time_ns()}"
        user = get_user_model().objects.create_user(name, "", None, is_staff=True)
        user.groups.add(Group.objects.get(name="operations"))
        device = Device.objects.create(user=user, name="bench", stamp=user.get_session_auth_hash())
        made.append(tokens.pair(device)[0])
    return made


def asked(
    url: str, calls: Sequence[tuple[str, str, dict[str, str]]], rate: float
) -> list[tuple[str, float, int]]:
    """[(kind, ms since it should have left, status)] of calls that leave `rate` a second."""
    limits = httpx.Limits(max_connections=64, max_keepalive_connections=64)
    with (
        httpx.Client(base_url=url, timeout=60, trust_env=False, limits=limits) as http,
        ThreadPoolExecutor(64) as pool,
    ):
        begun = time.perf_counter() + 0.2

        def one(n: int) -> tuple[str, float, int]:
            kind, path, heads = calls[n]
            leaves = begun + n / rate
            time.sleep(max(0.0, leaves - time.perf_counter()))
            status = http.get(path, headers=heads).status_code
            return kind, 1000 * (time.perf_counter() - leaves), status

        return list(pool.map(one, range(len(calls))))


def _processor(url: str) -> float:
    """Seconds of processor that the site's own processes have taken (not the database's); Linux."""
    port, spent = url.rsplit(":", 1)[1].encode(), 0
    for place in Path("/proc").glob("[0-9]*"):
        try:
            words = (place / "cmdline").read_bytes().split(b"\0")
            if b"granian" in words and port in words:
                fields = (place / "stat").read_text().rpartition(")")[2].split()
                spent += int(fields[11]) + int(fields[12])
        except OSError:
            continue  # it ended meanwhile
    return spent / os.sysconf("SC_CLK_TCK")


def _figures(rows: Sequence[tuple[str, float, int]]) -> dict[str, Any]:
    took = sorted(ms for _kind, ms, _status in rows)
    at = {f"p{part}_ms": round(took[min(len(took) - 1, len(took) * part // 100)], 1) for part in (50, 95, 99)}
    return {"calls": len(took), **at}
