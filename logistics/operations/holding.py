"""A parcel's trouble becomes a hold on its order and a ticket, in a transaction of its own; a release lets it go on."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection, transaction
from django.utils.translation import gettext as _

from logistics.models import Parcel
from orderhub.actors import CLOCK, platform
from orderhub.tickets.opening import open_ticket
from orders.operations import holds


def title(kind: str, number: str) -> str:
    """A ticket's title for a kind of trouble."""
    return {
        "weight": _("Weight of parcel %(number)s is off"),
        "rejected": _("Warehouse refused parcel %(number)s"),
        "broken": _("Parcel %(number)s could not be processed"),
    }.get(kind, _("Parcel %(number)s needs a person")) % {"number": number}


def tell(*, n: int = 200) -> int:
    """Hold the orders of parcels in trouble, with a ticket each; returns how many parcels were told."""
    rows = list(Parcel.objects.filter(hold_told=False).exclude(hold_type="").order_by("id")[:n])
    by_type: dict[str, list[Parcel]] = {}
    for parcel in rows:
        by_type.setdefault(parcel.hold_type, []).append(parcel)
    for kind, parcels in by_type.items():
        actor = platform(parcels[0].worked_by) if kind == "rejected" else CLOCK
        reasons = {parcel.order_id: f"{parcel.number}: {parcel.hold_reason}" for parcel in parcels}
        with transaction.atomic():
            holds.open_holds(
                list(reasons), kind, reasons, actor, {"parcels": [p.number for p in parcels][:20]}
            )
            for parcel in parcels:
                open_ticket(
                    f"parcel_{kind}",
                    f"{kind}:{parcel.number}",
                    title(kind, parcel.number),
                    body=parcel.hold_reason,
                    role="warehouse_manager",
                    order_id=parcel.order_id,
                )
            Parcel.objects.filter(id__in=[parcel.id for parcel in parcels], hold_type=kind).update(
                hold_told=True
            )
    return len(rows)


_RELEASED = """
    UPDATE logistics_parcel p SET hold_type = '', hold_told = false, attempts = 0, lease_until = NULL,
        open_holds = CASE WHEN p.hold_type = 'broken' THEN 0 ELSE p.open_holds END,
        weight_state = CASE WHEN p.hold_type = 'weight' THEN 'released' ELSE p.weight_state END,
        wms_polled_at = NULL, next_try_at = now(), refusal = ''
    WHERE p.hold_type <> '' AND p.hold_told AND NOT EXISTS (
        SELECT 1 FROM orders_hold h WHERE h.order_id = p.order_id AND h.type = p.hold_type AND h.released_at IS NULL)"""


def go_on() -> int:
    """Parcels whose hold a person has released: a weight counts as accepted, a broken one is tried again."""
    with connection.cursor() as cursor:
        cursor.execute(_RELEASED)
        return int(cursor.rowcount)


def set_aside(parcel_ids: Sequence[int], code: str, reason: str) -> None:
    """Parcels that broke or killed their worker: out of the automatic path, their order is held by `tell`."""
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE logistics_parcel SET hold_type = 'broken', hold_reason = %s, hold_told = false, open_holds = 1,
                   attempts = 0, lease_until = NULL WHERE id = ANY(%s)""",
            [f"{code}: {reason}"[:300], list(parcel_ids)],
        )
