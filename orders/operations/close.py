"""The two ends of an order: closed when its receivable is confirmed, cancelled before it was shipped.

A cancelled order gives its stock back and withdraws what it asked of the outside world and nobody has sent
yet. What somebody has already (a parcel at the warehouse, a waybill number) is undone by logistics, which
finds live parcels of cancelled orders. Where a person cancels a paid order, a refund is proposed as a case:
money is never owed in silence. Where the channel cancelled it, the channel pays back itself.
"""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from inventory.operations import claiming
from inventory.operations.release import release
from orderhub.lifecycle import Refusal, Writer
from orders.cases import COLUMNS, TABLE
from orders.models import HoldType
from orders.operations import holds

#: Effects that a cancelled order no longer wants. Undoing ones (wms.cancel, waybill.cancel) and notices go on.
NO_LONGER_WANTED = ("payment.query", "waybill.get", "wms.push", "channel.ship", "trace.subscribe")


def close(live: list[Any], writer: Writer) -> None:
    """Close orders whose receivable is confirmed; it happened when their after-sale window ended quietly.

    `writer.params["vouchers"]` may give the voucher's number of each order, for the timeline. From the commit
    on the database itself refuses any change of the order's commercial columns and lines.
    """
    vouchers = writer.params.get("vouchers", {})
    told = writer.context.get("occurred", {})
    for row in live:
        writer.set(row, closed_at=writer.now)
        writer.occurred(row, told.get(row.id) or row.aftersale_until)
        if row.id in vouchers:
            writer.context.setdefault("data", {})[row.id] = {"voucher": vouchers[row.id]}


def cancel(live: list[Any], writer: Writer) -> None:
    """Cancel orders before shipping: stock returns, unsent messages are withdrawn, the reason is on the timeline.

    Params: `reason` (words for the timeline) or `reasons` {order id: words}; `code`, the reason for machines;
    `still`, the state that the decision was about: an order that has moved on since is left alone.
    Constant SQL whatever the batch.
    """
    still = writer.params.get("still")
    words = _("The order is no longer as it was when this was decided.")
    moved_on = Refusal("moved_on", words, dt.timedelta(0))
    writer.refuse({row.id: moved_on for row in live if still is not None and row.state != still})
    live = _without_what_left([row for row in live if row.id not in writer.refused], writer)
    ids = [row.id for row in live]
    reasons = writer.params.get("reasons", {})
    reason = str(writer.params.get("reason", ""))
    withdrawn = _withdraw(ids)
    references = references_of(ids)
    for row in live:
        words = str(reasons.get(row.id, reason))
        data: dict[str, Any] = {"reason": words, "from": row.state}
        if writer.params.get("code"):
            data["code"] = writer.params["code"]
        if withdrawn.get(row.id):
            data["withdrawn"] = withdrawn[row.id]
        if (
            writer.actor.kind == "person"
            and row.paid_at is not None
            and row.refund_state == "none"
            and row.payable > 0
        ):
            number = f"AS{row.number}-C"
            text = words or _("Cancelled by us before shipping")
            writer.copy(TABLE, COLUMNS, (number, row.id, "refund", "open", row.payable, [], text[:200], ""))
            writer.set(row, refund_state="asked")
            data["refund"] = number
        writer.context.setdefault("data", {})[row.id] = data
    writer.finish(lambda: _give_back(references, writer.actor.name))


def _without_what_left(live: list[Any], writer: Writer) -> list[Any]:
    """A split order of which a part has left can't be cancelled: a person is told so, anybody else's word holds it."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT h.order_id, EXISTS (SELECT 1 FROM orders_hold x WHERE x.order_id = h.order_id AND x.type = 'refund'
                   AND x.released_at IS NULL)
               FROM orders_share h JOIN inventory_reservation r ON r.reference = h.reference AND r.state = 'shipped'
               WHERE h.order_id = ANY(%s)""",
            [[row.id for row in live]],
        )
        left = dict(cursor.fetchall())
    text = _("A part of the order has left already: what is not sent is given back by an after-sale case.")
    for row in live:
        if row.id in left and (writer.actor.kind == "person" or left[row.id]):
            writer.refuse({row.id: Refusal("part_left", text)})
        elif row.id in left:
            holds.open_in(writer, row, HoldType.REFUND, text)
    return [row for row in live if row.id not in left]


def _withdraw(order_ids: list[int]) -> dict[int, list[str]]:
    """Cancel the orders' messages that nobody has sent; {order id: kinds withdrawn}."""
    found: dict[int, list[str]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE orderhub_message SET state = 'cancelled', done_at = now()
               WHERE order_id = ANY(%s) AND kind = ANY(%s) AND state IN ('new', 'needs_person')
               RETURNING order_id, kind""",
            [order_ids, list(NO_LONGER_WANTED)],
        )
        for order_id, kind in cursor.fetchall():
            found.setdefault(order_id, []).append(kind)
    return found


def references_of(order_ids: list[int]) -> list[uuid.UUID]:
    """Every line and share, refunded ones too: whatever they still hold is given back."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT uuid FROM orders_line WHERE order_id = ANY(%(ids)s)
               UNION ALL SELECT reference FROM orders_share WHERE order_id = ANY(%(ids)s)""",
            {"ids": order_ids},
        )
        return [row[0] for row in cursor.fetchall()]


def _give_back(references: list[uuid.UUID], actor_name: str) -> None:
    release(references, actor_name, "cancelled")
    claiming.end_bought(references)
