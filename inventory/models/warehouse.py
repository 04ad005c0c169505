"""Places that hold goods, and the bins inside them."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Warehouse(models.Model):
    class Kind(models.TextChoices):
        OWN = "own", _("own warehouse")
        PARTNER = "partner", _("partner warehouse")

    code = models.CharField(_("code"), max_length=20, unique=True)
    name = models.CharField(_("name"), max_length=60)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind, default=Kind.OWN)
    province = models.CharField(_("province"), max_length=30, blank=True)
    city = models.CharField(_("city"), max_length=30, blank=True)
    district = models.CharField(_("district"), max_length=30, blank=True)
    address = models.CharField(_("address"), max_length=120, blank=True)
    contact = models.CharField(_("contact"), max_length=30, blank=True)
    manager_phone = models.CharField(_("manager's phone"), max_length=20, blank=True)
    lng = models.FloatField(_("longitude (WGS-84)"), null=True, blank=True)
    lat = models.FloatField(_("latitude (WGS-84)"), null=True, blank=True)
    wms = models.ForeignKey(
        "orderhub.Connection",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("WMS account"),
    )
    priority = models.PositiveSmallIntegerField(_("priority"), default=100)
    active = models.BooleanField(_("active"), default=True)
    accepts_returns = models.BooleanField(_("accepts returns"), default=True)

    class Meta:
        verbose_name = _("warehouse")
        verbose_name_plural = _("warehouses")
        ordering = ["priority", "code"]

    def __str__(self) -> str:
        return self.name


class Bin(models.Model):
    warehouse = models.ForeignKey(Warehouse, models.PROTECT, related_name="bins", verbose_name=_("warehouse"))
    code = models.CharField(_("bin"), max_length=30)
    sellable = models.BooleanField(_("sellable"), default=True)
    walk_order = models.PositiveIntegerField(_("walking order"), default=0)

    class Meta:
        verbose_name = _("bin")
        verbose_name_plural = _("bins")
        constraints = [models.UniqueConstraint(fields=["warehouse", "code"], name="one_bin_a_code")]

    def __str__(self) -> str:
        return f"{self.warehouse.code}/{self.code}"
