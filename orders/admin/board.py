"""The orders' blocks of the front page. Every number is bounded or leans on a partial index, and links to its list."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.db.models import Count
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from inventory.models import Drift
from inventory.scope import heard_by
from orderhub.admin.payload import payloads_of
from orderhub.admin_site.base import within_reach
from orderhub.admin_site.marks import ago, channel_chip
from orderhub.admin_site.tabs import bounded_each, shown_count
from orderhub.inbound.models import Payload
from orderhub.outbox.models import Message
from orderhub.scope import reach_of
from orderhub.tickets.models import Ticket
from orders.admin.known import shops
from orders.admin.points import POINTS
from orders.admin.sync import problems, trouble
from orders.models import Event
from orders.scope import visible_to

SEE = "orders.view_order"


def attention(request: HttpRequest) -> dict[str, Any] | None:
    """What waits for a person, the most pressing first."""
    user = request.user
    if not user.has_perm(SEE):
        return None
    now = timezone.now()
    open_ones = within_reach(Ticket.objects.exclude(state=Ticket.State.DONE), request)
    house = reach_of(user).warehouses
    drift = Drift.objects.filter(ended_at=None)
    asked = {
        "open": ("orderhub.view_ticket", open_ones),
        "overdue": ("orderhub.view_ticket", open_ones.filter(due_at__lt=now)),
        "dead": (
            "orders.view_shop",
            within_reach(Message.objects.filter(state=Message.State.NEEDS_PERSON), request),
        ),
        "aside": ("orders.view_shop", payloads_of(request).filter(state=Payload.State.SET_ASIDE)),
        "unknown": ("inventory.view_unknowncode", heard_by(user).filter(sku=None)),
        "drift": (
            "inventory.view_drift",
            drift if house is None else drift.filter(bin__warehouse__code__in=house),
        ),
    }
    seen = {code: rows for code, (permission, rows) in asked.items() if user.has_perm(permission)}
    found = dict(zip(seen, bounded_each(list(seen.values())), strict=True))
    tiles = []
    if "open" in found:
        overdue, link = found["overdue"], reverse("admin:orderhub_ticket_changelist") + "?queue=open"
        tile = _tile(
            _("Tickets open"), found["open"], link, "bad" if overdue else "info", "confirmation_number"
        )
        tile["under"] = _("%(n)s overdue") % {"n": shown_count(overdue)} if overdue else ""
        tiles.append(tile)
    if "dead" in found:
        wrong = len(problems(now, shops(request))) + found["dead"] + found["aside"]
        tiles.append(_tile(_("Sync problems"), wrong, reverse("admin:sync_health"), "bad", "sync_problem"))
    if "unknown" in found:
        link = reverse("admin:inventory_unknowncode_changelist")
        tiles.append(_tile(_("Unmapped codes"), found["unknown"], link, "warn", "link_off"))
    if found.get("drift"):
        link = reverse("admin:inventory_drift_changelist")
        tiles.append(_tile(_("Stock does not add up"), found["drift"], link, "bad", "balance"))
    first_run = not shops(request)
    return {
        "code": "attention",
        "template": "orders/board_attention.html",
        "tiles": tiles,
        "first_run": first_run,
    }


def _tile(label: str, count: int, link: str, tone: str, icon: str) -> dict[str, Any]:
    return {
        "label": label,
        "count": shown_count(count),
        "link": link,
        "tone": tone if count else "calm",
        "icon": icon,
        "under": "",
    }


def life_line(request: HttpRequest) -> dict[str, Any] | None:
    """Today's touchpoints."""
    if not request.user.has_perm(SEE):
        return None
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT p.point, (SELECT count(DISTINCT e.order_id) FROM orders_event e
                   WHERE e.point = p.point AND e.occurred_at >= %s AND e.occurred_at <= now())
               FROM unnest(%s::smallint[]) AS p(point)""",
            [midnight, list(POINTS)],
        )
        today = dict(cursor.fetchall())
    if not reach_of(request.user).everything:
        mine = Event.objects.filter(
            point__in=POINTS, occurred_at__gte=midnight, occurred_at__lte=timezone.now()
        )
        mine = mine.filter(order_id__in=visible_to(request.user).values("pk")).order_by()
        today = dict(mine.values_list("point").annotate(n=Count("order_id", distinct=True)))
    orders = reverse("admin:orders_order_changelist")
    most = max([*today.values(), 1])
    points = [
        {"point": point, "label": touch.label, "count": today.get(point, 0), "link": f"{orders}?today={point}",
         "height": round(100 * today.get(point, 0) / most)}
        for point, touch in POINTS.items()
    ]  # fmt: skip
    return {
        "code": "life",
        "template": "orders/board_life.html",
        "points": points,
        "any": any(today.values()),
    }


def sync(request: HttpRequest) -> dict[str, Any] | None:
    """One line a shop: well, or what is wrong."""
    if not request.user.has_perm("orders.view_shop"):
        return None
    now = timezone.now()
    lines = [
        {
            "row": shop,
            "chip": channel_chip(shop.channel, shop.name),
            "trouble": trouble(shop, now),
            "last": ago(shop.last_success_at),
        }
        for shop in shops(request)
        if shop.enabled
    ]
    return {"code": "sync", "template": "orders/board_sync.html", "shops": lines}
