"""Return receipts of the WMS in our words: what came back, to which warehouse, of which order and line.

Wangdiantong tells nobody; its receipts are polled by their time of change, kept raw (`orderhub.inbound.windows`),
and read by `orders.operations.returning`. It has no acknowledgement for them: a receipt is counted by its number.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db import connection as database
from django.utils.translation import gettext as _

from inventory.queries import find_sku, sku_codes
from orderhub.inbound.keeping import storable
from orderhub.inbound.windows import keep_changes
from orderhub.integrations.errors import PlatformError
from orderhub.integrations.models import Connection
from orderhub.integrations.registry import client
from orders.providers.base import Unreadable, beijing_time

log = logging.getLogger(__name__)

KIND = "return"
#: The platforms whose return receipts are polled; their clients answer `refund_stockins` alike.
SYSTEMS = ("wangdiantong", "wangdiantong_qiye")
LONGEST = dt.timedelta(days=29)
PAGE = 100
DONE = 80  # of 10 cancelled, 20 editing, 30 to audit, 80 done


@dataclass(frozen=True, slots=True)
class SoldLine:
    """A line that pieces can come back of."""

    uuid: uuid.UUID
    channel_line: str
    sku_id: int | None
    seller_code: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Came:
    """Pieces of one code on a receipt."""

    line: str
    code: str
    quantity: int
    defect: bool


@dataclass(frozen=True, slots=True)
class Document:
    """One receipt as the WMS wrote it."""

    key: str
    refund: str
    order_number: str
    warehouse: str
    at: dt.datetime
    came: tuple[Came, ...]

    def numbers(self) -> list[str]:
        """What its order may be called: as told, or without the parcel's place (…-1)."""
        stem, dash, place = self.order_number.rpartition("-")
        return [self.order_number, stem] if dash and place.isdigit() else [self.order_number]


@dataclass(frozen=True, slots=True)
class System:
    """How one WMS account spells goods and warehouses."""

    code: str
    warehouses: dict[str, int]


def pull() -> int:
    """Keep the new return receipts of every Wangdiantong account; returns how many are new."""
    accounts = Connection.objects.filter(platform__in=SYSTEMS, state=Connection.State.OK).order_by("id")
    total = 0
    for account in accounts:
        try:
            total += pull_from(account)
        except (PlatformError, Unreadable) as error:
            log.warning("return receipts of %s: %s", account.code, error)  # the call's row says it to people
    return total


def pull_from(account: Connection, now: dt.datetime | None = None) -> int:
    """Keep one account's finished receipts changed since the newest kept one; how many are new. Raises PlatformError."""
    return keep_changes(
        account.id, KIND, client(account).refund_stockins, _identified, longest=LONGEST, size=PAGE, now=now
    )


def _identified(row: dict[str, Any]) -> tuple[str, str] | None:
    return (_text(row, "order_no"), _changed(row)) if int(row.get("status") or 0) == DONE else None


def parse(raw: bytes) -> Document:
    """A kept receipt in our words; Unreadable with words for a clerk."""
    try:
        row = storable(json.loads(raw))
    except (ValueError, RecursionError):
        raise Unreadable("not_json", _("The receipt is not JSON.")) from None
    if not isinstance(row, dict):
        raise Unreadable("not_json", _("The receipt is not an object."))
    key = _text(row, "order_no")
    numbers = [part.strip() for part in str(row.get("tid_list") or "").split(",") if part.strip()]
    details = _objects(row.get("details_list"))
    numbers = numbers or sorted({str(item.get("tid")) for item in details if item.get("tid")})
    if not key or len(numbers) != 1 or not details:
        raise Unreadable("bad_receipt", _("A receipt needs a number, one order and goods."))
    came = tuple(piece for piece in (_came(item) for item in details) if piece is not None)
    refund = str(row.get("refund_no") or "")[:40]
    return Document(key, refund, numbers[0], str(row.get("warehouse_no") or ""), _moment(row), came)


def _came(item: dict[str, Any]) -> Came | None:
    try:
        quantity = Decimal(str(item.get("stockin_num") or item.get("num") or 0))
    except InvalidOperation:
        raise Unreadable("bad_number", _("A quantity of the receipt is not a number.")) from None
    if quantity != quantity.to_integral_value() or not 0 <= quantity < 1_000_000:
        raise Unreadable("bad_number", _("A quantity of the receipt is not a whole number."))
    inner = _objects(item.get("refund_order_detail_list"))
    line = str(inner[0].get("oid") or "") if inner else ""
    return (
        Came(line, str(item.get("spec_no") or ""), int(quantity), bool(item.get("defect")))
        if quantity
        else None
    )


def _moment(row: dict[str, Any]) -> dt.datetime:
    """When it was taken in: `check_time` or `created_time` in milliseconds, else the time of change."""
    for name in ("check_time", "created_time"):
        stamp = str(row.get(name) or "")
        if stamp.isdigit() and len(stamp) == 13:
            return dt.datetime.fromtimestamp(int(stamp) / 1000, dt.UTC)
    return beijing_time(row.get("modified"), "modified")


def _changed(row: dict[str, Any]) -> str:
    """The version: the time of change, as text that sorts; Unreadable where it is none."""
    changed = _text(row, "modified")
    beijing_time(changed, "modified")
    return changed


def _objects(rows: Any) -> list[dict[str, Any]]:
    """The objects of a list; none where it is no list."""
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _text(row: dict[str, Any], name: str) -> str:
    return str(row.get(name) or "").strip()


def systems(connection_ids: Iterable[int]) -> dict[int, System]:
    """How these accounts spell goods and warehouses (options["warehouses"] maps theirs to our codes)."""
    with database.cursor() as cursor:
        cursor.execute("SELECT code, id FROM inventory_warehouse")
        ours = dict(cursor.fetchall())
    found = {}
    for account in Connection.objects.filter(id__in=list(connection_ids)):
        table = account.options.get("warehouses")
        spelled = (
            {theirs: ours[code] for theirs, code in table.items() if code in ours}
            if isinstance(table, dict)
            else {}
        )
        found[account.id] = System(account.code, ours | spelled)
    return found


def receipt_of(
    document: Document,
    lines: list[SoldLine],
    system: System,
    made: Mapping[uuid.UUID, Mapping[int, int]],
) -> tuple[int, list[tuple[uuid.UUID, int, str, int | None]]]:
    """(warehouse, [(line, pieces, disposition, part)]): by the line's own name, else by the SKU behind the code.

    A code may be that of a part of a bundle that was sold (`made`: {line: {part: pieces}}).
    Pieces of a code fill the lines that have it in turn. Unreadable where warehouse or goods are not known.
    """
    if document.warehouse not in system.warehouses:
        raise Unreadable("no_warehouse", _("Unknown warehouse: %(code)s") % {"code": document.warehouse})
    table = sku_codes()
    room = {(line.uuid, 0): line.quantity for line in lines}
    room.update({(line, part): count for line, parts in made.items() for part, count in parts.items()})
    pieces: list[tuple[uuid.UUID, int, str, int | None]] = []
    for came in document.came:
        named = [line for line in lines if came.line and came.line in (line.channel_line, str(line.uuid))]
        sku_id = find_sku(system.code, came.code, table)
        coded = [
            line
            for line in lines
            if came.code == line.seller_code or (sku_id is not None and line.sku_id == sku_id)
        ]
        inside = [line for line in lines if sku_id is not None and sku_id in made.get(line.uuid, {})]
        places = [(line.uuid, sku_id or 0) for line in inside] or [(line.uuid, 0) for line in named or coded]
        left = came.quantity
        for place in places:
            taken = min(left, room[place])
            if taken:
                pieces.append((place[0], taken, "recondition" if came.defect else "resell", place[1] or None))
                room[place] -= taken
                left -= taken
        if left:
            raise Unreadable(
                "not_sold",
                _("%(code)s came back, but the order has no such goods left.") % {"code": came.code},
            )
    return system.warehouses[document.warehouse], pieces
