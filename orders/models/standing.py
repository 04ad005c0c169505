"""Where the open orders stand, kept and not counted: the board's counters, who was counted where, and what moved since."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _


class Stir(models.Model):
    """Orders that one statement stirred; written by triggers on orders and holds, eaten by `operations.standing.fold`."""

    orders = ArrayField(models.BigIntegerField())

    class Meta:
        verbose_name = _("stirred orders")
        verbose_name_plural = _("stirred orders")

    def __str__(self) -> str:
        return f"{len(self.orders)}"


class Standing(models.Model):
    """In which counter an open order is counted. Only `fold` writes it; ended orders have no row."""

    order_id = models.BigIntegerField(primary_key=True)
    state = models.CharField(max_length=12)
    shop_id = models.BigIntegerField()
    warehouse_id = models.BigIntegerField()  # 0 = none yet
    queue = models.CharField(max_length=12)  # "" = the normal one
    due = models.DateTimeField(null=True)  # the promise, as long as it can still be broken
    hour = models.IntegerField()  # of `due`: hours since 1970, 0 = none

    class Meta:
        verbose_name = _("standing")
        verbose_name_plural = _("standings")
        indexes = [models.Index(fields=["hour"], condition=models.Q(hour__gt=0), name="standing_hour")]

    def __str__(self) -> str:
        return f"{self.order_id} {self.state} {self.queue}"


class StandingCount(models.Model):
    """One counter: so many open orders in a state, shop, warehouse, queue and hour of their promise."""

    state = models.CharField(max_length=12)
    shop_id = models.BigIntegerField()
    warehouse_id = models.BigIntegerField()
    queue = models.CharField(max_length=12)
    hour = models.IntegerField()
    n = models.IntegerField()

    class Meta:
        verbose_name = _("counter")
        verbose_name_plural = _("counters")
        constraints = [
            models.UniqueConstraint(
                fields=["state", "shop_id", "warehouse_id", "queue", "hour"], name="one_counter_a_place"
            )
        ]

    def __str__(self) -> str:
        return f"{self.state} {self.queue} {self.n}"
