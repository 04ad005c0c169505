"""The columns that the lifecycle engine keeps on every record that it moves."""

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class Tracked(models.Model):
    """State, when it may be tried next, and the claim of the worker that has it."""

    state_since = models.DateTimeField(_("in this state since"), db_default=Now())
    next_try_at = models.DateTimeField(_("next try"), db_default=Now())
    attempts = models.SmallIntegerField(_("attempts"), default=0, db_default=0)
    lease_until = models.DateTimeField(null=True, editable=False)
    lease_token = models.BigIntegerField(null=True, editable=False)
    open_holds = models.SmallIntegerField(_("open holds"), default=0, db_default=0)
    refusal = models.CharField(_("waiting because"), max_length=60, blank=True, default="", db_default="")

    class Meta:
        abstract = True
