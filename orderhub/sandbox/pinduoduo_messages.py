"""Pinduoduo's messages as its message service frames them, carried to the product's door over HTTP.

The real service is a web socket that the app opens; what it signs is the opening (client, milliseconds, digest),
not the message. Here each frame comes with such an opening of its own. A frame names an order, never its content.
"""

from __future__ import annotations

import json
from typing import Any

from orderhub.sandbox import pinduoduo_orders as orders
from orderhub.sandbox.credentials import PINDUODUO
from orderhub.sandbox.frame import dumps
from orderhub.sandbox.pinduoduo_signing import digest
from orderhub.sandbox.pushes import Push, Reply
from orderhub.sandbox.schedule import lot
from orderhub.sandbox.world import World

PLATFORM = "pinduoduo"
FORGED, TWICE, LATE, STALE = 7, 5, 4, 11  # every so-manieth message of a drive


def taken(reply: Reply) -> bool:
    """The listener acknowledges a frame by its id; anything else comes again."""
    try:
        said = json.loads(reply.body)
    except ValueError:
        return False
    return reply.status == 200 and isinstance(said, dict) and said.get("commandType") == "Ack"


class Messages:
    """Sends by itself when an order changes (with a target), and on a drive for many orders at once."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._serial = 0

    def tell(self, kind: str, number: str) -> None:
        """A change of an order, to the target that the sandbox was started with."""
        if self.world.target:
            self._send(self.world.target, PINDUODUO["callback_code"], kind, number)

    def drive(self, options: dict[str, Any]) -> dict[str, Any]:
        """Messages of orders (`numbers`, or all) in random order, some twice, some late, some forged or stale."""
        target = str(options.get("target") or self.world.target).rstrip("/")
        if not target:
            raise ValueError("no target: give one, or start the sandbox with --target")
        code = str(options.get("code") or PINDUODUO["callback_code"])
        numbers = list(options.get("numbers") or [order.number for order in self.world.of(PLATFORM)])
        lot(self.world.seed, "pinduoduo-messages").shuffle(numbers)
        counts = {"sent": 0, "twice": 0, "late": 0, "forged": 0, "stale": 0}
        for n, number in enumerate(numbers, 1):
            kinds = (orders.CONFIRMED, orders.SELLER_SHIP, orders.REFUND_CREATED)
            kind = str(options.get("kind") or kinds[n % len(kinds)])
            late = n % LATE == 0
            serial = self._send(target, code, kind, number, delay=0.4 if late else 0.0)
            counts["sent"] += 1
            counts["late"] += late
            if n % TWICE == 0:
                self._send(target, code, kind, number, serial=serial, delay=0.2)
                counts["twice"] += 1
            if n % FORGED == 0:
                self._send(target, code, kind, number, forged=True)
                counts["forged"] += 1
            if n % STALE == 0:
                self._send(target, code, kind, number, age_seconds=3600)
                counts["stale"] += 1
        return {**counts, "idle": self.world.pushes.idle(float(options.get("seconds", 60)))}

    def _send(
        self,
        target: str,
        code: str,
        kind: str,
        number: str,
        *,
        serial: int = 0,
        delay: float = 0.0,
        forged: bool = False,
        age_seconds: int = 0,
    ) -> int:
        with self.world.lock:
            self._serial += 1
            serial = serial or int(self.world.start.timestamp()) * 1_000_000 + self._serial
        millis = int(self.world.now().timestamp() * 1000)
        opened = str(millis - age_seconds * 1000)
        content = {"mall_id": int(PINDUODUO["mall_id"]), "tid": number}
        frame = {
            "commandType": "Common",
            "id": serial,
            "time": millis,
            "sendTime": millis,
            "message": {"type": kind, "mallID": int(PINDUODUO["mall_id"]), "content": dumps(content)},
        }
        secret = "not-the-secret" if forged else PINDUODUO["client_secret"]
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "X-Pdd-Client-Id": PINDUODUO["client_id"],
            "X-Pdd-Time": opened,
            "X-Pdd-Digest": digest(PINDUODUO["client_id"], opened, secret),
        }
        url = f"{target.rstrip('/')}/callbacks/channel/{code}"
        tries = 1 if forged or age_seconds else 5
        push = Push(PLATFORM, kind, url, dumps(frame).encode(), headers, taken, tries=tries)
        self.world.pushes.send(push, delay)
        return serial
