"""What an order costs in a full house against a young one: the chain's own work, from stored payloads to routed orders.

Two databases, in turns: the one in use with 1,000,000 orders, and one beside it with 10,000. A round is a process of its
own; its price is the CPU of the process and of its database backend, which other work on the machine disturbs least.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from statistics import median
from typing import Any

from django.apps import apps
from django.db import connection

from orderhub.benches import chain
from orderhub.dotted import resolve
from orderhub.drills.cast import Cast, forget
from orderhub.integrations.models import Connection
from orderhub.launch import databases, house
from orderhub.launch.places import ROOT
from orderhub.management.seeding import filled
from orderhub.rules import seeding

ROUNDS = 5
YOUNG = 10_000
GOAL = 1.15
ROUND = """
import json, logging, sys, django
django.setup()
logging.disable(logging.CRITICAL)
from orderhub.benches import grow
print(json.dumps(grow.one_round(int(sys.argv[1]), int(sys.argv[2]))))
"""


def run(*, long: bool) -> dict[str, Any]:
    """100,000 orders against 10,000; `long` is 1,000,000."""
    stored, orders = (1_000_000, 2000) if long else (100_000, 1000)
    if resolve("orders.models.Order").objects.count() < stored:  # type: ignore[attr-defined]
        filled(stored)
    full = _address()
    young = databases.with_database(full, databases.name_of(full).removesuffix("_bench") + "_young_bench")
    _prepare_young(young)
    prices: dict[str, list[float]] = {"young": [], "full": []}
    for n in range(ROUNDS):
        for name, url in (("young", young), ("full", full)):
            prices[name].append(_round(url, 1000 + n, orders))
    cost = {name: round(median(values), 3) for name, values in prices.items()}
    ratio = round(cost["full"] / cost["young"], 3)
    return {
        "ok": ratio <= GOAL, "value": ratio, "unit": f"times the CPU of an order at {YOUNG} stored orders", "ratio": ratio,
        "cpu_ms": cost, "rounds": {name: [round(value, 3) for value in values] for name, values in prices.items()},
        "stored": {"young": YOUNG, "full": stored}, "orders_a_round": orders,
    }  # fmt: skip


def one_round(seed: int, orders: int) -> float:
    """CPU milliseconds an order, in this process's database; RuntimeError where orders were left behind."""
    seeding.seed()
    codes, last, routing = chain.stretch()
    if routing and not apps.get_model("routing", "Outlet").objects.exists():
        chain.lay_routes()
    with connection.cursor() as cursor:  # shelves are filled up for the round
        cursor.execute("UPDATE inventory_stock SET on_hand = on_hand + 100000")
    forget()
    feed = chain.Feed(_cast())
    feed.seed = seed * 10
    chain._work(codes, feed.store(100), 0, 1)
    proofs = feed.store(orders)
    order: Any = resolve("orders.models.Order")
    newest = order.objects.order_by("-id").values_list("id", flat=True)[0]
    _start, _end, cpu = chain._timed(codes, proofs, 0, 1)
    through = order.objects.filter(id__gt=newest, state=last).count()
    if through < orders:
        raise RuntimeError(f"{orders - through} of {orders} orders did not come to {last}")
    return 1000 * cpu / orders


def _cast() -> Cast:
    """The shops that filling made."""
    shops = list(resolve("orders.models.Shop").objects.order_by("id"))  # type: ignore[attr-defined]
    own = next(shop for shop in shops if shop.channel == "own_shop")
    markets = {shop.channel: shop for shop in shops if shop is not own}
    accounts = {one.platform: one for one in Connection.objects.order_by("id")}
    return Cast(markets, own, {}, {}, accounts)


def _address() -> str:
    here = connection.settings_dict
    return f"postgresql://{here['USER']}:{here['PASSWORD']}@{here['HOST']}:{here['PORT']}/{here['NAME']}"


def _prepare_young(url: str) -> None:
    env = {**os.environ, "DATABASE_URL": url}
    command = [sys.executable, "-m", "orderhub.launch.databases", "renew", url, databases.broker_url(url)]
    subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
    house.manage(env, "migrate", "--noinput", "-v", "0", quiet=True)
    house.manage(env, "seed", "--orders", str(YOUNG), "--json", quiet=True)


def _round(url: str, seed: int, orders: int) -> float:
    command = [sys.executable, "-c", ROUND, str(seed), str(orders)]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": url, "NUDGE": "0"},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "a round failed")
    return float(json.loads(done.stdout.splitlines()[-1]))
