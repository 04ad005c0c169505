"""What a parcel leaves on its order's timeline: the steps that its order does not already tell."""

from __future__ import annotations

from typing import Any

from orderhub.lifecycle import Touch, Writer
from orders import timeline

#: The order follows the others and leaves an event of its own for them.
TOLD = frozenset({"number", "stop", "refuse", "void", "return"})


def on_move(touch: Touch, row: Any, writer: Writer) -> None:
    """An event `parcel.<touch>` with the parcel's number, and what the operation said of it."""
    data = writer.context.get("data", {}).pop(row.id, None)
    if touch.code in TOLD:
        at = writer.at.get(row.id) or writer.context.get("occurred", {}).get(row.id)
        timeline.record(
            writer,
            row.order_id,
            f"parcel.{touch.code}",
            occurred_at=at,
            data={"parcel": row.number, **(data or {})},
        )
