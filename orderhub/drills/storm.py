"""One shop's platform refuses and drags for a while; the other shops are pulled as before, and the one catches up.

Two workers take rings from a queue, as Celery's do; every shop is rung every half second. A shop's lag is the time
since its last complete pull. What was asked of the platform meanwhile is counted by the sandbox.
"""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from pathlib import Path
from typing import Any

from django.utils import timezone

from orderhub.drills import fuzz_cast, workers
from orderhub.drills.cast import set_up
from orderhub.integrations import turns
from orderhub.models import Connection
from orderhub.testing.sandbox import RunningSandbox, running_sandbox
from orders.models import Shop
from orders.operations import pull

CREW, RING = 2, 0.5
#: Below this a lag is the noise of a busy machine and no sign of a storm.
FLOOR = 1.5
STORMED = "taobao"
_fork = multiprocessing.get_context("fork")


def run(*, long: bool) -> dict[str, Any]:
    seconds = 600.0 if long else 12.0
    options: dict[str, Any] = {
        "seed": 61,
        "orders": 240,
        "days": 1,
        "no_scenarios": True,
        "mix": fuzz_cast.mix(),
    }
    with tempfile.TemporaryDirectory() as folder, running_sandbox(Path(folder), **options) as sandbox:
        fuzz_cast.accounts(set_up(sandbox.url), sandbox.url)
        shops = {shop.code: shop.id for shop in Shop.objects.filter(id__in=pull.ring_all())}
        for shop_id in shops.values():
            pull.pull(shop_id)
        queue: Any = _fork.Queue()
        crew = [workers.start(_work, queue) for _ in range(CREW)]
        try:
            calm = _watch(sandbox, queue, shops, seconds / 2)
            before = _calls(sandbox)
            sandbox.fault("quota", STORMED, "taobao.trades.sold.increment.get", probability=0.5)
            sandbox.fault("slow", STORMED, "*", seconds=0.4)
            sandbox.fault("500_before", STORMED, "taobao.trade.fullinfo.get", probability=0.7)
            storm = _watch(sandbox, queue, shops, seconds)
            asked = _calls(sandbox) - before
            sandbox.clear_faults()
            after = _recovered(queue, shops[STORMED])
        finally:
            for child in crew:
                workers.kill(child)
    others = [code for code in shops if code != STORMED]
    worst = {code: round(storm[code] / max(calm[code], FLOOR), 2) for code in others}
    turns.forget()
    return {
        "ok": bool(others) and max(worst.values()) <= 2 and after is not None and storm[STORMED] > calm[STORMED],
        "storm_seconds": seconds, "lag_calm": calm, "lag_in_storm": storm, "times_slower": worst,
        "calls_to_the_stormed_platform": asked, "stormed_shop_well_again_after": after,
    }  # fmt: skip


def _work(queue: Any) -> None:
    """What a worker does: one ring after the other."""
    while True:
        pull.pull(queue.get())


def _watch(sandbox: RunningSandbox, queue: Any, shops: dict[str, int], seconds: float) -> dict[str, float]:
    """Ring every shop, change some orders of each, and note each shop's longest lag in seconds."""
    worst = dict.fromkeys(shops, 0.0)
    end, changed = time.monotonic() + seconds, 0.0
    while time.monotonic() < end:
        if queue.empty():
            for shop_id in shops.values():
                queue.put(shop_id)
        if time.monotonic() - changed > 2:
            changed = time.monotonic()
            for code in shops:
                sandbox.modify(6, code)
        time.sleep(RING)
        now = timezone.now()
        for code, at in Shop.objects.filter(id__in=shops.values()).values_list("code", "last_success_at"):
            if at is not None:
                worst[code] = max(worst[code], (now - at).total_seconds())
    return {code: round(lag, 2) for code, lag in worst.items()}


def _recovered(queue: Any, shop_id: int) -> float | None:
    """Seconds until the shop's pulls are well again, nobody having touched anything; None after two minutes."""
    started, begun = time.monotonic(), timezone.now()
    while time.monotonic() - started < 120:
        if queue.empty():
            queue.put(shop_id)
        shop = Shop.objects.get(id=shop_id)
        state = Connection.objects.values_list("state", flat=True).get(id=shop.connection_id)
        if not shop.last_error and shop.last_success_at and shop.last_success_at > begun and state == "ok":
            return round(time.monotonic() - started, 1)
        time.sleep(RING)
    return None


def _calls(sandbox: RunningSandbox) -> int:
    return sum(n for name, n in sandbox.counts()["calls"].items() if name.startswith(f"{STORMED}."))
