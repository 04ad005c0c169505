"""Printing and printing again: what may be printed, who did it when, and what goes to which printer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from logistics.labels import SIZES, Label, Party, draw
from logistics.lifecycle import LIFECYCLE
from logistics.models import Parcel
from logistics.operations.waybill import payload_of
from logistics.providers.labels import service
from logistics.queries import Shipment, shipments
from orderhub.actors import Actor
from orderhub.lifecycle import apply
from orders import timeline

NAMES = {"ZTO": "中通快递", "YTO": "圆通速递", "STO": "申通快递", "YUNDA": "韵达快递", "SF": "顺丰速运"}


@dataclass(slots=True)
class Printed:
    """A PDF of our own labels, tasks for a platform's print component, and what was refused, by parcel number."""

    pdf: bytes = b""
    tasks: list[dict[str, Any]] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    numbers: list[str] = field(default_factory=list)


def print_labels(parcel_ids: Sequence[int], actor: Actor, size: str = "100x180") -> Printed:
    """Make the labels of these parcels and leave a line on each order's timeline; a packed parcel is then printed.

    A parcel to be stopped, void or without a number is refused. KeyError for an unknown size.
    """
    if size not in SIZES:
        raise KeyError(size)
    result = Printed()
    labels: list[Label] = []
    chosen: list[Shipment] = []
    for shipment in sorted(shipments(parcel_ids).values(), key=lambda s: s.parcel.id):
        why = _objection(shipment)
        if why:
            result.refused[shipment.parcel.number] = why
            continue
        chosen.append(shipment)
        labeller = service(shipment.parcel.service)
        if labeller.component:
            result.tasks.append(labeller.task(shipment.parcel, shipment.parcel.prints + 1))
        else:
            labels.append(label(shipment))
    _remember(chosen, actor, size)
    result.numbers = [shipment.parcel.number for shipment in chosen]
    result.pdf = draw(labels, size) if labels else b""
    return result


def _objection(shipment: Shipment) -> str:
    parcel = shipment.parcel
    if parcel.state == "voided" or not parcel.waybill_no:
        return _("There is no valid waybill number.")
    if parcel.stop_reason:
        return _("STOP: %(why)s.") % {"why": parcel.stop_reason}
    if parcel.rides_with_id is not None:
        return _("Its goods are in another order's parcel; print that label.")
    if parcel.state not in ("shipped", "signed", "returned") and any(
        head.open_holds or head.state == "cancelled" for head in shipment.heads
    ):
        return _("STOP: %(why)s.") % {"why": _("the order is held")}
    if parcel.destination_version != shipment.receiver.version and parcel.state not in ("shipped", "signed"):
        return _("STOP: the address was changed.")
    if not service(parcel.service).component and not shipment.receiver.plain:
        return _("A masked receiver's label is made by the platform.")
    return ""


def _remember(chosen: Sequence[Shipment], actor: Actor, size: str) -> None:
    now = timezone.now()
    ids = [shipment.parcel.id for shipment in chosen]
    with transaction.atomic():
        Parcel.objects.filter(id__in=ids).update(prints=F("prints") + 1)
        timeline.append(
            [
                timeline.line(
                    head.id,
                    "label.printed" if not shipment.parcel.prints else "label.reprinted",
                    actor=actor,
                    now=now,
                    data={"parcel": shipment.parcel.number, "time": shipment.parcel.prints + 1, "size": size},
                )
                for shipment in chosen
                for head in shipment.heads
            ]
        )
    packed = [
        s.parcel.id for s in chosen if s.parcel.state == "packed" and s.parcel.worked_by == Parcel.Route.OWN
    ]
    if packed:
        apply(LIFECYCLE, "print", packed, actor=actor)


def label(shipment: Shipment) -> Label:
    """What a plain parcel's label says."""
    parcel, receiver, house = shipment.parcel, shipment.receiver, shipment.warehouse
    plain, kept = receiver.plain or {}, payload_of(parcel)
    # 上海市 is its own city: said once.
    names = (receiver.province, receiver.city, receiver.district, receiver.town)
    region = "".join(dict.fromkeys(names))
    return Label(
        number=parcel.number,
        waybill_no=parcel.waybill_no,
        carrier=NAMES.get(parcel.carrier, parcel.carrier),
        sort_code=parcel.sort_code,
        bag=str(kept.get("bag") or ""),
        receiver=Party(plain.get("name", ""), plain.get("phone", ""), f"{region} {plain.get('address', '')}"),
        sender=Party(
            house.contact or house.name, house.manager_phone, f"{house.city}{house.district}{house.address}"
        ),
        goods=[
            f"{c.line.sku_code} × {c.quantity}  {c.line.title}"
            for c in shipment.contents
            if c.line is not None
        ],
        copy=parcel.prints + 1,
    )
