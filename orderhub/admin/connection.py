"""Accounts at platforms. Secrets go in and never come out: a form shows which are set, not what they are."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.contrib import admin
from django.db.models import Max, Sum
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextareaWidget, UnfoldAdminURLInputWidget

from orderhub.admin.oauth import can_connect
from orderhub.admin_site.base import Admin
from orderhub.admin_site.marks import ago, state_pill
from orderhub.crypto import CannotOpen
from orderhub.inbound.models import RefusedPush
from orderhub.integrations.models import Connection


class ConnectionForm(forms.ModelForm):
    """`app_secret` and `more_secrets` are written only; left empty, what is stored stays."""

    base_url = forms.URLField(
        label=_("base address"), max_length=300, assume_scheme="https", widget=UnfoldAdminURLInputWidget(),
        help_text=_("The platform's address, or the sandbox's; without the path."),
    )  # fmt: skip
    app_secret = forms.CharField(
        label=_("app secret"), required=False, strip=True, widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "off"}),
        help_text=_("Written only. Leave empty to keep what is stored."),
    )  # fmt: skip
    more_secrets = forms.CharField(
        label=_("other secrets"), required=False, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3, "spellcheck": "false"}),
        help_text=_("Written only, as JSON: keys of Alipay, salts. Leave empty to keep what is stored."),
    )  # fmt: skip

    class Meta:
        model = Connection
        fields = ("platform", "name", "code", "base_url", "app_key", "options", "state")

    def clean(self) -> dict[str, Any]:
        """Stored secrets stay with the address that they were given for: for another one they are typed anew."""
        given = super().clean() or {}
        kept = set(self.instance.secrets) if self.instance.pk and self.moved() else set()
        typed = set(given.get("more_secrets") or {}) | ({"app_secret"} if given.get("app_secret") else set())
        if kept - typed:
            said = _now(
                "Stored secrets are not sent to another address. Type these again with it: %(names)s."
            )
            self.add_error(None, said % {"names": ", ".join(sorted(kept - typed))})
        return given

    def moved(self) -> bool:
        """Whether secrets would go to another server than before."""
        return not _servers(self.cleaned_data) <= _servers(self.initial)

    def clean_more_secrets(self) -> dict[str, Any]:
        try:
            given = json.loads(self.cleaned_data["more_secrets"] or "{}")
        except ValueError:
            given = None
        if not isinstance(given, dict):
            raise forms.ValidationError(_("Give an object: {“name”: “value”}."))
        return given


#: Why a push was refused, in a clerk's words; another code is shown as it is.
REFUSALS: dict[str, Any] = {
    "signature": _("wrong signature"),
    "stale": _("too old, or from the future"),
    "timestamp": _("without a time"),
    "payee": _("meant for another payee"),
    "app": _("meant for another app"),
    "serial": _("signed with a key that is not stored here"),
    "body": _("not readable"),
}


def refused_lately(account: Connection) -> list[dict[str, Any]]:
    """What was refused at this account's door in the last seven days, by reason, most frequent first."""
    rows = (
        RefusedPush.objects.filter(connection=account, day__gt=timezone.localdate() - dt.timedelta(days=7))
        .values("code")
        .annotate(n=Sum("count"), last=Max("last_at"))
        .order_by("-n", "code")
    )
    return [
        {"n": row["n"], "reason": REFUSALS.get(row["code"], row["code"]), "last": ago(row["last"])}
        for row in rows
    ]


def _servers(fields: Mapping[str, Any]) -> set[tuple[str, str]]:
    """(scheme, host and port) of every server that is sent secrets."""
    options = fields.get("options")
    urls = [fields.get("base_url"), options.get("oauth_url") if isinstance(options, dict) else None]
    splits = [urlsplit(str(url)) for url in urls if url]
    return {(split.scheme, split.netloc.lower()) for split in splits}


@admin.register(Connection)
class ConnectionAdmin(Admin):
    account = "pk"
    form = ConnectionForm
    list_display = ("name", "platform_name", "status", "token_life", "address")
    list_filter = (("platform", ChoicesDropdownFilter), ("state", ChoicesDropdownFilter))
    search_fields = ("name", "code")
    sortable_by = ()
    readonly_fields = ("stored", "token_life", "state_reason")
    change_form_outer_before_template = "orderhub/connection_head.html"
    fieldsets = (
        (None, {"fields": (("name", "code"), ("platform", "state"), "base_url", "app_key", "options")}),
        (_("Secrets"), {"fields": ("stored", "app_secret", "more_secrets")}),
        (_("Token"), {"fields": ("token_life", "state_reason")}),
    )

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Switched off instead: calls, payloads and messages name it."""
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        given = dict(form.cleaned_data.get("more_secrets") or {})
        if form.cleaned_data.get("app_secret"):
            given["app_secret"] = form.cleaned_data["app_secret"]
        if given:
            obj.set_secrets({**(obj.secrets if obj.secrets_enc else {}), **given})
            form.also_written = ("secrets_enc",)
        if change and form.moved() and obj.token_enc:
            obj.token_enc, obj.token_expires_at, obj.refresh_expires_at = b"", None, None
            form.also_written = (
                *getattr(form, "also_written", ()), "token_enc", "token_expires_at", "refresh_expires_at"
            )  # fmt: skip
        super().save_model(request, obj, form, change)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        found = Connection.objects.filter(pk=object_id).first() if object_id.isdigit() else None
        mine = {
            "connection": found, "can_connect": found is not None and can_connect(found) and self.has_change_permission(request),
            "connection_pill": state_pill(found) if found else "", "token_ends": ago(found.token_expires_at) if found else "",
            "refused": refused_lately(found) if found else [],
        }  # fmt: skip
        return super().change_view(request, object_id, form_url, {**mine, **(extra_context or {})})

    @admin.display(description=_("platform"))
    def platform_name(self, connection: Connection) -> str:
        return connection.get_platform_display()

    @admin.display(description=_("state"))
    def status(self, connection: Connection) -> SafeString:
        return state_pill(connection)

    @admin.display(description=_("token ends"))
    def token_life(self, connection: Connection) -> str:
        if not can_connect(connection):
            return _now("needs none")
        return ago(connection.token_expires_at) if connection.token_enc else _now("not connected yet")

    @admin.display(description=_("base address"))
    def address(self, connection: Connection) -> SafeString:
        return format_html('<code class="oh-code">{}</code>', connection.base_url)

    @admin.display(description=_("stored secrets"))
    def stored(self, connection: Connection) -> SafeString | str:
        try:
            names = sorted(connection.secrets) if connection.pk else []
        except CannotOpen:
            return _now("The stored secrets can't be opened with today's keys: enter them again.")
        return format_html_join(" ", '<code class="oh-code">{}</code>', ((name,) for name in names)) or "—"
