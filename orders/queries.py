"""Questions about orders, answered as small values; nothing here writes."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models import Exists, OuterRef

from orderhub import crypto
from orders.models import Event, Hold, Order, Receiver, Share, Shop


@dataclass(frozen=True, slots=True)
class ReceiverRef:
    """Where an order goes, as far as we may know. `plain` {name, phone, address} only for the own shop;
    `opaque` {oaid} only for masked channels; the point is WGS-84."""

    order_id: int
    channel: str
    visibility: str
    province: str
    city: str
    district: str
    town: str
    adcode: str
    name_mask: str
    phone_mask: str
    address_mask: str
    plain: dict[str, str] | None
    opaque: dict[str, str] | None
    version: int
    lng: float | None
    lat: float | None


@dataclass(frozen=True, slots=True)
class OrderHead:
    """An order's own columns, with its shop's channel and account."""

    id: int
    number: str
    channel: str
    shop_id: int
    shop_code: str
    shop_connection_id: int
    channel_number: str
    state: str
    refund_state: str
    ordered_at: dt.datetime
    paid_at: dt.datetime | None
    payable: Decimal
    freight: Decimal
    discount: Decimal
    goods_amount: Decimal
    refunded: Decimal
    buyer_ref: str
    buyer_message: str
    destination_version: int
    open_holds: int
    promised_ship_at: dt.datetime | None
    carrier: str
    outlet_code: str
    warehouse_id: int | None
    adcode: str
    shipped_at: dt.datetime | None
    signed_at: dt.datetime | None
    aftersale_until: dt.datetime | None
    shop_name: str


@dataclass(frozen=True, slots=True)
class LineHead:
    """A line with its SKU's code when it was sold and weight in grams."""

    uuid: uuid.UUID
    sku_id: int | None
    sku_code: str
    channel_line: str
    title: str
    seller_code: str
    quantity: int
    unit_price: Decimal
    discount: Decimal
    freight_share: Decimal
    payable: Decimal
    weight_g: int
    refund_state: str


def receivers(order_ids: Iterable[int], *, open_plain: bool = True) -> dict[int, ReceiverRef]:
    """{order: ReceiverRef}; plain text and opaque keys are opened only where `open_plain` is left on."""
    found = Receiver.objects.filter(order_id__in=list(order_ids)).values_list(
        "order_id", "order__shop__channel", "visibility", "province", "city", "district", "town", "adcode", "name_mask",
        "phone_mask", "address_mask", "plain_enc", "opaque_enc", "version", "lng", "lat",
    )  # fmt: skip

    def opened(sealed: Any) -> dict[str, str] | None:
        return json.loads(crypto.decrypt(bytes(sealed))) if sealed and open_plain else None

    return {row[0]: ReceiverRef(*row[:11], opened(row[11]), opened(row[12]), *row[13:]) for row in found}


def heads(order_ids: Iterable[int]) -> dict[int, OrderHead]:
    """{order: OrderHead}, one query."""
    found = Order.objects.filter(id__in=list(order_ids)).values_list(
        "id", "number", "shop__channel", "shop_id", "shop__code", "shop__connection_id", "channel_number", "state",
        "refund_state", "ordered_at", "paid_at", "payable", "freight", "discount", "goods_amount", "refunded",
        "buyer_ref", "buyer_message", "destination_version", "open_holds", "promised_ship_at", "carrier",
        "outlet_code", "warehouse_id", "adcode", "shipped_at", "signed_at", "aftersale_until",
        "shop__name",
    )  # fmt: skip
    return {row[0]: OrderHead(*row) for row in found}


def lines(order_ids: Iterable[int]) -> dict[int, list[LineHead]]:
    """{order: its lines}, one query."""
    ids = list(order_ids)
    answer: dict[int, list[LineHead]] = {identity: [] for identity in ids}
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT l.order_id, l.uuid, l.sku_id, coalesce(nullif(l.sku_code, ''), s.code, ''), l.channel_line, l.title,
                      l.seller_code, l.quantity, l.unit_price, l.discount, l.freight_share, l.payable,
                      CASE WHEN s.weight_g > 0 THEN s.weight_g ELSE coalesce((SELECT sum(p.quantity * q.weight_g)
                          FROM inventory_bundlepart p JOIN inventory_sku q ON q.id = p.part_id
                          WHERE p.bundle_id = l.sku_id), 0) END,
                      l.refund_state
               FROM orders_line l LEFT JOIN inventory_sku s ON s.id = l.sku_id
               WHERE l.order_id = ANY(%s) ORDER BY l.order_id, l.channel_line""",
            [ids],
        )
        for order_id, *rest in cursor.fetchall():
            answer[order_id].append(LineHead(*rest))
    return answer


def places(order_ids: Iterable[int]) -> list[tuple[int, str, str, str, str, str, float | None, float | None]]:
    """(order, province, city, district, town, adcode, lng, lat) of receivers: what routing may know. One statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT order_id, province, city, district, town, adcode, lng, lat FROM orders_receiver
               WHERE order_id = ANY(%s)""",
            [list(order_ids)],
        )
        return cursor.fetchall()


@dataclass(frozen=True, slots=True)
class ShareHead:
    """A share of a split order's line: its own stock reference, parcel place, warehouse, pieces and money."""

    reference: uuid.UUID
    line: uuid.UUID
    place: int
    warehouse_id: int
    quantity: int
    payable: Decimal


def shares(order_ids: Iterable[int]) -> dict[int, list[ShareHead]]:
    """{split order: its shares by place}; orders that are not split are left out. One query."""
    found: dict[int, list[ShareHead]] = {}
    for share in Share.objects.filter(order_id__in=list(order_ids)).order_by("place", "line__channel_line"):
        found.setdefault(share.order_id, []).append(
            ShareHead(
                share.reference, share.line_id, share.place, share.warehouse_id, share.quantity, share.payable
            )
        )
    return found


def places_of_splits(order_ids: Iterable[int]) -> dict[int, set[int]]:
    """{split order: the places that need a parcel}."""
    found: dict[int, set[int]] = {}
    rows = Share.objects.filter(order_id__in=list(order_ids)).values_list("order_id", "place")
    for order_id, place in rows:
        found.setdefault(order_id, set()).add(place)
    return found


def unpointed(order_ids: Iterable[int]) -> dict[int, int]:
    """{order: version of its destination} of those with a plain receiver and no coordinates. One statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT order_id, version FROM orders_receiver
               WHERE order_id = ANY(%s) AND visibility = 'plain' AND (lng IS NULL OR lat IS NULL)""",
            [list(order_ids)],
        )
        return dict(cursor.fetchall())


def refused_as(code: str, *, state: str = "reserved", limit: int) -> list[int]:
    """Orders in a state that a guard refused with this code and that no hold stops, oldest promise first."""
    found = Order.objects.filter(state=state, open_holds=0, refusal=code)
    return list(found.order_by("promised_ship_at", "id").values_list("id", flat=True)[:limit])


def held_by(order_ids: Iterable[int], hold: str) -> set[int]:
    """Which of these orders an open hold of this type stops."""
    rows = Hold.objects.filter(order_id__in=list(order_ids), type=hold, released_at=None)
    return set(rows.values_list("order_id", flat=True))


def default_warehouses(shop_ids: Iterable[int]) -> dict[int, int | None]:
    """{shop: its default warehouse}."""
    return dict(Shop.objects.filter(id__in=set(shop_ids)).values_list("id", "default_warehouse_id"))


def signed_without(code: str, *, limit: int) -> list[OrderHead]:
    """Signed orders on whose timeline an event is missing yet."""
    said = Event.objects.filter(order_id=OuterRef("id"), code=code)
    ids = (
        Order.objects.filter(state="signed")
        .exclude(Exists(said))
        .order_by("id")
        .values_list("id", flat=True)[:limit]
    )
    return list(heads(list(ids)).values())


def closed_among(order_ids: list[int]) -> set[int]:
    """Which of these orders are closed."""
    return set(Order.objects.filter(id__in=order_ids, state="closed").values_list("id", flat=True))


def ids_of_numbers(numbers: Iterable[str]) -> dict[str, int]:
    """{order number: id} of the numbers that exist."""
    return dict(Order.objects.filter(number__in=list(numbers)).values_list("number", "id"))


def refusals(days: int = 30) -> dict[str, int]:
    """{warehouse's code: orders that it refused in the last days}. One statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT data->>'warehouse', count(DISTINCT order_id) FROM orders_event
               WHERE code = 'refuse' AND recorded_at > now() - make_interval(days => %s) GROUP BY 1""",
            [days],
        )
        return {str(house or ""): int(n) for house, n in cursor.fetchall()}


def channel_words(order_ids: Iterable[int]) -> dict[int, str]:
    """What the channel said last of each order, in our words (a `ChannelState`); orders it never spoke of are left out.

    Read from the newest payload that was taken in: no call is made.
    """
    from orders.providers import channel_of
    from orders.providers.base import Unreadable

    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT DISTINCT ON (p.order_id) p.order_id, s.channel, p.raw_enc FROM orderhub_payload p
               JOIN orders_shop s ON s.connection_id = p.connection_id
               WHERE p.order_id = ANY(%s) AND p.kind = 'order' AND p.state = 'parsed' ORDER BY p.order_id, p.id DESC""",
            [sorted(set(order_ids))],
        )
        rows = cursor.fetchall()
    found: dict[int, str] = {}
    for order_id, name, sealed in rows:
        try:
            found[order_id] = channel_of(name).parse(crypto.decrypt(bytes(sealed))).state.value
        except Unreadable:  # read by an older version of the provider: its word is not known
            continue
    return found


@dataclass(frozen=True, slots=True)
class ReachSaid:
    """Whether a carrier delivers to an order's present address, which channel said so, and why not."""

    ok: bool
    channel: str
    reason: str


def reach(order_ids: Iterable[int]) -> dict[tuple[int, str], ReachSaid]:
    """{(order, carrier): what the channel said last of the order's present address}.

    One that could not be told counts as delivered to; what was said before an address hold was released is no
    longer known. One statement.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT e.order_id, e.data->>'carrier', e.code <> 'out_of_reach', e.data->>'channel',
                      coalesce(e.data->>'reason', '')
               FROM orders_event e JOIN orders_order o ON o.id = e.order_id
               WHERE e.order_id = ANY(%s) AND e.code IN ('within_reach', 'out_of_reach', 'reach_unknown')
                 AND (e.data->>'version')::int = o.destination_version
                 AND NOT EXISTS (SELECT 1 FROM orders_hold h WHERE h.order_id = o.id AND h.type = 'address'
                     AND h.released_at > e.recorded_at)
               ORDER BY e.id""",
            [list(order_ids)],
        )
        return {(row[0], row[1]): ReachSaid(*row[2:]) for row in cursor.fetchall()}


@dataclass(frozen=True, slots=True)
class RouteFacts:
    """What rules may ask about an order's way. The names are the address's own; `weight_g` by the SKUs' weights."""

    number: str
    channel: str
    shop: str
    traffic_source: str
    payable: Decimal
    pieces: int
    weight_g: int
    promised_ship_at: dt.datetime | None
    town: str


def origins(order_ids: Iterable[int]) -> dict[int, tuple[str, str, str]]:
    """{order: (channel, shop's code, traffic source)}. One statement."""
    found = Order.objects.filter(id__in=list(order_ids)).values_list(
        "id", "shop__channel", "shop__code", "traffic_source"
    )
    return {row[0]: row[1:] for row in found}


def route_facts(order_ids: Iterable[int]) -> dict[int, RouteFacts]:
    """{order: RouteFacts}, one statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT o.id, o.number, s.channel, s.code, o.traffic_source, o.payable, o.piece_count, coalesce(w.grams, 0),
                      o.promised_ship_at, coalesce(r.town, '')
               FROM orders_order o JOIN orders_shop s ON s.id = o.shop_id
               LEFT JOIN orders_receiver r ON r.order_id = o.id
               LEFT JOIN (SELECT l.order_id, sum(l.quantity * coalesce(k.weight_g, 0)) AS grams FROM orders_line l
                          LEFT JOIN inventory_sku k ON k.id = l.sku_id
                          WHERE l.order_id = ANY(%s) GROUP BY l.order_id) w ON w.order_id = o.id
               WHERE o.id = ANY(%s)""",
            [ids := list(order_ids), ids],
        )
        return {row[0]: RouteFacts(*row[1:]) for row in cursor.fetchall()}


def waiting(state: str, after: int, limit: int) -> list[int]:
    """Ids of orders in a state that nothing holds, in the order of id, behind `after`."""
    found = Order.objects.filter(state=state, open_holds=0, id__gt=after).order_by("id")
    return list(found.values_list("id", flat=True)[:limit])


def count_waiting(state: str) -> int:
    """How many orders `waiting` has in all."""
    return Order.objects.filter(state=state, open_holds=0).count()
