"""Raw payloads as the four channels send them, made from the sandbox's world: three lines an order, no HTTP."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

from orderhub.sandbox.douyin_orders import Orders as DouyinOrders
from orderhub.sandbox.own_shop_driver import order_json
from orderhub.sandbox.pinduoduo_orders import Orders as PinduoduoOrders
from orderhub.sandbox.taobao_trades import Trades
from orderhub.sandbox.world import SourceLine, SourceOrder, World

CHANNELS = {"t": "taobao", "o": "own_shop", "p": "pinduoduo", "d": "douyin"}
#: Ten orders in a row, as the demo's four sources share them.
MIX = "totpdtotpd"


@dataclass(frozen=True, slots=True)
class Raw:
    """One order as bytes; `payable` and `paid_at` are what its payment gateway would say."""

    channel: str
    number: str
    version: str
    body: bytes
    payable: Decimal
    paid_at: datetime


class Faces:
    """The sandbox's channels by name: an order's text as the channel shows it, and its version."""

    def __init__(self) -> None:
        self.world = World(1, 600, 2, scenarios=False, mix="taobao=1,own_shop=1,pinduoduo=1,douyin=1")
        trades, pinduoduo = Trades(self.world), PinduoduoOrders(self.world)
        douyin = DouyinOrders(self.world, lambda _number, _kind: None)
        self.show: dict[str, tuple[Callable[[SourceOrder], dict[str, Any]], str]] = {
            "taobao": (trades.full, "modified"),
            "own_shop": (order_json, "created_at"),
            "pinduoduo": (pinduoduo.full, "updated_at"),
            "douyin": (douyin.face, "update_time"),
        }
        self.models = {
            channel: [order for order in self.world.of(channel) if order.paid_at] for channel in self.show
        }


@cache
def _faces() -> Faces:
    return Faces()


def make(n: int, *, seed: int = 1, mix: str = MIX, lines: int = 3) -> Iterator[Raw]:
    """`n` paid orders, dealt out in the tenths of `mix`; numbers, buyers and goods differ, shapes are the channels' own."""
    faces, rng = _faces(), random.Random(seed)
    goods = list(faces.world.catalogue.values())
    now = datetime.now(UTC).replace(microsecond=0)
    for index in range(n):
        channel = CHANNELS[mix[index % len(mix)]]
        digits = f"{4_000_000_000_000_000_000 + seed * 10**12 + index}"
        number = {"own_shop": f"OS{digits}", "pinduoduo": f"{digits[:6]}-{digits[4:]}"}.get(channel, digits)
        paid = now - timedelta(seconds=rng.randrange(60, 86_400))
        rows = tuple(
            SourceLine(
                f"{number}-{part}" if channel == "own_shop" else f"{digits[:-1]}{part}", sku.code, sku.name,
                rng.choice((1, 1, 1, 2, 3)), sku.price, Decimal(0), Decimal(0),
            )
            for part, sku in enumerate(rng.sample(goods, lines), 1)
        )  # fmt: skip
        order = replace(
            rng.choice(faces.models[channel]), number=number, created_at=paid - timedelta(seconds=40),
            paid_at=paid, lines=rows, buyer_id=f"buyer{seed}-{index}", promised_ship_at=None,
        )  # fmt: skip
        show, version = faces.show[channel]
        face = show(order)
        body = json.dumps(face, ensure_ascii=False).encode()
        yield Raw(channel, order.number, str(face[version]), body, order.payable, paid)
