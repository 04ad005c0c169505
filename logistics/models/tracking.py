"""What carriers say: every trace event once, and one summary row a delivered parcel for success rates."""

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class Trace(models.Model):
    waybill_no = models.CharField(_("waybill number"), max_length=40)
    occurred_at = models.DateTimeField(_("happened"))
    recorded_at = models.DateTimeField(_("learned"), db_default=Now())
    code = models.CharField(_("carrier's code"), max_length=12)
    meaning = models.CharField(
        _("meaning"), max_length=16
    )  # picked_up transit delivering signed problem returned
    text = models.CharField(_("text"), max_length=300)
    digest = models.CharField(max_length=32)

    class Meta:
        verbose_name = _("trace")
        verbose_name_plural = _("traces")
        constraints = [models.UniqueConstraint(fields=["waybill_no", "digest"], name="one_trace_an_event")]
        indexes = [models.Index(fields=["waybill_no", "-occurred_at"], name="trace_waybill")]

    def __str__(self) -> str:
        return f"{self.waybill_no} {self.meaning}"


class Delivery(models.Model):
    """A parcel's delivery in figures; `history` marks parcels delivered before this system, loaded from a file."""

    waybill_no = models.CharField(_("waybill number"), max_length=40, unique=True)
    adcode = models.CharField(_("district code"), max_length=9)
    warehouse_code = models.CharField(_("warehouse"), max_length=20)
    carrier = models.CharField(_("carrier"), max_length=20)
    outlet_code = models.CharField(_("outlet"), max_length=40)
    shipped_at = models.DateTimeField(_("shipped"))
    picked_up_at = models.DateTimeField(_("picked up"), null=True)
    first_attempt_at = models.DateTimeField(_("first attempt"), null=True)
    first_attempt_ok = models.BooleanField(_("first attempt succeeded"), null=True)
    signed_at = models.DateTimeField(_("signed"), null=True)
    history = models.BooleanField(_("history"), default=False)

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        indexes = [models.Index(fields=["adcode", "shipped_at"], name="delivery_area")]

    def __str__(self) -> str:
        return self.waybill_no


class Comparison(models.Model):
    """When a parcel was last laid side by side with what warehouse, carrier and channel say."""

    parcel = models.OneToOneField(
        "logistics.Parcel", models.CASCADE, db_constraint=False, primary_key=True, verbose_name=_("parcel")
    )
    compared_at = models.DateTimeField(_("compared"))

    class Meta:
        verbose_name = _("comparison")
        verbose_name_plural = _("comparisons")
        indexes = [models.Index(fields=["compared_at"], name="comparison_oldest")]

    def __str__(self) -> str:
        return str(self.parcel_id)
