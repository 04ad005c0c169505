"""The order page's part about goods that are short: what may go instead, the words for the buyer, one click."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from inventory.queries import heads
from inventory.substitutes import Substitute, substitutes
from orderhub.actors import person
from orderhub.admin_site.base import need
from orderhub.nudge import nudge
from orders.models import Hold, Line, Order
from orders.operations import swapping
from orders.operations.swapping import SwapRefused

PERMISSION = "orders.change_order"


def panel(order_id: int, request: HttpRequest) -> dict[str, Any] | None:
    """Lines of a held order with their substitutes, and what was swapped already; None where there is neither."""
    order = Order.objects.filter(pk=order_id).only("state", "open_holds").first()
    if order is None or order.state not in swapping.UNDONE:
        return None
    lines = list(Line.objects.filter(order_id=order_id).exclude(sku=None).order_by("channel_line"))
    swapped = [line for line in lines if line.instead_of]
    short: set[int] = set()
    if order.open_holds and order.state in swapping.STATES:
        for hold in Hold.objects.filter(order_id=order_id, type__in=swapping.HELD, released_at=None):
            told = hold.data.get("demand") or hold.data.get("skus") or ()
            short |= {int(sku) for sku in told if str(sku).isdecimal()}
    asked = [line for line in lines if line.sku_id in short and not line.instead_of]
    near = substitutes([(line.sku_id or 0, line.quantity) for line in asked]) if asked else {}
    rows = [
        {
            "line": line,
            "others": [
                {"sku": other, "differs": _differs(other), "words": _words(line, other)} for other in found
            ],
        }
        for line in asked
        if (found := near.get(line.sku_id or 0))
    ]
    if not rows and not swapped:
        return None
    codes = heads(line.instead_of or 0 for line in swapped) if swapped else {}
    return {
        "template": "orders/swap_panel.html", "rows": rows, "may": request.user.has_perm(PERMISSION),
        "swapped": [{"line": line, "bought": codes.get(line.instead_of or 0, "")} for line in swapped],
    }  # fmt: skip


def _differs(other: Substitute) -> str:
    return " · ".join(text for text in (other.colour, other.size) if text)


def _words(line: Line, other: Substitute) -> str:
    """What service sends to the buyer, in the buyer's language."""
    with translation.override("zh-hans"):
        return _(
            "Hello! “%(title)s”, which you ordered, is out of stock for now. “%(name)s” of the same series (%(differs)s) "
            "is in stock, at the same price. Shall we send that instead?"
        ) % {"title": line.title, "name": other.name, "differs": _differs(other)}


@require_POST
def swap(request: HttpRequest, line: uuid.UUID, sku_id: int) -> HttpResponse:
    """Another article goes instead (or the bought one again), and back to the order."""
    need(request, PERMISSION)
    order_id = Line.objects.filter(uuid=line).values_list("order_id", flat=True).first()
    try:
        order = swapping.swap(line, sku_id, person(request.user))
        messages.success(request, _("The article was changed; the order goes on."))
        nudge("orders.advance")
        order_id = order.pk
    except SwapRefused as error:
        messages.error(request, str(error))
    if order_id is None:
        return HttpResponseRedirect(reverse("admin:orders_order_changelist"))
    return HttpResponseRedirect(reverse("admin:orders_order_change", args=[order_id]))
