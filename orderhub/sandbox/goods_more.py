"""The goods' calls of Pinduoduo, Douyin and the own shop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from orderhub.sandbox.douyin_errors import Refused as DouyinRefused
from orderhub.sandbox.douyin_errors import business as douyin_business
from orderhub.sandbox.frame import Answer, Request
from orderhub.sandbox.goods import BEFORE, Goods, json_rows
from orderhub.sandbox.pinduoduo_signing import business as pop_business
from orderhub.sandbox.world import World


class PopGoods:
    """pdd.goods.list.get and pdd.goods.quantity.update (one SKU a call; 1 = the whole number)."""

    def __init__(self, world: World) -> None:
        self.goods = Goods(world, "pinduoduo")
        self.calls: dict[str, tuple[str, Callable[[dict[str, Any]], dict[str, Any]]]] = {
            "pdd.goods.list.get": ("goods_list_get_response", self._list),
            "pdd.goods.quantity.update": ("goods_quantity_update_response", self._update),
        }

    def _list(self, params: dict[str, Any]) -> dict[str, Any]:
        size = int(params.get("page_size") or 100)
        if not 0 < size <= 100:
            raise pop_business("isv.invalid-parameter", "page_size 最大 100")
        page, count = self.goods.page(int(params.get("page") or 1), size)
        numbers = self.goods.numbers()
        rows = [
            {
                "goods_id": int(goods[0].item), "goods_name": goods[0].title, "is_onsale": 1,
                "sku_list": [
                    {"sku_id": int(good.sku), "outer_id": good.code, "is_sku_onsale": 1,
                     "sku_quantity": numbers.get(good.sku, BEFORE)}
                    for good in goods
                ],
            }
            for goods in page
        ]  # fmt: skip
        return {"goods_list": rows, "total_count": count}

    def _update(self, params: dict[str, Any]) -> dict[str, Any]:
        known = {good.sku for good in self.goods.items().get(str(params.get("goods_id")), ())}
        sku, quantity = str(params.get("sku_id", "")), str(params.get("quantity", ""))
        if sku not in known or self.goods.gone(sku):
            raise pop_business("isv.goods-not-exist", "商品不存在")
        if str(params.get("update_type", "1")) != "1" or not quantity.isdigit():
            raise pop_business("isv.invalid-parameter", "库存必须是非负整数")
        self.goods.put(sku, int(quantity))
        return {"is_success": True}


class DouyinGoods:
    """product.listV2, sku.list, sku.syncStockBatch (all or nothing) and product.editBuyerLimit (its drive
    ``goods_audit`` holds an `item` in audit, or lets it out with `over`)."""

    def __init__(self, world: World) -> None:
        self.goods = Goods(world, "douyin")
        self.methods: dict[str, Callable[[dict[str, Any]], Any]] = {
            "product.listV2": self._products,
            "sku.list": self._skus,
            "sku.syncStockBatch": self._sync,
            "product.editBuyerLimit": self._limit,
        }

    def _products(self, params: dict[str, Any]) -> dict[str, Any]:
        size = int(params.get("size") or 10)
        if not 0 < size <= 100:
            raise douyin_business(2010001, "size 最大 100")
        page, count = self.goods.page(int(params.get("page") or 1), size)
        rows = [{"product_id": int(goods[0].item), "name": goods[0].title, "status": 0} for goods in page]
        return {"data": rows, "total": count, "page": int(params.get("page") or 1), "size": size}

    def _skus(self, params: dict[str, Any]) -> list[dict[str, Any]]:
        found = self.goods.items().get(str(params.get("product_id")), ())
        return [
            {"id": int(good.sku), "product_id": int(good.item), "code": good.code, "outer_sku_id": good.code,
             "stock_num": self.goods.number(good.sku), "sku_type": 0}
            for good in found
        ]  # fmt: skip

    def _sync(self, params: dict[str, Any]) -> dict[str, Any]:
        known = {good.sku for good in self.goods.items().get(str(params.get("product_id")), ())}
        try:
            rows = [
                (str(row["sku_id"]), int(row["stock_num"])) for row in json_rows(params.get("sku_sync_list"))
            ]
        except (ValueError, KeyError, TypeError):
            raise douyin_business(2010001, "sku_sync_list 不正确") from None
        if params.get("incremental") or not rows or any(n < 0 for _sku, n in rows):
            raise douyin_business(2010001, "库存必须是非负整数")
        if any(sku not in known or self.goods.gone(sku) for sku, _n in rows):
            raise douyin_business(2010004, "商品或规格不存在")
        for sku, quantity in rows:
            self.goods.put(sku, quantity)
        return {}

    def drive(self, what: str, options: dict[str, Any]) -> dict[str, Any] | None:
        """The drives of all goods, and the audit of an item."""
        if what != "goods_audit":
            return self.goods.drive(what, options)
        self.goods.world.ledger.remember("douyin", f"audit:{options['item']}", not options.get("over"))
        return {"ok": True}

    def _limit(self, params: dict[str, Any]) -> dict[str, Any]:
        item, names = (
            str(params.get("product_id", "")),
            ("minimum_per_order", "maximum_per_order", "limit_per_buyer"),
        )
        if item not in self.goods.items():
            raise douyin_business(2010001, "商品不存在")
        if self.goods.world.ledger.recall("douyin", f"audit:{item}", False):
            raise DouyinRefused(20000, "系统错误", "isp.service-error:2010004", "该商品在审核中，不允许编辑")
        numbers = [params.get(name) for name in names]
        whole = [n for n in numbers if isinstance(n, int) and n > 0]
        if len(whole) < len(names) or whole != sorted(whole):
            raise douyin_business(2010001, "限购件数不正确")
        self.goods.world.ledger.record("douyin", "limit.set", item, {"pieces": whole[-1]}, effect=True)
        return {}


class ShopGoods:
    """GET /goods/1 (100 SKUs a page, from 1) and PUT /goods/stock; what can't be set is refused row by row."""

    SIZE = 100

    def __init__(self, world: World) -> None:
        self.goods = Goods(world, "own_shop")

    def answer(self, request: Request, rest: str) -> Answer:
        if request.method == "GET" and rest.isdigit():
            page, every = max(1, int(rest)), self.goods.every()
            rows, numbers = every[(page - 1) * self.SIZE : page * self.SIZE], self.goods.numbers()
            said = [
                {"item": good.item, "sku": good.sku, "code": good.code, "title": good.title,
                 "quantity": numbers.get(good.sku, BEFORE)}
                for good in rows
            ]  # fmt: skip
            return Answer(200, {"goods": said, "more": page * self.SIZE < len(every)})
        if (request.method, rest) != ("PUT", "stock"):
            return Answer(405, {"error": "method", "message": "不支持的操作"})
        try:
            rows_ = [
                (str(row["sku"]), int(row["quantity"])) for row in json_rows(request.json().get("stock"))
            ]
        except (ValueError, KeyError, TypeError, AttributeError):
            return Answer(422, {"error": "stock", "message": "stock 必须是 [{sku, quantity}]"})
        known, refused = {good.sku for good in self.goods.every()}, []
        for sku, quantity in rows_:
            if sku not in known or self.goods.gone(sku) or quantity < 0:
                refused.append({"sku": sku, "error": "not_found", "message": "商品不存在"})
            else:
                self.goods.put(sku, quantity)
        return Answer(200, {"ok": not refused, "refused": refused})
