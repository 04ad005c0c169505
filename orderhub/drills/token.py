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
from orderhub.drills.cast import Cast, set_up
from orderhub.drills.connectors import CONNECTORS, Connector
from orderhub.inbound import processing
from orderhub.integrations import turns
from orderhub.integrations.models import Breaker, Budget, Connection
from orderhub.integrations.registry import client
from orderhub.testing.sandbox import RunningSandbox, running_sandbox
from orders.models import Order, Shop
from orders.operations import pull
from orders.providers import channel_of

PAGE = 20


def run(*, long: bool) -> dict[str, Any]:
    cast = set_up()
    done = {connector.channel: _drill(connector, cast, long) for connector in CONNECTORS}
    summed = (
        "orders",
        "call_indexes",
        "expired",
        "refreshes",
        "calls_of_the_second_process",
        "lost",
        "doubled",
    )
    return {
        "ok": all(row["ok"] for row in done.values()),
        **{name: sum(row[name] for row in done.values()) for name in summed},
        "connectors": done,
    }


def _drill(connector: Connector, cast: Cast, long: bool) -> dict[str, Any]:
    shop = cast.markets[connector.channel]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        options = {"platforms": connector.channel, "mix": connector.mix, "no_scenarios": True}
        with running_sandbox(path, seed=5, orders=700 if long else 110, days=1, **options) as sandbox:
            cast.point(connector.channel, sandbox.url)
            truth = connector.orders(path / "sandbox.sqlite3")
            rounds: list[dict[str, Any]] = []
            while not rounds or rounds[-1]["expired"]:  # until the pull has fewer calls than that
                rounds.append(_round(sandbox, connector, shop, len(rounds)))
            sandbox.clear_faults()
            trouble = _trouble(sandbox, connector, shop)
    processing.process("order")
    ours = Order.objects.filter(shop=shop)
    lost = len(set(truth) - set(ours.values_list("channel_number", flat=True)))
    doubled = ours.count() - len(truth) + lost
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


def _round(sandbox: RunningSandbox, connector: Connector, shop: Shop, after: int) -> dict[str, Any]:
    """A pull of everything whose `after`-th list call finds the token expired, beside a process that only reads."""
    before = _renewals(sandbox, connector)
    sandbox.clear_faults()
    sandbox.fault("expire_token", connector.channel, connector.lists, after=after, times=1)
    Shop.objects.filter(id=shop.id).update(
        pulled_until=timezone.now() - dt.timedelta(days=2), window_until=None, window_rows=None
    )
    number = Order.objects.filter(shop=shop).values_list("channel_number", flat=True).first()
    pulled, calls = workers.together(_either, [("pull", shop.id, ""), ("read", shop.id, number or "0")])
    shop.refresh_from_db()
    processing.process("order")
    done = sandbox.counts()["faults"].get(f"{connector.channel}.expire_token", 0)
    return {
        "expired": done, "refreshed": _renewals(sandbox, connector) - before,
        "calls": calls if isinstance(calls, int) else 0,
        "pulled": not isinstance(pulled, str) and not isinstance(calls, str) and not shop.last_error,
    }  # fmt: skip


def _either(what: str, shop_id: int, number: str) -> int:
    shop = Shop.objects.select_related("connection").get(id=shop_id)
    speaker = channel_of(shop.channel)
    if what == "pull":
        type(speaker).page_size = PAGE
        return pull.pull(shop_id)
    api, calls = client(shop.connection), 0
    end = timezone.now() + dt.timedelta(seconds=30)
    while timezone.now() < end:
        speaker.details(api, [number])
        calls += 1
        if calls > 4 and not Shop.objects.filter(id=shop_id, pull_lease_until__isnull=False).exists():
            break
    return calls


def _renewals(sandbox: RunningSandbox, connector: Connector) -> int:
    calls = sandbox.counts()["calls"]
    return sum(int(calls.get(f"{connector.channel}.{name}", 0)) for name in connector.renewals)


def _trouble(sandbox: RunningSandbox, connector: Connector, shop: Shop) -> dict[str, bool]:
    """A ban of the quota and a wrong clock stop this pull, say so on the shop, and the next pull goes on."""
    said: dict[str, bool] = {}
    for kind, more in (("quota", {"times": 3}), ("skew", {"seconds": 900, "times": 3})):
        sandbox.clear_faults()
        sandbox.fault(kind, connector.channel, connector.lists, **more)
        Shop.objects.filter(id=shop.id).update(pulled_until=timezone.now() - dt.timedelta(hours=2))
        pull.pull(shop.id)
        told = bool(Shop.objects.get(id=shop.id).last_error)
        sandbox.clear_faults()
        _ban_is_over()
        pull.pull(shop.id)
        shop.refresh_from_db()
        state = Connection.objects.get(id=shop.connection_id).state
        said[f"{kind}_told_and_over"] = told and not shop.last_error and state == "ok"
    return said


def _ban_is_over() -> None:
    """What a refusal taught us holds for a minute: nobody waits for it here."""
    Budget.objects.all().delete()
    Breaker.objects.all().delete()
    turns.forget()
