"""Douyin's e-waybills (抖店电子面单): numbers, print data, cancels, outlets and their balance, reach of a carrier.

The receiver goes in as the ciphertext of the order, untouched. Taking numbers is idempotent by (order, pack):
asking again gives the old number. Partly good answers are normal, so every call that takes many gives both lists.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from orderhub.integrations import http
from orderhub.integrations.clients.session import SessionClient
from orderhub.integrations.errors import PlatformError

#: Most parcels of one `new_numbers`, and (unpublished, taken as) most numbers of one `print_data`.
MAX_PARCELS, MAX_PRINTS = 50, 10
#: Numbers of isv.business-failed of a cancel that mean "it was cancelled before" and "it has left".
CANCELLED_BEFORE = "1102"
PICKED_UP = frozenset({"1105", "10000", "20802"})
Rows = list[dict[str, Any]]


class DouyinWaybill(SessionClient):
    """The e-waybill calls; `call` is the gateway's."""

    @abstractmethod
    def call(
        self, method: str, params: Mapping[str, Any] | None = None, *, effect: bool = False
    ) -> dict[str, Any]:
        """One gateway call; the Douyin client's."""

    def netsites(self, logistics_code: str = "") -> Rows:
        """The shop's open outlets of a carrier (of all without one): netsite_code, amount (text), sender_address[]."""
        return listed(self.call("logistics.listShopNetsite", {"logistics_code": logistics_code}), "netsites")

    def new_numbers(
        self, logistics_code: str, sender: Mapping[str, Any], parcels: Sequence[Mapping[str, Any]]
    ) -> tuple[Rows, Rows]:
        """A number for each of at most fifty parcels (order_infos rows), and those that were refused.

        Good rows: order_id, pack_id, track_no, company, sort_code, short_address_name. Refused: order_id,
        pack_id, err_code, err_msg (the carrier's free text). The same order and pack give the old number again.
        """
        if not 0 < len(parcels) <= MAX_PARCELS:
            raise ValueError(f"one call takes 1 to {MAX_PARCELS} parcels")
        asked = {
            "sender_info": dict(sender),
            "logistics_code": logistics_code,
            "order_infos": [dict(parcel) for parcel in parcels],
        }
        data = self.call("logistics.newCreateOrder", asked, effect=True)
        good, bad = listed(data, "ebill_infos", True), listed(data, "err_infos", True)
        if not good and not bad:
            raise http.unreadable(effect=True)
        return good, bad

    def print_data(self, logistics_code: str, numbers: Sequence[str]) -> tuple[Rows, Rows]:
        """What the print component needs of each number: print_data and sign (both opaque), and those refused."""
        good: Rows = []
        bad: Rows = []
        for start in range(0, len(numbers), MAX_PRINTS):
            part = numbers[start : start + MAX_PRINTS]
            asked = [{"logistics_code": logistics_code, "track_no": number} for number in part]
            data = self.call("logistics.waybillApply", {"waybill_applies": asked})
            good += listed(data, "waybill_infos")
            bad += listed(data, "err_infos")
        return good, bad

    def update_number(self, logistics_code: str, number: str, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Gives a number its new receiver, goods or remark; the new sort_code. Its print data is stale after that."""
        asked = {"logistics_code": logistics_code, "track_no": number, **changes}
        return self.call("logistics.updateOrder", asked, effect=True)

    def cancel_number(self, logistics_code: str, number: str) -> bool:
        """Gives a number back; True also where it was cancelled before. Business error "picked_up" once it has left."""
        asked = {"logistics_code": logistics_code, "track_no": number}
        try:
            data = self.call("logistics.cancelOrder", asked, effect=True)
        except PlatformError as error:
            said = error.code.removeprefix("isv.business-failed:")
            if said == CANCELLED_BEFORE:
                return True
            if said in PICKED_UP:
                raise PlatformError("business", "picked_up", error.message) from error
            raise
        result = data.get("cancel_result")
        if not isinstance(result, dict) or result.get("success") is not True:
            raise PlatformError("business", "not_cancelled", _("Douyin did not cancel this waybill number."))
        return True

    def out_of_range(
        self, logistics_code: str, receiver: Mapping[str, Any], sender: Mapping[str, Any] | None = None
    ) -> tuple[bool, str]:
        """Whether a carrier does not deliver (with a sender: pick up and deliver) there, and why it says so.

        Addresses: province_name, city_name, district_name, street_name, detail_address (ciphertext will do).
        """
        asked: dict[str, Any] = {
            "logistics_code": logistics_code,
            "type": 2 if sender is None else 0,
            "receiver_address": {"country_code": "CHN", **receiver},
        }
        if sender is not None:
            asked["sender_address"] = {"country_code": "CHN", **sender}
        data = self.call("logistics.getOutRange", asked)
        if not isinstance(data.get("is_out_range"), bool):
            raise http.unreadable(effect=False)
        return data["is_out_range"], str(data.get("out_range_reason") or "")

    def templates(self, logistics_code: str) -> Rows:
        """The carrier's label templates: template_code, template_name, template_url, template_type (1 one part, 2 two)."""
        data = self.call("logistics.templateList", {"logistics_code": logistics_code})
        found: Rows = []
        for row in listed(data, "template_data"):
            if row.get("logistics_code") == logistics_code:
                found += listed(row, "template_infos")
        return found


def listed(data: Mapping[str, Any], name: str, effect: bool = False) -> Rows:
    """A list of objects that may be absent when empty; the `unreadable` error for anything else."""
    rows = data.get(name)
    if rows is None:
        return []
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise http.unreadable(effect)
    return rows
