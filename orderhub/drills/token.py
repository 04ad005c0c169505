"""The shop's token expires at every page of a pull while a second process uses it too: one refresh each time.

The sandbox counts the refreshes; then come the quota's ban and a clock that is fifteen minutes off.
"""

from __future__ import annotations

import datetime as dt
import tempfile
from pathlib import Path
from typing import Any

from django.utils import timezone

from orderhub.drills import workers
from orderhub.drills.cast import Cast, sandbox_trades, set_up
from orderhub.inbound import processing
from orderhub.integrations.registry import client
from orderhub.models import Connection
from orderhub.testing.sandbox import RunningSandbox, running_sandbox
from orders.models import Order, Shop
from orders.operations import pull
from orders.providers.taobao import Taobao

LIST = "taobao.trades.sold.increment.get"
PAGE = 20


def run(*, long: bool) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        size = 1200 if long else 240
        with running_sandbox(
            path, seed=5, orders=size, days=1, no_scenarios=True, platforms="taobao"
        ) as sandbox:
            cast = set_up(sandbox.url)
            truth = sandbox_trades(path / "sandbox.sqlite3")
            rounds: list[dict[str, Any]] = []
            while not rounds or rounds[-1]["expired"]:  # until the pull has fewer calls than that
                rounds.append(_round(sandbox, cast, len(rounds)))
            sandbox.clear_faults()
            trouble = _trouble(sandbox, cast)
    processing.process("order")
    lost = len(set(truth) - set(Order.objects.values_list("channel_number", flat=True)))
    doubled = Order.objects.count() - len(truth) + lost
    expired, refreshed = sum(row["expired"] for row in rounds), sum(row["refreshed"] for row in rounds)
    one_each = all(row["expired"] == row["refreshed"] for row in rounds)
    return {
        "ok": one_each and expired == len(rounds) - 1 > len(truth) // PAGE and not lost and not doubled
        and all(trouble.values()) and all(row["pulled"] for row in rounds),
        "call_indexes": expired, "expired": expired, "refreshes": refreshed,
        "refreshes_each": [row["refreshed"] for row in rounds],
        "calls_of_the_second_process": sum(row["calls"] for row in rounds),
        "orders": len(truth), "lost": lost, "doubled": doubled, **trouble,
    }  # fmt: skip


def _round(sandbox: RunningSandbox, cast: Cast, after: int) -> dict[str, Any]:
    """A pull of everything whose `after`-th list call finds the token expired, beside a process that only reads."""
    before = _refreshes(sandbox)
    sandbox.clear_faults()
    sandbox.fault("expire_token", "taobao", LIST, after=after, times=1)
    Shop.objects.filter(id=cast.taobao.id).update(
        pulled_until=timezone.now() - dt.timedelta(days=2), window_until=None, window_page=None
    )
    number = Order.objects.filter(shop=cast.taobao).values_list("channel_number", flat=True).first()
    pulled, calls = workers.together(
        _either, [("pull", cast.taobao.id, ""), ("read", cast.taobao.id, number or "")]
    )
    shop = Shop.objects.get(id=cast.taobao.id)
    processing.process("order")
    done = sandbox.counts()["faults"].get("taobao.expire_token", 0)
    return {
        "expired": done, "refreshed": _refreshes(sandbox) - before, "calls": calls if isinstance(calls, int) else 0,
        "pulled": not isinstance(pulled, str) and not isinstance(calls, str) and not shop.last_error,
    }  # fmt: skip


def _either(what: str, shop_id: int, number: str) -> int:
    if what == "pull":
        Taobao.page_size = PAGE
        return pull.pull(shop_id)
    connection = Shop.objects.select_related("connection").get(id=shop_id).connection
    speaker, calls = client(connection), 0
    end = timezone.now() + dt.timedelta(seconds=30)
    while timezone.now() < end:
        speaker.call("taobao.logistics.companies.get", fields="id,code,name")
        calls += 1
        if number:
            speaker.fullinfo(number)
            calls += 1
        if calls > 4 and not Shop.objects.filter(id=shop_id, pull_lease_until__isnull=False).exists():
            break
    return calls


def _refreshes(sandbox: RunningSandbox) -> int:
    calls = sandbox.counts()["calls"]
    return int(calls.get("taobao.token", 0)) + int(calls.get("taobao.taobao.top.auth.token.refresh", 0))


def _trouble(sandbox: RunningSandbox, cast: Cast) -> dict[str, bool]:
    """A ban of the quota and a wrong clock stop this pull, say so on the shop, and the next pull goes on."""
    said: dict[str, bool] = {}
    for kind, more in (("quota", {"times": 3}), ("skew", {"seconds": 900, "times": 3})):
        sandbox.clear_faults()
        sandbox.fault(kind, "taobao", LIST, **more)
        Shop.objects.filter(id=cast.taobao.id).update(pulled_until=timezone.now() - dt.timedelta(hours=2))
        pull.pull(cast.taobao.id)
        told = bool(Shop.objects.get(id=cast.taobao.id).last_error)
        sandbox.clear_faults()
        pull.pull(cast.taobao.id)
        shop = Shop.objects.get(id=cast.taobao.id)
        state = Connection.objects.get(id=shop.connection_id).state
        said[f"{kind}_told_and_over"] = told and not shop.last_error and state == "ok"
    return said
