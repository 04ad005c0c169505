"""How many open orders stand where, in which colour: read from kept counters, exact at the moment of the question.

What is kept (`StandingCount`) is as old as the last fold; what was stirred since is read from the orders themselves, in the
same snapshot. Time needs no writing: a counter knows the hour of its orders' promise, so that what is red or amber is a sum
over hours, and only the hours that now and the ambers fall into are looked at order by order.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db import connection
from django.db.models import Q
from django.utils import timezone

from inventory.models import Warehouse
from orderhub.scope import Reach
from orders import queues
from orders.models import OrderState as S
from orders.models import Shop
from orders.operations import figures

#: The states of the board, in the order of the life.
OPEN = (
    S.UNPAID, S.CLAIMED, S.PAID, S.RESERVED, S.ROUTED, S.RELEASED, S.WAVED, S.PACKED, S.PRINTED, S.SHIPPED, S.SIGNED,
)  # fmt: skip
TO_SHIP = (S.PAID, S.RESERVED, S.ROUTED, S.RELEASED, S.WAVED, S.PACKED, S.PRINTED)
RED, AMBER, GREEN = "red", "amber", "green"
HOUR = 3600
#: {shop: how long before its promise an order turns amber}
Ambers = Mapping[int, dt.timedelta]


def _words(states: Iterable[str]) -> str:
    return ", ".join(f"'{state}'" for state in states)


_DUE = f"CASE WHEN o.state IN ({_words(TO_SHIP)}) AND o.shipped_at IS NULL THEN o.promised_ship_at END"
#: Where orders stand now, from the orders themselves; `{which}` narrows `o`.
STANDS = f"""SELECT o.id AS order_id, o.state, o.shop_id, coalesce(o.warehouse_id, 0) AS warehouse_id, {queues.QUEUE} AS queue,
        {_DUE} AS due, coalesce(floor(extract(epoch FROM {_DUE}) / {HOUR})::int, 0) AS hour
    FROM orders_order o {queues.SQL}
    WHERE o.state IN ({_words(OPEN)}) AND {{which}}"""
STIRRED = "ARRAY(SELECT id FROM stirred)"
SHARP = "ARRAY(SELECT hour FROM sharp)"

#: `late` and `soon` are seconds since 1970: now, and until when a promise is amber, of each shop.
COUNTS = f"""
WITH stirred AS MATERIALIZED (SELECT DISTINCT unnest(s.orders) AS id FROM orders_stir s),
     ambers AS MATERIALIZED (SELECT * FROM unnest(%(shops)s::bigint[], %(late)s::bigint[], %(soon)s::bigint[])
                             AS a(shop_id, late, soon)),
     sharp AS MATERIALIZED (SELECT DISTINCT (unnest(ARRAY[late, soon]) / {HOUR})::int AS hour FROM ambers),
     -- by the hour, where the whole hour has one colour
     kept AS (
        SELECT state, shop_id, warehouse_id, queue, hour, n FROM orders_standingcount WHERE hour <> ALL ({SHARP})
        UNION ALL
        SELECT state, shop_id, warehouse_id, queue, hour, -1 FROM orders_standing
         WHERE order_id = ANY ({STIRRED}) AND hour <> ALL ({SHARP})),
     -- order by order: the hours that a boundary falls into, and what was stirred since the last fold
     single AS (
        SELECT state, shop_id, warehouse_id, queue, due FROM orders_standing t
         WHERE hour = ANY ({SHARP}) AND hour > 0 AND NOT EXISTS (SELECT FROM stirred i WHERE i.id = t.order_id)
        UNION ALL
        SELECT state, shop_id, warehouse_id, queue, due FROM ({STANDS.format(which=f"o.id = ANY ({STIRRED})")}) now_)
SELECT state, shop_id, warehouse_id, queue, colour, sum(n)::bigint FROM (
    SELECT k.state, k.shop_id, k.warehouse_id, k.queue, k.n,
           CASE WHEN k.hour = 0 THEN '{GREEN}' WHEN k.hour < a.late / {HOUR} THEN '{RED}'
                WHEN k.hour < a.soon / {HOUR} THEN '{AMBER}' ELSE '{GREEN}' END AS colour
      FROM kept k JOIN ambers a USING (shop_id)
    UNION ALL
    SELECT s.state, s.shop_id, s.warehouse_id, s.queue, 1,
           CASE WHEN s.due IS NULL THEN '{GREEN}' WHEN s.due < to_timestamp(a.late) THEN '{RED}'
                WHEN s.due < to_timestamp(a.soon) THEN '{AMBER}' ELSE '{GREEN}' END
      FROM single s JOIN ambers a USING (shop_id)) parts
GROUP BY 1, 2, 3, 4, 5 HAVING sum(n) <> 0"""


@dataclass(frozen=True, slots=True)
class Count:
    """`n` open orders in one place; `warehouse_id` 0 is none yet, `queue` "" the normal one, `colour` green amber red."""

    state: str
    shop_id: int
    warehouse_id: int
    queue: str
    colour: str
    n: int


def moment(now: dt.datetime | None = None) -> dt.datetime:
    """Now, to the whole second: what counters and lists judge promises by."""
    return (now or timezone.now()).replace(microsecond=0)


def counts(
    shops: Iterable[int] | None = None,
    warehouses: Iterable[int] | None = None,
    now: dt.datetime | None = None,
    ambers: Ambers | None = None,
) -> list[Count]:
    """All counters that are not 0, of these shops and warehouses (all by default). Two statements, one with `ambers`."""
    ambers = figures.amber() if ambers is None else ambers
    at = int(moment(now).timestamp())
    known = sorted(ambers if shops is None else set(shops) & set(ambers))
    params = {
        "shops": known,
        "late": [at] * len(known),
        "soon": [at + int(ambers[s].total_seconds()) for s in known],
    }
    with connection.cursor() as cursor:
        cursor.execute(COUNTS, params)
        found = [Count(*row) for row in cursor.fetchall()]
    if warehouses is not None:
        mine = set(warehouses)
        found = [count for count in found if count.warehouse_id in mine]
    return found


def coloured(colour: str, now: dt.datetime | None = None, ambers: Ambers | None = None) -> Q:
    """The orders of a colour, for a list; `ambers` saves the statement that reads the shops."""
    at = moment(now)
    due = Q(promised_ship_at__isnull=False, shipped_at=None, state__in=TO_SHIP)
    if colour == RED:
        return due & Q(promised_ship_at__lt=at)
    spans: dict[dt.timedelta, list[int]] = {}
    for shop, before in (figures.amber() if ambers is None else ambers).items():
        spans.setdefault(before, []).append(shop)
    near = Q(pk__in=[])
    for before, ids in spans.items():
        near |= Q(shop_id__in=ids, promised_ship_at__lt=at + before)
    if colour == AMBER:
        return due & near & Q(promised_ship_at__gte=at)
    far = Q(pk__in=[])
    for before, ids in spans.items():
        far |= Q(shop_id__in=ids, promised_ship_at__gte=at + max(before, dt.timedelta()))
    calm = Q(promised_ship_at=None) | Q(shipped_at__isnull=False) | ~Q(state__in=TO_SHIP)
    return calm | far


def where(
    *,
    states: Iterable[str] = OPEN,
    shops: Iterable[int] | None = None,
    warehouses: Iterable[int] | None = None,
    queue: str | None = None,
    colour: str | None = None,
) -> Q:
    """The orders behind a sum of counters; a warehouse 0 means none yet, `queue` is a code or "none"."""
    found = Q(state__in=list(states))
    if shops is not None:
        found &= Q(shop_id__in=list(shops))
    if warehouses is not None:
        ids = set(warehouses)
        house = Q(warehouse_id__in=ids - {0})
        found &= (house | Q(warehouse_id=None)) if 0 in ids else house
    if queue is not None:
        found &= queues.within(queue)
    if colour is not None:
        found &= coloured(colour)
    return found


@dataclass(frozen=True, slots=True)
class Place:
    """A shop (with its channel) or a warehouse (without), as the board names it."""

    id: int
    code: str
    name: str
    channel: str = ""


@dataclass(frozen=True, slots=True)
class Board:
    """What somebody may see: shops and warehouses by id, the counters; `narrowed` is by warehouses."""

    at: dt.datetime
    shops: dict[int, Place]
    houses: dict[int, Place]
    counts: list[Count]
    narrowed: bool


def board(reach: Reach, now: dt.datetime | None = None) -> Board:
    """The counters within somebody's reach, with the names they need. Three statements."""
    every = list(Shop.objects.order_by("id"))
    shops = {
        shop.id: Place(shop.id, shop.code, shop.name, shop.channel)
        for shop in every
        if reach.shops is None or shop.code in reach.shops
    }
    houses = {
        place.id: place
        for place in (
            Place(*row)
            for row in Warehouse.objects.order_by("priority", "id").values_list("id", "code", "name")
        )
        if reach.warehouses is None or place.code in reach.warehouses
    }
    narrowed = reach.warehouses is not None
    at = moment(now)
    found = counts(shops, houses if narrowed else None, at, figures.amber(every))
    return Board(at, shops, houses, found, narrowed)
