"""A warehouse refused parcels: the stock follows its reason, and the orders are judged anew without that warehouse.

An order that was refused too often, is split or ships with others is held for a person (`holding.tell`), as before.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db import transaction
from django.db.models import Count, F
from django.utils.translation import gettext as _

from inventory.models import Sku
from inventory.operations import refused as shelf
from inventory.operations.refused import Held
from logistics.models import Parcel, ParcelLine, Policy
from logistics.refusals import EFFECTS, LABELS, kind_of
from orderhub.actors import Actor, platform
from orderhub.lifecycle import apply
from orderhub.tickets.opening import Opening, open_tickets
from orders.lifecycle import LIFECYCLE as ORDERS


@dataclass(slots=True)
class Refused:
    """One refused parcel and what its order held there."""

    parcel: Parcel
    kind: str
    held: list[Held] = field(default_factory=list)
    gone: int = 0

    def named(self, codes: dict[int, str]) -> list[Held]:
        """What of it the reason is about: the goods that it names, else all where there is one SKU only."""
        text = self.parcel.hold_reason.upper()
        called = [row for row in self.held if _says(text, codes.get(row.sku_id, "").upper())]
        if called:
            return called
        return self.held if len({row.sku_id for row in self.held}) == 1 else []


def _says(text: str, code: str) -> bool:
    """Whether a code stands in a text as a whole: A1 is not named by A10, nor by XA1 or A1-B."""
    return bool(code) and re.search(rf"(?<![0-9A-Z_-]){re.escape(code)}(?![0-9A-Z_-])", text) is not None


def settle(*, n: int = 200) -> int:
    """Route the orders of refused parcels again without their warehouse; returns how many are under way.

    One transaction a warehouse system; constant SQL but for the pieces that a reason takes off the shelf.
    """
    new = Parcel.objects.filter(hold_type="rejected", hold_told=False, state="voided", rides_with=None)
    rows = list(new.select_related("warehouse").order_by("id")[:n])
    limit = Policy.current().refusals
    often = _times([row.order_id for row in rows])
    going = [row for row in rows if often.get(row.order_id, 0) <= limit]
    return sum(_settle(part, platform(route)) for route, part in _by_route(going).items())


def _times(order_ids: Sequence[int]) -> dict[int, int]:
    """How often each order was refused, this time too."""
    rows = (
        Parcel.objects.filter(order_id__in=order_ids, refused=True).values("order_id").annotate(n=Count("id"))
    )
    return {row["order_id"]: row["n"] for row in rows}


def _by_route(parcels: Sequence[Parcel]) -> dict[str, list[Parcel]]:
    found: dict[str, list[Parcel]] = {}
    for parcel in parcels:
        found.setdefault(parcel.worked_by, []).append(parcel)
    return found


def _settle(parcels: Sequence[Parcel], actor: Actor) -> int:
    with transaction.atomic():
        lines: dict[int, list[str]] = {}
        references = ParcelLine.objects.filter(parcel__in=parcels).values_list("parcel_id", "reference")
        for parcel_id, reference in references:
            lines.setdefault(parcel_id, []).append(str(reference))
        held: dict[str, list[Held]] = {}
        for row in shelf.held([name for names in lines.values() for name in names]):
            held.setdefault(row.reference, []).append(row)
        cases = {
            parcel.order_id: Refused(
                parcel,
                kind_of(parcel.hold_reason),
                [h for name in lines.get(parcel.id, ()) for h in held.get(name, ())],
            )
            for parcel in parcels
        }
        params = {
            "houses": {i: case.parcel.warehouse.code for i, case in cases.items()},
            "reasons": {i: case.parcel.hold_reason for i, case in cases.items()},
        }
        moved = set(apply(ORDERS, "refuse", sorted(cases), actor=actor, params=params).moved)
        done = [case for order_id, case in cases.items() if order_id in moved]
        goods = {row.sku_id for case in done for row in case.held}
        codes = dict(Sku.objects.filter(id__in=goods).values_list("id", "code"))
        for case in done:
            case.gone = shelf.write_off(
                case.named(codes),
                case.kind,
                f"refused:{case.parcel.number}",
                case.parcel.hold_reason[:120],
                actor.name,
            )
        Parcel.objects.filter(id__in=[case.parcel.id for case in done]).update(
            hold_type="", hold_told=True, open_holds=0, followed=F("state")
        )
        _tell(done, codes)
    return len(done)


def _tell(cases: Sequence[Refused], codes: dict[int, str]) -> None:
    """One open ticket a warehouse, kind and goods, however many orders met it: somebody goes and looks at the shelf."""
    wanted = {}
    for case in cases:
        house = case.parcel.warehouse
        goods = sorted({codes.get(row.sku_id, "") for row in case.held})
        about = ", ".join(goods)[:80]
        title = _("%(house)s refused %(goods)s: %(kind)s") % {
            "house": house.code, "goods": about or case.parcel.number, "kind": LABELS[case.kind],
        }  # fmt: skip
        body = _(
            "The warehouse says: %(reason)s. Here %(effect)s; the order goes on without this warehouse. Count what is there."
        )
        said = {"reason": case.parcel.hold_reason, "effect": EFFECTS[case.kind] % {"n": case.gone}}
        key = f"refused:{house.code}:{case.kind}:{about}"[:120]
        wanted[key] = Opening(key, title, body % said, "warehouse_manager", case.parcel.order_id)
    open_tickets("warehouse_refused", list(wanted.values()))
