"""Pieces change their place, or are put by for somebody: both by hand, both with a reason, both only of what is free."""

from __future__ import annotations

import datetime as dt
import uuid

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from inventory.models import Bin, Reservation
from inventory.operations.count import Refused, lock
from inventory.operations.receive import ARRIVED
from inventory.operations.release import release
from inventory.operations.reserve import MOVEMENT_COLUMNS
from orderhub.copying import copy_rows
from orderhub.nudge import nudge

#: The longest that staff may put goods by.
LONGEST = dt.timedelta(days=90)


def transfer(sku_id: int, source: int, target: int, pieces: int, reason: str, actor_name: str) -> str:
    """Move free pieces of a SKU from one bin to another, of whatever warehouses; the reference of both ledger lines.

    One transaction. Refused where they are not free, or nothing would move.
    """
    _check(pieces, reason)
    if source == target:
        raise Refused(_("Choose another bin: the goods are there already."))
    with transaction.atomic():
        there = lock([(sku_id, source), (sku_id, target)])
        _enough(there[sku_id, source], pieces)
        reference = f"move:{uuid.uuid4()}"
        with connection.cursor() as cursor:
            cursor.execute(
                """UPDATE inventory_stock SET on_hand = on_hand + CASE WHEN bin_id = %(source)s THEN -%(n)s ELSE %(n)s END
                   WHERE sku_id = %(sku)s AND bin_id IN (%(source)s, %(target)s)""",
                {"sku": sku_id, "source": source, "target": target, "n": pieces},
            )
        rows = [(source, -pieces), (target, pieces)]
        copy_rows(
            "inventory_movement",
            MOVEMENT_COLUMNS,
            [
                (sku_id, place, "move", n, 0, reference, reason[:120], actor_name[:80])
                for place, n in sorted(rows)
            ],
        )
        nudge(ARRIVED)
    return reference


def put_by(
    sku_id: int, place: int, pieces: int, kind: str, until: dt.datetime, reason: str, actor_name: str
) -> uuid.UUID:
    """Hold free pieces of a bin by hand (`kind` manual or sample) until a time; the reservation's reference."""
    _check(pieces, reason)
    if kind not in (Reservation.Kind.MANUAL, Reservation.Kind.SAMPLE):
        raise Refused(_("Goods are put by as a sample or by hand."))
    now = timezone.now()
    if not now < until <= now + LONGEST:
        raise Refused(
            _("Say until when, at most %(n)d days from now: then they are free again.") % {"n": LONGEST.days}
        )
    with transaction.atomic():
        there = lock([(sku_id, place)])
        _enough(there[sku_id, place], pieces)
        reference = uuid.uuid4()
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE inventory_stock SET reserved = reserved + %s WHERE sku_id = %s AND bin_id = %s",
                [pieces, sku_id, place],
            )
        Reservation.objects.create(
            reference=reference, sku_id=sku_id, bin_id=place, quantity=pieces, kind=kind, expires_at=until,
            warehouse_id=Bin.objects.values_list("warehouse_id", flat=True).get(pk=place), reason=reason[:120],
            made_by=actor_name[:80],
        )  # fmt: skip
        copy_rows(
            "inventory_movement",
            MOVEMENT_COLUMNS,
            [(sku_id, place, "reserve", 0, pieces, str(reference), reason[:120], actor_name[:80])],
        )
    return reference


def let_go(reference: uuid.UUID, actor_name: str) -> int:
    """Give back what staff put by; the pieces. Refused for what belongs to an order."""
    kinds = set(
        Reservation.objects.filter(reference=reference, state="active").values_list("kind", flat=True)
    )
    if kinds - {Reservation.Kind.MANUAL, Reservation.Kind.SAMPLE}:
        raise Refused(_("These pieces belong to an order: they are free when it is cancelled."))
    with transaction.atomic():
        pieces = release([reference], actor_name, "let go by hand")
        nudge(ARRIVED)
    return pieces


def _check(pieces: int, reason: str) -> None:
    if pieces < 1:
        raise Refused(_("Say how many pieces: a whole number from 1."))
    if not reason.strip():
        raise Refused(_("Say why: it stands in the ledger."))


def _enough(there: tuple[int, int, str], pieces: int) -> None:
    on_hand, reserved, name = there
    if on_hand - reserved < pieces:
        said = {"place": name, "free": on_hand - reserved, "promised": reserved}
        raise Refused(_("%(place)s: only %(free)d pieces are free, %(promised)d are promised.") % said)
