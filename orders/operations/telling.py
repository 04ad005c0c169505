"""Orders' events become webhook messages: read behind the timeline, so that no batch waits for those who listen.

An event that is being written may appear behind a later one; the place moves only over events older than `SETTLED`, and
a message's key makes what is read twice one message.
"""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from orderhub.nudge import nudge
from orderhub.webhooks import sending
from orderhub.webhooks.models import FeedPlace
from orders.lifecycle import TOUCHES
from orders.models import Event

SETTLED = dt.timedelta(seconds=60)
MOST = 2000
FEED = "orders"


def feed() -> int:
    """Ask for the deliveries of new events; how many. Five statements, however many events and endpoints.

    Begins with what happens after the first endpoint was made; without an endpoint that is on it only keeps its place.
    """
    endpoints = sending.wanted()
    with transaction.atomic():
        place, made = FeedPlace.objects.select_for_update().get_or_create(code=FEED)
        newest = Event.objects.order_by("-id").values_list("id", flat=True).first() or 0
        if made or not endpoints:
            FeedPlace.objects.filter(code=FEED).update(last_id=newest)
            return 0
        events = list(
            Event.objects.filter(id__gt=place.last_id)
            .order_by("id")
            .values_list(
                "id", "code", "point", "occurred_at", "recorded_at", "order_id", "order__number",
                "order__channel_number", "order__shop__code",
            )[:MOST]
        )  # fmt: skip
        rows: list[tuple[Any, ...]] = []
        for identity, code, point, at, _recorded, order_id, number, channel_number, shop in events:
            data = {
                "type": f"order.{code}",
                "timestamp": at.isoformat(),
                "data": {"number": number, "channel_number": channel_number, "shop": shop, "point": point},
            }
            for endpoint in sending.subscribed(shop, code, endpoints):
                rows.append(
                    (f"{endpoint.pk}:{identity}", endpoint.pk, order_id, json.dumps(data, ensure_ascii=False))
                )
        asked = _ask(rows)
        settled = timezone.now() - SETTLED
        last = place.last_id
        for row in events:
            if row[4] >= settled and len(events) < MOST:
                break
            last = row[0]
        FeedPlace.objects.filter(code=FEED).update(last_id=last)
    if asked:
        nudge("orderhub.drain_outbox")
    return asked


def event_choices() -> list[tuple[str, Any]]:
    """(code, label) of the events that an endpoint may choose."""
    holds = [("hold_opened", _("Held")), ("hold_released", _("Hold released"))]
    return [*((touch.code, touch.label) for touch in TOUCHES), *holds]


def _ask(rows: list[tuple[Any, ...]]) -> int:
    if not rows:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO orderhub_message (kind, key, subject_id, order_id, data)
               SELECT %s, v.key, v.subject, v.order_id, v.data::jsonb
               FROM unnest(%s::text[], %s::bigint[], %s::bigint[], %s::text[]) AS v(key, subject, order_id, data)
               ON CONFLICT (kind, key) DO NOTHING""",
            [sending.KIND, *(list(column) for column in zip(*rows, strict=True))],
        )
        return int(cursor.rowcount)
