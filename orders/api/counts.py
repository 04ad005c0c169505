"""What waits, in numbers, for the first screen of a phone; each number opens exactly its list (`queue=`, `colour=`)."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Q
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from inventory.models import Warehouse
from orderhub.api.frame import Door
from orderhub.api.problems import invalid
from orderhub.scope import reach_of
from orderhub.tickets.models import Ticket
from orders import queues, standing
from orders.api import shapes

COLOURS = (standing.RED, standing.AMBER)


class CountsView(Door):
    """The board's counters within the caller's reach."""

    may = {"GET": "orders.view_order"}

    @extend_schema(operation_id="counts_get", responses={200: shapes.COUNTS})
    def get(self, request: Request) -> Response:
        """Open orders by colour of their promise, the abnormal queues that are not empty, and tickets (null where unseen)."""
        counts = standing.board(reach_of(request.user)).counts
        user: Any = request.user
        return Response({
            "open": sum(one.n for one in counts),
            "colours": {colour: sum(one.n for one in counts if one.colour == colour) for colour in COLOURS},
            "queues": [
                {"code": queue.code, "label": str(queue.label), "n": n}
                for queue in queues.QUEUES
                if (n := sum(one.n for one in counts if one.queue == queue.code))
            ],
            "tickets": tickets(request) if user.has_perm("orderhub.view_ticket") else None,
        })  # fmt: skip


def tickets(request: Request) -> dict[str, int]:
    """Open tickets of the caller, of nobody, and past their time; one statement."""
    from orders.api.tickets import seen

    waiting = seen(request).exclude(state=Ticket.State.DONE)
    late = Q(due_at__lt=timezone.now())
    return waiting.order_by().aggregate(
        mine=Count("id", filter=Q(owner_id=request.user.pk)),
        nobody=Count("id", filter=Q(owner=None)),
        overdue=Count("id", filter=late),
    )


def behind(user: Any, queue: str | None, colour: str | None) -> Q:
    """The orders behind a number: of a queue, a colour, or both (None is any). 422 where there is no such one."""
    if queue is not None and queue not in queues.BY_CODE:
        raise invalid("queue", _("There is no such queue."))
    if colour is not None and colour not in COLOURS:
        raise invalid("colour", _("Say red or amber."))
    reach = reach_of(user)
    houses = None
    if reach.warehouses is not None:
        houses = list(Warehouse.objects.filter(code__in=reach.warehouses).values_list("id", flat=True))
    return standing.where(queue=queue, colour=colour, warehouses=houses)
