"""Who is known for forged or malicious orders, and which SKUs are locked because nearly all of them are promised."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class Blacklist(models.Model):
    """One phone (keyed hash), buyer (the channel's opaque id) or address (digest of the channel's own key)."""

    class Kind(models.TextChoices):
        PHONE = "phone", _("phone")
        BUYER = "buyer", _("buyer")
        ADDRESS = "address", _("address")

    kind = models.CharField(_("kind"), max_length=8, choices=Kind)
    value = models.CharField(max_length=120)
    channel = models.CharField(_("channel"), max_length=20, blank=True, default="")  # of a buyer
    shown = models.CharField(_("shown as"), max_length=80)  # masked
    reason = models.CharField(_("why"), max_length=200)
    added_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("by")
    )
    added_at = models.DateTimeField(_("since"), db_default=Now())
    removed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    removed_at = models.DateTimeField(_("removed"), null=True, blank=True)

    class Meta:
        verbose_name = _("blacklist entry")
        verbose_name_plural = _("blacklist")
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "channel", "value"],
                condition=models.Q(removed_at=None),
                name="one_open_blacklist_entry",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.shown}"


class StockLock(models.Model):
    """A SKU whose new orders wait, from the crossing of the threshold until there is enough again."""

    sku = models.ForeignKey("inventory.Sku", models.CASCADE, related_name="+", verbose_name=_("SKU"))
    share = models.FloatField(_("free share when it was locked"))
    since = models.DateTimeField(_("since"), db_default=Now())
    ended_at = models.DateTimeField(_("ended"), null=True)

    class Meta:
        verbose_name = _("stock lock")
        verbose_name_plural = _("stock locks")
        constraints = [
            models.UniqueConstraint(
                fields=["sku"], condition=models.Q(ended_at=None), name="one_open_lock_a_sku"
            )
        ]

    def __str__(self) -> str:
        return f"{self.sku} {self.share:g}%"
