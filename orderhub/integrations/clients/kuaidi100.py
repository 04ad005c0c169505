"""Kuaidi100: traces by question or by subscription. All its scalars are text, and a refusal has a shape of its own."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import httpx
from django.utils.translation import gettext as _

from orderhub.integrations import http, signing
from orderhub.integrations.clients.base import Client
from orderhub.integrations.errors import Kind, PlatformError
from orderhub.integrations.jsontext import dumps

NO_RESULT = "500"
ALREADY_SUBSCRIBED = "501"
QUERY_CODES: dict[str, Kind] = {
    "400": "business",
    "408": "business",
    "501": "retry",
    "502": "retry",
    "503": "configuration",
    "601": "configuration",
}
SUBSCRIBE_CODES: dict[str, Kind] = {
    "500": "retry",
    "502": "retry",
    "503": "configuration",
    "600": "configuration",
    "601": "configuration",
    "700": "business",
    "701": "business",
    "702": "business",
}


class Kuaidi100(Client):
    """Query, subscription and the check of callbacks."""

    platform = "kuaidi100"

    def query(self, com: str, num: str, phone: str = "") -> dict[str, Any]:
        """The whole trace: {"found": True, "state", "ischeck", "data": [newest first], …}.

        {"found": False, "data": []} where the carrier has nothing yet. Ask a number at most every 30 minutes.
        """
        param = dumps({"com": com, "num": num, "phone": phone, "resultv2": "4", "show": "0", "order": "desc"})
        customer = self.connection.app_key
        form = {
            "customer": customer,
            "sign": signing.kuaidi100_query(param, self._key(), customer),
            "param": param,
        }
        return self._call("poll.query", self._post("/poll/query.do", form), effect=False, read=_trace)

    def subscribe(self, com: str, num: str, callback_url: str, salt: str, phone: str = "") -> bool:
        """Asks for callbacks; True for a new subscription, False where one exists already."""
        param = dumps(
            {
                "company": com,
                "number": num,
                "from": "",
                "to": "",
                "key": self._key(),
                "parameters": {
                    "callbackurl": callback_url,
                    "salt": salt,
                    "resultv2": "4",
                    "autoCom": "1",
                    "interCom": "0",
                    "phone": phone,
                },
            }
        )
        return self._call(
            "poll.subscribe",
            self._post("/poll", {"schema": "json", "param": param}),
            effect=True,
            read=_subscribed,
        )

    @staticmethod
    def verify_callback(param: str, sign: str, salt: str) -> bool:
        """Whether a callback is Kuaidi100's, over the exact form-decoded text. Without a salt anybody could sign: never."""
        return bool(salt) and signing.same(signing.kuaidi100_callback(param, salt), sign)

    def _key(self) -> str:
        return self.secret("app_secret", "key")

    def _post(self, path: str, form: dict[str, str]) -> http.Outgoing:
        return http.Outgoing(
            "POST",
            self.base_url + path,
            urlencode(form).encode(),
            (("Content-Type", "application/x-www-form-urlencoded; charset=utf-8"),),
        )


def _trace(response: httpx.Response) -> dict[str, Any]:
    answer = http.json_object(response, effect=False)
    if answer.get("result") is False or "data" not in answer:
        code = str(answer.get("returnCode") or "")
        if code == NO_RESULT:
            return {"found": False, "data": []}
        raise _refusal(answer, QUERY_CODES, "business")
    data = answer["data"]
    if not isinstance(data, list) or not all(isinstance(row, dict) for row in data):
        raise http.unreadable(effect=False)
    return {**answer, "found": True}


def _subscribed(response: httpx.Response) -> bool:
    answer = http.json_object(response, effect=True)
    if answer.get("result") is True:
        return True
    if str(answer.get("returnCode")) == ALREADY_SUBSCRIBED:
        return False
    # A second subscription of the same number is answered with 501: repeating is harmless.
    raise _refusal(answer, SUBSCRIBE_CODES, "business")


def _refusal(answer: dict[str, Any], codes: dict[str, Kind], otherwise: Kind) -> PlatformError:
    code = str(answer.get("returnCode") or answer.get("status") or "")
    kind = codes.get(code, otherwise)
    message = str(answer.get("message") or _("Kuaidi100 refused the call."))
    return PlatformError(kind, code or "refused", message, 60.0 if kind == "retry" else None)
