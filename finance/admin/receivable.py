"""Receivables: where each voucher is in Kingdee, what it waits for in words, and the retry beside it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import Exists, OuterRef, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from finance.models import Receivable
from finance.queries import STEPS, Waiting, waiting
from orderhub.admin_site.base import Ledger
from orderhub.admin_site.going import order_link
from orderhub.admin_site.marks import moment, pill, state_pill, yuan
from orderhub.admin_site.tabs import Tab, Tabs
from orderhub.admin_site.words import kind_label
from orderhub.models import Message
from orderhub.nudge import nudge
from orderhub.outbox import sending

State = Receivable.State


def needs_person(_request: HttpRequest) -> Q:
    stuck = Message.objects.filter(
        subject_id=OuterRef("pk"), kind__in=STEPS, state=Message.State.NEEDS_PERSON
    )
    return ~Q(state=State.AUDITED) & Q(Exists(stuck))


class Queue(Tabs):
    tabs = (
        Tab("person", _("Needs a person"), needs_person, counted=True, tone="bad"),
        Tab("way", _("On its way"), ~Q(state=State.AUDITED), counted=True, tone="info"),
        Tab("audited", _("Audited"), Q(state=State.AUDITED)),
        Tab("all", _("All"), Q()),
    )


@admin.register(Receivable)
class ReceivableAdmin(Ledger):
    list_display = ("number", "status", "order_number", "money", "quiet", "waits", "audited")
    list_display_links = ("number",)
    list_select_related = ("order",)
    list_filter = (Queue,)
    search_fields = ("number__startswith", "order__number__exact")
    search_help_text = _("Bill number, or the whole order number")
    ordering = ("-id",)
    sortable_by = ()
    actions = ("retry_chosen",)
    fields = (("number", "state"), ("amount", "outside_id"), ("quiet_since", "audited_at"))
    change_form_outer_before_template = "finance/receivable_head.html"

    def dress(self, request: HttpRequest, rows: list[Receivable]) -> None:
        """What the rows of this page wait for, one query for all."""
        found = waiting([row.pk for row in rows])
        for row in rows:
            row.waits_for = found.get(row.pk)  # type: ignore[attr-defined]

    def has_retry_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("orderhub.change_message")

    @action(description=_("Try the chosen ones again"), permissions=["retry"])
    def retry_chosen(self, request: HttpRequest, queryset: Any) -> None:
        found = waiting(list(queryset.values_list("pk", flat=True)[:500]))
        done = sum(sending.retry(one.message_id) for one in found.values())
        nudge("orderhub.drain_outbox")
        messages.success(request, _now("%(n)d vouchers will be tried again now.") % {"n": done})

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        found = get_object_or_404(Receivable.objects.select_related("order"), pk=object_id)
        mine = {"title": found.number, "receivable": found, **state_of(found, request)}
        return super().change_view(request, object_id, form_url, {**mine, **(extra_context or {})})

    @admin.display(description=_("state"))
    def status(self, receivable: Receivable) -> SafeString:
        return state_pill(receivable)

    @admin.display(description=_("order"))
    def order_number(self, receivable: Receivable) -> SafeString | str:
        return order_link(receivable.order_id, receivable.order.number)

    @admin.display(description=_("amount"))
    def money(self, receivable: Receivable) -> str:
        return yuan(receivable.amount)

    @admin.display(description=_("after-sale window ended"))
    def quiet(self, receivable: Receivable) -> SafeString | str:
        return moment(receivable.quiet_since)

    @admin.display(description=_("waits for"))
    def waits(self, receivable: Receivable) -> SafeString | str:
        one: Waiting | None = getattr(receivable, "waits_for", None)
        if one is None:
            return ""
        tone = "bad" if one.needs_person else "info"
        return format_html(
            '{}<span class="oh-under oh-clip">{}</span>', pill(kind_label(one.kind), tone), one.error
        )

    @admin.display(description=_("audited"))
    def audited(self, receivable: Receivable) -> SafeString | str:
        return moment(receivable.audited_at)


def state_of(receivable: Receivable, request: HttpRequest) -> dict[str, Any]:
    """What the page and the order's panel show of a receivable."""
    one = waiting([receivable.pk]).get(receivable.pk)
    return {
        "pill": state_pill(receivable),
        "amount": yuan(receivable.amount),
        "waits": one,
        "waits_label": kind_label(one.kind) if one else "",
        "can_retry": one is not None and request.user.has_perm("orderhub.change_message"),
    }
