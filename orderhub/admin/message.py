"""What the outside world must be told. First what needs a person, each with its reason and a retry."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from unfold.decorators import action

from orderhub.admin_site.base import Ledger, need
from orderhub.admin_site.going import back, name_orders, order_link
from orderhub.admin_site.marks import moment, pill, state_pill
from orderhub.admin_site.tabs import Tab, Tabs
from orderhub.admin_site.within import Within
from orderhub.admin_site.words import failure, kind_label
from orderhub.nudge import nudge
from orderhub.outbox import sending
from orderhub.outbox.models import Message

State = Message.State


class Queue(Tabs):
    default = "person"
    tabs = (
        Tab("person", _("Needs a person"), Q(state=State.NEEDS_PERSON), counted=True, tone="bad"),
        Tab(
            "waiting",
            _("On its way"),
            Q(state__in=[State.NEW, State.SENDING, State.UNKNOWN]),
            counted=True,
            tone="info",
        ),
        Tab("done", _("Done"), Q(state=State.DONE)),
        Tab("cancelled", _("No longer wanted"), Q(state=State.CANCELLED)),
        Tab("all", _("All"), Q()),
    )


@admin.register(Message)
class MessageAdmin(Ledger):
    list_display = ("effect", "status", "order_number", "to", "happened", "tries", "next", "retry_button")
    list_display_links = ("effect",)
    list_select_related = ("connection",)
    list_filter = (Queue, ("connection", Within))
    search_fields = ("key__startswith",)
    search_help_text = _("Key: an order's or parcel's number")
    ordering = ("-id",)
    sortable_by = ()
    actions = ("retry_chosen",)
    change_form_outer_before_template = "orderhub/message_head.html"
    fields = (
        ("kind", "key"), ("state", "attempts"), ("error_kind", "error"), ("connection", "order_id"),
        ("created_at", "next_try_at", "done_at"), "data", "answer",
    )  # fmt: skip

    def dress(self, request: HttpRequest, rows: list[Message]) -> None:
        """The numbers of the rows' orders."""
        name_orders(rows)

    def has_retry_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("orderhub.change_message")

    @action(description=_("Try the chosen ones again"), permissions=["retry"])
    def retry_chosen(self, request: HttpRequest, queryset: Any) -> None:
        done = sum(sending.retry(message_id) for message_id in queryset.values_list("id", flat=True)[:500])
        nudge("orderhub.drain_outbox")
        self.message_user(request, _now("%(n)d messages will be tried again now.") % {"n": done})

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        found = get_object_or_404(Message.objects.select_related("connection"), pk=object_id)
        mine = {
            "message_row": found, "what": kind_label(found.kind), "why": failure(found.error_kind),
            "can_retry": self.has_retry_permission(request) and found.state in (State.NEEDS_PERSON, State.UNKNOWN, State.NEW),
            "title": kind_label(found.kind),
        }  # fmt: skip
        return super().change_view(request, object_id, form_url, {**mine, **(extra_context or {})})

    @admin.display(description=_("effect"))
    def effect(self, message: Message) -> SafeString:
        return format_html('{}<span class="oh-under">{}</span>', kind_label(message.kind), message.key)

    @admin.display(description=_("state"))
    def status(self, message: Message) -> SafeString:
        return state_pill(message)

    @admin.display(description=_("order"))
    def order_number(self, message: Message) -> SafeString | str:
        return order_link(message.order_id, getattr(message, "shown_order", ""))

    @admin.display(description=_("to"))
    def to(self, message: Message) -> str:
        return message.connection.name if message.connection else "—"

    @admin.display(description=_("what happened"))
    def happened(self, message: Message) -> SafeString | str:
        if not message.error:
            return ""
        return format_html(
            "{}<span class='oh-under oh-clip'>{}</span>", failure(message.error_kind), message.error
        )

    @admin.display(description=_("attempts"))
    def tries(self, message: Message) -> int:
        return message.attempts

    @admin.display(description=_("next try"))
    def next(self, message: Message) -> SafeString | str:
        if message.state in (State.NEW, State.SENDING, State.UNKNOWN):
            return moment(message.next_try_at, seconds=True)
        return moment(message.done_at) if message.done_at else pill("—")

    @admin.display(description=_("do"))
    def retry_button(self, message: Message) -> SafeString | str:
        if message.state != State.NEEDS_PERSON:
            return ""
        return format_html(
            '<a class="oh-button oh-button-small oh-button-quiet" href="{}/change/">{}</a>',
            message.pk,
            _now("Look and retry"),
        )


@require_POST
def retry_now(request: HttpRequest, message_id: int) -> HttpResponse:
    """A person's retry: the platform is asked first whether the effect is already there."""
    need(request, "orderhub.change_message")
    if sending.retry(message_id):
        nudge("orderhub.drain_outbox")
        messages.success(
            request, _now("It will be tried again now; the platform is asked first whether it has been done.")
        )
    else:
        messages.warning(request, _now("This message is already done, or being sent at this moment."))
    return back(request, "admin:orderhub_message_changelist")
