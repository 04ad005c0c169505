"""Wangdiantong in our words, whichever product it is: one row of `DIALECTS` a product, stock-outs in one shape.

A dialect pushes orders and tells stock-outs as rows with `src_trade_no` (our number), `trade_no`, `status`
(5 cancelled, 110 shipped, others on the way), `weight` in kg and the times of `TIMES` as Beijing text.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from decimal import Decimal, InvalidOperation
from types import ModuleType
from typing import Any

from django.utils import timezone

from logistics.operations.steps import Progress
from logistics.providers import wangdiantong_qiji, wangdiantong_qiye
from logistics.providers.numbers import Numbered, Word
from logistics.queries import Shipment
from orderhub.integrations.clients.base import from_beijing
from orderhub.integrations.errors import PlatformError
from orderhub.models import Connection

DIALECTS: dict[str, ModuleType] = {
    "wangdiantong": wangdiantong_qiji,
    "wangdiantong_qiye": wangdiantong_qiye,
}
CANCELLED = 5
SHIPPED = 110
#: Steps and the field that holds their time.
TIMES = {"waved": "picklist_time", "packed": "weigh_time", "printed": "print_time", "shipped": "consign_time"}
TOO_LATE = ("已发货", "无法取消")
WINDOW = dt.timedelta(minutes=55)


def push(connection: Connection, shipments: Sequence[Shipment], *, closing: bool = False) -> dict[str, str]:
    """Push parcels as own-platform orders; {parcel number: refusal}."""
    errors: dict[str, str] = DIALECTS[connection.platform].push(connection, shipments, closing=closing)
    return errors


def by_number(connection: Connection, number: str) -> list[dict[str, Any]]:
    """Stock-outs of one of our numbers, whatever their time."""
    rows: list[dict[str, Any]] = DIALECTS[connection.platform].by_number(connection, number)
    return rows


def changed(connection: Connection, start: dt.datetime, end: dt.datetime) -> Iterable[dict[str, Any]]:
    """Stock-outs whose record changed in a window of at most an hour."""
    rows: Iterable[dict[str, Any]] = DIALECTS[connection.platform].changed(connection, start, end)
    return rows


def known(connection: Connection, number: str, warehouse: str) -> str:
    """The WMS's number of a parcel, "" where it has none."""
    found: str = DIALECTS[connection.platform].known(connection, number)
    return found


def stop(connection: Connection, shipment: Shipment) -> bool:
    """Close the order at the WMS; True where it had left already. PlatformError for any other refusal."""
    errors = push(connection, [shipment], closing=True)
    text = errors.get(shipment.parcel.number, "")
    if not text:
        return False
    if any(word in text for word in TOO_LATE):
        return True
    raise PlatformError("business", "not_stopped", text)


def unacknowledged(connection: Connection) -> list[Numbered]:
    """Waybill numbers that left and that we have not acknowledged."""
    rows: list[Numbered] = DIALECTS[connection.platform].unacknowledged(connection)
    return rows


def acknowledge(connection: Connection, words: Sequence[Word]) -> None:
    """Tell the system what became of those numbers; saying it twice changes nothing."""
    DIALECTS[connection.platform].acknowledge(connection, words)


def progress(row: dict[str, Any], parcel_id: int) -> Progress:
    """How far a stock-out is. ValueError for a time or weight that can't be read."""
    if int(row.get("status") or 0) == CANCELLED:
        return Progress(
            parcel_id, "handed", refused=str(row.get("error_info") or "") or "cancelled by the warehouse"
        )
    times = {step: from_beijing(str(row[name])) for step, name in TIMES.items() if row.get(name)}
    weight = _grams(row.get("weight"))
    stage = "handed"
    if "waved" in times:
        stage = "waved"
    if weight is not None or int(row.get("status") or 0) == SHIPPED:
        stage = "packed"
        if "printed" in times:
            stage = "printed"
    if int(row.get("status") or 0) == SHIPPED:
        stage = "shipped"
    return Progress(parcel_id, stage, times, weight, str(row.get("trade_no") or ""))


def _grams(value: Any) -> int | None:
    try:
        kilograms = Decimal(str(value or 0))
    except InvalidOperation as error:
        raise ValueError(f"weight {value!r}") from error
    return int((kilograms * 1000).to_integral_value()) or None


def now() -> dt.datetime:
    """The end of a window that is safe to ask for: what changed in this very second comes with the next."""
    return timezone.now().replace(microsecond=0)
