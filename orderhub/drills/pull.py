"""Pulling while orders change and the worker is killed at random: every order once, in its newest version.

The sandbox's ledger says which trades there are and when each was changed last. Leases of killed workers are
ended at once. After the pulls a third of all payloads come again, shuffled, as if a channel repeated itself.
"""

from __future__ import annotations

import datetime as dt
import random
import tempfile
import time
from pathlib import Path
from typing import Any

from django.utils import timezone

from orderhub import crypto
from orderhub.drills import workers
from orderhub.drills.cast import Cast, end_leases, scalar, set_up
from orderhub.drills.connectors import CONNECTORS, Connector
from orderhub.inbound import keeping, processing
from orderhub.models import Payload
from orderhub.testing.sandbox import RunningSandbox, running_sandbox
from orders.models import Order, Shop
from orders.operations import pull
from orders.providers import channel_of


def run(*, long: bool) -> dict[str, Any]:
    cast = set_up()
    done = {connector.channel: _drill(connector, cast, long) for connector in CONNECTORS}
    summed = ("orders", "versions", "kills", "kills_in_mid_pull", "lost", "doubled", "stale")
    return {
        "ok": all(row["ok"] for row in done.values()),
        **{name: sum(row[name] for row in done.values()) for name in summed},
        "connectors": done,
    }


def _drill(connector: Connector, cast: Cast, long: bool) -> dict[str, Any]:
    kills, size = (105, 10_000) if long else (12, 300)
    shop = cast.markets[connector.channel]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        with running_sandbox(
            path,
            seed=11,
            orders=size,
            days=3,
            no_scenarios=True,
            platforms=connector.channel,
            mix=connector.mix,
        ) as sandbox:
            cast.point(connector.channel, sandbox.url)
            said = _storm(sandbox, shop, kills, modified=size // 12)
            end = timezone.now() + dt.timedelta(seconds=1)
            time.sleep(1.5)
            _calm(shop.id, end + dt.timedelta(hours=1))
            said["repeated"] = _repeat(shop)
            truth = connector.orders(path / "sandbox.sqlite3")
            said["calls"] = sum(sandbox.counts()["calls"].values())
    return _judge(said, truth, shop)


def _work(shop_id: int, name: str, page: int) -> None:
    """What a worker does for ever: pull, read what came."""
    type(channel_of(name)).page_size = page
    while True:
        pull.pull(shop_id)
        processing.process("order")
        Shop.objects.filter(id=shop_id, pulled_until__gt=timezone.now()).update(pulled_until=timezone.now())


def _storm(sandbox: RunningSandbox, shop: Shop, kills: int, modified: int) -> dict[str, Any]:
    rng = random.Random(11)
    landed = changed = mid_pull = 0
    while landed < kills:
        child = workers.start(_work, shop.id, shop.channel, rng.choice((10, 25, 50)))
        time.sleep(rng.uniform(0.05, 0.9))
        changed += len(sandbox.modify(rng.randrange(1, modified), shop.channel))
        time.sleep(rng.uniform(0.0, 0.3))
        landed += workers.kill(child)
        mid_pull += Shop.objects.filter(id=shop.id, pull_lease_until__isnull=False).count()
        Shop.objects.update(pull_lease_until=None)
        end_leases("orderhub_payload", "orders_order")
    return {"kills": landed, "kills_in_mid_pull": mid_pull, "modified": changed}


def _calm(shop_id: int, until: dt.datetime) -> None:
    """One undisturbed pull. Trades changed twice within a second carry a later time, so it looks a little ahead."""
    Shop.objects.filter(id=shop_id).update(pull_lease_until=None)
    end_leases("orderhub_payload")
    pull.pull(shop_id)
    pull.pull(shop_id, until=until)
    processing.process("order")


def _repeat(shop: Shop) -> int:
    """A third of what is stored comes again in random order, under keys of its own."""
    rows = list(
        Payload.objects.filter(connection_id=shop.connection_id, kind="order").values_list(
            "external_id", "version", "raw_enc"
        )
    )
    rng = random.Random(12)
    again = rng.sample(rows, len(rows) // 3)
    for start in range(0, len(again), 500):
        keeping.keep_many(
            shop.connection_id,
            [
                keeping.Kept("order", number, f"again {n} {version}", crypto.decrypt(bytes(sealed)))
                for n, (number, version, sealed) in enumerate(again[start : start + 500], start)
            ],
        )
        processing.process("order", n=100)
    return len(again)


def _judge(said: dict[str, Any], truth: dict[str, str], shop: Shop) -> dict[str, Any]:
    ours = dict(Order.objects.filter(shop=shop).values_list("channel_number", "channel_version"))
    lost = sorted(set(truth) - set(ours))
    strangers = sorted(set(ours) - set(truth))
    doubled = int(
        scalar("SELECT count(*) - count(DISTINCT (shop_id, channel_number)) FROM orders_order")
        + scalar("SELECT count(*) - count(DISTINCT (order_id, channel_line)) FROM orders_line")
    )
    stale = [
        number
        for number, at in truth.items()
        if at and number in ours and ours[number] < dt.datetime.fromisoformat(at)
    ]
    left = Payload.objects.filter(state="new").count()
    aside = Payload.objects.filter(state="set_aside").count()
    return {
        "ok": not (lost or strangers or doubled or stale or left or aside) and said["kills"] > 0,
        "orders": len(truth), "versions": Payload.objects.filter(connection_id=shop.connection_id, kind="order").count(), **said,
        "lost": len(lost), "doubled": doubled, "stale": len(stale), "strangers": len(strangers),
        "left_unread": left, "set_aside": aside, "last_error": Shop.objects.get(id=shop.id).last_error,
    }  # fmt: skip
