"""Purchased goods that a WMS took in, in our words: receipts polled by their time of change and kept raw.

Wangdiantong (both products) has no push and no acknowledgement for them: a receipt is counted by its number.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils.translation import gettext as _

from inventory.models import Warehouse
from orderhub.inbound.keeping import storable
from orderhub.inbound.windows import keep_changes
from orderhub.integrations.clients.base import from_beijing
from orderhub.integrations.errors import PlatformError
from orderhub.integrations.models import Connection
from orderhub.integrations.registry import client

log = logging.getLogger(__name__)

KIND = "stockin"
#: The platforms whose receipts are polled; their clients answer `purchase_stockins` alike.
SYSTEMS = ("wangdiantong", "wangdiantong_qiye")
LONGEST = dt.timedelta(days=29)
DONE = 80  # of 10 cancelled, 20 editing, 30 to audit, 37 and 40 quality check, 80 done


class Unreadable(ValueError):
    """A receipt that can't be taken in: `code` for counting, the message for a clerk, `about` a word in question."""

    def __init__(self, code: str, text: str, about: str = "") -> None:
        super().__init__(text)
        self.code = code
        self.about = about
        self.text = text


@dataclass(frozen=True, slots=True)
class Arrived:
    """Pieces of one code at one place; `position` is the WMS's bin, "" where it names none."""

    code: str
    quantity: int
    position: str
    defect: bool


@dataclass(frozen=True, slots=True)
class Document:
    """One finished receipt as the WMS wrote it."""

    number: str
    purchase: str
    warehouse: str
    arrived: tuple[Arrived, ...]
    #: when the goods were received (the document was begun), and when they lay on the shelf (it was finished)
    received_at: dt.datetime | None = None
    shelved_at: dt.datetime | None = None


def pull() -> int:
    """Keep the new receipts of every account; one that fails says so in its call's row. Returns how many are new."""
    return each_account(pull_from, "stock-in receipts")


def each_account(read: Callable[[Connection], int], what: str) -> int:
    """The sum of what `read` says of every account in use; one that fails is logged as `what` and stops no other."""
    total = 0
    for account in Connection.objects.filter(platform__in=SYSTEMS, state=Connection.State.OK).order_by("id"):
        try:
            total += read(account)
        except (PlatformError, Unreadable) as error:
            log.warning("%s of %s: %s", what, account.code, error)
    return total


def pull_from(account: Connection, now: dt.datetime | None = None) -> int:
    """Keep one account's finished receipts changed since the newest kept one; how many are new. Raises PlatformError."""
    return keep_changes(
        account.id, KIND, client(account).purchase_stockins, _identified, longest=LONGEST, now=now
    )


def _identified(row: dict[str, Any]) -> tuple[str, str] | None:
    if str(row.get("status") or "") != str(DONE):
        return None
    changed = _text(row, "modified")
    try:
        from_beijing(changed)
    except ValueError:
        raise Unreadable(
            "bad_time", _("The receipt's time of change can't be read: %(text)s") % {"text": changed[:40]}
        ) from None
    return _text(row, "order_no"), changed


def parse(raw: bytes) -> Document:
    """A kept receipt in our words; Unreadable with words for a clerk."""
    try:
        row = storable(json.loads(raw))
    except ValueError:
        row = None
    if not isinstance(row, dict):
        raise Unreadable("not_json", _("The receipt is not JSON."))
    number, house = _text(row, "order_no"), _text(row, "warehouse_no")
    details = [item for item in row.get("details_list") or [] if isinstance(item, dict)]
    arrived = tuple(piece for piece in (_arrived(item) for item in details) if piece.quantity)
    if not number or not house or not arrived:
        raise Unreadable("bad_receipt", _("A receipt needs a number, a warehouse and goods."))
    times = _moment(row, "created_time"), _moment(row, "check_time")
    return Document(number, _text(row, "purchase_no"), house, arrived, *times)


def _moment(row: dict[str, Any], name: str) -> dt.datetime | None:
    """Milliseconds (flagship) or Beijing's time (enterprise); None where it says nothing that can be read."""
    told = _text(row, name)
    try:
        if told.isdecimal():
            return dt.datetime.fromtimestamp(int(told) / 1000, dt.UTC)
        return from_beijing(told)
    except (ValueError, OverflowError, OSError):
        return None


def _arrived(item: dict[str, Any]) -> Arrived:
    told = item.get("num") if item.get("num") is not None else item.get("stockin_num")
    try:
        quantity = Decimal(str(told or 0))
    except InvalidOperation:
        raise Unreadable("bad_number", _("A quantity of the receipt is not a number.")) from None
    if not quantity.is_finite() or quantity != quantity.to_integral_value() or not 0 <= quantity < 1_000_000:
        raise Unreadable("bad_number", _("A quantity of the receipt is not a whole number."))
    defect = item.get("defect") in (True, 1, "1")
    return Arrived(_text(item, "spec_no"), int(quantity), _text(item, "position_no")[:30], defect)


def _text(row: dict[str, Any], name: str) -> str:
    return str(row.get(name) or "").strip()


def warehouses(accounts: Iterable[Connection]) -> dict[int, dict[str, int]]:
    """{account: {its word for a warehouse: our id}}: options["warehouses"] maps theirs to our codes, else they are alike."""
    ours = dict(Warehouse.objects.values_list("code", "id"))
    found = {}
    for account in accounts:
        table = account.options.get("warehouses")
        spelled = table.items() if isinstance(table, dict) else ()
        found[account.id] = ours | {theirs: ours[code] for theirs, code in spelled if code in ours}
    return found
