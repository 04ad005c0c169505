"""The order page's part about its parcels."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from logistics.admin.parcel import dressed
from logistics.queries import parcels_of


def parcels(order_id: int, request: HttpRequest) -> dict[str, Any] | None:
    """Every parcel of the order with its trace; None before there is one."""
    rows = parcels_of(order_id)
    return {"template": "logistics/panel.html", "parcels": [dressed(row) for row in rows]} if rows else None
