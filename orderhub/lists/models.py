"""How people look at a list: views that they saved, and what each chose for the list itself."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import Group
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class SavedView(models.Model):
    """A list's filters and columns under a name, its owner's to change; what it shows is narrowed for whoever opens it.

    The row without a name is what its owner chose for the list itself: the columns, and in `opens` the view that it
    opens with.
    """

    class Audience(models.TextChoices):
        OWN = "own", _("only me")
        ALL = "all", _("everybody")
        ROLES = "roles", _("these roles")

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, verbose_name=_("owner"), related_name="saved_views"
    )
    #: the list's model, `app.model` in small letters
    of = models.CharField(_("list"), max_length=60)
    name = models.CharField(_("name"), max_length=40, blank=True, default="")
    #: the filters, as the query string of the list's address
    query = models.CharField(_("filters"), max_length=2000, blank=True, default="")
    #: codes of the columns in their order; empty: as the list has them
    columns = ArrayField(models.CharField(max_length=40), verbose_name=_("columns"), default=list, blank=True)
    audience = models.CharField(_("seen by"), max_length=5, choices=Audience, default=Audience.OWN)
    roles = models.ManyToManyField(Group, verbose_name=_("roles"), blank=True)
    opens = models.ForeignKey(
        "self", models.SET_NULL, null=True, blank=True, editable=False, related_name="+"
    )

    class Meta:
        verbose_name = _("saved view")
        verbose_name_plural = _("saved views")
        constraints = [models.UniqueConstraint(fields=["owner", "of", "name"], name="one_saved_view_a_name")]
        indexes = [models.Index(fields=["of"], condition=~Q(audience="own"), name="shared_views")]

    def __str__(self) -> str:
        return self.name or "—"
