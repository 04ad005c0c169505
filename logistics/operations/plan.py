"""Which parcels an order becomes, who labels them and who works them: decided once, when the order is routed.

A masked receiver's label can only be made by the platform's own e-waybill service; a plain one's by the carrier.
Own-shop orders go to the warehouse by Wangdiantong, masked ones by Qimen with their oaid; a warehouse without a
WMS is worked in our own waves.
"""

from __future__ import annotations

from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext as _

from logistics.lifecycle import LIFECYCLE
from logistics.models import Parcel, Policy
from logistics.operations import contents
from logistics.providers import labels, wangdiantong
from logistics.queries import WmsOf, label_accounts, warehouses_of
from orderhub.actors import CLOCK
from orderhub.lifecycle import Batch, Writer
from orderhub.outbox import writing
from orders import queries as orders
from orders import timeline
from orders.operations import figures
from orders.providers import channel_of
from orders.queries import OrderHead, ReceiverRef

TABLE = "logistics_parcel"
COLUMNS = (
    "id",
    "number",
    "order_id",
    "role",
    "place",
    "rides_with_id",
    "warehouse_id",
    "worked_by",
    "carrier",
    "service",
    "outlet_code",
    "destination_version",
    "expected_weight_g",
)
LINE_TABLE = "logistics_parcelline"
LINE_COLUMNS = ("parcel_id", "line_uuid", "reference", "sku_id", "quantity")
#: ZTO is the only carrier whose own label service is connected; a plain parcel goes with it.
PLAIN_CARRIER = "ZTO"

_DUE = """
    SELECT o.id FROM orders_order o
    WHERE o.state IN ('routed', 'released', 'waved', 'packed', 'printed') AND o.open_holds = 0
      AND o.warehouse_id IS NOT NULL
      AND (NOT EXISTS (SELECT 1 FROM logistics_parcel p WHERE p.order_id = o.id AND p.state <> 'voided')
           OR EXISTS (SELECT 1 FROM orders_share h WHERE h.order_id = o.id AND NOT EXISTS (SELECT 1 FROM logistics_parcel p
               WHERE p.order_id = o.id AND p.place = h.place AND p.state <> 'voided')))
      AND NOT EXISTS (SELECT 1 FROM logistics_parcel p WHERE p.order_id = o.id AND p.hold_type <> '' AND NOT p.hold_told)
      AND NOT EXISTS (SELECT 1 FROM orders_mergemember m JOIN orders_merge g ON g.id = m.merge_id
          JOIN orders_mergemember n ON n.merge_id = m.merge_id AND n.left_at IS NULL
          JOIN orders_order t ON t.id = n.order_id AND t.state NOT IN ('shipped', 'signed', 'closed', 'cancelled')
          WHERE m.order_id = o.id AND m.left_at IS NULL AND (g.confirmed_at IS NULL OR t.open_holds > 0
              OR t.state IN ('unpaid', 'claimed', 'paid', 'reserved') OR t.warehouse_id IS DISTINCT FROM o.warehouse_id
              OR EXISTS (SELECT 1 FROM logistics_parcel p WHERE p.order_id = t.id AND p.state <> 'voided')))
      AND NOT EXISTS (SELECT 1 FROM unnest(%s::bigint[], %s::float8[]) AS s(id, minutes)
          JOIN orders_receiver r ON r.order_id = o.id AND r.address_key <> ''
          WHERE s.id = o.shop_id AND o.sealed = ''
            AND o.paid_at > now() - s.minutes * interval '1 minute'
            AND NOT EXISTS (SELECT 1 FROM orders_mergemember m WHERE m.order_id = o.id AND m.left_at IS NULL))
    ORDER BY o.next_try_at, o.id LIMIT %s FOR UPDATE OF o SKIP LOCKED"""


def plan(*, n: int = 500, limit: int = 20_000) -> int:
    """Plan parcels for every routed order that has none; returns how many parcels were made."""
    made = 0
    waits = figures.together().waits
    while made < limit:
        count = _plan(n, waits)
        if not count:
            break
        made += count
    return made


def _plan(n: int, waits: dict[int, float] | None = None) -> int:
    waits = figures.together().waits if waits is None else waits
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(_DUE, [list(waits), list(waits.values()), n])
            ids = [row[0] for row in cursor.fetchall()]
        if not ids:
            return 0
        # read after the lock: another planner may have been here between our snapshot and our lock
        before: dict[int, int] = {}
        live: dict[int, set[int]] = {}
        for order_id, place, state in Parcel.objects.filter(order_id__in=ids).values_list(
            "order_id", "place", "state"
        ):
            before[order_id] = before.get(order_id, 0) + 1
            if state != "voided":
                live.setdefault(order_id, set()).add(place)
        boxes = contents.boxes(ids, live)
        if not boxes:
            return 0
        writer = Writer(Batch(LIFECYCLE, CLOCK))
        _write(boxes, before, writer)
        writer.flush()
    return len(boxes)


def _write(boxes: list[contents.Box], before: dict[int, int], writer: Writer) -> None:
    ids = sorted({box.order_id for box in boxes})
    heads, receivers = orders.heads(ids), orders.receivers(ids)
    houses = warehouses_of({box.warehouse_id for box in boxes})
    packaging = Policy.current().packaging_g
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence('logistics_parcel', 'id')) FROM generate_series(1, %s)",
            [len(boxes)],
        )
        for box, row in zip(boxes, cursor.fetchall(), strict=True):
            box.id = row[0]
    services = {identity: label_of(heads[identity], receivers[identity]) for identity in ids}
    accounts = label_accounts(services.values())
    for box in boxes:  # the parcel that carries others comes before them
        order_id, lead = box.order_id, box.lead
        head, receiver = heads[order_id], receivers[order_id]
        masked, service = receiver.visibility != "plain", services[order_id]
        wanted = heads[lead.order_id] if lead is not None else head
        carrier = (wanted.carrier if masked else PLAIN_CARRIER) or PLAIN_CARRIER
        before[order_id] = before.get(order_id, 0) + 1
        number = f"{head.number}-{before[order_id]}"
        weight = packaging + sum(piece.weight_g * piece.quantity for piece in box.inside)
        writer.copy(
            TABLE,
            COLUMNS,
            (
                box.id,
                number,
                order_id,
                box.role,
                box.place,
                lead.id if lead is not None else None,
                box.warehouse_id,
                str(Parcel.Route.RIDE)
                if lead is not None
                else worked_by(head.channel, masked, houses[box.warehouse_id]),
                carrier,
                service,
                wanted.outlet_code,
                receiver.version,
                weight,
            ),
        )
        for piece in box.pieces:
            writer.copy(
                LINE_TABLE, LINE_COLUMNS, (box.id, piece.line, piece.reference, piece.sku_id, piece.quantity)
            )
        if lead is not None:
            timeline.record(
                writer,
                order_id,
                "parcel.rides",
                data={"parcel": number, "inside": heads[lead.order_id].number},
            )
            continue
        writing.ask(
            writer,
            "waybill.get",
            f"{number}/{receiver.version}",
            connection_id=accounts.get(service, head.shop_connection_id),
            subject_id=box.id,
            order_id=order_id,
        )
        if carrier != head.carrier:
            _say_carrier(writer, order_id, number, head.carrier, carrier)


def _say_carrier(writer: Writer, order_id: int, number: str, wanted: str, carrier: str) -> None:
    why = _("No label service of %(wanted)s is connected for plain receivers.") % {"wanted": wanted or "–"}
    data: dict[str, Any] = {"parcel": number, "carrier": carrier, "instead_of": wanted, "why": why}
    timeline.record(writer, order_id, "parcel.carrier", data=data)


def label_of(head: OrderHead, receiver: ReceiverRef) -> str:
    """The label service: decided by the channel first, the carrier second."""
    return labels.PLAIN if receiver.visibility == "plain" else channel_of(head.channel).label or labels.PLAIN


def worked_by(channel_name: str, masked: bool, wms: WmsOf) -> str:
    """Who works a parcel in this warehouse: wangdiantong, qimen or own, by the ways that its channel allows.

    Wangdiantong's push has no field for a masked receiver, so those go by Qimen at most; without a lawful way
    they are worked in our own waves, as is everything where the warehouse has no WMS.
    """
    ways = channel_of(channel_name).warehouse_ways
    if "wangdiantong" in ways and wms.platform in wangdiantong.DIALECTS and not masked:
        return "wangdiantong"
    if "qimen" in ways and wms.platform in (*wangdiantong.DIALECTS, "qimen") and wms.qimen_id is not None:
        return "qimen"
    return "own"
