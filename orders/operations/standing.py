"""Keeping the board's counters: fold in what was stirred, look every night whether they are right, put them right.

Triggers write down which orders a statement stirred, in its own transaction (one row a statement). Folding is done by one
worker at a time: it eats these rows first and reads the orders afterwards, so that what is stirred meanwhile leaves its
own row and is folded next time. Whoever orders is never made to wait for a counter.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from django.db import connection, transaction

from orders.standing import OPEN, STANDS

log = logging.getLogger(__name__)

#: The lock of the one who writes counters.
LOCK = 7_301_994
STIRS, ORDERS = 500, 5000
PLACE = "state, shop_id, warehouse_id, queue, hour"

FOLD = f"""
WITH stands AS MATERIALIZED ({STANDS.format(which="o.id = ANY (%(ids)s)")}),
     stood AS MATERIALIZED (SELECT * FROM orders_standing WHERE order_id = ANY (%(ids)s)),
     changed AS (
        SELECT {PLACE}, sum(n) AS n FROM (SELECT {PLACE}, 1 AS n FROM stands UNION ALL SELECT {PLACE}, -1 FROM stood) both_
        GROUP BY {PLACE} HAVING sum(n) <> 0),
     gone AS (DELETE FROM orders_standing WHERE order_id = ANY (%(ids)s) AND order_id NOT IN (SELECT order_id FROM stands)),
     put AS (
        INSERT INTO orders_standing AS t (order_id, state, shop_id, warehouse_id, queue, due, hour)
        SELECT order_id, state, shop_id, warehouse_id, queue, due, hour FROM stands
        ON CONFLICT (order_id) DO UPDATE SET state = excluded.state, shop_id = excluded.shop_id,
            warehouse_id = excluded.warehouse_id, queue = excluded.queue, due = excluded.due, hour = excluded.hour
        WHERE (t.state, t.shop_id, t.warehouse_id, t.queue, t.due)
              IS DISTINCT FROM (excluded.state, excluded.shop_id, excluded.warehouse_id, excluded.queue, excluded.due))
INSERT INTO orders_standingcount AS t ({PLACE}, n) SELECT {PLACE}, n FROM changed
ON CONFLICT ({PLACE}) DO UPDATE SET n = t.n + excluded.n"""


def fold(limit: int = 200) -> int:
    """Bring the counters up to now, in at most `limit` batches; returns how many orders were looked at.

    Nothing is done while another worker folds. A constant number of statements a batch, one transaction each.
    """
    done = 0
    for _batch in range(limit):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
            if not cursor.fetchone()[0]:
                break
            cursor.execute(
                """DELETE FROM orders_stir WHERE id IN (SELECT id FROM orders_stir ORDER BY id LIMIT %s)
                   RETURNING orders""",
                [STIRS],
            )
            eaten = cursor.fetchall()
            ids = sorted({identity for (orders,) in eaten for identity in orders})
            for start in range(0, len(ids), ORDERS):
                cursor.execute(FOLD, {"ids": ids[start : start + ORDERS]})
            if ids:
                cursor.execute("DELETE FROM orders_standingcount WHERE n = 0")
                cursor.execute("INSERT INTO orders_unmeasured (orders) VALUES (%s)", [ids])
            done += len(ids)
        if len(eaten) < STIRS:
            break
    return done


@dataclass(frozen=True, slots=True)
class Repaired:
    """What a check found and put right: orders that stood elsewhere than written, counters with another sum."""

    orders: int
    counters: int


def check() -> Repaired:
    """Compare with a real count, put right what differs, and say so in the log. Waits for a fold that is going on."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        cursor.execute(
            f"""WITH stands AS ({STANDS.format(which="true")}),
                     wrong AS (
                SELECT coalesce(n.order_id, t.order_id) AS id FROM stands n
                    FULL JOIN orders_standing t ON t.order_id = n.order_id
                WHERE (n.state, n.shop_id, n.warehouse_id, n.queue, n.due)
                      IS DISTINCT FROM (t.state, t.shop_id, t.warehouse_id, t.queue, t.due)
                EXCEPT SELECT unnest(s.orders) FROM orders_stir s)
                INSERT INTO orders_stir (orders) SELECT array_agg(id) FROM wrong HAVING count(*) > 0
                RETURNING cardinality(orders)"""
        )
        found = cursor.fetchone()
        orders = int(found[0]) if found else 0
        cursor.execute(
            f"""WITH truth AS (SELECT {PLACE}, count(*) AS n FROM orders_standing GROUP BY {PLACE}),
                     wrong AS (SELECT {PLACE}, coalesce(r.n, 0) AS n FROM truth r
                               FULL JOIN orders_standingcount c USING ({PLACE})
                               WHERE coalesce(r.n, 0) <> coalesce(c.n, 0))
                INSERT INTO orders_standingcount AS t ({PLACE}, n) SELECT {PLACE}, n FROM wrong
                ON CONFLICT ({PLACE}) DO UPDATE SET n = excluded.n"""
        )
        counters = cursor.rowcount
    if orders or counters:
        log.error("the board's counters were wrong: %s orders, %s counters; put right", orders, counters)
    fold()
    return Repaired(orders, counters)


__all__ = ["LOCK", "OPEN", "Repaired", "check", "fold"]
