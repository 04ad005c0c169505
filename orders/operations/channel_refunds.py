"""Refunds that the buyer asked on the channel after shipping become cases beside their orders.

The channel decides and pays back itself; we only keep count. Set-based: the SQL does not grow with the rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from orderhub.actors import Actor, platform
from orderhub.copying import copy_rows, update_rows
from orderhub.lifecycle import Writer
from orderhub.tickets.opening import open_ticket
from orders import timeline
from orders.cases import COLUMNS, TABLE, refunded_by
from orders.models import Case

#: (order id, the channel's refund id, refund/return/exchange, amount, asked/done/refused/withdrawn)
Row = tuple[int, str, str, Decimal, str]
STATES = {
    "asked": Case.State.OPEN,
    "done": Case.State.DONE,
    "refused": Case.State.REFUSED,
    "withdrawn": Case.State.WITHDRAWN,
    "none": Case.State.WITHDRAWN,
}


def sync_channel_refunds(rows: Sequence[Row], writer: Writer | None = None) -> int:
    """Bring the cases of these refunds to what the channel says now; returns how many are new.

    Inside a batch give its `writer`: the work then runs at its flush and 0 is returned. Telling the same twice
    changes nothing; a case that is done stays done. What would refund more than was paid stays open and
    becomes a ticket for finance. Raises KeyError for a state that is not one of STATES.
    """
    wanted = [
        (order_id, refund_id, Case.Kind(kind), amount, STATES[state])
        for order_id, refund_id, kind, amount, state in rows
    ]
    if writer is not None:
        actor = writer.actor

        def at_the_flush() -> None:
            _sync(wanted, actor)

        writer.finish(at_the_flush)
        return 0
    with transaction.atomic():
        return _sync(wanted, platform("channel"))


def _sync(rows: list[tuple[int, str, Case.Kind, Decimal, Case.State]], actor: Actor) -> int:
    now = timezone.now()
    ids = sorted({row[0] for row in rows})
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, payable, refunded, state, shop_id, number FROM orders_order WHERE id = ANY(%s) ORDER BY id FOR UPDATE",
            [ids],
        )
        orders = {row[0]: row for row in cursor.fetchall()}
    cases: dict[int, list[Case]] = {identity: [] for identity in ids}
    for known in Case.objects.filter(order_id__in=ids).order_by("id"):
        cases[known.order_id].append(known)
    made: list[Case] = []
    changed: dict[int, dict[str, Any]] = {}
    events: list[tuple[Any, ...]] = []
    for order_id, refund_id, kind, amount, state in rows:
        if order_id not in orders:
            continue
        _id, payable, _refunded, _state, shop_id, order_number = orders[order_id]
        number = f"CR{shop_id}-{refund_id}"[:40]
        case = next((one for one in cases[order_id] if one.number == number), None)
        if case is None and state == Case.State.WITHDRAWN:
            continue
        if case is not None and (case.state == Case.State.DONE or _same(case, state, amount)):
            continue
        over = state == Case.State.DONE and refunded_by(cases[order_id]) + amount > payable
        if over:
            _too_much(order_id, order_number, number, amount)
            state = Case.State.OPEN
        done_at = None if state == Case.State.OPEN else now
        if case is None:
            case = Case(number=number, order_id=order_id, kind=kind, state=state, amount=amount, done_at=done_at,
                        reason=_("Asked on the channel"))  # fmt: skip
            cases[order_id].append(case)
            made.append(case)
        elif _same(case, state, amount):
            continue
        else:
            # goods that are back already stay received while the money is still open
            case.state = Case.State.RECEIVED if state == Case.State.OPEN and case.received_at else state
            case.amount, case.done_at = amount, done_at
            if case.id is not None:
                changed[case.id] = {"state": str(case.state), "amount": amount, "done_at": done_at}
        code = "case_opened" if case.state in (Case.State.OPEN, Case.State.RECEIVED) else f"case_{case.state}"
        said = {"case": number, "kind": str(kind), "amount": str(amount)}
        events.append(timeline.line(order_id, code, actor=actor, now=now, data=said))
    columns = (*COLUMNS, "done_at")
    copy_rows(TABLE, columns, [_values(case) for case in made])
    update_rows(TABLE, "id", changed)
    totals = {
        identity: {"refunded": refunded_by(cases[identity])}
        for identity, row in orders.items()
        if row[3] != "closed"
    }
    update_rows("orders_order", "id", {i: v for i, v in totals.items() if v["refunded"] != orders[i][2]})
    timeline.append(events)
    return len(made)


def _values(case: Case) -> tuple[Any, ...]:
    return (
        case.number,
        case.order_id,
        str(case.kind),
        str(case.state),
        case.amount,
        [],
        case.reason,
        "",
        case.done_at,
    )


def _same(case: Case, state: Case.State, amount: Decimal) -> bool:
    now = Case.State.OPEN if case.state == Case.State.RECEIVED else case.state
    return now == state and case.amount == amount


def _too_much(order_id: int, order_number: str, number: str, amount: Decimal) -> None:
    open_ticket(
        "refund_over_paid",
        f"refund_over_paid:{number}",
        _("Order %(order)s: refund %(case)s of %(amount)s is more than was paid")
        % {"order": order_number, "case": number, "amount": amount},
        role="finance",
        order_id=order_id,
    )
