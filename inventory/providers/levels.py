"""What a warehouse system says is on its shelves, per warehouse and SKU, in our words: sellable pieces alone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from inventory.providers.stockins import LONGEST, SYSTEMS, Unreadable
from inventory.queries import find_sku, sku_codes
from orderhub.integrations.models import Connection
from orderhub.integrations.registry import client

__all__ = ["SYSTEMS", "levels"]
#: Both products take pages of this size.
PAGE = 100


def levels(
    account: Connection, houses: Mapping[str, int], now: dt.datetime | None = None
) -> tuple[dict[tuple[int, int], int], set[str]]:
    """({(warehouse, sku): pieces}, codes that nobody knows) of what changed there in a month.

    Rows of warehouses that are not asked about and of damaged goods are left out. Raises PlatformError, and
    Unreadable where a row has no whole number of pieces.
    """
    end = now or timezone.now()
    table, found, unknown, page, read = sku_codes(), dict[tuple[int, int], int](), set[str](), 0, 0
    while True:
        answer = client(account).stock(end - LONGEST, end, page=page, size=PAGE)
        for row in answer.rows:
            house = houses.get(str(row.get("warehouse_no") or ""))
            if house is None or row.get("defect") in (True, 1, "1"):
                continue
            code = str(row.get("spec_no") or "")
            sku_id = find_sku(account.code, code, table)
            if sku_id is None:
                unknown.add(code)
                continue
            found[house, sku_id] = found.get((house, sku_id), 0) + _whole(row)
        read += len(answer.rows)
        page += 1
        if len(answer.rows) < PAGE or (answer.total is not None and read >= answer.total):
            return found, unknown


def _whole(row: Mapping[str, Any]) -> int:
    try:
        pieces = Decimal(str(row.get("stock_num")))
    except InvalidOperation:
        pieces = Decimal("NaN")
    if not pieces.is_finite() or pieces != pieces.to_integral_value() or abs(pieces) > 10**8:
        raise Unreadable("bad_number", _("A quantity of the warehouse system is not a whole number."))
    return int(pieces)
