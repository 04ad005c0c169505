"""Raw payloads as the channels send them, made from the sandbox's world: three lines an order, no HTTP."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache

from orderhub.sandbox.own_shop_driver import order_json
from orderhub.sandbox.taobao_trades import Trades
from orderhub.sandbox.world import SourceLine, SourceOrder, World


@dataclass(frozen=True, slots=True)
class Raw:
    """One order as bytes; `payable` and `paid_at` are what its payment gateway would say."""

    channel: str
    number: str
    version: str
    body: bytes
    payable: Decimal
    paid_at: datetime


@cache
def _world() -> tuple[World, Trades, list[SourceOrder], list[SourceOrder]]:
    world = World(1, 400, 2, scenarios=False)
    trades = Trades(world)
    own = [order for order in world.of("own_shop") if order.paid_at]
    return world, trades, [order for order in world.of("taobao") if order.paid_at], own


def make(n: int, *, seed: int = 1, taobao: float = 0.6, lines: int = 3) -> Iterator[Raw]:
    """`n` paid orders, a share of them Taobao's; numbers, buyers and goods differ, shapes are the channels' own."""
    world, trades, masked, plain = _world()
    rng = random.Random(seed)
    goods = list(world.catalogue.values())
    now = datetime.now(UTC).replace(microsecond=0)
    for index in range(n):
        channel = "taobao" if index % 10 < round(taobao * 10) else "own_shop"
        model = rng.choice(masked if channel == "taobao" else plain)
        number = f"{4_000_000_000_000_000_000 + seed * 10**12 + index}"
        paid = now - timedelta(seconds=rng.randrange(60, 86_400))
        rows = tuple(
            SourceLine(
                f"{number[:-1]}{part}" if channel == "taobao" else f"{number}-{part}", sku.code, sku.name,
                rng.choice((1, 1, 1, 2, 3)), sku.price, Decimal(0), Decimal(0),
            )
            for part, sku in enumerate(rng.sample(goods, lines), 1)
        )  # fmt: skip
        order = replace(
            model, number=number if channel == "taobao" else f"OS{number}", created_at=paid - timedelta(seconds=40),
            paid_at=paid, lines=rows, buyer_id=f"buyer{seed}-{index}", promised_ship_at=None,
        )  # fmt: skip
        if channel == "taobao":
            face = trades.full(order)
            version = str(face["modified"])
        else:
            face = order_json(order)
            version = str(face["created_at"])
        body = json.dumps(face, ensure_ascii=False).encode()
        yield Raw(channel, order.number, version, body, order.payable, paid)
