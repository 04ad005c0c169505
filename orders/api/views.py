"""Orders by REST: the own shop's door (create, see), and staff's list, search, page and timeline. A view shapes, and calls."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from orderhub.api import cursors
from orderhub.api.authentication import ShopCaller
from orderhub.api.frame import Door, etag, json_only
from orderhub.api.once import checked
from orderhub.api.problems import Problem, invalid
from orderhub.api.schema import CLEAN, ETAG, NEEDED_KEY, page, sent
from orderhub.models import Connection
from orders.api import counts, shapes, showing, standing
from orders.finding import listed
from orders.models import Event, Order, OrderState, Shop
from orders.operations import accept
from orders.queues import BY_CODE
from orders.scope import visible_to


def _account(request: Request) -> Connection:
    """The account of the shop that calls (the door has let it in)."""
    caller: Any = request.user
    account: Connection = caller.connection
    return account


def seen(request: Request) -> QuerySet[Order]:
    """The caller's orders, with what `showing` reads of them."""
    return visible_to(request.user).select_related("shop", "warehouse")


def find(request: Request, number: str) -> Order:
    """One order of the caller by our number or the channel's; 404 where it is not theirs to see."""
    orders = seen(request)
    order = (
        orders.filter(number=number).first() or orders.filter(channel_number=number).order_by("-id").first()
    )
    if order is None:
        raise Http404
    return order


class OrdersView(Door):
    """Orders: staff list them, a shop creates them."""

    may = {"GET": "orders.view_order"}
    shop = frozenset({"GET", "POST"})
    own_keys = True  # the operation keeps the key with the raw order

    @extend_schema(
        operation_id="orders_list",
        parameters=[
            *shapes.PAGE,
            OpenApiParameter(
                "q", CLEAN, description="number, channel's number, waybill, phone tail, SKU, buyer"
            ),
            OpenApiParameter("state", str, enum=list(OrderState.values)),
            OpenApiParameter("shop", CLEAN),
            OpenApiParameter("held", bool),
            OpenApiParameter(
                "queue", str, enum=list(BY_CODE), description="open orders of an abnormal queue"
            ),
            OpenApiParameter(
                "colour", str, enum=list(counts.COLOURS), description="open orders past or near their promise"
            ),
        ],
        responses={200: page(shapes.ROW)},
    )
    def get(self, request: Request) -> Response:
        """The orders that the caller sees, newest first; `next` is the cursor of the next page."""
        orders, asked = seen(request), request.query_params
        if asked.get("q"):
            orders = orders.filter(id__in=listed(asked["q"], visible_to(request.user).order_by()))
        if "state" in asked:
            if asked["state"] not in OrderState.values:
                raise invalid("state", _("There is no such state."))
            orders = orders.filter(state=asked["state"])
        if asked.get("shop"):
            orders = orders.filter(shop__code=asked["shop"])
        if "queue" in asked or "colour" in asked:
            if isinstance(request.user, ShopCaller):
                raise PermissionDenied(_("Queues and colours are for people."))
            found_by = counts.behind(request.user, asked.get("queue"), asked.get("colour"))
            orders = orders.filter(found_by)
        if "held" in asked:
            if asked["held"] not in ("true", "false"):
                raise invalid("held", _("Say true or false."))
            orders = (
                orders.filter(open_holds__gt=0) if asked["held"] == "true" else orders.filter(open_holds=0)
            )
        size = cursors.size(asked.get("limit"))
        if asked.get("cursor"):
            at, last = cursors.place_of(asked["cursor"], "orders")
            orders = orders.extra(  # a row comparison, which the index answers
                where=["(orders_order.ordered_at, orders_order.id) < (%s::timestamptz, %s)"],
                params=[at, last],
            )
        found = list(orders.order_by("-ordered_at", "-id")[: size + 1])
        more, found = len(found) > size, found[:size]
        after = cursors.cursor("orders", found[-1].ordered_at.isoformat(), found[-1].pk) if more else None
        return Response({"items": showing.rows(found), "next": after})

    @extend_schema(
        operation_id="order_create",
        request=sent(shapes.NEW_ORDER),
        parameters=[NEEDED_KEY],
        responses={201: shapes.MADE, 200: shapes.MADE},
    )
    def post(self, request: Request) -> Response:
        """Create an order. 201 with our number; the same key and body give the same answer; 422 for another body."""
        json_only(request)
        key = checked(request.headers.get("Idempotency-Key", ""))
        shop = Shop.objects.filter(connection=_account(request)).first()
        if shop is None:
            raise PermissionDenied(_("This token belongs to no shop."))
        try:
            accepted = accept.accept_order(shop, key, request._request.body)
        except accept.KeyUsedOtherwise as error:
            raise Problem(
                422, "key_reused", _("This Idempotency-Key was used with another request. Take a new one.")
            ) from error
        except accept.NotAccepted as error:
            raise Problem(
                422,
                "not_accepted",
                error.text,
                reason=error.code,
                errors=[{"pointer": "", "detail": error.text}],
            ) from error
        return Response(
            {"number": accepted.number, "channel_number": accepted.channel_number, "state": accepted.state},
            status=201 if accepted.created else 200,
        )


class OrderView(Door):
    """One order."""

    may = {"GET": "orders.view_order"}
    shop = frozenset({"GET"})

    @extend_schema(operation_id="order_get", parameters=[shapes.AT, ETAG], responses={200: shapes.ORDER})
    def get(self, request: Request, number: str) -> Response:
        """The order with its lines and holds, the receiver masked; its ETag is what a decision's If-Match names."""
        order = find(request, number)
        shown = showing.detail(order)
        if isinstance(request.user, ShopCaller):
            return Response({**shown, "allowed": []}, headers={"ETag": etag(shown)})
        return Response({**shown, **standing.of(order, request.user)}, headers={"ETag": etag(shown)})


class TimelineView(Door):
    """What happened to an order."""

    may = {"GET": "orders.view_event"}
    shop = frozenset({"GET"})

    @extend_schema(
        operation_id="order_timeline",
        parameters=[shapes.AT, *shapes.PAGE],
        responses={200: page(shapes.EVENT)},
    )
    def get(self, request: Request, number: str) -> Response:
        """The order's timeline, oldest first."""
        order, size = find(request, number), cursors.size(request.query_params.get("limit"))
        events = Event.objects.filter(order=order)
        if request.query_params.get("cursor"):
            at, last = cursors.place_of(request.query_params["cursor"], "touches")
            moment = dt.datetime.fromisoformat(at)
            events = events.filter(occurred_at__gte=moment).exclude(occurred_at=moment, id__lte=last)
        found = list(events.order_by("occurred_at", "id")[: size + 1])
        more, found = len(found) > size, found[:size]
        after = cursors.cursor("touches", found[-1].occurred_at.isoformat(), found[-1].pk) if more else None
        return Response({"items": [showing.event_of(event) for event in found], "next": after})
