"""One clear next thing on the order's page: what a person should do, or what the house does by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from orderhub.admin_site.marks import ago, clock
from orderhub.admin_site.words import failure, kind_label
from orders.admin.filters import TO_SHIP
from orders.models import Hold, HoldType, Order
from orders.models import OrderState as S


@dataclass(frozen=True, slots=True)
class Step:
    """`tone` bad or warn asks for a person; `link` leads to where `action` is done."""

    tone: str
    title: str
    text: str
    link: str = ""
    action: str = ""


#: What the house does by itself in each state.
GOING: dict[str, Any] = {
    S.UNPAID: gettext_lazy("Waiting for the buyer's payment."),
    S.CLAIMED: gettext_lazy("The channel is asked whether the payment is real."),
    S.PAID: gettext_lazy("Stock is being held, down to the bin."),
    S.RESERVED: gettext_lazy("Warehouse, carrier and outlet are being chosen."),
    S.ROUTED: gettext_lazy("A waybill number is obtained, then the warehouse gets the order."),
    S.RELEASED: gettext_lazy("The warehouse puts it into a pick wave."),
    S.WAVED: gettext_lazy("The warehouse picks, packs and weighs it."),
    S.PACKED: gettext_lazy("The label is printed and stuck on."),
    S.PRINTED: gettext_lazy("The parcel leaves the warehouse and is reported to the channel."),
    S.SHIPPED: gettext_lazy("It is on its way; traces come back by themselves."),
    S.SIGNED: gettext_lazy(
        "The after-sale window is open; when it ends quietly, the receivable is confirmed."
    ),
    S.CLOSED: gettext_lazy("Nothing to do: the receivable is confirmed and the order is closed for good."),
    S.CANCELLED: gettext_lazy("Nothing to do: the order is cancelled and its stock has gone back."),
}

#: What a person can do about it, where he can: the part of the page, and the button.
REMEDY: dict[str, tuple[str, Any]] = {
    "no_capacity": ("#panel-route", gettext_lazy("Choose another outlet")),
    "choice_impossible": ("#panel-route", gettext_lazy("Choose another outlet")),
}

#: What a person does about a hold, for every kind of it.
HELD: dict[str, Any] = {
    HoldType.DUPLICATE: gettext_lazy("Compare with the other order: cancel the one too many, release the one that is meant."),
    HoldType.PAYMENT: gettext_lazy("Do not ship. Ask the gateway: it arrived, say so and release; it did not, cancel."),
    HoldType.REFUND: gettext_lazy("Agree by cancelling the order. If the buyer takes the wish back, say so and release."),
    HoldType.ADDRESS: gettext_lazy("Decide the address in the address review; the order then goes on by itself."),
    HoldType.MAPPING: gettext_lazy("Map the code to a SKU; the order then goes on by itself."),
    HoldType.STOCK: gettext_lazy("Offer a substitute or a later day, or cancel. It is tried again when goods arrive."),
    HoldType.BACKORDER: gettext_lazy("Nothing to do: it goes on by itself when the goods arrive."),
    HoldType.ROUTE: gettext_lazy("Choose warehouse and outlet under “Why it goes there”, or correct the address."),
    HoldType.PLATFORM: gettext_lazy("Ask the platform why; it goes on when the platform lets it go."),
    HoldType.ELSEWHERE: gettext_lazy("Ask who shipped it. It was sent: cancel here, so that it is not sent twice."),
    HoldType.UNKNOWN: gettext_lazy("Look the order up in the channel's back office; if it may ship, say so and release."),
    HoldType.BROKEN: gettext_lazy("Release to try once more; if it comes back, tell your supervisor with the order number."),
    HoldType.REJECTED: gettext_lazy("Read the warehouse's reason, then route again or cancel."),
    HoldType.WEIGHT: gettext_lazy("Open it and count: pack it again, or release if the weight on file is wrong."),
    HoldType.LATE_PAYMENT: gettext_lazy("Offer a substitute or a later day, or cancel and give the money back."),
    HoldType.RISK: gettext_lazy("Call the buyer. All is well: say so and release; if not, cancel."),
    HoldType.STOCK_LOCK: gettext_lazy("Count the shelf or order more; it goes on when there is enough again."),
    HoldType.RULE: gettext_lazy("Do what the rule asks for, then say so and release."),
    HoldType.MANUAL: gettext_lazy("Ask who held it; when it is settled, say so and release."),
}  # fmt: skip
#: Where a kind of hold is settled, if not by releasing it.
SETTLED: dict[str, tuple[str, Any]] = {
    HoldType.ADDRESS: ("address_review", gettext_lazy("Decide the address")),
    HoldType.MAPPING: ("inventory_unknowncode_changelist", gettext_lazy("Map the codes")),
}

#: Why the last try did not move it, by the refusal's code.
WAITING: dict[str, Any] = {
    "stock": gettext_lazy("there is not enough stock yet"),
    "no_stock": gettext_lazy("there is not enough stock yet"),
    "nothing_to_hold": gettext_lazy("not enough is free to be held for it before it is paid"),
    "no_capacity": gettext_lazy("no outlet that reaches it has places left today"),
    "no_receiver": gettext_lazy("its receiver is not known yet"),
    "no_warehouse": gettext_lazy("no warehouse has all of its goods"),
    "address_pending": gettext_lazy("its address is being looked up"),
    "forbidden": gettext_lazy("the rules leave no outlet for it"),
    "out_of_reach": gettext_lazy("no carrier delivers there"),
    "choice_impossible": gettext_lazy("what was chosen by hand is not possible now"),
    "move_failed": gettext_lazy("its goods could not be moved to the chosen warehouse"),
    "moved_on": gettext_lazy("it has gone further meanwhile"),
    "part_left": gettext_lazy("a part of it has left already"),
    "not_expired": gettext_lazy("it did not expire unpaid"),
    "known": gettext_lazy("that return is known already"),
    "no_receipt": gettext_lazy("the return names no receipt"),
    "no_such_line": gettext_lazy("the return names goods that are not in it"),
    "no_such_disposition": gettext_lazy("the return says nothing of what becomes of the goods"),
    "too_many": gettext_lazy("more came back than was sent"),
    "no_proof": gettext_lazy("the gateway has not answered yet"),
    "open_case": gettext_lazy("an after-sale case is open"),
    "held": gettext_lazy("it is held"),
    "handed_over": gettext_lazy("a warehouse has it already"),
    "tied": gettext_lazy("it is split or ships with others"),
    "module_off": gettext_lazy("the module for the next step is switched off"),
}


def what_now(kind: str) -> str:
    """What a person does about a hold of this kind."""
    return str(HELD.get(kind, ""))


def next_step(order: Order, holds: Sequence[Hold], stuck: Sequence[Any]) -> Step:
    """Holds first, then effects that failed, then a broken promise, then what goes on by itself."""
    if holds:
        first = holds[0]
        more = _(" and %(n)d more") % {"n": len(holds) - 1} if len(holds) > 1 else ""
        title = _("Held: %(type)s%(more)s") % {"type": first.get_type_display(), "more": more}
        text = " ".join(part for part in (first.reason, what_now(first.type)) if part)
        if first.type == HoldType.BACKORDER and len(holds) == 1:
            return Step("info", title, text)
        if first.type in SETTLED:
            page, action = SETTLED[first.type]
            return Step("bad", title, text, reverse(f"admin:{page}"), str(action))
        return Step("bad", title, text, "#holds", _("Look at the holds"))
    if stuck:
        message = stuck[0]
        title = _("Needs you: %(effect)s") % {"effect": kind_label(message.kind)}
        return Step(
            "bad", title, message.error or str(failure(message.error_kind)), "#outbox", _("Look and retry")
        )
    text = str(GOING.get(order.state, ""))
    if order.refusal:
        why = WAITING.get(order.refusal, order.refusal)
        text += " " + _("It waits because %(why)s; next try %(when)s.") % {
            "why": why,
            "when": ago(order.next_try_at),
        }
    if order.state == S.UNPAID and order.expires_at:
        text += " " + _("Unpaid, it is cancelled %(when)s.") % {"when": ago(order.expires_at)}
    if order.state == S.SIGNED and order.aftersale_until:
        text += " " + _("The window ends on %(time)s.") % {"time": clock(order.aftersale_until)}
    late = order.promised_ship_at and order.state in TO_SHIP and order.promised_ship_at < timezone.now()
    if late:
        link, action = REMEDY.get(order.refusal, ("", ""))
        return Step("warn", _("Past its promised time"), text, link, str(action))
    if order.refusal:
        link, action = REMEDY.get(order.refusal, ("", ""))
        return Step("warn", _("Waiting"), text, link, str(action))
    done = order.state in (S.CLOSED, S.CANCELLED)
    return Step("done" if done else "info", _("Finished") if done else _("Goes on by itself"), text)
