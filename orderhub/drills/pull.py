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
from orderhub.drills.cast import Cast, end_leases, sandbox_trades, scalar, set_up
from orderhub.inbound import keeping, processing
from orderhub.models import Payload
from orderhub.testing.sandbox import RunningSandbox, running_sandbox
from orders.models import Order, Shop
from orders.operations import pull
from orders.providers.taobao import Taobao


def run(*, long: bool) -> dict[str, Any]:
    kills, size = (110, 16_000) if long else (25, 600)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        with running_sandbox(
            path, seed=11, orders=size, days=3, no_scenarios=True, platforms="taobao"
        ) as sandbox:
            cast = set_up(sandbox.url)
            said = _storm(sandbox, cast, kills, modified=size // 12)
            end = timezone.now() + dt.timedelta(seconds=1)
            time.sleep(1.5)
            _calm(cast.taobao.id, end + dt.timedelta(hours=1))
            said["repeated"] = _repeat(cast)
            truth = sandbox_trades(path / "sandbox.sqlite3")
            said["calls"] = sum(sandbox.counts()["calls"].values())
    return _judge(said, truth, cast)


def _work(shop_id: int, page: int) -> None:
    """What a worker does for ever: pull, read what came."""
    Taobao.page_size = page
    while True:
        pull.pull(shop_id)
        processing.process("order")
        Shop.objects.filter(id=shop_id, pulled_until__gt=timezone.now()).update(pulled_until=timezone.now())


def _storm(sandbox: RunningSandbox, cast: Cast, kills: int, modified: int) -> dict[str, Any]:
    rng = random.Random(11)
    landed = changed = mid_pull = 0
    while landed < kills:
        child = workers.start(_work, cast.taobao.id, rng.choice((10, 25, 50)))
        time.sleep(rng.uniform(0.05, 0.9))
        changed += len(sandbox.modify(rng.randrange(1, modified)))
        time.sleep(rng.uniform(0.0, 0.3))
        landed += workers.kill(child)
        mid_pull += Shop.objects.filter(id=cast.taobao.id, pull_lease_until__isnull=False).count()
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


def _repeat(cast: Cast) -> int:
    """A third of what is stored comes again in random order, under keys of its own."""
    rows = list(Payload.objects.filter(kind="order").values_list("external_id", "version", "raw_enc"))
    rng = random.Random(12)
    again = rng.sample(rows, len(rows) // 3)
    for start in range(0, len(again), 500):
        keeping.keep_many(
            cast.taobao.connection_id,
            [
                keeping.Kept("order", number, f"again {n} {version}", crypto.decrypt(bytes(sealed)))
                for n, (number, version, sealed) in enumerate(again[start : start + 500], start)
            ],
        )
        processing.process("order", n=100)
    return len(again)


def _judge(said: dict[str, Any], truth: dict[str, str], cast: Cast) -> dict[str, Any]:
    ours = dict(Order.objects.filter(shop=cast.taobao).values_list("channel_number", "channel_version"))
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
        "orders": len(truth), "versions": Payload.objects.filter(kind="order").count(), **said,
        "lost": len(lost), "doubled": doubled, "stale": len(stale), "strangers": len(strangers),
        "left_unread": left, "set_aside": aside,
    }  # fmt: skip
