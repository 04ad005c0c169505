"""What came from outside, kept as it came. Reading the raw text takes a permission and leaves a log line first."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST
from unfold.decorators import action

from orderhub import crypto
from orderhub.admin_site.base import Ledger, need
from orderhub.admin_site.going import back, name_orders, order_link
from orderhub.admin_site.marks import moment, state_pill
from orderhub.admin_site.tabs import Tab, Tabs
from orderhub.admin_site.within import Within
from orderhub.admin_site.words import payload_kind
from orderhub.dotted import resolve
from orderhub.inbound import processing
from orderhub.inbound.models import Payload
from orderhub.nudge import nudge
from orderhub.scope import ACCOUNTS, VISIBLE, reach_of

State = Payload.State
READ_RAW = "orders.view_payload_raw"
REPLAY = "orderhub.change_payload"


class Queue(Tabs):
    default = "aside"
    tabs = (
        Tab("aside", _("Set aside"), Q(state=State.SET_ASIDE), counted=True, tone="bad"),
        Tab("waiting", _("Waiting"), Q(state=State.NEW), counted=True, tone="info"),
        Tab("parsed", _("Taken in"), Q(state=State.PARSED)),
        Tab("stale", _("Older than what we have"), Q(state=State.STALE)),
        Tab("all", _("All"), Q()),
    )


def replay(ids: list[int]) -> int:
    """Read payloads again from the start, now; returns how many were set aside and go on."""
    changed = processing.replay(ids)
    if changed:
        nudge("orderhub.read_payloads")
    return changed


def payloads_of(request: HttpRequest) -> QuerySet[Payload]:
    """What this person sees: what came for the orders in reach, and what became no order at the accounts in reach."""
    accounts = resolve(ACCOUNTS)(request.user)
    if accounts is None:
        return Payload.objects.all()
    orderless = (
        Q(order_id=None, connection_id__in=accounts)
        if reach_of(request.user).warehouses is None
        else Q(pk__in=[])
    )
    return Payload.objects.filter(Q(order_id__in=resolve(VISIBLE)(request.user).values("pk")) | orderless)


@admin.register(Payload)
class PayloadAdmin(Ledger):
    list_display = ("number", "status", "from_where", "why", "came", "order_number")
    list_display_links = ("number",)
    list_select_related = ("connection",)
    list_filter = (Queue, ("connection", Within))
    search_fields = ("external_id__exact",)
    search_help_text = _("The outside number, exactly")
    ordering = ("-id",)
    sortable_by = ()
    actions = ("replay_chosen",)
    change_form_outer_before_template = "orderhub/payload_head.html"
    fields = (
        ("kind", "external_id", "version"), ("connection", "source"), ("state", "received_at"), ("reason_code", "reason"),
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> Any:
        """Those of the orders that the person sees, and of their own shops' accounts what became no order."""
        return payloads_of(request).order_by(*self.ordering).defer("raw_enc")

    def dress(self, request: HttpRequest, rows: list[Payload]) -> None:
        """The numbers of the rows' orders."""
        name_orders(rows)

    def has_replay_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm(REPLAY)

    @action(description=_("Parse the chosen ones again"), permissions=["replay"])
    def replay_chosen(self, request: HttpRequest, queryset: Any) -> None:
        count = replay(list(queryset.values_list("id", flat=True)[:1000]))
        self.message_user(request, _now("%(n)d payloads will be parsed again now.") % {"n": count})

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        found = get_object_or_404(Payload.objects.defer("raw_enc"), pk=object_id)
        mine = {
            "payload": found, "title": found.external_id, "can_read": request.user.has_perm(READ_RAW),
            "can_replay": self.has_replay_permission(request) and found.state == State.SET_ASIDE,
        }  # fmt: skip
        return super().change_view(request, object_id, form_url, {**mine, **(extra_context or {})})

    @admin.display(description=_("outside number"))
    def number(self, payload: Payload) -> SafeString:
        return format_html(
            '{}<span class="oh-under">{}</span>', payload.external_id, payload_kind(payload.kind)
        )

    @admin.display(description=_("state"))
    def status(self, payload: Payload) -> SafeString:
        return state_pill(payload)

    @admin.display(description=_("from"))
    def from_where(self, payload: Payload) -> str:
        return payload.connection.name

    @admin.display(description=_("reason"))
    def why(self, payload: Payload) -> SafeString:
        return format_html('<span class="oh-clip">{}</span>', payload.reason)

    @admin.display(description=_("received"))
    def came(self, payload: Payload) -> str:
        return moment(payload.received_at)

    @admin.display(description=_("order"))
    def order_number(self, payload: Payload) -> SafeString | str:
        return order_link(payload.order_id, getattr(payload, "shown_order", ""))


@require_POST
def replay_now(request: HttpRequest, payload_id: int) -> HttpResponse:
    """Parse one payload again, after a code was mapped or a program was corrected."""
    need(request, REPLAY)
    if replay([payload_id]):
        messages.success(request, _now("The payload will be parsed again now."))
    else:
        messages.info(request, _now("This payload has already been taken in."))
    return back(request, "admin:orderhub_payload_changelist")


@never_cache
@require_POST
def raw(request: HttpRequest, payload_id: int) -> HttpResponse:
    """The raw text, opened for one person; who looked is written down before anything is shown."""
    need(request, READ_RAW)
    payload = get_object_or_404(Payload.objects.select_related("connection"), pk=payload_id)
    LogEntry.objects.log_actions(
        int(request.user.pk or 0),
        [payload],
        action_flag=CHANGE,
        change_message="raw payload viewed",
        single_object=True,
    )
    context = {
        "title": payload.external_id, "payload": payload, "text": pretty(payload),
        "opts": Payload._meta, **admin.site.each_context(request),
    }  # fmt: skip
    response = TemplateResponse(request, "orderhub/payload_raw.html", context)
    response["Cache-Control"] = "no-store"
    return response


def pretty(payload: Payload) -> str:
    """The bytes as indented JSON where they are JSON, else as text; a key that is gone is said in words."""
    try:
        plain = opened(payload)
    except crypto.CannotOpen as error:
        return _now("This payload can't be opened: %(why)s") % {"why": error}
    text = plain.decode("utf-8", errors="backslashreplace")
    try:
        return json.dumps(json.loads(text), ensure_ascii=False, indent=2)
    except ValueError:
        return text


def opened(payload: Payload) -> bytes:
    """The decrypted bytes."""
    return crypto.decrypt(bytes(payload.raw_enc))
