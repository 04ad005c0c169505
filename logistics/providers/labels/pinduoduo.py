"""Pinduoduo's numbers for its own orders: the receiver's cipher text goes back exactly as the order showed it.

The same order and package give the old number again, so a lost answer is asked for once more. Its sort code is
inside the cipher text and reaches the paper only.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from logistics.models import Parcel
from logistics.operations.waybill import payload_of
from logistics.providers.labels.own import OwnLabels, addresses_of, package
from logistics.queries import Shipment
from orderhub.models import Connection

TEMPLATE = "https://file-link.pinduoduo.com/ecommerce/template/standard/1"


class Pinduoduo(OwnLabels):
    """Pinduoduo's own e-waybill, by the shop's account."""

    stale_key = frozenset({"isv.invalid-parameter:recipient"})
    place = ("province", "city", "district", "detail", "country")

    def addresses(self, api: Any, carrier: str) -> list[dict[str, Any]]:
        return addresses_of(api.waybill_search(carrier), "wp_code", carrier)

    def numbers(
        self,
        api: Any,
        account: Connection,
        carrier: str,
        sender: dict[str, Any],
        shipments: Sequence[Shipment],
    ) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = api.waybill_get(
            carrier, sender, [_dto(shipment, account) for shipment in shipments]
        )
        return rows

    def task(self, parcel: Parcel, attempt: int) -> dict[str, Any]:
        """The document of the print component: the platform's part of it is the object that came as text."""
        return {
            "taskID": f"{parcel.number}-{attempt}",
            "documentID": parcel.number,
            "contents": [json.loads(payload_of(parcel)["print_data"])],
        }


def _dto(shipment: Shipment, account: Connection) -> dict[str, Any]:
    """One parcel; without cipher text the order's number alone stands for its receiver."""
    made: dict[str, Any] = {
        "object_id": shipment.parcel.number,
        "order_info": {
            "order_channels_type": "PDD",
            "trade_order_list": [head.channel_number for head in shipment.heads],
        },
        "package_info": package(shipment),
        "template_url": account.options.get("waybill_template") or TEMPLATE,
    }
    receiver, sealed = shipment.receiver, shipment.receiver.opaque or {}
    if sealed.get("name") and sealed.get("phone") and sealed.get("address"):
        made["recipient"] = {
            "name": sealed["name"],
            "mobile": sealed["phone"],
            "address": {
                "province": receiver.province,
                "city": receiver.city,
                "district": receiver.district,
                "detail": sealed["address"],
            },
        }
    return made
