"""How long goods that were received waited before they lay on a shelf."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class PutAway(models.Model):
    """One receipt of a warehouse system: when its goods were received, and when it said that they lie on a shelf."""

    reference = models.CharField(_("reference"), max_length=60, unique=True)
    warehouse = models.ForeignKey(
        "inventory.Warehouse", models.CASCADE, db_constraint=False, verbose_name=_("warehouse")
    )
    account = models.ForeignKey(
        "orderhub.Connection", models.CASCADE, db_constraint=False, verbose_name=_("system")
    )
    purchase = models.CharField(_("purchase order"), max_length=40, blank=True, default="")
    pieces = models.PositiveIntegerField(_("pieces"))
    received_at = models.DateTimeField(_("received"))
    shelved_at = models.DateTimeField(_("put away"))

    class Meta:
        verbose_name = _("put-away")
        verbose_name_plural = _("put-aways")
        indexes = [models.Index(fields=["shelved_at"], name="putaway_at")]

    def __str__(self) -> str:
        return self.reference
