"""Holds and touches by REST: each decision names the version it was made on, and is made once."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.http import Http404
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from orderhub import lifecycle
from orderhub.actors import person
from orderhub.api import cursors
from orderhub.api.frame import Door, etag, lock, must_match, object_of, text_of
from orderhub.api.problems import invalid, moved
from orderhub.api.schema import ETAG, KEY, MATCH, page, sent
from orderhub.nudge import nudge
from orders.api import shapes, showing, standing
from orders.api.views import find
from orders.lifecycle import LIFECYCLE, OWN_FORM
from orders.models import Hold, HoldType, Order
from orders.operations import holds
from orders.scope import visible_to

#: Of a decision on an order: where, on which version, once, and the version that it makes.
DECIDES = [shapes.AT, MATCH, KEY, ETAG]


class HoldsView(Door):
    """Open holds of the orders that one sees."""

    may = {"GET": "orders.view_hold"}

    @extend_schema(
        operation_id="holds_list",
        parameters=[*shapes.PAGE, OpenApiParameter("type", str, enum=list(HoldType.values))],
        responses={200: page(shapes.HOLD)},
    )
    def get(self, request: Request) -> Response:
        """Open holds, the newest first."""
        asked, size = request.query_params, cursors.size(request.query_params.get("limit"))
        found = Hold.objects.filter(released_at=None, order__in=visible_to(request.user)).select_related(
            "order"
        )
        if "type" in asked:
            if asked["type"] not in HoldType.values:
                raise invalid("type", _("There is no such hold."))
            found = found.filter(type=asked["type"])
        if asked.get("cursor"):
            found = found.filter(id__lt=cursors.place_of(asked["cursor"], "holds")[0])
        rows = list(found.order_by("-id")[: size + 1])
        after = cursors.cursor("holds", rows[size - 1].pk) if len(rows) > size else None
        return Response(
            {"items": [showing.hold_of(one, one.order.number) for one in rows[:size]], "next": after}
        )


class OrderHoldsView(Door):
    """The holds of one order."""

    may = {"POST": "orders.add_hold"}

    @extend_schema(
        operation_id="order_hold",
        request=sent(shapes.REASON),
        parameters=DECIDES,
        responses={201: shapes.ORDER},
    )
    def post(self, request: Request, number: str) -> Response:
        """Hold the order by hand: {reason}."""
        reason = text_of(object_of(request), "reason")
        with transaction.atomic():
            order = locked(request, number)
            if not holds.open_holds([order.pk], HoldType.MANUAL, reason, person(request.user)):
                raise moved(_("The order is held by hand already."), showing.allowed(order, request.user))
            return after(request, order, 201)


class ReleaseView(Door):
    """The end of one hold."""

    may = {"POST": "orders.change_hold"}

    @extend_schema(
        operation_id="hold_release",
        request=sent(shapes.NOTE),
        parameters=[shapes.HOLD_AT, *DECIDES],
        responses={200: shapes.ORDER},
    )
    def post(self, request: Request, number: str, hold: int) -> Response:
        """Release one hold: {note} says why it can be."""
        note = text_of(object_of(request), "note")
        with transaction.atomic():
            order = locked(request, number)
            if hold >= 2**63 or not Hold.objects.filter(pk=hold, order=order).exists():
                raise Http404
            if not holds.release(hold, person(request.user), note):
                raise moved(_("This hold was released before."), showing.allowed(order, request.user))
            transaction.on_commit(lambda: nudge("orders.advance"))
            return after(request, order)


class TouchView(Door):
    """A touch of the lifecycle table that people may make."""

    may = {"POST": "orders.view_order"}

    @extend_schema(
        operation_id="order_touch",
        request=sent(shapes.MAYBE_REASON),
        parameters=DECIDES,
        responses={200: shapes.ORDER},
    )
    def post(self, request: Request, number: str, touch: str) -> Response:
        """Make the touch: {reason}, needed where it can't be undone. 409 says which touches are allowed now."""

        row: Any = LIFECYCLE.by_code.get(touch)
        if row is None or not row.permission or touch in OWN_FORM:
            raise Http404
        user: Any = request.user
        if not user.has_perm(row.permission):
            raise PermissionDenied
        reason = text_of(object_of(request), "reason", needed=bool(row.danger))
        with transaction.atomic():
            order = locked(request, number)
            outcome = lifecycle.apply(
                LIFECYCLE, touch, [order.pk], actor=person(user), params={"reason": reason}
            )
            refusal = outcome.refused.get(order.pk)
            if refusal is not None:
                order = Order.objects.select_related("shop", "warehouse").get(pk=order.pk)
                raise moved(refusal.text, showing.allowed(order, user))
            transaction.on_commit(lambda: nudge("orders.advance"))
            return after(request, order)


def locked(request: Request, number: str) -> Order:
    """The caller's order, locked, and the version that the decision names is its present one."""
    order = find(request, number)
    lock("orders_order", order.pk)
    order = find(request, order.number)
    must_match(request, showing.detail(order), showing.allowed(order, request.user))
    return order


def after(request: Request, order: Order, status: int = 200) -> Response:
    """The order as the decision left it, with its new ETag."""
    order = Order.objects.select_related("shop", "warehouse").get(pk=order.pk)
    shown = showing.detail(order)
    told = {**shown, **standing.of(order, request.user)}
    return Response(told, status=status, headers={"ETag": etag(shown)})
