"""Promised pieces are free again: given back, or left by the clock when their time is over."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Sequence

from django.db import connection, transaction

from orderhub.actors import CLOCK


def release(references: Iterable[uuid.UUID], actor_name: str, reason: str = "") -> int:
    """Give back everything that the references hold, in the caller's transaction; returns the pieces.

    They wait for nothing more, either.
    """
    names = list(references)
    with connection.cursor() as cursor:
        cursor.execute(
            """WITH mine AS (SELECT r.id, s.id AS stock_id, r.sku_id, r.bin_id, r.quantity, r.reference
                    FROM inventory_reservation r
                    JOIN inventory_stock s ON s.sku_id = r.sku_id AND s.bin_id = r.bin_id
                    WHERE r.reference = ANY(%s) AND r.state = 'active' ORDER BY r.sku_id, r.bin_id FOR UPDATE OF s, r),
                 gone AS (UPDATE inventory_reservation r SET state = 'released' FROM mine
                    WHERE r.id = mine.id AND r.state = 'active' RETURNING r.id),
                 back AS (UPDATE inventory_stock s SET reserved = s.reserved - t.n
                    FROM (SELECT stock_id, sum(quantity) AS n FROM mine GROUP BY stock_id) t WHERE s.id = t.stock_id),
                 waits AS (UPDATE inventory_backorder SET ended_at = now()
                    WHERE reference = ANY(%s) AND ended_at IS NULL),
                 said AS (INSERT INTO inventory_movement (sku_id, bin_id, kind, on_hand_change, reserved_change,
                        reference, reason, actor)
                    SELECT sku_id, bin_id, 'release', 0, -quantity, reference::text, %s, %s FROM mine)
               SELECT coalesce(sum(quantity), 0) FROM mine""",
            [names, names, reason[:120], actor_name],
        )
        row = cursor.fetchone()
    return int(row[0]) if row else 0


def promote(references: Iterable[uuid.UUID]) -> None:
    """What was held for an unpaid order is a paid one's from now on, without an end. One statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE inventory_reservation SET kind = 'paid', expires_at = NULL
               WHERE reference = ANY(%s) AND state = 'active' AND kind = 'unpaid'""",
            [list(references)],
        )


def served(references: Iterable[uuid.UUID]) -> None:
    """These references wait no longer. One statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE inventory_backorder SET ended_at = now() WHERE reference = ANY(%s) AND ended_at IS NULL",
            [list(references)],
        )


def promise(rows: Sequence[tuple[uuid.UUID, dt.date | None]]) -> None:
    """What waits is promised another day, or none any more: (reference, day). One statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE inventory_backorder b SET promised_on = v.day FROM unnest(%s::uuid[], %s::date[]) AS v(reference, day)
               WHERE b.reference = v.reference AND b.ended_at IS NULL""",
            [[row[0] for row in rows], [row[1] for row in rows]],
        )


def expire(limit: int = 500) -> int:
    """Give back what staff put by (manual, sample) and whose time is over; returns the pieces.

    An unpaid order's pieces go back with its cancellation, which its own clock makes.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(
                """SELECT DISTINCT reference FROM inventory_reservation WHERE state = 'active' AND expires_at < now()
                   AND kind IN ('manual', 'sample') LIMIT %s""",
                [limit],
            )
            references = [row[0] for row in cursor.fetchall()]
        return release(references, CLOCK.name, "its time is over") if references else 0
