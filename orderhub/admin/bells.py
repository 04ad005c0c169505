"""The bell: what the signed-in person was told, and that it is read. Nobody sees another's."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from orderhub.admin_site.going import name_orders, order_link
from orderhub.admin_site.marks import moment
from orderhub.admin_site.sidebar import BELL, counts
from orderhub.notifications import bells

A_PAGE = 30


class Bell:
    """What every page knows of the reader's bell; asked only where it is drawn."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request

    @property
    def unread(self) -> str:
        """How many notices are unread, "" for none: counted with the badges of the sidebar."""
        return counts(self._request)[BELL]


def badge(request: HttpRequest) -> QuerySet[Any]:
    """The reader's unread notices."""
    return bells.unread_of(request.user.pk or 0)


def page(request: HttpRequest) -> HttpResponse:
    """The reader's notices, newest first."""
    before = request.GET.get("before", "")
    found = bells.newest(request.user.pk or 0, int(before) if before.isdigit() else None, A_PAGE + 1)
    rows: list[Any] = [_Row(shown) for shown in found[:A_PAGE]]
    name_orders(rows)
    context = {
        "title": _("Notices"),
        "rows": [{"notice": row.notice, "when": moment(row.notice.at), "order": _order(row)} for row in rows],
        "more": found[A_PAGE - 1].id if len(found) > A_PAGE else None,
        **admin.site.each_context(request),
    }  # fmt: skip
    return TemplateResponse(request, "orderhub/bells.html", context)


def _order(row: Any) -> Any:
    return order_link(row.order_id, row.shown_order) if row.order_id else ""


class _Row:
    shown_order = ""

    def __init__(self, notice: bells.Shown) -> None:
        self.notice, self.order_id = notice, notice.order_id


@require_POST
def read(request: HttpRequest) -> HttpResponse:
    """One notice is read, or all are."""
    chosen = request.POST.get("notice", "")
    n = bells.read(request.user.pk or 0, int(chosen) if chosen.isdigit() else None)
    if not chosen:
        messages.success(request, _now("%(n)d notices marked as read.") % {"n": n})
    return HttpResponseRedirect(reverse("admin:bells"))
