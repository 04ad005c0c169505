"""What does not add up: found by the nightly look, shown until it is repaired or gone."""

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class Drift(models.Model):
    """One finding. `counter`: counters and ledger differ in a bin; `orphan`: held for nobody; `unheld`: promised, not held;
    `wms`: a warehouse system says otherwise."""

    class Kind(models.TextChoices):
        COUNTER = "counter", _("counter and ledger differ")
        ORPHAN = "orphan", _("held for nobody")
        UNHELD = "unheld", _("an order's goods are not held")
        WMS = "wms", _("the warehouse system says otherwise")

    kind = models.CharField(_("kind"), max_length=8, choices=Kind)
    sku = models.ForeignKey("inventory.Sku", models.CASCADE, db_constraint=False, verbose_name=_("SKU"))
    bin = models.ForeignKey(
        "inventory.Bin", models.CASCADE, db_constraint=False, null=True, verbose_name=_("bin")
    )
    reference = models.UUIDField(_("reference"), null=True)
    figures = models.JSONField(_("figures"), default=dict)
    found_at = models.DateTimeField(_("found"), db_default=Now())
    ended_at = models.DateTimeField(_("ended"), null=True)
    ended_by = models.CharField(_("by"), max_length=80, blank=True, default="", db_default="")

    class Meta:
        verbose_name = _("stock drift")
        verbose_name_plural = _("stock drift")
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "sku", "bin", "reference"],
                condition=models.Q(ended_at=None),
                nulls_distinct=False,
                name="one_open_finding_a_place",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.sku_id}@{self.bin_id}"
