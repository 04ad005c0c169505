"""How long the steps between touchpoints took: kept per day as a histogram, with the orders that were past the target."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _


class Unmeasured(models.Model):
    """Orders that moved since they were measured; written by the fold of standings, eaten by `operations.measuring`."""

    orders = ArrayField(models.BigIntegerField())

    class Meta:
        verbose_name = _("orders to measure")
        verbose_name_plural = _("orders to measure")

    def __str__(self) -> str:
        return f"{len(self.orders)}"


class Measured(models.Model):
    """Which steps of an order are in the histogram, as bits by place in `orders.steps.STEPS`: each counts once."""

    order_id = models.BigIntegerField(primary_key=True)
    steps = models.IntegerField()

    class Meta:
        verbose_name = _("measured order")
        verbose_name_plural = _("measured orders")

    def __str__(self) -> str:
        return f"{self.order_id} {self.steps:b}"


class StepCount(models.Model):
    """`n` orders whose step ended on a day and took as long as `bucket` says; `late` of them took longer than the target."""

    day = models.DateField()
    step = models.SmallIntegerField()
    shop_id = models.BigIntegerField()
    warehouse_id = models.BigIntegerField()  # 0 = none
    bucket = models.SmallIntegerField()
    n = models.IntegerField()
    late = models.IntegerField()

    class Meta:
        verbose_name = _("step's histogram")
        verbose_name_plural = _("steps' histograms")
        constraints = [
            models.UniqueConstraint(
                fields=["day", "step", "shop_id", "warehouse_id", "bucket"], name="one_count_a_bucket"
            )
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.step} {self.bucket}: {self.n}"


class SlowStep(models.Model):
    """An order's step that took longer than its target."""

    order_id = models.BigIntegerField()
    step = models.SmallIntegerField()
    day = models.DateField()
    shop_id = models.BigIntegerField()
    warehouse_id = models.BigIntegerField()
    seconds = models.FloatField()

    class Meta:
        verbose_name = _("slow step")
        verbose_name_plural = _("slow steps")
        indexes = [
            models.Index(fields=["step", "-seconds"], name="slowest"),
            models.Index(fields=["day"], name="slow_day"),
        ]

    def __str__(self) -> str:
        return f"{self.order_id} {self.step} {self.seconds:.0f}"
