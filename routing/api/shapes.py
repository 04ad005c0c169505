"""What the address review's API says and takes, as named shapes of its schema."""

from __future__ import annotations

from orderhub.api.schema import FLAG, FLOAT, NUMBER, WHOLE, WORD, link, listed, maybe, named, shape

_CARD = named(
    "AddressCard",
    shape(
        name=WORD, pieces=listed(listed(WORD)), differences=listed(listed(WORD)), score=maybe(WHOLE), lng=maybe(FLOAT),
        lat=maybe(FLOAT), metres=maybe(WHOLE), source=WORD, outlet=WORD, carrier=WORD, left=maybe(WHOLE), inside=FLAG,
        rung=WORD, straddles=FLAG,
    ),
)  # fmt: skip
_ITEM = named(
    "AddressItem",
    shape(
        id=WHOLE, etag=WORD, number=NUMBER, order=WHOLE, shop=WORD, due=WORD, tone=WORD, verdict=WORD, verdict_text=WORD,
        reason=WORD, trouble=WORD, unsure=listed(WORD), parts=listed(listed(WORD)), skips=WHOLE, cards=listed(_CARD),
        fences=listed({"type": "object", "additionalProperties": True}),
        others=listed(shape(name=WORD, lng=FLOAT, lat=maybe(FLOAT))),
        outlets=listed({"type": "object", "additionalProperties": True}),
    ),
)  # fmt: skip
#: A number that stops at a bound is a text ("100+").
MANY = {"type": ["integer", "string"]}
WANTED = named("AddressesWanted", shape("want", want={"type": "integer", "minimum": 1, "maximum": 4}))
NEXT = named("AddressesNext", shape(items=listed(_ITEM), left={"type": ["integer", "string", "null"]}))
_LNG = {"type": "number", "minimum": -180, "maximum": 180}
_LAT = {"type": "number", "minimum": -90, "maximum": 90}
CHOICE = named(
    "AddressChoice",
    {
        "anyOf": [
            shape(rank={"type": "integer", "minimum": 1, "maximum": 3}),
            shape(rank={"type": "integer", "minimum": 1, "maximum": 3}, lng=_LNG, lat=_LAT),
            shape(lng=_LNG, lat=_LAT),
            shape(found={**WORD, "format": "found"}),
            shape(keep={"type": "boolean", "const": True}),
        ]
    },
)
DECIDED = named("AddressDecided", shape(id=WHOLE, outcome=WORD, remark=WORD, with_it=WHOLE))
SKIPPED = named("AddressSkipped", shape(id=WHOLE, outcome=WORD))
UNDONE = named("AddressUndone", shape(items=listed(_ITEM), remark=WORD))
link(
    "address_next",
    200,
    "decided",
    "address_decide",
    item="$response.body#/items/0/id",
    If_Match="$response.body#/items/0/etag",
)
link("address_next", 200, "skipped", "address_skip", item="$response.body#/items/0/id")
link("address_decide", 200, "undone", "address_undo")
