"""What each shop shows of each SKU: reckoned from what buyers may be shown, told to the channel, newest number first.

A number is a level and no deed: only the newest matters, and telling it twice does no harm. So it is no message of the
outbox but a version on the listing: a change raises `wanted_version`, telling it writes `sent_version`, and whatever lies
between is told by whoever holds the shop's lease, hottest first. `reading_stock.py` asks what came of it (decisions/0015).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db import connection
from django.db.models import Case, F, Q, When
from django.utils import timezone
from django.utils.translation import gettext as _

from inventory import availability
from orderhub.integrations.errors import Held, PlatformError
from orderhub.integrations.importance import Importance, spending
from orderhub.integrations.registry import client
from orderhub.nudge import nudge
from orderhub.tickets.opening import Opening, close_gone, open_tickets
from orders.models import Listing, Shop
from orders.providers import PROVIDERS, channel_of
from orders.providers.channel import Channel, Showing

LEASE = dt.timedelta(minutes=2)
#: A channel that asked for patience without saying how long is asked again after this; one that needs a person, after that.
PATIENCE, PERSON = dt.timedelta(seconds=5), dt.timedelta(minutes=5)
#: What a channel would not take is tried again so often, in case somebody mended it there.
REFUSED_FOR = dt.timedelta(hours=1)
#: Listings that one look takes, and answers that are written together.
PAGE, TOGETHER = 500, 100
REFUSED = "stock_refused"
#: Calls of which nothing came, one after the other, before the shop is left alone for a while; one is made again.
FAILURES = 3
#: What sold out first of all, then what sells most, then what waits longest.
ORDER = (Case(When(wanted=0, then=0), default=1), "-hot", "wanted_at", "id")


@dataclass(frozen=True, slots=True)
class Ask:
    """One listing's claim on a SKU's pieces: `own` means that no other shop may sell them meanwhile."""

    listing: int
    shop: int
    own: bool
    share: int
    margin: int


def split(pieces: int, asks: Sequence[Ask]) -> dict[int, int]:
    """{listing: pieces to show} of one SKU. Own shares are cut off first, in the order of the shops; the rest is the pool.

    Own shares never come to more than there is, whatever was entered. Listings of one shop show the same pieces.
    """
    found: dict[int, int] = {}
    left = pieces
    for shop in sorted({ask.shop for ask in asks if ask.own}):
        mine = [ask for ask in asks if ask.shop == shop]
        part = min(left, pieces * max(ask.share for ask in mine) // 100)
        left -= part
        found |= {ask.listing: max(0, min(part, pieces * ask.share // 100) - ask.margin) for ask in mine}
    for ask in asks:
        if not ask.own:
            found[ask.listing] = max(0, left * ask.share // 100 - ask.margin)
    return found


def shown_channels() -> list[str]:
    """The channels whose numbers we can set."""
    return [name for name in PROVIDERS if channel_of(name).shows_stock]


def _active() -> Q:
    return Q(shop__enabled=True, shop__channel__in=shown_channels(), sku__isnull=False) & ~Q(
        shop__stock_mode=Shop.StockMode.OFF
    )


def reckon() -> int:
    """Reckon what every listing is to show; returns how many changed. Three statements, however many."""
    rows = list(
        Listing.objects.filter(_active()).values_list(
            "id",
            "shop_id",
            "sku_id",
            "wanted",
            "share",
            "margin",
            "shop__stock_mode",
            "shop__stock_share",
            "shop__stock_margin",
        )
    )
    if not rows:
        return 0
    shown = availability.for_sale({row[2] for row in rows if row[2] is not None})
    by_sku: dict[int, list[Ask]] = {}
    before: dict[int, int | None] = {}
    for identity, shop, sku, wanted, share, margin, mode, usual_share, usual_margin in rows:
        before[identity] = wanted
        by_sku.setdefault(sku, []).append(
            Ask(
                identity, shop, mode == Shop.StockMode.OWN, usual_share if share is None else share,
                usual_margin if margin is None else margin,
            )
        )  # fmt: skip
    changed: dict[int, int] = {}
    for sku, asks in by_sku.items():
        pieces = shown[sku].shown if sku in shown else 0
        changed |= {one: n for one, n in split(pieces, asks).items() if before[one] != n}
    if not changed:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE orders_listing l SET wanted = v.n, wanted_version = l.wanted_version + 1, wanted_at = now()
               FROM unnest(%s::bigint[], %s::int[]) AS v(id, n) WHERE l.id = v.id AND l.wanted IS DISTINCT FROM v.n""",
            [list(changed), list(changed.values())],
        )
        return int(cursor.rowcount)


def to_tell(shop_id: int | None = None) -> Q:
    """Listings whose channel was not told of their newest number."""
    due = Q(next_try_at=None) | Q(next_try_at__lte=timezone.now())
    wanted = _active() & due & Q(wanted__isnull=False, wanted_version__gt=F("sent_version"))
    return wanted if shop_id is None else wanted & Q(shop_id=shop_id)


def ring_all() -> list[int]:
    """Ask the workers to tell each shop that waits, in a task of its own; returns the shops."""
    ready = Q(shop__stock_wait_until=None) | Q(shop__stock_wait_until__lte=timezone.now())
    shops = sorted(set(Listing.objects.filter(to_tell() & ready).values_list("shop_id", flat=True)))
    for shop_id in shops:
        nudge("orders.tell_stock", shop_id, expires=30)
    return shops


def tell(shop_id: int) -> int:
    """Tell a channel the newest numbers of one shop until none waits; returns how many listings were told.

    A failure is written on the shop and stops this shop only. 0 where another worker tells it already.
    """
    if not take(shop_id):
        return 0
    shop = Shop.objects.select_related("connection").get(id=shop_id)
    told = 0
    try:
        with spending(Importance.PULL):
            while keep(shop_id):
                count, error = _page(shop)
                told += count
                if error is not None:
                    wait(shop_id, error)
                    break
                if count == 0:
                    Shop.objects.filter(id=shop_id).exclude(stock_error="").update(
                        stock_error="", stock_wait_until=None
                    )
                    break
    finally:
        Shop.objects.filter(id=shop_id).update(stock_lease_until=None)
    return told


def take(shop_id: int) -> bool:
    """Whether this worker may speak to the shop's channel now (for `LEASE`); no other one does meanwhile."""
    now = timezone.now()
    free = Q(stock_lease_until=None) | Q(stock_lease_until__lt=now)
    ready = Q(stock_wait_until=None) | Q(stock_wait_until__lte=now)
    return bool(
        Shop.objects.filter(free & ready, id=shop_id, enabled=True).update(stock_lease_until=now + LEASE)
    )


def keep(shop_id: int) -> bool:
    """Go on speaking for another `LEASE`."""
    return bool(Shop.objects.filter(id=shop_id).update(stock_lease_until=timezone.now() + LEASE))


def wait(shop_id: int, error: PlatformError) -> None:
    """Leave the channel alone for as long as its error asks for; written where people see it."""
    person = error.kind in ("configuration", "reauthorise")
    wait = PERSON if person else dt.timedelta(seconds=error.retry_after) if error.retry_after else PATIENCE
    Shop.objects.filter(id=shop_id).update(
        stock_wait_until=timezone.now() + wait, stock_error=f"{error.message} ({error.code})"[:500]
    )


Waiting = tuple[int, str, str, int, int]  # listing, item, SKU, number, version


def _page(shop: Shop) -> tuple[int, PlatformError | None]:
    """Tell one page of what waits; how many were told or refused, and what stopped it.

    One call that got lost stops nothing: its listings wait for the next page, which comes at once.
    """
    found = (
        Listing.objects.filter(to_tell(shop.id))
        .order_by(*ORDER)
        .values_list("id", "item", "channel_sku", "wanted", "wanted_version")[:PAGE]
    )
    rows: list[Waiting] = [
        (one, item, sku, number or 0, version) for one, item, sku, number, version in found
    ]
    speaker, api = channel_of(shop.channel), client(shop.connection)
    answered: list[Waiting] = []
    refused: dict[int, str] = {}
    stopped: PlatformError | None = None
    handled = failed = 0
    for call in calls(rows, speaker.shown_a_call):
        done, no, error = _call(speaker, api, call)
        answered += done
        refused |= no
        handled += len(done) + len(no)
        stopped = error or stopped
        failed = failed + 1 if error is not None and not done else 0
        enough = error is not None and (ends(error) or failed >= FAILURES)
        if len(answered) >= TOGETHER or enough:
            _written(answered, refused)
            answered, refused = [], {}
        if enough:
            return handled, error
    _written(answered, refused)
    return handled, None if handled else stopped


def ends(error: PlatformError) -> bool:
    """Whether it is about the shop or the platform and not about one call that got lost."""
    return (
        isinstance(error, Held) or bool(error.retry_after) or error.kind in ("configuration", "reauthorise")
    )


def calls(rows: Sequence[Waiting], most: int) -> list[Sequence[Waiting]]:
    """Rows in calls of at most `most`, in their order; those of one item stand where its first row came."""
    place: dict[str, int] = {}
    for row in rows:
        place.setdefault(row[1], len(place))
    rows = sorted(rows, key=lambda row: place[row[1]])
    return [rows[start : start + most] for start in range(0, len(rows), most)]


def _call(
    speaker: Channel, api: object, call: Sequence[Waiting]
) -> tuple[list[Waiting], dict[int, str], PlatformError | None]:
    """(told, {listing: why refused}, what stopped it); a refused call of several is made again one by one."""
    try:
        errors = speaker.show(api, [Showing(item, sku, n) for _id, item, sku, n, _version in call])
    except PlatformError as error:
        if error.kind != "business":
            return [], {}, error
        if len(call) == 1:
            return [], {call[0][0]: error.message}, None
        done: list[Waiting] = []
        refused: dict[int, str] = {}
        for row in call:
            more, no, stopped = _call(speaker, api, [row])
            done += more
            refused |= no
            if stopped is not None:
                return done, refused, stopped
        return done, refused, None
    failed = [error for error in errors.values() if error.kind != "business"]
    stopped = next((error for error in failed if ends(error)), failed[0] if failed else None)
    return (
        [row for row in call if row[2] not in errors],
        {
            row[0]: errors[row[2]].message
            for row in call
            if row[2] in errors and errors[row[2]].kind == "business"
        },
        stopped,
    )


def _written(answered: Sequence[Waiting], refused: Mapping[int, str]) -> None:
    """What the channel took, and what it would not: never over the word of a newer version."""
    with connection.cursor() as cursor:
        if answered:
            cursor.execute(
                """UPDATE orders_listing l SET sent = v.n, sent_version = v.version, sent_at = now(), read = NULL, read_at = NULL,
                       refusal = '', next_try_at = NULL
                   FROM unnest(%s::bigint[], %s::int[], %s::bigint[]) AS v(id, n, version)
                   WHERE l.id = v.id AND l.sent_version < v.version""",
                [[row[0] for row in answered], [row[3] for row in answered], [row[4] for row in answered]],
            )
            close_gone([f"{REFUSED}:{row[0]}" for row in answered], _("The channel takes the number again."))
        if refused:
            cursor.execute(
                """UPDATE orders_listing l SET refusal = left(v.why, 300), next_try_at = now() + %s::interval
                   FROM unnest(%s::bigint[], %s::text[]) AS v(id, why) WHERE l.id = v.id""",
                [f"{REFUSED_FOR.total_seconds()} seconds", list(refused), list(refused.values())],
            )
            _ticket(refused)


def _ticket(refused: Mapping[int, str]) -> None:
    rows = Listing.objects.filter(id__in=refused).select_related("shop")
    open_tickets(
        REFUSED,
        [
            Opening(
                f"{REFUSED}:{row.id}",
                _("%(shop)s does not take the number of %(code)s")
                % {"shop": row.shop.name, "code": row.code or row.channel_sku},
                _(
                    "The channel says: %(why)s. Buyers see the old number until this is mended: look at the goods in the "
                    "channel's back office, or take the listing's SKU away here. It is tried again every hour."
                )
                % {"why": refused[row.id]},
                "operations",
            )
            for row in rows
        ],
    )
