"""Where others are told of orders' events, and how they are doing. Every delivery is a message of the outbox."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class Endpoint(models.Model):
    """One receiver of events. The secret is sealed; after a rotation the one before signs too, until it is over."""

    name = models.CharField(_("name"), max_length=60)
    url = models.URLField(_("address"), max_length=300)
    events = ArrayField(
        models.CharField(max_length=30), verbose_name=_("only these events"), default=list, blank=True
    )
    shops = ArrayField(
        models.CharField(max_length=30), verbose_name=_("only these shops"), default=list, blank=True
    )
    enabled = models.BooleanField(_("on"), default=True)
    secret_enc = models.BinaryField(editable=False)
    before_enc = models.BinaryField(null=True, editable=False)
    before_until = models.DateTimeField(null=True, editable=False)
    failing_since = models.DateTimeField(_("failing since"), null=True, editable=False)
    failures = models.PositiveIntegerField(_("failures in a row"), default=0, db_default=0, editable=False)
    off_why = models.CharField(
        _("switched off because"), max_length=200, blank=True, default="", editable=False
    )
    created_at = models.DateTimeField(_("made"), db_default=Now())

    class Meta:
        verbose_name = _("webhook")
        verbose_name_plural = _("webhooks")

    def __str__(self) -> str:
        return self.name


class Attempt(models.Model):
    """One try to deliver one message, as it ended. The first is 1; a replay goes on counting, so that nothing is lost by it."""

    endpoint = models.ForeignKey(Endpoint, models.CASCADE, related_name="attempts", verbose_name=_("webhook"))
    message_id = models.BigIntegerField(_("delivery"))  # of the outbox
    number = models.PositiveIntegerField(_("attempt"))
    at = models.DateTimeField(_("begun"))
    status = models.PositiveSmallIntegerField(_("HTTP status"), null=True)  # null: no answer, or not asked
    latency_ms = models.PositiveIntegerField(_("milliseconds"))
    error = models.CharField(_("what went wrong"), max_length=200, blank=True, default="", db_default="")

    class Meta:
        verbose_name = _("delivery attempt")
        verbose_name_plural = _("delivery attempts")
        constraints = [models.UniqueConstraint(fields=["message_id", "number"], name="one_attempt_a_number")]
        indexes = [models.Index(fields=["at"], name="webhook_attempt_at")]

    def __str__(self) -> str:
        return f"{self.message_id}/{self.number}"


class FeedPlace(models.Model):
    """How far a feed has read its source's ids."""

    code = models.CharField(max_length=30, primary_key=True)
    last_id = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.code} {self.last_id}"
