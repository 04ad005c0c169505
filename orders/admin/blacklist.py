"""The blacklist (黑名单): who is held at payment. Numbers are typed once and kept as a keyed hash; nothing is deleted."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from orderhub.admin_site.base import need
from orderhub.admin_site.marks import moment
from orders.models import Blacklist
from orders.operations import risk

SEE, ADD, REMOVE = "orders.view_blacklist", "orders.add_blacklist", "orders.change_blacklist"
SHOWN = 200


def page(request: HttpRequest) -> HttpResponse:
    """The list and the form; a POST adds an entry."""
    need(request, SEE)
    if request.method == "POST":
        need(request, ADD)
        kind, text, reason = (request.POST.get(name, "").strip() for name in ("kind", "text", "reason"))
        try:
            if kind == "number":
                entry = risk.block_phone(text, reason, request.user)
            elif kind in Blacklist.Kind.values:
                entry = risk.block_order(text, kind, reason, request.user)
            else:
                raise risk.NotListed(_("Choose what to put on the list."))
        except risk.NotListed as refused:
            messages.error(request, str(refused))
        else:
            messages.success(request, _("%(entry)s is on the blacklist.") % {"entry": entry})
        return HttpResponseRedirect(reverse("admin:blacklist"))
    rows = Blacklist.objects.filter(removed_at=None).select_related("added_by").order_by("-id")[:SHOWN]
    context: dict[str, Any] = {
        "title": _("Blacklist"),
        "rows": [(row, moment(row.added_at)) for row in rows],
        "may_add": request.user.has_perm(ADD),
        "may_remove": request.user.has_perm(REMOVE),
        **admin.site.each_context(request),
    }
    return TemplateResponse(request, "orders/blacklist.html", context)


@require_POST
def remove(request: HttpRequest, entry_id: int) -> HttpResponse:
    """Take an entry off the list; it stays in the records."""
    need(request, REMOVE)
    if risk.unblock(entry_id, request.user):
        messages.success(request, _("It is off the blacklist."))
    else:
        messages.error(request, _("It was off the blacklist already."))
    return HttpResponseRedirect(reverse("admin:blacklist"))
