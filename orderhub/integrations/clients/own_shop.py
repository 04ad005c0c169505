"""Our own shop's small REST interface: order state asked of the shop, shipments reported once by a natural key.

Each request carries X-Shop-Timestamp and X-Shop-Signature (HMAC-SHA256 over timestamp, path and body).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

import httpx
from django.utils.translation import gettext as _

from orderhub.integrations import http, signing
from orderhub.integrations.clients.base import BEIJING, Client, utf8
from orderhub.integrations.errors import Kind, PlatformError
from orderhub.integrations.jsontext import dumps

CODES: dict[str, Kind] = {
    "signature": "configuration",
    "quota": "retry",
    "not_found": "business",
    "state": "business",
    "denied": "business",
}


class OwnShop(Client):
    """The shop's side of an order."""

    platform = "own_shop"

    def order_state(self, number: str) -> dict[str, Any]:
        """The order as the shop holds it: {"number", "state", "paid", "refund", "payable", "shipment", …}.

        state is created, paid, shipped, cancelled or refund_requested. Business error "not_found".
        """
        return self._send("GET", f"/orders/{quote(number, safe='')}", None, "")

    def report_shipment(
        self, number: str, carrier: str, waybill_no: str, at: datetime, lines: Sequence[str] = ()
    ) -> dict[str, Any]:
        """Tells the shop the parcel; {"already": bool}. The same number told again counts as told.

        `lines` are the shop's line ids of a second parcel. Business error "state": cancelled, or another number.
        """
        if at.tzinfo is None:
            raise ValueError("a moment needs its time zone")
        moment = at.astimezone(BEIJING).isoformat(timespec="seconds")
        body: dict[str, Any] = {"carrier": carrier, "waybill_no": waybill_no, "at": moment}
        if lines:
            body["lines"] = list(lines)
        path = f"/orders/{quote(number, safe='')}/shipment"
        answer = self._send("POST", path, body, f"shipment:{number}:{waybill_no}")
        return {"already": answer.get("repeated") is True}

    def goods_page(self, page: int) -> dict[str, Any]:
        """One page (from 1): {"goods": [{"item", "sku", "code", "title", "quantity"}], "more": bool}."""
        return self._send("GET", f"/goods/{page}", None, "", "goods")

    def set_stock(self, quantities: Mapping[str, int]) -> list[dict[str, Any]]:
        """Sets the whole numbers of SKUs; returns the rows that the shop refused: {"sku", "error", "message"}."""
        body = {"stock": [{"sku": sku, "quantity": n} for sku, n in quantities.items()]}
        return list(self._send("PUT", "/goods/stock", body, "", "goods.stock").get("refused") or ())

    def _send(
        self, method: str, path: str, body: dict[str, Any] | None, key: str, label: str = ""
    ) -> dict[str, Any]:
        content = b"" if body is None else utf8(dumps(body))
        stamp = str(int(time.time()))
        signature = signing.own_shop(self.secret("app_secret", "secret"), stamp, path, content)
        headers = [("X-Shop-Timestamp", stamp), ("X-Shop-Signature", signature)]
        if body is not None:
            headers.append(("Content-Type", "application/json; charset=utf-8"))
        if key:
            headers.append(("Idempotency-Key", key))
        shown = "" if content else path
        request = http.Outgoing(method, self.base_url + path, content, tuple(headers), shown=shown)
        effect = method != "GET"
        label = label or ("order.shipment" if effect else "order.state")
        return self._call(label, request, effect=effect, read=lambda response: _read(response, effect))


def _read(response: httpx.Response, effect: bool) -> dict[str, Any]:
    answer = http.json_object(response, effect)
    if response.status_code < 300:
        return answer
    code = str(answer.get("error") or answer.get("code") or f"http_{response.status_code}")
    message = str(answer.get("message") or answer.get("detail") or _("The shop refused the call."))
    kind = CODES.get(code) or ("configuration" if response.status_code in (401, 403) else "business")
    raise PlatformError(kind, code, message)
