"""Cainiao's numbers for masked receivers of Taobao: the true trade number and the oaid of this moment."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from logistics.providers.labels.own import OwnLabels, addresses_of, package
from logistics.queries import Shipment
from orderhub.integrations.errors import PlatformError
from orderhub.models import Connection

TEMPLATE = "http://cloudprint.cainiao.com/template/standard/290659"


class Cainiao(OwnLabels):
    """Taobao's own e-waybill, by the shop's account."""

    stale_key = frozenset({"oaid_mismatch"})

    def addresses(self, api: Any, carrier: str) -> list[dict[str, Any]]:
        return addresses_of(api.waybill_search(carrier), "cp_code", carrier)

    def numbers(
        self,
        api: Any,
        account: Connection,
        carrier: str,
        sender: dict[str, Any],
        shipments: Sequence[Shipment],
    ) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = api.waybill_get(
            carrier, sender, [_dto(shipment, account) for shipment in shipments], _user_id(account)
        )
        return rows

    def known(self, api: Any, carrier: str, shipments: Sequence[Shipment]) -> list[dict[str, Any]]:
        asked = [
            {
                "object_id": shipment.parcel.number,
                "cp_code": carrier,
                "biz_sub_code": shipment.head.channel_number,
            }
            for shipment in shipments
        ]
        return [row for row in api.waybill_query(asked) if row["success"]]

    def carrier_of(self, row: Mapping[str, Any]) -> str:
        return str(row.get("real_cp_code") or row.get("cp_code") or "")

    def sort_code(self, row: Mapping[str, Any]) -> str:
        try:
            extra = json.loads(row.get("extra_info") or "{}")
        except ValueError:
            return ""
        return str(extra.get("sortingCode") or "") if isinstance(extra, dict) else ""


def _user_id(connection: Connection) -> str:
    found = connection.options.get("user_id") or connection.options.get("seller_id")
    if not found:
        raise PlatformError(
            "configuration", "missing_user_id", _("The connection has no user_id of the shop.")
        )
    return str(found)


def _dto(shipment: Shipment, connection: Connection) -> dict[str, Any]:
    receiver, head = shipment.receiver, shipment.head
    return {
        "object_id": shipment.parcel.number,
        "order_info": {
            "order_channels_type": "TB",
            "trade_order_list": [one.channel_number for one in shipment.heads],
        },
        "package_info": package(shipment),
        "recipient": {
            "name": receiver.name_mask,
            "mobile": receiver.phone_mask,
            "oaid": (receiver.opaque or {}).get("oaid", ""),
            "tid": head.channel_number,
            "address": {
                "province": receiver.province,
                "city": receiver.city,
                "district": receiver.district,
                "town": receiver.town,
                "detail": receiver.address_mask,
            },
        },
        "template_url": connection.options.get("waybill_template") or TEMPLATE,
    }
