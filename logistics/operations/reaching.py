"""What a channel said of a carrier's reach, on the order's timeline; a parcel out of it goes back to be routed otherwise.

The timeline is the memory: routing leaves out carriers that were said not to deliver to the present address, and
nobody is asked the same twice. A released address hold means: ask again (`orders.queries.reach`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from logistics.models import Parcel
from logistics.operations.taking import take_out
from logistics.queries import orders_in
from orderhub.actors import platform
from orderhub.admin_site.words import carrier as carrier_name
from orderhub.integrations.platforms import name_of
from orderhub.lifecycle import apply
from orderhub.models import Message
from orders import timeline
from orders.lifecycle import LIFECYCLE
from orders.models import Order

WITHIN, OUT, UNKNOWN = "within_reach", "out_of_reach", "reach_unknown"


class Stays(Exception):
    """Why a parcel out of reach could not be taken back, in words."""


@dataclass(frozen=True, slots=True)
class Note:
    """One answer of a channel about one order's address (its version) and one carrier."""

    order_id: int
    code: str
    channel: str
    carrier: str
    version: int
    reason: str = ""


def words(channel: str, carrier: str) -> str:
    """Who says that which carrier does not deliver."""
    return _("%(channel)s: %(carrier)s does not deliver to this address.") % {
        "channel": name_of(channel), "carrier": carrier_name(carrier),
    }  # fmt: skip


def note(notes: Sequence[Note]) -> None:
    """Write answers to the timeline, one statement."""
    if not notes:
        return
    now = timezone.now()
    with transaction.atomic():
        timeline.append(
            [
                timeline.line(
                    n.order_id, n.code, actor=platform(n.channel), now=now,
                    data={"carrier": n.carrier, "channel": n.channel, "version": n.version, "reason": n.reason[:200]},
                )
                for n in notes
            ]
        )  # fmt: skip


def turn_back(messages: Sequence[Message]) -> None:
    """Their parcels are voided, their orders routed anew, and why is on the timeline; all in the caller's transaction.

    An order that no longer waits for a number (cancelled, changed meanwhile) only keeps the note.
    """
    inside = orders_in([message.subject_id for message in messages])
    ids = sorted({order_id for orders in inside.values() for order_id in orders})
    states = {  # orders before parcels: LOCK_ORDER
        row[0]: row[1:]
        for row in Order.objects.select_for_update(of=("self",))
        .filter(id__in=ids)
        .order_by("id")
        .values_list("id", "state", "destination_version")
    }
    asked = dict(
        Parcel.objects.filter(id__in=list(inside)).values_list("order_id", "destination_version")
    )  # the address that was asked about
    by_reason: dict[tuple[str, str], list[int]] = {}
    notes: list[Note] = []
    for message in messages:
        said = message.answer or {}
        channel, carrier = str(said["channel"]), str(said["out_of_reach"])
        for order_id in inside[message.subject_id]:
            version = asked.get(order_id, states[order_id][1])
            notes.append(Note(order_id, OUT, channel, carrier, version, str(said.get("reason") or "")))
            if states[order_id][0] in ("routed", "released"):
                by_reason.setdefault((channel, carrier), []).append(order_id)
    note(notes)
    for (channel, carrier), going in by_reason.items():
        actor, why = platform(channel), words(channel, carrier)
        take_out(going, actor, "unreached", Stays)
        refused = apply(LIFECYCLE, "reroute", going, actor=actor, params={"reason": why}).refused
        if refused:
            raise Stays(next(iter(refused.values())).text)
