"""The seller's own web shop: what the product may ask it and tell it; the shop's own calls are in own_shop_driver."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime, timedelta
from typing import Any

from orderhub.sandbox import own_shop_driver
from orderhub.sandbox.credentials import OWN_SHOP
from orderhub.sandbox.frame import BEIJING, Answer, Platform, Request
from orderhub.sandbox.goods_more import ShopGoods
from orderhub.sandbox.world import SourceOrder, World

SKEW = timedelta(minutes=10)
AFTER_SHIPPING = timedelta(seconds=5)


class OwnShop(Platform):
    """GET orders/{number} and POST orders/{number}/shipment, both signed by HMAC."""

    prefix = "own_shop"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.goods = ShopGoods(world)

    def fault_key(self, request: Request) -> str:
        if request.path.strip("/").startswith("goods"):
            return "stock" if request.path.endswith("/stock") else "goods"
        return "shipment" if request.path.endswith("/shipment") else "order"

    def deny_answer(self, request: Request) -> Answer:
        return Answer(409, {"error": "denied", "message": "商城拒绝（沙箱）"})

    def expire_token(self, request: Request) -> Answer | None:
        return Answer(401, {"error": "signature", "message": "密钥已更换，请重新授权"})

    def drive(self, what: str, options: dict[str, Any]) -> dict[str, Any] | None:
        """``own_shop_orders``, ``alipay_callbacks`` and ``wechatpay_callbacks``; see own_shop_driver."""
        if what == "own_shop_orders":
            return own_shop_driver.Driver(self.world, options).orders()
        if what in ("alipay_callbacks", "wechatpay_callbacks"):
            return own_shop_driver.Driver(self.world, options).callbacks(what.removesuffix("_callbacks"))
        return self.goods.goods.drive(what.removeprefix("own_shop_"), options)

    def handle(self, request: Request) -> Answer:
        if not self._signed(request):
            return Answer(401, {"error": "signature", "message": "X-Shop-Signature 不正确或时间戳过期"})
        parts = request.path.strip("/").split("/")
        if parts[0] == "goods" and len(parts) == 2:
            return self.goods.answer(request, parts[1])
        order = self.world.orders.get(parts[1]) if len(parts) >= 2 and parts[0] == "orders" else None
        if order is None or order.channel != "own_shop":
            return Answer(404, {"error": "not_found", "message": "订单不存在"})
        match request.method, parts[2:]:
            case "GET", []:
                return Answer(200, self.face(order))
            case "POST", ["shipment"]:
                return self._shipment(order, request)
        return Answer(405, {"error": "method", "message": "不支持的操作"})

    def _signed(self, request: Request) -> bool:
        """hex HMAC-SHA256(secret, timestamp + path + body); the path with or without the mount point."""
        stamp, given = (
            request.headers.get("x-shop-timestamp", ""),
            request.headers.get("x-shop-signature", ""),
        )
        try:
            sent = (
                datetime.fromtimestamp(int(stamp) / (1000 if len(stamp) > 11 else 1), BEIJING)
                if stamp.isdigit()
                else datetime.fromisoformat(stamp)
            )
        except (ValueError, OverflowError):
            return False
        if sent.tzinfo is None or abs(sent - request.now) > SKEW:
            return False
        key = OWN_SHOP["secret"].encode()
        return any(
            hmac.compare_digest(
                hmac.new(key, (stamp + path).encode() + request.body, hashlib.sha256).hexdigest(), given
            )
            for path in (request.path, f"/{self.prefix}{request.path}")
        )

    def face(self, order: SourceOrder) -> dict[str, Any]:
        """How the shop sees the order now: created, paid, shipped, cancelled, refund_requested."""
        shipped = self.world.ledger.recall("own_shop", "shipment:" + order.number)
        state = "shipped" if shipped else "paid" if order.paid_at else "created"
        refund: dict[str, Any] | None = None
        if order.scenario == "payment_denied":
            state = "created"
        elif order.scenario == "cancelled_before_ship":
            state = "cancelled"
        elif order.scenario == "refund_requested" or (
            order.scenario == "refund_after_ship"
            and shipped
            and datetime.fromisoformat(shipped["seen"]) + AFTER_SHIPPING <= self.world.now()
        ):
            state = "refund_requested"
            refund = {
                "status": "WAIT_SELLER_AGREE",
                "amount": f"{order.payable:.2f}",
                "reason": "不想要了",
                "lines": [line.line_id for line in order.lines],
            }
        return {
            "number": order.number,
            "state": state,
            "paid": state not in ("created", "cancelled"),
            "refund": refund,
            "payable": f"{order.payable:.2f}",
            "shipment": shipped,
            "updated_at": (shipped or {}).get("seen") or (order.paid_at or order.created_at).isoformat(),
        }

    def _shipment(self, order: SourceOrder, request: Request) -> Answer:
        try:
            body = request.json()
        except ValueError:
            return Answer(400, {"error": "json", "message": "请求体不是 JSON"})
        if not isinstance(body, dict) or not body.get("waybill_no") or not body.get("carrier"):
            return Answer(422, {"error": "missing", "message": "carrier 和 waybill_no 不能为空"})
        waybill = str(body["waybill_no"])
        with self.world.lock:
            first = self.world.ledger.recall("own_shop", "shipment:" + order.number)
            numbers = first["waybills"] if first else []
            key = order.number if not numbers or waybill == numbers[0] else f"{order.number}/{waybill}"
            if waybill in numbers:
                self.world.ledger.record("own_shop", "channel.ship", key, body, effect=False)
                return Answer(200, {"ok": True, "repeated": True})
            if self.face(order)["state"] == "cancelled" or (numbers and not body.get("lines")):
                self.world.ledger.record("own_shop", "channel.ship", key, body, effect=False)
                return Answer(409, {"error": "state", "message": "订单已取消或已用其他运单发货"})
            self.world.ledger.remember(
                "own_shop",
                "shipment:" + order.number,
                {
                    "carrier": body["carrier"],
                    "waybills": [*numbers, waybill],
                    "at": body.get("at"),
                    "seen": self.world.now().isoformat(),
                },
            )
            self.world.ledger.record("own_shop", "channel.ship", key, body)
        return Answer(200, {"ok": True, "repeated": False})
