"""The ground floor's block of the front page: my tickets, then the most overdue."""

from __future__ import annotations

from typing import Any

from django.db.models import Case, F, IntegerField, Value, When
from django.http import HttpRequest

from orderhub.admin_site.marks import deadline
from orderhub.tickets.models import Ticket


def tickets(request: HttpRequest) -> dict[str, Any] | None:
    """Six open tickets: mine first, then by when they are due."""
    if not request.user.has_perm("orderhub.view_ticket"):
        return None
    mine = Case(When(owner=request.user, then=Value(0)), default=Value(1), output_field=IntegerField())
    found = (
        Ticket.objects.exclude(state=Ticket.State.DONE)
        .select_related("owner")
        .order_by(mine, F("due_at").asc(nulls_last=True), "id")[:6]
    )
    rows = [{"ticket": ticket, "due": deadline(ticket.due_at)} for ticket in found]
    return {"template": "orderhub/board_tickets.html", "rows": rows, "code": "tickets"}
