"""The words in which every channel's orders are told to intake. An unknown word raises `Unreadable`."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from orderhub.money import BadMoney, yuan

BEIJING = ZoneInfo("Asia/Shanghai")
_SECONDS = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}", re.ASCII)
#: NUL and lone surrogates: legal in JSON, refused by the database.
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class Unreadable(ValueError):
    """A payload that can't be taken in: `code` for counting, the message for a clerk."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


class ChannelState(StrEnum):
    """Every channel's order states in our words."""

    UNPAID = "unpaid"
    TO_SHIP = "to_ship"
    LOCKED = "locked"  # paid, but the platform forbids shipping
    SHIPPED = "shipped"
    FINISHED = "finished"
    CANCELLED = "cancelled"  # closed before payment
    REFUNDED = "refunded"  # closed after payment


class RefundState(StrEnum):
    """A line's refund on the channel, in our words."""

    NONE = "none"
    ASKED = "asked"
    DONE = "done"
    REFUSED = "refused"


@dataclass(slots=True)
class ParsedLine:
    channel_line: str
    seller_code: str
    title: str
    quantity: int
    unit_price: Decimal
    discount: Decimal
    freight_share: Decimal
    payable: Decimal
    refund: RefundState = RefundState.NONE
    refund_id: str = ""
    goods_back: bool = False
    #: the own shop's claim on these pieces from before the order, a uuid as text
    claim: str = ""


@dataclass(slots=True)
class ParsedReceiver:
    """`plain` only where the channel is our own; `opaque` holds the platform's keys for masked ones."""

    name_mask: str
    phone_mask: str
    address_mask: str
    province: str
    city: str
    district: str
    town: str = ""
    plain: dict[str, str] | None = None
    opaque: dict[str, str] | None = None
    lng: float | None = None
    lat: float | None = None
    datum: str = "wgs84"
    key: str = ""  # what makes two receivers the same within the channel
    address_key: str = ""  # what the channel calls the same address; "" = its orders are never merged


@dataclass(slots=True)
class ParsedProof:
    """What the channel itself said about the payment in this very payload."""

    source: str
    trade_no: str
    state: str
    paid: bool
    amount: Decimal | None
    payee: str
    paid_at: dt.datetime | None


@dataclass(slots=True)
class ParsedOrder:
    channel_number: str
    channel_state: str
    state: ChannelState
    version: dt.datetime
    ordered_at: dt.datetime
    paid_at: dt.datetime | None
    goods_amount: Decimal
    discount: Decimal
    freight: Decimal
    payable: Decimal
    lines: list[ParsedLine]
    receiver: ParsedReceiver
    proof: ParsedProof | None = None
    buyer_ref: str = ""
    buyer_ip: str = ""  # only the own shop says it; kept nowhere but as a keyed hash where it counts
    buyer_message: str = ""
    traffic_source: str = ""
    promised_ship_at: dt.datetime | None = None
    tags: list[str] = field(default_factory=list)
    sealed: str = ""  # cod, gift or sealed: ships alone, in one parcel

    @property
    def refund(self) -> RefundState:
        """The order's refund: asked while any line is asked, done when all are, else none."""
        states = {line.refund for line in self.lines}
        if RefundState.ASKED in states:
            return RefundState.ASKED
        if self.state is ChannelState.REFUNDED or states == {RefundState.DONE}:
            return RefundState.DONE
        return RefundState.ASKED if RefundState.DONE in states else RefundState.NONE


def beijing_time(text: Any, name: str) -> dt.datetime:
    """A naive `yyyy-MM-dd HH:mm:ss` of Beijing as an aware UTC time."""
    said = str(text)
    try:
        naive = (
            dt.datetime.fromisoformat(said)
            if _SECONDS.fullmatch(said)
            else dt.datetime.strptime(said, "%Y-%m-%d %H:%M:%S")
        )
    except ValueError:
        raise Unreadable(
            "bad_time", _("%(name)s is not a time: %(value)s") % {"name": name, "value": repr(str(text)[:40])}
        ) from None
    return _ours(naive.replace(tzinfo=BEIJING), name).astimezone(dt.UTC)


def iso_time(text: Any, name: str) -> dt.datetime:
    """ISO 8601 with an offset as an aware UTC time."""
    try:
        moment = dt.datetime.fromisoformat(str(text))
    except ValueError:
        raise Unreadable(
            "bad_time", _("%(name)s is not a time: %(value)s") % {"name": name, "value": repr(str(text)[:40])}
        ) from None
    if moment.tzinfo is None:
        raise Unreadable(
            "bad_time",
            _("%(name)s has no time zone: %(value)s") % {"name": name, "value": repr(str(text)[:40])},
        )
    return _ours(moment, name).astimezone(dt.UTC)


def _ours(moment: dt.datetime, name: str) -> dt.datetime:
    """A time of this century: what is far from it can be kept, but neither reckoned with nor shown."""
    if not 2000 <= moment.year < 2100:
        raise Unreadable(
            "bad_time", _("%(name)s is not of our time: %(value)s") % {"name": name, "value": str(moment)}
        )
    return moment


def money(value: Any, name: str) -> Decimal:
    """Yuan with at most two decimals, as Decimal."""
    try:
        return yuan(value)
    except BadMoney:
        raise Unreadable(
            "bad_money",
            _("%(name)s is not an amount of money: %(value)s")
            % {"name": name, "value": repr(str(value)[:40])},
        ) from None


def words(value: Any, name: str, limit: int, *, required: bool = False) -> str:
    """Text of at most `limit` characters without NUL; required text may not be blank."""
    if value is None:
        value = ""
    if not isinstance(value, str | int) or isinstance(value, bool):
        raise Unreadable("bad_text", _("%(name)s is not text") % {"name": name})
    text = str(value).strip()
    if UNSTORABLE.search(text):
        raise Unreadable("bad_text", _("%(name)s holds characters that cannot be stored") % {"name": name})
    if required and not text:
        raise Unreadable("missing", _("%(name)s is missing") % {"name": name})
    if len(text) > limit:
        raise Unreadable(
            "too_long", _("%(name)s is longer than %(limit)d characters") % {"name": name, "limit": limit}
        )
    return text


def whole(value: Any, name: str, low: int = 1, high: int = 1_000_000) -> int:
    """A whole number within bounds."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value) if len(value) < 10 else high + 1
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise Unreadable(
            "bad_number",
            _("%(name)s is not a number from %(low)s to %(high)s: %(value)s")
            % {"name": name, "low": low, "high": high, "value": repr(str(value)[:40])},
        )
    return value


def mapped(value: Any, table: Mapping[Any, Any], name: str) -> Any:
    """Our word for the platform's; an unknown one raises and names itself."""
    try:
        return table[value]
    except (KeyError, TypeError):
        raise Unreadable(
            "unknown_word", _("unknown %(name)s: %(value)s") % {"name": name, "value": repr(str(value)[:60])}
        ) from None
