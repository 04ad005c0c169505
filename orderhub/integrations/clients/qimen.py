"""Qimen: XML to a warehouse system and its confirmations back; the signature covers the exact body both ways."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import httpx
from django.utils import timezone
from django.utils.translation import gettext as _

from orderhub.integrations import http, signing, xmltext
from orderhub.integrations.clients.base import Client, beijing
from orderhub.integrations.errors import Forged, Kind, PlatformError
from orderhub.integrations.jsontext import Unreadable

#: Codes and sub codes of a failure (lower case) → kind for (calls with effect, calls that read).
CODES: dict[str, tuple[Kind, Kind]] = {
    "25": ("configuration", "configuration"),
    "28": ("configuration", "configuration"),
    "29": ("configuration", "configuration"),
    "30": ("configuration", "configuration"),
    "31": ("configuration", "configuration"),
    "11": ("configuration", "configuration"),
    "invalid-signature": ("configuration", "configuration"),
    "isv.invalid-signature": ("configuration", "configuration"),
    "isv.invalid-timestamp": ("configuration", "configuration"),
    "sign-check-failure": ("configuration", "configuration"),
    "7": ("retry", "retry"),
    "10": ("unknown", "retry"),
    "15": ("unknown", "retry"),
    "50": ("unknown", "retry"),
    "isv.missing-parameter": ("configuration", "configuration"),
    "isv.invalid-app-key": ("configuration", "configuration"),
    "isv.method-not-exists": ("configuration", "configuration"),
    "isv.qimen-call-limited": ("retry", "retry"),
    "isv.app-call-limited": ("retry", "retry"),
    "isp.service-timeout": ("unknown", "retry"),
    "isp.http-read-timeout": ("unknown", "retry"),
    "isp.http-connection-timeout": ("retry", "retry"),
    "isp.http-connection-refuse": ("retry", "retry"),
}


class Qimen(Client):
    """Delivery orders, returns and stock at one warehouse (customerId). Orders are given in the protocol's words."""

    platform = "qimen"

    def delivery_create(self, order: Mapping[str, Any]) -> str:
        """Hands one order over ({"deliveryOrder": …, "orderLines": […], "extendProps": …}); the deliveryOrderId.

        deliveryOrderCode is the natural key; "unknown" is settled by `delivery_query`.
        """
        answer = self.call("deliveryorder.create", dict(order), effect=True)
        return str(answer.get("deliveryOrderId") or "")

    def order_cancel(
        self,
        order_code: str,
        *,
        order_type: str = "JYCK",
        warehouse_code: str = "",
        order_id: str = "",
        reason: str = "",
    ) -> bool:
        """Asks the warehouse to stop an order; business error where it is too late."""
        self.call(
            "order.cancel",
            {
                "warehouseCode": warehouse_code or self.option("warehouseCode"),
                "ownerCode": self._owner(),
                "orderCode": order_code,
                "orderId": order_id or None,
                "orderType": order_type,
                "cancelReason": reason or None,
            },
            effect=True,
        )
        return True

    def delivery_query(self, code: str, warehouse_code: str = "") -> dict[str, Any] | None:
        """The delivery order as the warehouse holds it (deliveryOrder, packages, orderLines); None where it has none."""
        try:
            return self.call(
                "deliveryorder.query",
                {
                    "orderCode": code,
                    "deliveryOrderCode": code,
                    "ownerCode": self._owner(),
                    "warehouseCode": warehouse_code or self.connection.options.get("warehouseCode"),
                },
                effect=False,
            )
        except PlatformError as error:
            if error.kind == "business" and "不存在" in error.message:
                return None
            raise

    def inventory_query(
        self, item_codes: Sequence[str], warehouse_code: str = "", inventory_type: str = "ZP"
    ) -> list[dict[str, Any]]:
        """Stock of items: warehouseCode, itemCode, inventoryType, quantity, lockQuantity (texts)."""
        criteria = [
            {
                "warehouseCode": warehouse_code or self.connection.options.get("warehouseCode"),
                "ownerCode": self._owner(),
                "itemCode": code,
                "inventoryType": inventory_type,
            }
            for code in item_codes
        ]
        items = self.call("inventory.query", {"criteriaList": criteria}, effect=False).get("items")
        if items in (None, ""):
            return []
        if not isinstance(items, list):
            raise http.unreadable(effect=False)
        return [item for item in items if isinstance(item, dict)]

    def return_create(self, order: Mapping[str, Any]) -> str:
        """Announces a return ({"returnOrder": …, "orderLines": […]}); the returnOrderId."""
        answer = self.call("returnorder.create", dict(order), effect=True)
        return str(answer.get("returnOrderId") or "")

    def parse_confirm(self, query: Mapping[str, str], body: bytes) -> dict[str, Any]:
        """The content of an inbound confirmation and its "method"; Forged where signature or addressee is wrong.

        Unreadable for XML that can't be read (the signature was right: keep the bytes, a person looks).
        """
        made = signing.qimen(self._inbound_secret(), query, body)
        if not query.get("sign") or not signing.same(made, query["sign"]):
            raise Forged(code="signature", message=_("The message does not carry the warehouse's signature."))
        customer = self.connection.options.get("customerId")
        if customer and query.get("customerId") != customer:
            raise Forged(code="customer", message=_("The message is meant for another customer."))
        return {**xmltext.parse(body), "method": query.get("method", "").removeprefix("taobao.qimen.")}

    @staticmethod
    def answer(ok: bool, message: str = "") -> bytes:
        """What an inbound confirmation is answered with."""
        return xmltext.build(
            "response",
            {"flag": "success" if ok else "failure", "code": "0" if ok else "S003", "message": message},
        )

    def call(self, method: str, content: dict[str, Any], *, effect: bool) -> dict[str, Any]:
        """The answer of one method (short name) as a dictionary; the bytes signed are the bytes sent."""
        body = xmltext.build("request", content)
        query = {
            "method": f"taobao.qimen.{method}",
            "timestamp": beijing(timezone.now()),
            "format": "xml",
            "app_key": self.connection.app_key,
            "v": "2.0",
            "sign_method": "md5",
            "customerId": str(self.option("customerId")),
        }
        query["sign"] = signing.qimen(self.secret("app_secret"), query, body)
        request = http.Outgoing(
            "POST",
            f"{self.base_url}/router/qimen/service?{urlencode(query)}",
            body,
            (("Content-Type", "text/xml;charset=utf-8"),),
            read_seconds=20.0,
        )
        return self._call(method, request, effect=effect, read=lambda response: _read(response, effect))

    def _owner(self) -> str | None:
        return self.connection.options.get("ownerCode") or None

    def _inbound_secret(self) -> str:
        return self.secret("inbound_secret", "app_secret")


def _read(response: httpx.Response, effect: bool) -> dict[str, Any]:
    try:
        answer = xmltext.parse(response.content)
    except Unreadable as error:
        raise http.unreadable(effect) from error
    if answer.get("flag") == "success":
        return answer
    code = str(answer.get("sub_code") or answer.get("subCode") or answer.get("code") or "")
    message = str(
        answer.get("sub_msg") or answer.get("subMessage") or answer.get("message") or answer.get("msg") or ""
    )
    known = CODES.get(code.lower()) or CODES.get(str(answer.get("code") or "").lower())
    if known:
        kind = known[0 if effect else 1]
        raise PlatformError(kind, code, message or code, 30.0 if kind == "retry" else None)
    if answer.get("flag") != "failure":
        raise http.unreadable(effect)
    raise PlatformError("business", code or "refused", message or _("The warehouse refused the call."))
