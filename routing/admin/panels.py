"""The order page's part about its route: where it goes and why, and the form to decide otherwise."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from inventory.queries import warehouses
from orders import queries as orders
from routing import queries
from routing.admin.decision import OVERRIDE

CHANGEABLE = ("reserved", "routed")


def explanation(order_id: int, request: HttpRequest) -> dict[str, Any] | None:
    """The decision that holds, those before it, and who may change it; None before the order was routed."""
    found = queries.history(order_id)
    head = orders.heads([order_id]).get(order_id)
    may = head is not None and head.state in CHANGEABLE and request.user.has_perm(OVERRIDE)
    if not found and not may:
        return None
    return {
        "template": "routing/panel.html",
        "explained": found[0] if found else None,
        "earlier": found[1:],
        "may_override": may,
        "order_id": order_id,
        "warehouses": [house for house in warehouses() if house.active] if may else [],
    }
