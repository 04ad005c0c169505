"""Which capabilities are on. Switching one on picks up the orders that are already there."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from orderhub import modules
from orderhub.admin_site import registry
from orderhub.admin_site.base import need
from orderhub.dotted import resolve

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

#: Without these orders do not wait, they go another way.
PASSED_BY: dict[str, Any] = {
    "routing": _("No order waits: each goes to its shop's default warehouse."),
    "address": _("No order waits: each is routed by its district."),
    "invoice": _("No order waits; signed ones get no invoice until it is on again."),
}
TAKEN_UP: dict[str, Any] = {
    "routing": _("Orders that are not routed yet are routed by the rules."),
    "address": _("Orders that are not routed yet are looked up first; unsure ones wait for a person."),
    "invoice": _("Signed orders without an invoice are asked for one."),
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
    first = [need_ for name in registry.FIRST_RUN for need_ in resolve(name)(request)]
    context = {
        "title": _("Modules"), "rows": _rows(request), "may": request.user.has_perm("orderhub.change_moduleswitch"),
        "first": first, "first_done": sum(step.done for step in first), "first_left": sum(not step.done for step in first),
        **admin.site.each_context(request),
    }  # fmt: skip
    return TemplateResponse(request, "orderhub/modules.html", context)


def _rows(request: HttpRequest) -> list[dict[str, Any]]:
    """Every module with what it needs and what switching it does, in facts."""
    needs: dict[str, list[registry.Need]] = {}
    for name in registry.MODULE_NEEDS:
        for code, found in resolve(name)(request).items():
            needs.setdefault(code, []).extend(found)
    waiting = {code: n for name in registry.MODULE_WAITING for code, n in resolve(name)(request).items()}
    rows = []
    for module in modules.MODULES:
        on, n = modules.enabled(module.code), waiting.get(module.code, 0)
        effect = (
            ngettext("%(n)d order that is here now will wait, and every one that comes after.",
                     "%(n)d orders that are here now will wait, and every one that comes after.", n)
            if on
            else ngettext("%(n)d order that waits here goes on by itself.", "%(n)d orders that wait here go on by themselves.", n)
        )  # fmt: skip
        if module.code in PASSED_BY:
            effect = str(PASSED_BY[module.code]) if on else str(TAKEN_UP[module.code])
        rows.append(
            {
                "code": module.code, "label": module.label, "what": WHAT[module.code], "always": module.always, "on": on,
                "needs": needs.get(module.code, []), "missing": any(not each.done for each in needs.get(module.code, [])),
                "effect": effect % {"n": n} if module.code not in PASSED_BY else effect,
            }
        )  # fmt: skip
    return rows
