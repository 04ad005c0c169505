"""Suspected duplicates (重复订单): same receiver and same goods within the shop's window, in the mode of the shop.

Within a channel two receivers are the same by the channel's own key; across channels only a hash of the plain
phone can tell, so that own-shop and hand-entered orders are compared with one another whatever their shop, and
masked ones never leave theirs. What is paid is never cancelled here: it is held, with a ticket, because only a
person may decide to give money back.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.utils.translation import gettext as _

from orderhub.actors import CLOCK, platform
from orderhub.lifecycle import apply
from orderhub.tickets.opening import open_ticket
from orders.lifecycle import LIFECYCLE
from orders.models import HoldType, Shop
from orders.models import OrderState as S
from orders.operations import figures, merge
from orders.operations.figures import Figures
from orders.providers import channel_of
from orders.providers.base import ParsedOrder

if TYPE_CHECKING:
    from orders.operations.newcomers import Tables

#: An unpaid order may be cancelled by us only where nobody else keeps it: the marketplace would still take money.
OURS = ("own_shop",)
#: The twin may still be joined by the newcomer: no warehouse has it.
NOT_HANDED = (S.CLAIMED, S.PAID, S.RESERVED, S.ROUTED)


@dataclass(slots=True)
class Candidate:
    """An order that another may be the duplicate of."""

    id: int
    number: str
    at: dt.datetime
    state: str
    shop_id: int
    channel: str
    address_key: str
    sealed: str
    refund: str
    fresh: bool = False


_KNOWN = """
    SELECT o.duplicate_key, o.id, o.number, o.ordered_at, o.state, o.shop_id, s.channel, r.address_key, o.sealed,
        o.refund_state
    FROM orders_order o JOIN orders_shop s ON s.id = o.shop_id JOIN orders_receiver r ON r.order_id = o.id
    WHERE o.duplicate_key = ANY(%s) AND o.duplicate_key <> '' AND o.state <> 'cancelled' ORDER BY o.ordered_at, o.id"""


def key_of(shop_id: int, order: ParsedOrder, skus: list[int | None]) -> str:
    """A digest of receiver and goods, of one shop where the receiver is masked; "" where it has no key of its own."""
    if not order.receiver.key:
        return ""
    goods: dict[str, int] = {}
    for line, sku_id in zip(order.lines, skus, strict=True):
        name = str(sku_id or line.seller_code)
        goods[name] = goods.get(name, 0) + line.quantity
    scope = "plain" if order.receiver.plain else str(shop_id)
    text = f"{scope}|{order.receiver.key}|{sorted(goods.items())}"
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def basis(plain: bool) -> str:
    """By what two receivers were found to be the same, in a clerk's words."""
    return _("by the phone number's hash") if plain else _("by the channel's own key of the receiver")


class Duplicates:
    """The newcomers of one batch against each other and against what is here.

    Twins that arrive in two transactions at once wait for each other, so that the second sees the first.
    """

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self.together: list[tuple[Candidate, Candidate, bool]] = []
        self.unpaid: list[tuple[Candidate, Candidate]] = []

    def look(self, newcomers: list[tuple[Candidate, str, Shop, bool]]) -> None:
        """[(newcomer, key, shop, receiver is plain)]: hold, cancel or note what is to ship together. Two statements."""
        keys = sorted({key for _new, key, _shop, _plain in newcomers if key})
        if not keys:
            return
        said = iter(figures.duplicates([(shop, plain) for _new, key, shop, plain in newcomers if key]))
        limits = {new.id: next(said) for new, key, _shop, _plain in newcomers if key}
        seen: dict[str, list[Candidate]] = {}
        for key, *values in _known(keys):
            seen.setdefault(key, []).append(Candidate(*values))
        for new, key, shop, plain in sorted(newcomers, key=lambda row: row[0].at):
            if not key or new.state == S.CANCELLED:
                continue
            limit = limits[new.id]
            window = dt.timedelta(minutes=limit.minutes)
            twin = next((old for old in seen.get(key, []) if abs(new.at - old.at) <= window), None)
            if twin is None or self._decide(new, twin, shop, plain, limit):
                seen.setdefault(key, []).append(new)

    def _decide(self, new: Candidate, twin: Candidate, shop: Shop, plain: bool, limit: Figures) -> bool:
        """Treat one duplicate; False where the newcomer is cancelled and can be nobody's twin."""
        mode = limit.mode
        if mode == Shop.DuplicateMode.CANCEL and new.state == S.UNPAID and new.channel in OURS:
            words = _("Same receiver and same goods as %(other)s, and not paid.") % {"other": twin.number}
            self.tables.cancel(new.id, words, {"twin": twin.number, "basis": basis(plain)})
            return False
        if (
            mode == Shop.DuplicateMode.CANCEL
            and new.state != S.UNPAID
            and twin.state == S.UNPAID
            and twin.channel in OURS
        ):
            self.unpaid.append((twin, new))
            return True
        if mode == Shop.DuplicateMode.MERGE:
            why = _not_together(new, twin)
            if not why:
                self.together.append((twin, new, plain))
                return True
            self._hold(new, twin, shop, plain, limit, why)
        elif mode != Shop.DuplicateMode.OFF:
            self._hold(new, twin, shop, plain, limit, "")
        return True

    def _hold(
        self, new: Candidate, twin: Candidate, shop: Shop, plain: bool, limit: Figures, why: str
    ) -> None:
        text = _("Same receiver and same goods as %(other)s within %(minutes)s minutes, %(basis)s.") % {
            "other": twin.number,
            "minutes": f"{limit.minutes:g}",
            "basis": basis(plain),
        }
        data = {"twin": twin.number, "basis": "phone" if plain else "channel_key"}
        self.tables.hold(new.id, HoldType.DUPLICATE, f"{text} {why}".strip(), platform(shop.channel), data)
        if limit.mode == Shop.DuplicateMode.CANCEL:
            open_ticket(
                "duplicate",
                f"duplicate:{new.number}",
                _("Paid twice? %(number)s looks like %(other)s")
                % {"number": new.number, "other": twin.number},
                body=_(
                    "Ask the buyer. Cancelling the order proposes the refund; releasing the hold ships it too."
                ),
                role="customer_service",
                order_id=new.id,
            )

    def after(self) -> None:
        """What needs the newcomers written: twins that nobody paid are cancelled, merges are begun."""
        if self.unpaid:
            self._cancel_unpaid()
        for twin, new, plain in self.together:
            merge.begin([twin.id, new.id], shop_id=new.shop_id, confirmed=plain or not channel_of(new.channel).confirms_merge,
                        plain=plain, by="duplicates")  # fmt: skip

    def _cancel_unpaid(self) -> None:
        """Cancel the twins that are still unpaid and free; one that somebody has in hand now is not waited for."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT id FROM orders_order WHERE id = ANY(%s) AND state = 'unpaid' ORDER BY id FOR UPDATE SKIP LOCKED",
                [[twin.id for twin, _new in self.unpaid]],
            )
            free = {row[0] for row in cursor.fetchall()}
        reasons = {
            twin.id: _("The buyer ordered the same again and paid: %(number)s") % {"number": new.number}
            for twin, new in self.unpaid
        }
        if free:
            apply(LIFECYCLE, "cancel", sorted(free), actor=CLOCK, params={"reasons": reasons})


def _known(keys: list[str]) -> Iterator[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(k, 22)) FROM unnest(%s::text[]) AS k", [keys]
        )
        cursor.execute(_KNOWN, [keys])
        yield from cursor.fetchall()


def _not_together(new: Candidate, twin: Candidate) -> str:
    """Why two duplicates can't ship in one parcel, in words; "" where they can."""
    if new.shop_id != twin.shop_id:
        return _("It belongs to another shop.")
    if new.sealed or twin.sealed:
        return _("Gifts, cash on delivery and sealed orders ship alone.")
    if not new.address_key or new.address_key != twin.address_key:
        return _("The channel does not call it the same address.")
    if new.state != S.CLAIMED or twin.state not in NOT_HANDED or "none" not in (new.refund, twin.refund):
        return _("It is too late, or too early, to ship them together.")
    return ""
