"""Alipay's gateway: payment state asked of Alipay itself, answers and notifies believed only when it signed them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import httpx
from django.utils import timezone
from django.utils.translation import gettext as _

from orderhub.integrations import http
from orderhub.integrations.clients.base import Client, beijing
from orderhub.integrations.errors import Forged, Kind, PlatformError
from orderhub.integrations.jsontext import dumps, loads, member
from orderhub.integrations.signing_rsa import alipay_notify_valid, alipay_request_sign, rsa_verify

#: Gateway codes; 40004 is looked at by sub_code first.
CODES: dict[str, Kind] = {
    "20000": "retry",
    "20001": "configuration",
    "40001": "configuration",
    "40002": "configuration",
    "40003": "business",
    "40004": "business",
    "40006": "configuration",
}
SUB_CODES: dict[str, Kind] = {
    "ACQ.SYSTEM_ERROR": "retry",
    "isp.unknow-error": "retry",
    "aop.ACQ.SYSTEM_ERROR": "retry",
    "isv.invalid-signature": "configuration",
    "isv.invalid-timestamp": "configuration",
    "isv.app-call-limited": "retry",
}


class Alipay(Client):
    """Queries by our order number, and the check of what Alipay pushes to us."""

    platform = "alipay"

    def trade_query(self, out_trade_no: str) -> dict[str, Any]:
        """The trade as Alipay holds it: trade_no, trade_status, total_amount (text, yuan) and so on.

        PlatformError "business" with code ACQ.TRADE_NOT_EXIST where the buyer never opened the payment, "retry" where the
        answer speaks of another trade.
        """
        trade = self._gateway("alipay.trade.query", {"out_trade_no": out_trade_no})
        if str(trade.get("out_trade_no") or out_trade_no) != out_trade_no:
            raise http.unreadable(effect=False)
        return trade

    def verify_notify(self, params: Mapping[str, Any]) -> bool:
        """Whether Alipay signed this notify and meant us (app_id, seller_id). The amount is the caller's check."""
        if not alipay_notify_valid(self._alipay_key(), dict(params)):
            return False
        seller = self.connection.options.get("seller_id")
        return params.get("app_id") == self.connection.app_key and (
            not seller or params.get("seller_id") == seller
        )

    def _alipay_key(self) -> str:
        key = self.connection.options.get("alipay_public_key")
        return str(key) if key else self.secret("alipay_public_key")

    def _gateway(self, method: str, content: dict[str, Any]) -> dict[str, Any]:
        params = {
            "app_id": self.connection.app_key,
            "method": method,
            "format": "JSON",
            "charset": "utf-8",
            "sign_type": "RSA2",
            "timestamp": beijing(timezone.now()),
            "version": "1.0",
            "biz_content": dumps(content),
        }
        params["sign"] = alipay_request_sign(self.secret("private_key"), params)
        body = urlencode({"biz_content": params.pop("biz_content")}).encode()
        request = http.Outgoing(
            "POST",
            f"{self.base_url}/gateway.do?{urlencode(params)}",
            body,
            (("Content-Type", "application/x-www-form-urlencoded;charset=utf-8"),),
        )
        return self._call(method, request, effect=False, read=lambda response: self._read(method, response))

    def _read(self, method: str, response: httpx.Response) -> dict[str, Any]:
        text = response.content.decode("utf-8-sig")
        whole = loads(text)
        name = method.replace(".", "_") + "_response"
        inner = whole.get(name) if isinstance(whole, dict) else None
        if not isinstance(inner, dict):
            inner = whole.get("error_response") if isinstance(whole, dict) else None
            if not isinstance(inner, dict):
                raise http.unreadable(effect=False)
            raise self._refusal(inner)
        if str(inner.get("code")) != "10000":
            raise self._refusal(inner)
        exact, signature = member(text, name), whole.get("sign")
        if (
            not isinstance(signature, str)
            or exact is None
            or not rsa_verify(self._alipay_key(), exact, signature)
        ):
            raise Forged(
                "configuration", "answer_signature", _("The answer does not carry Alipay's signature.")
            )
        return inner

    @staticmethod
    def _refusal(inner: dict[str, Any]) -> PlatformError:
        code, sub = str(inner.get("code") or ""), str(inner.get("sub_code") or "")
        message = str(inner.get("sub_msg") or inner.get("msg") or _("Alipay refused the call."))
        kind = SUB_CODES.get(sub) or CODES.get(code) or "business"
        return PlatformError(kind, sub or code, message)
