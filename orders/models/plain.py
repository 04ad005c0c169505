"""A file with receivers in plain text: asked for by one person, allowed by another, or not."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class PlainRequest(models.Model):
    """What somebody wants to have, why, and who decided. `upto` is the newest order that was there when it was asked.

    `pieces` is the set that was asked for, [[last order id, orders, SHA-256 of their ids], …]: no other is written.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("waits for a second person")
        APPROVED = "approved", _("allowed")
        REFUSED = "refused", _("refused")

    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("asked by")
    )
    query = models.CharField(_("filters"), max_length=2000, blank=True, default="")
    form = models.CharField(_("file"), max_length=4)
    reason = models.CharField(_("reason"), max_length=200)
    orders = models.PositiveIntegerField(_("orders"))
    upto = models.BigIntegerField(default=0)
    pieces = models.JSONField(default=list)
    language = models.CharField(max_length=10, default="zh-hans")
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.WAITING)
    asked_at = models.DateTimeField(_("asked"), db_default=Now())
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("decided by")
    )
    decided_at = models.DateTimeField(_("decided"), null=True)
    note = models.CharField(_("note"), max_length=200, blank=True, default="", db_default="")
    job = models.ForeignKey("orderhub.Job", models.SET_NULL, null=True, related_name="+")

    class Meta:
        verbose_name = _("request for plain receivers")
        verbose_name_plural = _("requests for plain receivers")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(decided_by=None) | ~models.Q(decided_by=models.F("asked_by")),
                name="nobody_allows_their_own",
            ),
            models.CheckConstraint(
                condition=models.Q(state="waiting") | models.Q(decided_by__isnull=False),
                name="decided_by_somebody",
            ),
        ]
        indexes = [models.Index(fields=["-asked_at"], name="plain_recent")]
        permissions = [
            ("approve_plainrequest", _("Can allow a file with plain receivers that somebody else asked for"))
        ]

    def __str__(self) -> str:
        return f"{self.pk} {self.reason}"
