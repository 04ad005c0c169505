"""Every payload from outside, kept as the bytes that came, before anything is parsed."""

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from orderhub.tracked import Tracked


class Payload(Tracked):
    """One version of one outside record. `raw_enc` is encrypted bytes (never jsonb: NUL is legal JSON)."""

    class State(models.TextChoices):
        NEW = "new", _("waiting")
        PARSED = "parsed", _("taken in")
        STALE = "stale", _("older than what we have")
        SET_ASIDE = "set_aside", _("set aside")
        DISCARDED = "discarded", _("discarded by a person")

    connection = models.ForeignKey("orderhub.Connection", models.PROTECT, verbose_name=_("connection"))
    kind = models.CharField(_("kind"), max_length=20)  # order payment confirm trace return
    external_id = models.CharField(_("outside number"), max_length=80)
    version = models.CharField(_("version"), max_length=64)
    source = models.CharField(_("came by"), max_length=10)  # pull push api replay
    received_at = models.DateTimeField(_("received"), db_default=Now())
    raw_enc = models.BinaryField()
    state = models.CharField(
        _("state"), max_length=12, choices=State, default=State.NEW, db_default=State.NEW
    )
    reason_code = models.CharField(max_length=40, blank=True, default="", db_default="")
    reason = models.TextField(_("reason"), blank=True, default="", db_default="")
    order_id = models.BigIntegerField(_("order"), null=True, db_index=True)

    class Meta:
        verbose_name = _("payload")
        verbose_name_plural = _("payloads")
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "kind", "external_id", "version"], name="one_payload_a_version"
            )
        ]
        indexes = [
            models.Index(
                fields=["kind", "next_try_at", "id"], condition=models.Q(state="new"), name="payload_work"
            ),
            models.Index(fields=["external_id"], name="payload_external"),
            models.Index(fields=["id"], condition=models.Q(state="set_aside"), name="payload_set_aside"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.external_id} {self.version}"


class RefusedPush(models.Model):
    """How often a push was refused at the door that day, and why; nothing that it said is kept."""

    connection = models.ForeignKey("orderhub.Connection", models.CASCADE, verbose_name=_("connection"))
    kind = models.CharField(_("kind"), max_length=20)
    code = models.CharField(_("reason"), max_length=40)
    day = models.DateField(_("day"))
    count = models.PositiveIntegerField(_("how often"), default=1)
    last_at = models.DateTimeField(_("last"))

    class Meta:
        verbose_name = _("refused push")
        verbose_name_plural = _("refused pushes")
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "kind", "code", "day"], name="one_count_a_reason_and_day"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.code} {self.count}"
