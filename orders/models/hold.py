"""Typed holds: several at once, each with who, why and until when, each released by its own id."""

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class HoldType(models.TextChoices):
    DUPLICATE = "duplicate", _("suspected duplicate")
    PAYMENT = "payment", _("payment not proved")
    REFUND = "refund", _("refund asked before shipping")
    ADDRESS = "address", _("address to be checked")
    MAPPING = "mapping", _("goods code unknown")
    STOCK = "stock", _("not enough stock")
    BACKORDER = "backorder", _("waits for goods to arrive")
    ROUTE = "route", _("no route")
    PLATFORM = "platform", _("locked by the platform")
    ELSEWHERE = "elsewhere", _("shipped on the platform, not from here")
    UNKNOWN = "unknown", _("unknown word from the platform")
    BROKEN = "broken", _("could not be processed")
    REJECTED = "rejected", _("refused by the warehouse")
    WEIGHT = "weight", _("weight off")
    LATE_PAYMENT = "late_payment", _("paid after expiry, no stock")
    RISK = "risk", _("suspicious")
    STOCK_LOCK = "stock_lock", _("stock nearly used up")
    RULE = "rule", _("held by a rule")
    MANUAL = "manual", _("held by hand")


class Hold(models.Model):
    order = models.ForeignKey("orders.Order", models.CASCADE, related_name="holds", verbose_name=_("order"))
    type = models.CharField(_("type"), max_length=14, choices=HoldType)
    reason = models.TextField(_("why"))
    data = models.JSONField(default=dict)
    opened_by = models.CharField(_("by"), max_length=80)
    opened_at = models.DateTimeField(_("since"), db_default=Now())
    until = models.DateTimeField(_("until"), null=True, blank=True)
    released_at = models.DateTimeField(_("released"), null=True)
    released_by = models.CharField(_("released by"), max_length=80, blank=True, default="", db_default="")
    release_note = models.TextField(_("note"), blank=True, default="", db_default="")

    class Meta:
        verbose_name = _("hold")
        verbose_name_plural = _("holds")
        constraints = [
            models.UniqueConstraint(
                fields=["order", "type"], condition=models.Q(released_at=None), name="one_open_hold_a_type"
            )
        ]
        indexes = [models.Index(fields=["type"], condition=models.Q(released_at=None), name="hold_open")]

    def __str__(self) -> str:
        return self.get_type_display()
