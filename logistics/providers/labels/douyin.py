"""Douyin's numbers for its own orders: by order and pack, with the ciphertext of this moment; sealed data by a second call.

The same order and pack give the old number again, so a lost answer, or sealed data that did not come, is taken
once more. What the print component needs beside them is signed when it is printed, never kept.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from logistics.models import Parcel
from logistics.operations.waybill import payload_of
from logistics.providers.labels.own import OwnLabels, package
from logistics.queries import Shipment
from orderhub.integrations.errors import PlatformError
from orderhub.integrations.registry import client
from orderhub.models import Connection
from orders.providers.douyin import word_of

#: Our words for the parts of a sender's address, and Douyin's.
PLACE = {
    "province": "province_name",
    "city": "city_name",
    "district": "district_name",
    "town": "street_name",
    "detail": "detail_address",
}


class Douyin(OwnLabels):
    """Douyin's own e-waybill, by the shop's account."""

    most = 50
    place = tuple(PLACE)

    def addresses(self, api: Any, carrier: str) -> list[dict[str, Any]]:
        return [
            {ours: address.get(theirs) or "" for ours, theirs in PLACE.items()}
            for site in api.netsites(word_of(carrier))
            for address in site.get("sender_address") or ()
        ]

    def numbers(
        self,
        api: Any,
        account: Connection,
        carrier: str,
        sender: dict[str, Any],
        shipments: Sequence[Shipment],
    ) -> list[dict[str, Any]]:
        """All or none: a refused parcel raises, so that each is asked for alone and says its own reason."""
        code = word_of(carrier)
        good, bad = api.new_numbers(code, _sender(sender), [_row(shipment) for shipment in shipments])
        _raise(bad, "business")
        sealed, refused = api.print_data(code, [str(row.get("track_no")) for row in good])
        _raise(refused, "retry")
        template = _template(api, account, code)
        by_number = {str(row.get("track_no")): row for row in sealed}
        by_pack = {(str(row.get("order_id")), str(row.get("pack_id") or "")): row for row in good}
        found = []
        for shipment in shipments:
            row = by_pack.get(_key(shipment), {})
            seal = by_number.get(str(row.get("track_no")))
            if seal is not None:
                content = {
                    "encryptedData": seal.get("print_data") or "",
                    "signature": seal.get("sign") or "",
                    "templateURL": template,
                    "account": account.pk,
                }
                found.append(
                    {
                        "object_id": shipment.parcel.number,
                        "waybill_code": row["track_no"],
                        "sort_code": row.get("sort_code"),
                        "print_data": json.dumps(content),
                    }
                )
        return found

    def sort_code(self, row: Mapping[str, Any]) -> str:
        return str(row.get("sort_code") or "")

    def cancel(self, account: Connection, data: Mapping[str, Any]) -> None:
        client(account).cancel_number(word_of(str(data["carrier"])), str(data["waybill_no"]))

    def task(self, parcel: Parcel, attempt: int) -> dict[str, Any]:
        """The document of the print component, with our signed query of this moment (it is good for five minutes)."""
        content = json.loads(payload_of(parcel)["print_data"])
        account = Connection.objects.get(pk=content.pop("account"))
        return {
            "taskID": f"{parcel.number}-{attempt}",
            "documentID": parcel.number,
            "contents": [{"params": client(account).shop_key_query(), **content}],
        }


def pack_id(parcel_number: str) -> str:
    """Douyin's name of a parcel: none for an order's first one, its place for every later one."""
    place = parcel_number.rpartition("-")[2]
    return "" if place == "1" else f"P{place}"


def _raise(rows: Sequence[Mapping[str, Any]], kind: Any) -> None:
    if rows:
        code = str(rows[0].get("err_code") or "refused")
        raise PlatformError(kind, code, str(rows[0].get("err_msg") or code))


def _template(api: Any, account: Connection, code: str) -> str:
    """The label's shape: the account's own choice, else the carrier's one-part template."""
    chosen = account.options.get("waybill_template")
    if chosen:
        return str(chosen)
    shapes = sorted(api.templates(code), key=lambda shape: str(shape.get("template_type")))
    return str(shapes[0].get("template_url") or "") if shapes else ""


def _sender(sender: Mapping[str, Any]) -> dict[str, Any]:
    given = sender["address"]
    place = {theirs: given[ours] for ours, theirs in PLACE.items() if given.get(ours)}
    return {
        "address": {"country_code": "CHN", **place},
        "contact": {"name": sender["name"], "mobile": sender["mobile"]},
    }


def _key(shipment: Shipment) -> tuple[str, str]:
    return shipment.head.channel_number, pack_id(shipment.parcel.number)


def _row(shipment: Shipment) -> dict[str, Any]:
    receiver, sealed = shipment.receiver, shipment.receiver.opaque or {}
    order, pack = _key(shipment)
    address = {
        "country_code": "CHN",
        "province_name": receiver.province,
        "city_name": receiver.city,
        "district_name": receiver.district,
        "detail_address": sealed.get("detail", ""),
    }
    if receiver.town and sealed.get("street_code"):  # the street's name goes with its code or not at all
        address |= {"street_name": receiver.town, "street_code": sealed["street_code"]}
    items = package(shipment)["items"]
    return {
        "order_id": order,
        **({"pack_id": pack} if pack else {}),
        **({"combine_orders": [head.channel_number for head in shipment.heads]} if shipment.riders else {}),
        "receiver_info": {
            "address": address,
            "contact": {"name": sealed.get("receiver", ""), "mobile": sealed.get("tel", "")},
        },
        "items": [{"item_name": item["name"], "item_count": item["count"]} for item in items],
    }
