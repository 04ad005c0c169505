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
from logistics.providers import labels
from logistics.queries import WmsOf, label_accounts, warehouses_of
from orderhub.actors import CLOCK
from orderhub.lifecycle import Batch, Writer
from orderhub.outbox import writing
from orders import queries as orders
from orders.providers import channel
from orders.queries import OrderHead, ReceiverRef

TABLE = "logistics_parcel"
COLUMNS = (
    "id",
    "number",
    "order_id",
    "role",
    "warehouse_id",
    "worked_by",
    "carrier",
    "service",
    "outlet_code",
    "destination_version",
    "expected_weight_g",
)
LINE_TABLE = "logistics_parcelline"
LINE_COLUMNS = ("parcel_id", "line_uuid", "sku_id", "quantity")
#: ZTO is the only carrier whose own label service is connected; a plain parcel goes with it.
PLAIN_CARRIER = "ZTO"

_DUE = """
    SELECT o.id FROM orders_order o
    WHERE o.state IN ('routed', 'released', 'waved', 'packed', 'printed') AND o.open_holds = 0
      AND o.warehouse_id IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM logistics_parcel p WHERE p.order_id = o.id AND p.state <> 'voided')
      AND NOT EXISTS (SELECT 1 FROM logistics_parcel p WHERE p.order_id = o.id AND p.hold_type <> '' AND NOT p.hold_told)
    ORDER BY o.next_try_at, o.id LIMIT %s FOR UPDATE OF o SKIP LOCKED"""


def plan(*, n: int = 500, limit: int = 20_000) -> int:
    """Plan parcels for every routed order that has none; returns how many parcels were made."""
    made = 0
    while made < limit:
        count = _plan(n)
        if not count:
            break
        made += count
    return made


def _plan(n: int) -> int:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(_DUE, [n])
            ids = [row[0] for row in cursor.fetchall()]
        if not ids:
            return 0
        # read after the lock: another planner may have been here between our snapshot and our lock
        before: dict[int, int] = {}
        live: set[int] = set()
        for order_id, state in Parcel.objects.filter(order_id__in=ids).values_list("order_id", "state"):
            before[order_id] = before.get(order_id, 0) + 1
            if state != "voided":
                live.add(order_id)
        ids = [identity for identity in ids if identity not in live]
        if not ids:
            return 0
        writer = Writer(Batch(LIFECYCLE, CLOCK))
        rows = _write(ids, before, writer)
        writer.flush()
    return rows


def _write(ids: list[int], before: dict[int, int], writer: Writer) -> int:
    heads, receivers, lines = orders.heads(ids), orders.receivers(ids), orders.lines(ids)
    houses = warehouses_of({head.warehouse_id for head in heads.values() if head.warehouse_id})
    packaging = Policy.current().packaging_g
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence('logistics_parcel', 'id')) FROM generate_series(1, %s)",
            [len(ids)],
        )
        numbers = [row[0] for row in cursor.fetchall()]
    services = {identity: label_of(heads[identity], receivers[identity]) for identity in ids}
    accounts = label_accounts(services.values())
    for identity, order_id in zip(numbers, ids, strict=True):
        head, receiver = heads[order_id], receivers[order_id]
        masked, service = receiver.visibility != "plain", services[order_id]
        carrier = (head.carrier if masked else PLAIN_CARRIER) or PLAIN_CARRIER
        number = f"{head.number}-{before.get(order_id, 0) + 1}"
        weight = packaging + sum(line.weight_g * line.quantity for line in lines[order_id])
        writer.copy(
            TABLE,
            COLUMNS,
            (
                identity,
                number,
                order_id,
                "main",
                head.warehouse_id,
                worked_by(head.channel, masked, houses[head.warehouse_id or 0]),
                carrier,
                service,
                head.outlet_code,
                receiver.version,
                weight,
            ),
        )
        for line in lines[order_id]:
            if line.sku_id is not None:
                writer.copy(LINE_TABLE, LINE_COLUMNS, (identity, line.uuid, line.sku_id, line.quantity))
        writing.ask(
            writer,
            "waybill.get",
            f"{number}/{receiver.version}",
            connection_id=accounts.get(service, head.shop_connection_id),
            subject_id=identity,
            order_id=order_id,
        )
        if carrier != head.carrier:
            _say_carrier(writer, order_id, number, head.carrier, carrier)
    return len(ids)


def _say_carrier(writer: Writer, order_id: int, number: str, wanted: str, carrier: str) -> None:
    from orders import timeline

    why = _("No label service of %(wanted)s is connected for plain receivers.") % {"wanted": wanted or "–"}
    data: dict[str, Any] = {"parcel": number, "carrier": carrier, "instead_of": wanted, "why": why}
    timeline.record(writer, order_id, "parcel.carrier", data=data)


def label_of(head: OrderHead, receiver: ReceiverRef) -> str:
    """The label service: decided by the channel first, the carrier second."""
    return labels.PLAIN if receiver.visibility == "plain" else channel(head.channel).label or labels.PLAIN


def worked_by(channel_name: str, masked: bool, wms: WmsOf) -> str:
    """Who works a parcel in this warehouse: wangdiantong, qimen or own, by the ways that its channel allows.

    Wangdiantong's push has no field for a masked receiver, so those go by Qimen at most; without a lawful way
    they are worked in our own waves, as is everything where the warehouse has no WMS.
    """
    ways = channel(channel_name).warehouse_ways
    if "wangdiantong" in ways and wms.platform == "wangdiantong" and not masked:
        return "wangdiantong"
    if "qimen" in ways and wms.platform in ("wangdiantong", "qimen") and wms.qimen_id is not None:
        return "qimen"
    return "own"
