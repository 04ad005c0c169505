"""Finding an order by what people have in their hands, for the admin's lists and search and for the API."""

from __future__ import annotations

from orderhub import crypto
from orderhub.admin_site.registry import ORDERS_BEHIND
from orderhub.dotted import resolve
from orders.models import Order, Receiver

#: More orders than this behind one word is not a search result any more.
MOST = 200
TAIL, PHONE = 4, 11


def behind(text: str) -> list[int]:
    """Ids of the orders that the text points at; every look-up is by an index and bounded."""
    text = text.strip()
    if not text:
        return []
    ids = (
        list(
            Order.objects.filter(number__startswith=text.upper())
            .order_by()
            .values_list("id", flat=True)[:MOST]
        )
        if _ours(text)
        else []
    )
    ids += Order.objects.filter(channel_number=text).values_list("id", flat=True)[:MOST]
    digits = crypto.bare_phone(text)
    if text.isdigit() and len(digits) == TAIL:
        tail = crypto.tail_hash(digits)
        ids += (
            Receiver.objects.filter(phone_tail_hash=tail)
            .order_by("-order_id")
            .values_list("order_id", flat=True)[:MOST]
        )
    elif len(digits) == PHONE:
        ids += (
            Receiver.objects.filter(phone_hash=crypto.phone_hash(text))
            .order_by("-order_id")
            .values_list("order_id", flat=True)[:MOST]
        )
    for name in ORDERS_BEHIND:
        ids += resolve(name)(text)
    return list(dict.fromkeys(ids))


def _ours(text: str) -> bool:
    return text[:2].upper() == "OH"
