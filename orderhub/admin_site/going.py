"""Where a button leads afterwards: back to the page it stood on, never to another site."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest, HttpResponseRedirect
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import SafeString

from orderhub.admin_site.registry import ORDER_NUMBERS
from orderhub.dotted import resolve


def name_orders(rows: Iterable[Any]) -> None:
    """Give each row of a list, that has an order, that order's number (`row.shown_order`); one query."""
    read = list(rows)
    numbers = resolve(ORDER_NUMBERS)({row.order_id for row in read if row.order_id})
    for row in read:
        row.shown_order = numbers.get(row.order_id, "")


def back(request: HttpRequest, otherwise: str, *args: object) -> HttpResponseRedirect:
    """To the `next` of the form, when it is on this site, else to the named page."""
    wanted = request.POST.get("next", "") or request.GET.get("next", "")
    if wanted and url_has_allowed_host_and_scheme(wanted, {request.get_host()}, request.is_secure()):
        return HttpResponseRedirect(wanted)
    return HttpResponseRedirect(reverse(otherwise, args=args))


def order_address(order_id: int | None) -> str:
    """The order's page, or nothing where orders have no page here."""
    try:
        return reverse("admin:orders_order_change", args=[order_id]) if order_id else ""
    except NoReverseMatch:
        return ""


def order_link(order_id: int | None, text: str = "") -> SafeString | str:
    """A link to the order's page."""
    address = order_address(order_id)
    return (
        format_html('<a class="oh-link" href="{}">{}</a>', address, text or f"#{order_id}") if address else ""
    )
