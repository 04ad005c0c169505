"""The own shop's door: orders by POST with an Idempotency-Key. A view shapes, and makes one call."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import APIException, PermissionDenied, ValidationError
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from orderhub.api.authentication import ShopCaller
from orderhub.models import Connection
from orders.models import Order, Shop
from orders.operations import accept


class Conflict(APIException):
    status_code = 422
    default_detail = "this Idempotency-Key was used with another body"


def _account(request: Request) -> Connection:
    """The account of the shop that calls (IsShop has let it in)."""
    caller: Any = request.user
    account: Connection = caller.connection
    return account


class IsShop(IsAuthenticated):
    """Only a shop's token, never a person's session."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return isinstance(request.user, ShopCaller)


class OrdersView(APIView):
    permission_classes = [IsShop]

    @extend_schema(request=OpenApiTypes.OBJECT, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        """Create an order. 201 with our number; the same key and body give the same answer; 422 for another body."""
        key = request.headers.get("Idempotency-Key", "").strip()
        if not 8 <= len(key) <= 80:
            raise ValidationError({"Idempotency-Key": "send a key of 8 to 80 characters"})
        shop = Shop.objects.filter(connection=_account(request)).first()
        if shop is None:
            raise PermissionDenied("this token belongs to no shop")
        try:
            accepted = accept.accept_order(shop, key, request._request.body)
        except accept.KeyUsedOtherwise as error:
            raise Conflict(str(error)) from error
        except accept.NotAccepted as error:
            raise ValidationError({error.code: error.text}) from error
        return Response(
            {"number": accepted.number, "channel_number": accepted.channel_number, "state": accepted.state},
            status=201 if accepted.created else 200,
        )


class OrderView(APIView):
    permission_classes = [IsShop]

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, number: str) -> Response:
        """One order of this shop, by our number or the shop's; the receiver is masked."""
        orders = Order.objects.filter(shop__connection=_account(request))
        order = orders.filter(number=number).first() or orders.filter(channel_number=number).first()
        if order is None:
            raise Http404
        return Response(
            {
                "number": order.number,
                "channel_number": order.channel_number,
                "state": order.state,
                "payable": str(order.payable),
                "ordered_at": order.ordered_at.isoformat(),
                "held": order.open_holds > 0,
                "carrier": order.carrier,
                "shipped_at": order.shipped_at.isoformat() if order.shipped_at else None,
                "signed_at": order.signed_at.isoformat() if order.signed_at else None,
            }
        )
