"""The pack station: a scanned number, the scales' weight, and one answer for the packer."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from logistics.lifecycle import LIFECYCLE
from logistics.models import Parcel, WeightState
from logistics.operations import holding
from orderhub.actors import Actor
from orderhub.lifecycle import apply
from orders.models import Order

MAX_G = 100_000


@dataclass(frozen=True, slots=True)
class Packed:
    """What the packer sees: good, off (set it aside) or stop, with words; the parcel if it was found."""

    result: str
    text: str
    parcel: Parcel | None = None


def find(scanned: str) -> Parcel | None:
    """The live parcel under a scanned waybill or parcel number."""
    word = scanned.strip().upper()
    found = Parcel.objects.filter(Q(waybill_no=word) | Q(number=word)).exclude(state="voided")
    parcel = (
        found.select_related("warehouse", "rides_with__warehouse").order_by("-id").first() if word else None
    )
    return parcel.rides_with if parcel is not None and parcel.rides_with is not None else parcel


def pack(scanned: str, weight_g: int, actor: Actor, within: QuerySet[Order] | None = None) -> Packed:
    """Pack and weigh one parcel of our own warehouse; a weight that is off holds the order at once.

    `within` are the orders that the packer sees; None is all. A parcel of another order is not known.
    """
    parcel = find(scanned)
    if parcel is not None and within is not None and not within.filter(pk=parcel.order_id).exists():
        parcel = None
    if parcel is None:
        return Packed("stop", _("No live parcel has the number %(n)s.") % {"n": scanned.strip()[:40]})
    if not 0 < weight_g <= MAX_G:
        return Packed("stop", _("The weight must lie between 1 g and 100 kg."), parcel)
    if parcel.worked_by != Parcel.Route.OWN:
        return Packed(
            "stop", _("This parcel is worked by %(who)s.") % {"who": parcel.get_worked_by_display()}, parcel
        )
    outcome = apply(LIFECYCLE, "pack", [parcel.id], actor=actor, params={"weights": {parcel.id: weight_g}})
    refusal = outcome.refused.get(parcel.id)
    parcel.refresh_from_db()
    if refusal is not None:
        if refusal.code == "wrong_state":
            return Packed(
                "stop",
                _("It is “%(state)s” and can't be packed now.") % {"state": parcel.get_state_display()},
                parcel,
            )
        return Packed("stop", refusal.text, parcel)
    if parcel.weight_state == WeightState.OFF:
        holding.tell()
        return Packed("off", _("Set it aside: %(why)s.") % {"why": parcel.hold_reason}, parcel)
    return Packed("good", _("%(weight)s g, as expected. Print the label.") % {"weight": weight_g}, parcel)
