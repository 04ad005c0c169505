"""Pulling a shop's changes: resumable, page by page, from the last page backwards.

`pulled_until` is the high-water mark: every change up to it is stored. A window runs from it (less an overlap)
to now, as long as the channel lets one listing be. The window being read and what is left of it are committed with
each page's payloads, so a worker killed anywhere goes on where it stopped, and what was stored twice is stored once.
"""

from __future__ import annotations

import datetime as dt
import logging
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from orderhub.inbound import keeping
from orderhub.integrations.errors import Held, PlatformError
from orderhub.integrations.importance import Importance, spending
from orderhub.integrations.registry import client
from orderhub.nudge import nudge
from orders.models import Shop
from orders.providers import channel_of, pulled
from orders.providers.channel import Channel

log = logging.getLogger(__name__)

FIRST_LOOK_BACK = dt.timedelta(days=30)
LEASE = dt.timedelta(minutes=3)
#: A ring not heard until the schedule rings again is void.
RING_SECONDS = 15 * 60


def pull(shop_id: int, *, until: dt.datetime | None = None) -> int:
    """Store everything that changed in the shop since the last pull; returns how many payloads were new.

    A platform's failure is written on the shop (and the log) and stops this shop only; the next pull goes on
    from the page that failed. Returns 0 when another worker is pulling this shop.
    """
    if not _take(shop_id):
        return 0
    with spending(Importance.PULL):
        return _pull(shop_id, until)


def _pull(shop_id: int, until: dt.datetime | None) -> int:
    stored = 0
    try:
        target = until or timezone.now()
        while True:
            shop = Shop.objects.select_related("connection").get(id=shop_id)
            start = shop.pulled_until or target - FIRST_LOOK_BACK
            if shop.window_until is None:
                if start >= target:
                    break
                connected = shop.connection.created_at
                end = channel_of(shop.channel).until(start, target, connected, _overlap(shop))
                shop.window_until, shop.window_rows = end, None
                shop.save(update_fields=["window_until", "window_rows"])
            stored += _window(shop, start - _overlap(shop), shop.window_until)
        Shop.objects.filter(id=shop_id).update(last_success_at=timezone.now(), last_error="", errors_in_row=0)
    except Held as error:
        log.info("pull of shop %s waits: %s", shop_id, error)
        Shop.objects.filter(id=shop_id).update(
            last_error=f"{error.message} ({error.code})", last_error_at=timezone.now()
        )
    except PlatformError as error:
        log.warning("pull of shop %s stopped: %s", shop_id, error)
        shop = Shop.objects.get(id=shop_id)
        Shop.objects.filter(id=shop_id).update(
            last_error=f"{error.message} ({error.code})",
            last_error_at=timezone.now(),
            errors_in_row=shop.errors_in_row + 1,
        )
    finally:
        Shop.objects.filter(id=shop_id).update(pull_lease_until=None)
        nudge("orderhub.read_payloads", "order")
    return stored


def _overlap(shop: Shop) -> dt.timedelta:
    """What two windows share; at most half of one, so that every window gets on."""
    return min(dt.timedelta(minutes=shop.overlap_minutes), channel_of(shop.channel).window / 2)


def _take(shop_id: int) -> bool:
    now = timezone.now()
    free = Q(pull_lease_until=None) | Q(pull_lease_until__lt=now)
    return bool(Shop.objects.filter(free, id=shop_id, enabled=True).update(pull_lease_until=now + LEASE))


def _window(shop: Shop, start: dt.datetime, end: dt.datetime) -> int:
    """Read one window backwards; commits after each page."""
    api = client(shop.connection)
    speaker = channel_of(shop.channel)
    size = speaker.page_size
    # kept as rows, not as a page: the one who goes on may read pages of another size
    page = speaker.pages(api, start, end) if shop.window_rows is None else -(-shop.window_rows // size)
    page = max(1, page)
    stored = 0
    while page >= 1:
        payloads, failed = details(speaker, api, speaker.listed(api, start, end, page))
        with transaction.atomic():
            stored += len(keeping.keep_many(shop.connection_id, payloads))
            if failed is None:
                page -= 1
                done = (
                    {"pulled_until": end, "window_until": None, "window_rows": None}
                    if page < 1
                    else {"window_rows": page * size}
                )
                Shop.objects.filter(id=shop.id).update(**done, pull_lease_until=timezone.now() + LEASE)
        nudge("orderhub.read_payloads", "order")
        if failed is not None:
            raise failed
    return stored


def details(
    speaker: Channel, api: Any, numbers: list[str]
) -> tuple[list[keeping.Kept], PlatformError | None]:
    """The full orders of a page; a failure is returned after what was read is kept."""
    answers = speaker.details(api, numbers).values() if numbers else ()
    failed = next((answer for answer in answers if isinstance(answer, PlatformError)), None)
    return [answer for answer in answers if isinstance(answer, keeping.Kept)], failed


def ring_all() -> list[int]:
    """Ask the workers to pull every enabled shop, each in a task of its own, so that a slow shop keeps only itself
    waiting; returns the shops. A ring that is lost, or comes while the shop is being pulled, is made good by the next.
    """
    shops = list(
        Shop.objects.filter(enabled=True, channel__in=pulled(), connection__state="ok")
        .order_by("last_success_at", "id")
        .values_list("id", flat=True)
    )
    for shop_id in shops:
        nudge("orders.pull", shop_id, expires=RING_SECONDS)
    return shops
