"""The reports of what was sold and sent: fulfilment, channel, article, region, carrier.

All are of orders that were paid, by the day on which they were ordered (that is indexed, and it never moves). Money is of
orders that were not cancelled.
"""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from orderhub.admin_site.words import CARRIERS
from orderhub.exports.columns import CODE, MONEY, TEXT, labelled
from orderhub.integrations.platforms import name_of
from orders.providers import PROVIDERS
from orders.reports.frame import HOURS, SHARE, Dim, Key, Measure, Report, day

WHEN, PAID = "o.ordered_at", "o.paid_at IS NOT NULL"
ORDERS = "orders_order o JOIN orders_shop s ON s.id = o.shop_id"
LIVE = "o.state <> 'cancelled'"
#: Its promise has been kept or broken: it left, or the time is over.
DUE = (
    f"{LIVE} AND o.promised_ship_at IS NOT NULL AND (o.shipped_at IS NOT NULL OR o.promised_ship_at < now())"
)

_LATE = "coalesce(o.shipped_at, now()) > o.promised_ship_at"


def hours(begin: str, end: str) -> str:
    """Half of those that have both moments took no longer, in hours."""
    took = f"CASE WHEN {end} >= {begin} THEN extract(epoch FROM {end} - {begin}) END"
    return f"round((percentile_cont(0.5) WITHIN GROUP (ORDER BY {took}) / 3600)::numeric, 1)"


def share(part: str, whole: str) -> str:
    """How many of a hundred."""
    return f"round(100.0 * count(*) FILTER (WHERE {part}) / nullif(count(*) FILTER (WHERE {whole}), 0), 1)"


def channel_words() -> str:
    return labelled("s.channel", [(code, name_of(code)) for code in PROVIDERS])


def carrier_words(column: str = "p.carrier") -> str:
    return labelled(column, [(code.upper(), label) for code, label in CARRIERS.items()])


HOUSE = "LEFT JOIN inventory_warehouse w ON w.id = o.warehouse_id"
BY_DAY = Dim("day", _("by day"), (day(WHEN),))
BY_CHANNEL = Dim("channel", _("by channel"), (Key("channel", _("Channel"), channel_words),))
BY_SHOP = Dim(
    "shop",
    _("by shop"),
    (Key("channel", _("Channel"), channel_words), Key("shop", _("Shop"), "s.name", TEXT)),
)
BY_HOUSE = Dim("house", _("by warehouse"), (Key("house", _("Warehouse"), "w.name", TEXT),), HOUSE)
REFUNDED = Measure(
    "refund", _("refund asked"), share(f"o.refund_state <> 'none' AND {LIVE}", LIVE), SHARE, -1
)
PIECES = Measure("pieces", _("pieces"), f"coalesce(sum(o.piece_count) FILTER (WHERE {LIVE}), 0)", good=1)
AMOUNT = Measure("amount", _("amount"), f"coalesce(sum(o.payable) FILTER (WHERE {LIVE}), 0)", MONEY, 1)
COUNT = Measure("orders", _("orders"), "count(*)", good=1)

FULFILMENT = Report(
    "fulfilment", _("Fulfilment"),
    _("Paid orders by the day they were ordered: how many left in time, and how long it took."),
    ORDERS, WHEN,
    (
        COUNT,
        Measure("shipped", _("shipped"), "count(*) FILTER (WHERE o.shipped_at IS NOT NULL)", good=1),
        Measure("on_time", _("shipped in time"), share(f"{DUE} AND o.shipped_at <= o.promised_ship_at", DUE), SHARE, 1),
        Measure("late", _("late"), f"count(*) FILTER (WHERE {DUE} AND {_LATE})", good=-1),
        Measure("open", _("not shipped yet"), f"count(*) FILTER (WHERE {LIVE} AND o.shipped_at IS NULL)", good=-1),
        Measure("cancelled", _("cancelled"), "count(*) FILTER (WHERE o.state = 'cancelled')", good=-1),
        Measure("signed", _("signed"), "count(*) FILTER (WHERE o.signed_at IS NOT NULL)", good=1),
        Measure("to_ship", _("paid to shipped, half within"), hours("o.paid_at", "o.shipped_at"), HOURS, -1),
        Measure("to_sign", _("shipped to signed, half within"), hours("o.shipped_at", "o.signed_at"), HOURS, -1),
    ),
    (BY_DAY, BY_HOUSE, BY_SHOP, BY_CHANNEL), PAID,
)  # fmt: skip

CHANNEL = Report(
    "channel", _("Channels"), _("What each channel and shop sold, and what of it was cancelled or asked back."), ORDERS, WHEN,
    (
        AMOUNT, COUNT, PIECES,
        Measure("buyers", _("buyers"), "count(DISTINCT o.buyer_ref) FILTER (WHERE o.buyer_ref <> '')", good=1),
        Measure("each", _("amount an order"), f"round(avg(o.payable) FILTER (WHERE {LIVE}), 2)", MONEY, 1),
        Measure("discount", _("discount"), f"coalesce(sum(o.discount) FILTER (WHERE {LIVE}), 0)", MONEY),
        Measure("refunded", _("refunded"), "coalesce(sum(o.refunded), 0)", MONEY, -1), REFUNDED,
        Measure("cancelled", _("cancelled"), share("o.state = 'cancelled'", "TRUE"), SHARE, -1),
    ),
    (BY_SHOP, BY_CHANNEL, BY_DAY), PAID,
)  # fmt: skip

_SOLD = "coalesce(nullif(l.sku_code, ''), k.code, l.seller_code)"
_NAME = "coalesce(k.name, nullif(l.sku_name, ''), l.title)"
SKU = Report(
    "sku", _("SKUs"), _("What was sold, by the code it had then; cancelled orders are left out."),
    f"{ORDERS} JOIN orders_line l ON l.order_id = o.id LEFT JOIN inventory_sku k ON k.id = l.sku_id", WHEN,
    (
        Measure("pieces", _("pieces"), "sum(l.quantity)", good=1),
        Measure("amount", _("amount without freight"), "sum(l.payable - l.freight_share)", MONEY, 1),
        Measure("orders", _("orders"), "count(DISTINCT l.order_id)", good=1),
        Measure("each", _("amount a piece"), "round(sum(l.payable - l.freight_share) / nullif(sum(l.quantity), 0), 2)", MONEY),
        Measure("refund", _("lines asked back"), share("l.refund_state <> 'none'", "TRUE"), SHARE, -1),
    ),
    (
        Dim("sku", _("by SKU"), (
            Key("sku", _("SKU"), _SOLD, CODE), Key("name", _("name"), _NAME, TEXT))),
        Dim("category", _("by category"), (Key("category", _("category"), "k.category", TEXT),)),
        BY_SHOP, BY_DAY,
    ),
    f"{PAID} AND {LIVE}",
)  # fmt: skip

_TO = "JOIN orders_receiver r ON r.order_id = o.id"
REGION = Report(
    "region", _("Regions"), _("Where paid orders go, how long they take there, and what comes back."), f"{ORDERS} {_TO}", WHEN,
    (
        COUNT, AMOUNT, PIECES,
        Measure("signed", _("signed"), "count(*) FILTER (WHERE o.signed_at IS NOT NULL)", good=1),
        Measure("to_sign", _("shipped to signed, half within"), hours("o.shipped_at", "o.signed_at"), HOURS, -1), REFUNDED,
    ),
    (
        Dim("province", _("by province"), (Key("province", _("Province"), "r.province", TEXT),)),
        Dim("city", _("by city"), (Key("province", _("Province"), "r.province", TEXT), Key("city", _("City"), "r.city", TEXT))),
        BY_HOUSE, BY_DAY,
    ),
    PAID,
)  # fmt: skip

_PARCEL_HOUSE = "JOIN inventory_warehouse w ON w.id = p.warehouse_id"
_TRIED = "p.first_attempt_ok IS NOT NULL"
CARRIER = Report(
    "carrier", _("Carriers"), _("Parcels of paid orders by who carries them: how fast, and whether they arrive at once."),
    f"{ORDERS} JOIN logistics_parcel p ON p.order_id = o.id AND p.state <> 'voided' AND p.rides_with_id IS NULL", WHEN,
    (
        Measure("parcels", _("parcels"), "count(*)", good=1),
        Measure("shipped", _("shipped"), "count(*) FILTER (WHERE p.shipped_at IS NOT NULL)", good=1),
        Measure("to_pick", _("shipped to picked up, half within"), hours("p.shipped_at", "p.picked_up_at"), HOURS, -1),
        Measure("to_sign", _("shipped to signed, half within"), hours("p.shipped_at", "p.signed_at"), HOURS, -1),
        Measure("first", _("delivered at the first attempt"), share("p.first_attempt_ok", _TRIED), SHARE, 1),
        Measure("moving", _("on the way"), "count(*) FILTER (WHERE p.state = 'shipped')"),
        Measure("returned", _("returned"), "count(*) FILTER (WHERE p.state = 'returned')", good=-1),
        Measure("kilos", _("weight (kg)"), "round(coalesce(sum(p.weight_g), 0) / 1000.0, 2)", MONEY),
    ),
    (
        Dim("carrier", _("by carrier"), (Key("carrier", _("Carrier"), carrier_words, TEXT),)),
        Dim("outlet", _("by outlet"), (
            Key("carrier", _("Carrier"), carrier_words, TEXT), Key("outlet", _("outlet"), "p.outlet_code", CODE))),
        Dim("house", _("by warehouse"), (Key("house", _("Warehouse"), "w.name", TEXT),), _PARCEL_HOUSE),
        Dim("province", _("by province"), (Key("province", _("Province"), "r.province", TEXT),), _TO),
        BY_DAY,
    ),
    PAID, house="p.warehouse_id = ANY(%(houses)s)",
)  # fmt: skip
