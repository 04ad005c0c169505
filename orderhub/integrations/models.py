"""Connections to platforms and the row that every call leaves; secrets and tokens are sealed, never plain columns."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from orderhub import crypto
from orderhub.integrations import platforms


class Connection(models.Model):
    """One account at one platform."""

    class State(models.TextChoices):
        OK = "ok", _("connected")
        NEEDS_AUTHORISATION = "needs_authorisation", _("needs to be authorised again")
        DISABLED = "disabled", _("switched off")

    platform = models.CharField(_("platform"), max_length=30, choices=platforms.choices)
    name = models.CharField(_("name"), max_length=100)
    code = models.SlugField(_("code"), max_length=50, unique=True)
    base_url = models.URLField(
        _("base address"),
        max_length=300,
        help_text=_("The platform's address, or the sandbox's; without the path."),
    )
    app_key = models.CharField(_("app key"), max_length=200, blank=True)
    secrets_enc = models.BinaryField(_("secrets"), default=bytes, blank=True, editable=False)
    options = models.JSONField(_("options"), default=dict, blank=True)
    token_enc = models.BinaryField(_("token"), default=bytes, blank=True, editable=False)
    token_expires_at = models.DateTimeField(_("token valid until"), null=True, blank=True, editable=False)
    refresh_expires_at = models.DateTimeField(
        _("refresh possible until"), null=True, blank=True, editable=False
    )
    state = models.CharField(_("state"), max_length=30, choices=State, default=State.OK)
    state_reason = models.TextField(_("reason"), blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("connection")
        verbose_name_plural = _("connections")
        ordering = ("platform", "code")

    def __str__(self) -> str:
        return f"{self.name} ({self.get_platform_display()})"

    @property
    def secrets(self) -> dict[str, Any]:
        """The opened secrets; {} where none were set. crypto.CannotOpen when no configured key fits."""
        return _opened(self.secrets_enc, b"connection.secrets")

    def set_secrets(self, secrets: dict[str, Any]) -> None:
        """Seals the secrets into the instance; save(update_fields=["secrets_enc"]) writes them."""
        self.secrets_enc = _sealed(secrets, b"connection.secrets")

    @property
    def token(self) -> dict[str, Any]:
        """The opened OAuth token ({"access_token": …, "refresh_token": …}); {} where none was given yet."""
        return _opened(self.token_enc, b"connection.token")

    def set_token(
        self,
        token: dict[str, Any],
        expires_at: datetime | None = None,
        refresh_expires_at: datetime | None = None,
    ) -> None:
        """Seals a token into the instance with its ends; fields token_enc, token_expires_at, refresh_expires_at."""
        self.token_enc = _sealed(token, b"connection.token")
        self.token_expires_at = expires_at
        self.refresh_expires_at = refresh_expires_at


class Call(models.Model):
    """One request to a platform and what came of it, with secrets and personal data taken out."""

    class Outcome(models.TextChoices):
        OK = "ok", _("done")
        RETRY = "retry", _("try again later")
        REAUTHORISE = "reauthorise", _("authorise again")
        BUSINESS = "business", _("refused by the platform")
        CONFIGURATION = "configuration", _("settings are wrong")
        UNKNOWN = "unknown", _("outcome unknown")

    connection = models.ForeignKey(
        Connection,
        null=True,
        on_delete=models.SET_NULL,
        db_constraint=False,
        related_name="calls",
        verbose_name=_("connection"),
    )
    platform = models.CharField(_("platform"), max_length=30)
    method = models.CharField(_("method"), max_length=120)
    started_at = models.DateTimeField(_("started"), db_index=True)
    ms = models.PositiveIntegerField(_("milliseconds"), default=0)
    outcome = models.CharField(_("outcome"), max_length=20, choices=Outcome)
    code = models.CharField(_("code"), max_length=100, blank=True)
    message = models.CharField(_("message"), max_length=500, blank=True)
    request = models.TextField(_("request"), blank=True)
    response = models.TextField(_("response"), blank=True)

    class Meta:
        verbose_name = _("platform call")
        verbose_name_plural = _("platform calls")
        ordering = ("-started_at", "-id")
        indexes = (models.Index(fields=("connection", "-started_at"), name="call_by_connection"),)

    def __str__(self) -> str:
        return f"{self.platform} {self.method} {self.outcome}"


class Budget(models.Model):
    """How often one call of a connection was made in the running minute or day, and what is known of its limit."""

    class Span(models.TextChoices):
        MINUTE = "minute", _("a minute")
        DAY = "day", _("a day")

    connection = models.ForeignKey(
        Connection, models.CASCADE, db_constraint=False, related_name="budgets", verbose_name=_("connection")
    )
    app_key = models.CharField(_("app key"), max_length=200, blank=True)
    method = models.CharField(_("method"), max_length=120)
    span = models.CharField(_("window"), max_length=6, choices=Span)
    started_at = models.DateTimeField(_("started"))
    used = models.PositiveIntegerField(_("calls"), default=0)
    held = models.PositiveIntegerField(_("kept back"), default=0)
    learned = models.PositiveIntegerField(_("limit learned"), null=True)
    learned_at = models.DateTimeField(null=True)
    blocked_until = models.DateTimeField(_("refused until"), null=True)

    class Meta:
        verbose_name = _("call budget")
        verbose_name_plural = _("call budgets")
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "method", "span"], name="one_budget_a_call_and_window"
            )
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.span} {self.used}"


class Breaker(models.Model):
    """Whether a connection is left alone for a while because its calls get no answer; shared by all workers."""

    connection = models.OneToOneField(
        Connection, models.CASCADE, db_constraint=False, primary_key=True, verbose_name=_("connection")
    )
    open_until = models.DateTimeField(_("left alone until"), null=True)
    times = models.PositiveIntegerField(_("times in a row"), default=0)
    reason = models.TextField(_("reason"), blank=True, default="")
    changed_at = models.DateTimeField(_("changed"))

    class Meta:
        verbose_name = _("breaker")
        verbose_name_plural = _("breakers")

    def __str__(self) -> str:
        return f"{self.connection_id} {self.times}"


def _opened(sealed: bytes | memoryview | None, context: bytes) -> dict[str, Any]:
    return json.loads(crypto.decrypt(bytes(sealed), context)) if sealed else {}


def _sealed(value: dict[str, Any], context: bytes) -> bytes:
    return crypto.encrypt(json.dumps(value, ensure_ascii=False, sort_keys=True).encode(), context)
