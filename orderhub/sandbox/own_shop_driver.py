"""What the own shop and the gateways send by themselves: orders with Idempotency-Key, then callbacks, some of them naughty."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from orderhub.sandbox import alipay, paying, wechatpay
from orderhub.sandbox.credentials import OWN_SHOP
from orderhub.sandbox.frame import BEIJING, dumps
from orderhub.sandbox.pushes import Reply, post
from orderhub.sandbox.schedule import lot
from orderhub.sandbox.world import SourceOrder, World

TRIES = 6
AGAIN = (0, 408, 425, 429, 500, 502, 503, 504)
EARLY, FORGED, TWICE, REPEATED = 20, 25, 10, 15  # every so-manieth order
BY_WECHAT = 3  # every third buyer, where the product listens to WeChat Pay


def order_json(order: SourceOrder) -> dict[str, Any]:
    """The order as the shop posts it; the scenario unreadable has a price and a quantity that are none."""
    to = order.receiver
    receiver: dict[str, Any] = {
        "name": to.name,
        "phone": to.phone,
        "province": to.province,
        "city": to.city,
        "district": to.district,
        "town": to.town,
        "address": to.address,
        "lng": None,
        "lat": None,
        "datum": None,
    }
    if to.lng is not None:
        receiver.update(lng=to.lng, lat=to.lat, datum="gcj02")
    lines: list[dict[str, Any]] = [
        {
            "line_id": line.line_id,
            "sku": line.sku,
            "title": line.title,
            "quantity": line.quantity,
            "unit_price": _yuan(line.unit_price),
            "discount": _yuan(line.discount),
            "payable": _yuan(line.payable),
        }
        for line in order.lines
    ]
    if order.scenario == "unreadable":
        lines[0].update(quantity="两件", unit_price="1O.8")
    return {
        "number": order.number,
        "created_at": order.created_at.astimezone(BEIJING).isoformat(),
        "buyer": {"id": order.buyer_id, "nick": order.buyer_nick, "ip": order.buyer_ip},
        "receiver": receiver,
        "lines": lines,
        "freight": _yuan(order.freight),
        "discount": _yuan(order.discount),
        "total": _yuan(order.total),
        "payable": _yuan(order.payable),
        "traffic_source": order.traffic_source,
        "promised_ship_at": order.promised_ship_at.astimezone(BEIJING).isoformat()
        if order.promised_ship_at
        else None,
        "remark": order.remark,
    }


class Driver:
    """One run. Options: target, token, n (0: all), notify_path, wechatpay_path, concurrency, pause (seconds)."""

    def __init__(self, world: World, options: dict[str, Any]) -> None:
        self.world = world
        self.target = str(options.get("target") or world.target).rstrip("/")
        if not self.target:
            raise ValueError("the drive needs a target: the product's base URL")
        self.token = str(options.get("token") or OWN_SHOP["token"])
        self.n = int(options.get("n") or 0)
        self.notify_path = str(options.get("notify_path") or "/callbacks/alipay/alipay")
        self.wechatpay_path = str(options.get("wechatpay_path") or "")
        self.orders_path = str(options.get("orders_path") or "/api/v1/orders")
        self.concurrency = int(options.get("concurrency") or 4)
        self.pause = float(options.get("pause") or 0.5)
        self.repeat = int(options.get("repeat") or 15)
        self.numbers = set(options.get("numbers") or ())
        self._counts: Counter[str] = Counter()
        self._refused: dict[str, list[Any]] = {}
        self._lock = threading.Lock()

    def orders(self) -> dict[str, Any]:
        """Post the orders, oldest first, and the callbacks of the paid ones; what the product answered."""
        with ThreadPoolExecutor(self.concurrency) as pool:
            list(pool.map(self._order, self._chosen()))
        return self._report()

    def callbacks(self, gateway: str = "alipay") -> dict[str, Any]:
        """For the chosen paid orders: each callback ``repeat`` times in random order, with forged ones and wrong amounts."""
        jobs = []
        for order in self._chosen():
            if order.paid_at is not None:
                paying.choose(self.world, order, gateway)
                jobs += [(order, "valid")] * self.repeat + [(order, "forged"), (order, "other_amount")]
        lot(self.world.seed, "callbacks").shuffle(jobs)
        with ThreadPoolExecutor(self.concurrency) as pool:
            list(pool.map(lambda job: self._callback(job[0], job[1], tries=1), jobs))
        return self._report()

    def _chosen(self) -> list[SourceOrder]:
        chosen = [
            order for order in self.world.of("own_shop") if not self.numbers or order.number in self.numbers
        ]
        return chosen[: self.n] if self.n else chosen

    def _report(self) -> dict[str, Any]:
        return {"counts": dict(sorted(self._counts.items())), "refused": self._refused}

    def _order(self, order: SourceOrder) -> None:
        pays = order.paid_at is not None
        if self.wechatpay_path and order.seq % BY_WECHAT == 1:
            paying.choose(self.world, order, "wechatpay")
        if pays and order.seq % EARLY == 0:
            self._callback(order, "early", tries=1)
        reply = self._post_order(order)
        if order.seq % REPEATED == 0:
            self._post_order(order, again=True)
        if not 200 <= reply.status < 300 or not pays:
            return
        if order.seq % FORGED == 0:
            self._callback(order, "forged", tries=1)
        self._callback(order, "valid")
        if order.seq % TWICE == 0:
            self._callback(order, "duplicate", tries=1)

    def _post_order(self, order: SourceOrder, again: bool = False) -> Reply:
        """Like a real shop: the same body and the same Idempotency-Key until there is an answer."""
        body = dumps(order_json(order)).encode("utf-8")
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Authorization": f"Bearer {self.token}",
            "Idempotency-Key": f"shop-{order.number}",
        }
        reply = Reply(0)
        for attempt in range(TRIES):
            reply = post(self.target + self.orders_path, body, headers)
            self._count("order.posts")
            if reply.status not in AGAIN:
                break
            self._count("order.retries")
            time.sleep(self.pause * 2**attempt)
        taken = 200 <= reply.status < 300
        effect = taken and not again and not self.world.ledger.find("source.order", order.number, "own_shop")
        self.world.ledger.record(
            "own_shop",
            "source.order",
            order.number,
            {
                "channel": "own_shop",
                "scenario": order.scenario,
                "payable": str(order.payable),
                "paid": order.paid_at is not None,
                "status": reply.status,
                "answer": _text(reply),
            },
            effect=effect,
        )
        self._count(f"order.{'repeated' if again else 'taken' if taken else 'refused'}")
        if not taken:
            with self._lock:
                self._refused[order.number] = [reply.status, _text(reply)]
        return reply

    def _callback(self, order: SourceOrder, kind: str, tries: int = TRIES) -> None:
        """One callback; the gateway repeats it (here in seconds, not hours) until it is taken."""
        amount = order.payable + Decimal("1.00") if kind == "other_amount" else None
        gateway = paying.gateway(self.world, order)
        accepted, reply, attempts = False, Reply(0), 0
        for attempts in range(1, tries + 1):
            accepted, reply = self._notice(gateway, order, kind == "forged", amount)
            if accepted or attempts == tries:
                break
            time.sleep(self.pause * 2 ** (attempts - 1))
        self._count(f"callback.{kind}.{'success' if accepted else 'not_success'}")
        with self.world.ledger.together():
            before = any(
                entry["effect"] for entry in self.world.ledger.find("payment.callback", order.number, gateway)
            )
            self.world.ledger.record(
                gateway,
                "payment.callback",
                order.number,
                {
                    "kind": kind,
                    "accepted": accepted,
                    "status": reply.status,
                    "answer": _text(reply),
                    "tries": attempts,
                },
                effect=accepted and kind in ("valid", "early") and not before,
            )

    def _notice(
        self, gateway: str, order: SourceOrder, forged: bool, amount: Decimal | None
    ) -> tuple[bool, Reply]:
        """One notice of a gateway, and whether the product took it in that gateway's words."""
        if gateway == "wechatpay":
            headers, body = wechatpay.notify(self.world, order, forged=forged, amount=amount)
            reply = post(self.target + self.wechatpay_path, body, headers)
            return reply.status in (200, 204), reply
        form = alipay.notify(self.world, order, forged=forged, amount=amount)
        reply = post(
            self.target + self.notify_path,
            urlencode(form).encode("utf-8"),
            {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"},
        )
        return reply.status == 200 and _text(reply) == "success", reply

    def _count(self, name: str) -> None:
        with self._lock:
            self._counts[name] += 1


def _text(reply: Reply) -> str:
    if reply.error:
        return reply.error
    text = reply.body[:300].decode("utf-8", "replace").strip()
    try:
        return dumps(json.loads(text)) if text.startswith(("{", "[")) else text
    except ValueError:
        return text


def _yuan(value: Decimal) -> str:
    return f"{value:.2f}"
