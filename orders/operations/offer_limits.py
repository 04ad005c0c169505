"""Limited purchase in the channels, which hide who buys: the limit of the listing itself, where a call sets it.

It is a level like the number of pieces (decisions/0015): an item's limit is the smallest of its SKUs in limited purchase,
else the shop's usual one; told until the channel knows it, again whenever it changed. Only Douyin has a call of its own.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from django.db import connection
from django.db.models import Count, F, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from inventory import availability
from inventory.operations import claiming
from orderhub.integrations.errors import PlatformError
from orderhub.integrations.importance import Importance, spending
from orderhub.integrations.registry import client
from orderhub.nudge import nudge
from orderhub.tickets.opening import Opening, close_gone, open_tickets
from orders.models import ItemLimit, Listing, Shop
from orders.operations import offering
from orders.providers import PROVIDERS, channel_of
from orders.providers.channel import IN_AUDIT

#: An item in the channel's audit is tried again after this.
AUDITED = dt.timedelta(minutes=10)
REFUSED = "limit_refused"
MOST = 500


def channels() -> list[str]:
    """The channels whose purchase limits can be set."""
    return [name for name in PROVIDERS if channel_of(name).limits_items]


def _shops() -> Q:
    return Q(enabled=True, channel__in=channels(), usual_limit__gt=0) & ~Q(stock_mode=Shop.StockMode.OFF)


def reckon() -> int:
    """Reckon the limit of every item; how many changed. An item that was never limited has no row. At most six statements."""
    usual = {one: n for one, n in Shop.objects.filter(_shops()).values_list("id", "usual_limit") if n}
    if not usual:
        return 0
    rows = list(
        Listing.objects.filter(shop_id__in=usual, sku__isnull=False).values_list("shop_id", "item", "sku_id")
    )
    sales = claiming.sales(availability.for_sale({sku for _shop, _item, sku in rows if sku is not None}))
    wanted: dict[tuple[int, str], int] = {}
    for shop, item, sku in rows:
        most = sales[sku].most if sku in sales else None
        pieces = usual[shop] if most is None else min(most, usual[shop])
        wanted[shop, item] = max(1, min(pieces, wanted.get((shop, item), pieces)))
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO orders_itemlimit AS kept (shop_id, item, wanted)
               SELECT v.shop, v.item, v.n FROM unnest(%s::bigint[], %s::text[], %s::int[], %s::int[]) AS v(shop, item, n, usual)
               WHERE v.n < v.usual OR EXISTS (SELECT 1 FROM orders_itemlimit x WHERE x.shop_id = v.shop AND x.item = v.item)
               ON CONFLICT (shop_id, item) DO UPDATE SET wanted = EXCLUDED.wanted, next_try_at = NULL
                   WHERE kept.wanted <> EXCLUDED.wanted""",
            [
                [shop for shop, _item in wanted], [item for _shop, item in wanted],
                list(wanted.values()), [usual[shop] for shop, _item in wanted],
            ],
        )  # fmt: skip
        return int(cursor.rowcount)


def _due() -> Q:
    differs = Q(sent=None) | ~Q(sent=F("wanted"))
    return differs & (Q(next_try_at=None) | Q(next_try_at__lte=timezone.now()))


def due() -> list[int]:
    """The shops whose channel does not know a limit yet and may be told now."""
    ready = _shops() & (Q(stock_wait_until=None) | Q(stock_wait_until__lte=timezone.now()))
    shops = Shop.objects.filter(ready).values("id")
    return sorted(set(ItemLimit.objects.filter(_due(), shop__in=shops).values_list("shop_id", flat=True)))


def ring_all() -> list[int]:
    """Ask the workers to tell each of them, in a task of its own; returns the shops."""
    shops = due()
    for shop_id in shops:
        nudge("orders.tell_stock", shop_id, expires=30)
    return shops


def tell(shop_id: int) -> int:
    """Tell a channel the limits of one shop that it does not know; how many. 0 where another worker speaks to it already."""
    if shop_id not in due() or not offering.take(shop_id):
        return 0
    shop = Shop.objects.select_related("connection").get(id=shop_id)
    rows = list(ItemLimit.objects.filter(_due(), shop_id=shop_id).order_by("wanted", "id")[:MOST])
    speaker, api = channel_of(shop.channel), client(shop.connection)
    told: list[ItemLimit] = []
    refused: list[tuple[ItemLimit, PlatformError]] = []
    try:
        with spending(Importance.PULL):
            for row in rows:
                if len(told) % offering.TOGETHER == 0:
                    offering.keep(shop_id)
                try:
                    speaker.limit(api, row.item, row.wanted)
                    told.append(row)
                except PlatformError as error:
                    if error.kind != "business":
                        offering.wait(shop_id, error)
                        break
                    refused.append((row, error))
    finally:
        _written(told, refused)
        Shop.objects.filter(id=shop_id).update(stock_lease_until=None)
    return len(told)


def summary() -> dict[int, tuple[int, int, int]]:
    """{shop: (items limited now, to be told, refused)}. One statement."""
    differs = Q(sent=None) | ~Q(sent=F("wanted"))
    rows = (
        ItemLimit.objects.filter(shop__usual_limit__gt=0)
        .values("shop_id")
        .annotate(
            fewer=Count("id", filter=Q(wanted__lt=F("shop__usual_limit"))),
            waits=Count("id", filter=differs & Q(refusal="")),
            refused=Count("id", filter=differs & ~Q(refusal="")),
        )
    )
    return {row["shop_id"]: (row["fewer"], row["waits"], row["refused"]) for row in rows}


def _written(told: Sequence[ItemLimit], refused: Sequence[tuple[ItemLimit, PlatformError]]) -> None:
    now = timezone.now()
    for row in told:
        row.sent, row.sent_at, row.refusal, row.next_try_at = row.wanted, now, "", None
    for row, error in refused:
        row.refusal = error.message[:300]
        row.next_try_at = now + (AUDITED if error.code == IN_AUDIT else offering.REFUSED_FOR)
    every = [*told, *(row for row, _error in refused)]
    ItemLimit.objects.bulk_update(every, ["sent", "sent_at", "refusal", "next_try_at"], batch_size=MOST)
    close_gone([f"{REFUSED}:{row.pk}" for row in told], _("The channel takes the purchase limit again."))
    _ticket([(row, error) for row, error in refused if error.code != IN_AUDIT])


def _ticket(refused: Sequence[tuple[ItemLimit, PlatformError]]) -> None:
    if not refused:
        return
    names = dict(Shop.objects.filter(id__in={row.shop_id for row, _e in refused}).values_list("id", "name"))
    open_tickets(
        REFUSED,
        [
            Opening(
                f"{REFUSED}:{row.pk}",
                _("%(shop)s does not take the purchase limit of item %(item)s")
                % {"shop": names[row.shop_id], "item": row.item},
                _(
                    "The channel says: %(why)s. Set the limit of %(n)d pieces a buyer in the channel's back office, or mend the "
                    "goods there. It is tried again every hour."
                )
                % {"why": error.message, "n": row.wanted},
                "operations",
            )
            for row, error in refused
        ],
    )
