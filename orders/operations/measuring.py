"""Measuring the steps of orders that moved: each step of each order goes into its day's histogram once.

Fed by the fold of standings (`Unmeasured`). What is eaten is read again from the timeline; the bits of `Measured` keep a
step from counting twice, so that measuring an order again does no harm.
"""

from __future__ import annotations

import datetime as dt

from django.db import connection, transaction
from django.utils import timezone

from orders.operations.standing import ORDERS
from orders.steps import BUCKET, PLACES, STEPS, TARGETS, TIMES

LOCK = 7_301_995
ROWS = 200
#: Slow orders are named so long; the histograms are kept.
KEPT_DAYS = 120
#: Touches that leave the order where it is, so that no standing is stirred by them.
UNMOVING = ("invoice",)

MEASURE = f"""
WITH found AS MATERIALIZED (
        SELECT t.order_id, t.step, extract(epoch FROM t.until - t.since)::float8 AS seconds,
               (t.until AT TIME ZONE 'Asia/Shanghai')::date AS day, o.shop_id, coalesce(o.warehouse_id, 0) AS warehouse_id
          FROM ({TIMES}) t JOIN orders_order o ON o.id = t.order_id
          LEFT JOIN orders_measured m ON m.order_id = t.order_id
         WHERE o.id = ANY (%(ids)s) AND (coalesce(m.steps, 0) >> t.step) & 1 = 0),
     judged AS (
        SELECT f.*, coalesce(f.seconds > g.target, false) AS late
          FROM found f JOIN (VALUES {TARGETS}) AS g(step, target) ON g.step = f.step),
     marked AS (
        INSERT INTO orders_measured AS m (order_id, steps) SELECT order_id, bit_or(1 << step) FROM found GROUP BY order_id
        ON CONFLICT (order_id) DO UPDATE SET steps = m.steps | excluded.steps),
     slow AS (
        INSERT INTO orders_slowstep (order_id, step, day, shop_id, warehouse_id, seconds)
        SELECT order_id, step, day, shop_id, warehouse_id, seconds FROM judged WHERE late)
INSERT INTO orders_stepcount AS t (day, step, shop_id, warehouse_id, bucket, n, late)
SELECT day, step, shop_id, warehouse_id, {BUCKET}, count(*), count(*) FILTER (WHERE late) FROM judged GROUP BY 1, 2, 3, 4, 5
ON CONFLICT (day, step, shop_id, warehouse_id, bucket) DO UPDATE SET n = t.n + excluded.n, late = t.late + excluded.late"""


def measure(limit: int = 200) -> int:
    """Measure what moved, in at most `limit` batches; returns how many orders were looked at. One worker at a time."""
    done = 0
    for _batch in range(limit):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
            if not cursor.fetchone()[0]:
                break
            cursor.execute(
                """DELETE FROM orders_unmeasured WHERE id IN (SELECT id FROM orders_unmeasured ORDER BY id LIMIT %s)
                   RETURNING orders""",
                [ROWS],
            )
            eaten = cursor.fetchall()
            ids = sorted({identity for (orders,) in eaten for identity in orders})
            for start in range(0, len(ids), ORDERS):
                cursor.execute(MEASURE, {"ids": ids[start : start + ORDERS]})
            done += len(ids)
        if len(eaten) < ROWS:
            break
    return done


def catch_up(days: int = 3) -> int:
    """Hand in orders on whose timeline a touch came that moves no state; forget the oldest names. Returns how many."""
    since = timezone.now() - dt.timedelta(days=days)
    found = 0
    with transaction.atomic(), connection.cursor() as cursor:
        for code in UNMOVING:
            place = PLACES[code]
            cursor.execute(
                """INSERT INTO orders_unmeasured (orders) SELECT array_agg(e.order_id) FROM orders_event e
                   LEFT JOIN orders_measured m ON m.order_id = e.order_id
                   WHERE e.point = %s AND e.occurred_at >= %s AND (coalesce(m.steps, 0) >> %s) & 1 = 0
                   HAVING count(*) > 0 RETURNING cardinality(orders)""",
                [STEPS[place].point, since, place],
            )
            row = cursor.fetchone()
            found += int(row[0]) if row else 0
        cursor.execute(
            "DELETE FROM orders_slowstep WHERE day < %s",
            [timezone.localdate() - dt.timedelta(days=KEPT_DAYS)],
        )
    return found
