"""The figures that staff may change: tolerance of the scales, waits, batch sizes. One row; absent, the defaults."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Policy(models.Model):
    """Read by `Policy.current()`; id is always 1."""

    packaging_g = models.PositiveIntegerField(_("weight of the packaging (g)"), default=80)
    tolerance_percent = models.PositiveSmallIntegerField(_("weight may be off by (%)"), default=10)
    tolerance_g = models.PositiveIntegerField(_("but at least by (g)"), default=100)
    pickup_hours = models.PositiveSmallIntegerField(_("pick-up is overdue after (hours)"), default=48)
    stalled_hours = models.PositiveSmallIntegerField(
        _("a parcel is stalled after (hours without a trace)"), default=72
    )
    poll_minutes = models.PositiveSmallIntegerField(_("ask for traces every (minutes)"), default=30)
    refusals = models.PositiveSmallIntegerField(
        _("refusals that are routed again by themselves"), default=2, db_default=2,
        help_text=_("An order that was refused more often is held for a person."),
    )  # fmt: skip
    wave_size = models.PositiveSmallIntegerField(_("parcels in a wave"), default=40)

    class Meta:
        verbose_name = _("logistics policy")
        verbose_name_plural = _("logistics policy")

    def __str__(self) -> str:
        return str(self._meta.verbose_name)

    @classmethod
    def current(cls) -> Policy:
        """The stored figures, or the defaults where none are stored."""
        return cls.objects.filter(pk=1).first() or cls(pk=1)


class WmsCursor(models.Model):
    """How far the changes of one warehouse account have been read."""

    connection = models.OneToOneField("orderhub.Connection", models.CASCADE, verbose_name=_("connection"))
    read_until = models.DateTimeField(_("read until"), null=True)
    lease_until = models.DateTimeField(null=True, editable=False)
    last_error = models.TextField(_("last error"), blank=True, default="")

    class Meta:
        verbose_name = _("warehouse reading")
        verbose_name_plural = _("warehouse readings")

    def __str__(self) -> str:
        return str(self.connection)
