"""Cainiao's numbers for masked receivers: at most ten parcels a call, with the true trade number and the oaid of this moment.

Its print data goes to the parcel sealed, as the text that came.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from logistics.models import Parcel
from logistics.operations.waybill import keep_payloads
from logistics.providers.labels.base import Found, LabelService
from logistics.queries import Shipment
from orderhub.integrations.errors import PlatformError
from orderhub.integrations.registry import client
from orderhub.models import Connection, Message
from orderhub.outbox.sending import Answer

TEMPLATE = "http://cloudprint.cainiao.com/template/standard/290659"
MAX_ITEMS = 100
_senders: dict[tuple[int, str], tuple[float, list[dict[str, Any]]]] = {}
SENDERS_FRESH_SECONDS = 3600.0


class Cainiao(LabelService):
    """Taobao's own e-waybill, by the shop's account."""

    def take(self, messages: Sequence[Message], found: Found) -> dict[int, Answer]:
        return _cainiao(messages, found)

    def ask(self, messages: Sequence[Message], found: Found) -> dict[int, Answer]:
        groups: dict[tuple[int, str], list[Message]] = defaultdict(list)
        for message in messages:
            groups[message.connection_id or 0, found[message.subject_id].parcel.carrier].append(message)
        answers: dict[int, Answer] = {}
        for (_c, carrier), group in groups.items():
            answers.update(_ask_cainiao(group, carrier, found))
        return answers

    def cancel(self, account: Connection, data: Mapping[str, Any]) -> None:
        client(account).waybill_cancel(str(data["carrier"]), str(data["waybill_no"]))


def _cainiao(messages: Sequence[Message], found: Found) -> dict[int, Answer]:
    groups: dict[tuple[int, str, int], list[Message]] = defaultdict(list)
    for message in messages:
        parcel = found[message.subject_id].parcel
        assert message.connection is not None
        groups[message.connection.id, parcel.carrier, parcel.warehouse_id].append(message)
    answers: dict[int, Answer] = {}
    for (_c, carrier, _w), group in groups.items():
        for start in range(0, len(group), 10):
            answers.update(_take(group[start : start + 10], carrier, found))
    return answers


def _take(messages: list[Message], carrier: str, found: Found) -> dict[int, Answer]:
    connection = messages[0].connection
    assert connection is not None
    speaker = client(connection)
    try:
        sender = _sender(connection, carrier, found[messages[0].subject_id])
        rows = speaker.waybill_get(
            carrier, sender, [_dto(found[m.subject_id], connection) for m in messages], _user_id(connection)
        )
    except PlatformError as error:
        if error.kind == "business" and len(messages) > 1:  # one parcel's fault must not stop the other nine
            answers: dict[int, Answer] = {}
            for message in messages:
                answers.update(_take([message], carrier, found))
            return answers
        return {m.id: _label_error(error) for m in messages}
    return _settle(messages, rows, found)


def _label_error(error: PlatformError) -> Answer:
    """A platform that is out of numbers or closed to us needs a person; oaid trouble waits for the next read."""
    if error.code == "oaid_mismatch":
        return Answer("retry", kind="retry", text=error.message)
    return Answer.of(error)


def _settle(messages: Sequence[Message], rows: Sequence[dict[str, Any]], found: Found) -> dict[int, Answer]:
    """Numbers to answers, print data to the parcels; a number that another parcel has is not this one's."""
    by_object = {str(row.get("object_id")): row for row in rows if row.get("waybill_code")}
    numbers = [str(row["waybill_code"]) for row in by_object.values()]
    taken = dict(Parcel.objects.filter(waybill_no__in=numbers).values_list("waybill_no", "id"))
    answers: dict[int, Answer] = {}
    payloads: dict[int, dict[str, Any]] = {}
    for message in messages:
        parcel = found[message.subject_id].parcel
        row = by_object.get(parcel.number)
        if row is None or taken.get(str(row["waybill_code"]), parcel.id) != parcel.id:
            answers[message.id] = Answer.missing()
            continue
        number = str(row["waybill_code"])
        payloads[parcel.id] = {"waybill_no": number, "print_data": row.get("print_data") or ""}
        real = str(row.get("real_cp_code") or row.get("cp_code") or parcel.carrier)
        answers[message.id] = Answer.done(
            waybill_no=number, carrier=real, sort_code=_sort_code(row), service="cainiao"
        )
    keep_payloads(payloads)
    return answers


def _sort_code(row: dict[str, Any]) -> str:
    try:
        extra = json.loads(row.get("extra_info") or "{}")
    except ValueError:
        return ""
    return str(extra.get("sortingCode") or "") if isinstance(extra, dict) else ""


def _ask_cainiao(messages: list[Message], carrier: str, found: Found) -> dict[int, Answer]:
    connection = messages[0].connection
    assert connection is not None
    asked = [
        {
            "object_id": found[m.subject_id].parcel.number,
            "cp_code": carrier,
            "biz_sub_code": found[m.subject_id].head.channel_number,
        }
        for m in messages
    ]
    try:
        rows = client(connection).waybill_query(asked)
    except PlatformError as error:
        return {m.id: Answer("unknown", kind=error.kind, text=error.message) for m in messages}
    return _settle(messages, [row for row in rows if row["success"]], found)


def _user_id(connection: Connection) -> str:
    found = connection.options.get("user_id") or connection.options.get("seller_id")
    if not found:
        raise PlatformError(
            "configuration", "missing_user_id", _("The connection has no user_id of the shop.")
        )
    return str(found)


def _sender(connection: Connection, carrier: str, shipment: Shipment) -> dict[str, Any]:
    """The subscription's own address of our warehouse, word for word, else its first one."""
    key = (connection.id, carrier)
    read_at, addresses = _senders.get(key, (0.0, []))
    if not addresses or time.monotonic() - read_at > SENDERS_FRESH_SECONDS:
        rows = client(connection).waybill_search(carrier)
        branches = [
            b for row in rows if row.get("cp_code") == carrier for b in row.get("branch_account_cols", [])
        ]
        addresses = [address for branch in branches for address in branch.get("shipp_address_cols", [])]
        if not addresses:
            text = _("There is no open e-waybill subscription for %(carrier)s.") % {"carrier": carrier}
            raise PlatformError("configuration", "no_subscription", text)
        _senders[key] = (time.monotonic(), addresses)
    house = shipment.warehouse
    near = [a for a in addresses if a.get("city") == house.city]
    exact = [a for a in near if a.get("district") == house.district]
    chosen = (exact or near or addresses)[0]
    names = ("province", "city", "district", "town", "detail")
    return {
        "name": house.contact or house.name,
        "mobile": house.manager_phone,
        "address": {name: chosen.get(name) or "" for name in names},
    }


def _dto(shipment: Shipment, connection: Connection) -> dict[str, Any]:
    parcel, receiver, head = shipment.parcel, shipment.receiver, shipment.head
    contents = [c for c in shipment.contents if c.line is not None]
    items = [{"name": c.line.title[:60] or c.line.sku_code, "count": c.quantity} for c in contents]
    return {
        "object_id": parcel.number,
        "order_info": {"order_channels_type": "TB", "trade_order_list": [head.channel_number]},
        "package_info": {
            "id": parcel.number.replace("-", "_"),
            "items": items[:MAX_ITEMS],
            "weight": parcel.expected_weight_g,
        },
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
