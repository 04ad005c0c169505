"""What happened to an order, append-only: facts in the row, sentences in code."""

from __future__ import annotations

import datetime as dt
from typing import Any

from orderhub.actors import Actor
from orderhub.copying import copy_rows
from orderhub.lifecycle import Touch, Writer

TABLE = "orders_event"
COLUMNS = (
    "order_id",
    "code",
    "point",
    "occurred_at",
    "recorded_at",
    "actor_kind",
    "actor_name",
    "actor_user_id",
    "data",
)


def line(
    order_id: int,
    code: str,
    *,
    actor: Actor,
    now: dt.datetime,
    point: int | None = None,
    occurred_at: dt.datetime | None = None,
    data: dict[str, Any] | None = None,
) -> tuple[Any, ...]:
    """One row for COPY. `occurred_at` is the platform's time; absent, it happened when we recorded it."""
    return (order_id, code, point, occurred_at or now, now, actor.kind, actor.name, actor.user_id, data or {})


def record(
    writer: Writer,
    order_id: int,
    code: str,
    *,
    point: int | None = None,
    occurred_at: dt.datetime | None = None,
    data: dict[str, Any] | None = None,
) -> None:
    """Add an event to what the batch will write."""
    writer.copy(
        TABLE,
        COLUMNS,
        line(
            order_id,
            code,
            actor=writer.actor,
            now=writer.now,
            point=point,
            occurred_at=occurred_at,
            data=data,
        ),
    )


def append(rows: list[tuple[Any, ...]]) -> None:
    """Write events outside a lifecycle batch (rows made by `line`), inside the caller's transaction."""
    copy_rows(TABLE, COLUMNS, rows)


def on_move(touch: Touch, row: Any, writer: Writer) -> None:
    """Every touch leaves its event; operations give data through `writer.context['data'][id]`."""
    context, now, actor = writer.context, writer.now, writer.actor
    occurred = writer.at.get(row.id) or context.get("occurred", {}).get(row.id) or now
    data = context.get("data", {}).pop(row.id, None) or {}
    writer.copy(
        TABLE,
        COLUMNS,
        (row.id, touch.code, touch.point, occurred, now, actor.kind, actor.name, actor.user_id, data),
    )
