"""Suspicious orders: what is paid for real is scored by a rule, and held where the rule says so.

Facts are gathered for the batch in one statement, and only those that the rules in use read. A person's release is
the last word: a released order is not held again.
"""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _

from orderhub import crypto
from orderhub.lifecycle import Writer
from orderhub.rules import engine
from orders.models import Blacklist, Hold, HoldType
from orders.operations import holds
from orders.scope import visible_to

POINT = "payment"
#: More than these are not counted: a rule needs no exact figure there.
MOST = 60

_ALWAYS = "o.id, o.ordered_at, s.channel, s.code, o.goods_amount, o.discount, o.tags"
_LISTED = "SELECT 1 FROM orders_blacklist b WHERE b.removed_at IS NULL"


def _recent(table: str, key: str, mine: str, more: str = "") -> str:
    """How many orders of the 24 hours before have the same key. The key's own test lets the partial index be used."""
    return f"""CASE WHEN {mine} = '' THEN 0 ELSE (SELECT count(*) FROM (SELECT 1 FROM {table}
        WHERE {key} = {mine} AND {key} <> '' {more} AND x.ordered_at > o.ordered_at - interval '24 hours'
          AND x.ordered_at <= o.ordered_at LIMIT {MOST}) n) END"""


_RECEIVED = "orders_receiver y JOIN orders_order x ON x.id = y.order_id"
#: What answers each input. Single look-ups with a LIMIT: a planner that joined them would read all orders.
_FACTS = {
    "phone_orders": _recent(_RECEIVED, "y.phone_hash", "r.phone_hash"),
    "address_orders": _recent(_RECEIVED, "y.address_key", "r.address_key"),
    "buyer_orders": _recent("orders_order x", "x.buyer_ref", "o.buyer_ref", "AND x.shop_id = o.shop_id"),
    "new_buyer": """o.buyer_ref <> '' AND (SELECT 1 FROM orders_order x WHERE x.buyer_ref = o.buyer_ref
        AND x.buyer_ref <> '' AND x.shop_id = o.shop_id AND x.ordered_at < o.ordered_at LIMIT 1) IS NULL""",
    "blacklisted": f"""r.phone_hash <> '' AND EXISTS ({_LISTED} AND b.kind = 'phone' AND b.channel = ''
            AND b.value = r.phone_hash LIMIT 1)
        OR r.address_key <> '' AND EXISTS ({_LISTED} AND b.kind = 'address' AND b.channel = ''
            AND b.value = r.address_key LIMIT 1)
        OR o.buyer_ref <> '' AND EXISTS ({_LISTED} AND b.kind = 'buyer' AND b.channel = s.channel
            AND b.value = o.buyer_ref LIMIT 1)""",
}


def judge(rows: list[Any], writer: Writer) -> None:
    """Score the orders of a batch that are paid for real: held, tagged, or left alone. One statement; two where one is held."""
    if not rows:
        return
    known = facts(rows)
    decided = engine.decide(POINT, [known[row.id] for row in rows])
    suspects = [row for row, answer in zip(rows, decided.answers, strict=True) if answer["hold"]]
    free = _released({row.id for row in suspects}) if suspects else set()
    for row, answer in zip(rows, decided.answers, strict=True):
        tags = [tag for tag in answer["tags"] if tag not in known[row.id]["tags"]]
        if tags:
            writer.set(row, tags=[*known[row.id]["tags"], *tags])
        held = answer["hold"] and row.id not in free
        if held:
            text = answer["reason"] or _("A rule calls this order suspicious.")
            data = {"risk": answer["risk"], "policy": decided.policy, "version": decided.version}
            holds.open_in(writer, row, HoldType.RISK, text, data)
        if held or tags:
            engine.leave_trace(writer, POINT, row.id, decided, answer, answer["reason"])


def facts(rows: list[Any], *, every: bool = False) -> dict[int, dict[str, Any]]:
    """{order: the point's inputs, and its tags}, as far as the rules in use read them (or `every` one). One statement."""
    read = frozenset(_FACTS) if every else engine.uses(POINT)
    wanted = [code for code in _FACTS if code in read]
    columns = ", ".join([_ALWAYS, *(_FACTS[code] for code in wanted)])
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT {columns} FROM orders_order o JOIN orders_shop s ON s.id = o.shop_id
                JOIN orders_receiver r ON r.order_id = o.id WHERE o.id = ANY(%s)""",
            [[row.id for row in rows]],
        )
        found = {values[0]: values[1:] for values in cursor.fetchall()}
    answer = {}
    for row in rows:
        ordered_at, channel, shop, goods, discount, tags, *rest = found[row.id]
        hour = timezone.localtime(ordered_at).hour
        paid_after = (row.paid_at - ordered_at).total_seconds() / 60 if row.paid_at else 0
        answer[row.id] = {
            "amount": row.payable,
            "pieces": row.piece_count,
            "channel": channel,
            "shop": shop,
            "hour": hour,
            "night": hour >= 23 or hour < 6,
            "pay_minutes": paid_after,
            "odd_amount": row.payable < 1 or bool(goods and discount > goods * 4 / 5),
            "tags": engine.loaded(tags),
            **dict(zip(wanted, rest, strict=True)),
        }
    return answer


def _released(order_ids: set[int]) -> set[int]:
    """Orders of which a person said already that they are not suspicious."""
    rows = Hold.objects.filter(order_id__in=order_ids, type=HoldType.RISK).exclude(released_at=None)
    return set(rows.values_list("order_id", flat=True))


def words(answer: dict[str, Any], row: Any) -> str:
    """What the rule did, for the order's page."""
    if answer.get("hold"):
        said = {"risk": answer.get("risk", 0), "reason": answer.get("reason") or _("no reason given")}
        return _("Held as suspicious (risk %(risk)s): %(reason)s") % said
    return _("Not suspicious (risk %(risk)s).") % {"risk": answer.get("risk", 0)}


class NotListed(ValueError):
    """Something that can't be put on the blacklist; the text is for a clerk."""


def block_phone(phone: str, reason: str, user: Any) -> Blacklist:
    """Put a phone on the blacklist: kept as a keyed hash, shown masked. Raises NotListed."""
    bare = crypto.bare_phone(phone)
    if len(bare) < 7 or not bare.isdigit():
        raise NotListed(_("This is no phone number."))
    return _block(Blacklist.Kind.PHONE, crypto.phone_hash(phone), "", crypto.mask_phone(bare), reason, user)


def block_order(number: str, kind: str, reason: str, user: Any) -> Blacklist:
    """Put the phone, buyer or address of an order that the person sees on the blacklist. Raises NotListed."""
    order = visible_to(user).select_related("receiver", "shop").filter(number=number).first()
    if order is None:
        raise NotListed(_("There is no order %(number)s.") % {"number": number})
    value, shown = {
        "phone": (order.receiver.phone_hash, order.receiver.phone_mask),
        "address": (order.receiver.address_key, f"{order.receiver.city}{order.receiver.district} …"),
        "buyer": (order.buyer_ref, f"…{order.buyer_ref[-4:]}"),
    }[kind]
    if not value:
        raise NotListed(_("The channel does not tell this of order %(number)s.") % {"number": number})
    channel = order.shop.channel if kind == "buyer" else ""
    return _block(Blacklist.Kind(kind), value, channel, shown, reason, user)


def _block(kind: str, value: str, channel: str, shown: str, reason: str, user: Any) -> Blacklist:
    if not reason.strip():
        raise NotListed(_("Say why."))
    entry, _made = Blacklist.objects.get_or_create(
        kind=kind, channel=channel, value=value, removed_at=None,
        defaults={"shown": shown[:80], "reason": reason.strip()[:200], "added_by": user},
    )  # fmt: skip
    return entry


def unblock(entry_id: int, user: Any) -> bool:
    """Take an entry off; it stays for the record. False where it was off already."""
    off = Blacklist.objects.filter(id=entry_id, removed_at=None)
    return bool(off.update(removed_at=timezone.now(), removed_by=user))


__all__ = ["block_order", "block_phone", "facts", "judge", "unblock", "words"]
