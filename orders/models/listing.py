"""What a shop sells under the channel's own SKU, and how many pieces it is to show of it.

`wanted` is what it should show since version `wanted_version`; `sent` is what the channel was last told, of version
`sent_version`; `read` is what the channel said it shows, for as long as it has said so since then (`read_at`).
"""

from django.core.validators import MaxValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _


class Listing(models.Model):
    shop = models.ForeignKey("orders.Shop", models.CASCADE, related_name="listings", verbose_name=_("shop"))
    item = models.CharField(_("channel's item"), max_length=40)
    channel_sku = models.CharField(_("channel's SKU"), max_length=40)
    code = models.CharField(_("seller's code"), max_length=80, blank=True, default="")
    title = models.CharField(_("title"), max_length=200, blank=True, default="")
    sku = models.ForeignKey(
        "inventory.Sku",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="listings",
        verbose_name=_("SKU"),
    )
    share = models.PositiveSmallIntegerField(
        _("share (%)"), null=True, blank=True, validators=[MaxValueValidator(100)],
        help_text=_("Of what is shown of this SKU. Empty: the shop's."),
    )  # fmt: skip
    margin = models.PositiveIntegerField(
        _("safety margin"), null=True, blank=True, help_text=_("Pieces shown less. Empty: the shop's.")
    )
    wanted = models.PositiveIntegerField(_("to show"), null=True, editable=False)
    wanted_version = models.BigIntegerField(default=0, db_default=0, editable=False)
    wanted_at = models.DateTimeField(_("since"), null=True, editable=False)
    sent = models.PositiveIntegerField(_("told"), null=True, editable=False)
    sent_version = models.BigIntegerField(default=0, db_default=0, editable=False)
    sent_at = models.DateTimeField(_("told at"), null=True, editable=False)
    read = models.IntegerField(_("the channel shows"), null=True, editable=False)
    read_at = models.DateTimeField(_("read"), null=True, editable=False)
    #: how often in a row the channel showed something else than it was told
    strayed = models.PositiveSmallIntegerField(default=0, db_default=0, editable=False)
    #: pieces sold in the last three days: what sells most is told first
    hot = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    refusal = models.CharField(
        _("refused because"), max_length=300, blank=True, default="", db_default="", editable=False
    )
    next_try_at = models.DateTimeField(_("next try"), null=True, editable=False)
    #: when it was last among what the channel sells
    seen_at = models.DateTimeField(_("seen"), null=True, editable=False)

    class Meta:
        verbose_name = _("listing")
        verbose_name_plural = _("listings")
        constraints = [
            models.UniqueConstraint(fields=["shop", "channel_sku"], name="one_listing_a_channel_sku"),
            models.CheckConstraint(
                condition=models.Q(share__isnull=True) | models.Q(share__lte=100),
                name="a_share_is_a_percentage",
            ),
        ]
        indexes = [
            models.Index(
                fields=["shop"],
                condition=models.Q(wanted_version__gt=models.F("sent_version")),
                name="listing_to_tell",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code or self.channel_sku} · {self.shop_id}"


class ItemLimit(models.Model):
    """How many pieces of a channel's item a buyer may have: `wanted`, and what the channel was told (`sent`)."""

    shop = models.ForeignKey("orders.Shop", models.CASCADE, related_name="+", verbose_name=_("shop"))
    item = models.CharField(_("channel's item"), max_length=40)
    wanted = models.PositiveIntegerField(_("limit"))
    sent = models.PositiveIntegerField(_("told"), null=True)
    sent_at = models.DateTimeField(_("told at"), null=True)
    refusal = models.CharField(_("refused because"), max_length=300, blank=True, default="", db_default="")
    next_try_at = models.DateTimeField(_("next try"), null=True)

    class Meta:
        verbose_name = _("purchase limit")
        verbose_name_plural = _("purchase limits")
        constraints = [models.UniqueConstraint(fields=["shop", "item"], name="one_limit_an_item")]

    def __str__(self) -> str:
        return f"{self.item} {self.wanted}"
