"""Pinduoduo's e-waybills: numbers, print payloads, cancels, outlets and their balance.

print_data is cipher text for the print component: it is handed on as the very text that came. A masked
receiver's cipher text goes back unchanged, exactly as the order showed it.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _

from orderhub.integrations import http
from orderhub.integrations.clients.session import SessionClient
from orderhub.integrations.errors import PlatformError

#: Most parcels a `waybill_get` may carry.
MAX_PARCELS = 10
CANCELLED = "isv.waybill-already-cancelled"
ABSENT = frozenset({"isv.waybill-not-exist", "isv.invalid-parameter:waybill_code"})


class PinduoduoWaybill(SessionClient):
    """The e-waybill calls; `call` is the gateway's."""

    @abstractmethod
    def call(self, type_: str, *, effect: bool = False, **params: Any) -> dict[str, Any]:
        """One gateway call; the Pinduoduo client's."""

    @property
    def mall_id(self) -> int:
        """The shop's own number, as its owner's consent named it."""
        return int(self.connection.token.get("owner_id") or self.option("user_id"))

    def waybill_get(
        self, wp_code: str, sender: dict[str, Any], parcels: Sequence[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        """Takes a number and a print payload for each of at most ten parcels (trade_order_info_dtos rows).

        Rows: object_id, waybill_code, print_data (text, untouched), parent_waybill_code. The same order and
        package give the old number again: after "unknown" ask the same once more.
        """
        if not 0 < len(parcels) <= MAX_PARCELS:
            raise ValueError(f"one call takes 1 to {MAX_PARCELS} parcels")
        body = {
            "wp_code": wp_code,
            "need_encrypt": True,
            "sender": sender,
            "trade_order_info_dtos": [{"user_id": self.mall_id, **parcel} for parcel in parcels],
        }
        inner = self.call("pdd.waybill.get", effect=True, param_waybill_cloud_print_apply_new_request=body)
        rows = _listed(inner.get("modules"))
        if not rows:
            raise http.unreadable(effect=True)
        return rows

    def waybill_query(self, wp_code: str, codes: Sequence[str]) -> list[dict[str, Any]]:
        """What exists of these numbers: rows with object_id, waybill_code, print_data. Nothing is found by order."""
        rows = [
            {"object_id": str(n), "waybill_code": code, "wp_code": wp_code} for n, code in enumerate(codes)
        ]
        try:
            inner = self.call("pdd.waybill.query.by.waybillcode", param_list=rows)
        except PlatformError as error:
            if error.code in ABSENT:
                return []
            raise
        found = [row.get("waybill_cloud_print_response") for row in _listed(inner.get("modules"))]
        return [row for row in found if isinstance(row, dict) and row.get("waybill_code")]

    def waybill_cancel(self, wp_code: str, code: str) -> bool:
        """Gives a number back; True also where it was cancelled before. Business error once it was picked up."""
        try:
            inner = self.call("pdd.waybill.cancel", effect=True, wp_code=wp_code, waybill_code=code)
        except PlatformError as error:
            if error.code == CANCELLED:
                return True
            raise
        if inner.get("cancel_result") not in (True, "true", 1):
            raise PlatformError(
                "business", "not_cancelled", _("Pinduoduo did not cancel this waybill number.")
            )
        return True

    def waybill_search(self, wp_code: str | None = None) -> list[dict[str, Any]]:
        """The shop's subscriptions: carrier, outlets with balance (`quantity`) and sender addresses."""
        inner = self.call("pdd.waybill.search", wp_code=wp_code or "")
        return _listed(inner.get("waybill_apply_subscription_cols"))


def _listed(rows: Any) -> list[dict[str, Any]]:
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
