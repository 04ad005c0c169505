"""Finding an order by what people have in their hands, for the admin's lists and search and for the API."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from django.db.models import Q, QuerySet

from inventory.models import Sku, SkuCode
from inventory.spelling import normal
from orderhub import crypto
from orderhub.admin_site.registry import ORDERS_BEHIND
from orderhub.dotted import resolve
from orderhub.scope import reach_of
from orders.models import Line, Order, Receiver
from orders.scope import visible_to

#: More orders than this behind one word is not a search result any more.
MOST = 200
TAIL, PHONE = 4, 11


def among(user: Any) -> QuerySet[Order] | None:
    """The orders that a person may find; None where that is all of them."""
    return None if reach_of(user).everything else visible_to(user).order_by()


def bearing(words: Sequence[str], within: QuerySet[Order] | None = None) -> dict[str, list[int]]:
    """{word: ids of the orders that bear it as our number, the channel's, a waybill or a parcel's number}.

    Words that nothing bears are left out. As many statements for five hundred words as for one.
    """
    orders = Order.objects.all() if within is None else within
    found: dict[str, list[int]] = defaultdict(list)
    ours = dict(
        orders.filter(number__in=[word.upper() for word in words if _ours(word)])
        .order_by()
        .values_list("number", "id")
    )
    for word in words:
        if word.upper() in ours:
            found[word].append(ours[word.upper()])
    named = orders.filter(channel_number__in=words).order_by("id").values_list("channel_number", "id")
    for word, order_id in named:
        found[word].append(order_id)
    carried: dict[str, list[int]] = defaultdict(list)
    for name in ORDERS_BEHIND:
        for word, ids in resolve(name)(words).items():
            carried[word] += ids
    if within is not None and carried:
        every = {order_id for ids in carried.values() for order_id in ids}
        seen = set(within.filter(pk__in=every).values_list("pk", flat=True))
        carried = {word: [i for i in ids if i in seen] for word, ids in carried.items()}  # type: ignore[assignment]
    for word, ids in carried.items():
        found[word] += ids
    return {word: list(dict.fromkeys(ids)) for word, ids in found.items() if ids}


def exact(text: str, within: QuerySet[Order] | None = None) -> list[int]:
    """Ids of the orders that the whole text names: a number, a waybill, a phone or its last four digits."""
    text = text.strip()
    return bearing([text], within).get(text, []) or _called(text, within)


def behind(text: str, within: QuerySet[Order] | None = None) -> list[int]:
    """Ids of the orders that the text points at; every look-up is by an index and bounded."""
    text = text.strip()
    if not text:
        return []
    orders = Order.objects.all() if within is None else within
    begins = orders.filter(number__startswith=text.upper()).order_by().values_list("id", flat=True)
    ids = list(begins[:MOST]) if _ours(text) else []
    ids += bearing([text], within).get(text, [])[:MOST]
    ids += _called(text, within)
    return list(dict.fromkeys(ids))


def listed(text: str, within: QuerySet[Order] | None = None) -> list[int]:
    """What a list shows for the text: what it points at; else the newest with that SKU; else the newest of that buyer."""
    text = text.strip()[:80]
    found = behind(text, within)
    if found or not text:
        return found
    skus = _skus(text)
    if skus:
        lines = _within(Line.objects.filter(sku_id__in=skus), within).order_by("-order_id")
        return list(dict.fromkeys(lines.values_list("order_id", flat=True)[:MOST]))
    orders = Order.objects.all() if within is None else within
    bought = orders.filter(buyer_ref=text).exclude(buyer_ref="").order_by("-ordered_at")
    return list(bought.values_list("id", flat=True)[:MOST])


def _skus(text: str) -> set[int]:
    """The SKUs that anybody spells so, inactive ones too."""
    spelling = normal(text)
    if not spelling:
        return set()
    own = Sku.objects.filter(Q(code=text.upper()) | Q(normal=spelling)).values_list("id", flat=True)
    return {*own, *SkuCode.objects.filter(normal=spelling).values_list("sku_id", flat=True)}


def _called(text: str, within: QuerySet[Order] | None) -> list[int]:
    """The newest orders of a phone, or of its last four digits."""
    digits = crypto.bare_phone(text)
    if text.isdigit() and len(digits) == TAIL:
        rows = Receiver.objects.filter(phone_tail_hash=crypto.tail_hash(digits))
    elif len(digits) == PHONE:
        rows = Receiver.objects.filter(phone_hash=crypto.phone_hash(text))
    else:
        return []
    newest = _within(rows, within).order_by("-order_id")
    return list(newest.values_list("order_id", flat=True)[:MOST])


def _within(rows: QuerySet[Any], within: QuerySet[Order] | None) -> QuerySet[Any]:
    return rows if within is None else rows.filter(order_id__in=within.values("pk"))


def _ours(text: str) -> bool:
    return text[:2].upper() == "OH"
