"""Purchase orders that a WMS keeps, in our words: polled by their time of change and kept raw.

Field names and states: purchase.PurchaseOrder.queryWithDetail and purchase_order_query.php of open.wangdian.cn.
Neither has an acknowledgement; a newer version of an order replaces the older one.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils.translation import gettext as _

from inventory.models import PurchaseOrder
from inventory.providers.stockins import LONGEST, Unreadable, each_account
from orderhub.days import of_trade
from orderhub.inbound.keeping import storable
from orderhub.inbound.windows import keep_changes
from orderhub.integrations.clients.base import beijing, from_beijing
from orderhub.integrations.models import Connection
from orderhub.integrations.registry import client

KIND = "purchase"
S = PurchaseOrder.State
#: Both products count alike; 43, 45 and 48 are the enterprise's (to push, push failed, to receive).
STATES: dict[int, S] = {
    10: S.CANCELLED, 20: S.DRAFT, 30: S.DRAFT, 35: S.DRAFT, 40: S.PLACED, 43: S.PLACED, 45: S.PLACED, 48: S.PLACED,
    50: S.PARTIAL, 60: S.RECEIVED, 70: S.RECEIVED, 80: S.RECEIVED, 90: S.RECEIVED,
}  # fmt: skip
#: Where the lines stand: the flagship's name first.
LINES = ("detail_list", "details_list", "purchase_details_list")


@dataclass(frozen=True, slots=True)
class Ordered:
    """Pieces of one code; `stopped` are no longer awaited."""

    code: str
    quantity: int
    stopped: int
    price: Decimal | None


@dataclass(frozen=True, slots=True)
class Purchase:
    """One purchase order as the WMS has it now; `changed` is Beijing text that sorts."""

    number: str
    supplier: str
    supplier_name: str
    warehouse: str
    state: S
    ordered_at: dt.datetime | None
    expected_at: dt.datetime | None
    changed: str
    lines: tuple[Ordered, ...]


def pull() -> int:
    """Keep the changed purchase orders of every account; how many versions are new. One that fails says so in its call's row."""
    return each_account(pull_from, "purchase orders")


def pull_from(account: Connection, now: dt.datetime | None = None) -> int:
    """Keep one account's orders changed since the newest kept one; how many are new. Raises PlatformError, Unreadable."""
    return keep_changes(
        account.id, KIND, client(account).purchase_orders, _identified, longest=LONGEST, now=now
    )


def _identified(row: dict[str, Any]) -> tuple[str, str] | None:
    """An order may change twice within the second to which the platform tells it: what it says is part of the version."""
    said = hashlib.sha256(json.dumps(row, sort_keys=True, default=str).encode()).hexdigest()[:12]
    return _text(row, "purchase_no"), f"{beijing(_moment(row, 'modified', needed=True))} {said}"


def parse(raw: bytes) -> Purchase:
    """A kept purchase order in our words; Unreadable with words for a clerk."""
    try:
        row = storable(json.loads(raw))
    except ValueError:
        row = None
    if not isinstance(row, dict):
        raise Unreadable("not_json", _("The purchase order is not JSON."))
    number, house, supplier = _text(row, "purchase_no"), _text(row, "warehouse_no"), _text(row, "provider_no")
    if not number or not house or not supplier:
        raise Unreadable("bad_purchase", _("A purchase order needs a number, a warehouse and a supplier."))
    word = _text(row, "status")
    if not word.isascii() or not word.isdigit() or int(word) not in STATES:
        raise Unreadable(
            "unknown_state", _("Unknown state of a purchase order: %(word)s") % {"word": word[:20]}
        )
    listed: list[Any] = next((row[name] for name in LINES if isinstance(row.get(name), list)), [])
    lines = tuple(_line(item) for item in listed if isinstance(item, dict))
    changed = beijing(_moment(row, "modified", needed=True))
    return Purchase(
        number[:40], supplier[:40], _text(row, "provider_name")[:80], house, STATES[int(word)],
        _moment(row, "check_time") or _moment(row, "created"), _expected(row), changed, lines,
    )  # fmt: skip


def _line(item: dict[str, Any]) -> Ordered:
    price = item.get("price")
    try:
        told = None if price in (None, "") else Decimal(str(price))
    except InvalidOperation:
        told = None
    if told is not None and not (told.is_finite() and 0 <= told < 10_000_000):
        told = None
    return Ordered(_text(item, "spec_no"), _whole(item, "num"), _whole(item, "stopwait_num"), told)


def _whole(item: dict[str, Any], name: str) -> int:
    try:
        number = Decimal(str(item.get(name) or 0))
    except InvalidOperation:
        raise Unreadable("bad_number", _("A quantity of the purchase order is not a number.")) from None
    if not number.is_finite() or number != number.to_integral_value() or not 0 <= number < 1_000_000:
        raise Unreadable("bad_number", _("A quantity of the purchase order is not a whole number."))
    return int(number)


def _moment(row: dict[str, Any], name: str, *, needed: bool = False) -> Any:
    """A time, which comes as Beijing text or as milliseconds; None where there is none. Unreadable where it is `needed`."""
    text = _text(row, name)
    try:
        if text.isascii() and text.isdigit():
            return dt.datetime.fromtimestamp(int(text) / 1000, dt.UTC)
        return from_beijing(text[:19])
    except (ValueError, OverflowError, OSError):
        if not needed:
            return None
        words = _("The purchase order's time of change can't be read: %(text)s") % {"text": text[:40]}
        raise Unreadable("bad_time", words) from None


def _expected(row: dict[str, Any]) -> dt.datetime | None:
    """The day of arrival; None where it is none of trade (1970 is an empty field): nothing is promised from it."""
    found: dt.datetime | None = _moment(row, "expect_arrive_time")
    return found if found is not None and of_trade(found.date()) else None


def _text(row: dict[str, Any], name: str) -> str:
    value = row.get(name)
    return "" if value is None else str(value).strip()
