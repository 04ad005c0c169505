"""A DingTalk group's robot: one text into the group; the signature is in the query and counts in milliseconds."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import httpx
from django.utils import timezone
from django.utils.translation import gettext as _

from orderhub.integrations import http, signing
from orderhub.integrations.clients.base import Client, utf8
from orderhub.integrations.errors import Kind, PlatformError
from orderhub.integrations.jsontext import dumps

#: Codes → kind; what is not listed is a refusal of this message.
CODES: dict[str, Kind] = {
    "-1": "retry",
    "130101": "retry",
    "410100": "retry",
    "90030": "retry",
    "310000": "configuration",
    "300001": "configuration",
    "300005": "configuration",
    "400101": "configuration",
    "400013": "configuration",
    "400102": "configuration",
    "400106": "configuration",
    "43002": "configuration",
    "43004": "configuration",
    "400105": "configuration",
    "40035": "business",
}
#: Robots over their limit are shut out for ten minutes.
THROTTLED = 600.0
TOO_FAST = frozenset({"130101", "410100", "90030", "punish", "http_429"})


class Dingtalk(Client):
    """Secrets: access_token (of the webhook's address) and app_secret (加签, begins with SEC, if it is on)."""

    platform = "dingtalk"
    #: (messages, seconds): what we allow ourselves, below the 20 a minute of the platform.
    pace = ((18, 60.0),)
    too_fast = TOO_FAST
    max_bytes = 20_000

    def send_text(self, text: str) -> None:
        """One text; PlatformError otherwise. There is no way to ask later whether it arrived."""
        query = {"access_token": self.secret("access_token")}
        secret = self.connection.secrets.get("app_secret")
        if secret:
            stamp = str(int(timezone.now().timestamp() * 1000))
            # the raw base64: urlencode encodes it, once
            query |= {"timestamp": stamp, "sign": signing.dingtalk(str(secret), stamp)}
        request = http.Outgoing(
            "POST",
            f"{self.base_url}/robot/send?{urlencode(query)}",
            utf8(dumps({"msgtype": "text", "text": {"content": text}, "at": {"isAtAll": False}})),
            (("Content-Type", "application/json; charset=utf-8"),),
            read_seconds=10.0,
        )
        self._call("robot/send", request, effect=True, read=_read)


def _read(response: httpx.Response) -> None:
    answer: dict[str, Any] = http.json_object(response, effect=True)
    if answer.get("punish"):
        raise PlatformError("retry", "punish", _("DingTalk's traffic guard refused the message."), THROTTLED)
    code = str(answer.get("errcode", ""))
    if code == "0":
        return
    if not code:
        raise http.unreadable(effect=True)
    kind = CODES.get(code, "business")
    wait = THROTTLED if code in TOO_FAST else 30.0 if kind == "retry" else None
    raise PlatformError(kind, code, str(answer.get("errmsg") or _("DingTalk refused the message.")), wait)
