"""A file of orders in two steps: what it would bring, order by order; then, on a second press, taken in.

Between the steps the file travels sealed in the form, so that what was seen is what is taken in.
"""

from __future__ import annotations

import base64
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from orderhub import crypto
from orderhub.admin_site.base import need
from orderhub.inbound import keeping, processing
from orderhub.inbound.keeping import Kept
from orders.models import Order, Shop
from orders.providers import channel_of
from orders.providers.base import Unreadable

PERMISSION = "orders.change_shop"
MOST_BYTES = 1_500_000
SHOWN = 300


@require_http_methods(["GET", "POST"])
def page(request: HttpRequest, shop_id: int) -> HttpResponse:
    """GET: the form. POST with a file: the preview. POST with `sealed`: what was previewed is taken in."""
    need(request, PERMISSION)
    shop = get_object_or_404(Shop.objects.select_related("connection"), pk=shop_id)
    context: dict[str, Any] = {**admin.site.each_context(request), "title": shop.name, "shop": shop}
    if request.method == "POST":
        try:
            if request.POST.get("sealed"):
                data = crypto.decrypt(base64.b64decode(request.POST["sealed"]), _purpose(shop))
                return _take_in(request, shop, channel_of(shop.channel).split(data, timezone.now()))
            context |= _preview(request, shop)
        except Unreadable as error:
            context["error"] = error.text
        except (ValueError, crypto.CannotOpen):
            context["error"] = _("The file was changed on its way: choose it again.")
    return TemplateResponse(request, "orders/sheet.html", context)


def _purpose(shop: Shop) -> bytes:
    return f"sheet:{shop.pk}".encode()


def _preview(request: HttpRequest, shop: Shop) -> dict[str, Any]:
    file = request.FILES.get("file")
    if file is None or not file.size or file.size > MOST_BYTES:
        raise Unreadable("no_file", _("Choose a file of at most 1.5 MB."))
    data = file.read()
    found = channel_of(shop.channel).split(data, timezone.now())
    known = set(
        Order.objects.filter(shop=shop, channel_number__in=[one.external_id for one in found]).values_list(
            "channel_number", flat=True
        )
    )
    rows = [_row(shop, one, known) for one in found]
    rows.sort(key=lambda row: not row["error"])
    good = sum(not row["error"] for row in rows)
    sealed = base64.b64encode(crypto.encrypt(data, _purpose(shop))).decode()
    return {"file": file.name, "rows": rows[:SHOWN], "hidden": max(0, len(rows) - SHOWN), "good": good,
            "bad": len(rows) - good, "sealed": sealed}  # fmt: skip


def _row(shop: Shop, one: Kept, known: set[str]) -> dict[str, Any]:
    try:
        order = channel_of(shop.channel).parse(one.raw)
    except Unreadable as error:
        return {"number": one.external_id, "error": error.text}
    return {"number": order.channel_number, "error": "", "known": order.channel_number in known,
            "state": order.channel_state, "payable": order.payable, "lines": len(order.lines)}  # fmt: skip


def _take_in(request: HttpRequest, shop: Shop, found: list[Kept]) -> HttpResponse:
    fresh = keeping.keep_many(shop.connection_id, found)
    processing.read("order", list(fresh.values()))
    said = _("%(n)d orders brought by file, %(known)d of them were known just so.") % {
        "n": len(found),
        "known": len(found) - len(fresh),
    }
    LogEntry.objects.log_actions(request.user.pk or 0, [shop], CHANGE, said, single_object=True)
    messages.success(request, said)
    return redirect("admin:orders_order_changelist")
