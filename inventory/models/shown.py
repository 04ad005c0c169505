"""How much of what is on the way is shown to buyers, and what was shown when."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class ShownFactor(models.Model):
    """Of goods on the way within `horizon_days`, the share `factor` counts; the narrowest row that fits decides.

    A row for a SKU goes before one for a supplier, that before one for a category, that before the row for everything.
    """

    sku = models.ForeignKey("inventory.Sku", models.CASCADE, null=True, blank=True, verbose_name=_("SKU"))
    supplier = models.ForeignKey(
        "inventory.Supplier", models.CASCADE, null=True, blank=True, verbose_name=_("supplier")
    )
    category = models.CharField(_("category"), max_length=40, blank=True, default="")
    factor = models.DecimalField(
        _("factor"), max_digits=3, decimal_places=2, default="0.70",
        validators=[MinValueValidator(0), MaxValueValidator(1)],
        help_text=_("0.70: of ten pieces on the way seven are shown."),
    )  # fmt: skip
    horizon_days = models.PositiveSmallIntegerField(
        _("horizon (days)"), default=14, help_text=_("What is expected later does not count.")
    )
    set_by = models.CharField(_("by"), max_length=80, blank=True, default="")
    set_at = models.DateTimeField(_("since"), auto_now=True, db_default=Now())

    class Meta:
        verbose_name = _("factor of goods on the way")
        verbose_name_plural = _("factors of goods on the way")
        constraints = [
            models.UniqueConstraint(
                fields=["sku", "supplier", "category"], nulls_distinct=False, name="one_factor_a_scope"
            ),
            models.CheckConstraint(
                condition=models.Q(sku__isnull=True, supplier__isnull=True)
                | models.Q(sku__isnull=True, category="")
                | models.Q(supplier__isnull=True, category=""),
                name="a_factor_has_one_scope",
            ),
            models.CheckConstraint(
                condition=models.Q(factor__gte=0, factor__lte=1), name="a_factor_is_a_share"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.sku or self.supplier or self.category or '*'} {self.factor}"


class ShownHistory(models.Model):
    """What the board said of a SKU; a row whenever one of its numbers changed."""

    sku = models.ForeignKey("inventory.Sku", models.CASCADE, db_constraint=False, related_name="+")
    at = models.DateTimeField(_("at"), db_default=Now())
    free = models.IntegerField(_("on the shelf, free"))
    coming = models.IntegerField(_("on the way"))
    unpaid = models.IntegerField(_("held by unpaid orders"))
    shown = models.IntegerField(_("shown"))

    class Meta:
        verbose_name = _("what was shown")
        verbose_name_plural = _("what was shown")
        indexes = [models.Index(fields=["sku", "-at"], name="shown_history_sku")]

    def __str__(self) -> str:
        return f"{self.sku_id} {self.shown}"
