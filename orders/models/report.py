"""Reports that people keep, and those that are mailed by the clock."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
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


def reports() -> list[tuple[str, Any]]:
    """The reports that there are, as choices."""
    from orders.reports import REPORTS

    return [(report.code, report.label) for report in REPORTS.values()]


def periods() -> list[tuple[str, Any]]:
    """The named periods, as choices."""
    from orders.reports.asked import PERIODS

    return list(PERIODS.items())


class ReportSchedule(models.Model):
    """A report that is mailed at a time here, to each colleague with what that colleague may see.

    `query` are the filters of its page without the period. `next_at` is when it is due; whoever takes a due one moves that
    on and asks for the files in one transaction.
    """

    class Every(models.TextChoices):
        DAY = "day", _("every day")
        WEEK = "week", _("every week")
        MONTH = "month", _("every month")

    class Weekday(models.IntegerChoices):
        MONDAY = 1, _("Monday")
        TUESDAY = 2, _("Tuesday")
        WEDNESDAY = 3, _("Wednesday")
        THURSDAY = 4, _("Thursday")
        FRIDAY = 5, _("Friday")
        SATURDAY = 6, _("Saturday")
        SUNDAY = 7, _("Sunday")

    class Deliver(models.TextChoices):
        LINK = "link", _("a link; to open it one signs in")
        ATTACHMENT = "attachment", _("the file itself")

    class Form(models.TextChoices):
        XLSX = "xlsx", "XLSX"
        CSV = "csv", "CSV"

    name = models.CharField(_("name"), max_length=60)
    report = models.CharField(_("report"), max_length=20, choices=reports)
    period = models.CharField(_("period"), max_length=12, choices=periods, default="yesterday")
    query = models.CharField(
        _("filters"), max_length=300, blank=True, default="",
        help_text=_("As in the address of the report's page; begin there by its button."),
    )  # fmt: skip
    form = models.CharField(_("file"), max_length=4, choices=Form, default=Form.XLSX)
    deliver = models.CharField(_("mailed as"), max_length=10, choices=Deliver, default=Deliver.LINK)
    every = models.CharField(_("how often it goes"), max_length=5, choices=Every, default=Every.DAY)
    weekday = models.PositiveSmallIntegerField(_("on (weekly)"), choices=Weekday, default=Weekday.MONDAY)
    monthday = models.PositiveSmallIntegerField(
        _("on the day (monthly)"), default=1, validators=[MinValueValidator(1), MaxValueValidator(31)],
        help_text=_("In a shorter month on its last day."),
    )  # fmt: skip
    at = models.TimeField(_("at (Beijing time)"), default="08:00")
    connection = models.ForeignKey(
        "orderhub.Connection",
        models.PROTECT,
        verbose_name=_("mail account"),
        limit_choices_to={"platform": "email"},
    )
    people = models.ManyToManyField(settings.AUTH_USER_MODEL, verbose_name=_("recipients"), related_name="+")
    language = models.CharField(
        _("language"),
        max_length=7,
        choices=(("zh-hans", _("Chinese")), ("en", _("English"))),
        default="zh-hans",
    )
    enabled = models.BooleanField(_("on"), default=True)
    next_at = models.DateTimeField(_("next time"), null=True, editable=False)
    last_at = models.DateTimeField(_("last time"), null=True, editable=False)

    class Meta:
        verbose_name = _("scheduled report")
        verbose_name_plural = _("scheduled reports")
        indexes = [models.Index(fields=["next_at"], condition=models.Q(enabled=True), name="report_due")]

    def __str__(self) -> str:
        return self.name
