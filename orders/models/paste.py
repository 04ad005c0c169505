"""Numbers that somebody pasted into the search box of the order list."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class Paste(models.Model):
    """One person's paste, each word once, in the order in which it came. Only that person sees it."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, verbose_name=_("user"))
    words = ArrayField(models.CharField(max_length=64), verbose_name=_("numbers"))
    created_at = models.DateTimeField(_("pasted"), db_default=Now())

    class Meta:
        verbose_name = _("pasted numbers")
        verbose_name_plural = _("pasted numbers")

    def __str__(self) -> str:
        return f"{len(self.words)}"
