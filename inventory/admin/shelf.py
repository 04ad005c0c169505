"""The stock page of one SKU: where it lies, who it is held for, what comes, what moved, and what a person may do."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db.models import F
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from inventory.models import Backorder, Bin, Movement, PurchaseLine, Reservation, Sku, Stock
from inventory.operations.count import Counted, Refused, count
from inventory.operations.move import LONGEST, let_go, put_by, transfer
from inventory.queries import parts_of
from inventory.scope import houses_of, part_of
from orderhub.actors import person
from orderhub.admin_site.base import need
from orderhub.admin_site.marks import moment, pill
from orderhub.admin_site.registry import HELD_FOR
from orderhub.admin_site.words import whose
from orderhub.dotted import resolve

SEE, COUNT, HOLD, LET_GO = (
    "inventory.view_stock",
    "inventory.change_stock",
    "inventory.add_reservation",
    "inventory.change_reservation",
)
NEWEST = 40
KIND_TONES = {"paid": "info", "unpaid": "neutral", "manual": "warn", "sample": "warn"}


@require_GET
def page(request: HttpRequest, sku_id: int) -> HttpResponse:
    """Everything about one SKU's stock, with a constant number of statements."""
    need(request, SEE)
    sku, houses = get_object_or_404(Sku, pk=sku_id), houses_of(request.user)
    levels = list(
        Stock.objects.filter(sku=sku, bin__warehouse_id__in=houses)
        .select_related("bin__warehouse")
        .order_by("bin__warehouse__priority", "bin__warehouse__code", "bin__walk_order", "bin__code")
    )
    held = list(
        Reservation.objects.alias(page_of=F("sku") + 0)
        .filter(page_of=sku.pk, state="active", bin__warehouse_id__in=houses)
        .select_related("bin__warehouse")
        .order_by("-id")[:NEWEST]
    )
    waiting = list(Backorder.objects.filter(sku=sku, ended_at=None).order_by("due_at", "rank")[:NEWEST])
    part = part_of(request.user) is not None
    coming = list(
        PurchaseLine.objects.filter(
            sku=sku, order__state__in=["placed", "partial"], order__warehouse_id__in=houses
        )
        .select_related("order__warehouse", "order__supplier")
        .order_by("order__expected_at", "id")[:NEWEST]
    )
    moves = list(
        Movement.objects.filter(sku=sku, bin__warehouse_id__in=houses)
        .select_related("bin__warehouse")
        .order_by("-id")[:NEWEST]
    )
    references = [row.reference for row in held] + [row.reference for row in waiting]
    owners = resolve(HELD_FOR)(references, request.user)
    waiting = [row for row in waiting if not part or row.reference in owners]
    sellable = [row for row in levels if row.bin.sellable and row.bin.warehouse.active]
    parts = parts_of([sku.pk]).get(sku.pk, {})
    names = {one.pk: one for one in Sku.objects.filter(pk__in=parts)} if parts else {}
    user = request.user
    context = {
        **admin.site.each_context(request),
        "title": sku.code, "sku": sku, "part": part, "levels": levels, "reservations": [_held(row, owners) for row in held],
        "waiting": [{"row": row, "owner": owners.get(row.reference)} for row in waiting],
        "coming": [row for row in coming if row.on_the_way > 0], "moves": [_moved(row) for row in moves],
        "parts": [{"sku": names[part], "quantity": count} for part, count in parts.items()],
        "on_shelf": sum(row.on_hand for row in sellable), "promised": sum(row.reserved for row in sellable),
        "free": sum(row.on_hand - row.reserved for row in sellable),
        "on_the_way": sum(row.on_the_way for row in coming),
        "not_for_sale": sum(row.on_hand for row in levels if row not in sellable),
        "wanted": sum(row.quantity for row in waiting),
        "bins": Bin.objects.select_related("warehouse").filter(warehouse__active=True, warehouse_id__in=houses)
        .order_by("warehouse__priority", "walk_order", "code")[:500],
        "may_count": user.has_perm(COUNT), "may_hold": user.has_perm(HOLD), "may_let_go": user.has_perm(LET_GO),
        "tomorrow": (timezone.localtime() + dt.timedelta(days=1)).strftime("%Y-%m-%dT%H:%M"), "longest": LONGEST.days,
        "token": uuid.uuid4(),
    }  # fmt: skip
    return TemplateResponse(request, "inventory/shelf.html", context)


def _held(row: Reservation, owners: dict[uuid.UUID, tuple[str, str]]) -> dict[str, Any]:
    return {
        "row": row, "owner": owners.get(row.reference), "pill": pill(row.get_kind_display(), KIND_TONES[row.kind]),
        "by_hand": row.kind in (Reservation.Kind.MANUAL, Reservation.Kind.SAMPLE),
        "until": moment(row.expires_at), "since": moment(row.created_at),
    }  # fmt: skip


def _moved(row: Movement) -> dict[str, Any]:
    return {
        "row": row,
        "by": whose(row.actor) if row.actor else "",
        "at": moment(row.at),
        "hand": f"{row.on_hand_change:+d}" if row.on_hand_change else "",
        "promise": f"{row.reserved_change:+d}" if row.reserved_change else "",
    }


def _done(request: HttpRequest, sku_id: int, permission: str, work: Callable[[str], str]) -> HttpResponse:
    """Do it and say so, or say why not; back to the page either way."""
    need(request, permission)
    try:
        messages.success(request, work(person(request.user).name))
    except Refused as error:
        messages.error(request, str(error))
    return HttpResponseRedirect(reverse("admin:stock_sku", args=[sku_id]))


def _whole(request: HttpRequest, name: str) -> int:
    text = request.POST.get(name, "").strip()
    if not (text.isascii() and text.isdigit() and len(text) < 9):
        raise Refused(_("“%(text)s” is not a whole number of pieces.") % {"text": text[:20]})
    return int(text)


def _bin(request: HttpRequest, name: str) -> int:
    text = request.POST.get(name, "")
    mine = Bin.objects.filter(warehouse_id__in=houses_of(request.user))
    if not (text.isascii() and text.isdigit() and len(text) < 18) or not mine.filter(pk=int(text)).exists():
        raise Refused(_("There is no such bin."))
    return int(text)


@require_POST
def count_now(request: HttpRequest, sku_id: int) -> HttpResponse:
    """Write a count."""

    def work(name: str) -> str:
        seen = request.POST.get("seen", "")
        row = Counted(
            sku_id, _bin(request, "bin"), _whole(request, "pieces"), request.POST.get("reason", ""),
            int(seen) if seen.isdigit() else None,
        )  # fmt: skip
        found = count([row], f"count:{request.POST.get('token', '')}"[:60], name)
        if not found:
            return _("This count was written before.")
        return _("Counted: %(change)+d pieces.") % {"change": next(iter(found.values()))}

    return _done(request, sku_id, COUNT, work)


@require_POST
def move_now(request: HttpRequest, sku_id: int) -> HttpResponse:
    """Move free pieces."""

    def work(name: str) -> str:
        pieces = _whole(request, "pieces")
        transfer(
            sku_id, _bin(request, "bin"), _bin(request, "to"), pieces, request.POST.get("reason", ""), name
        )
        return _("Moved %(n)d pieces.") % {"n": pieces}

    return _done(request, sku_id, COUNT, work)


@require_POST
def hold_now(request: HttpRequest, sku_id: int) -> HttpResponse:
    """Put pieces by."""

    def work(name: str) -> str:
        until = parse_datetime(request.POST.get("until", "")) if request.POST.get("until") else None
        if until is None:
            raise Refused(_("Say until when they are put by."))
        at = timezone.make_aware(until) if timezone.is_naive(until) else until
        pieces, kind = _whole(request, "pieces"), request.POST.get("kind", "")
        put_by(sku_id, _bin(request, "bin"), pieces, kind, at, request.POST.get("reason", ""), name)
        return _("Put by %(n)d pieces.") % {"n": pieces}

    return _done(request, sku_id, HOLD, work)


@require_POST
def let_go_now(request: HttpRequest, sku_id: int, reference: uuid.UUID) -> HttpResponse:
    """Give back what was put by."""

    def work(name: str) -> str:
        mine = houses_of(request.user)
        held = Reservation.objects.filter(reference=reference, sku_id=sku_id, warehouse_id__in=mine)
        if not held.exists():
            raise Refused(_("There is nothing put by under this number any more."))
        return _("%(n)d pieces are free again.") % {"n": let_go(reference, name)}

    return _done(request, sku_id, LET_GO, work)
