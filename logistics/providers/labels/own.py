"""Labels of a sales channel's own e-waybill service: parcels by tens, one bad parcel stops itself only.

The sender is the subscription's own address of our warehouse, word for word; the print data goes to the parcel
sealed, as the text that came.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django.utils.translation import gettext as _

from logistics.models import Parcel
from logistics.operations.waybill import keep_payloads
from logistics.providers.labels.base import Found, LabelService
from logistics.queries import Shipment
from orderhub.integrations.errors import PlatformError
from orderhub.integrations.registry import client
from orderhub.models import Connection, Message
from orderhub.outbox.sending import Answer

MAX_ITEMS = 100
SENDERS_FRESH_SECONDS = 3600.0
_senders: dict[tuple[int, str], tuple[float, list[dict[str, Any]]]] = {}


class OwnLabels(LabelService):
    """The shop's account, its orders' numbers, its receivers' keys as they are at this moment."""

    #: Most parcels of one call.
    most: ClassVar[int] = 10
    #: Refusals that say: the receiver's key is of an older reading. The next reading brings the new one.
    stale_key: ClassVar[frozenset[str]] = frozenset()
    #: The parts of a sender's address that the service compares.
    place: ClassVar[tuple[str, ...]] = ("province", "city", "district", "town", "detail")

    def addresses(self, api: Any, carrier: str) -> list[dict[str, Any]]:
        """The addresses from which the shop may send with this carrier."""
        raise NotImplementedError

    def numbers(
        self,
        api: Any,
        account: Connection,
        carrier: str,
        sender: dict[str, Any],
        shipments: Sequence[Shipment],
    ) -> list[dict[str, Any]]:
        """Numbers for the parcels: rows with object_id (the parcel's number), waybill_code, print_data."""
        raise NotImplementedError

    def known(self, api: Any, carrier: str, shipments: Sequence[Shipment]) -> list[dict[str, Any]]:
        """The rows of numbers that exist already; none where the same question again gives the same number."""
        return []

    def carrier_of(self, row: Mapping[str, Any]) -> str:
        """The carrier that the service really chose; "" for the one that was asked for."""
        return ""

    def sort_code(self, row: Mapping[str, Any]) -> str:
        """What the sorter reads, where the service tells it outside the cipher text."""
        return ""

    def take(self, messages: Sequence[Message], found: Found) -> dict[int, Answer]:
        groups: dict[tuple[int, str, int], list[Message]] = defaultdict(list)
        for message in messages:
            parcel = found[message.subject_id].parcel
            groups[message.connection_id or 0, parcel.carrier, parcel.warehouse_id].append(message)
        answers: dict[int, Answer] = {}
        for (_c, carrier, _w), group in groups.items():
            for start in range(0, len(group), self.most):
                answers.update(self._take(group[start : start + self.most], carrier, found))
        return answers

    def ask(self, messages: Sequence[Message], found: Found) -> dict[int, Answer]:
        groups: dict[tuple[int, str], list[Message]] = defaultdict(list)
        for message in messages:
            groups[message.connection_id or 0, found[message.subject_id].parcel.carrier].append(message)
        answers: dict[int, Answer] = {}
        for (_c, carrier), group in groups.items():
            account = group[0].connection
            assert account is not None
            try:
                rows = self.known(client(account), carrier, [found[m.subject_id] for m in group])
            except PlatformError as error:
                answers.update({m.id: Answer("unknown", kind=error.kind, text=error.message) for m in group})
            else:
                answers.update(self._settle(group, rows, found))
        return answers

    def cancel(self, account: Connection, data: Mapping[str, Any]) -> None:
        client(account).waybill_cancel(str(data["carrier"]), str(data["waybill_no"]))

    def _take(self, messages: list[Message], carrier: str, found: Found) -> dict[int, Answer]:
        account = messages[0].connection
        assert account is not None
        api, shipments = client(account), [found[m.subject_id] for m in messages]
        try:
            sender = self._sender(api, account, carrier, shipments[0])
            rows = self.numbers(api, account, carrier, sender, shipments)
        except PlatformError as error:
            if (
                error.kind == "business" and len(messages) > 1
            ):  # one parcel's fault must not stop the other nine
                answers: dict[int, Answer] = {}
                for message in messages:
                    answers.update(self._take([message], carrier, found))
                return answers
            return {m.id: self._refused(error) for m in messages}
        return self._settle(messages, rows, found)

    def _refused(self, error: PlatformError) -> Answer:
        """A platform that is out of numbers or closed to us needs a person; an old key waits for the next read."""
        if error.code in self.stale_key:
            return Answer("retry", kind="retry", text=error.message)
        return Answer.of(error)

    def _settle(
        self, messages: Sequence[Message], rows: Sequence[dict[str, Any]], found: Found
    ) -> dict[int, Answer]:
        """Numbers to answers, print data to the parcels; a number that another parcel has is not this one's."""
        by_object = {str(row.get("object_id")): row for row in rows if row.get("waybill_code")}
        codes = [str(row["waybill_code"]) for row in by_object.values()]
        taken = dict(Parcel.objects.filter(waybill_no__in=codes).values_list("waybill_no", "id"))
        answers: dict[int, Answer] = {}
        payloads: dict[int, dict[str, Any]] = {}
        for message in messages:
            parcel = found[message.subject_id].parcel
            row = by_object.get(parcel.number)
            if row is None or taken.get(str(row["waybill_code"]), parcel.id) != parcel.id:
                answers[message.id] = Answer.missing()
                continue
            code = str(row["waybill_code"])
            payloads[parcel.id] = {"waybill_no": code, "print_data": row.get("print_data") or ""}
            answers[message.id] = Answer.done(
                waybill_no=code,
                carrier=self.carrier_of(row) or parcel.carrier,
                sort_code=self.sort_code(row),
                service=self.word,
            )
        keep_payloads(payloads)
        return answers

    def _sender(self, api: Any, account: Connection, carrier: str, shipment: Shipment) -> dict[str, Any]:
        """The subscription's address nearest to our warehouse, else its first one."""
        key = (account.id, carrier)
        read_at, addresses = _senders.get(key, (0.0, []))
        if not addresses or time.monotonic() - read_at > SENDERS_FRESH_SECONDS:
            addresses = self.addresses(api, carrier)
            if not addresses:
                text = _("There is no open e-waybill subscription for %(carrier)s.") % {"carrier": carrier}
                raise PlatformError("configuration", "no_subscription", text)
            _senders[key] = (time.monotonic(), addresses)
        house = shipment.warehouse
        near = [a for a in addresses if a.get("city") == house.city]
        exact = [a for a in near if a.get("district") == house.district]
        chosen = (exact or near or addresses)[0]
        return {
            "name": house.contact or house.name,
            "mobile": house.manager_phone,
            "address": {name: chosen.get(name) or "" for name in self.place},
        }


def addresses_of(rows: Sequence[Mapping[str, Any]], name: str, carrier: str) -> list[dict[str, Any]]:
    """The sender addresses of a carrier's outlets in the subscription rows that Cainiao's family gives."""
    branches = [b for row in rows if row.get(name) == carrier for b in row.get("branch_account_cols", [])]
    return [address for branch in branches for address in branch.get("shipp_address_cols", [])]


def package(shipment: Shipment) -> dict[str, Any]:
    """What is in the parcel, in the words of Cainiao's family."""
    contents = [c for c in shipment.contents if c.line is not None]
    items = [{"name": c.line.title[:60] or c.line.sku_code, "count": c.quantity} for c in contents]
    return {
        "id": shipment.parcel.number.replace("-", "_"),
        "items": items[:MAX_ITEMS],
        "weight": shipment.parcel.expected_weight_g,
    }


def forget() -> None:
    """Drop the senders that this process remembers."""
    _senders.clear()
