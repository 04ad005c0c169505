"""The own shop on its own orders: it says that one is paid, which the gateway is then asked about, and cancels one."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from orderhub import lifecycle
from orderhub.actors import Actor, platform
from orderhub.api.frame import Door, etag, object_of, text_of
from orderhub.api.problems import invalid, moved
from orderhub.api.schema import ETAG, KEY, sent
from orderhub.nudge import nudge
from orders.api import shapes, showing
from orders.api.views import find
from orders.lifecycle import LIFECYCLE
from orders.models import Order
from orders.operations import payment

SAYS = [shapes.AT, KEY, ETAG]


class PaymentView(Door):
    """That an order is paid."""

    shop = frozenset({"POST"})

    @extend_schema(
        operation_id="order_payment",
        request=sent(shapes.PAID),
        parameters=SAYS,
        responses={200: shapes.ORDER},
    )
    def post(self, request: Request, number: str) -> Response:
        """{paid_at}: the order waits for the gateway's word; nothing is believed before. 409 where it is cancelled."""
        order, said = find(request, number), object_of(request).get("paid_at")
        try:
            at = parse_datetime(said) if isinstance(said, str) else None
        except ValueError:
            at = None
        if at is None or at.tzinfo is None or at.year < 2000 or at > timezone.now() + dt.timedelta(minutes=5):
            raise invalid("/paid_at", _("Give a time with its zone, like 2026-01-31T08:00:00+08:00."))
        with transaction.atomic():
            if payment.claimed_or_back({order.pk: at}, _shop(request)):
                raise moved(_("The order is cancelled: give the money back."), [])
            transaction.on_commit(lambda: nudge("orders.advance"))
        return _now(order)


class CancelView(Door):
    """The end of an order that has not left."""

    shop = frozenset({"POST"})

    @extend_schema(
        operation_id="order_cancel",
        request=sent(shapes.REASON),
        parameters=SAYS,
        responses={200: shapes.ORDER},
    )
    def post(self, request: Request, number: str) -> Response:
        """{reason}: cancelled, its stock is free again. 409 where it can't be any more; twice is as once."""
        reason, order = text_of(object_of(request), "reason"), find(request, number)
        if order.state != "cancelled":
            outcome = lifecycle.apply(
                LIFECYCLE, "cancel", [order.pk], actor=_shop(request), params={"reason": reason}
            )
            refusal = outcome.refused.get(order.pk)
            if refusal is not None:
                raise moved(refusal.text, [])
        return _now(order)


def _shop(request: Request) -> Actor:
    caller: Any = request.user
    return platform(caller.connection.platform)


def _now(order: Order) -> Response:
    shown = showing.detail(Order.objects.select_related("shop", "warehouse").get(pk=order.pk))
    return Response(shown, headers={"ETag": etag(shown)})
