"""C8: at signing, one invoice request an order. The row and the order's event are made in one transaction."""

from __future__ import annotations

from django.db import connection, transaction

from orderhub import modules
from orderhub.actors import CLOCK
from orderhub.lifecycle import apply
from orders import queries
from orders.lifecycle import LIFECYCLE

BATCH = 500


def request_invoices(limit: int = BATCH) -> int:
    """Request an invoice for signed orders that have none; returns how many. Constant SQL.

    Whoever inserts the row makes the touch; another worker with the same orders inserts nothing and makes none.
    """
    if not modules.enabled("invoice"):
        return 0
    rows = sorted(queries.signed_without("invoice", limit=limit), key=lambda row: row.id)
    if not rows:
        return 0
    amounts = {row.id: row.payable - row.refunded for row in rows}
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(
                """INSERT INTO finance_invoice (order_id, amount, state) SELECT v.id, v.amount, 'requested'
                   FROM unnest(%s::bigint[], %s::numeric[]) AS v(id, amount)
                   ON CONFLICT (order_id) DO NOTHING RETURNING order_id""",
                [list(amounts), list(amounts.values())],
            )
            made = sorted(row[0] for row in cursor.fetchall())
        if not made:
            return 0
        said = {identity: {"amount": str(amounts[identity])} for identity in made}
        times = {row.id: row.signed_at for row in rows if row.signed_at}
        outcome = apply(LIFECYCLE, "invoice", made, actor=CLOCK, params={"data": said}, occurred=times)
        if outcome.refused:
            _take_back(sorted(outcome.refused))
    return len(outcome.moved)


def _take_back(order_ids: list[int]) -> None:
    """The order is no longer signed: its request was never made."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM finance_invoice WHERE order_id = ANY(%s) AND state = 'requested'", [order_ids]
        )
