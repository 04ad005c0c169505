"""What several parts of one page ask: the shops, read once a request."""

from __future__ import annotations

import datetime as dt

from django.http import HttpRequest

from orders.models import Shop
from orders.operations import figures
from orders.scope import shops_of


def shops(request: HttpRequest) -> list[Shop]:
    """Every shop that the person sees, with its connection, in order."""
    found: list[Shop] | None = getattr(request, "_known_shops", None)
    if found is None:
        found = list(shops_of(request.user).select_related("connection").order_by("id"))
        request._known_shops = found  # type: ignore[attr-defined]
    return found


def ambers(request: HttpRequest) -> dict[int, dt.timedelta]:
    """{shop: how long before its promise an order turns amber}."""
    return figures.amber(shops(request))
