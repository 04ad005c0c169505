"""What was ordered from suppliers and when it should arrive: a purchase order's lines are goods on the way until received."""

from __future__ import annotations

import datetime as dt

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from orderhub.days import of_trade


def _of_trade(expected_at: dt.datetime | None) -> None:
    if expected_at is not None and not of_trade(expected_at.date()):
        text = _("%(day)s is no day of trade: write the right day, or leave it empty")
        raise ValidationError({"expected_at": text % {"day": expected_at.date()}})


class Supplier(models.Model):
    code = models.CharField(_("code"), max_length=40, unique=True)
    name = models.CharField(_("name"), max_length=80)
    active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("supplier")
        verbose_name_plural = _("suppliers")
        ordering = ["code"]

    def __str__(self) -> str:
        return self.name or self.code


class PurchaseOrder(models.Model):
    """`connection` is the system that keeps it (none: written here); `changed` is that system's time of change."""

    class State(models.TextChoices):
        DRAFT = "draft", _("being written")
        PLACED = "placed", _("placed")
        PARTIAL = "partial", _("partly received")
        RECEIVED = "received", _("received")
        CANCELLED = "cancelled", _("cancelled")

    number = models.CharField(_("purchase order"), max_length=40)
    connection = models.ForeignKey(
        "orderhub.Connection",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("system"),
    )
    supplier = models.ForeignKey(Supplier, models.PROTECT, related_name="orders", verbose_name=_("supplier"))
    warehouse = models.ForeignKey(
        "inventory.Warehouse", models.PROTECT, related_name="+", verbose_name=_("warehouse")
    )
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.PLACED)
    ordered_at = models.DateTimeField(_("ordered"), null=True, blank=True)
    expected_at = models.DateTimeField(_("expected arrival"), null=True, blank=True)
    changed = models.CharField(max_length=19, blank=True, default="", editable=False)

    class Meta:
        verbose_name = _("purchase order")
        verbose_name_plural = _("purchase orders")
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "number"], nulls_distinct=False, name="one_purchase_order_a_number"
            )
        ]
        indexes = [models.Index(fields=["state", "expected_at"], name="purchase_expected")]

    def __str__(self) -> str:
        return self.number

    def clean(self) -> None:
        _of_trade(self.expected_at)


class PurchaseLine(models.Model):
    """One SKU of a purchase order. On the way: `ordered` − `stopped` − `received`, never less than nothing."""

    order = models.ForeignKey(
        PurchaseOrder, models.CASCADE, related_name="lines", verbose_name=_("purchase order")
    )
    sku = models.ForeignKey("inventory.Sku", models.PROTECT, related_name="+", verbose_name=_("SKU"))
    ordered = models.PositiveIntegerField(_("pieces ordered"))
    received = models.PositiveIntegerField(_("pieces received"), default=0)
    stopped = models.PositiveIntegerField(
        _("no longer awaited"), default=0, help_text=_("Pieces that the supplier will not send any more.")
    )
    price = models.DecimalField(_("price (yuan)"), max_digits=12, decimal_places=4, null=True, blank=True)
    expected_at = models.DateTimeField(_("expected, where it differs"), null=True, blank=True)

    class Meta:
        verbose_name = _("purchase order line")
        verbose_name_plural = _("purchase order lines")
        constraints = [models.UniqueConstraint(fields=["order", "sku"], name="one_purchase_line_a_sku")]

    def __str__(self) -> str:
        return f"{self.sku_id} {self.received}/{self.ordered}"

    def clean(self) -> None:
        _of_trade(self.expected_at)

    @property
    def on_the_way(self) -> int:
        """Pieces that are still to come, as long as the order stands."""
        return max(0, self.ordered - self.stopped - self.received)
