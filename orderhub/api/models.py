"""What the API keeps: devices with their tokens (hashes only), answers by Idempotency-Key, and counts for the limits."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class Device(models.Model):
    """One signed-in client of a person. All its tokens die with it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="devices", verbose_name=_("user")
    )
    name = models.CharField(_("device"), max_length=80)
    created_at = models.DateTimeField(_("signed in"), db_default=Now())
    used_at = models.DateTimeField(_("used last"), db_default=Now())
    #: of the password that it signed in by: another password ends it
    stamp = models.CharField(max_length=64, default="", db_default="")
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)
    revoked_why = models.CharField(_("why"), max_length=20, blank=True, default="", db_default="")

    class Meta:
        verbose_name = _("device")
        verbose_name_plural = _("devices")

    def __str__(self) -> str:
        return self.name


class ApiToken(models.Model):
    """An access or refresh token by its keyed hash. A refresh token is used once; its second use revokes the device."""

    device = models.ForeignKey(Device, models.CASCADE, related_name="tokens")
    kind = models.CharField(max_length=8)  # access refresh
    hashed = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["expires_at"], name="api_token_expiry")]

    def __str__(self) -> str:
        return f"{self.kind} {self.expires_at:%F %T}"


class KeptAnswer(models.Model):
    """What was answered to an Idempotency-Key, sealed; it is given again to the same body, refused to another."""

    caller = models.CharField(max_length=80)
    key = models.CharField(max_length=80)
    fingerprint = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(default=0)
    body_enc = models.BinaryField(null=True)
    etag = models.CharField(max_length=80, blank=True, default="")
    made_at = models.DateTimeField(db_default=Now(), db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["caller", "key"], name="one_answer_a_key")]

    def __str__(self) -> str:
        return f"{self.caller} {self.key}"


class CallCount(models.Model):
    """How often somebody called in a window of time."""

    caller = models.CharField(max_length=100)
    window = models.BigIntegerField()  # seconds since 1970 at its end
    calls = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["caller", "window"], name="one_count_a_window")]
        indexes = [models.Index(fields=["window"], name="call_count_window")]

    def __str__(self) -> str:
        return f"{self.caller} {self.calls}"
