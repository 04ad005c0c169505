"""After-sales beside the order: the window, the cases, and the money that they give back.

Refund and restock are independent: goods may come back before, after or without the money. A case never
changes a closed order: what is refunded after the closing is in the case (and its red voucher), not in the
order. Whatever happens, the cases that are done never refund more than was paid.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from orderhub import modules
from orderhub.actors import Actor
from orderhub.lifecycle import Writer, apply
from orderhub.money import BadMoney, yuan
from orders import timeline
from orders.amounts import ZERO, allocate_refund
from orders.cases import LIVE, next_number, refunded_by
from orders.lifecycle import BEFORE_SHIPPING, LIFECYCLE
from orders.models import Case, HoldType, Line, Order, OrderState
from orders.operations import holds
from orders.operations.channel_refunds import sync_channel_refunds

__all__ = [
    "CaseRefused",
    "Quiet",
    "close_case",
    "lock_quiet",
    "open_case",
    "open_window",
    "sync_channel_refunds",
]


class CaseRefused(ValueError):
    """An after-sale step that can't be made; the text is for a clerk."""


def open_window(live: list[Any], writer: Writer) -> None:
    """C10: the window opens with the signature and stays open for the shop's days; two statements a batch."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT o.id, o.signed_at, o.signed_at + s.aftersale_days * interval '1 day'
               FROM orders_order o JOIN orders_shop s ON s.id = o.shop_id WHERE o.id = ANY(%s)""",
            [[row.id for row in live]],
        )
        signed = {order_id: (at, until) for order_id, at, until in cursor.fetchall()}
    for row in live:
        at, until = signed[row.id]
        writer.set(row, aftersale_until=until or writer.now)
        writer.occurred(row, at)
        writer.context.setdefault("data", {})[row.id] = {"until": (until or writer.now).isoformat()}


@dataclass(frozen=True, slots=True)
class Quiet:
    """A signed order whose after-sale window ended quietly: `amount` is what is left of it to collect."""

    id: int
    number: str
    amount: Decimal
    since: dt.datetime


def lock_quiet(limit: int, exclude: Sequence[int] = ()) -> list[Quiet]:
    """Lock up to `limit` orders whose window ended with no live case and no open hold, longest quiet first.

    One statement in the caller's transaction; rows that somebody has in hand are left for the next time. Where
    the after-sale module is off nobody opens windows: the shop's days then count from the signature.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT o.id, o.number, o.payable - o.refunded, q.since
               FROM orders_order o JOIN orders_shop s ON s.id = o.shop_id
               CROSS JOIN LATERAL (SELECT coalesce(o.aftersale_until, CASE WHEN %(no_windows)s
                   THEN o.signed_at + s.aftersale_days * interval '1 day' END) AS since) q
               WHERE o.state = 'signed' AND o.open_holds = 0 AND q.since <= now() AND NOT (o.id = ANY(%(exclude)s))
                 AND NOT EXISTS (SELECT 1 FROM orders_case c WHERE c.order_id = o.id AND c.state IN ('open', 'received'))
               ORDER BY q.since, o.id LIMIT %(limit)s FOR UPDATE OF o SKIP LOCKED""",
            {"no_windows": not modules.enabled("aftersale"), "exclude": list(exclude), "limit": limit},
        )
        return [Quiet(*row) for row in cursor.fetchall()]


def open_case(
    order_id: int,
    kind: str,
    amount: Decimal,
    lines: Sequence[dict[str, Any]],
    reason: str,
    number: str,
    actor: Actor,
) -> Case:
    """Open a case: `lines` are [{"line": uuid, "quantity": n}], `number` may be empty; the case.

    A case number is one case however often it is opened. Before shipping the order is held until the case is
    closed; after its closing the case stands beside it. CaseRefused where the order, its lines or the money
    do not allow it.
    """
    with transaction.atomic():
        order = _locked(order_id)
        known = Case.objects.filter(number=number).first() if number else None
        if known is not None:
            if known.order_id != order_id:
                raise CaseRefused(_("This case number belongs to another order."))
            return known
        wanted = _amount(amount)
        if kind not in Case.Kind.values:
            raise CaseRefused(_("Unknown kind of case: %(kind)s") % {"kind": kind})
        if order.state in (OrderState.UNPAID, OrderState.CLAIMED):
            raise CaseRefused(_("The order is not paid; cancel it instead."))
        if kind != Case.Kind.REFUND and order.state in BEFORE_SHIPPING:
            raise CaseRefused(_("Nothing was shipped yet, so nothing can come back: open a refund."))
        cases = list(Case.objects.filter(order_id=order_id))
        left = order.payable - refunded_by(cases)
        if wanted > left:
            raise CaseRefused(_("Only %(left)s of this order is left to refund.") % {"left": left})
        case = Case.objects.create(
            number=number or next_number(order.number, cases), order_id=order_id, kind=kind, amount=wanted,
            lines=_asked(order_id, lines), reason=reason[:200],
        )  # fmt: skip
        _tell(order_id, "case_opened", case, actor, kind=kind, amount=str(wanted), reason=reason)
        if order.state in BEFORE_SHIPPING:
            Order.objects.filter(id=order_id).update(refund_state="asked")
            text = _("A refund is asked: case %(number)s") % {"number": case.number}
            holds.open_holds([order_id], HoldType.REFUND, text, actor, {"case": case.number})
    return case


def close_case(
    case_id: int, outcome: str, actor: Actor, *, amount: Decimal | None = None, note: str = ""
) -> bool:
    """Close a case as `done` (refunding `amount`, by default what it asks), `refused` or `withdrawn`.

    False when it was closed before. A refund of everything before shipping cancels the order (in a
    transaction of its own, after this one); else the hold that the case made is released. CaseRefused where
    the refunds together would be more than was paid.
    """
    if outcome not in (Case.State.DONE, Case.State.REFUSED, Case.State.WITHDRAWN):
        raise CaseRefused(_("A case can't end as %(state)s.") % {"state": outcome})
    found = Case.objects.filter(id=case_id).values_list("order_id", flat=True).first()
    if found is None:
        raise CaseRefused(_("There is no such case."))
    with transaction.atomic():
        order = _locked(found)
        cases = list(Case.objects.filter(order_id=found).order_by("id"))
        case = next(case for case in cases if case.id == case_id)
        if case.state not in LIVE:
            return False
        paid_back = _amount(case.amount if amount is None else amount) if outcome == Case.State.DONE else ZERO
        if outcome == Case.State.DONE:
            case.lines = [*case.lines, *_shares(order, cases, case, paid_back)]
            case.amount = paid_back
        case.state, case.done_at = outcome, timezone.now()
        case.save(update_fields=["state", "amount", "lines", "done_at"])
        others = any(other.state in LIVE for other in cases if other.id != case_id)
        total = refunded_by(cases)
        if order.state != OrderState.CLOSED:
            whole = total == order.payable and total > 0
            Order.objects.filter(id=found).update(
                refunded=total, refund_state="done" if whole else "asked" if others else "none"
            )
        _tell(found, f"case_{outcome}", case, actor, amount=str(paid_back), note=note)
        early = order.state in BEFORE_SHIPPING
        stop = early and total == order.payable
        if early and not stop and not others:
            holds.release_type([found], HoldType.REFUND, actor, note)
    if stop:
        reason = _("Refunded before shipping: case %(number)s") % {"number": case.number}
        apply(LIFECYCLE, "cancel", [found], actor=actor, params={"reason": reason})
    return True


def _locked(order_id: int) -> Order:
    order = Order.objects.select_for_update().filter(id=order_id).first()
    if order is None:
        raise CaseRefused(_("There is no such order."))
    return order


def _amount(value: Decimal) -> Decimal:
    try:
        amount = yuan(value)
    except BadMoney as error:
        raise CaseRefused(str(error)) from error
    if amount < 0:
        raise CaseRefused(_("A refund cannot be negative."))
    return amount


def _asked(order_id: int, lines: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The lines asked about, checked against the order."""
    sold = {
        str(uuid): quantity
        for uuid, quantity in Line.objects.filter(order_id=order_id).values_list("uuid", "quantity")
    }
    asked = []
    for line in lines:
        uuid, quantity = str(line.get("line")), int(line.get("quantity") or 0)
        if uuid not in sold:
            raise CaseRefused(_("The order has no such line: %(line)s") % {"line": uuid})
        if not 0 < quantity <= sold[uuid]:
            raise CaseRefused(
                _("%(n)s pieces were asked of a line of %(sold)s.") % {"n": quantity, "sold": sold[uuid]}
            )
        asked.append({"line": uuid, "quantity": quantity})
    return asked


def _shares(order: Order, cases: Iterable[Case], case: Case, amount: Decimal) -> list[dict[str, Any]]:
    """How the refund falls on the lines: [{"line", "refund"}]; the last refund is the residual of every line."""
    lines = list(
        Line.objects.filter(order_id=order.id).order_by("channel_line").values_list("uuid", "payable")
    )
    before: dict[str, Decimal] = {}
    for other in cases:
        if other.state == Case.State.DONE:
            for entry in other.lines:
                if "refund" in entry:
                    before[entry["line"]] = before.get(entry["line"], ZERO) + Decimal(entry["refund"])
    loose = refunded_by(cases) - sum(before.values(), ZERO)  # refunds of the channel name no lines
    left = [payable - before.get(str(uuid), ZERO) for uuid, payable in lines]
    named = {str(entry["line"]) for entry in case.lines if "line" in entry}
    places = {place for place, (uuid, _payable) in enumerate(lines) if str(uuid) in named} or None
    try:
        left = [value - share for value, share in zip(left, allocate_refund(left, loose), strict=True)]
        shares = allocate_refund(left, amount, places)
    except BadMoney as error:
        raise CaseRefused(str(error)) from error
    return [
        {"line": str(uuid), "refund": str(share)}
        for (uuid, _p), share in zip(lines, shares, strict=True)
        if share
    ]


def _tell(order_id: int, code: str, case: Case, actor: Actor, **data: Any) -> None:
    now = timezone.now()
    said = {"case": case.number, **{key: value for key, value in data.items() if value}}
    timeline.append([timeline.line(order_id, code, actor=actor, now=now, data=said)])
