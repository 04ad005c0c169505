"""Scheduled reports: which report goes to whom, when, and when it went last."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, QueryDict
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from orderhub.admin_site.base import Admin
from orderhub.admin_site.marks import moment, pill
from orderhub.models import Connection
from orders.models import ReportSchedule
from orders.operations.report_mail import next_run
from orders.reports import REPORTS
from orders.reports.asked import kept


class ScheduleForm(forms.ModelForm):  # type: ignore[type-arg]
    """Nobody is named who could not have it: each has a mail address and the right to the report."""

    def clean(self) -> dict[str, Any] | None:
        given = super().clean() or {}
        report, people = REPORTS.get(given.get("report", "")), list(given.get("people") or [])
        without = [person.get_username() for person in people if not person.email]
        if without:
            self.add_error(
                "people",
                _now("No e-mail address: %(who)s. Add it under People.") % {"who": ", ".join(without)},
            )
        unseen = [
            person.get_username() for person in people if report and not person.has_perm(report.permission)
        ]
        if unseen:
            self.add_error("people", _now("May not see this report: %(who)s.") % {"who": ", ".join(unseen)})
        return given


@admin.register(ReportSchedule)
class ReportScheduleAdmin(Admin):
    form = ScheduleForm
    list_display = ("name", "what", "when", "whom", "last", "on")
    ordering = ("name", "id")
    sortable_by = ()
    actions = None
    autocomplete_fields = ("people",)
    engine_fields = ("next_at", "last_at")
    fieldsets = (
        (None, {"fields": ("name", ("report", "period"), "query")}),
        (_("When"), {"fields": (("every", "at"), ("weekday", "monthday"), "enabled", ("next_at", "last_at"))}),
        (_("To whom"), {"fields": ("people", ("connection", "language"), ("form", "deliver"))}),
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("people")

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """From the button of a report's page; the only mail account is the one."""
        accounts = list(Connection.objects.filter(platform="email").values_list("pk", flat=True)[:2])
        return {
            **super().get_changeform_initial_data(request),
            **({"connection": accounts[0]} if len(accounts) == 1 else {}),
        }

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        obj.query = kept(QueryDict(obj.query.lstrip("?")), **{"period": "", "from": "", "to": ""})
        obj.next_at = next_run(obj, timezone.now()) if obj.enabled else None
        super().save_model(request, obj, form, change)

    @admin.display(description=_("report"))
    def what(self, schedule: ReportSchedule) -> SafeString:
        return format_html(
            '{}<span class="oh-under">{}</span>', schedule.get_report_display(), schedule.get_period_display()
        )

    @admin.display(description=_("When"))
    def when(self, schedule: ReportSchedule) -> SafeString:
        day = {
            "week": schedule.get_weekday_display(), "month": _now("day %(n)s") % {"n": schedule.monthday},
        }.get(schedule.every, "")  # fmt: skip
        words = " ".join(map(str, filter(None, [schedule.get_every_display(), day, f"{schedule.at:%H:%M}"])))
        return format_html(
            '{}<span class="oh-under">{} {}</span>', words, _now("next time"), moment(schedule.next_at) or "–"
        )

    @admin.display(description=_("to"))
    def whom(self, schedule: ReportSchedule) -> str:
        return ", ".join(person.get_full_name() or person.get_username() for person in schedule.people.all())

    @admin.display(description=_("last time"))
    def last(self, schedule: ReportSchedule) -> Any:
        return moment(schedule.last_at) or "–"

    @admin.display(description=_("on"))
    def on(self, schedule: ReportSchedule) -> SafeString:
        return pill(_now("on"), "good") if schedule.enabled else pill(_now("off"))
