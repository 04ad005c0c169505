"""Complaints by POST, up to 500 a call, by a shop's token. What was sent before is answered as repeated, never doubled."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from orderhub.api.frame import Door
from orderhub.api.schema import sent
from orders.api import shapes
from orders.models import Shop
from orders.operations import complaining

MOST = 500
NAMES = ("id", "order", "text", "rating", "said_at")


class ComplaintsView(Door):
    """What buyers complained of."""

    shop = frozenset({"POST"})

    @extend_schema(
        operation_id="complaints_send", request=sent(shapes.COMPLAINTS), responses={200: shapes.TAKEN}
    )
    def post(self, request: Request) -> Response:
        """{"items": [{id, order, text, rating, said_at}]}: good ones are kept, masked; bad ones are named by place."""
        caller: Any = request.user
        shop = Shop.objects.filter(connection=caller.connection).first()
        if shop is None:
            raise PermissionDenied("this token belongs to no shop")
        items = request.data.get("items") if isinstance(request.data, dict) else None
        if (
            not isinstance(items, list)
            or not 1 <= len(items) <= MOST
            or not all(isinstance(i, dict) for i in items)
        ):
            raise ValidationError({"items": f"send a list of 1 to {MOST} objects"})
        if not all(isinstance(item.get("id"), str) and item["id"].strip() for item in items):
            raise ValidationError({"id": "every item needs an id of its own, by which it is kept once"})
        given = [{**{name: item.get(name) for name in NAMES}, "shop": shop.code} for item in items]
        rows, faults = complaining.read_rows(given)
        new = complaining.take(rows)
        return Response({"taken": new, "repeated": len(rows) - new, "refused": faults}, status=200)
