"""Reports that people keep: a name for the filters of an address."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class SavedReport(models.Model):
    """One person's filters of one report, as the query string of its page."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, verbose_name=_("user"))
    report = models.CharField(_("report"), max_length=20)
    name = models.CharField(_("name"), max_length=40)
    query = models.CharField(max_length=300, blank=True, default="")
    created_at = models.DateTimeField(_("saved"), db_default=Now())

    class Meta:
        verbose_name = _("saved report")
        verbose_name_plural = _("saved reports")
        constraints = [
            models.UniqueConstraint(fields=["user", "report", "name"], name="one_saved_report_a_name")
        ]
        permissions = [("view_staff_report", _("Can see what each colleague did"))]

    def __str__(self) -> str:
        return self.name
