"""The clock's look at orders that wait: page by page, decided and acted upon in one transaction a page.

The state is the queue here too: what is looked at are the orders in a watched state, by id. A run looks at each once,
and the schedule says how often there is a run; nothing is written about an order of which nothing is asked.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count, Q
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from orderhub.dotted import resolve
from orderhub.rules import engine
from orderhub.rules.points import Past
from orderhub.tickets.models import Ticket
from orderhub.tickets.opening import close_gone
from orders.models import WATCHED, Deed, Order, OrderState
from orders.operations import acting, figures
from orders.watching import NEVER, WATCH

PAGE = 500
POINT = WATCH.code
#: What apps above know: (order ids) -> {order: {input: value}}. One statement each.
FACTS: tuple[str, ...] = ("logistics.queries.watched",)
#: Which of them says these inputs.
FROM_PARCELS = frozenset({"has_number", "has_trace"})


def watch(*, now: dt.datetime | None = None, page: int = PAGE) -> dict[str, int]:
    """Look at every watched order once; returns how many deeds were done, by action, and how many were looked at."""
    done: dict[str, int] = {"looked_at": 0}
    after = 0
    with translation.override(settings.LANGUAGE_CODE):
        while ids := _next(after, page):
            with transaction.atomic():
                rows = facts(ids, now or timezone.now())
                decided = engine.decide(POINT, [row.input for row in rows])
                answers = {row.id: answer for row, answer in zip(rows, decided.answers, strict=True)}
                states = {row.id: row.input["state"] for row in rows}
                calm = {row.id for row in rows if row.became["severity"] and not answers[row.id]["severity"]}
                acted = acting.act(decided, answers, states, {row.id: row.became["severity"] for row in rows})
                _over(calm)
            for action, n in acted.counts.items():
                done[action] = done.get(action, 0) + n
            done["looked_at"] += len(rows)
            after = ids[-1]
        _left()
    return done


def _next(after: int, page: int) -> list[int]:
    rows = Order.objects.filter(id__gt=after, state__in=WATCHED).order_by("id")
    return list(rows.values_list("id", flat=True)[:page])


def _over(order_ids: set[int]) -> None:
    """What was urgent is not any more: the tickets that nobody has begun are closed."""
    if order_ids:
        waiting = Ticket.objects.filter(order_id__in=order_ids, kind="watch", state=Ticket.State.OPEN)
        close_gone(list(waiting.values_list("cause_key", flat=True)), _("The rule does not fit any more."))


def _left() -> None:
    """Orders that were shipped, signed or cancelled are not urgent any more."""
    with transaction.atomic():
        gone = Order.objects.filter(~Q(alarm=""), state__in=(OrderState.SIGNED, OrderState.CANCELLED))
        ids = list(gone.select_for_update().order_by("id").values_list("id", flat=True)[:5000])
        if ids:
            Order.objects.filter(id__in=ids).update(alarm="")
            _over(set(ids))


def facts(order_ids: Sequence[int], now: dt.datetime) -> list[Past]:
    """The point's inputs of these orders, in the order of their ids, as far as the rules in use read them.

    `became` has what stands on the order now. Four statements, however many orders.
    """
    read = engine.uses(POINT)
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT o.id, o.number, o.shop_id, o.alarm, o.state, o.state_since, o.paid_at, o.promised_ship_at, o.shipped_at,
                      o.carrier, s.channel, s.code, o.open_holds, o.refund_state, coalesce(w.code, ''), o.payable, o.tags
               FROM orders_order o JOIN orders_shop s ON s.id = o.shop_id
               LEFT JOIN inventory_warehouse w ON w.id = o.warehouse_id WHERE o.id = ANY(%s) ORDER BY o.id""",
            [list(order_ids)],
        )
        rows = cursor.fetchall()
    amber = figures.amber() if "promise" in read else {}
    more = _more(list(order_ids), read)
    found = []
    for (
        order_id, number, shop, alarm, state, since, paid_at, promised, shipped_at, carrier, channel, code, held, refund,
        warehouse, payable, tags,
    ) in rows:  # fmt: skip
        left = (promised - now).total_seconds() / 3600 if promised else NEVER
        waits = shipped_at is None
        soon = waits and promised and now >= promised - amber.get(shop, dt.timedelta(0))
        found.append(
            Past(
                order_id,
                number,
                {
                    "state": state, "hours_in_state": _hours(now, since), "hours_since_payment": _hours(now, paid_at),
                    "hours_to_promise": round(left, 2), "promise": ("red" if left < 0 else "amber") if soon else "",
                    "shipped": not waits, "carrier": carrier, "channel": channel, "shop": code, "holds": held,
                    "refund": refund, "warehouse": warehouse, "amount": float(payable), "tags": engine.loaded(tags),
                    **more.get(order_id, {}),
                },
                {"severity": alarm},
                order_id,
            )
        )  # fmt: skip
    return found


def _hours(now: dt.datetime, since: dt.datetime | None) -> float:
    return round(max((now - since).total_seconds(), 0) / 3600, 2) if since else 0.0


def _more(order_ids: list[int], read: frozenset[str]) -> dict[int, dict[str, Any]]:
    """What is not on the order itself: its parcels' facts and its open tickets."""
    found: dict[int, dict[str, Any]] = {}
    if read & FROM_PARCELS:
        for name in FACTS:
            for order_id, values in resolve(name)(order_ids).items():
                found.setdefault(order_id, {}).update(values)
    if "tickets" in read:
        waiting = Ticket.objects.filter(order_id__in=order_ids).exclude(state=Ticket.State.DONE)
        for order_id, n in waiting.values_list("order_id").annotate(Count("id")):
            found.setdefault(order_id, {})["tickets"] = n
    return found


def past(
    since: dt.datetime, until: dt.datetime, ids: Sequence[int] | None, after_id: int, limit: int
) -> list[Past]:
    """Orders that wait now and were placed in that time, as they stand: what a draft would do about them."""
    rows = Order.objects.filter(state__in=WATCHED, id__gt=after_id)
    rows = (
        rows.filter(id__in=ids)
        if ids is not None
        else rows.filter(ordered_at__gte=since, ordered_at__lt=until)
    )
    found = facts(list(rows.order_by("id").values_list("id", flat=True)[:limit]), timezone.now())
    done: dict[int, dict[str, str]] = {}
    deeds = Deed.objects.filter(order_id__in=[row.id for row in found], point=POINT)
    for order_id, action, detail in deeds.values_list("order_id", "action", "detail"):
        done.setdefault(order_id, {})[action] = detail
    outputs = {"ticket", "sms", "feishu", "dingtalk", "email", "bell", "tag"}
    for row in found:
        row.became.update({code: done.get(row.id, {}).get(code, "") for code in outputs})
    return found


def _count(since: dt.datetime, until: dt.datetime, ids: Sequence[int] | None) -> int:
    rows = Order.objects.filter(state__in=WATCHED)
    rows = (
        rows.filter(id__in=ids)
        if ids is not None
        else rows.filter(ordered_at__gte=since, ordered_at__lt=until)
    )
    return rows.count()


past.count = _count  # type: ignore[attr-defined]
