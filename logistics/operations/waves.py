"""Our own waves, where no warehouse system serves: parcels of one warehouse and carrier, picked in one walk.

The bin was reserved with the order, so a wave never promises a shelf twice; the pick list walks the bins in order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection, transaction
from django.utils import timezone

from logistics.lifecycle import LIFECYCLE
from logistics.models import Parcel, Policy, Wave
from orderhub.actors import Actor
from orderhub.lifecycle import apply


def make_waves(actor: Actor, parcel_ids: Sequence[int] | None = None) -> list[Wave]:
    """Put what is ready (or these parcels) into waves, single-piece parcels apart; the waves that got parcels.

    Parcels whose order is held are left out and say why on their own page.
    """
    ready = Parcel.objects.filter(
        state="handed", worked_by=Parcel.Route.OWN, stop_reason="", order__open_holds=0
    )
    if parcel_ids is not None:
        ready = ready.filter(id__in=parcel_ids)
    groups: dict[tuple[int, str, bool], list[int]] = {}
    for identity, house, carrier, pieces in ready.order_by("id").values_list(
        "id", "warehouse_id", "carrier", "order__piece_count"
    )[:2000]:
        groups.setdefault((house, carrier, pieces == 1), []).append(identity)
    size = Policy.current().wave_size
    made: list[Wave] = []
    for (house, carrier, _single), ids in sorted(groups.items()):
        for start in range(0, len(ids), size):
            wave = _make(house, carrier, ids[start : start + size], actor)
            if wave is not None:
                made.append(wave)
    return made


def _make(warehouse_id: int, carrier: str, ids: list[int], actor: Actor) -> Wave | None:
    """One wave in one transaction; none where every parcel was refused (somebody else was faster)."""
    with transaction.atomic():
        wave = Wave.objects.create(number=_number(), warehouse_id=warehouse_id, carrier=carrier)
        if apply(LIFECYCLE, "wave", ids, actor=actor, params={"wave_id": wave.id}).moved:
            return wave
        wave.delete()
    return None


def _number() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence('logistics_wave', 'id'))")
        row = cursor.fetchone()
    return f"W{timezone.localdate():%y%m%d}-{row[0]}"


@dataclass(frozen=True, slots=True)
class Pick:
    """One stop of the walk: so many pieces of a SKU from a bin, and for which parcels."""

    bin: str
    sku: str
    name: str
    quantity: int
    parcels: tuple[str, ...]


_PICKS = """
    SELECT b.code, s.code, s.name, sum(r.quantity), array_agg(DISTINCT p.number)
    FROM logistics_parcel p JOIN logistics_parcel q ON q.id = p.id OR q.rides_with_id = p.id
    JOIN logistics_parcelline l ON l.parcel_id = q.id
    JOIN inventory_reservation r ON r.reference = l.reference AND r.state = 'active'
    JOIN inventory_bin b ON b.id = r.bin_id JOIN inventory_sku s ON s.id = r.sku_id
    WHERE p.wave_id = %s AND p.state IN ('waved', 'packed', 'printed') AND p.stop_reason = ''
    GROUP BY b.walk_order, b.code, s.code, s.name ORDER BY b.walk_order, b.code, s.code"""


def pick_list(wave_id: int) -> list[Pick]:
    """The wave's walk, bin by bin; parcels to be stopped are not on it. One statement."""
    with connection.cursor() as cursor:
        cursor.execute(_PICKS, [wave_id])
        return [
            Pick(place, sku, name, int(n), tuple(sorted(numbers)))
            for place, sku, name, n, numbers in cursor.fetchall()
        ]


def close_done() -> int:
    """Waves whose parcels have all left (or are void) are finished; returns how many were closed."""
    busy = (
        Parcel.objects.filter(state__in=["waved", "packed", "printed"]).exclude(wave=None).values("wave_id")
    )
    return Wave.objects.filter(done_at=None).exclude(id__in=busy).update(done_at=timezone.now())
