"""How an order stands, for a person's screen: its eleven points, the one next step in words, and what this person may do.

It depends on the clock and on who asks, so it is no part of the order's ETag.
"""

from __future__ import annotations

from typing import Any

from orderhub.models import Message
from orders.admin.next_step import next_step
from orders.admin.points import bar, reached
from orders.api import showing
from orders.models import Hold, Order

#: What may be done about an order's holds, and the permission for it.
ABOUT_HOLDS = {"release": "orders.change_hold", "hold": "orders.add_hold"}


def of(order: Order, user: Any) -> dict[str, Any]:
    """`allowed` (touches), `may` (about holds), `life` (point, label, look, at) and `step` (tone, title, text)."""
    held = list(Hold.objects.filter(order=order, released_at=None).order_by("id"))
    stuck = Message.objects.filter(order_id=order.pk, state=Message.State.NEEDS_PERSON).order_by("-id")[:1]
    step = next_step(order, held, list(stuck))
    done = reached([order.pk])[order.pk]
    return {
        "allowed": showing.allowed(order, user),
        "may": [what for what, permission in ABOUT_HOLDS.items() if user.has_perm(permission)],
        "life": [
            {
                "point": mark.point,
                "label": str(mark.label),
                "look": mark.look,
                "at": mark.at,
                "late": mark.late,
            }
            for mark in bar(order.state, done, order.state_since)
        ],
        "step": {"tone": step.tone, "title": step.title, "text": step.text},
    }
