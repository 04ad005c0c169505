"""What channels say they show: every listing that they have, its number beside what they were told, and the ones that stray.

A number above what was told can't come from buyers. One below it may: an order that was not pulled yet took the pieces. So a
low one is judged only once the shop's orders are known up to the moment at which it was read.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Sequence

from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _

from inventory.queries import find_sku, sku_codes
from orderhub.integrations.errors import PlatformError
from orderhub.integrations.importance import Importance, spending
from orderhub.integrations.registry import client
from orderhub.nudge import nudge
from orderhub.tickets.opening import Opening, close_gone, open_tickets
from orders.models import Listing, Shop
from orders.operations.offering import shown_channels
from orders.providers import channel_of
from orders.providers.channel import Offer

log = logging.getLogger(__name__)

#: So often in a row a channel may show something else before a person is told.
STRAYS = 3
STRAYED = "stock_strays"
#: A number that was told this short a time ago may still be on its way into the channel's pages.
SETTLE = dt.timedelta(seconds=5)
HOT_DAYS = 3
MOST_PAGES = 2_000


def ring_all() -> list[int]:
    """Ask the workers to read every shop whose numbers can be shown; returns the shops."""
    shops = list(
        Shop.objects.filter(enabled=True, channel__in=shown_channels(), connection__state="ok")
        .order_by("stock_read_at", "id")
        .values_list("id", flat=True)
    )
    for shop_id in shops:
        nudge("orders.read_stock", shop_id, expires=10 * 60)
    return shops


def read(shop_id: int) -> int:
    """Take in what a shop sells and the numbers that it shows; returns how many listings it has now.

    A failure of the platform is written on the shop; the pages that were read stay.
    """
    shop = Shop.objects.select_related("connection").get(id=shop_id)
    speaker, api, seen = channel_of(shop.channel), client(shop.connection), 0
    try:
        with spending(Importance.REPORT):
            for page in range(1, MOST_PAGES):
                asked_at = timezone.now()
                offers, more = speaker.offers(api, page)
                seen += keep(shop, offers, asked_at)
                if not more:
                    break
    except PlatformError as error:
        log.warning("reading the numbers of shop %s stopped: %s", shop_id, error)
        Shop.objects.filter(id=shop_id).update(stock_error=f"{error.message} ({error.code})"[:500])
        return seen
    Shop.objects.filter(id=shop_id).update(stock_read_at=timezone.now())
    Shop.objects.filter(id=shop_id, stock_wait_until=None).update(
        stock_error=""
    )  # what is waited for is not over
    _heat(shop_id)
    return seen


def keep(shop: Shop, offers: Sequence[Offer], asked_at: dt.datetime) -> int:
    """Write down one page; a listing's SKU is found by the seller's code and stays what a person chose. One statement.

    The moment of a reading is kept as long as the number stays: since then the channel has shown it. A reading that was
    asked for before the number was told last says nothing of it.
    """
    if not offers:
        return 0
    table = sku_codes()
    unique = {offer.sku: offer for offer in offers}
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO orders_listing (shop_id, item, channel_sku, code, title, sku_id, read, read_at, seen_at)
               SELECT %s, v.item, v.sku, v.code, v.title, v.ours, v.n, %s, now()
               FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::int[])
                   AS v(item, sku, code, title, ours, n)
               ON CONFLICT (shop_id, channel_sku) DO UPDATE SET item = EXCLUDED.item, code = EXCLUDED.code,
                   title = EXCLUDED.title, sku_id = coalesce(orders_listing.sku_id, EXCLUDED.sku_id), seen_at = now(),
                   read = CASE WHEN coalesce(orders_listing.sent_at, %s) > %s THEN orders_listing.read ELSE EXCLUDED.read END,
                   read_at = CASE WHEN coalesce(orders_listing.sent_at, %s) > %s THEN orders_listing.read_at
                       WHEN orders_listing.read = EXCLUDED.read THEN coalesce(orders_listing.read_at, EXCLUDED.read_at)
                       ELSE EXCLUDED.read_at END""",
            [
                shop.id, asked_at,
                [offer.item for offer in unique.values()], [offer.sku for offer in unique.values()],
                [offer.code[:80] for offer in unique.values()], [offer.title[:200] for offer in unique.values()],
                [find_sku(shop.code, offer.code, table) for offer in unique.values()],
                [offer.quantity for offer in unique.values()],
                asked_at, asked_at, asked_at, asked_at,
            ],
        )  # fmt: skip
    return len(unique)


def judge() -> int:
    """Have told again what a channel shows wrongly; returns how many listings strayed. Two statements, and the tickets'."""
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE orders_listing l SET strayed = l.strayed + 1, wanted_version = l.wanted_version + 1, wanted_at = now()
               FROM orders_shop s
               WHERE s.id = l.shop_id AND s.enabled AND s.stock_mode <> 'off' AND l.sku_id IS NOT NULL AND l.sent IS NOT NULL
                 AND l.wanted_version = l.sent_version AND l.read <> l.sent AND l.read_at >= l.sent_at + %s::interval
                 AND (l.read > l.sent OR s.channel = ANY(%s) OR s.pulled_until >= l.read_at)
               RETURNING l.id, l.strayed""",
            [f"{SETTLE.total_seconds()} seconds", _pushed()],
        )
        strayed = cursor.fetchall()
        cursor.execute(
            """UPDATE orders_listing SET strayed = 0
               WHERE strayed > 0 AND wanted_version = sent_version AND read = sent AND read_at > sent_at RETURNING id"""
        )
        well = [f"{STRAYED}:{row[0]}" for row in cursor.fetchall()]
    close_gone(well, _("The channel shows what it was told."))
    often = [identity for identity, times in strayed if times >= STRAYS]
    if often:
        _ticket(often)
    return len(strayed)


def _pushed() -> list[str]:
    """Channels that tell us of each order themselves: nothing of theirs waits to be pulled."""
    return [name for name in shown_channels() if not channel_of(name).pulled]


def _ticket(ids: Sequence[int]) -> None:
    open_tickets(
        STRAYED,
        [
            Opening(
                f"{STRAYED}:{row.id}",
                _("%(shop)s shows another number of %(code)s than it was told")
                % {"shop": row.shop.name, "code": row.code or row.channel_sku},
                _(
                    "It was told %(sent)s and shows %(read)s, several times in a row. Look whether somebody or another program "
                    "sets this number in the channel's back office; only one may."
                )
                % {"sent": row.sent, "read": row.read},
                "operations",
            )
            for row in Listing.objects.filter(id__in=ids).select_related("shop")
        ],
    )


def _heat(shop_id: int) -> None:
    """How many pieces of each listing's SKU the shop sold lately: the order in which it is told. One statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE orders_listing l SET hot = coalesce(sold.n, 0) FROM orders_listing x LEFT JOIN (
                   SELECT li.sku_id, sum(li.quantity) AS n FROM orders_line li JOIN orders_order o ON o.id = li.order_id
                   WHERE o.shop_id = %s AND o.ordered_at > now() - make_interval(days => %s) GROUP BY 1) sold
                   ON sold.sku_id = x.sku_id
               WHERE x.id = l.id AND l.shop_id = %s AND l.hot IS DISTINCT FROM coalesce(sold.n, 0)""",
            [shop_id, HOT_DAYS, shop_id],
        )
