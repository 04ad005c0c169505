"""WeChat Pay v3: payment state asked of WeChat Pay itself; notices and answers believed only signed and fresh."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode

import httpx
from django.utils import timezone
from django.utils.translation import gettext as _

from orderhub.integrations import http
from orderhub.integrations.clients.base import Client
from orderhub.integrations.errors import Forged, Kind, PlatformError
from orderhub.integrations.jsontext import Unreadable, loads
from orderhub.integrations.signing_rsa import (
    wechatpay_authorization,
    wechatpay_decrypt,
    wechatpay_notify_valid,
)

#: A notice whose time is further from ours than this is refused, in either direction.
FRESH = timedelta(minutes=5)
#: The gateway's error words; 5xx and 429 are told apart before by their status.
CODES: dict[str, Kind] = {
    "PARAM_ERROR": "configuration",
    "SIGN_ERROR": "configuration",
    "MCH_NOT_EXISTS": "configuration",
    "NO_AUTH": "configuration",
    "ORDER_NOT_EXIST": "business",
    "SYSTEM_ERROR": "retry",
    "BANK_ERROR": "retry",
    "FREQUENCY_LIMITED": "retry",
    "RATELIMIT_EXCEEDED": "retry",
}


class WechatPay(Client):
    """Queries by our order number, and the check of what WeChat Pay pushes to us.

    The connection's app_key is the appid; options: mchid, serial_no (of the merchant's own certificate) and
    platform_keys {serial or PUB_KEY_ID_…: PEM}; secrets: private_key (the merchant's) and api_v3_key.
    """

    platform = "wechatpay"

    def transaction(self, out_trade_no: str) -> dict[str, Any]:
        """The payment as WeChat Pay holds it: transaction_id, trade_state, amount {total: fen}, mchid and so on.

        PlatformError "business" with code ORDER_NOT_EXIST where the buyer never opened the payment.
        """
        mchid = str(self.option("mchid"))
        path = (
            f"/v3/pay/transactions/out-trade-no/{quote(out_trade_no, safe='')}?{urlencode({'mchid': mchid})}"
        )
        sent = wechatpay_authorization(
            self.secret("private_key"),
            method="GET",
            path=path,
            mchid=mchid,
            serial_no=str(self.option("serial_no")),
            nonce=secrets.token_hex(16).upper(),
            timestamp=str(int(timezone.now().timestamp())),
            body="",
        )
        headers = [("Authorization", sent), ("Accept", "application/json")]
        # In public key mode the request names the key with which the answer shall be signed.
        headers += [("Wechatpay-Serial", name) for name in self._keys() if name.startswith("PUB_KEY_ID_")][:1]
        request = http.Outgoing("GET", self.base_url + path, headers=tuple(headers))

        def read(response: httpx.Response) -> dict[str, Any]:
            found = self._read(response)
            if found.get("out_trade_no") != out_trade_no:
                raise Forged(
                    "configuration", "answer_other", _("WeChat Pay's answer is about another order.")
                )
            return found

        return self._call("transactions/out-trade-no", request, effect=False, read=read)

    def believed(self, headers: Mapping[str, str], body: bytes) -> str:
        """The id of a notice that WeChat Pay signed now and meant for us; `Forged` says what is wrong.

        A signed notice that our APIv3 key does not open is believed: whoever reads it says so to a person.
        """
        self._signed(headers, body, fresh=True)
        try:
            whole = loads(body)
        except Unreadable as error:
            raise Forged(code="body", message=_("The notice is not JSON.")) from error
        notice = whole.get("id") if isinstance(whole, dict) else None
        if not isinstance(notice, str) or not notice:
            raise Forged(code="body", message=_("The notice has no number."))
        try:
            plain = self.opened(body)
        except PlatformError:
            return notice
        if plain.get("mchid") != str(self.option("mchid")):
            raise Forged(code="payee", message=_("The notice is meant for another merchant."))
        if plain.get("appid", self.connection.app_key) != self.connection.app_key:
            raise Forged(code="app", message=_("The notice is meant for another app."))
        return notice

    def opened(self, body: bytes) -> dict[str, Any]:
        """What a notice says: its decrypted resource with its `event_type`; a configuration error if it stays shut."""
        event, plain = "", None
        try:
            whole = loads(body)
            event = str(whole["event_type"])
            if whole["resource"]["algorithm"] == "AEAD_AES_256_GCM":
                text = wechatpay_decrypt(self.secret("api_v3_key"), body)
                plain = loads(text) if text is not None else None
        except (Unreadable, ValueError, KeyError, TypeError, AttributeError):
            plain = None
        if not isinstance(plain, dict):
            raise PlatformError(
                "configuration", "cannot_open", _("The notice can't be opened with this account's APIv3 key.")
            )
        return {**plain, "event_type": event}

    def _signed(self, headers: Mapping[str, str], body: bytes, *, fresh: bool) -> None:
        found = {name.lower(): value for name, value in headers.items()}
        stamp, serial = found.get("wechatpay-timestamp", ""), found.get("wechatpay-serial", "")
        if fresh and not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 11):
            raise Forged(code="timestamp", message=_("The message carries no time."))
        if fresh and abs(timezone.now().timestamp() - int(stamp)) > FRESH.total_seconds():
            raise Forged(code="stale", message=_("The message is too old, or from the future."))
        key = self._keys().get(serial)
        if not key:
            raise Forged(
                "configuration", "serial", _("WeChat Pay's key %(serial)s is not known.") % {"serial": serial}
            )
        if not wechatpay_notify_valid(str(key), found, body):
            raise Forged(code="signature", message=_("The message does not carry WeChat Pay's signature."))

    def _keys(self) -> dict[str, str]:
        keys = self.connection.options.get("platform_keys")
        return keys if isinstance(keys, dict) else {}

    def _read(self, response: httpx.Response) -> dict[str, Any]:
        answer = http.json_object(response, effect=False)
        if response.status_code != 200:
            code = str(answer.get("code") or f"http_{response.status_code}")
            message = str(answer.get("message") or _("WeChat Pay refused the call."))
            raise PlatformError(CODES.get(code, "business"), code, message)
        try:
            self._signed(dict(response.headers), response.content, fresh=False)
        except Forged as error:
            raise Forged(
                "configuration", "answer_signature", _("The answer does not carry WeChat Pay's signature.")
            ) from error
        return answer
