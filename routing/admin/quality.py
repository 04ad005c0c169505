"""The quality page of addresses (A8): how much is automatic and how right, how fast people are, what it changed."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from orderhub.admin_site.base import need
from routing import quality

DAYS = (7, 30, 90)


@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """The figures of the last days."""
    need(request, "routing.decide_address")
    asked = request.GET.get("days", "")
    days = int(asked) if asked.isdigit() and int(asked) in DAYS else 30
    context = {
        **admin.site.each_context(request),
        "title": _("Quality of addresses"),
        "days": days,
        "choices": DAYS,
        "waiting": quality.waiting(),
        "share": quality.automatic(days),
        "ranks": quality.ranks(days),
        "people": quality.people(days),
        "thresholds": quality.thresholds(),
        "outcomes": quality.outcomes(days),
        "areas": quality.areas(days),
    }
    return TemplateResponse(request, "routing/quality.html", context)
