"""Outlets of carriers, the areas they deliver, and how many pick-ups each has left today."""

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
    active = models.BooleanField(_("active"), default=True)

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
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("fence")
        verbose_name_plural = _("fences")

    def __str__(self) -> str:
        return self.name or self.outlet.name


class CapacityDay(models.Model):
    """One outlet's places for one day. `held` when routed, `confirmed` when handed over."""

    outlet = models.ForeignKey(Outlet, models.CASCADE, verbose_name=_("outlet"))
    day = models.DateField(_("day"))
    places = models.PositiveIntegerField(_("places"))
    held = models.IntegerField(_("held"), default=0, db_default=0)
    confirmed = models.IntegerField(_("confirmed"), default=0, db_default=0)

    class Meta:
        verbose_name = _("capacity")
        verbose_name_plural = _("capacities")
        constraints = [
            models.UniqueConstraint(fields=["outlet", "day"], name="one_capacity_a_day"),
            models.CheckConstraint(
                condition=models.Q(places__gte=models.F("held") + models.F("confirmed")), name="capacity_never_over_filled"
            ),
            models.CheckConstraint(condition=models.Q(held__gte=0, confirmed__gte=0), name="capacity_never_negative"),
        ]


class CapacityEntry(models.Model):
    """The ledger behind a day's places: who holds one."""

    capacity = models.ForeignKey(CapacityDay, models.CASCADE, db_constraint=False)
    order_id = models.BigIntegerField(_("order"), db_index=True)
    change = models.CharField(_("what"), max_length=10)  # held confirmed returned
    at = models.DateTimeField(_("at"), db_default=Now())

    class Meta:
        verbose_name = _("capacity entry")
        verbose_name_plural = _("capacity entries")


class Rate(models.Model):
    """Delivery success of an area by warehouse, carrier or outlet over the last days, raw and smoothed."""

    adcode = models.CharField(_("district code"), max_length=9)  # "" = everywhere
    dimension = models.CharField(_("of"), max_length=10)  # warehouse carrier outlet all
    key = models.CharField(_("which"), max_length=40)
    parcels = models.PositiveIntegerField(_("parcels"))
    signed_24h = models.FloatField(_("signed within 24 h, raw"), null=True)
    signed_24h_smooth = models.FloatField(_("signed within 24 h, smoothed"))
    signed_72h = models.FloatField(_("delivered within 3 days, raw"), null=True)
    signed_72h_smooth = models.FloatField(_("delivered within 3 days, smoothed"))
    first_attempt = models.FloatField(_("first attempt, raw"), null=True)
    first_attempt_smooth = models.FloatField(_("first attempt, smoothed"))
    window_days = models.PositiveSmallIntegerField(_("days"))
    computed_at = models.DateTimeField(_("computed"))

    class Meta:
        verbose_name = _("success rate")
        verbose_name_plural = _("success rates")
        constraints = [models.UniqueConstraint(fields=["adcode", "dimension", "key"], name="one_rate_an_area_and_key")]


class Decision(models.Model):
    """Why an order goes where it goes: the options with their figures, in the order they were compared."""

    order_id = models.BigIntegerField(_("order"), db_index=True)
    made_at = models.DateTimeField(_("made"), db_default=Now())
    adcode = models.CharField(_("district code"), max_length=9, blank=True)
    located_by = models.CharField(_("located by"), max_length=12)  # fence town district nearest none
    warehouse_id = models.BigIntegerField(_("warehouse"))
    carrier = models.CharField(_("carrier"), max_length=20)
    outlet_code = models.CharField(_("outlet"), max_length=40, blank=True)
    policy = models.CharField(_("policy"), max_length=40)
    reasons = models.JSONField(_("reasons"), default=list)
    options = models.JSONField(_("options"), default=dict)
    overridden_by = models.CharField(_("overridden by"), max_length=80, blank=True, default="", db_default="")

    class Meta:
        verbose_name = _("routing decision")
        verbose_name_plural = _("routing decisions")
