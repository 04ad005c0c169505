"""The floor of `chain`: the rows that a routed order is made of, by COPY in batches of 500 on one connection.

Order, three lines, three reservations with their ledger rows, four events, and one stock update a batch: raw
SQL with the text made beforehand, so that only the database's own work is timed.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count

from django.db import connection, transaction

from orderhub.ordered import ordered_uuid

BATCH = 500
_numbers = count(1)
TABLES = (
    ("orders_order", "id number shop_id channel_number state channel_state channel_version ordered_at paid_at goods_amount"
     " discount freight payable piece_count line_count buyer_ref traffic_source buyer_message tags adcode warehouse_id"
     " carrier outlet_code"),
    ("orders_line", "uuid order_id channel_line sku_id seller_code title quantity unit_price discount freight_share payable"
     " refund_state"),
    ("inventory_reservation", "reference sku_id bin_id warehouse_id quantity"),
    ("inventory_movement", "sku_id bin_id kind on_hand_change reserved_change reference actor"),
    ("orders_event", "order_id code point occurred_at recorded_at actor_kind actor_name data"),
)  # fmt: skip


@dataclass
class Batch:
    """Five texts for COPY and the pieces taken of each stock row."""

    texts: list[bytes]
    taken: Counter[int]


def prepare(n: int, shop_id: int) -> list[Batch]:
    """Batches for `n` orders of that shop; ids come from the real sequences."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT s.id, s.sku_id, s.bin_id, b.warehouse_id FROM inventory_stock s
               JOIN inventory_bin b ON b.id = s.bin_id ORDER BY s.id"""
        )
        shelves = cursor.fetchall()
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence('orders_order', 'id')) FROM generate_series(1, %s)", [n]
        )
        ids = [row[0] for row in cursor.fetchall()]
    return [_batch(ids[start : start + BATCH], shop_id, shelves) for start in range(0, n, BATCH)]


def _batch(ids: list[int], shop_id: int, shelves: list[tuple[int, int, int, int]]) -> Batch:
    now = datetime.now(UTC).isoformat()
    rows: list[list[tuple[object, ...]]] = [[], [], [], [], []]
    taken: Counter[int] = Counter()
    for identity in ids:
        number = f"F{next(_numbers):09}{identity}"
        rows[0].append(
            (identity, number, shop_id, number, "routed", "WAIT_SELLER_SEND_GOODS", now, now, now, "50.00", "3.00", "5.00",
             "52.00", 3, 3, f"buyer{identity}", "", "", "[]", "330110", shelves[0][3], "ZTO", "Z-1")
        )  # fmt: skip
        for part in range(3):
            stock_id, sku_id, bin_id, house_id = shelves[(identity * 7 + part * 13) % len(shelves)]
            line = ordered_uuid()
            rows[1].append(
                (
                    line,
                    identity,
                    f"{number}-{part}",
                    sku_id,
                    "CUP-1",
                    "马克杯",
                    1,
                    "20.00",
                    "1.00",
                    "1.67",
                    "17.34",
                    "none",
                )
            )
            rows[2].append((line, sku_id, bin_id, house_id, 1))
            rows[3].append((sku_id, bin_id, "reserve", 0, 1, line, "clock"))
            taken[stock_id] += 1
        for point, code in ((None, "received"), (1, "verify"), (2, "reserve"), (3, "route")):
            rows[4].append((identity, code, point or "\\N", now, now, "clock", "clock", "{}"))
    texts = ["".join("\t".join(map(str, row)) + "\n" for row in table).encode() for table in rows]
    return Batch(texts, taken)


def write(batches: list[Batch]) -> float:
    """Write them; the seconds it took."""
    connection.ensure_connection()
    started = time.perf_counter()
    for batch in batches:
        with transaction.atomic(), connection.cursor() as cursor:
            for (table, columns), text in zip(TABLES, batch.texts, strict=True):
                with cursor.copy(f"COPY {table} ({', '.join(columns.split())}) FROM STDIN") as copy:
                    copy.write(text)
            cursor.execute(
                """UPDATE inventory_stock s SET reserved = s.reserved + v.n
                   FROM unnest(%s::bigint[], %s::int[]) AS v(id, n) WHERE s.id = v.id""",
                [list(batch.taken), list(batch.taken.values())],
            )
    return time.perf_counter() - started
