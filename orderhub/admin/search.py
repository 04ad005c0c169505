"""The ground floor's part of the global search: tickets and outgoing messages."""

from __future__ import annotations

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from orderhub.admin_site.base import within_reach
from orderhub.admin_site.registry import Hit
from orderhub.admin_site.words import kind_label
from orderhub.outbox.models import Message
from orderhub.tickets.models import Ticket


def find(text: str, request: HttpRequest) -> list[Hit]:
    """Open tickets by their title, messages by their key."""
    hits: list[Hit] = []
    if request.user.has_perm("orderhub.view_ticket"):
        tickets = Ticket.objects.exclude(state="done").filter(title__icontains=text)
        for ticket in within_reach(tickets, request)[:5]:
            hits.append(
                Hit(
                    ticket.title,
                    _("ticket"),
                    reverse("admin:orderhub_ticket_change", args=[ticket.pk]),
                    "confirmation_number",
                )
            )
    if request.user.has_perm("orderhub.view_message"):
        messages = Message.objects.filter(state="needs_person", key__startswith=text)
        for message in within_reach(messages, request)[:5]:
            link = reverse("admin:orderhub_message_change", args=[message.pk])
            hits.append(
                Hit(f"{kind_label(message.kind)} {message.key}", _("outgoing message"), link, "outbox")
            )
    return hits
