"""What each channel sells and how many it says there are: an item a series, its SKUs, and the number shown to buyers.

Every call that sets a number is in the ledger (`stock.set`, an effect where it changed the number), so that a drill can
say what the last value was and how often it was set.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Any

from orderhub.sandbox import catalogue
from orderhub.sandbox.taobao_errors import Refused as TopRefused
from orderhub.sandbox.world import World

#: What a channel shows before anybody set it.
BEFORE = 999
#: First numbers of items, so that no two channels share one.
ITEMS = {
    "taobao": 620_000_000_000,
    "pinduoduo": 310_000_000_000,
    "douyin": 3_500_000_000_000_000_000,
    "own_shop": 1_000,
}
MANY = 20


@dataclass(frozen=True, slots=True)
class Good:
    """One SKU of an item; `code` is the seller's own."""

    item: str
    sku: str
    code: str
    title: str


class Goods:
    """The goods of one channel; `extra` more (codes X00001 on) come by the drive `goods_more`."""

    def __init__(self, world: World, channel: str) -> None:
        self.world, self.channel = world, channel

    @cached_property
    def of_catalogue(self) -> list[Good]:
        first, found = ITEMS[self.channel], []
        known = sorted(catalogue.skus().values(), key=lambda sku: (sku.series or sku.code, sku.code))
        for place, (_series, skus) in enumerate(groupby(known, key=lambda sku: sku.series or sku.code)):
            for n, sku in enumerate(skus):
                item = first + place * 1_000
                found.append(Good(str(item), str(item + 1 + n), sku.code, sku.name))
        return found

    def every(self) -> list[Good]:
        """All goods, those of `goods_more` last; each of these is an item of its own."""
        more = int(self.world.ledger.recall(self.channel, "goods", 0))
        first = ITEMS[self.channel] + 500_000_000
        made = [
            Good(str(first + n * 10), str(first + n * 10 + 1), f"X{n:05}", f"X{n:05}")
            for n in range(1, more + 1)
        ]
        return [*self.of_catalogue, *made]

    def items(self) -> dict[str, list[Good]]:
        """Goods by item."""
        found: dict[str, list[Good]] = {}
        for good in self.every():
            found.setdefault(good.item, []).append(good)
        return found

    def page(self, page: int, size: int) -> tuple[list[list[Good]], int]:
        """One page of items (from 1), and how many items there are."""
        found = list(self.items().values())
        return found[(page - 1) * size : page * size], len(found)

    def numbers(self) -> dict[str, int]:
        """{sku: number shown} of those that were set."""
        kept = self.world.ledger.recall_all(self.channel, "stock:")
        return {key.removeprefix("stock:"): int(n) for key, n in kept.items()}

    def number(self, sku: str) -> int:
        return int(self.world.ledger.recall(self.channel, f"stock:{sku}", BEFORE))

    def put(self, sku: str, quantity: int) -> None:
        """Set a number; written down with its order of arrival."""
        ledger = self.world.ledger
        with ledger.together():
            before = self.number(sku)
            ledger.remember(self.channel, f"stock:{sku}", quantity)
            ledger.record(
                self.channel,
                "stock.set",
                sku,
                {"quantity": quantity, "before": before},
                effect=before != quantity,
            )

    def drive(self, what: str, options: dict[str, Any]) -> dict[str, Any] | None:
        """``goods_more`` (`n` more goods), ``goods_sold`` (`code`, `n`: buyers took pieces), ``goods_gone`` (`code`)."""
        if what == "goods_more":
            self.world.ledger.remember(self.channel, "goods", int(options["n"]))
        elif what in ("goods_sold", "goods_gone"):
            good = next(each for each in self.every() if each.code == options["code"])
            if what == "goods_gone":
                self.world.ledger.remember(self.channel, f"gone:{good.sku}", True)
            else:
                left = max(0, self.number(good.sku) - int(options["n"]))
                self.world.ledger.remember(self.channel, f"stock:{good.sku}", left)
        else:
            return None
        return {"ok": True}

    def gone(self, sku: str) -> bool:
        """Whether the item was taken off by the channel: it can't be set any more."""
        return bool(self.world.ledger.recall(self.channel, f"gone:{sku}", False))


class TopGoods:
    """taobao.items.onsale.get, taobao.item.skus.get, taobao.skus.quantity.update."""

    def __init__(self, world: World) -> None:
        self.goods = Goods(world, "taobao")
        self.methods: dict[str, Callable[[dict[str, str]], dict[str, Any]]] = {
            "taobao.items.onsale.get": self._onsale,
            "taobao.item.skus.get": self._skus,
            "taobao.skus.quantity.update": self._update,
        }

    def _onsale(self, params: dict[str, str]) -> dict[str, Any]:
        size = int(params.get("page_size") or 40)
        if not 0 < size <= 200:
            raise TopRefused(41, "Invalid arguments:page_size", "isv.invalid-parameter", "page_size 最大 200")
        page, count = self.goods.page(int(params.get("page_no") or 1), size)
        rows = [{"num_iid": int(goods[0].item), "title": goods[0].title, "outer_id": ""} for goods in page]
        return {"total_results": count, **({"items": {"item": rows}} if rows else {})}

    def _skus(self, params: dict[str, str]) -> dict[str, Any]:
        asked = [part for part in params.get("num_iids", "").split(",") if part]
        if not 0 < len(asked) <= 40:
            raise TopRefused(41, "Invalid arguments:num_iids", "isv.invalid-parameter", "num_iids 最多 40 个")
        items, numbers = self.goods.items(), self.goods.numbers()
        rows = [
            {
                "num_iid": int(good.item),
                "sku_id": int(good.sku),
                "outer_id": good.code,
                "quantity": numbers.get(good.sku, BEFORE),
            }
            for item in asked
            for good in items.get(item, ())
        ]
        return {"skus": {"sku": rows}} if rows else {}

    def _update(self, params: dict[str, str]) -> dict[str, Any]:
        pairs = [part.split(":") for part in params.get("skuid_quantities", "").split(";") if part]
        known = {good.sku: good for good in self.goods.items().get(params.get("num_iid", ""), ())}
        if params.get("type", "1") != "1" or not 0 < len(pairs) <= MANY:
            raise TopRefused(
                41, "Invalid arguments:skuid_quantities", "isv.invalid-parameter", "最多 20 个 SKU"
            )
        for sku, quantity in pairs:
            if sku not in known or self.goods.gone(sku):
                raise TopRefused(
                    15,
                    "Remote service error",
                    "isv.item-not-exist:invalid-numIid-or-iid",
                    "商品不存在或已删除",
                )
            if not quantity.isdigit():
                raise TopRefused(
                    15, "Remote service error", "isv.invalid-parameter:quantity", "库存不能为负数"
                )
        for sku, quantity in pairs:
            self.goods.put(sku, int(quantity))
        rows = [{"sku_id": int(sku), "quantity": int(quantity)} for sku, quantity in pairs]
        return {"item": {"num_iid": int(params["num_iid"]), "skus": {"sku": rows}}}


def json_rows(text: Any) -> list[dict[str, Any]]:
    """A list of objects, given as JSON text or as it is; ValueError for anything else."""
    rows = json.loads(text) if isinstance(text, str) else text
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError("no list of objects")
    return rows
