"""ZTO's numbers for plain receivers, one order a call; the label is drawn by us."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from logistics.operations.waybill import keep_payloads
from logistics.providers.labels.base import Found, LabelService
from logistics.queries import Shipment
from orderhub.integrations.errors import PlatformError
from orderhub.integrations.registry import client
from orderhub.models import Connection, Message
from orderhub.outbox.sending import Answer


class Zto(LabelService):
    """The carrier's own e-waybill; needs the receiver's plain text."""

    platform = "zto"
    component = False

    def take(self, messages: Sequence[Message], found: Found) -> dict[int, Answer]:
        return _zto(messages, found)

    def ask(self, messages: Sequence[Message], found: Found) -> dict[int, Answer]:
        return {
            m.id: _ask_zto(m.connection, found[m.subject_id]) for m in messages if m.connection is not None
        }

    def cancel(self, account: Connection, data: Mapping[str, Any]) -> None:
        client(account).cancel(str(data["waybill_no"]))


def _zto(messages: Sequence[Message], found: Found) -> dict[int, Answer]:
    answers: dict[int, Answer] = {}
    for message in messages:
        shipment = found[message.subject_id]
        if not shipment.receiver.plain:
            answers[message.id] = Answer.person(_("ZTO needs a plain receiver; this one is masked."))
            continue
        try:
            row = client(message.connection).create_order(_order(shipment))  # type: ignore[arg-type]
            answers[message.id] = _zto_answer(shipment, row)
        except PlatformError as error:
            answers[message.id] = Answer.of(error)
    return answers


def _ask_zto(connection: Connection, shipment: Shipment) -> Answer:
    try:
        row = client(connection).order_info(partner_order_code=shipment.parcel.number)
    except PlatformError as error:
        return Answer("unknown", kind=error.kind, text=error.message)
    return Answer.missing() if row is None else _zto_answer(shipment, row)


def _zto_answer(shipment: Shipment, row: dict[str, Any]) -> Answer:
    keep_payloads(
        {shipment.parcel.id: {"waybill_no": row["billCode"], "mark": row["mark"], "bag": row["bagAddr"]}}
    )
    return Answer.done(waybill_no=row["billCode"], sort_code=row["mark"], service="zto")


def _order(shipment: Shipment) -> dict[str, Any]:
    parcel, receiver, house = shipment.parcel, shipment.receiver, shipment.warehouse
    plain = receiver.plain or {}
    return {
        "partnerOrderCode": parcel.number,
        "senderInfo": {
            "senderName": house.contact or house.name,
            "senderMobile": house.manager_phone,
            "senderProvince": house.province,
            "senderCity": house.city,
            "senderDistrict": house.district,
            "senderAddress": house.address,
        },
        "receiveInfo": {
            "receiverName": plain.get("name", ""),
            "receiverMobile": plain.get("phone", ""),
            "receiverProvince": receiver.province,
            "receiverCity": receiver.city or receiver.province,
            "receiverDistrict": receiver.district or receiver.city,
            "receiverAddress": plain.get("address", ""),
        },
        "summaryInfo": {"quantity": sum(c.quantity for c in shipment.contents)},
        "orderItems": [
            {"name": c.line.title[:60], "weight": c.line.weight_g, "quantity": c.quantity}
            for c in shipment.contents
            if c.line is not None
        ],
    }
