"""What a person does to an order from its page: each a POST with its own permission, answered in words."""

from __future__ import annotations

import json
import uuid
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from inventory.scope import houses_of
from orderhub import crypto, lifecycle
from orderhub.actors import person
from orderhub.admin_site.base import need
from orderhub.nudge import nudge
from orderhub.tickets.models import Note
from orders.admin import page
from orders.lifecycle import LIFECYCLE, OWN_FORM
from orders.models import Hold, HoldType, Order, OrderState, Receiver
from orders.operations import holds, returning
from orders.operations.revealing import REVEALS_A_DAY, log_reveal


def _to(order_id: int, anchor: str = "") -> HttpResponseRedirect:
    return HttpResponseRedirect(
        reverse("admin:orders_order_change", args=[order_id]) + (f"#{anchor}" if anchor else "")
    )


def _say(request: HttpRequest, order_id: int, outcome: lifecycle.Outcome, done: str) -> None:
    refusal = outcome.refused.get(order_id)
    if refusal is None:
        messages.success(request, done)
    elif refusal.code == "wrong_state":
        state = Order.objects.filter(pk=order_id).values_list("state", flat=True).first() or ""
        label = dict(OrderState.choices).get(state, state)
        messages.error(
            request,
            _("That can't be done any more: the order is now “%(state)s”. Nothing was changed.")
            % {"state": label},
        )
    elif refusal.code == "module_off":
        messages.error(request, _("The module for this step is switched off."))
    else:
        messages.error(request, refusal.text)


@require_POST
def touch(request: HttpRequest, order_id: int, code: str) -> HttpResponse:
    """Make one touch of the lifecycle table; what needs a reason is refused without one."""
    row = LIFECYCLE.by_code.get(code)
    if row is None or not row.permission or code in OWN_FORM:
        raise Http404(code)
    need(request, row.permission)
    reason = request.POST.get("reason", "").strip()[:300]
    if row.danger and not reason:
        messages.error(request, _("Say why: it is written on the order's timeline."))
        return _to(order_id)
    outcome = lifecycle.apply(
        LIFECYCLE, code, [order_id], actor=person(request.user), params={"reason": reason}
    )
    _say(request, order_id, outcome, _("Done: %(label)s.") % {"label": row.label})
    nudge("orders.advance")
    return _to(order_id)


@require_POST
def release(request: HttpRequest, order_id: int, hold_id: int) -> HttpResponse:
    """Release one hold by its own id; the order moves on when none is left."""
    need(request, "orders.change_hold")
    note_text = request.POST.get("note", "").strip()
    if not note_text:
        messages.error(request, _("Say why the hold can be released."))
        return _to(order_id, "holds")
    get_object_or_404(Hold, pk=hold_id, order_id=order_id)
    if not holds.release(hold_id, person(request.user), note_text):
        messages.warning(request, _("This hold was released before."))
        return _to(order_id)
    left = Hold.objects.filter(order_id=order_id, released_at=None).count()
    if left:
        messages.success(request, _("Released. %(n)d more hold the order.") % {"n": left})
    else:
        messages.success(request, _("Released. The order goes on."))
        nudge("orders.advance")
    return _to(order_id, "holds" if left else "")


@require_POST
def hold(request: HttpRequest, order_id: int) -> HttpResponse:
    """Hold the order by hand, with the reason."""
    need(request, "orders.add_hold")
    reason = request.POST.get("reason", "").strip()
    if not reason:
        messages.error(request, _("Say why the order is held."))
    elif holds.open_holds([order_id], HoldType.MANUAL, reason, person(request.user)):
        messages.success(request, _("The order is held until somebody releases it."))
    else:
        messages.info(request, _("The order is held by hand already."))
    return _to(order_id, "holds")


@require_POST
def note(request: HttpRequest, order_id: int) -> HttpResponse:
    """A note for colleagues."""
    need(request, "orderhub.add_note")
    text = request.POST.get("text", "").strip()
    if text:
        Note.objects.create(
            order_id=get_object_or_404(Order, pk=order_id).pk, author_id=request.user.pk, text=text[:4000]
        )
        messages.success(request, _("Noted."))
    else:
        messages.error(request, _("Write something first."))
    return _to(order_id, "notes")


@require_POST
def receive_return(request: HttpRequest, order_id: int) -> HttpResponse:
    """Take goods back: pieces a line, each with what becomes of them."""
    need(request, LIFECYCLE.by_code["receive_return"].permission)
    try:
        pieces = [
            returning.Piece(
                uuid.UUID(name[3:]), int(str(count)), request.POST.get(f"disposition_{name[3:]}", "resell")
            )
            for name, count in request.POST.dict().items()
            if name.startswith("qty") and str(count).strip() not in ("", "0")
        ]
        warehouse_id = int(str(request.POST.get("warehouse", "")))
        if warehouse_id not in houses_of(request.user):
            raise ValueError(warehouse_id)
    except ValueError:
        messages.error(request, _("Give whole numbers of pieces and the warehouse."))
        return _to(order_id, "return")
    key = f"page-{request.POST.get('key', '')}"[:70]
    outcome = returning.receive_one(order_id, pieces, warehouse_id, person(request.user), key=key)
    _say(request, order_id, outcome, _("The goods are back; sellable pieces are in stock again."))
    return _to(order_id)


@never_cache
@require_POST
def reveal(request: HttpRequest, order_id: int) -> HttpResponse:
    """Open one receiver for one person: the log line is committed before anything is shown."""
    need(request, "orders.reveal_receiver")
    order = page.load(str(order_id))
    if order is None:
        raise Http404
    reason = request.POST.get("reason", "").strip()[:200]
    if not reason:
        messages.error(request, _("Say why you need the receiver."))
        return _to(order_id, "receiver")
    receiver = Receiver.objects.filter(order_id=order_id).first()
    if receiver is None or receiver.visibility != "plain" or not receiver.plain_enc:
        messages.info(request, _("This channel keeps the receiver masked; its plain text never comes here."))
        return _to(order_id, "receiver")
    if not log_reveal(request.user, order, reason, REVEALS_A_DAY):
        raise PermissionDenied(
            _("You have opened %(n)d receivers today, which is the limit.") % {"n": REVEALS_A_DAY}
        )
    plain = json.loads(crypto.decrypt(bytes(receiver.plain_enc)))
    context: dict[str, Any] = {
        **admin.site.each_context(request), "order": order, "title": order.number, "opts": Order._meta, "plain": plain,
        "reason": reason,
    }  # fmt: skip
    response = TemplateResponse(request, "orders/revealed.html", context)
    response["Cache-Control"] = "no-store"
    return response
