"""Splitting with the parcels: what was planned whole is voided and planned again in parts, all in one transaction."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from django.db import transaction

from logistics.operations.taking import take_out
from orderhub.actors import Actor
from orders.operations import split
from orders.operations.split import SplitRefused

__all__ = ["SplitRefused", "allow", "divide", "undo"]


def divide(
    order_id: int, pieces: Mapping[uuid.UUID, int], actor: Actor, *, warehouse_id: int | None = None
) -> int:
    """Put these pieces of an order into one more parcel; its place. SplitRefused, and nothing is done."""
    with transaction.atomic():
        place = split.divide(order_id, pieces, warehouse_id, actor)
        take_out([order_id], actor, "split", SplitRefused)
    return place


def allow(order_id: int, actor: Actor) -> bool:
    """Let an order that no single warehouse can serve take its goods from several; False where it no longer waits."""
    with transaction.atomic():
        return split.allow(order_id, actor)


def undo(order_id: int, actor: Actor) -> None:
    """One parcel again, before picking. SplitRefused, and nothing is done."""
    with transaction.atomic():
        split.undo(order_id, actor)
        take_out([order_id], actor, "split", SplitRefused)
