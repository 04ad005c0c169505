"""What the orders' API says and takes, as named shapes of its schema. `showing` and `standing` make what is told here."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter

from inventory.operations.claiming import MOST_PIECES
from orderhub.api.schema import (
    CLEAN,
    DAY,
    FLAG,
    IDENTITY,
    MONEY,
    NUMBER,
    TIME,
    WHOLE,
    WORD,
    listed,
    maybe,
    named,
    said,
    shape,
    text,
)

#: Where an order's number stands in an address.
AT = OpenApiParameter(
    "number", {**CLEAN, "description": "our number or the channel's"}, OpenApiParameter.PATH
)
#: The ids of holds and tickets are told as texts, and given back as such.
ID = {"type": "string", "pattern": "^[0-9]{1,18}$"}
HOLD_AT = OpenApiParameter("hold", ID, OpenApiParameter.PATH)
TICKET_AT = OpenApiParameter("ticket", ID, OpenApiParameter.PATH)
#: A page's end; only what a page before it said is one.
CURSOR = {"type": "string", "format": "cursor", "description": "`next` of the page before"}
PAGE = [
    OpenApiParameter("cursor", CURSOR),
    OpenApiParameter("limit", {"type": "integer", "minimum": 1, "maximum": 100}),
]

LINE = named(
    "Line",
    shape(
        id=IDENTITY,
        sku=WORD,
        seller_code=WORD,
        title=WORD,
        quantity=WHOLE,
        unit_price=MONEY,
        payable=MONEY,
        refund=WORD,
    ),
)
HOLD = named(
    "Hold",
    shape(
        id=NUMBER, order=NUMBER, type=WORD, label=WORD, reason=WORD, by=WORD, since=TIME, until=maybe(TIME),
        released_at=maybe(TIME),
    ),
)  # fmt: skip
RECEIVER = named(
    "MaskedReceiver",
    shape(
        "province", "city", "district", "town", "name_mask", "phone_mask", "address_mask",
        province=WORD, city=WORD, district=WORD, town=WORD, name_mask=WORD, phone_mask=WORD, address_mask=WORD,
    ),
)  # fmt: skip
_ROW = {
    "id": WORD, "number": NUMBER, "channel_number": NUMBER, "shop": WORD, "channel": WORD, "state": WORD,
    "state_label": WORD, "state_since": maybe(TIME), "held": FLAG, "held_by": listed(WORD), "refund": WORD, "urgency": WORD,
    "tags": listed(WORD), "ordered_at": TIME, "paid_at": maybe(TIME), "promised_ship_at": maybe(TIME), "payable": MONEY,
    "pieces": WHOLE, "warehouse": maybe(WORD), "carrier": WORD, "shipped_at": maybe(TIME), "signed_at": maybe(TIME),
    "receiver": RECEIVER,
}  # fmt: skip
ROW = named("OrderRow", shape(**_ROW))
POINT = named("LifePoint", shape(point=WHOLE, label=WORD, look=WORD, at=maybe(TIME), late=FLAG))
STEP = named("NextStep", shape(tone=WORD, title=WORD, text=WORD))
ORDER = named(
    "Order",
    shape(
        "allowed", "may", "life", "step",
        **_ROW, lines=listed(LINE), holds=listed(HOLD), waiting_because=WORD,
        allowed=listed(WORD), may=listed(WORD), life=listed(POINT), step=STEP,
    ),
)  # fmt: skip
EVENT = named(
    "Event",
    shape(
        id=NUMBER, code=WORD, label=WORD, point=maybe(WHOLE), happened_at=TIME, learned_at=TIME, by=WORD,
        data={"type": "object", "additionalProperties": True},
    ),
)  # fmt: skip
PLAIN = named(
    "PlainReceiver",
    {**shape("name", "phone", "address", name=WORD, phone=WORD, address=WORD), "additionalProperties": True},
)
REASON = named("Reason", shape(reason=said()))
MAYBE_REASON = named("TouchReason", shape("reason", reason=text(300)))
NOTE = named("ReleaseNote", shape(note=said()))
LOOK = named("LookReason", shape(reason=said(200)))
RESOLUTION = named("Resolution", shape(resolution=said(2000)))
COMMENT = named("Comment", shape(text=said(2000)))
COMMENTED = named("CommentMade", shape(id=NUMBER, text=WORD))

TICKET = named(
    "Ticket",
    shape(
        "order", "etag", "allowed",
        id=NUMBER, kind=WORD, title=WORD, body=WORD, role=WORD, state=WORD, owner=maybe(WORD), opened_at=TIME,
        due_at=maybe(TIME), resolution=WORD, order=maybe(NUMBER), etag=WORD, allowed=listed(WORD),
    ),
)  # fmt: skip

_SUMS = {"all": WHOLE, "red": WHOLE, "amber": WHOLE}
BOARD = named(
    "Board",
    shape(
        at=maybe(TIME), total=named("Sums", shape(**_SUMS)), trouble=named("Sums", shape(**_SUMS)),
        states=listed(shape(state=WORD, **_SUMS)), queues=listed(shape(queue=WORD, **_SUMS)),
        shops=listed(shape(shop=WORD, channel=WORD, **_SUMS)),
        warehouses=listed(shape(warehouse=maybe(WORD), **_SUMS)),
    ),
)  # fmt: skip
COUNTS = named(
    "Counts",
    shape(
        open=WHOLE, colours=shape(red=WHOLE, amber=WHOLE), queues=listed(shape(code=WORD, label=WORD, n=WHOLE)),
        tickets=maybe(shape(mine=WHOLE, nobody=WHOLE, overdue=WHOLE)),
    ),
)  # fmt: skip
CHANGES = named("Changes", shape(items=listed(ROW), gone=listed(WORD), next=WORD, more=FLAG))
CALL = named(
    "BatchCall",
    shape(
        "id", "body", "if_match", "idempotency_key",
        id={}, method=CLEAN, path=CLEAN, body={}, if_match={}, idempotency_key={},
    ),
)  # fmt: skip
CALLS = named("BatchCalls", shape(items=listed(CALL, minItems=1, maxItems=50)))
ANSWERS = named("BatchAnswers", shape(items=listed(shape("etag", id={}, status=WHOLE, body={}, etag=WORD))))

SKUS = named("SkuCodes", shape(skus=listed(CLEAN, minItems=1, maxItems=5000)))
SHOWN = named(
    "Availability",
    shape(
        items=listed(shape(sku=WORD, shown=WHOLE, free=WHOLE, later_on=maybe(DAY), most=maybe(WHOLE))),
        unknown=listed(WORD),
    ),
)
BUYER = named("ClaimBuyer", shape("ip", "phone", "account", ip=CLEAN, phone=CLEAN, account=CLEAN))
BASKET = named(
    "ClaimAsked",
    shape(
        sku={"type": "string", "format": "sku"}, pieces={"type": "integer", "minimum": 1, "maximum": MOST_PIECES},
        buyer=BUYER,
    ),
)  # fmt: skip
CLAIM = named(
    "StockClaim",
    shape(claim=IDENTITY, pieces=WHOLE, limited=FLAG, later_on=maybe(DAY), state=WORD, expires_at=TIME),
)

#: An order of the own shop, as `orders/providers/own_shop.py` reads it.
MADE = named("OrderMade", shape(number=NUMBER, channel_number=NUMBER, state=WORD))
PRICE = {"type": "string", "pattern": r"^[0-9]{1,7}(\.[0-9]{1,2})?$"}
NEW_LINE = named(
    "NewLine",
    shape(
        "title", "claim",
        line_id=said(64), sku=said(80), title=maybe(text(200)), quantity={"type": "integer", "minimum": 1, "maximum": 1_000_000},
        unit_price=PRICE, claim={},
    ),
)  # fmt: skip
NEW_RECEIVER = named(
    "NewReceiver",
    shape(
        "city", "district", "town", "lng", "lat", "datum",
        name=said(60), phone=said(30), address=said(300), province=said(30), city=maybe(text(30)),
        district=maybe(text(30)), town=maybe(text(40)),
        lng={"type": ["number", "null"], "minimum": -180, "maximum": 180},
        lat={"type": ["number", "null"], "minimum": -90, "maximum": 90},
        datum={"type": ["string", "null"], "enum": ["wgs84", "gcj02", "bd09", "", None]},
    ),
)  # fmt: skip
#: A time, or nothing: null and an empty text say the same.
_SAID_TIME = {"anyOf": [TIME, {"type": "null"}, {"type": "string", "maxLength": 0}]}
_BUYS = shape("id", "ip", id=maybe(text(80)), ip=maybe(text(60)))
NEW_ORDER = named(
    "NewOrder",
    shape(
        "state", "updated_at", "freight", "buyer", "remark", "promised_ship_at", "traffic_source", "ships_alone",
        number=said(64), created_at=TIME, updated_at=_SAID_TIME, promised_ship_at=_SAID_TIME,
        state={"type": ["string", "null"], "enum": ["unpaid", "paid", "cancelled", "", None]}, freight=PRICE, payable=PRICE,
        lines=listed(NEW_LINE, minItems=1), receiver=NEW_RECEIVER, buyer=maybe(_BUYS),
        remark=maybe(text(2000)),
        traffic_source={"type": ["string", "null"], "enum": ["search", "short_video", "live", "", None]},
        ships_alone={"type": ["string", "null"], "enum": ["gift", "cod", "sealed", "", None]},
    ),
)  # fmt: skip
PAID = named("PaidAt", shape(paid_at=TIME))
#: A text with something in it; one that is too long is refused with its row alone.
_ROW_ID = {name: rule for name, rule in said(1).items() if name != "maxLength"}
COMPLAINTS = named(
    "Complaints",
    shape(
        items=listed(
            shape("order", "text", "rating", "said_at", id=_ROW_ID, order={}, text={}, rating={}, said_at={}),
            minItems=1, maxItems=500,
        )
    ),
)  # fmt: skip
TAKEN = named(
    "ComplaintsTaken", shape(taken=WHOLE, repeated=WHOLE, refused=listed(shape(row=WHOLE, text=WORD)))
)
