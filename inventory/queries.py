"""Questions about stock and codes; nothing here writes."""

from __future__ import annotations

import time
import unicodedata
from functools import lru_cache
from typing import NamedTuple

from django.db import connection

from inventory.models import Sku, SkuCode

_BLANKS = {ord(c): None for c in " \t-_—–‐"}


@lru_cache(maxsize=8192)
def normal(code: str) -> str:
    """The spelling that all spellings share: NFKC, upper case, without blanks, dashes and underscores."""
    return unicodedata.normalize("NFKC", code).upper().translate(_BLANKS)


_codes: tuple[float, dict[tuple[str, str], int]] | None = None
CODES_FRESH_FOR = 5.0


def sku_codes(*, fresh: bool = False) -> dict[tuple[str, str], int]:
    """{(system or "*", normal spelling): sku id} of active SKUs, at most five seconds old."""
    global _codes
    if fresh or _codes is None or time.monotonic() - _codes[0] > CODES_FRESH_FOR:
        table = {
            ("*", normal(code)): identity
            for identity, code in Sku.objects.filter(active=True).values_list("id", "code")
        }
        table.update(
            {
                (system, spelling): sku_id
                for system, spelling, sku_id in SkuCode.objects.values_list("system", "normal", "sku_id")
            }
        )
        _codes = (time.monotonic(), table)
    return _codes[1]


def find_sku(system: str, code: str, table: dict[tuple[str, str], int]) -> int | None:
    """The SKU behind an outside spelling: the system's own first, then everyone's."""
    spelling = normal(code)
    return table.get((system, spelling)) or table.get(("*", spelling))


def weights(sku_ids: list[int]) -> dict[int, int]:
    """{sku: grams}."""
    return dict(Sku.objects.filter(id__in=sku_ids).values_list("id", "weight_g"))


def drift() -> list[tuple[int, int, int, int, int, int]]:
    """(sku, bin, on hand, reserved, ledger on hand, ledger reserved) where counters and ledger disagree."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT s.sku_id, s.bin_id, s.on_hand, s.reserved, coalesce(m.h, 0), coalesce(m.r, 0)
               FROM inventory_stock s LEFT JOIN (SELECT sku_id, bin_id, sum(on_hand_change) h, sum(reserved_change) r
                    FROM inventory_movement GROUP BY 1, 2) m ON m.sku_id = s.sku_id AND m.bin_id = s.bin_id
               WHERE s.on_hand <> coalesce(m.h, 0) OR s.reserved <> coalesce(m.r, 0) ORDER BY 1, 2"""
        )
        return list(cursor.fetchall())


class WarehouseHead(NamedTuple):
    id: int
    code: str
    name: str
    own: bool
    priority: int
    active: bool


def warehouses() -> list[WarehouseHead]:
    """Every warehouse, the inactive ones too, by priority. One statement, no model instances."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, code, name, kind = 'own', priority, active FROM inventory_warehouse ORDER BY priority, code"
        )
        return [WarehouseHead(*row) for row in cursor.fetchall()]
