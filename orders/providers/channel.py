"""What a channel is to us: one class of its own and one line in PROVIDERS; nothing else in the product names a channel.

A provider speaks our words and uses the channel's client (`api`), which knows the wire. It makes calls, so no
method but `parse`, `letters` and `numbers_in` may be used inside a transaction; it writes nothing.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar

from orderhub.inbound.keeping import Kept
from orderhub.integrations.errors import Forged, PlatformError
from orders.providers.base import ParsedOrder, Unreadable

if TYPE_CHECKING:
    from orders.queries import ReceiverRef


class Word(StrEnum):
    """A channel's answer about one order where it is a state and not a payload to take in."""

    FINE = "fine"
    CANCELLED = "cancelled"
    REFUND_ASKED = "refund_asked"


@dataclass(frozen=True, slots=True)
class Told:
    """A shipment as the channel is told of it. `lines` are the channel's own line ids where only a part goes."""

    number: str
    carrier: str
    waybill_no: str
    at: dt.datetime
    lines: tuple[str, ...] = ()
    role: str = "main"  # main split re-ship gift


@dataclass(frozen=True, slots=True)
class Letter:
    """One pushed message of the channel: its own id, by which it is kept once, and its exact text."""

    id: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class Reach:
    """Whether a carrier delivers to an address; `reason` is the channel's own word for why it does not."""

    ok: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a channel sells under a SKU of its own, and how many it shows. `code` is the seller's own spelling."""

    item: str
    sku: str
    code: str
    title: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Showing:
    """How many pieces are to be shown of a channel's SKU."""

    item: str
    sku: str
    number: int


#: The code of an item that the channel is looking at and lets nobody change meanwhile.
IN_AUDIT = "in_audit"


class Channel:
    """A channel. Errors: PlatformError of the client, Unreadable for what is not understood, Forged for a bad push."""

    #: Whether its shops are pulled; one that sends its orders itself is not.
    pulled: ClassVar[bool] = True
    #: The longest window that one listing may cover, with its overlap, and how many rows a page has.
    window: ClassVar[dt.timedelta] = dt.timedelta(days=1)
    page_size: ClassVar[int] = 50
    #: Who makes the label of a masked receiver (a word of logistics' LABELS).
    label: ClassVar[str] = ""
    #: The ways by which a warehouse system may be told of its orders, best first; none: our own waves.
    warehouse_ways: ClassVar[tuple[str, ...]] = ()
    #: Whether its orders are brought as files by a person (`split`).
    by_file: ClassVar[bool] = False
    #: Whether it says who buys before anything is paid: its buyers are held to the limit of limited purchase here.
    limits_buyers: ClassVar[bool] = False
    #: Whether the channel itself must say that two orders go to one address; else its address key has said it.
    confirms_merge: ClassVar[bool] = False
    #: Whether one line may be reported in several parcels; where not, it is told with the first one only.
    splits_lines: ClassVar[bool] = False
    #: Whether the channel says which carriers deliver to an address that only it can read (`reach`).
    says_reach: ClassVar[bool] = False
    #: Whether the numbers that it shows to buyers can be set (`offers`, `show`), and how many SKUs at once.
    shows_stock: ClassVar[bool] = False
    shown_a_call: ClassVar[int] = 1
    #: Whether the purchase limit of an item can be set by a call of its own (`limit`).
    limits_items: ClassVar[bool] = False
    #: What a push is answered with.
    push_reply: ClassVar[bytes] = b'{"code":0,"msg":"success"}'

    def parse(self, raw: bytes) -> ParsedOrder:
        """The payload in our words; Unreadable with words for a clerk."""
        raise NotImplementedError

    def until(
        self, start: dt.datetime, target: dt.datetime, connected: dt.datetime, overlap: dt.timedelta
    ) -> dt.datetime:
        """Where the window that begins `overlap` before `start` ends; `connected`: since when its changes are ours."""
        return min(start + self.window - overlap, target)

    def pages(self, api: Any, start: dt.datetime, end: dt.datetime) -> int:
        """How many pages of changed orders the window has."""
        raise NotImplementedError

    def listed(self, api: Any, start: dt.datetime, end: dt.datetime, page: int) -> list[str]:
        """Order numbers of one page, counted from 1 whatever the channel counts from."""
        raise NotImplementedError

    def details(self, api: Any, numbers: Iterable[str]) -> dict[str, Kept | PlatformError]:
        """The exact payload of each order as it is now; an order that can't be read carries its error."""
        raise NotImplementedError

    def seen(self, api: Any, numbers: Iterable[str]) -> Mapping[str, Kept | Word | PlatformError]:
        """The gate's question: what the channel says of these orders now. Most answer with a payload."""
        return self.details(api, numbers)

    def ship(self, api: Any, told: Told) -> bool:
        """Tell the shipment; True where the channel knew it already."""
        raise NotImplementedError

    def shipped(self, api: Any, told: Told) -> bool:
        """Whether the channel knows this very shipment."""
        raise NotImplementedError

    def together(self, api: Any, pairs: list[tuple[str, Mapping[str, str]]]) -> list[list[str]]:
        """Of orders with one address key, (number, opaque keys), the parts that may go in one parcel."""
        return [[number for number, _keys in pairs]]

    def reach(
        self, api: Any, carrier: str, receivers: Mapping[str, ReceiverRef]
    ) -> dict[str, Reach | PlatformError]:
        """Whether our carrier delivers to these orders' receivers; one that can't be told carries its error."""
        raise NotImplementedError

    def offers(self, api: Any, page: int) -> tuple[list[Offer], bool]:
        """One page (from 1) of what it sells with the numbers that it shows now, and whether there are more pages."""
        raise NotImplementedError

    def show(self, api: Any, rows: Sequence[Showing]) -> dict[str, PlatformError]:
        """Set the numbers of at most `shown_a_call` of its SKUs, whole, not by how much.

        Returns {SKU: why not}; PlatformError where the whole call failed.
        """
        raise NotImplementedError

    def limit(self, api: Any, item: str, pieces: int) -> None:
        """Set how many pieces of an item one buyer may have, whole. Raises PlatformError; `IN_AUDIT` where it must wait."""
        raise NotImplementedError

    def letters(self, api: Any, headers: Mapping[str, str], body: bytes) -> list[Letter]:
        """The messages of one push after its signature was found right; Forged otherwise."""
        raise Forged(message="this channel pushes nothing")

    def split(self, data: bytes, read_at: dt.datetime) -> list[Kept]:
        """The orders of a file, each as it will be kept; Unreadable where the whole file is none of ours."""
        raise Unreadable("no_file", "this channel takes no files")

    def numbers_in(self, raw: bytes) -> list[str]:
        """The orders that a pushed message speaks of (they are then asked for); [] where it is none of ours."""
        raise NotImplementedError

    def address_asked(self, raw: bytes) -> list[str]:
        """The orders in a pushed message whose buyer waits for our word on a new address; most channels decide alone."""
        return []

    def answer_address(self, api: Any, number: str, refusal: str = "") -> None:
        """Agree to the new address, or refuse it: allocating, picking, in_warehouse, leaving or shipping is going on."""
        raise NotImplementedError


def payload_version(modified: str, raw: bytes) -> str:
    """What makes a payload a version of its own: the channel's time, and the bytes where two share a second."""
    return f"{modified}#{hashlib.blake2b(raw, digest_size=6).hexdigest()}"


def kept(number: str, modified: str, raw: bytes) -> Kept:
    """An order's payload as it is stored."""
    return Kept("order", number, payload_version(modified, raw), raw, "pull")
