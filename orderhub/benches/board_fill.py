"""A database full of orders for the measurement of pages: set-based, in every place that a page looks at.

Nine in ten orders are over; the others stand in every open state, some held, some past their promise. Each has its lines,
receiver (masked, with the hash of a phone's tail), parcel and timeline.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.utils import timezone

from orderhub import crypto
from orderhub.drills.cast import set_up
from orders.operations import measuring, standing

#: The states by the order's number in a hundred; what is not named is closed.
OPEN = (
    "unpaid", "claimed", "paid", "reserved", "routed", "released", "waved", "packed", "printed", "shipped", "shipped",
    "signed", "signed",
)  # fmt: skip
TAILS = 10_000
HOLDS = ("stock", "address", "refund", "mapping", "manual", "risk", "platform", "weight")
#: Events by how far an order is, each so many minutes after the payment.
STORY = (
    ("received", None, -1, 0), ("verify", 1, 0, 2), ("reserve", 2, 1, 3), ("route", 3, 2, 4), ("release", None, 3, 5),
    ("wave", 4, 60, 6), ("pack", 5, 120, 7), ("print", 6, 130, 8), ("ship", None, 240, 9), ("sign", 7, 2400, 11),
    ("close", 9, 13_000, 13),
)  # fmt: skip
STEP = 100_000


@dataclass(frozen=True, slots=True)
class Filled:
    """What may be asked of the filled database."""

    orders: int
    number: str
    tail: str
    waybill: str
    order_id: int


def fill(orders: int) -> Filled:
    """Put `orders` orders into an empty database, count them into the board and measure their steps."""
    cast = set_up(bins=1, stock=1000)
    shops = [*(shop.id for shop in cast.markets.values()), cast.own_shop.id]
    houses = [house.id for house in cast.houses.values()]
    tails = [crypto.tail_hash(f"{n:04}") for n in range(TAILS)]
    now = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM inventory_sku ORDER BY id LIMIT 200")
        skus = [row[0] for row in cursor.fetchall()]
        for start in range(1, orders + 1, STEP):
            params: dict[str, Any] = {
                "first": start, "last": min(start + STEP - 1, orders), "now": now, "shops": shops, "houses": houses,
                "open": list(OPEN), "n_shops": len(shops), "n_houses": len(houses), "n_open": len(OPEN), "tails": tails,
                "n_tails": TAILS, "skus": skus, "n_skus": len(skus), "holds": list(HOLDS), "n_holds": len(HOLDS),
                "span": dt.timedelta(days=180) / max(orders, 1), "all": orders,
            }  # fmt: skip
            for sql in _statements():
                cursor.execute(sql, params)
        cursor.execute("SELECT setval(pg_get_serial_sequence('orders_order', 'id'), %s)", [orders])
        cursor.execute(
            "UPDATE orders_order SET state = 'closed', closed_at = now() WHERE aftersale_until < now()"
        )
        cursor.execute("ANALYZE")
    while standing.fold():
        pass
    while measuring.measure():
        pass
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        cursor.execute(
            """SELECT o.number, o.id, p.waybill_no FROM orders_order o JOIN logistics_parcel p ON p.order_id = o.id
               WHERE o.id >= %s ORDER BY o.id LIMIT 1""",
            [orders // 2],
        )
        number, order_id, waybill = cursor.fetchone()
    return Filled(orders, number, f"{order_id % TAILS:04}", waybill, order_id)


def _statements() -> list[str]:
    """The heads first, then what hangs on them; `o` is one order of this step."""
    state = "CASE WHEN g %% 10 = 0 THEN (%(open)s::text[])[1 + g / 10 %% %(n_open)s] ELSE 'signed' END"
    heads = f"""
        INSERT INTO orders_order (id, number, shop_id, channel_number, state, channel_state, channel_version, ordered_at, paid_at,
            promised_ship_at, received_at, goods_amount, discount, freight, payable, piece_count, line_count, buyer_ref,
            traffic_source, buyer_message, tags, adcode, warehouse_id, shipped_at, signed_at, aftersale_until, open_holds,
            refund_state)
        SELECT g, 'OHB' || lpad(g::text, 9, '0'), (%(shops)s::bigint[])[1 + g %% %(n_shops)s], 'B' || g, s.state, 'PAID',
            t.at, t.at,
            CASE WHEN s.state <> 'unpaid' THEN t.at END,
            CASE WHEN g %% 10 = 0 THEN %(now)s::timestamptz + (g / 10 %% 96 - 20) * interval '1 hour'
                 ELSE t.at + interval '2 days' END,
            t.at, 50, 0, 5, 55, 2, 1, 'buyer' || g %% 50000, '', '', '[]', '330106',
            CASE WHEN s.state NOT IN ('unpaid', 'claimed', 'paid') THEN (%(houses)s::bigint[])[1 + g %% %(n_houses)s] END,
            CASE WHEN s.state IN ('shipped', 'signed') THEN t.at + interval '4 hours' END,
            CASE WHEN s.state = 'signed' THEN t.at + interval '40 hours' END,
            CASE WHEN g %% 10 <> 0 THEN %(now)s::timestamptz - interval '1 minute' END,
            CASE WHEN g %% 10 = 0 AND g / 10 %% 7 = 0 AND s.state NOT IN ('shipped', 'signed') THEN 1 ELSE 0 END, 'none'
        FROM generate_series(%(first)s::bigint, %(last)s) g
        CROSS JOIN LATERAL (SELECT {state} AS state) s
        CROSS JOIN LATERAL (SELECT %(now)s::timestamptz - %(span)s::interval * (%(all)s - g) AS at) t"""
    these = "o.id BETWEEN %(first)s AND %(last)s"
    lines = f"""
        INSERT INTO orders_line (uuid, order_id, channel_line, sku_id, seller_code, title, quantity, unit_price, discount,
            freight_share, payable, refund_state)
        SELECT gen_random_uuid(), o.id, '1', (%(skus)s::bigint[])[1 + o.id %% %(n_skus)s], 'S', 'goods', 2, 25, 0, 5, 55, 'none'
        FROM orders_order o WHERE {these}"""
    receivers = f"""
        INSERT INTO orders_receiver (order_id, version, visibility, name_mask, phone_mask, address_mask, province, city, district,
            town, adcode, phone_hash, phone_tail_hash)
        SELECT o.id, 1, 'masked', 'W**', '1**********', '****', '浙江省', '杭州市', '西湖区', '', '330106', '',
            (%(tails)s::text[])[1 + o.id %% %(n_tails)s] FROM orders_order o WHERE {these}"""
    holds = f"""
        INSERT INTO orders_hold (order_id, type, reason, data, opened_by)
        SELECT o.id, (%(holds)s::text[])[1 + o.id / 70 %% %(n_holds)s], 'why', '{{}}', 'bench'
        FROM orders_order o WHERE {these} AND o.open_holds > 0"""
    parcels = f"""
        INSERT INTO logistics_parcel (number, order_id, role, state, warehouse_id, worked_by, carrier, service, outlet_code,
            destination_version, waybill_no, expected_weight_g, report_state)
        SELECT 'PB' || o.id, o.id, 'main', o.state, o.warehouse_id, 'own', 'ZTO', 'zto', '', 1,
            '78' || lpad(o.id::text, 11, '0'), 0, ''
        FROM orders_order o WHERE {these} AND o.state IN ('shipped', 'signed')"""
    story = ", ".join(
        f"('{code}', {'NULL' if point is None else point}::smallint, {minutes}, {rank})"
        for code, point, minutes, rank in STORY
    )
    ranks = ", ".join(f"('{name}', {OPEN.index(name)})" for name in dict.fromkeys(OPEN))
    events = f"""
        INSERT INTO orders_event (order_id, code, point, occurred_at, recorded_at, actor_kind, actor_name, data)
        SELECT o.id, e.code, e.point, o.ordered_at + e.minutes * interval '1 minute',
            o.ordered_at + e.minutes * interval '1 minute' + (o.id %% 50) * interval '1 second', 'clock', 'bench', '{{}}'
        FROM orders_order o JOIN (VALUES {ranks}) AS r(state, rank) ON r.state = o.state
        JOIN (VALUES {story}) AS e(code, point, minutes, rank)
            ON e.rank <= r.rank OR (o.aftersale_until IS NOT NULL AND e.code = 'close')
        WHERE {these}"""
    return [heads, lines, receivers, holds, parcels, events]
