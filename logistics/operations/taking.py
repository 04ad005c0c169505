"""Parcels are taken back to be planned otherwise: all of an order's, or none and the change is refused."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext as _

from logistics.lifecycle import LIFECYCLE
from logistics.models import Parcel
from logistics.operations import voids
from orderhub.actors import Actor
from orderhub.lifecycle import apply

#: Nobody has picked it yet.
BEFORE_PICKING = ("planned", "numbered", "handed")


def take_out(
    order_ids: Sequence[int], actor: Actor, why: str, refused: type[Exception], *, late: bool = False
) -> None:
    """Void the live parcels of locked orders in the caller's transaction, or raise `refused` with words for a clerk.

    `why` is a code of voids.words. `late`: a parcel that a warehouse has is asked to stop there, and voided when
    it says so; else it refuses.
    """
    parcels = list(
        Parcel.objects.select_for_update(of=("self",))
        .filter(order_id__in=order_ids)
        .exclude(state="voided")
        .order_by("id")
    )
    picked = [p for p in parcels if p.state not in BEFORE_PICKING]
    if picked:
        raise refused(_("Parcel %(number)s is being picked or has left.") % {"number": picked[0].number})
    at_wms = {p.id: p for p in parcels if p.state == "handed" and p.worked_by not in voids.OURS}
    if at_wms and not late:
        number = next(iter(at_wms.values())).number
        raise refused(_("A warehouse has parcel %(number)s already.") % {"number": number})
    direct = [p.id for p in parcels if p.id not in at_wms and p.rides_with_id not in at_wms]
    for code, ids in (("void", direct), ("stop", sorted(at_wms))):
        if ids:
            outcome = apply(LIFECYCLE, code, ids, actor=actor, params={"reason": voids.words(why)})
            no = next((r for r in outcome.refused.values() if r.code != "asked"), None)
            if no is not None:
                raise refused(no.text)
