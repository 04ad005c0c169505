"""The pack station: scan, weigh, print, one screen that a packer uses with a scanner and both hands full."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from logistics.operations import packing
from orderhub.actors import person
from orderhub.admin_site.base import need
from orderhub.admin_site.marks import state_pill
from orders.finding import among


@require_http_methods(["GET", "POST"])
def station(request: HttpRequest) -> HttpResponse:
    """GET shows the empty station; POST packs what was scanned and says good, set aside, or stop."""
    need(request, "logistics.work_parcel")
    context = {**admin.site.each_context(request), "title": _("Pack station"), "answer": None, "state": ""}
    if request.method == "POST":
        weight = request.POST.get("weight", "").strip()
        grams = int(weight) if weight.isascii() and weight.isdigit() and len(weight) < 7 else 0
        answer = packing.pack(
            request.POST.get("number", ""), grams, person(request.user), among(request.user)
        )
        context["answer"] = answer
        context["state"] = state_pill(answer.parcel) if answer.parcel else ""
    return render(request, "logistics/station.html", context)
