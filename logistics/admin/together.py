"""Orders that could ship together, those that do, and the parcels of a split order: one clear action each, and its undo."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from typing import Any

from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from inventory.queries import warehouses
from inventory.scope import houses_of
from logistics.operations import dividing, together
from logistics.queries import places_picked
from orderhub.actors import person
from orderhub.admin_site.base import need
from orderhub.admin_site.marks import channel_chip, deadline, state_pill, yuan
from orderhub.integrations.errors import PlatformError
from orderhub.nudge import nudge
from orders import queries as orders
from orders.models import Hold, HoldType, Line, Merge, Order
from orders.operations import merge as orders_merge
from orders.operations import split
from orders.operations.merge import MergeRefused
from orders.operations.split import SplitRefused
from orders.scope import visible_to

PERMISSION = "orders.change_order"
SHOWN = 60


def page(request: HttpRequest) -> HttpResponse:
    """The list: groups that could ship together, the nearest promise first, then the merges that can be undone."""
    need(request, "orders.view_order")
    groups = together.candidates(n=SHOWN)
    ids = list(Merge.objects.filter(ended_at=None).order_by("-id").values_list("id", flat=True)[:SHOWN])
    members = orders_merge.members_of(ids)
    rows = _orders(
        [*(o for g in groups for o in g.orders), *(o for m in members.values() for o in m)], request
    )
    groups = [group for group in groups if rows.keys() >= set(group.orders)]
    members = {merge: inside for merge, inside in members.items() if rows.keys() >= set(inside)}
    late = places_picked([o for m in members.values() for o in m])
    context = {
        "title": _("Ship together"),
        "groups": [_group([rows[i] for i in group.orders]) for group in groups],
        "merges": [
            {**_group([rows[i] for i in members[m]]), "id": m, "may_undo": not late & set(members[m])}
            for m in ids if m in members
        ],
        "may": request.user.has_perm(PERMISSION), "back": "", **admin.site.each_context(request),
    }  # fmt: skip
    return TemplateResponse(request, "logistics/together.html", context)


def _orders(ids: Iterable[int], request: HttpRequest) -> dict[int, Order]:
    """Those that the person sees."""
    seen = visible_to(request.user).filter(id__in=set(ids)).select_related("shop", "warehouse")
    return {row.pk: row for row in seen}


def _group(rows: list[Order]) -> dict[str, Any]:
    """A group for the templates: its shop, its orders, what they come to."""
    rows = sorted(rows, key=lambda row: row.pk)
    promised = min((row.promised_ship_at for row in rows if row.promised_ship_at), default=None)
    return {
        "chip": channel_chip(rows[0].shop.channel, rows[0].shop.name),
        "orders": [
            {"row": row, "pill": state_pill(row), "amount": yuan(row.payable),
             "link": reverse("admin:orders_order_change", args=[row.pk])}
            for row in rows
        ],
        "total": yuan(sum(row.payable for row in rows)),
        "pieces": ngettext("%(n)d piece", "%(n)d pieces", n := sum(row.piece_count for row in rows)) % {"n": n},
        "promise": deadline(promised),
    }  # fmt: skip


def panel(order_id: int, request: HttpRequest) -> dict[str, Any] | None:
    """The order page's part: ships with whom, could ship with whom, in which parcels, and the way back from each."""
    order = Order.objects.filter(pk=order_id).only("id", "state", "sealed", "open_holds", "warehouse").first()
    if order is None:
        return None
    shown: dict[str, Any] = {"order_id": order_id, "may": request.user.has_perm(PERMISSION), "back": order_id}
    shown.update(_merged(order_id, request) or _split(order) or _could(order, request))
    useful = {"merge", "group", "parcels", "lines", "allow"} & {key for key, value in shown.items() if value}
    return {"template": "logistics/together_panel.html", **shown} if useful else None


def _merged(order_id: int, request: HttpRequest) -> dict[str, Any]:
    found = together.merges_of(order_id)
    if found is None:
        return {}
    label = dict(Merge.Basis.choices).get(found["basis"], found["basis"])
    return {"merge": {**found, "basis": label, **_group(list(_orders(found["orders"], request).values()))}}


def _split(order: Order) -> dict[str, Any]:
    shares = orders.shares([order.pk]).get(order.pk, [])
    if not shares:
        return {}
    lines = {line.uuid: line for line in Line.objects.filter(order_id=order.pk)}
    houses = {house.id: house.name for house in warehouses()}
    parcels: dict[int, dict[str, Any]] = {}
    for share in shares:
        parcel = parcels.setdefault(share.place, {"place": share.place, "house": houses.get(share.warehouse_id, ""),
                                                  "goods": []})  # fmt: skip
        parcel["goods"].append({"title": lines[share.line].title, "quantity": share.quantity})
    begun = bool(places_picked([order.pk]))
    return {
        "parcels": list(parcels.values()),
        "may_undo": not begun,
        **({} if begun else _form(order, first=True)),
    }


def _could(order: Order, request: HttpRequest) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    if order.state == "paid" and order.open_holds and not order.sealed:
        hold = Hold.objects.filter(order_id=order.pk, type=HoldType.STOCK, released_at=None).first()
        shown["allow"] = (hold.data.get("parcels") or 0) if hold is not None else 0
    if order.open_holds or order.sealed:
        return shown
    group = next(iter(together.candidates(modes=("off", "suggest", "auto"), order_id=order.pk, n=1)), None)
    rows = _orders(group.orders, request) if group is not None and order.pk in group.orders else {}
    if group is not None and rows and rows.keys() >= set(group.orders):
        shown["group"] = _group(list(rows.values()))
    return {**shown, **_form(order, first=False)}


def _form(order: Order, *, first: bool) -> dict[str, Any]:
    """What may be put in one more parcel: each line with the pieces that the first one has."""
    if (
        order.state not in split.DIVISIBLE
        or order.open_holds
        or order.sealed
        or places_picked([order.pk], at_wms=True)
    ):
        return {}
    rows = {line.uuid: line.quantity for line in Line.objects.filter(order_id=order.pk, sku__isnull=False)}
    if first:
        held = {s.line: s.quantity for s in orders.shares([order.pk])[order.pk] if s.place == 1}
        rows = {line: held[line] for line in rows if line in held}
    if sum(rows.values()) < 2:
        return {}
    lines = Line.objects.filter(uuid__in=list(rows)).order_by("channel_line")
    houses = [house for house in warehouses() if house.active]
    return {"lines": [{"line": line, "most": rows[line.uuid]} for line in lines], "houses": houses,
            "house": order.warehouse_id}  # fmt: skip


def _answer(request: HttpRequest, order_id: int | None, act: Callable[[], Any], done: str) -> HttpResponse:
    """Do it, say in words what came of it, and go back to where the button was."""
    need(request, PERMISSION)
    try:
        act()
    except (MergeRefused, SplitRefused) as refused:
        messages.error(request, str(refused))
    except PlatformError as error:
        messages.error(request, _("The channel could not be asked: %(why)s") % {"why": error.message})
    else:
        messages.success(request, done)
        nudge("orders.advance")
        nudge("logistics.plan")
    back = order_id or request.POST.get("back", "")
    if str(back).isdigit():
        return HttpResponseRedirect(reverse("admin:orders_order_change", args=[back]) + "#panel-together")
    return HttpResponseRedirect(reverse("admin:together"))


@require_POST
def merge(request: HttpRequest) -> HttpResponse:
    """Ship the ticked orders together."""
    need(request, PERMISSION)
    ids = [int(text) for text in request.POST.getlist("order") if text.isdigit() and len(text) < 19]
    if _orders(ids, request).keys() != set(ids):
        raise Http404
    done = _("%(n)d orders ship in one parcel.") % {"n": len(ids)}
    return _answer(request, None, lambda: together.merge(ids, person(request.user)), done)


@require_POST
def undo_merge(request: HttpRequest, merge_id: int) -> HttpResponse:
    """Take a merge apart."""
    done = _("The orders ship apart again.")
    return _answer(request, None, lambda: together.undo(merge_id, person(request.user)), done)


@require_POST
def divide(request: HttpRequest, order_id: int) -> HttpResponse:
    """Put the pieces of the form into one more parcel."""
    given = {name[3:]: count for name, count in request.POST.items() if name.startswith("qty")}
    house = str(request.POST.get("warehouse", ""))

    def act() -> None:
        try:
            pieces = {uuid.UUID(line): int(str(count) or 0) for line, count in given.items()}
        except ValueError:
            raise SplitRefused(_("Give whole numbers of pieces.")) from None
        chosen = int(house) if house.isascii() and house.isdigit() and len(house) < 18 else None
        if chosen is not None and chosen not in houses_of(request.user):
            raise SplitRefused(_("There is no such warehouse."))
        dividing.divide(order_id, pieces, person(request.user), warehouse_id=chosen)

    return _answer(request, order_id, act, _("The goods go in one more parcel."))


@require_POST
def undo_split(request: HttpRequest, order_id: int) -> HttpResponse:
    """One parcel again."""
    return _answer(request, order_id, lambda: dividing.undo(order_id, person(request.user)),
                   _("The order ships in one parcel again."))  # fmt: skip


@require_POST
def allow(request: HttpRequest, order_id: int) -> HttpResponse:
    """Let a held order take its goods from several warehouses."""

    def act() -> None:
        if not dividing.allow(order_id, person(request.user)):
            raise SplitRefused(_("The order no longer waits for that."))

    return _answer(
        request, order_id, act, _("The goods may come from several warehouses; the order goes on.")
    )
