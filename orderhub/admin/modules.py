"""Which capabilities are on. Switching one on picks up the orders that are already there."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from orderhub import modules
from orderhub.admin_site.base import need

WHAT: dict[str, Any] = {
    "payment": _("The channel or gateway itself is asked whether the payment is real."),
    "stock": _("Stock is held down to the bin, never more than there is."),
    "shipping": _("Warehouse, waybill number, packing, ship report."),
    "routing": _(
        "The warehouse, carrier and outlet are chosen by fences, capacity and success rates. Off: the shop's default warehouse."
    ),
    "address": _(
        "Own-shop addresses without coordinates are looked up before routing, unsure ones wait for a person."
        " Off: routed by district."
    ),
    "tracking": _(
        "Traces come back until the parcel is signed; overdue pick-ups become tickets. Off: orders wait at “shipped”."
    ),
    "aftersale": _("The after-sale window opens at signing; returns go back into stock."),
    "invoice": _("One invoice request an order, at signing."),
    "finance": _(
        "After a quiet after-sale window the receivable goes to Kingdee once, and the order is closed for good."
    ),
}


def switches(request: HttpRequest) -> HttpResponse:
    """The page of switches; a POST changes one."""
    need(request, "orderhub.view_moduleswitch")
    if request.method == "POST":
        need(request, "orderhub.change_moduleswitch")
        code, on = request.POST.get("code", ""), request.POST.get("on") == "1"
        try:
            modules.switch(code, on)
        except (KeyError, ValueError):
            messages.error(request, _now("This module can't be switched."))
        else:
            label = next(module.label for module in modules.MODULES if module.code == code)
            text = (
                _now("“%(module)s” is on: orders that waited for it go on.")
                if on
                else _now("“%(module)s” is off.")
            )
            messages.success(request, text % {"module": label})
        return HttpResponseRedirect(reverse("admin:modules"))
    modules.forget()
    rows = [
        {"code": module.code, "label": module.label, "what": WHAT[module.code], "always": module.always,
         "on": modules.enabled(module.code)}
        for module in modules.MODULES
    ]  # fmt: skip
    context = {
        "title": _("Modules"), "rows": rows, "may": request.user.has_perm("orderhub.change_moduleswitch"),
        **admin.site.each_context(request),
    }  # fmt: skip
    return TemplateResponse(request, "orderhub/modules.html", context)
