"""What a label service offers: a number taken once, asked about before it is asked for again, given back when unused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from logistics.models import Parcel
from logistics.operations.waybill import payload_of
from logistics.queries import Shipment
from orderhub.models import Connection, Message
from orderhub.outbox.sending import Answer

Found = Mapping[int, Shipment]


class LabelService:
    """One service; `word` is its line in LABELS. Its account is the shop's own, or the first of `platform`."""

    #: "" = the shop's account (the platform labels its own orders), else the platform whose account is taken.
    platform: ClassVar[str] = ""
    #: True: the platform's print component draws the label from its own cipher text; False: we draw it.
    component: ClassVar[bool] = True

    def __init__(self, word: str) -> None:
        self.word = word

    def take(self, messages: Sequence[Message], found: Found) -> dict[int, Answer]:
        """A number for each message's parcel (all planned, accounts present); `Answer.done(waybill_no=…, …)`.

        The print payload is kept on the parcel before the answer is given (`keep_payloads`).
        """
        raise NotImplementedError

    def ask(self, messages: Sequence[Message], found: Found) -> dict[int, Answer]:
        """Whether numbers exist already for parcels whose outcome is unknown; `Answer.missing()` where none does."""
        raise NotImplementedError

    def cancel(self, account: Connection, data: Mapping[str, Any]) -> None:
        """Give a number back (`waybill_no`, `carrier`); one given back before is given back. PlatformError."""
        raise NotImplementedError

    def task(self, parcel: Parcel, attempt: int) -> dict[str, Any]:
        """What the print component gets for a parcel: the very text that came, unopened."""
        return {
            "taskID": f"{parcel.number}-{attempt}",
            "documentID": parcel.number,
            "print_data": payload_of(parcel).get("print_data", ""),
        }
