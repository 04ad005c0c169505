"""One summary row a parcel that left, kept in step by one statement: what success rates are computed from."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection

from logistics.models import Delivery

_WRITE = """
    INSERT INTO logistics_delivery (waybill_no, adcode, warehouse_code, carrier, outlet_code, shipped_at, picked_up_at,
        first_attempt_at, first_attempt_ok, signed_at, history)
    SELECT DISTINCT ON (p.waybill_no) p.waybill_no, o.adcode, w.code, p.carrier, p.outlet_code, p.shipped_at,
        p.picked_up_at, p.first_attempt_at, p.first_attempt_ok, p.signed_at, false
    FROM logistics_parcel p JOIN orders_order o ON o.id = p.order_id JOIN inventory_warehouse w ON w.id = p.warehouse_id
    WHERE p.id = ANY(%s) AND p.waybill_no <> '' AND p.shipped_at IS NOT NULL ORDER BY p.waybill_no, p.id DESC
    ON CONFLICT (waybill_no) DO UPDATE SET picked_up_at = EXCLUDED.picked_up_at,
        first_attempt_at = EXCLUDED.first_attempt_at, first_attempt_ok = EXCLUDED.first_attempt_ok,
        signed_at = EXCLUDED.signed_at, shipped_at = EXCLUDED.shipped_at"""


def write(parcel_ids: Sequence[int]) -> None:
    """Bring the delivery rows of these parcels up to date, in the caller's transaction."""
    if parcel_ids:
        with connection.cursor() as cursor:
            cursor.execute(_WRITE, [list(parcel_ids)])


def load_history(rows: Iterable[dict[str, Any]], *, chunk: int = 2000) -> int:
    """Parcels delivered before this system, marked as history; what is known already is left alone.

    A row: waybill_no, adcode, warehouse_code, carrier, outlet_code, shipped_at, picked_up_at, first_attempt_at,
    first_attempt_ok, signed_at. Returns how many were given. ValueError for a row without its own time zone.
    """
    count = 0
    batch: list[Delivery] = []
    for row in rows:
        shipped = row["shipped_at"]
        if not isinstance(shipped, dt.datetime) or shipped.tzinfo is None:
            raise ValueError(f"{row.get('waybill_no')}: shipped_at needs a time zone")
        batch.append(Delivery(**row, history=True))
        count += 1
        if len(batch) >= chunk:
            Delivery.objects.bulk_create(batch, ignore_conflicts=True)
            batch = []
    Delivery.objects.bulk_create(batch, ignore_conflicts=True)
    return count
