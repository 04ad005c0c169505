"""Files that people bring: what each would change, what of it was refused and why, who applied it and when."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class Import(models.Model):
    """One file. `data` is the file itself, until it is swept; `preview` what a person decides by.

    `seen` is what the books said when the file was checked, where that is what the file speaks of (counts);
    `fingerprint` is the outcome of every row: applied is only what was previewed.
    """

    class State(models.TextChoices):
        CHECKING = "checking", _("being checked")
        CHECKED = "checked", _("waits for your decision")
        UNREADABLE = "unreadable", _("cannot be read")
        APPLYING = "applying", _("being applied")
        APPLIED = "applied", _("applied")
        DROPPED = "dropped", _("thrown away")

    what = models.CharField(_("what"), max_length=20)
    name = models.CharField(_("file"), max_length=120)
    data = models.BinaryField(default=b"")
    digest = models.CharField(max_length=64)
    language = models.CharField(max_length=10)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.CHECKING)
    rows = models.PositiveIntegerField(_("rows"), default=0)
    fresh = models.PositiveIntegerField(_("new"), default=0)
    changed = models.PositiveIntegerField(_("differs"), default=0)
    unchanged = models.PositiveIntegerField(_("unchanged"), default=0)
    refused = models.PositiveIntegerField(_("refused"), default=0)
    preview = models.JSONField(default=dict)
    seen = models.JSONField(null=True)
    fingerprint = models.CharField(max_length=64, blank=True, default="")
    problem = models.TextField(_("what happened"), blank=True, default="")
    job = models.ForeignKey("orderhub.Job", models.SET_NULL, null=True, related_name="+")
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    made_at = models.DateTimeField(_("brought"), db_default=Now())
    applied_by = models.CharField(_("applied by"), max_length=80, blank=True, default="")
    applied_at = models.DateTimeField(_("applied at"), null=True)

    class Meta:
        verbose_name = _("import")
        verbose_name_plural = _("imports")
        indexes = [models.Index(fields=["what", "digest"], name="import_same_file")]

    def __str__(self) -> str:
        return f"{self.what} {self.name}"
