"""Places of an outlet for a day: counters that the database keeps from over-filling, and the ledger behind them."""

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class CapacityDay(models.Model):
    """One outlet's places for one day. `held` when routed, `confirmed` when handed over."""

    outlet = models.ForeignKey("routing.Outlet", models.CASCADE, verbose_name=_("outlet"))
    day = models.DateField(_("day"))
    places = models.PositiveIntegerField(_("places"))
    held = models.IntegerField(_("held"), default=0, db_default=0)
    confirmed = models.IntegerField(_("confirmed"), default=0, db_default=0)

    class Meta:
        verbose_name = _("capacity of a day")
        verbose_name_plural = _("capacity by day")
        constraints = [
            models.UniqueConstraint(fields=["outlet", "day"], name="one_capacity_a_day"),
            models.CheckConstraint(
                condition=models.Q(places__gte=models.F("held") + models.F("confirmed")),
                name="capacity_never_over_filled",
            ),
            models.CheckConstraint(
                condition=models.Q(held__gte=0, confirmed__gte=0), name="capacity_never_negative"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.outlet_id} {self.day}"


class CapacityEntry(models.Model):
    """One line of the ledger. An order's last line of a day says whether it has a place: held, confirmed or returned."""

    class Change(models.TextChoices):
        HELD = "held", _("held")
        CONFIRMED = "confirmed", _("confirmed")
        RETURNED = "returned", _("given back")

    capacity = models.ForeignKey(CapacityDay, models.CASCADE, db_constraint=False, verbose_name=_("capacity"))
    order_id = models.BigIntegerField(_("order"))
    change = models.CharField(_("what"), max_length=10, choices=Change)
    at = models.DateTimeField(_("at"), db_default=Now())

    class Meta:
        verbose_name = _("capacity entry")
        verbose_name_plural = _("capacity ledger")
        indexes = [
            models.Index(fields=["order_id", "id"], name="capacity_entry_order"),
            models.Index(fields=["at"], name="capacity_entry_at"),
        ]

    def __str__(self) -> str:
        return f"{self.order_id} {self.change}"
