"""Delivery success of an area by warehouse, carrier and outlet: raw, smoothed, and over how many parcels."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Rate(models.Model):
    """One area (`adcode`, empty = everywhere) and one key of one dimension, over the last days' mature parcels."""

    class Dimension(models.TextChoices):
        ALL = "all", _("all parcels")
        WAREHOUSE = "warehouse", _("warehouse")
        CARRIER = "carrier", _("carrier")
        OUTLET = "outlet", _("outlet")

    adcode = models.CharField(_("district code"), max_length=9, blank=True)
    dimension = models.CharField(_("of"), max_length=10, choices=Dimension)
    key = models.CharField(_("which"), max_length=40, blank=True)
    parcels_24h = models.PositiveIntegerField(_("parcels older than 24 h"))
    signed_24h = models.FloatField(_("signed within 24 h, raw"), null=True)
    signed_24h_smooth = models.FloatField(_("signed within 24 h, smoothed"))
    parcels_72h = models.PositiveIntegerField(_("parcels older than 3 days"))
    signed_72h = models.FloatField(_("delivered within 3 days, raw"), null=True)
    signed_72h_smooth = models.FloatField(_("delivered within 3 days, smoothed"))
    attempts = models.PositiveIntegerField(_("first attempts"))
    first_attempt = models.FloatField(_("first attempt succeeded, raw"), null=True)
    first_attempt_smooth = models.FloatField(_("first attempt succeeded, smoothed"))
    window_days = models.PositiveSmallIntegerField(_("days"))
    computed_at = models.DateTimeField(_("computed"))

    class Meta:
        verbose_name = _("success rate")
        verbose_name_plural = _("success rates")
        constraints = [
            models.UniqueConstraint(fields=["adcode", "dimension", "key"], name="one_rate_an_area_and_key")
        ]

    def __str__(self) -> str:
        return f"{self.adcode} {self.dimension} {self.key}"
