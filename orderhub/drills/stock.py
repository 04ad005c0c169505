"""A thousand numbers change at once in every channel while answers are lost, calls repeated, held up and refused, and the
worker is killed: how long until each channel shows the newest number of every SKU, by the sandbox's own record. Each
way it may take a minute.

The crew does what the schedule does: reckon, judge, tell, read back. A budget a minute keeps each shop within its quota.
"""

from __future__ import annotations

import multiprocessing
import random
import tempfile
import time
from pathlib import Path
from typing import Any

from django.db import connection
from django.utils import timezone

from inventory.models import Sku, Stock
from orderhub.drills import workers
from orderhub.drills.cast import Cast, forget, set_up
from orderhub.integrations.models import Breaker, Connection
from orderhub.testing.sandbox import RunningSandbox, running_sandbox
from orders.models import Listing, Shop
from orders.operations import offering, reading_stock

CHANNELS = {
    "taobao": "taobao.skus.quantity.update", "pinduoduo": "pdd.goods.quantity.update", "douyin": "sku.syncStockBatch",
    "own_shop": "stock",
}  # fmt: skip
GOAL = 60.0
#: Calls a minute that one shop may make, of all kinds: the three rounds of numbers together, with room for what is made
#: again. With 3,000 the last round waited for the next minute, as it should; that measured the clock.
MINUTE = 10_000
_fork = multiprocessing.get_context("fork")


def run(*, long: bool) -> dict[str, Any]:
    """300 SKUs; `long` is 1,000. Each channel's shop is told of all of them."""
    skus = 1_000 if long else 300
    options: dict[str, Any] = {
        "seed": 17,
        "orders": 4,
        "days": 1,
        "no_scenarios": True,
        "platforms": ",".join(CHANNELS),
    }
    with tempfile.TemporaryDirectory() as folder, running_sandbox(Path(folder), **options) as sandbox:
        cast = set_up(sandbox.url, bins=1, stock=40)
        codes = _goods(cast, sandbox, skus)
        shops = {shop.channel: shop.id for shop in Shop.objects.filter(channel__in=CHANNELS)}
        Shop.objects.update(stock_mode=Shop.StockMode.POOL, pulled_until=timezone.now())
        for account in Connection.objects.filter(platform__in=CHANNELS):
            account.options = {**account.options, "budgets": {"*": {"minute": MINUTE}}}
            account.save(update_fields=["options"])
        for shop_id in shops.values():
            reading_stock.read(shop_id)
        Listing.objects.exclude(code__in=codes).update(sku=None)
        offering.reckon()
        for shop_id in shops.values():
            offering.tell(shop_id)
        _change(codes, 1)
        calm = _shown(sandbox, shops, kills=0)
        for channel, method in CHANNELS.items():
            sandbox.fault("lost_answer", channel, method, probability=0.1)
            sandbox.fault("500_after", channel, method, probability=0.1)
            sandbox.fault("500_before", channel, method, probability=0.1)
            sandbox.fault("slow", channel, method, probability=0.2, seconds=0.2)
        _change(codes, 2)
        rough = _shown(sandbox, shops, kills=4)
        faults = sandbox.counts()["faults"]
        sandbox.clear_faults()
        late = _late(sandbox, shops, codes)
    done = {name.split(".")[0] for name in faults}
    return {
        "ok": calm["seconds"] <= GOAL and not calm["wrong"] and not rough["wrong"] and not late["wrong"]
        and rough["seconds"] <= GOAL and done >= set(CHANNELS) and rough["kills"] > 0,
        "skus": len(codes), "listings": len(codes) * len(shops), "calm": calm, "rough": rough, "late": late, "faults": faults,
    }  # fmt: skip


def _goods(cast: Cast, sandbox: RunningSandbox, skus: int) -> list[str]:
    """As many SKUs as asked for, in every channel and on a shelf."""
    codes = sorted(cast.skus)[:skus]
    more = skus - len(codes)
    if more > 0:
        made = Sku.objects.bulk_create(Sku(code=f"X{n:05}", name=f"X{n:05}") for n in range(1, more + 1))
        bin_id = Stock.objects.values_list("bin_id", flat=True).first()
        Stock.objects.bulk_create(Stock(sku=sku, bin_id=bin_id or 0, on_hand=40) for sku in made)
        for channel in CHANNELS:
            sandbox.drive(f"{channel}_goods_more", n=more)
        codes += [sku.code for sku in made]
    forget()
    return codes


def _change(codes: list[str], seed: int) -> None:
    """Every SKU's pieces are others now."""
    lot = random.Random(seed)
    rows = {code: lot.randrange(0, 500) for code in codes}
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE inventory_stock s SET on_hand = CASE WHEN s.id = first.id THEN v.n ELSE 0 END
               FROM inventory_sku k JOIN unnest(%s::text[], %s::int[]) AS v(code, n) ON v.code = k.code
               JOIN LATERAL (SELECT min(id) AS id FROM inventory_stock x WHERE x.sku_id = k.id) first ON true
               WHERE s.sku_id = k.id""",
            [list(rows), list(rows.values())],
        )


def _work() -> None:
    """What the schedule does, without end."""
    while True:
        reading_stock.judge()
        offering.reckon()
        for shop_id in (
            Listing.objects.filter(offering.to_tell()).values_list("shop_id", flat=True).distinct()
        ):
            offering.tell(shop_id)
        time.sleep(0.2)


def _shown(sandbox: RunningSandbox, shops: dict[str, int], kills: int) -> dict[str, Any]:
    """Let two workers go until every channel shows what is wanted (at most two minutes); `kills` times one is killed.

    `left_alone` counts how often a breaker opened: six calls in a row got no answer, so for 15 s and more none is made.
    """
    begun, killed, each = time.monotonic(), 0, dict.fromkeys(shops, 0.0)
    opened: set[tuple[str, Any]] = set()
    crew = [workers.start(_work) for _ in range(2)]
    try:
        offering.reckon()
        while time.monotonic() - begun < 2 * GOAL and not all(each.values()):
            time.sleep(0.5)
            if killed < kills:
                workers.kill(crew[killed % 2])
                Shop.objects.update(stock_lease_until=None)  # what the clock would do in two minutes
                crew[killed % 2] = workers.start(_work)
                killed += 1
            opened |= set(
                Breaker.objects.filter(connection__platform__in=shops, open_until__isnull=False).values_list(
                    "connection__platform", "open_until"
                )
            )
            for channel, shop_id in shops.items():
                if not each[channel] and not _wrong(sandbox, channel, shop_id):
                    each[channel] = round(time.monotonic() - begun, 1)
    finally:
        for child in crew:
            workers.kill(child)
        Shop.objects.update(stock_lease_until=None, stock_wait_until=None)
    wrong = sum(_wrong(sandbox, channel, shop_id) for channel, shop_id in shops.items())
    longest = max(each.values()) if all(each.values()) else 2 * GOAL
    left_alone = {channel: sum(name == channel for name, _until in opened) for channel in shops}
    return {"seconds": longest, "each": each, "left_alone": left_alone, "wrong": wrong, "kills": killed}


def _wrong(sandbox: RunningSandbox, channel: str, shop_id: int) -> int:
    """Listings whose last number in the sandbox's ledger is not the wanted one."""
    last = {
        entry["key"]: entry["body"]["quantity"] for entry in sandbox.ledger("stock.set", platform=channel)
    }
    rows = Listing.objects.filter(shop_id=shop_id, sku__isnull=False).values_list("channel_sku", "wanted")
    return sum(last.get(sku) != wanted for sku, wanted in rows)


def _late(sandbox: RunningSandbox, shops: dict[str, int], codes: list[str]) -> dict[str, Any]:
    """Calls that were held up come through after the newer ones: read back, judged, told again."""
    lot = random.Random(3)
    for channel in shops:
        for code in lot.sample(codes, 5):
            sandbox.drive(f"{channel}_goods_sold", code=code, n=-lot.randrange(1, 99))
    Listing.objects.update(sent_at=timezone.now() - reading_stock.SETTLE * 2)
    for shop_id in shops.values():
        reading_stock.read(shop_id)
    strayed = reading_stock.judge()
    for shop_id in shops.values():
        offering.tell(shop_id)
    Listing.objects.update(sent_at=timezone.now() - reading_stock.SETTLE * 2)
    for shop_id in shops.values():
        reading_stock.read(shop_id)
    still = reading_stock.judge()
    wrong = sum(_wrong(sandbox, channel, shop_id) for channel, shop_id in shops.items())
    return {
        "moved": 5 * len(shops),
        "strayed": strayed,
        "still": still,
        "wrong": wrong + abs(strayed - 5 * len(shops)) + still,
    }
