"""The order board: who stands where, in which colour, and what is stuck. Every number opens exactly its list."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from orderhub.admin_site.base import need
from orderhub.admin_site.marks import CHANNEL_TONES
from orderhub.integrations.platforms import name_of
from orderhub.scope import reach_of
from orders import queues, standing
from orders.admin.filters import ANY
from orders.lifecycle import TOUCHES
from orders.models import OrderState
from orders.standing import AMBER, OPEN, RED, Board, Count

SEE = "orders.view_order"
#: What the rows are; the first is the usual one.
WAYS: dict[str, Any] = {
    "channel": gettext_lazy("Channels"), "shop": gettext_lazy("Shops"), "warehouse": gettext_lazy("Warehouses"),
}  # fmt: skip
ONLY: dict[str, Any] = {
    "": gettext_lazy("All"), queues.NONE: gettext_lazy("Normal"), ANY: gettext_lazy("Any trouble"),
}  # fmt: skip
#: The touchpoint that an order in a state has made last.
POINT = {touch.end: touch.point for touch in TOUCHES if touch.point and touch.end}
PROMISE = {RED: "late", AMBER: "soon"}
#: Seconds between two refreshes.
EVERY, EVERY_ON_A_WALL = 20, 15

Query = dict[str, str]


def link(**query: str) -> str:
    """The order list behind a number."""
    asked = {name: value for name, value in query.items() if value}
    return reverse("admin:orders_order_changelist") + "?" + urlencode(asked)


class Sums:
    """Counters narrowed step by step, each sum with the list that it opens."""

    def __init__(self, counts: Iterable[Count], query: Query) -> None:
        self.counts = list(counts)
        self.query = query

    def only(self, of: Any, **query: str) -> Sums:
        return Sums((count for count in self.counts if of(count)), {**self.query, **query})

    @property
    def n(self) -> int:
        return sum(count.n for count in self.counts)

    def number(self, what: str) -> dict[str, Any] | None:
        """One number with its link and words; None where it is 0."""
        return {"n": self.n, "link": link(**self.query), "what": what} if self.n else None

    def cell(self, what: str) -> dict[str, Any]:
        """All, red and amber of one place."""
        late = self.only(lambda count: count.colour == RED, promise=PROMISE[RED])
        soon = self.only(lambda count: count.colour == AMBER, promise=PROMISE[AMBER])
        words = _("%(where)s, past the promised time") % {"where": what}
        near = _("%(where)s, about to be past it") % {"where": what}
        return {"all": self.number(what), "red": late.number(words), "amber": soon.number(near)}


def sums_of(board: Board) -> Sums:
    """Everything on the board; who is narrowed to warehouses has them named in every address."""
    query = {"stands": "open"}
    if board.narrowed:
        query["house"] = ",".join(map(str, board.houses)) or "0"
    return Sums(board.counts, query)


def rows_of(board: Board, sums: Sums, by: str) -> list[dict[str, Any]]:
    """Groups and, under each, what it is made of: channels (or shops) of warehouses, or the other way round."""
    houses = [*board.houses.values(), None]
    shops = list(board.shops.values())
    channels = list(dict.fromkeys(shop.channel for shop in shops))

    def of_house(place: Any, under: Sums) -> Sums:
        identity = place.id if place else 0
        return under.only(lambda count: count.warehouse_id == identity, house=str(identity))

    def of_channel(channel: str, under: Sums) -> Sums:
        ids = {shop.id for shop in shops if shop.channel == channel}
        return under.only(lambda count: count.shop_id in ids, channel=channel)

    def of_shop(place: Any, under: Sums) -> Sums:
        return under.only(lambda count: count.shop_id == place.id, shop__id__exact=str(place.id))

    house_parts = [(place.name if place else _("no warehouse yet"), "", place, of_house) for place in houses]
    channel_parts = [(name_of(channel), channel, channel, of_channel) for channel in channels]
    shop_parts = [(place.name, place.channel, place, of_shop) for place in shops]
    made_of: dict[str, tuple[list[Any], list[Any]]] = {
        "channel": (channel_parts, house_parts), "shop": (shop_parts, house_parts), "warehouse": (house_parts, channel_parts),
    }  # fmt: skip
    outer, inner = made_of[by]
    rows = []
    for name, channel, place, narrowed in outer:
        group = narrowed(place, sums)
        if not group.n and by != "channel":
            continue
        rows.append(_row(str(name), group, channel, head=True))
        parts = [(one, narrow(what, group), tone) for one, tone, what, narrow in inner]
        parts = [part for part in parts if part[1].n]
        if len(parts) > 1:
            rows += [
                _row(str(one), under, tone, inside=str(name), head=False)
                for one, under, tone in parts
            ]  # fmt: skip
    return rows


def _row(name: str, sums: Sums, channel: str = "", *, head: bool, inside: str = "") -> dict[str, Any]:
    where = f"{inside}, {name}" if inside else name
    cells = [
        {
            **_in_state(sums, state).cell(f"{where}, {OrderState(state).label}"),
            "label": OrderState(state).label,
        }
        for state in OPEN
    ]
    return {
        "name": name, "head": head, "dot": CHANNEL_TONES.get(channel, "other") if channel else "", "cells": cells,
        "total": sums.cell(where),
    }  # fmt: skip


def _in_state(sums: Sums, state: str) -> Sums:
    return sums.only(lambda count: count.state == state, state__exact=str(state), stands="")


def queues_of(sums: Sums) -> list[dict[str, Any]]:
    """The normal queue first, then every abnormal one, empty or not."""
    normal = sums.only(lambda count: count.queue == queues.NORMAL, trouble=queues.NONE)
    found = [{"label": _("Normal"), "icon": "check_circle", "good": True, **normal.cell(_("Normal"))}]
    for queue in queues.QUEUES:
        part = sums.only(lambda count, code=queue.code: count.queue == code, trouble=queue.code)
        found.append({"label": queue.label, "icon": queue.icon, "good": False, **part.cell(str(queue.label))})
    return found


def usual(user: Any) -> str:
    """Who works at parcels sees warehouses first, others channels."""
    packs = user.has_perm("logistics.work_parcel") and not user.has_perm("orders.change_order")
    return "warehouse" if packs else "channel"


def facts(request: HttpRequest) -> dict[str, Any]:
    """What the board's part shows; `by`, `only` and `wall` are asked for in the address. Five statements at most."""
    asked = request.GET
    by = asked.get("by", "")
    by = by if by in WAYS else usual(request.user)
    only = asked.get("only", "")
    only = only if only in ONLY else ""
    board = standing.board(reach_of(request.user))
    everything = sums_of(board)
    normal = lambda count: count.queue == queues.NORMAL  # noqa: E731
    sums = everything
    if only:
        sums = everything.only(lambda count: normal(count) == (only == queues.NONE), trouble=only)
    states = [{"label": OrderState(state).label, "point": POINT.get(state)} for state in OPEN]
    trouble = everything.only(lambda count: not normal(count), trouble=ANY)
    whole = everything.cell(_("open orders"))
    wall = bool(asked.get("wall"))
    return {
        "states": states, "rows": rows_of(board, sums, by), "total": _row(_("all"), sums, head=True),
        "queues": queues_of(everything), "at": timezone.localtime(board.at), "wall": wall,
        "tiles": [
            _tile(_("Past promised time"), whole["red"], "bad", "alarm"),
            _tile(_("About to be past it"), whole["amber"], "warn", "hourglass_bottom"),
            _tile(_("In trouble"), trouble.number(_("in trouble")), "warn", "front_hand"),
            _tile(_("Open orders"), whole["all"], "plain", "receipt_long"),
        ],
        "ways": [{"label": label, "on": code == by, "link": _own(code, only)} for code, label in WAYS.items()],
        "kinds": [{"label": label, "on": code == only, "link": _own(by, code)} for code, label in ONLY.items()],
        "refresh": _address("board_part", by, only, wall), "every": EVERY_ON_A_WALL if wall else EVERY,
        "wall_link": _address("board", by, only, True), "back_link": _own(by, only),
        "narrowed": not reach_of(request.user).everything, "nothing": not board.shops,
    }  # fmt: skip


def _tile(label: str, number: dict[str, Any] | None, tone: str, icon: str) -> dict[str, Any]:
    return {"label": label, "number": number, "tone": tone if number else "calm", "icon": icon}


def _own(by: str, only: str) -> str:
    return _address("board", by, only, False)


def _address(name: str, by: str, only: str, wall: bool) -> str:
    query = {"by": by, **({"only": only} if only else {}), **({"wall": "1"} if wall else {})}
    return reverse(f"admin:{name}") + "?" + urlencode(query)


def page(request: HttpRequest) -> HttpResponse:
    """The board by itself; with `wall`, for a screen on the wall."""
    need(request, SEE)
    shown = {"title": _("Order board"), "board": facts(request)}
    if request.GET.get("wall"):
        return TemplateResponse(request, "orders/board_wall.html", shown)
    return TemplateResponse(request, "orders/board.html", {**admin.site.each_context(request), **shown})


def part(request: HttpRequest) -> HttpResponse:
    """What a refresh puts in place of what was there."""
    need(request, SEE)
    answer = TemplateResponse(request, "orders/board_part.html", {"board": facts(request)})
    answer["Cache-Control"] = "no-store"
    return answer


def block(request: HttpRequest) -> dict[str, Any] | None:
    """The board on the front page, as the person's role needs it."""
    if not request.user.has_perm(SEE):
        return None
    return {"code": "board", "template": "orders/board_home.html", **facts(request)}
