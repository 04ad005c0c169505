"""What a person does to a ticket, from the admin or the API. The first thing anyone does is its first response."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone

from orderhub.tickets.models import Ticket

State = Ticket.State


def answer(
    ticket_id: int, user: Any, *, close: str | None = None, take: bool = False, free: bool = False
) -> Ticket | None:
    """A person acts on an open ticket: the first response is timed, the ticket is theirs if it was nobody's.

    `close` is the resolution that ends it; with `free` one that somebody else owns is left as it is. None where the
    ticket is closed already.
    """
    with transaction.atomic():
        ticket = Ticket.objects.select_for_update().exclude(state=State.DONE).filter(pk=ticket_id).first()
        if ticket is None:
            return None
        if free and ticket.owner_id not in (None, user.pk):
            return ticket
        now = timezone.now()
        ticket.first_response_at = ticket.first_response_at or now
        ticket.state = State.WORKING
        if take or ticket.owner_id is None:
            ticket.owner = user
        names = ["first_response_at", "state", "owner"]
        if close is not None:
            ticket.state, ticket.resolution, ticket.done_at = State.DONE, close, now
            names += ["resolution", "done_at"]
        ticket.save(update_fields=names)
        return ticket
