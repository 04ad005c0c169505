"""Cainiao e-waybills over the Taobao gateway: numbers, print payloads, cancels, outlets and their balance.

print_data is cipher text for the print component: it is handed on as the very text that came.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _

from orderhub.integrations import http
from orderhub.integrations.clients.session import SessionClient
from orderhub.integrations.errors import PlatformError
from orderhub.integrations.jsontext import dumps

#: Most parcels a `waybill_get` may carry.
MAX_PARCELS = 10
#: No error list is published; what sub_msg contains → (kind, code). Editable here when real texts are seen.
TEXTS: tuple[tuple[str, str], ...] = (
    ("余额不足", "balance"),
    ("订购关系", "no_subscription"),
    ("已取消", "already_cancelled"),
    ("已揽收", "picked_up"),
    ("oaid", "oaid_mismatch"),
    ("不可达", "unreachable_area"),
    ("超区", "unreachable_area"),
)


class Cainiao(SessionClient):
    """The four e-waybill calls; `call` is the gateway's."""

    platform = "cainiao"

    @abstractmethod
    def call(self, method: str, *, effect: bool = False, **params: Any) -> dict[str, Any]:
        """One gateway call; the Taobao client's."""

    def waybill_get(
        self, cp_code: str, sender: dict[str, Any], parcels: Sequence[dict[str, Any]], user_id: str | int
    ) -> list[dict[str, Any]]:
        """Takes a number and a print payload for each of at most ten parcels (trade_order_info_dtos rows).

        Rows: object_id, waybill_code, cp_code, real_cp_code, print_data (text, untouched), parent_waybill_code.
        "unknown" means: ask by `waybill_query` before asking for numbers again.
        """
        if not 0 < len(parcels) <= MAX_PARCELS:
            raise ValueError(f"one call takes 1 to {MAX_PARCELS} parcels")
        rows = [{"user_id": int(user_id), **parcel} for parcel in parcels]
        body = {"cp_code": cp_code, "sender": sender, "trade_order_info_dtos": rows, "need_encrypt": True}
        inner = self._waybill(
            "cainiao.waybill.ii.get", True, param_waybill_cloud_print_apply_new_request=dumps(body)
        )
        found = _rows(inner.get("modules"), "waybill_cloud_print_response")
        if not found:
            raise http.unreadable(effect=True)
        return found

    def waybill_query(self, parcels: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """What exists for these parcels: {"object_id","cp_code","biz_sub_code"} by trade code, or "waybill_code".

        Rows: success, error_code, error_message and the number's own fields where it exists.
        """
        by_number = all(parcel.get("waybill_code") for parcel in parcels)
        method = (
            "cainiao.waybill.ii.query.by.waybillcode"
            if by_number
            else "cainiao.waybill.ii.query.by.tradecode"
        )
        inner = self._waybill(method, False, param_list=dumps(list(parcels)))
        found = []
        for row in _rows(inner.get("modules"), "waybill_cloud_print_with_result_desc_response"):
            number = row.get("waybill_cloud_print_response")
            found.append(
                {
                    **{name: value for name, value in row.items() if name != "waybill_cloud_print_response"},
                    **(number if isinstance(number, dict) else {}),
                    "success": row.get("success") in (True, "true"),
                }
            )
        return found

    def waybill_cancel(self, cp_code: str, code: str) -> bool:
        """Gives a number back; True also where it was cancelled before. Business error once it was picked up."""
        try:
            inner = self._waybill("cainiao.waybill.ii.cancel", True, cp_code=cp_code, waybill_code=code)
        except PlatformError as error:
            if error.code == "already_cancelled":
                return True
            raise
        if inner.get("cancel_result") not in (True, "true"):
            raise PlatformError("business", "not_cancelled", _("Cainiao did not cancel this waybill number."))
        return True

    def waybill_search(self, cp_code: str | None = None) -> list[dict[str, Any]]:
        """The seller's subscriptions: carrier, outlets with balance (`quantity`) and sender addresses as flat lists."""
        inner = self._waybill("cainiao.waybill.ii.search", False, cp_code=cp_code or "")
        found = []
        for row in _rows(inner.get("waybill_apply_subscription_cols"), "waybill_apply_subscription_info"):
            branches = [
                {**branch, "shipp_address_cols": _rows(branch.get("shipp_address_cols"), "address_dto")}
                for branch in _rows(row.get("branch_account_cols"), "waybill_branch_account")
            ]
            found.append({**row, "branch_account_cols": branches})
        return found

    def _waybill(self, method: str, effect: bool, **params: Any) -> dict[str, Any]:
        try:
            return self.call(method, effect=effect, **params)
        except PlatformError as error:
            for text, code in TEXTS:
                if error.kind == "business" and text in error.message:
                    raise PlatformError("business", code, error.message) from error
            raise


def _rows(wrapped: Any, name: str) -> list[dict[str, Any]]:
    """A TOP list, wrapped one level deeper, bare, or absent."""
    rows = wrapped.get(name) if isinstance(wrapped, dict) else wrapped
    rows = [rows] if isinstance(rows, dict) else rows
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
