"""Long work: how far it is and what came out."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from orderhub.admin_site.base import Ledger
from orderhub.admin_site.marks import moment, state_pill
from orderhub.jobs.models import Job
from orderhub.scope import reach_of


@admin.register(Job)
class JobAdmin(Ledger):
    list_display = ("kind", "status", "progress", "requested_by", "asked", "ended", "error")
    list_select_related = ("requested_by",)
    list_filter = (("state", ChoicesDropdownFilter),)
    ordering = ("-id",)
    sortable_by = ()
    fields = (
        ("kind", "state"),
        ("done", "total"),
        "requested_by",
        ("created_at", "finished_at"),
        "result",
        "error",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Job]:
        """All; of who is narrowed their own, because what came out may name everybody's orders."""
        found: QuerySet[Job] = super().get_queryset(request)
        return found if reach_of(request.user).everything else found.filter(requested_by=request.user.pk)

    @admin.display(description=_("state"))
    def status(self, job: Job) -> SafeString:
        return state_pill(job)

    @admin.display(description=_("progress"))
    def progress(self, job: Job) -> SafeString | str:
        if not job.total:
            return "—"
        return format_html(
            '<progress class="oh-progress" max="{}" value="{}">{}/{}</progress> {}/{}',
            job.total, job.done, job.done, job.total, job.done, job.total,
        )  # fmt: skip

    @admin.display(description=_("asked"))
    def asked(self, job: Job) -> str:
        return moment(job.created_at)

    @admin.display(description=_("finished"))
    def ended(self, job: Job) -> str:
        return moment(job.finished_at)
