"""Invoices and receivables of orders."""

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from orderhub.tracked import Tracked


class Invoice(models.Model):
    """One request an order, made at signing; issuing and reversal come with the invoice provider."""

    class State(models.TextChoices):
        REQUESTED = "requested", _("requested")
        ISSUED = "issued", _("issued")
        REVERSED = "reversed", _("reversed")

    order = models.OneToOneField(
        "orders.Order", models.PROTECT, related_name="invoice", verbose_name=_("order")
    )
    amount = models.DecimalField(_("amount"), max_digits=12, decimal_places=2)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.REQUESTED)
    requested_at = models.DateTimeField(_("requested"), db_default=Now())

    class Meta:
        verbose_name = _("invoice")
        verbose_name_plural = _("invoices")

    def __str__(self) -> str:
        return f"{self.order_id}: {self.amount}"


class Receivable(Tracked):
    """One voucher an order, saved, submitted and audited in Kingdee under our own bill number."""

    class State(models.TextChoices):
        DUE = "due", _("to save")
        SAVED = "saved", _("saved")
        SUBMITTED = "submitted", _("submitted")
        AUDITED = "audited", _("audited")

    order = models.OneToOneField(
        "orders.Order", models.PROTECT, related_name="receivable", verbose_name=_("order")
    )
    number = models.CharField(_("bill number"), max_length=30, unique=True)
    amount = models.DecimalField(_("amount"), max_digits=12, decimal_places=2)
    state = models.CharField(
        _("state"), max_length=10, choices=State, default=State.DUE, db_default=State.DUE
    )
    quiet_since = models.DateTimeField(_("after-sale window ended"))
    outside_id = models.CharField(_("Kingdee id"), max_length=40, blank=True, default="", db_default="")
    audited_at = models.DateTimeField(_("audited"), null=True)
    told_order = models.BooleanField(default=False, db_default=False)

    class Meta:
        verbose_name = _("receivable")
        verbose_name_plural = _("receivables")
        indexes = [
            models.Index(
                fields=["state", "next_try_at", "id"],
                condition=models.Q(open_holds=0),
                name="receivable_work",
            )
        ]

    def __str__(self) -> str:
        return self.number
