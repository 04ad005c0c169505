"""The timeline in sentences: the row keeps facts, the words are here."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from orderhub.admin_site.marks import clock, yuan
from orderhub.admin_site.words import actor, carrier
from orders.lifecycle import LIFECYCLE
from orders.models import HoldType, OrderState

Facts = dict[str, Any]

#: Events that are no touch: what to call them.
NAMES: dict[str, Any] = {
    "received": gettext_lazy("Order received from the channel"),
    "channel_changed": gettext_lazy("The channel's state changed"),
    "address_changed": gettext_lazy("The buyer changed the address"),
    "address_completed": gettext_lazy("Address completed"),
    "address_restored": gettext_lazy("Completed address undone"),
    "address_let_go": gettext_lazy("Routed without a checked address"),
    "within_reach": gettext_lazy("The carrier delivers there"),
    "out_of_reach": gettext_lazy("The carrier does not deliver there"),
    "reach_unknown": gettext_lazy("Nobody could say whether the carrier delivers there"),
    "hold_opened": gettext_lazy("Held"),
    "hold_released": gettext_lazy("Hold released"),
    "rule_acted": gettext_lazy("A rule acted"),
    "case_opened": gettext_lazy("After-sale case opened"),
    "case_received": gettext_lazy("Goods of the case received"),
    "case_done": gettext_lazy("After-sale case settled"),
    "case_refused": gettext_lazy("After-sale case refused"),
    "case_withdrawn": gettext_lazy("After-sale case withdrawn by the buyer"),
    "voucher_save": gettext_lazy("Voucher saved in Kingdee"),
    "voucher_submit": gettext_lazy("Voucher submitted in Kingdee"),
    "voucher_audit": gettext_lazy("Voucher audited in Kingdee"),
    "revealed": gettext_lazy("Receiver revealed to a person"),
    "payload_viewed": gettext_lazy("Raw payload viewed"),
    "edited": gettext_lazy("Details edited"),
    "refunded": gettext_lazy("Refunded"),
    "merged": gettext_lazy("Ships together with others"),
    "merge_left": gettext_lazy("No longer ships with the others"),
    "merge_undone": gettext_lazy("Merge undone"),
    "parcel.rides": gettext_lazy("Packed in another order's parcel"),
    "moved": gettext_lazy("Goods moved to another warehouse"),
    "split": gettext_lazy("Split into several parcels"),
    "split_undone": gettext_lazy("Split undone"),
    "swapped": gettext_lazy("Another article goes instead"),
}

#: Events that ask for attention, and those that are about looking rather than doing.
TONES = {
    "hold_opened": "bad", "hold_released": "good", "cancel": "done", "case_opened": "warn", "address_changed": "warn",
    "out_of_reach": "warn", "reach_unknown": "warn",
    "revealed": "neutral", "payload_viewed": "neutral", "sign": "good", "close": "good",
}  # fmt: skip


def name(code: str) -> str:
    """What happened, in two or three words."""
    touch = LIFECYCLE.by_code.get(code)
    return str(touch.label if touch else NAMES.get(code, code))


def tone(code: str) -> str:
    """How loud the line is."""
    return TONES.get(code, "info" if code in LIFECYCLE.by_code else "neutral")


def details(code: str, facts: Facts) -> str:
    """The facts of one event as a sentence, or an empty text where its name says it all."""
    says = SAYS.get(code)
    if says is not None:
        return says(facts)
    return " · ".join(
        f"{WORDS.get(key, key)}: {_fact(key, value)}" for key, value in facts.items() if _plain(value)
    )


def _plain(value: Any) -> bool:
    return value not in (None, "", [], {}) and not isinstance(value, dict)


def _fact(key: str, value: Any) -> str:
    return str(carrier(value)) if key == "carrier" and isinstance(value, str) else _value(value)


def _value(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    if isinstance(value, str) and len(value) >= 19 and value[4:5] == "-" and (at := parse_datetime(value)):
        return clock(at)
    return str(value)


def _hold(facts: Facts) -> str:
    kind = facts.get("type", "")
    label = dict(HoldType.choices).get(kind, kind)
    return f"{label}: {facts.get('reason') or facts.get('note') or ''}".rstrip(": ")


def _cancel(facts: Facts) -> str:
    parts = [str(facts.get("reason") or "")]
    if facts.get("from"):
        label = dict(OrderState.choices).get(facts["from"], facts["from"])
        parts.append(_("it was “%(state)s”") % {"state": label})
    if facts.get("withdrawn"):
        parts.append(_("withdrawn: %(n)d messages") % {"n": len(facts["withdrawn"])})
    if facts.get("refund"):
        parts.append(_("refund proposed: case %(case)s") % {"case": facts["refund"]})
    return " · ".join(part for part in parts if part)


def _case(facts: Facts) -> str:
    amount = f" {yuan(_decimal(facts['amount']))}" if facts.get("amount") else ""
    return f"{facts.get('case', '')}{amount} {facts.get('reason') or facts.get('note') or ''}".strip()


def _decimal(text: Any) -> Decimal | None:
    try:
        return Decimal(str(text))
    except InvalidOperation:
        return None


def _address(facts: Facts) -> str:
    if facts.get("was") and facts.get("was") != facts.get("district"):
        return _("from %(was)s to %(now)s") % {"was": facts["was"], "now": facts.get("district", "")}
    return _("within %(district)s") % {"district": facts.get("district", "")}


def _window(facts: Facts) -> str:
    until = parse_datetime(str(facts.get("until", "")))
    return _("until %(time)s") % {"time": clock(until)} if until else ""


def _weight(facts: Facts) -> str:
    weight, expected = facts.get("weight_g"), facts.get("expected_weight_g") or facts.get("expected_g")
    if weight is None:
        return ""
    if expected:
        return _("%(weight)s g, expected %(expected)s g") % {"weight": weight, "expected": expected}
    return f"{weight} g"


def _parcels(facts: Facts) -> str:
    """The waybills that it is about, or the parcels that have none yet."""
    return ", ".join(str(item) for item in facts.get("waybills") or facts.get("parcels") or [])


def _payment(facts: Facts) -> str:
    if not facts.get("asked"):
        return ""
    said = _("%(who)s says: %(amount)s") % {
        "who": actor("platform", str(facts["asked"])), "amount": yuan(_decimal(facts.get("amount"))),
    }  # fmt: skip
    return f"{said} · {facts['trade_no']}" if facts.get("trade_no") else said


def _route(facts: Facts) -> str:
    parts = (facts.get("warehouse"), carrier(str(facts.get("carrier") or "")), facts.get("outlet"))
    return " · ".join(str(part) for part in parts if part)


def _reach(facts: Facts) -> str:
    said = f"{actor('platform', str(facts.get('channel', '')))} · {carrier(str(facts.get('carrier', '')))}"
    return f"{said} · {facts['reason']}" if facts.get("reason") else said


def _return(facts: Facts) -> str:
    return f"{facts.get('case', '')} · {_('%(n)s pieces') % {'n': facts.get('pieces', 0)}}"


#: Why an order left its merge.
LEFT: dict[str, Any] = {
    "cancelled": gettext_lazy("the order was cancelled"),
    "address": gettext_lazy("the address was changed"),
    "refund": gettext_lazy("a refund was asked"),
    "warehouses": gettext_lazy("no warehouse has all the goods"),
    "alone": gettext_lazy("it was the last one"),
}


def _left(facts: Facts) -> str:
    return str(LEFT.get(str(facts.get("why")), ""))


def _with(facts: Facts) -> str:
    """The other orders of the parcel."""
    return ", ".join(str(number) for number in facts.get("with") or [])


#: What a rule did, by the action's code.
DID: dict[str, Any] = {
    "hold": gettext_lazy("order held"), "release": gettext_lazy("hold let go"), "tag": gettext_lazy("tag added"),
    "prioritise": gettext_lazy("moved forward"), "prefer": gettext_lazy("warehouse preferred"),
    "ticket": gettext_lazy("ticket opened"), "bell": gettext_lazy("told at the bell"), "sms": gettext_lazy("told by SMS"),
    "feishu": gettext_lazy("told in Feishu"), "dingtalk": gettext_lazy("told in DingTalk"),
    "email": gettext_lazy("told by e-mail"),
}  # fmt: skip


def _acted(facts: Facts) -> str:
    done = _(", ").join(str(DID.get(action, action)) for action in facts.get("actions") or ())
    return " · ".join(part for part in (str(facts.get("why") or ""), done) if part)


def _unpaid(facts: Facts) -> str:
    pieces = _("%(n)s pieces") % {"n": facts["pieces"]} if facts.get("pieces") else ""
    until = _("until %(time)s") % {"time": _value(facts["until"])} if facts.get("until") else ""
    return " · ".join(part for part in (pieces, until) if part)


SAYS: dict[str, Callable[[Facts], str]] = {
    "rule_acted": _acted,
    "hold_unpaid": _unpaid,
    "merged": _with,
    "merge_left": _left,
    "merge_undone": _left,
    "moved": _with,
    "parcel.rides": lambda facts: f"{facts.get('parcel', '')} → {facts.get('inside', '')}",
    "split": lambda facts: _("%(n)s parcels") % {"n": facts.get("parcels", "")},
    "hold_opened": _hold,
    "hold_released": _hold,
    "cancel": _cancel,
    "case_opened": _case,
    "case_received": _case,
    "case_done": _case,
    "case_refused": _case,
    "case_withdrawn": _case,
    "address_changed": _address,
    "open_aftersale": _window,
    "pack": _weight,
    "release": _parcels,
    "wave": _parcels,
    "print": _parcels,
    "ship": _parcels,
    "sign": _parcels,
    "verify": _payment,
    "route": _route,
    "within_reach": _reach,
    "out_of_reach": _reach,
    "reach_unknown": _reach,
    "reserve": lambda facts: _("%(n)s pieces") % {"n": facts["pieces"]} if facts.get("pieces") else "",
    "receive_return": _return,
    "channel_changed": lambda facts: (
        f"{facts.get('from') or '—'} → {facts.get('to') or facts.get('channel_state', '')}"
    ),
    "swapped": lambda facts: f"{facts.get('from', '')} → {facts.get('to', '')} × {facts.get('pieces', '')}",
    "revealed": lambda facts: _("reason: %(reason)s") % {"reason": facts.get("reason", "")},
}

#: Words for the keys of facts that have no sentence of their own.
WORDS: dict[str, Any] = {
    "waybill_no": gettext_lazy("waybill"), "carrier": gettext_lazy("carrier"), "warehouse": gettext_lazy("warehouse"),
    "outlet": gettext_lazy("outlet"), "outlet_code": gettext_lazy("outlet"), "parcel": gettext_lazy("parcel"),
    "parcels": gettext_lazy("parcels"), "amount": gettext_lazy("amount"), "source": gettext_lazy("asked"),
    "trade_no": gettext_lazy("payment number"), "reason": gettext_lazy("reason"), "voucher": gettext_lazy("voucher"),
    "wave": gettext_lazy("wave"), "pieces": gettext_lazy("pieces"), "policy": gettext_lazy("policy"),
    "precision": gettext_lazy("precision"), "district": gettext_lazy("district"), "version": gettext_lazy("version"),
    "state": gettext_lazy("state"), "bins": gettext_lazy("bins"), "number": gettext_lazy("number"),
}  # fmt: skip


def lag(occurred: dt.datetime, recorded: dt.datetime) -> dt.timedelta | None:
    """How much later we learned of it, where that is worth saying."""
    late = recorded - occurred
    return late if late > dt.timedelta(minutes=1) else None
