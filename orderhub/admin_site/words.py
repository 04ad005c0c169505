"""Words for clerks: what an effect is called, and what a kind of failure means and asks for."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from orderhub.integrations.platforms import name_of
from orderhub.outbox.registry import KINDS

#: What each kind of failure means, in a sentence that says what to do.
FAILURES: dict[str, Any] = {
    "retry": _("The platform could not do it just now; it is tried again by itself."),
    "reauthorise": _("The shop's authorisation has ended: connect it again, then retry."),
    "business": _("The platform refuses it: read its reason, correct, then retry."),
    "configuration": _("Our settings for this platform are wrong: correct the platform account, then retry."),
    "unknown": _("No answer came back; the platform is asked whether it was done before it is repeated."),
    "exhausted": _("It was tried many times without success: look at the last reason, then retry."),
    "internal": _("Our own program failed while taking in the answer; the effect may be there."),
}

EFFECTS: dict[str, Any] = {
    "payment.query": _("Ask the gateway about a payment"),
    "channel.look": _("Ask the channel about an order that it spoke of"),
    "waybill.get": _("Obtain a waybill number"),
    "waybill.cancel": _("Give a waybill number back"),
    "wms.push": _("Hand over to the warehouse"),
    "wms.cancel": _("Stop at the warehouse"),
    "channel.ship": _("Report the shipment to the channel"),
    "trace.subscribe": _("Subscribe to traces"),
    "voucher.save": _("Save the receivable voucher"),
    "voucher.submit": _("Submit the receivable voucher"),
    "voucher.audit": _("Audit the receivable voucher"),
    "sms.send": _("Send an SMS"),
    "notice.send": _("Tell our people"),
    "report.mail": _("Mail a report to a colleague"),
}


PAYLOAD_KINDS: dict[str, Any] = {
    "order": _("order"),
    "payment": _("payment notice"),
    "letter": _("message of a channel"),
    "confirm": _("warehouse's confirmation"),
    "trace": _("trace"),
    "return": _("return receipt"),
    "purchase": _("purchase order"),
    "stockin": _("stock-in receipt"),
}
SOURCES: dict[str, Any] = {
    "pull": _("pulled"),
    "push": _("pushed"),
    "api": _("by REST"),
    "replay": _("parsed again"),
}
CARRIERS: dict[str, Any] = {
    "zto": _("ZTO Express"),
    "cainiao": _("Cainiao"),
    "sf": _("SF Express"),
    "sto": _("STO Express"),
    "yto": _("YTO Express"),
    "yunda": _("Yunda Express"),
    "jtexpress": _("J&T Express"),
}


def payload_kind(kind: str) -> Any:
    """What a payload is about."""
    return PAYLOAD_KINDS.get(kind, kind)


def source(code: str) -> Any:
    """How a payload came."""
    return SOURCES.get(code, code)


def carrier(code: str) -> Any:
    """A carrier's name; a code that is not known is shown as it is."""
    return CARRIERS.get(code.lower(), code)


def actor(kind: str, name: str) -> str:
    """Who did it: a person's name, a platform's, or the house itself."""
    if name.startswith("rule:"):
        return _now("a rule")
    if kind == "clock":
        return _now("the house")
    if name == "carrier":
        return _now("the carrier")
    if kind == "platform":
        return name_of(name)
    return name


def whose(name: str) -> str:
    """The same for rows that keep only a name."""
    return actor("clock" if name == "clock" else "platform", name)


def failure(kind: str) -> Any:
    """The sentence for a kind of failure; an unknown word is shown as it is."""
    return FAILURES.get(kind, kind)


def kind_label(kind: str) -> str:
    """What a kind of message does, in the reader's language."""
    known = EFFECTS.get(kind)
    return str(known) if known is not None else _now(KINDS[kind].label) if kind in KINDS else kind
