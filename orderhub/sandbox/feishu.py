"""A Feishu group with a custom bot: signature check on, 100 messages a minute and 5 a second."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

from orderhub.sandbox.credentials import FEISHU
from orderhub.sandbox.frame import Answer, Platform, Request
from orderhub.sandbox.rooms import Room
from orderhub.sandbox.world import World

HOUR = 3600
HOOK = "/open-apis/bot/v2/hook/"
STALE = "sign match fail or timestamp is not within one hour from current time"


class Feishu(Platform):
    prefix = "feishu"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.room = Room(world, self.prefix, [(100, 60.0), (5, 1.0)])

    def reset(self) -> None:
        self.room.clear()

    def fault_key(self, request: Request) -> str:
        return "hook"

    def quota_answer(self, request: Request) -> Answer:
        return _said(11232, "frequency limited psm[lark.oapi.app_platform_runtime]")

    def deny_answer(self, request: Request) -> Answer:
        return _said(19024, "Key Words Not Found")

    def expire_token(self, request: Request) -> Answer | None:
        return _said(19001, "param invalid: incoming webhook access token invalid")

    def handle(self, request: Request) -> Answer:
        if request.method != "POST" or not request.path.startswith(HOOK):
            return Answer(404, "404 page not found", "text/plain")
        if request.path.removeprefix(HOOK) != FEISHU["access_token"]:
            return _said(19001, "param invalid: incoming webhook access token invalid")
        try:
            body = request.json()
        except ValueError:
            body = None
        if not isinstance(body, dict) or len(request.body) > 20 * 1024:
            return _said(9499, "Bad Request")
        if not self._signed(body, request):
            return _said(19021, STALE)
        text = (body.get("content") or {}).get("text") if body.get("msg_type") == "text" else None
        if not isinstance(text, str) or not text:
            return _said(9499, "Bad Request")
        if not self.room.may_speak():
            return _said(11232, "frequency limited psm[lark.oapi.app_platform_runtime]")
        self.room.hang(text)
        return Answer(
            200, {"code": 0, "msg": "success", "data": {}, "StatusCode": 0, "StatusMessage": "success"}
        )

    @staticmethod
    def _signed(body: dict[str, Any], request: Request) -> bool:
        """The key is "timestamp newline secret", what is signed is empty; seconds, within an hour."""
        stamp = str(body.get("timestamp", ""))
        if not stamp.isdigit() or abs(request.now.timestamp() - int(stamp)) > HOUR:
            return False
        key = f"{stamp}\n{FEISHU['secret']}".encode()
        right = base64.b64encode(hmac.new(key, digestmod=hashlib.sha256).digest()).decode()
        return hmac.compare_digest(right, str(body.get("sign", "")))


def _said(code: int, message: str) -> Answer:
    return Answer(200, {"code": code, "msg": message, "data": {}})
