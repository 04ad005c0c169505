"""The order page's part about its route: where it goes and why, and the form to decide otherwise."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from inventory.queries import warehouses
from orderhub.admin_site.registry import Need
from orders import queries as orders
from orders.operations.destination import FREE, TAKEN
from routing import address_words, queries
from routing.admin.decision import OVERRIDE
from routing.models import AddressPolicy, Fence, Outlet
from routing.operations import revealed

CHANGEABLE = ("reserved", "routed")


def explanation(order_id: int, request: HttpRequest) -> dict[str, Any] | None:
    """The decision that holds, those before it, and who may change it; None before the order was routed."""
    found = queries.history(order_id)
    head = orders.heads([order_id]).get(order_id)
    may = head is not None and head.state in CHANGEABLE and request.user.has_perm(OVERRIDE)
    ref = orders.receivers([order_id], open_plain=False).get(order_id)
    masked = ref is not None and ref.visibility != "plain"
    if not found and not may and not masked:
        return None
    return {
        "template": "routing/panel.html",
        "explained": found[0] if found else None,
        "earlier": found[1:],
        "may_override": may,
        "readable": address_words.precision(revealed.level(ref)) if ref is not None and masked else "",
        "may_point": masked and _may_point(head, request),
        "order_id": order_id,
        "warehouses": [house for house in warehouses() if house.active] if may else [],
    }


def _may_point(head: orders.OrderHead | None, request: HttpRequest) -> bool:
    """Whether this person may place a masked order's point: switched on, allowed, and early enough."""
    early = head is not None and head.state in (*FREE, *TAKEN)
    allowed = request.user.has_perm("orders.reveal_receiver") and request.user.has_perm(
        "routing.decide_address"
    )
    return early and allowed and AddressPolicy.current().revealed


def needs(request: HttpRequest) -> dict[str, list[Need]]:
    """What routing needs, for the modules page. Two statements."""
    outlets, fences = Outlet.objects.filter(active=True).count(), Fence.objects.count()
    return {
        "routing": [
            Need(_("Fences"), fences > 0, str(fences), reverse("admin:routing_fence_changelist")),
            Need(_("Outlets"), outlets > 0, str(outlets), reverse("admin:routing_outlet_changelist")),
        ]
    }
