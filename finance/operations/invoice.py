"""C8: at signing, one invoice request an order."""

from __future__ import annotations

from django.db import connection, transaction

from orderhub import modules
from orderhub.actors import CLOCK
from orderhub.lifecycle import apply
from orders import queries
from orders.lifecycle import LIFECYCLE


def request_invoices(limit: int = 500) -> int:
    """Request an invoice for signed orders that have none; returns how many. Constant SQL."""
    if not modules.enabled("invoice"):
        return 0
    rows = queries.signed_without("invoice", limit=limit)
    if not rows:
        return 0
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO finance_invoice (order_id, amount, state) SELECT v.id, v.amount, 'requested'
               FROM unnest(%s::bigint[], %s::numeric[]) AS v(id, amount) ON CONFLICT (order_id) DO NOTHING""",
            [[row.id for row in rows], [row.payable - row.refunded for row in rows]],
        )
        said = {row.id: {"amount": str(row.payable - row.refunded)} for row in rows}
        times = {row.id: row.signed_at for row in rows if row.signed_at}
        outcome = apply(LIFECYCLE, "invoice", sorted(said), actor=CLOCK, params={"data": said}, occurred=times)
    return len(outcome.moved)
