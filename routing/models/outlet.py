"""Outlets of carriers, and the areas they deliver as fences on the map."""

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class Outlet(models.Model):
    code = models.CharField(_("code"), max_length=40, unique=True)
    name = models.CharField(_("name"), max_length=80)
    carrier = models.CharField(_("carrier"), max_length=20)
    adcode = models.CharField(_("district code"), max_length=9, db_index=True)
    town = models.CharField(_("town"), max_length=40, blank=True)
    lng = models.FloatField(_("longitude (WGS-84)"), null=True, blank=True)
    lat = models.FloatField(_("latitude (WGS-84)"), null=True, blank=True)
    daily_capacity = models.PositiveIntegerField(_("pick-ups a day"), default=500)
    freight_first = models.DecimalField(
        _("freight, first kg (yuan)"), max_digits=8, decimal_places=2, null=True, blank=True
    )
    freight_next = models.DecimalField(
        _("freight, each further kg (yuan)"), max_digits=8, decimal_places=2, null=True, blank=True
    )
    promised_hours = models.PositiveSmallIntegerField(_("promised, hours"), null=True, blank=True)
    active = models.BooleanField(_("active"), default=True)
    updated_at = models.DateTimeField(_("changed"), auto_now=True, db_default=Now())

    class Meta:
        verbose_name = _("outlet")
        verbose_name_plural = _("outlets")

    def __str__(self) -> str:
        return self.name


class Fence(models.Model):
    """A delivery area as GeoJSON in WGS-84, valid between two dates. Checked, never repaired."""

    outlet = models.ForeignKey(Outlet, models.CASCADE, related_name="fences", verbose_name=_("outlet"))
    name = models.CharField(_("name"), max_length=80, blank=True)
    geometry = models.JSONField(_("area"))
    valid_from = models.DateField(_("valid from"))
    valid_until = models.DateField(_("valid until"), null=True, blank=True)
    updated_at = models.DateTimeField(_("changed"), auto_now=True, db_default=Now())

    class Meta:
        verbose_name = _("fence")
        verbose_name_plural = _("fences")
        permissions = [("import_fence", _("Can import fences from a file"))]

    def __str__(self) -> str:
        return self.name or self.outlet.name


class FenceImport(models.Model):
    """A file of fences as it was brought: its bytes, who said which datum it is in, and what came of it."""

    filename = models.CharField(_("file"), max_length=120)
    digest = models.CharField(max_length=64, editable=False)
    data = models.BinaryField(editable=False)
    datum = models.CharField(_("coordinates are in"), max_length=8)
    valid_from = models.DateField(_("valid from"))
    by = models.CharField(_("by"), max_length=80)
    at = models.DateTimeField(_("at"), db_default=Now())
    applied_at = models.DateTimeField(_("taken in"), null=True)
    result = models.JSONField(_("result"), null=True)

    class Meta:
        verbose_name = _("import of fences")
        verbose_name_plural = _("imports of fences")

    def __str__(self) -> str:
        return self.filename
