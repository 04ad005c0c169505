"""Goods that a buyer of the own shop has in hand between the basket and the order."""

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class Claim(models.Model):
    """Pieces of one SKU for one buyer: held on the shelf, or of what is on the way, until `expires_at`.

    `reference` is what the stock holds them by, and becomes the uuid of the order's line. Who the buyer is stands
    here as keyed hashes only, and no longer than purchases are counted against the limit.
    """

    class State(models.TextChoices):
        OPEN = "open", _("not ordered yet")
        BOUGHT = "bought", _("turned into an order")
        ENDED = "ended", _("given back")

    reference = models.UUIDField(_("reference"), unique=True)
    account_id = models.BigIntegerField(_("account"))  # orderhub.Connection of the shop that asked
    key = models.CharField(_("key"), max_length=80)
    sku = models.ForeignKey("inventory.Sku", models.PROTECT, db_constraint=False, verbose_name=_("SKU"))
    quantity = models.PositiveIntegerField(_("quantity"))
    ip_hash = models.CharField(max_length=64, blank=True, default="")
    phone_hash = models.CharField(max_length=64, blank=True, default="")
    buyer_hash = models.CharField(max_length=64, blank=True, default="")
    limited = models.BooleanField(_("limited purchase"), default=False)
    #: None: it is held on the shelf; else the day from which it can be sent, as the buyer was told before paying
    later_on = models.DateField(_("sent from"), null=True)
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.OPEN)
    made_at = models.DateTimeField(_("made"), db_default=Now())
    expires_at = models.DateTimeField(_("expires"))
    #: until when it counts against the buyer's limit
    counts_until = models.DateTimeField(_("counts until"))

    class Meta:
        verbose_name = _("claim before the order")
        verbose_name_plural = _("claims before the order")
        constraints = [models.UniqueConstraint(fields=["account_id", "key"], name="one_claim_a_key")]
        indexes = [
            models.Index(fields=["sku", "counts_until"], name="claim_counts"),
            models.Index(fields=["expires_at"], condition=models.Q(state="open"), name="claim_ends"),
        ]

    def __str__(self) -> str:
        return f"{self.reference} {self.sku_id} × {self.quantity}"
