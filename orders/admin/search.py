"""Finding an order by what people have in their hands: a number, a waybill, the end of a phone number."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from django.db import connection
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from orderhub.admin_site.registry import Hit
from orderhub.scope import reach_of
from orders.finding import among, behind, listed
from orders.models import Order
from orders.scope import visible_to


def narrow(queryset: QuerySet[Any], text: str, user: Any) -> QuerySet[Any]:
    """The orders of a list that the text points at, of those that the person sees."""
    return queryset.filter(id__in=listed(text, among(user)))


def numbers(order_ids: Iterable[int]) -> dict[int, str]:
    """{order: its number}, one query."""
    return dict(Order.objects.filter(id__in=list(order_ids)).values_list("id", "number"))


def find(text: str, request: HttpRequest) -> list[Hit]:
    """Orders for the global search."""
    if not request.user.has_perm("orders.view_order"):
        return []
    orders = (
        visible_to(request.user)
        .filter(id__in=behind(text, among(request.user)))
        .select_related("shop")
        .order_by("-ordered_at", "-id")[:10]
    )
    return [
        Hit(order.number, f"{_('order')} · {order.shop.name} · {order.get_state_display()}",
            reverse("admin:orders_order_change", args=[order.pk]), "receipt_long")
        for order in orders
    ]  # fmt: skip


def held_for(references: Iterable[uuid.UUID], user: Any) -> dict[uuid.UUID, tuple[str, str]]:
    """{reference of a line or share: (its order's number, the order's page)}, of the orders that this person sees."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT l.uuid, o.number, o.id FROM orders_line l JOIN orders_order o ON o.id = l.order_id
               WHERE l.uuid = ANY(%(names)s)
               UNION ALL SELECT h.reference, o.number, o.id FROM orders_share h JOIN orders_order o ON o.id = h.order_id
               WHERE h.reference = ANY(%(names)s)""",
            {"names": list(references)},
        )
        found = cursor.fetchall()
    seen = {order_id for _reference, _number, order_id in found}
    if not reach_of(user).everything:
        seen = set(visible_to(user).filter(pk__in=seen).values_list("pk", flat=True))
    return {
        reference: (number, reverse("admin:orders_order_change", args=[order_id]))
        for reference, number, order_id in found
        if order_id in seen
    }
