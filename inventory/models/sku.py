"""What is sold and stocked, under one code, with every outside spelling of it, and what a bundle is made of."""

from collections.abc import Iterable
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from inventory.spelling import Spelling


def _with_normal(fields: Iterable[str] | None) -> Iterable[str] | None:
    """The normal spelling is written whenever the code is."""
    return [*fields, "normal"] if fields is not None and "code" in fields else fields


class Sku(models.Model):
    code = models.CharField(_("SKU"), max_length=40, unique=True)
    normal = Spelling(null=True)
    name = models.CharField(_("name"), max_length=120)
    series = models.CharField(_("series"), max_length=40, blank=True, default="", db_default="")
    colour = models.CharField(_("colour"), max_length=30, blank=True, default="", db_default="")
    size = models.CharField(_("size"), max_length=30, blank=True, default="", db_default="")
    category = models.CharField(_("category"), max_length=40, blank=True, default="", db_default="")
    weight_g = models.PositiveIntegerField(_("weight (g)"), default=0)
    volume_cm3 = models.PositiveIntegerField(_("volume (cm³)"), default=0, db_default=0)
    presale_on = models.DateField(
        _("presale: ships from"),
        null=True,
        blank=True,
        help_text=_("Sold before it is here: an order that can't be served waits for this day."),
    )
    active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("SKU")
        verbose_name_plural = _("SKUs")
        constraints = [models.UniqueConstraint(fields=["normal"], name="one_sku_a_normal_code")]
        indexes = [models.Index(fields=["series"], condition=~models.Q(series=""), name="sku_series")]

    def __str__(self) -> str:
        return f"{self.code} {self.name}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        kwargs["update_fields"] = _with_normal(kwargs.get("update_fields"))
        super().save(*args, **kwargs)


class SkuCode(models.Model):
    """How one outside system spells a SKU. `normal` is the spelling without case, blanks, width and dashes."""

    system = models.CharField(
        _("system"),
        max_length=30,
        help_text=_(
            "A shop's or an account's code, or purchasing, scanner, finance; * for everyone who asks."
        ),
    )
    code = models.CharField(_("outside code"), max_length=80)
    normal = Spelling()
    sku = models.ForeignKey(Sku, models.CASCADE, related_name="codes", verbose_name=_("SKU"))
    sent = models.BooleanField(
        _("the one we send"),
        default=False,
        db_default=False,
        help_text=_(
            "Where a system has several codes for a SKU, this one is told it; else the oldest of them."
        ),
    )

    class Meta:
        verbose_name = _("outside code")
        verbose_name_plural = _("outside codes")
        constraints = [
            models.UniqueConstraint(fields=["system", "normal"], name="one_sku_a_spelling"),
            models.UniqueConstraint(
                fields=["system", "sku"], condition=models.Q(sent=True), name="one_code_sent_a_system_and_sku"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.system}:{self.code}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        kwargs["update_fields"] = _with_normal(kwargs.get("update_fields"))
        super().save(*args, **kwargs)


class BundlePart(models.Model):
    """So many of one SKU inside a bundle (组合装). A SKU with parts is a bundle: its parts are stocked, it is not."""

    bundle = models.ForeignKey(Sku, models.CASCADE, related_name="parts", verbose_name=_("bundle"))
    part = models.ForeignKey(Sku, models.PROTECT, related_name="part_of", verbose_name=_("part"))
    quantity = models.PositiveSmallIntegerField(_("pieces"), default=1)

    class Meta:
        verbose_name = _("part of a bundle")
        verbose_name_plural = _("parts of bundles")
        constraints = [
            models.UniqueConstraint(fields=["bundle", "part"], name="one_row_a_part_of_a_bundle"),
            models.CheckConstraint(condition=models.Q(quantity__gte=1), name="a_part_is_there_at_least_once"),
            models.CheckConstraint(
                condition=~models.Q(bundle=models.F("part")), name="no_bundle_inside_itself"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.part_id} × {self.quantity}"


class UnknownCode(models.Model):
    """A code that nobody has mapped yet: its orders wait."""

    system = models.CharField(_("system"), max_length=30)
    code = models.CharField(_("outside code"), max_length=80)
    title = models.CharField(_("title"), max_length=200, blank=True)
    first_seen = models.DateTimeField(_("first seen"), auto_now_add=True)
    seen = models.PositiveIntegerField(_("times seen"), default=1)
    sku = models.ForeignKey(Sku, models.SET_NULL, null=True, blank=True, verbose_name=_("map to"))

    class Meta:
        verbose_name = _("unmapped code")
        verbose_name_plural = _("unmapped codes")
        constraints = [models.UniqueConstraint(fields=["system", "code"], name="one_row_an_unknown_code")]

    def __str__(self) -> str:
        return f"{self.system}:{self.code}"
