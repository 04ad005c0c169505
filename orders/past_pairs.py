"""Orders of the past that had a twin or a neighbour, for trying drafts of the duplicate and merging rules on them.

Only orders with such another order are told of: for all others these rules change nothing. Reads only.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from orderhub.rules.points import Effect, Past
from orders.models import Shop
from orders.past import given

#: Another order farther away than this is nobody's twin under any sensible window.
FARTHEST = dt.timedelta(days=7)

_TWINS = """
    SELECT o.id, o.number, s.channel, s.code, s.duplicate_minutes, s.duplicate_mode, r.visibility = 'plain',
        twin.number, twin.minutes
    FROM orders_order o JOIN orders_shop s ON s.id = o.shop_id JOIN orders_receiver r ON r.order_id = o.id
    CROSS JOIN LATERAL (
        SELECT t.number, extract(epoch FROM o.ordered_at - t.ordered_at)::float8 / 60 AS minutes FROM orders_order t
        WHERE t.duplicate_key = o.duplicate_key AND t.duplicate_key <> '' AND t.id <> o.id
          AND (t.ordered_at, t.id) < (o.ordered_at, o.id) AND t.ordered_at > o.ordered_at - %(farthest)s::interval
        ORDER BY t.ordered_at DESC, t.id DESC LIMIT 1) twin
    WHERE o.ordered_at >= %(since)s AND o.ordered_at < %(until)s AND o.id > %(after)s AND o.duplicate_key <> ''
      AND (%(ids)s::bigint[] IS NULL OR o.id = ANY(%(ids)s)) ORDER BY o.id LIMIT %(limit)s"""

_NEIGHBOURS = """
    SELECT o.id, o.number, s.channel, s.code, s.merge_minutes, s.merge_mode, next.number, next.minutes
    FROM orders_order o JOIN orders_shop s ON s.id = o.shop_id JOIN orders_receiver r ON r.order_id = o.id
    CROSS JOIN LATERAL (
        SELECT t.number, extract(epoch FROM t.paid_at - o.paid_at)::float8 / 60 AS minutes
        FROM orders_receiver n JOIN orders_order t ON t.id = n.order_id
        WHERE n.address_key = r.address_key AND t.shop_id = o.shop_id AND t.id <> o.id
          AND (t.paid_at, t.id) > (o.paid_at, o.id) AND t.paid_at < o.paid_at + %(farthest)s::interval
        ORDER BY t.paid_at, t.id LIMIT 1) next
    WHERE o.ordered_at >= %(since)s AND o.ordered_at < %(until)s AND o.id > %(after)s AND o.paid_at IS NOT NULL
      AND r.address_key <> '' AND (%(ids)s::bigint[] IS NULL OR o.id = ANY(%(ids)s)) ORDER BY o.id LIMIT %(limit)s"""


def _read(sql: str, *bounds: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, {**given(*bounds), "farthest": f"{FARTHEST.total_seconds()} seconds"})
        return cursor.fetchall()


def twins(
    since: dt.datetime, until: dt.datetime, ids: Sequence[int] | None, after_id: int, limit: int
) -> list[Past]:
    """Orders with an earlier one of the same receiver and goods; `became` {"twin", "apart": minutes}. One statement."""
    return [
        Past(
            identity, number,
            {"channel": channel, "shop": code, "shop_minutes": minutes, "shop_mode": mode, "plain": plain},
            {"twin": twin, "apart": apart},
        )
        for identity, number, channel, code, minutes, mode, plain, twin, apart in _read(
            _TWINS, since, until, ids, after_id, limit
        )
    ]  # fmt: skip


def twin_effects(
    pasts: Sequence[Past], before: Sequence[dict[str, Any]], after: Sequence[dict[str, Any]]
) -> list[Effect]:
    """What is done with the later one of each pair under either answer."""
    labels = dict(Shop.DuplicateMode.choices)

    def said(past: Past, answer: dict[str, Any]) -> str:
        near = past.became["apart"] <= answer["minutes"] and answer["mode"] != Shop.DuplicateMode.OFF
        return str(labels[answer["mode"]]) if near else _("no duplicate")

    return _told(pasts, before, after, said)


def neighbours(
    since: dt.datetime, until: dt.datetime, ids: Sequence[int] | None, after_id: int, limit: int
) -> list[Past]:
    """Paid orders after which the same door ordered again; `became` {"next", "apart": minutes}. One statement."""
    return [
        Past(
            identity, number, {"channel": channel, "shop": code, "shop_minutes": minutes, "shop_mode": mode},
            {"next": another, "apart": apart},
        )
        for identity, number, channel, code, minutes, mode, another, apart in _read(
            _NEIGHBOURS, since, until, ids, after_id, limit
        )
    ]  # fmt: skip


def neighbour_effects(
    pasts: Sequence[Past], before: Sequence[dict[str, Any]], after: Sequence[dict[str, Any]]
) -> list[Effect]:
    """Whether the two would have gone in one parcel by themselves under either answer."""

    def said(past: Past, answer: dict[str, Any]) -> str:
        if answer["mode"] == Shop.MergeMode.AUTO and past.became["apart"] <= answer["minutes"]:
            return _("one parcel")
        return (
            str(dict(Shop.MergeMode.choices)[answer["mode"]])
            if answer["mode"] != Shop.MergeMode.AUTO
            else _("two parcels")
        )

    return _told(pasts, before, after, said)


def _told(
    pasts: Sequence[Past], before: Sequence[dict[str, Any]], after: Sequence[dict[str, Any]], said: Any
) -> list[Effect]:
    made = []
    for past, one, other in zip(pasts, before, after, strict=True):
        frm, to = said(past, one), said(past, other)
        made.append(Effect(frm != to, frm, to))
    return made
