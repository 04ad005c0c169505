"""The crew of our own waves, for a demo with nobody at the shelves: waves, scales, printer, door, by the staff's operations."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import QuerySet

from logistics.models import Parcel
from logistics.operations import packing, printing, shipping, waves
from orderhub.actors import Actor


@dataclass
class Shift:
    """What one round of work came to, in parcels."""

    waved: int = 0
    packed: int = 0
    printed: int = 0
    sent: int = 0


def work(actor: Actor) -> Shift:
    """One round: what is ready is waved, what is waved is packed at its expected weight, labelled and sent off.

    Whatever is stopped on the way (a hold, a refused label) stays where it is and says why on its page.
    """
    shift = Shift(waved=sum(wave.parcel_set.count() for wave in waves.make_waves(actor)))
    for number, grams in _own("waved").values_list("number", "expected_weight_g"):
        shift.packed += packing.pack(number, max(1, grams), actor).result == "good"
    packed = list(_own("packed").values_list("id", flat=True))
    shift.printed = len(printing.print_labels(packed, actor).numbers) if packed else 0
    printed = list(_own("printed").values_list("id", flat=True))
    shift.sent = len(shipping.send_off(printed, actor).moved) if printed else 0
    waves.close_done()
    return shift


def _own(state: str) -> QuerySet[Parcel]:
    return Parcel.objects.filter(state=state, worked_by=Parcel.Route.OWN, stop_reason="").order_by("id")
