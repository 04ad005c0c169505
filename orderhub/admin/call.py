"""Every request to a platform and what came of it, to read when something does not arrive."""

from __future__ import annotations

from django.contrib import admin
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from orderhub.admin_site.base import Ledger
from orderhub.admin_site.marks import STATE_TONES, moment, pill
from orderhub.admin_site.within import Within
from orderhub.integrations.models import Call


@admin.register(Call)
class CallAdmin(Ledger):
    account = "connection_id"
    list_display = ("when", "connection", "what", "result", "took", "said")
    list_display_links = ("when",)
    list_select_related = ("connection",)
    list_filter = (("connection", Within), ("outcome", ChoicesDropdownFilter))
    search_fields = ("method__startswith", "code__iexact")
    search_help_text = _("Method or code")
    sortable_by = ()
    fields = (
        ("started_at", "ms"),
        ("connection", "method"),
        ("outcome", "code"),
        "message",
        "request",
        "response",
    )

    @admin.display(description=_("started"))
    def when(self, call: Call) -> str:
        return moment(call.started_at, seconds=True)

    @admin.display(description=_("method"))
    def what(self, call: Call) -> SafeString:
        return format_html('<code class="oh-code">{}</code>', call.method)

    @admin.display(description=_("outcome"))
    def result(self, call: Call) -> SafeString:
        return pill(call.get_outcome_display(), STATE_TONES.get(call.outcome, "neutral"))

    @admin.display(description=_("took"))
    def took(self, call: Call) -> str:
        return f"{call.ms} ms"

    @admin.display(description=_("what it said"))
    def said(self, call: Call) -> SafeString:
        return format_html('<span class="oh-clip">{} {}</span>', call.code, call.message)
