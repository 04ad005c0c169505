"""An after-sale case: what the buyer asks, beside the order."""

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class Case(models.Model):
    class Kind(models.TextChoices):
        REFUND = "refund", _("refund only")
        RETURN = "return", _("return and refund")
        EXCHANGE = "exchange", _("exchange")

    class State(models.TextChoices):
        OPEN = "open", _("open")
        RECEIVED = "received", _("goods received")
        DONE = "done", _("done")
        REFUSED = "refused", _("refused")
        WITHDRAWN = "withdrawn", _("withdrawn by the buyer")

    number = models.CharField(_("case number"), max_length=40, unique=True)
    order = models.ForeignKey("orders.Order", models.PROTECT, related_name="cases", verbose_name=_("order"))
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.OPEN)
    amount = models.DecimalField(_("amount"), max_digits=12, decimal_places=2, default=0)
    lines = models.JSONField(_("lines"), default=list)  # [{line: uuid, quantity, disposition}]
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    opened_at = models.DateTimeField(_("opened"), db_default=Now())
    received_at = models.DateTimeField(_("goods received"), null=True)
    done_at = models.DateTimeField(_("done"), null=True)
    receipt_key = models.CharField(_("receipt"), max_length=80, blank=True, default="")

    class Meta:
        verbose_name = _("after-sale case")
        verbose_name_plural = _("after-sale cases")
        indexes = [
            models.Index(fields=["order"], condition=models.Q(state="open"), name="case_open"),
            models.Index(fields=["opened_at"], name="case_opened"),
        ]

    def __str__(self) -> str:
        return self.number
