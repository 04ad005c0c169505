"""Tickets by REST: those of the orders that one sees, and those of no order to people who are not narrowed."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from orderhub.api import cursors
from orderhub.api.frame import Door, etag, lock, must_match, object_of, text_of
from orderhub.api.problems import invalid, moved
from orderhub.api.schema import ETAG, KEY, MATCH, page, sent
from orderhub.scope import reach_of
from orderhub.tickets.acting import answer
from orderhub.tickets.models import Note, Ticket
from orders.api import shapes
from orders.scope import visible_to

#: Of a decision on a ticket.
DECIDES = [shapes.TICKET_AT, MATCH, KEY, ETAG]
QUEUES = ("open", "mine", "overdue", "nobody")


def seen(request: Request) -> QuerySet[Ticket]:
    """The caller's tickets."""
    mine = Q(order_id__in=visible_to(request.user).values("id"))
    if reach_of(request.user).everything:
        mine = Q()
    return Ticket.objects.filter(mine).select_related("owner")


def shown(ticket: Ticket) -> dict[str, Any]:
    """One ticket."""
    return {
        "id": str(ticket.pk), "kind": ticket.kind, "title": ticket.title, "body": ticket.body, "role": ticket.role,
        "state": ticket.state, "owner": ticket.owner.get_username() if ticket.owner else None,
        "opened_at": ticket.created_at, "due_at": ticket.due_at, "resolution": ticket.resolution,
    }  # fmt: skip


def allowed(ticket: Ticket) -> list[str]:
    """What can be done with a ticket now."""
    return [] if ticket.state == Ticket.State.DONE else ["claim", "comment", "close"]


class TicketsView(Door):
    """Tickets that are open."""

    may = {"GET": "orderhub.view_ticket"}

    @extend_schema(
        operation_id="tickets_list",
        parameters=[*shapes.PAGE, OpenApiParameter("queue", str, enum=list(QUEUES))],
        responses={200: page(shapes.TICKET)},
    )
    def get(self, request: Request) -> Response:
        """Open tickets, the oldest first; each with its ETag."""
        asked, size = request.query_params, cursors.size(request.query_params.get("limit"))
        queue = asked.get("queue", "open")
        if queue not in QUEUES:
            raise invalid("queue", _("There is no such queue."))
        found = seen(request).exclude(state=Ticket.State.DONE)
        if queue == "mine":
            found = found.filter(owner_id=request.user.pk)
        elif queue == "overdue":
            found = found.filter(due_at__lt=timezone.now())
        elif queue == "nobody":
            found = found.filter(owner=None)
        if asked.get("cursor"):
            found = found.filter(id__gt=cursors.place_of(asked["cursor"], "tickets")[0])
        rows = list(found.order_by("id")[: size + 1])
        after = cursors.cursor("tickets", rows[size - 1].pk) if len(rows) > size else None
        about = [row.order_id for row in rows if row.order_id]
        numbers = dict(visible_to(request.user).filter(id__in=about).values_list("id", "number"))
        items = [
            {**shown(row), "order": numbers.get(row.order_id or 0), "etag": etag(shown(row))}
            for row in rows[:size]
        ]
        return Response({"items": items, "next": after})


class _TicketDoor(Door):
    def find(self, request: Request, ticket: int) -> Ticket:
        """The caller's ticket; 404 where it is not theirs."""
        row = seen(request).filter(pk=ticket).first() if ticket < 2**63 else None
        if row is None:
            raise Http404
        return row

    def decide(self, request: Request, ticket: int, close: str | None) -> Response:
        """Claim or close, on the version that the caller read."""
        with transaction.atomic():
            row = self.find(request, ticket)
            lock("orderhub_ticket", row.pk)
            row = self.find(request, ticket)
            must_match(request, shown(row), allowed(row))
            done = answer(row.pk, request.user, close=close, take=close is None)
            if done is None:
                raise moved(_("The ticket is closed already."), [])
            told = shown(self.find(request, ticket))
            return Response({**told, "allowed": allowed(done)}, headers={"ETag": etag(told)})


class ClaimView(_TicketDoor):
    """Making a ticket one's own."""

    may = {"POST": "orderhub.change_ticket"}

    @extend_schema(
        operation_id="ticket_claim", request=None, parameters=DECIDES, responses={200: shapes.TICKET}
    )
    def post(self, request: Request, ticket: int) -> Response:
        """The ticket is the caller's from now on."""
        return self.decide(request, ticket, None)


class CloseView(_TicketDoor):
    """The end of a ticket."""

    may = {"POST": "orderhub.change_ticket"}

    @extend_schema(
        operation_id="ticket_close",
        request=sent(shapes.RESOLUTION),
        parameters=DECIDES,
        responses={200: shapes.TICKET},
    )
    def post(self, request: Request, ticket: int) -> Response:
        """Close it: {resolution}."""
        return self.decide(request, ticket, text_of(object_of(request), "resolution", 2000))


class CommentView(_TicketDoor):
    """What people say of a ticket."""

    may = {"POST": "orderhub.add_note"}

    @extend_schema(
        operation_id="ticket_comment",
        request=sent(shapes.COMMENT),
        parameters=[shapes.TICKET_AT, KEY],
        responses={201: shapes.COMMENTED},
    )
    def post(self, request: Request, ticket: int) -> Response:
        """Write a note: {text}."""
        text = text_of(object_of(request), "text", 2000)
        row = self.find(request, ticket)
        note = Note.objects.create(ticket=row, order_id=row.order_id, author_id=request.user.pk, text=text)
        return Response({"id": str(note.pk), "text": note.text}, status=201)
