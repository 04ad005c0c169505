"""What others and our own providers may know of parcels; nothing here writes."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db.models import F, Q

from inventory.models import Warehouse
from logistics.models import Delivery, Parcel, ParcelLine, Trace
from logistics.providers import labels
from orderhub.models import Connection
from orders import queries as orders


@dataclass(frozen=True, slots=True)
class WmsOf:
    """The warehouse system of a warehouse: its account, and the Qimen account that serves masked receivers."""

    platform: str
    connection_id: int | None
    qimen_id: int | None


@dataclass(frozen=True, slots=True)
class Content:
    """One line of a parcel, with what its order line says of it."""

    line_uuid: uuid.UUID
    reference: uuid.UUID  # what its stock is reserved under
    sku_id: int
    quantity: int
    line: Any
    payable: Decimal = Decimal(0)
    order_id: int = 0


@dataclass(slots=True)
class Shipment:
    """A parcel with everything that a provider needs to speak about it."""

    parcel: Parcel
    warehouse: Warehouse
    head: Any
    receiver: Any
    contents: list[Content] = field(default_factory=list)
    #: heads of the other orders in it, where orders ship together
    riders: list[Any] = field(default_factory=list)
    #: the order's other live parcels that were planned before this one: {line uuid} of what they carry
    told_before: set[uuid.UUID] = field(default_factory=set)
    #: numbers of the order's other live parcels, where it is split
    others: list[str] = field(default_factory=list)
    #: the channel was told of one of them before
    told: bool = False

    @property
    def heads(self) -> list[Any]:
        """The heads of every order in the parcel, its own first."""
        return [self.head, *self.riders]

    @property
    def whole(self) -> bool:
        """Whether the parcel carries its one order entirely, and nothing else."""
        return not self.riders and self.parcel.role == Parcel.Role.MAIN and not self.split

    @property
    def split(self) -> bool:
        """Whether its order ships in several parcels."""
        return (
            any(
                content.line is not None and content.quantity < content.line.quantity
                for content in self.contents
            )
            or self.parcel.role == Parcel.Role.SPLIT
            or bool(self.others)
        )

    @property
    def payable(self) -> Decimal:
        """What the goods in it are worth to be paid: shares of a split sum up to the order, merged orders add up."""
        if self.whole:
            return Decimal(self.head.payable)
        return sum((content.payable for content in self.contents), Decimal(0))


def qimen_connections() -> dict[str, int]:
    """Qimen account by warehouse code ("" = any warehouse); switched-off ones are left out."""
    found: dict[str, int] = {}
    rows = Connection.objects.filter(platform="qimen").exclude(state="disabled").order_by("id")
    for identity, options in rows.values_list("id", "options"):
        codes = options.get("warehouses") or [""]
        for code in codes:
            found.setdefault(str(code), identity)
    return found


def warehouses_of(ids: Iterable[int]) -> dict[int, WmsOf]:
    """The warehouse systems of warehouses, in two statements."""
    qimen = qimen_connections()
    rows = Warehouse.objects.filter(id__in=set(ids)).values_list("id", "code", "wms_id", "wms__platform")
    return {
        identity: WmsOf(
            platform or "",
            wms_id,
            wms_id if platform == "qimen" else qimen.get(code, qimen.get("")),
        )
        for identity, code, wms_id, platform in rows
    }


def connection_of(platform: str) -> int | None:
    """The first account of a platform that is not switched off."""
    rows = Connection.objects.filter(platform=platform).exclude(state="disabled")
    return rows.order_by("id").values_list("id", flat=True).first()


def label_accounts(services: Iterable[str]) -> dict[str, int | None]:
    """The accounts of label services that have one of their own; the others label with the shop's account."""
    platforms = {word: labels.service(word).platform for word in set(services)}
    return {word: connection_of(platform) for word, platform in platforms.items() if platform}


def shipments(parcel_ids: Iterable[int]) -> dict[int, Shipment]:
    """Parcels with warehouse, order head, receiver and contents: a constant number of statements."""
    parcels = list(Parcel.objects.filter(id__in=set(parcel_ids)).select_related("warehouse"))
    carried = list(
        Parcel.objects.filter(rides_with_id__in=[parcel.id for parcel in parcels]).exclude(state="voided")
    )
    order_ids = sorted({parcel.order_id for parcel in (*parcels, *carried)})
    heads, receivers, lines = orders.heads(order_ids), orders.receivers(order_ids), orders.lines(order_ids)
    by_uuid = {line.uuid: line for rows in lines.values() for line in rows}
    found = {
        parcel.id: Shipment(parcel, parcel.warehouse, heads[parcel.order_id], receivers[parcel.order_id])
        for parcel in parcels
    }
    for rider in sorted(carried, key=lambda p: p.id):
        found[rider.rides_with_id or 0].riders.append(heads[rider.order_id])
    _together(found, carried, by_uuid)
    return found


def _together(found: dict[int, Shipment], carried: list[Parcel], by_uuid: dict[uuid.UUID, Any]) -> None:
    """Fill in the contents: a parcel carries its own lines and those of the parcels that ride with it."""
    inside = {parcel.id: parcel.rides_with_id or parcel.id for parcel in carried}
    order_of = {parcel.id: parcel.order_id for parcel in carried}
    split = orders.shares({shipment.parcel.order_id for shipment in found.values()})
    money = {share.reference: share.payable for rows in split.values() for share in rows}
    rows = list(ParcelLine.objects.filter(parcel_id__in=[*found, *inside]).order_by("parcel_id", "id"))
    for row in rows:
        line = by_uuid.get(row.line_uuid)
        payable = money.get(row.reference, line.payable if line is not None else Decimal(0))
        for into in {row.parcel_id, inside.get(row.parcel_id, row.parcel_id)} & set(found):
            order_id = order_of.get(row.parcel_id) or found[into].parcel.order_id
            found[into].contents.append(
                Content(row.line_uuid, row.reference, row.sku_id, row.quantity, line, payable, order_id)
            )
    if not split:
        return
    live = Parcel.objects.filter(order_id__in=list(split)).exclude(state="voided").order_by("id")
    lines: dict[int, set[uuid.UUID]] = {}
    for parcel_id, line_uuid in ParcelLine.objects.filter(parcel__in=live).values_list(
        "parcel_id", "line_uuid"
    ):
        lines.setdefault(parcel_id, set()).add(line_uuid)
    for identity, order_id, number, report in live.values_list("id", "order_id", "number", "report_state"):
        for shipment in found.values():
            if shipment.parcel.order_id == order_id and shipment.parcel.id != identity:
                shipment.others.append(number)
                shipment.told |= report in ("done", "already")
                if identity < shipment.parcel.id:
                    shipment.told_before |= lines.get(identity, set())


def orders_in(parcel_ids: Iterable[int]) -> dict[int, list[int]]:
    """{parcel: every order in it}, its own first: those that ride with it count as well. One query."""
    found: dict[int, list[int]] = {}
    ids = list(parcel_ids)
    rows = Parcel.objects.filter(Q(id__in=ids) | Q(rides_with_id__in=ids)).exclude(
        rides_with__isnull=False, state="voided"
    )
    for identity, lead, order_id in rows.order_by(F("rides_with_id").asc(nulls_first=True), "id").values_list(
        "id", "rides_with_id", "order_id"
    ):
        found.setdefault(lead or identity, []).append(order_id)
        if lead and identity in ids:
            found.setdefault(identity, []).append(order_id)
    return found


def riding(order_ids: Iterable[int]) -> dict[int, bool]:
    """{order whose live parcel rides in another order's: whether it is past picking, so that this can't be undone}."""
    rows = Parcel.objects.filter(order_id__in=list(order_ids), rides_with__isnull=False).exclude(
        state="voided"
    )
    early = ("planned", "numbered", "handed")
    return {order_id: state not in early for order_id, state in rows.values_list("order_id", "state")}


def places_picked(order_ids: Iterable[int], *, at_wms: bool = False) -> set[int]:
    """The orders of which a parcel is being picked or further; with `at_wms` those that a warehouse system has, too."""
    parcels = Parcel.objects.filter(order_id__in=list(order_ids)).exclude(state="voided")
    late = ~Q(state__in=["planned", "numbered", "handed"])
    if at_wms:
        late |= Q(state="handed") & ~Q(worked_by__in=[Parcel.Route.OWN, Parcel.Route.RIDE])
    return set(parcels.filter(late).values_list("order_id", flat=True))


def parcels_of(order_id: int) -> list[dict[str, Any]]:
    """The parcels of an order for its page, oldest first, each with its traces (newest first) and contents."""
    parcels = list(
        Parcel.objects.filter(order_id=order_id)
        .select_related("warehouse", "wave", "rides_with")
        .order_by("id")
    )
    traces: dict[str, list[dict[str, Any]]] = {}
    numbers = [parcel.waybill_no for parcel in parcels if parcel.waybill_no]
    for trace in Trace.objects.filter(waybill_no__in=numbers).order_by("-occurred_at", "-id"):
        traces.setdefault(trace.waybill_no, []).append(
            {
                "at": trace.occurred_at,
                "learned": trace.recorded_at,
                "meaning": trace.meaning,
                "text": trace.text,
            }
        )
    contents: dict[int, list[dict[str, Any]]] = {}
    for line in ParcelLine.objects.filter(parcel__in=parcels).select_related("sku").order_by("id"):
        contents.setdefault(line.parcel_id, []).append(
            {"line": line.line_uuid, "sku": line.sku.code, "name": line.sku.name, "quantity": line.quantity}
        )
    return [
        {
            "id": parcel.id,
            "number": parcel.number,
            "role": parcel.get_role_display(),
            "state": parcel.state,
            "state_label": parcel.get_state_display(),
            "warehouse": parcel.warehouse.name,
            "worked_by": parcel.get_worked_by_display(),
            "inside": parcel.rides_with.number if parcel.rides_with else "",
            "carrier": parcel.carrier,
            "service": parcel.get_service_display(),
            "outlet": parcel.outlet_code,
            "waybill_no": parcel.waybill_no,
            "sort_code": parcel.sort_code,
            "expected_weight_g": parcel.expected_weight_g,
            "weight_g": parcel.weight_g,
            "weight_state": parcel.weight_state,
            "wave": parcel.wave.number if parcel.wave else "",
            "shipped_at": parcel.shipped_at,
            "report_state": parcel.report_state,
            "tracking": parcel.tracking,
            "picked_up_at": parcel.picked_up_at,
            "first_attempt_ok": parcel.first_attempt_ok,
            "signed_at": parcel.signed_at,
            "stopped": parcel.stop_reason,
            "trouble": parcel.hold_reason,
            "contents": contents.get(parcel.id, []),
            "traces": traces.get(parcel.waybill_no, []) if parcel.waybill_no else [],
        }
        for parcel in parcels
    ]


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """One delivered (or shipped) parcel in figures, for success rates."""

    waybill_no: str
    adcode: str
    warehouse_code: str
    carrier: str
    outlet_code: str
    shipped_at: dt.datetime
    picked_up_at: dt.datetime | None
    first_attempt_at: dt.datetime | None
    first_attempt_ok: bool | None
    signed_at: dt.datetime | None
    history: bool


def deliveries(since: dt.datetime, *, chunk: int = 2000) -> Iterator[DeliveryRow]:
    """Parcels shipped since then, oldest first, history included; streamed."""
    names = tuple(DeliveryRow.__slots__)
    rows = Delivery.objects.filter(shipped_at__gte=since).order_by("shipped_at", "id").values_list(*names)
    for values in rows.iterator(chunk_size=chunk):
        yield DeliveryRow(*values)


def orders_of_waybills(words: Iterable[str]) -> dict[str, list[int]]:
    """{word: the orders whose parcels carry it as waybill number or parcel number}; other words are left out."""
    asked = {word for word in words if len(word) >= 6}
    by_upper: dict[str, list[str]] = {}
    for word in asked:
        by_upper.setdefault(word.upper(), []).append(word)
    found: dict[str, list[int]] = {}
    if not asked:
        return found
    carried = Parcel.objects.filter(waybill_no__in=asked).order_by("id").values_list("waybill_no", "order_id")
    for word, order_id in carried:
        found.setdefault(word, []).append(order_id)
    for number, order_id in Parcel.objects.filter(number__in=by_upper).values_list("number", "order_id"):
        for word in by_upper[number]:
            found.setdefault(word, []).append(order_id)
    return {word: list(dict.fromkeys(ids))[:20] for word, ids in found.items()}


def watched(order_ids: Sequence[int]) -> dict[int, dict[str, bool]]:
    """{order: whether its live parcels, or what they ride in, have a waybill number and a first trace}. One statement."""
    found: dict[int, dict[str, bool]] = {}
    rows = Parcel.objects.filter(order_id__in=order_ids).exclude(state="voided")
    names = ("order_id", "waybill_no", "tracking", "rides_with__waybill_no", "rides_with__tracking")
    for order_id, own, traced, host, host_traced in rows.values_list(*names):
        facts = found.setdefault(order_id, {"has_number": False, "has_trace": False})
        facts["has_number"] |= bool(own or host)
        facts["has_trace"] |= bool(traced or host_traced)
    return found


def waybills(order_ids: Sequence[int]) -> dict[int, list[str]]:
    """The waybill numbers of live parcels by order, one query."""
    found: dict[int, list[str]] = {}
    rows = Parcel.objects.filter(order_id__in=order_ids).exclude(state="voided").exclude(waybill_no="")
    for order_id, number in rows.order_by("id").values_list("order_id", "waybill_no"):
        found.setdefault(order_id, []).append(number)
    return found


@dataclass(frozen=True, slots=True)
class OutcomeRow:
    """How an order's parcel fared."""

    order_id: int
    shipped_at: dt.datetime
    first_attempt_ok: bool | None
    signed_at: dt.datetime | None


def outcomes(since: dt.datetime, *, limit: int = 200_000) -> list[OutcomeRow]:
    """Parcels shipped since then, newest first, with how their delivery went. One statement."""
    rows = Parcel.objects.filter(shipped_at__gte=since).exclude(state="voided").order_by("-shipped_at")
    names = ("order_id", "shipped_at", "first_attempt_ok", "signed_at")
    return [OutcomeRow(*row) for row in rows.values_list(*names)[:limit]]
