"""What waits for a person. The first thing anyone does with a ticket is its first response."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import F, Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from orderhub.admin_site.base import Admin, need
from orderhub.admin_site.going import back, name_orders, order_link
from orderhub.admin_site.marks import deadline, moment, span, state_pill
from orderhub.admin_site.tabs import Tab, Tabs
from orderhub.tickets.acting import answer
from orderhub.tickets.models import Note, Ticket

State = Ticket.State
CHANGE = "orderhub.change_ticket"


class Queue(Tabs):
    default = "open"
    tabs = (
        Tab("mine", _("Mine"), lambda request: ~Q(state=State.DONE) & Q(owner=request.user), counted=True, tone="info"),
        Tab("open", _("Open"), ~Q(state=State.DONE), counted=True, tone="warn"),
        Tab("overdue", _("Overdue"), lambda _r: ~Q(state=State.DONE) & Q(due_at__lt=timezone.now()), counted=True, tone="bad"),
        Tab("nobody", _("Nobody's"), ~Q(state=State.DONE) & Q(owner=None), counted=True, tone="warn"),
        Tab("done", _("Closed"), Q(state=State.DONE)),
        Tab("all", _("All"), Q()),
    )  # fmt: skip


@admin.register(Ticket)
class TicketAdmin(Admin):
    list_display = ("what", "status", "order_number", "whose", "opened", "due", "response")
    list_display_links = ("what",)
    list_select_related = ("owner",)
    list_filter = (Queue,)
    list_before_template = "orderhub/tickets.html"
    search_fields = ("title", "cause_key__startswith")
    ordering = (F("due_at").asc(nulls_last=True), "-id")
    sortable_by = ()
    autocomplete_fields = ("owner",)
    fields = ("owner", "due_at")
    change_form_outer_before_template = "orderhub/ticket_head.html"

    class Media:
        js = ("orderhub/tickets.js",)

    def dress(self, request: HttpRequest, rows: list[Ticket]) -> None:
        """The numbers of the rows' orders, and whether the person may take those that nobody has."""
        name_orders(rows)
        may = request.user.has_perm(CHANGE)
        for row in rows:
            row.may_take = may and row.owner_id is None and row.state != State.DONE  # type: ignore[attr-defined]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_urls(self) -> list[Any]:
        site = self.admin_site.admin_view
        return [
            path("<int:ticket_id>/take/", site(require_POST(self.take)), name="ticket_take"),
            path("<int:ticket_id>/note/", site(require_POST(self.note)), name="ticket_note"),
            path("<int:ticket_id>/close/", site(require_POST(self.close)), name="ticket_close"),
            *super().get_urls(),
        ]

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if change and form.changed_data and obj.first_response_at is None:
            obj.first_response_at = timezone.now()
            form.also_written = ("first_response_at",)
        super().save_model(request, obj, form, change)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        ticket = (
            Ticket.objects.select_related("owner").filter(pk=object_id).first()
            if object_id.isdigit()
            else None
        )
        mine: dict[str, Any] = {"show_save_and_continue": False}
        if ticket is not None:
            mine |= {
                "title": ticket.title, "ticket": ticket, "ticket_pill": state_pill(ticket),
                "due_shown": deadline(ticket.due_at, ticket.state == State.DONE),
                "can_act": request.user.has_perm(CHANGE) and ticket.state != State.DONE,
                "notes": list(Note.objects.filter(ticket=ticket).select_related("author").order_by("id")),
            }  # fmt: skip
        return super().change_view(request, object_id, form_url, {**mine, **(extra_context or {})})

    def take(self, request: HttpRequest, ticket_id: int) -> HttpResponse:
        """It is mine now, unless somebody was faster."""
        need(request, CHANGE)
        taken = answer(ticket_id, request.user, take=True, free=True)
        if taken is not None and taken.owner_id != request.user.pk:
            messages.warning(request, _now("%(who)s was faster and has it.") % {"who": taken.owner})
            return back(request, "admin:orderhub_ticket_changelist")
        return self._went(request, taken, _now("The ticket is yours."))

    def note(self, request: HttpRequest, ticket_id: int) -> HttpResponse:
        """Write down what was found or done."""
        need(request, CHANGE)
        text = request.POST.get("text", "").strip()
        if not text:
            messages.error(request, _now("Write something first."))
            return HttpResponseRedirect(reverse("admin:orderhub_ticket_change", args=[ticket_id]))
        done = answer(ticket_id, request.user)
        if done is not None:
            Note.objects.create(ticket=done, order_id=done.order_id, author_id=request.user.pk, text=text)
        return self._went(request, done, _now("Noted."))

    def close(self, request: HttpRequest, ticket_id: int) -> HttpResponse:
        """Closed, with what was done about it."""
        need(request, CHANGE)
        text = request.POST.get("resolution", "").strip()
        if not text:
            messages.error(request, _now("Say what was done before closing the ticket."))
            return HttpResponseRedirect(reverse("admin:orderhub_ticket_change", args=[ticket_id]))
        return self._went(request, answer(ticket_id, request.user, close=text), _now("The ticket is closed."))

    def _went(self, request: HttpRequest, ticket: Ticket | None, text: str) -> HttpResponse:
        if ticket is None:
            messages.warning(request, _now("This ticket has already been closed."))
        else:
            messages.success(request, text)
        return back(request, "admin:orderhub_ticket_changelist")

    @admin.display(description=_("ticket"))
    def what(self, ticket: Ticket) -> str:
        return ticket.title

    @admin.display(description=_("state"))
    def status(self, ticket: Ticket) -> SafeString:
        return state_pill(ticket)

    @admin.display(description=_("order"))
    def order_number(self, ticket: Ticket) -> SafeString | str:
        return order_link(ticket.order_id, getattr(ticket, "shown_order", ""))

    @admin.display(description=_("owner"))
    def whose(self, ticket: Ticket) -> SafeString | str:
        if ticket.owner:
            return ticket.owner.get_username()
        if not ticket.may_take:  # type: ignore[attr-defined]
            return format_html('<span class="oh-quiet">{}</span>', _now("nobody"))
        return format_html(
            '<button class="oh-button oh-button-quiet oh-button-small" form="oh-claim" formaction="{}" data-claim '
            'aria-label="{}">{}</button>',
            reverse("admin:ticket_take", args=[ticket.pk]), _now("Claim: %(ticket)s") % {"ticket": ticket.title}, _now("Claim"),
        )  # fmt: skip

    @admin.display(description=_("opened"))
    def opened(self, ticket: Ticket) -> str:
        return moment(ticket.created_at)

    @admin.display(description=_("due"))
    def due(self, ticket: Ticket) -> str:
        return deadline(ticket.due_at, ticket.state == State.DONE)

    @admin.display(description=_("first response after"))
    def response(self, ticket: Ticket) -> str:
        return span(ticket.first_response_at - ticket.created_at) if ticket.first_response_at else "—"
