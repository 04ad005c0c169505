"""Tickets and notes: what waits for a person, and what people tell each other about a record."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class Ticket(models.Model):
    """One open ticket per cause (`cause_key`)."""

    class State(models.TextChoices):
        OPEN = "open", _("open")
        WORKING = "working", _("in work")
        DONE = "done", _("done")

    kind = models.CharField(_("kind"), max_length=30)
    cause_key = models.CharField(_("cause"), max_length=120)
    title = models.CharField(_("title"), max_length=200)
    body = models.TextField(_("what to do"), blank=True)
    role = models.CharField(_("role"), max_length=30, blank=True)
    order_id = models.BigIntegerField(_("order"), null=True, db_index=True)
    link = models.CharField(max_length=200, blank=True)
    data = models.JSONField(default=dict)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.OPEN)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, verbose_name=_("owner")
    )
    created_at = models.DateTimeField(_("opened"), db_default=Now())
    due_at = models.DateTimeField(_("due"), null=True, blank=True)
    first_response_at = models.DateTimeField(_("first response"), null=True, blank=True)
    done_at = models.DateTimeField(_("closed"), null=True, blank=True)
    #: steps of the escalation path that were taken because nobody answered
    escalated = models.PositiveSmallIntegerField(_("escalated"), default=0, db_default=0)
    resolution = models.TextField(_("resolution"), blank=True)

    class Meta:
        verbose_name = _("ticket")
        verbose_name_plural = _("tickets")
        constraints = [
            models.UniqueConstraint(
                fields=["cause_key"], condition=~models.Q(state="done"), name="one_open_ticket_a_cause"
            )
        ]
        indexes = [models.Index(fields=["state", "due_at"], name="ticket_due")]

    def __str__(self) -> str:
        return self.title


class Note(models.Model):
    """What a colleague wrote about an order or a ticket."""

    order_id = models.BigIntegerField(_("order"), null=True, db_index=True)
    ticket = models.ForeignKey(Ticket, models.CASCADE, null=True, blank=True)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, verbose_name=_("author"))
    text = models.TextField(_("text"))
    created_at = models.DateTimeField(_("written"), db_default=Now())

    class Meta:
        verbose_name = _("note")
        verbose_name_plural = _("notes")

    def __str__(self) -> str:
        return self.text[:60]
