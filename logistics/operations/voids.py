"""Parcels that must not leave: found by looking at their orders, stopped at the warehouse, voided, numbers given back.

What a WMS has is asked to stop first and voided when it says so; a shipped parcel is not voidable. A message in
flight is awaited: voiding under it could leave a number or a warehouse order behind.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from logistics.lifecycle import AT_WAREHOUSE, LIFECYCLE
from logistics.models import Parcel
from logistics.operations import messages
from logistics.operations.handover import wms_connection
from logistics.queries import label_accounts, warehouses_of
from orderhub.actors import CLOCK, Actor
from orderhub.lifecycle import Outcome, Refusal, Writer, apply
from orderhub.outbox import writing
from orders import queries as orders

#: Nobody outside our house has these parcels; a rider goes with the parcel that it is in.
OURS = (Parcel.Route.OWN, Parcel.Route.RIDE)

#: What a parcel carries is wrong as soon as one of the orders in it is; what is stopped is the parcel that goes.
_WRONG = """
    SELECT DISTINCT ON (p.id) p.id, p.state, p.worked_by,
        CASE WHEN o.state = 'cancelled' THEN 'cancelled'
             WHEN o.state IN ('unpaid', 'claimed', 'paid', 'reserved', 'closed') THEN 'rerouted'
             WHEN q.destination_version <> o.destination_version THEN 'address'
             WHEN q.warehouse_id IS DISTINCT FROM o.warehouse_id AND {elsewhere} THEN 'rerouted'
             WHEN {outlet} THEN 'rerouted'
             WHEN EXISTS {refund} THEN 'refund' ELSE 'regrouped' END
    FROM logistics_parcel q JOIN orders_order o ON o.id = q.order_id
    JOIN logistics_parcel p ON p.id = coalesce(q.rides_with_id, q.id)
    WHERE q.state IN {before} AND p.state IN {before} AND p.next_try_at <= clock_timestamp() AND p.stop_reason = ''
      AND (o.state IN ('cancelled', 'unpaid', 'claimed', 'paid', 'reserved', 'closed')
           OR q.destination_version <> o.destination_version
           OR (q.warehouse_id IS DISTINCT FROM o.warehouse_id AND {elsewhere}) OR {outlet}
           OR EXISTS {refund} OR {stranger} OR {missing})
    ORDER BY p.id LIMIT %s""".format(
    before="('planned', 'numbered', 'handed', 'waved', 'packed', 'printed')",
    refund="""(SELECT 1 FROM orders_hold h WHERE h.order_id = o.id AND h.type = 'refund' AND h.released_at IS NULL)""",
    # a split order's parcels leave from the warehouses of their shares
    elsewhere="""NOT EXISTS (SELECT 1 FROM orders_share h WHERE h.order_id = o.id AND h.place = q.place
        AND h.warehouse_id = q.warehouse_id)""",
    # another outlet picks it up than the one that it was planned for, and no warehouse has it yet
    outlet="""(q.rides_with_id IS NULL AND q.state IN ('planned', 'numbered') AND o.state = 'routed'
        AND q.outlet_code <> o.outlet_code)""",
    # it carries an order that ships with it no more
    stranger="""(q.rides_with_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM orders_mergemember a
        JOIN orders_mergemember b ON b.merge_id = a.merge_id AND b.left_at IS NULL AND b.order_id = p.order_id
        WHERE a.order_id = q.order_id AND a.left_at IS NULL))""",
    # an order that ships with it is not in it, and it can still be taken back
    missing="""(q.rides_with_id IS NULL AND p.state IN ('planned', 'numbered', 'handed') AND EXISTS (
        SELECT 1 FROM orders_mergemember a JOIN orders_merge g ON g.id = a.merge_id AND g.confirmed_at IS NOT NULL
        JOIN orders_mergemember b ON b.merge_id = a.merge_id AND b.left_at IS NULL AND b.order_id <> a.order_id
        JOIN orders_order t ON t.id = b.order_id AND t.state IN ('paid', 'reserved', 'routed', 'released')
        WHERE a.order_id = q.order_id AND a.left_at IS NULL AND NOT EXISTS (SELECT 1 FROM logistics_parcel r
            WHERE r.rides_with_id = q.id AND r.order_id = b.order_id AND r.state <> 'voided')))""",
)  # fmt: skip


def words(code: str) -> str:
    """A reason to stop in a clerk's words."""
    return {
        "cancelled": _("the order was cancelled"),
        "rerouted": _("the order is routed again"),
        "address": _("the address was changed"),
        "refund": _("a refund was asked"),
        "regrouped": _("the orders that ship together have changed"),
        "unreached": _("the channel says that its carrier does not deliver there"),
        "split": _("the order's parcels have changed"),
    }.get(code, code)


def stop_wrong(*, n: int = 500) -> Outcome:
    """Stop or void every parcel whose order was cancelled, held for a refund, re-addressed or routed again."""
    with connection.cursor() as cursor:
        cursor.execute(_WRONG, [n])
        found = cursor.fetchall()
    return take_out({row[0]: (row[1], row[2], words(row[3])) for row in found}, CLOCK)


def take_out(parcels: Mapping[int, tuple[str, str, str]], actor: Actor) -> Outcome:
    """Stop {id: (state, worked by, reason)}: by way of the WMS where one has the parcel, directly elsewhere."""
    total = Outcome()
    reasons = {identity: reason for identity, (_s, _w, reason) in parcels.items()}
    at_wms = [i for i, (state, route, _r) in parcels.items() if state in AT_WAREHOUSE and route not in OURS]
    direct = [identity for identity in parcels if identity not in set(at_wms)]
    for code, ids in (("stop", at_wms), ("void", direct)):
        if ids:
            total.add(apply(LIFECYCLE, code, sorted(ids), actor=actor, params={"reasons": reasons}))
    return total


def stop(live: list[Any], writer: Writer) -> None:
    """Ask the warehouse to stop; the parcel stays where it is until the answer, but is marked on every screen."""
    houses = warehouses_of({row.warehouse_id for row in live})
    for row in live:
        if row.worked_by in OURS:
            writer.refuse({row.id: Refusal("own", _("Our own warehouse has it: void it directly."))})
            continue
        if row.stop_reason:
            writer.refuse({row.id: Refusal("asked", _("The warehouse was asked already."))})
            continue
        reason = _reason(row, writer)
        writer.set(row, stop_reason=reason)
        writer.context.setdefault("data", {})[row.id] = {"reason": reason}
        writing.ask(
            writer,
            "wms.cancel",
            row.number,
            connection_id=wms_connection(row.worked_by, houses[row.warehouse_id]),
            subject_id=row.id,
            order_id=row.order_id,
            data={"route": row.worked_by},
        )


def void(live: list[Any], writer: Writer) -> None:
    """Void parcels and give their numbers back; refused while a message is in flight or a WMS has not answered."""
    waiting = messages.take_back("waybill.get", [row.id for row in live if row.state == "planned"])
    waiting |= messages.take_back("wms.push", [row.id for row in live if row.state == "numbered"])
    going: list[Any] = []
    for row in live:
        if row.id in waiting:
            text = _("A call for this parcel is on its way; it is voided when the answer is here.")
            writer.refuse({row.id: Refusal("in_flight", text, dt.timedelta(seconds=10))})
        elif row.state in AT_WAREHOUSE and row.worked_by not in OURS and not writer.params.get("stopped"):
            text = _("The warehouse has it: it must be stopped there first.")
            writer.refuse({row.id: Refusal("at_wms", text)})
        else:
            going.append(row)
    _let_go(going, writer)


def refuse(live: list[Any], writer: Writer) -> None:
    """The warehouse does not do it: the parcel is void, its number goes back, the order is held for a person."""
    for row in live:
        writer.set(row, refused=True, hold_type="rejected", hold_reason=_reason(row, writer)[:300])
    _let_go(live, writer)


def _let_go(rows: list[Any], writer: Writer) -> None:
    numbered = [row for row in rows if row.waybill_no and row.rides_with_id is None]
    accounts = label_accounts(row.service for row in numbered)
    by_shop = {row.order_id for row in numbered if row.service not in accounts}
    heads = orders.heads(sorted(by_shop)) if by_shop else {}
    for row in rows:
        reason = _reason(row, writer)
        writer.set(row, stop_reason=reason)
        writer.context.setdefault("data", {})[row.id] = {"reason": reason, "waybill_no": row.waybill_no}
        if row.waybill_no and row.rides_with_id is None:  # a rider's number is its carrier parcel's
            writing.ask(
                writer,
                "waybill.cancel",
                f"{row.service}:{row.waybill_no}",
                connection_id=accounts[row.service]
                if row.service in accounts
                else heads[row.order_id].shop_connection_id,
                subject_id=row.id,
                order_id=row.order_id,
                data={"waybill_no": row.waybill_no, "carrier": row.carrier, "service": row.service},
            )


def _reason(row: Any, writer: Writer) -> str:
    given = writer.params.get("reasons", {}).get(row.id) or writer.params.get("reason") or row.stop_reason
    return str(given or _("voided by hand"))[:200]
