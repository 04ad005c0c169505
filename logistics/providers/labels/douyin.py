"""Douyin's numbers for sealed receivers: at most fifty parcels a call, by order and pack, with the ciphertext of this moment.

Taking is repeated without harm (the same order and pack give the old number), so an unknown outcome is taken
again. What the print component needs beside the sealed data is signed when it is printed, never kept.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from logistics.models import Parcel
from logistics.operations.waybill import keep_payloads, payload_of
from logistics.providers.labels.base import Found, LabelService
from logistics.queries import Shipment
from orderhub.integrations.errors import PlatformError
from orderhub.integrations.registry import client
from orderhub.models import Connection, Message
from orderhub.outbox.sending import Answer
from orders.providers.douyin import carrier

MAX_PARCELS = 50
MAX_ITEMS = 100
FRESH_SECONDS = 3600.0
#: (when read, sender addresses, template's address) by account and carrier.
_sites: dict[tuple[int, str], tuple[float, list[dict[str, Any]], str]] = {}


class Douyin(LabelService):
    """Douyin's own e-waybill, by the shop's account."""

    def take(self, messages: Sequence[Message], found: Found) -> dict[int, Answer]:
        groups: dict[tuple[int, str, int], list[Message]] = defaultdict(list)
        for message in messages:
            parcel = found[message.subject_id].parcel
            groups[message.connection_id or 0, parcel.carrier, parcel.warehouse_id].append(message)
        answers: dict[int, Answer] = {}
        for group in groups.values():
            for start in range(0, len(group), MAX_PARCELS):
                part = group[start : start + MAX_PARCELS]
                try:
                    answers.update(_take(part, found))
                except PlatformError as error:
                    answers.update({message.id: Answer.of(error) for message in part})
        return answers

    def ask(self, messages: Sequence[Message], found: Found) -> dict[int, Answer]:
        """Asking is taking again, and that is what a missing number leads to."""
        return {message.id: Answer.missing() for message in messages}

    def cancel(self, account: Connection, data: Mapping[str, Any]) -> None:
        client(account).cancel_number(carrier(str(data["carrier"])), str(data["waybill_no"]))

    def task(self, parcel: Parcel, attempt: int) -> dict[str, Any]:
        """The document of the print component: our query is good for five minutes and goes with each print."""
        kept = payload_of(parcel)
        account = Connection.objects.get(pk=kept["account"])
        content = {
            "params": client(account).shop_key_query(),
            "signature": kept["sign"],
            "encryptedData": kept["print_data"],
            "templateURL": kept["template_url"],
        }
        return {
            "taskID": f"{parcel.number}-{attempt}",
            "documentID": parcel.number,
            "contents": [content],
        }


def pack_id(parcel_number: str) -> str:
    """Douyin's name of a parcel: none for an order's first one, its place for every later one."""
    place = parcel_number.rpartition("-")[2]
    return "" if place == "1" else f"P{place}"


def _take(messages: list[Message], found: Found) -> dict[int, Answer]:
    account = messages[0].connection
    assert account is not None
    speaker, first = client(account), found[messages[0].subject_id]
    code = carrier(first.parcel.carrier)
    addresses, template = _site(account, code)
    rows = {_key(found[m.subject_id]): m for m in messages}
    good, bad = speaker.new_numbers(
        code, _sender(addresses, first), [_row(found[m.subject_id]) for m in messages]
    )
    answers = {message.id: Answer.missing() for message in messages}
    for row in bad:
        message = rows.get((str(row.get("order_id")), str(row.get("pack_id") or "")))
        if message is not None:
            answers[message.id] = Answer.person(str(row.get("err_msg") or row.get("err_code") or ""))
    named = {(str(row.get("order_id")), str(row.get("pack_id") or "")): row for row in good}
    taken = {rows[key].id: row for key, row in named.items() if key in rows and row.get("track_no")}
    answers.update(_print_data(speaker, account, code, template, messages, taken))
    return answers


def _print_data(
    speaker: Any,
    account: Connection,
    code: str,
    template: str,
    messages: Sequence[Message],
    taken: Mapping[int, dict[str, Any]],
) -> dict[int, Answer]:
    """Done for every number whose sealed data is here too; the others are taken again, to the same number."""
    numbers = [str(row["track_no"]) for row in taken.values()]
    if not numbers:
        return {}
    sealed, refused = speaker.print_data(code, numbers)
    by_number = {str(row.get("track_no")): row for row in sealed}
    said = {str(row.get("track_no")): str(row.get("err_msg") or "") for row in refused}
    strangers = dict(Parcel.objects.filter(waybill_no__in=numbers).values_list("waybill_no", "id"))
    answers: dict[int, Answer] = {}
    payloads: dict[int, dict[str, Any]] = {}
    for message in messages:
        if message.id not in taken:
            continue
        number = str(taken[message.id]["track_no"])
        row = by_number.get(number)
        if strangers.get(number, message.subject_id) != message.subject_id:
            answers[message.id] = Answer.person(_("This waybill number belongs to another parcel."))
        elif row is None:
            answers[message.id] = Answer("retry", kind="retry", text=said.get(number, ""))
        else:
            payloads[message.subject_id] = {
                "waybill_no": number,
                "print_data": row.get("print_data") or "",
                "sign": row.get("sign") or "",
                "template_url": template,
                "account": account.pk,
            }
            answers[message.id] = Answer.done(
                waybill_no=number, sort_code=str(taken[message.id].get("sort_code") or ""), service="douyin"
            )
    keep_payloads(payloads)
    return answers


def _site(account: Connection, code: str) -> tuple[list[dict[str, Any]], str]:
    """The sender addresses that the shop's outlets of a carrier allow, and the carrier's one-part template."""
    read_at, addresses, template = _sites.get((account.id, code), (0.0, [], ""))
    if not addresses or time.monotonic() - read_at > FRESH_SECONDS:
        speaker = client(account)
        addresses = [a for site in speaker.netsites(code) for a in site.get("sender_address") or ()]
        if not addresses:
            text = _("There is no open e-waybill subscription for %(carrier)s.") % {"carrier": code}
            raise PlatformError("configuration", "no_subscription", text)
        template = str(account.options.get("waybill_template") or "")
        if not template:
            shapes = sorted(speaker.templates(code), key=lambda shape: str(shape.get("template_type")))
            template = str(shapes[0].get("template_url") or "") if shapes else ""
        _sites[account.id, code] = (time.monotonic(), addresses, template)
    return addresses, template


def _sender(addresses: Sequence[dict[str, Any]], shipment: Shipment) -> dict[str, Any]:
    """The outlets' own address of our warehouse, word for word, else their first one."""
    house = shipment.warehouse
    near = [a for a in addresses if a.get("city_name") == house.city]
    exact = [a for a in near if a.get("district_name") == house.district]
    names = ("country_code", "province_name", "city_name", "district_name", "street_name", "detail_address")
    chosen = (exact or near or list(addresses))[0]
    return {
        "address": {"country_code": "CHN", **{name: chosen[name] for name in names if chosen.get(name)}},
        "contact": {"name": house.contact or house.name, "mobile": house.manager_phone},
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
    contents = [content for content in shipment.contents if content.line is not None]
    return {
        "order_id": order,
        **({"pack_id": pack} if pack else {}),
        **({"combine_orders": [head.channel_number for head in shipment.riders]} if shipment.riders else {}),
        "receiver_info": {
            "address": address,
            "contact": {"name": sealed.get("receiver", ""), "mobile": sealed.get("tel", "")},
        },
        "items": [
            {"item_name": c.line.title[:60] or c.line.sku_code, "item_count": c.quantity}
            for c in contents[:MAX_ITEMS]
        ],
    }
