"""What rules did about orders: one row an action, so that each is done once however often it is decided."""

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class Deed(models.Model):
    """`cause` is the row of the rules that asked for it: it stays the same when the row's figures are edited."""

    order_id = models.BigIntegerField(_("order"))
    point = models.CharField(_("decision point"), max_length=30)
    cause = models.CharField(_("row"), max_length=80)
    action = models.CharField(_("action"), max_length=12)
    detail = models.CharField(_("detail"), max_length=80, blank=True, default="")
    version_id = models.BigIntegerField(_("version"), null=True)
    at = models.DateTimeField(_("when"), db_default=Now())

    class Meta:
        verbose_name = _("rule's action")
        verbose_name_plural = _("rules' actions")
        constraints = [
            models.UniqueConstraint(
                fields=["order_id", "point", "cause", "action"], name="one_deed_an_order_cause_and_action"
            )
        ]
        indexes = [models.Index(fields=["at"], name="deed_at")]

    def __str__(self) -> str:
        return f"{self.point} {self.order_id} {self.action}"
