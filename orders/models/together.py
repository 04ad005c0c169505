"""Orders that ship in one parcel, and orders that ship in several: decisions beside the order, never in it.

A merge changes no line and no money: its members keep their own lives and travel in the parcel of one of them.
A split gives each parcel its shares of the lines; `Share.reference` is what the stock of that share is held under.
"""

import uuid

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class Merge(models.Model):
    """One parcel for several orders of one buyer, one shop and one address. Not confirmed: the channel is asked yet."""

    class Basis(models.TextChoices):
        CHANNEL = "channel", _("the channel confirmed it")
        ADDRESS_ID = "address_id", _("same address key of the channel")
        PLAIN = "plain", _("same name, phone and address")

    shop = models.ForeignKey("orders.Shop", models.PROTECT, verbose_name=_("shop"))
    basis = models.CharField(_("basis"), max_length=12, choices=Basis)
    made_at = models.DateTimeField(_("made"), db_default=Now())
    made_by = models.CharField(_("by"), max_length=80)
    confirmed_at = models.DateTimeField(_("confirmed"), null=True)
    ended_at = models.DateTimeField(_("ended"), null=True)

    class Meta:
        verbose_name = _("merge")
        verbose_name_plural = _("merges")
        indexes = [
            models.Index(fields=["id"], condition=models.Q(ended_at=None), name="merge_open"),
        ]

    def __str__(self) -> str:
        return f"M{self.pk}"


class MergeMember(models.Model):
    """An order in a merge, with the address version that it joined with. Left: it goes on alone."""

    merge = models.ForeignKey(Merge, models.CASCADE, related_name="members", verbose_name=_("merge"))
    order = models.ForeignKey("orders.Order", models.PROTECT, related_name="+", verbose_name=_("order"))
    destination_version = models.PositiveSmallIntegerField(default=1)
    joined_at = models.DateTimeField(_("joined"), db_default=Now())
    left_at = models.DateTimeField(_("left the merge"), null=True)
    why_left = models.CharField(_("left because"), max_length=40, blank=True, default="", db_default="")

    class Meta:
        verbose_name = _("merged order")
        verbose_name_plural = _("merged orders")
        constraints = [
            models.UniqueConstraint(
                fields=["order"], condition=models.Q(left_at=None), name="one_open_merge_an_order"
            )
        ]

    def __str__(self) -> str:
        return f"{self.merge_id}: {self.order_id}"


class Split(models.Model):
    """The order may ship in several parcels; without shares yet, its stock may be taken from several warehouses."""

    class How(models.TextChoices):
        HAND = "hand", _("by hand")
        STOCK = "stock", _("no single warehouse has all the goods")

    order = models.OneToOneField(
        "orders.Order", models.PROTECT, primary_key=True, related_name="split", verbose_name=_("order")
    )
    how = models.CharField(_("how"), max_length=6, choices=How)
    asked_at = models.DateTimeField(_("asked"), db_default=Now())
    asked_by = models.CharField(_("by"), max_length=80)

    class Meta:
        verbose_name = _("split")
        verbose_name_plural = _("splits")

    def __str__(self) -> str:
        return str(self.order_id)


class Share(models.Model):
    """So many pieces of a line in the parcel at `place` (1, 2, …), out of one warehouse; Σ shares = the line."""

    reference = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    order = models.ForeignKey("orders.Order", models.PROTECT, related_name="+", verbose_name=_("order"))
    line = models.ForeignKey("orders.Line", models.PROTECT, related_name="+", verbose_name=_("line"))
    place = models.PositiveSmallIntegerField(_("parcel"))
    warehouse = models.ForeignKey("inventory.Warehouse", models.PROTECT, verbose_name=_("warehouse"))
    quantity = models.PositiveIntegerField(_("quantity"))
    payable = models.DecimalField(_("payable"), max_digits=12, decimal_places=2)

    class Meta:
        verbose_name = _("share of a line")
        verbose_name_plural = _("shares of lines")
        constraints = [
            models.UniqueConstraint(fields=["line", "place"], name="one_share_a_line_and_parcel"),
            models.CheckConstraint(condition=models.Q(quantity__gt=0), name="a_share_has_pieces"),
        ]

    def __str__(self) -> str:
        return f"{self.line_id} × {self.quantity} ({self.place})"
