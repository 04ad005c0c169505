"""A DingTalk group with a robot: 加签 on, 20 messages a minute, and ten minutes outside for more."""

from __future__ import annotations

import base64
import hashlib
import hmac

from orderhub.sandbox.credentials import DINGTALK
from orderhub.sandbox.frame import Answer, Platform, Request
from orderhub.sandbox.rooms import Room
from orderhub.sandbox.world import World

HOUR_MS = 3600 * 1000
TOO_FAST = "send too fast, exceed 20 times per minute"


class Dingtalk(Platform):
    prefix = "dingtalk"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.room = Room(world, self.prefix, [(20, 60.0)], punish=600.0)

    def reset(self) -> None:
        self.room.clear()

    def fault_key(self, request: Request) -> str:
        return "robot/send"

    def quota_answer(self, request: Request) -> Answer:
        return _said(130101, TOO_FAST)

    def deny_answer(self, request: Request) -> Answer:
        return _said(310000, "keywords not in content, more: [https://open.dingtalk.com]")

    def expire_token(self, request: Request) -> Answer | None:
        return _said(300005, "token is not exist")

    def handle(self, request: Request) -> Answer:
        if request.path != "/robot/send":
            return _said(404, "请求的URI地址不存在")
        if request.method != "POST":
            return _said(43002, "HttpMethod error: must be POST")
        if "json" not in request.headers.get("content-type", ""):
            return _said(43004, "无效的HTTP HEADER Content-Type")
        if request.query.get("access_token") != DINGTALK["access_token"]:
            return _said(300005, "token is not exist")
        refusal = self._unsigned(request)
        if refusal:
            return _said(310000, refusal)
        try:
            body = request.json()
        except ValueError:
            body = None
        if not isinstance(body, dict) or len(request.body) > 20_000:
            return _said(40035, "缺少参数 json")
        if body.get("msgtype") != "text":
            return _said(400105, "不支持的消息类型")
        text = (body.get("text") or {}).get("content")
        if not isinstance(text, str) or not text:
            return _said(40035, "缺少参数 text.content")
        if not self.room.may_speak():
            return _said(130101, TOO_FAST)
        self.room.hang(text)
        return _said(0, "ok")

    @staticmethod
    def _unsigned(request: Request) -> str:
        """Why the signature is refused; empty when it is right. Milliseconds, within an hour."""
        stamp = request.query.get("timestamp", "")
        if not stamp.isdigit() or abs(request.now.timestamp() * 1000 - int(stamp)) > HOUR_MS:
            return "invalid timestamp"
        secret = DINGTALK["secret"]
        digest = hmac.new(secret.encode(), f"{stamp}\n{secret}".encode(), hashlib.sha256).digest()
        right = base64.b64encode(digest).decode()
        return "" if hmac.compare_digest(right, request.query.get("sign", "")) else "sign not match"


def _said(code: int, message: str) -> Answer:
    return Answer(200, {"errcode": code, "errmsg": message})
