"""One row per effect on the outside world, written in the transaction that wants it."""

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class Message(models.Model):
    """`kind` names the effect, `key` makes it one effect however often it is asked."""

    class State(models.TextChoices):
        NEW = "new", _("to send")
        SENDING = "sending", _("sending")
        UNKNOWN = "unknown", _("outcome unknown, will ask")
        DONE = "done", _("done")
        NEEDS_PERSON = "needs_person", _("needs a person")
        CANCELLED = "cancelled", _("no longer wanted")

    kind = models.CharField(_("kind"), max_length=30)
    key = models.CharField(_("natural key"), max_length=100)
    connection = models.ForeignKey(
        "orderhub.Connection", models.PROTECT, null=True, db_constraint=False, verbose_name=_("connection")
    )
    subject_id = models.BigIntegerField(_("subject"))  # the record that the answer touches
    order_id = models.BigIntegerField(_("order"), null=True)
    data = models.JSONField(_("data"), default=dict)  # references only, never a buyer's data
    state = models.CharField(
        _("state"), max_length=12, choices=State, default=State.NEW, db_default=State.NEW
    )
    attempts = models.SmallIntegerField(_("attempts"), default=0, db_default=0)
    next_try_at = models.DateTimeField(_("next try"), db_default=Now())
    lease_until = models.DateTimeField(null=True, editable=False)
    error_kind = models.CharField(_("kind of failure"), max_length=16, blank=True, default="", db_default="")
    error = models.TextField(_("what happened"), blank=True, default="", db_default="")
    answer = models.JSONField(_("answer"), null=True)
    created_at = models.DateTimeField(_("asked"), db_default=Now())
    done_at = models.DateTimeField(_("answered"), null=True)

    class Meta:
        verbose_name = _("outgoing message")
        verbose_name_plural = _("outgoing messages")
        constraints = [models.UniqueConstraint(fields=["kind", "key"], name="one_message_an_effect")]
        indexes = [
            models.Index(
                fields=["kind", "next_try_at", "id"],
                condition=models.Q(state__in=["new", "sending", "unknown"]),
                name="message_work",
            ),
            models.Index(fields=["order_id"], name="message_order"),
            models.Index(
                fields=["state", "id"], condition=models.Q(state="needs_person"), name="message_needs_person"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"
