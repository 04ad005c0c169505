"""What is sold and stocked, under one code, with every outside spelling of it."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Sku(models.Model):
    code = models.CharField(_("SKU"), max_length=40, unique=True)
    name = models.CharField(_("name"), max_length=120)
    series = models.CharField(_("series"), max_length=40, blank=True)
    weight_g = models.PositiveIntegerField(_("weight (g)"), default=0)
    active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("SKU")
        verbose_name_plural = _("SKUs")

    def __str__(self) -> str:
        return f"{self.code} {self.name}"


class SkuCode(models.Model):
    """How one outside system spells a SKU. `normal` is the spelling without case, blanks, width and dashes."""

    system = models.CharField(_("system"), max_length=30)  # a connection code, or "*" for everyone
    code = models.CharField(_("outside code"), max_length=80)
    normal = models.CharField(max_length=80, editable=False)
    sku = models.ForeignKey(Sku, models.CASCADE, related_name="codes", verbose_name=_("SKU"))

    class Meta:
        verbose_name = _("outside code")
        verbose_name_plural = _("outside codes")
        constraints = [models.UniqueConstraint(fields=["system", "normal"], name="one_sku_a_spelling")]

    def __str__(self) -> str:
        return f"{self.system}:{self.code}"


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
