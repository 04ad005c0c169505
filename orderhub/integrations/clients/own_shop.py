"""Our own shop's small REST interface: order state asked of the shop, shipments reported once by a natural key.

Each request carries X-App-Key, X-Timestamp and X-Signature (HMAC-SHA256 over time, method, path and body).
"""

from __future__ import annotations

import time
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
    "timestamp": "configuration",
    "signature": "configuration",
    "app_key": "configuration",
    "quota": "retry",
    "order_not_found": "business",
    "already_shipped": "business",
}


class OwnShop(Client):
    """The shop's side of an order."""

    platform = "own_shop"

    def order_state(self, number: str) -> dict[str, Any]:
        """The order as the shop holds it ({"number", "status", …}); business error "order_not_found"."""
        return self._send("GET", f"/orders/{quote(number, safe='')}", None, "")

    def report_shipment(self, number: str, carrier: str, waybill_no: str, at: datetime) -> dict[str, Any]:
        """Tells the shop the parcel; {"already": bool}. The same number told twice counts as told."""
        if at.tzinfo is None:
            raise ValueError("a moment needs its time zone")
        body = {
            "carrier": carrier,
            "waybill_no": waybill_no,
            "shipped_at": at.astimezone(BEIJING).isoformat(timespec="seconds"),
        }
        path = f"/orders/{quote(number, safe='')}/shipment"
        try:
            answer = self._send("POST", path, body, f"shipment:{number}:{waybill_no}")
        except PlatformError as error:
            if error.code == "already_shipped" and self.order_state(number).get("waybill_no") in (
                waybill_no,
                None,
                "",
            ):
                return {"already": True}
            raise
        return {"already": False, **answer}

    def _send(self, method: str, path: str, body: dict[str, Any] | None, key: str) -> dict[str, Any]:
        content = b"" if body is None else utf8(dumps(body))
        stamp = str(int(time.time()))
        headers = [
            ("X-App-Key", self.connection.app_key),
            ("X-Timestamp", stamp),
            (
                "X-Signature",
                signing.own_shop(self.secret("app_secret", "secret"), stamp, method, path, content),
            ),
        ]
        if body is not None:
            headers += [("Content-Type", "application/json; charset=utf-8"), ("Idempotency-Key", key)]
        request = http.Outgoing(
            method, self.base_url + path, content, tuple(headers), shown="" if content else path
        )
        effect = method != "GET"
        return self._call(
            f"{method} {path.rsplit('/', 1)[-1] if effect else 'order'}",
            request,
            effect=effect,
            read=lambda response: _read(response, effect),
        )


def _read(response: httpx.Response, effect: bool) -> dict[str, Any]:
    answer = http.json_object(response, effect)
    if response.status_code < 300:
        return answer
    code = str(answer.get("code") or f"http_{response.status_code}")
    message = str(answer.get("message") or answer.get("detail") or _("The shop refused the call."))
    kind = CODES.get(code) or ("configuration" if response.status_code in (401, 403) else "business")
    raise PlatformError(kind, code, message)
