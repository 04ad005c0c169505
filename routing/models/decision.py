"""Why an order goes where it goes, and what a person decided instead."""

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class Located(models.TextChoices):
    """The rung of the ladder on which the area of an address was found."""

    FENCE = "fence", _("by its coordinates, inside a fence")
    TOWN = "town", _("by its town")
    DISTRICT = "district", _("by its district")
    NEAREST = "nearest", _("by the nearest fence")
    NONE = "none", _("no outlet known there")
    OFF = "off", _("routing is switched off")


class Decision(models.Model):
    """One decision: the options with their figures, in the order they were compared. Append-only."""

    order_id = models.BigIntegerField(_("order"))
    made_at = models.DateTimeField(_("made"), db_default=Now())
    adcode = models.CharField(_("district code"), max_length=9, blank=True)
    located_by = models.CharField(_("located"), max_length=12, choices=Located)
    warehouse_id = models.BigIntegerField(_("warehouse"))
    carrier = models.CharField(_("carrier"), max_length=20)
    outlet_code = models.CharField(_("outlet"), max_length=40, blank=True)
    policy = models.CharField(_("policy"), max_length=40)
    reasons = models.JSONField(_("reasons"), default=list)
    options = models.JSONField(_("options"), default=dict)
    overridden_by = models.CharField(_("decided by"), max_length=80, blank=True, default="", db_default="")

    class Meta:
        verbose_name = _("routing decision")
        verbose_name_plural = _("routing decisions")
        indexes = [
            models.Index(fields=["order_id", "-id"], name="decision_order"),
            BrinIndex(
                fields=["made_at"], name="decision_made"
            ),  # grows with the time: next to nothing to write
        ]

    def __str__(self) -> str:
        return f"{self.order_id}"


class Override(models.Model):
    """What a person chose for an order that is about to be routed; used up by the next decision."""

    order_id = models.BigIntegerField(_("order"), primary_key=True)
    warehouse_id = models.BigIntegerField(_("warehouse"), null=True, blank=True)
    outlet_code = models.CharField(_("outlet"), max_length=40, blank=True)
    reason = models.CharField(_("reason"), max_length=200)
    by = models.CharField(_("by"), max_length=80)
    at = models.DateTimeField(_("at"), db_default=Now())

    class Meta:
        verbose_name = _("choice by hand")
        verbose_name_plural = _("choices by hand")

    def __str__(self) -> str:
        return f"{self.order_id}"
