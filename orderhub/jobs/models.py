"""Long work with a lease and progress, safe to be handed out twice."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class Job(models.Model):
    class State(models.TextChoices):
        NEW = "new", _("waiting")
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")
        CANCELLED = "cancelled", _("stopped by a person")

    kind = models.CharField(_("kind"), max_length=40)
    params = models.JSONField(default=dict)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.NEW)
    done = models.PositiveIntegerField(_("done"), default=0)
    total = models.PositiveIntegerField(_("of"), default=0)
    result = models.JSONField(_("result"), null=True)
    error = models.TextField(_("what happened"), blank=True, default="")
    attempts = models.SmallIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True)
    created_at = models.DateTimeField(_("asked"), db_default=Now())
    finished_at = models.DateTimeField(_("finished"), null=True)

    class Meta:
        verbose_name = _("job")
        verbose_name_plural = _("jobs")

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class JobRow(models.Model):
    """What a job on records of a list came to, a row a record: written in the transaction that did it."""

    class Kind(models.TextChoices):
        DONE = "done", _("done")
        SAME = "same", _("nothing to do")
        REFUSED = "refused", _("refused")

    job = models.ForeignKey(Job, models.CASCADE, related_name="rows", verbose_name=_("job"))
    record = models.BigIntegerField()
    kind = models.CharField(_("result"), max_length=8, choices=Kind)
    why = models.CharField(_("reason"), max_length=300, blank=True, default="")
    #: How many retries had been asked for when it was tried last.
    retry = models.SmallIntegerField(default=0)

    class Meta:
        verbose_name = _("result of a job")
        verbose_name_plural = _("results of jobs")
        constraints = [models.UniqueConstraint(fields=["job", "record"], name="one_result_a_record")]
        indexes = [models.Index(fields=["job", "kind", "record"], name="job_results")]

    def __str__(self) -> str:
        return f"{self.record} {self.kind}"


class Heartbeat(models.Model):
    """When each worker and schedule was last seen alive (remote control of workers is off)."""

    name = models.CharField(max_length=80, primary_key=True)
    at = models.DateTimeField()
    detail = models.JSONField(default=dict)

    def __str__(self) -> str:
        return self.name


class ModuleSwitch(models.Model):
    """Which capabilities are on."""

    code = models.CharField(_("module"), max_length=30, primary_key=True)
    enabled = models.BooleanField(_("on"), default=True)

    class Meta:
        verbose_name = _("module")
        verbose_name_plural = _("modules")

    def __str__(self) -> str:
        return self.code
