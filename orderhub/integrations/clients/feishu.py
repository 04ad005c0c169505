"""A Feishu group's custom bot: one text into the group; the signature is in the body and counts in seconds."""

from __future__ import annotations

from typing import Any

import httpx
from django.utils import timezone
from django.utils.translation import gettext as _

from orderhub.integrations import http, signing
from orderhub.integrations.clients.base import Client, utf8
from orderhub.integrations.errors import Kind, PlatformError
from orderhub.integrations.jsontext import dumps

#: Codes → kind; what is not listed is a refusal of this message.
CODES: dict[str, Kind] = {
    "9499": "business",
    "10003": "retry",
    "10004": "retry",
    "11232": "retry",
    "19001": "configuration",
    "19021": "configuration",
    "19022": "configuration",
    "19024": "configuration",
}
#: The platform's own word for "too many": nothing was sent, and the wait is no failed try.
TOO_FAST = frozenset({"11232", "http_429"})


class Feishu(Client):
    """Secrets: access_token (the last part of the webhook's address) and app_secret (signature check, if it is on)."""

    platform = "feishu"
    #: (messages, seconds): what we allow ourselves, below the 100 a minute and 5 a second of the platform.
    pace = ((90, 60.0), (4, 1.0))
    too_fast = TOO_FAST
    max_bytes = 20_000

    def send_text(self, text: str) -> None:
        """One text; PlatformError otherwise. There is no way to ask later whether it arrived."""
        body: dict[str, Any] = {"msg_type": "text", "content": {"text": text}}
        secret = self.connection.secrets.get("app_secret")
        if secret:
            stamp = str(int(timezone.now().timestamp()))
            body |= {"timestamp": stamp, "sign": signing.feishu(str(secret), stamp)}
        request = http.Outgoing(
            "POST",
            f"{self.base_url}/open-apis/bot/v2/hook/{self.secret('access_token')}",
            utf8(dumps(body)),
            (("Content-Type", "application/json; charset=utf-8"),),
            read_seconds=10.0,
        )
        self._call("bot/v2/hook", request, effect=True, read=_read)


def _read(response: httpx.Response) -> None:
    answer = http.json_object(response, effect=True)
    code = str(answer.get("code", answer.get("StatusCode", "")))
    if code == "0":
        return
    if not code:
        raise http.unreadable(effect=True)
    kind = CODES.get(code, "business")
    message = str(answer.get("msg") or _("Feishu refused the message."))
    raise PlatformError(kind, code, message, 60.0 if kind == "retry" else None)
