"""Files with plain receivers: asked for on the page of exports, decided on here by somebody else."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from orderhub.admin_site.base import need
from orderhub.admin_site.marks import moment, pill
from orders.admin.exports import SEE, words_of
from orders.models import PlainRequest
from orders.operations import plain_export
from orders.operations.plain_rows import APPROVE, ASK

SHOWN = 50
TONES = {"waiting": "warn", "approved": "good", "refused": "done"}


def page(request: HttpRequest) -> HttpResponse:
    """What waits for a second person, and what was decided. Who only asks sees their own."""
    need(request, SEE)
    decides = request.user.has_perm(APPROVE)
    if not decides and not request.user.has_perm(ASK):
        raise PermissionDenied
    found = (
        PlainRequest.objects.select_related("asked_by", "decided_by")
        .defer("pieces")
        .order_by("-asked_at", "-pk")
    )
    if not decides:
        found = found.filter(asked_by_id=request.user.pk or 0)
    rows = [_row(one, request) for one in found[:SHOWN]]
    context = {
        "title": _("Plain receivers"), "decides": decides, "waiting": [row for row in rows if row["asked"].state == "waiting"],
        "decided": [row for row in rows if row["asked"].state != "waiting"], **admin.site.each_context(request),
    }  # fmt: skip
    return TemplateResponse(request, "orders/plain.html", context)


def _row(asked: PlainRequest, request: HttpRequest) -> dict[str, Any]:
    return {
        "asked": asked, "own": asked.asked_by_id == request.user.pk, "at": moment(asked.asked_at), "words": words_of(asked.query),
        "pill": pill(asked.get_state_display(), TONES[asked.state]), "decided_at": moment(asked.decided_at),
    }  # fmt: skip


@require_POST
def ask(request: HttpRequest) -> HttpResponse:
    """Ask for a file with plain receivers of what the list shows."""
    need(request, SEE)
    need(request, ASK)
    given = request.POST
    try:
        plain_export.ask(
            request.user, given.get("query", ""), given.get("form", ""), given.get("reason", ""), get_language() or "zh-hans"
        )  # fmt: skip
    except plain_export.Refused as refusal:
        messages.error(request, str(refusal))
        return HttpResponseRedirect(reverse("admin:exports"))
    messages.success(
        request, _("Asked for: as soon as a second person allows it the file is written, and the bell tells.")
    )
    return HttpResponseRedirect(reverse("admin:plain"))


@require_POST
def decide(request: HttpRequest, plain_id: int) -> HttpResponse:
    """Allow or refuse somebody else's request."""
    need(request, SEE)
    need(request, APPROVE)
    allow = request.POST.get("do") == "allow"
    try:
        plain_export.decide(plain_id, request.user, allow, request.POST.get("note", ""))
    except PlainRequest.DoesNotExist as error:
        raise Http404 from error
    except plain_export.Refused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("Allowed; the file is being written.") if allow else _("Refused."))
    return HttpResponseRedirect(reverse("admin:plain"))
