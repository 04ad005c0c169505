"""Who is told of what: a role's notices go to a group or to a telephone."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from orderhub.admin_site.base import Admin
from orderhub.admin_site.marks import pill
from orderhub.notifications.models import Recipient


@admin.register(Recipient)
class RecipientAdmin(Admin):
    list_display = ("told", "place", "what", "on")
    list_display_links = ("told",)
    list_select_related = ("connection",)
    list_filter = (("role", ChoicesDropdownFilter),)
    ordering = ("role", "id")
    sortable_by = ()
    actions = None
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("role", "only"),
                    ("connection", "language"),
                    ("phone", "email"),
                    ("quiet_from", "quiet_to"),
                    "enabled",
                )
            },
        ),
    )

    def get_form(
        self, request: HttpRequest, obj: Any | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        kwargs["help_texts"] = {"only": _("Empty: every notice for the role.")}
        return super().get_form(request, obj, change, **kwargs)

    @admin.display(description=_("for the role"))
    def told(self, recipient: Recipient) -> str:
        return str(recipient.get_role_display())

    @admin.display(description=_("sent to"))
    def place(self, recipient: Recipient) -> SafeString:
        """The group or telephone; of a telephone only the end is shown in the list."""
        number = (
            f"···{recipient.phone[-4:]}"
            if recipient.phone
            else recipient.email or recipient.connection.get_platform_display()
        )
        return format_html('{}<span class="oh-under">{}</span>', recipient.connection.name, number)

    @admin.display(description=_("notices"))
    def what(self, recipient: Recipient) -> Any:
        return recipient.get_only_display() if recipient.only else _now("all for the role")

    @admin.display(description=_("on"))
    def on(self, recipient: Recipient) -> SafeString:
        return pill(_now("on"), "good") if recipient.enabled else pill(_now("off"))
