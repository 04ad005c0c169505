"""Trades of the sandbox's Taobao shop, picked by what a test needs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any


def window() -> tuple[datetime, datetime]:
    """All the time that the sandbox's history covers."""
    now = datetime.now(UTC)
    return now - timedelta(days=20), now + timedelta(minutes=1)


def waiting(taobao: Any) -> tuple[dict[str, Any], bytes]:
    """A paid trade (and its bytes) that waits for its parcel and has no refund."""
    listed = [str(row["tid"]) for row in taobao.created_page(*window(), 1, 100)]
    for found in taobao.fullinfo_many(listed).values():
        trade, _raw = found
        quiet = all(line.get("refund_status") == "NO_REFUND" for line in trade["orders"]["order"])
        if trade["status"] == "WAIT_SELLER_SEND_GOODS" and quiet:
            return found
    raise AssertionError("the sandbox has no trade to ship")
