"""Fill an empty database with orders, step by step, each step one transaction."""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from inventory.models import Movement
from orderhub.drills.cast import set_up
from orderhub.integrations.models import Connection
from orderhub.management.seeding import sample, statements
from orders.models import Order
from orders.models.hold import HoldType
from orders.operations import measuring, standing

STEP = 50_000
DAYS = 180


@dataclass(frozen=True, slots=True)
class Filled:
    """What may be asked of the filled database."""

    orders: int
    number: str
    tail: str
    waybill: str
    order_id: int


def fill(
    orders: int, *, days: int = DAYS, seed: int = 7, say: Callable[[str], Any] = lambda words: None
) -> Filled:
    """Put `orders` orders of the last `days` days into an empty database, count them into the board, measure their steps.

    Raises ValueError where there are orders already: what is here is never mixed with what is made up.
    """
    if Order.objects.exists():
        raise ValueError("there are orders in this database already")
    begun = time.monotonic()
    cast = set_up(bins=40, stock=1)
    Connection.objects.update(state=Connection.State.DISABLED, state_reason="seed")
    houses = [house.id for house in cast.houses.values()]
    baskets = sample.load(cast.skus, houses, seed)
    _free(seed)
    shops = [*cast.markets.values(), cast.own_shop]
    now = timezone.now()
    params: dict[str, Any] = {
        "seed": seed, "now": now, "since": now - dt.timedelta(days=days + 1), "span": dt.timedelta(days=days) / max(orders, 1),
        "all": orders, "baskets": baskets, "people": sample.PEOPLE, "shops": [shop.id for shop in shops],
        "channels": [shop.channel for shop in shops], "n_shops": len(shops), "houses": houses, "n_houses": len(houses),
        "services": json.dumps(dict(statements.SERVICES)), "why": json.dumps({kind.value: str(kind.label) for kind in HoldType}),
    }  # fmt: skip
    for first in range(1, orders + 1, STEP):
        last = min(first + STEP - 1, orders)
        with transaction.atomic(), connection.cursor() as cursor:
            for sql in statements.ALL:
                cursor.execute(sql, {**params, "first": first, "last": last})
                if sql is statements.STEP:
                    cursor.execute("ANALYZE seed_step")
            cursor.execute("DROP TABLE seed_step")
        say(f"{last} orders, {time.monotonic() - begun:.0f} s")
        _fold()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statements.BOUGHT, params)
        for table in ("orders_order", "logistics_parcel"):
            cursor.execute(
                f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), greatest((SELECT max(id) FROM {table}), 1))"
            )
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE seed_basket, seed_head, seed_person, seed_shelf")
        cursor.execute("ANALYZE")
    while measuring.measure():
        pass
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if not connection.in_atomic_block else "ANALYZE")
    say(f"counted and measured, {time.monotonic() - begun:.0f} s")
    return found(orders)


def filled(orders: int) -> Filled:
    """A database with so many orders: the one in use where it holds exactly as many already, else an empty one is filled.

    Raises ValueError where there are other orders.
    """
    return found(orders) if Order.objects.count() == orders else fill(orders)


def _fold() -> None:
    while standing.fold():
        pass


def _free(seed: int) -> None:
    """What is left on each shelf: nothing on one in forty, else up to 300 pieces; said in the ledger as a count."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """WITH wished AS (SELECT id, sku_id, bin_id, on_hand, abs(hashint8extended(id, %s)) AS h FROM inventory_stock),
                    left_ AS (SELECT w.*, CASE WHEN h %% 40 = 0 THEN 0 ELSE 1 + h / 41 %% 300 END - on_hand AS change
                        FROM wished w),
                    said AS (INSERT INTO inventory_movement
                            (sku_id, bin_id, kind, on_hand_change, reserved_change, reference, reason, actor)
                        SELECT sku_id, bin_id, %s, change, 0, 'seed', 'seed', 'seed' FROM left_ WHERE change <> 0)
               UPDATE inventory_stock s SET on_hand = s.on_hand + l.change FROM left_ l WHERE l.id = s.id""",
            [seed, Movement.Kind.COUNT],
        )


def found(orders: int) -> Filled:
    """An order in the middle that was sent: its number, its phone's tail, its waybill number."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT o.number, o.id, p.waybill_no, right(r.phone_mask, 4) FROM orders_order o
               JOIN logistics_parcel p ON p.order_id = o.id JOIN orders_receiver r ON r.order_id = o.id
               WHERE o.id >= %s ORDER BY o.id LIMIT 1""",
            [orders // 2],
        )
        number, order_id, waybill, tail = cursor.fetchone()
    return Filled(orders, number, tail, waybill, order_id)
