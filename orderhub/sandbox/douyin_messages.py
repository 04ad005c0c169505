"""What Douyin pushes: signed lists of messages, each with an id of its own and its data as text inside the text."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any

from orderhub.sandbox import douyin_signing
from orderhub.sandbox.credentials import DOUYIN
from orderhub.sandbox.frame import dumps
from orderhub.sandbox.pushes import Push, Reply
from orderhub.sandbox.world import World

#: What happened, and the tag under which it is told.
TAGS = {
    "paid": "101",
    "shipped": "102",
    "address_changed": "105",
    "address_asked": "111",
    "refund": "200",
}
PROBE = "0"


class Messages:
    """Messages of one app to one address; silent until it is known (the target at start, or a drive)."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.url = f"{world.target}{DOUYIN['message_path']}" if world.target else ""

    def tell(self, what: str, number: str, **more: Any) -> None:
        """One message about one order."""
        self.send([self.message(what, number, **more)])

    def message(self, what: str, number: str, **more: Any) -> dict[str, str]:
        now = self.world.now()
        data = {"p_id": int(number), "shop_id": int(DOUYIN["shop_id"]), "update_time": int(now.timestamp())}
        return {"tag": TAGS[what], "msg_id": self._id(what, number, now), "data": dumps({**data, **more})}

    def send(self, messages: list[dict[str, str]]) -> None:
        """Queue one push of some messages."""
        if not self.url:
            return
        body = json.dumps(messages, ensure_ascii=False, separators=(",", ":"))
        sign = douyin_signing.event(DOUYIN["app_key"], body, DOUYIN["app_secret"])
        headers = {"Content-Type": "application/json", "app-id": DOUYIN["app_key"], "event-sign": sign}
        self.world.pushes.send(Push("douyin", "message", self.url, body.encode(), headers, taken=_taken))

    def probe(self) -> None:
        """The message by which the console tests an address."""
        at = self.world.now().astimezone().isoformat(timespec="seconds")
        self.send([{"tag": PROBE, "msg_id": "0", "data": at}])

    def _id(self, what: str, number: str, now: datetime) -> str:
        text = f"{self.world.seed}:{what}:{number}:{now.isoformat()}"
        return str(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1)


def _taken(reply: Reply) -> bool:
    try:
        said = json.loads(reply.body)
    except ValueError:
        return False
    return reply.status == 200 and isinstance(said, dict) and said.get("code") == 0
