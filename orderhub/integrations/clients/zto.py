"""ZTO's open platform: plain receivers, a digest over the exact body, success only where `status` is true."""

from __future__ import annotations

from typing import Any

import httpx
from django.utils.translation import gettext as _

from orderhub.integrations import http, signing
from orderhub.integrations.clients.base import Client, utf8
from orderhub.integrations.errors import Kind, PlatformError
from orderhub.integrations.jsontext import dumps

#: Gateway codes → kind for (calls with effect, calls that read); what is not listed is a business refusal.
CODES: dict[str, tuple[Kind, Kind]] = {
    "S200": ("unknown", "retry"),
    "S202": ("unknown", "retry"),
    "S203": ("unknown", "retry"),
    "S206": ("retry", "retry"),
    "S221": ("retry", "retry"),
    "S207": ("configuration", "configuration"),
    "S210": ("configuration", "configuration"),
    "E418": ("configuration", "configuration"),
    "S211": ("configuration", "configuration"),
    "S212": ("configuration", "configuration"),
    "S214": ("configuration", "configuration"),
    "E404": ("configuration", "configuration"),
}


class Zto(Client):
    """Waybill numbers, their cancel and their traces."""

    platform = "zto"

    def create_order(self, parcel: dict[str, Any]) -> dict[str, Any]:
        """A waybill number for one parcel in ZTO's own words (partnerOrderCode, senderInfo, receiveInfo, …).

        {"billCode","orderCode","partnerOrderCode","siteCode","siteName","mark","bagAddr"}. The same
        partnerOrderCode gives the same number, so "unknown" is settled by `order_info` or by asking again.
        """
        if not parcel.get("partnerOrderCode"):
            raise ValueError("a parcel needs its partnerOrderCode")
        body: dict[str, Any] = {
            "partnerType": str(self.option("partner_type", "1")),
            "orderType": str(self.option("order_type", "1")),
        }
        if self.connection.options.get("account_id") and "accountInfo" not in parcel:
            body["accountInfo"] = {
                "accountId": self.option("account_id"),
                "accountPassword": self.secret("account_password", "account_secret"),
            }
        return self._order(self.call("zto.open.createOrder", body | parcel, effect=True), effect=True)

    def order_info(self, partner_order_code: str = "", bill_code: str = "") -> dict[str, Any] | None:
        """The order under our code or under its number, as `create_order` gives it; None where ZTO has none."""
        if bill_code:
            asked = {"type": 1, "billCode": bill_code}
        elif partner_order_code:
            asked = {"type": 0, "orderCode": "", "partnerOrderCode": partner_order_code}
        else:
            raise ValueError("ask by partner order code or by bill code")
        try:
            result = self.call("zto.open.getOrderInfo", asked, effect=False)
        except PlatformError as error:
            if error.kind == "business" and "不存在" in error.message:
                return None
            raise
        result = result[0] if isinstance(result, list) and result else result
        return self._order(result, effect=False) if isinstance(result, dict) and result else None

    def cancel(self, bill_code: str, cancel_type: str = "1") -> bool:
        """Gives a number back; business error once ZTO has picked the parcel up."""
        self.call("zto.open.cancelPreOrder", {"cancelType": cancel_type, "billCode": bill_code}, effect=True)
        return True

    def track(self, bill_code: str, phone_tail: str = "") -> list[dict[str, Any]]:
        """The scans of a parcel as ZTO words them; [] before the first one."""
        asked = {"billCode": bill_code} | ({"mobilePhone": phone_tail} if phone_tail else {})
        result = self.call("zto.merchant.waybill.track.query", asked, effect=False)
        if result in (None, ""):
            return []
        if not isinstance(result, list) or not all(isinstance(row, dict) for row in result):
            raise http.unreadable(effect=False)
        return result

    def call(self, name: str, body: dict[str, Any], *, effect: bool) -> Any:
        """The `result` of one API; the bytes that are signed are the bytes that are sent."""
        content = utf8(dumps(body))
        app_key = self.connection.app_key
        request = http.Outgoing(
            "POST",
            f"{self.base_url}/{name}",
            content,
            (
                ("Content-Type", "application/json; charset=UTF-8"),
                ("x-appKey", app_key),
                ("x-companyid", app_key),
                ("x-datadigest", signing.zto(self.secret("app_secret"), content)),
            ),
        )
        return self._call(name, request, effect=effect, read=lambda response: _read(response, effect))

    @staticmethod
    def _order(result: Any, effect: bool) -> dict[str, Any]:
        if not isinstance(result, dict) or not result.get("billCode"):
            raise http.unreadable(effect)
        mark = result.get("bigMarkInfo") or {}
        names = ("billCode", "orderCode", "partnerOrderCode", "siteCode", "siteName", "orderStatus")
        return {
            **{name: str(result.get(name) or "") for name in names},
            "mark": str(mark.get("mark") or ""),
            "bagAddr": str(mark.get("bagAddr") or ""),
        }


def _read(response: httpx.Response, effect: bool) -> Any:
    answer = http.json_object(response, effect)
    if answer.get("status") is True:
        return answer.get("result")
    code, message = (
        str(answer.get("statusCode") or answer.get("code") or ""),
        str(answer.get("message") or ""),
    )
    if answer.get("status") is not False and code not in CODES:
        raise http.unreadable(effect)
    kind: Kind = CODES[code][0 if effect else 1] if code in CODES else "business"
    raise PlatformError(
        kind, code or "refused", message or _("ZTO refused the call."), 5.0 if kind == "retry" else None
    )
