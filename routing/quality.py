"""How well addresses are understood: what waits, how fast it is decided, how often the automatic ones are right."""

from __future__ import annotations

import datetime as dt
import math
import statistics
from dataclasses import dataclass, field
from typing import Any

from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from logistics import queries as logistics
from orderhub.admin_site.tabs import bounded, shown_count
from routing import address_words, fences
from routing.addresses import regions
from routing.models import AddressPick, AddressReview, AddressThreshold
from routing.standard import PRECISIONS


@dataclass(frozen=True, slots=True)
class Waiting:
    """The queue now: how many (bounded, as text), the oldest promise, and since when the first one waits."""

    count: str
    oldest: dt.datetime | None
    since: dt.datetime | None


def left(orders: QuerySet[Any] | None = None) -> str:
    """How many wait (of these orders), as text; counting stops at a bound."""
    return shown_count(bounded(those_waiting(orders)))


def those_waiting(orders: QuerySet[Any] | None = None) -> QuerySet[AddressReview]:
    """The reviews (of these orders) that wait for a person."""
    found = AddressReview.objects.filter(state=AddressReview.State.WAITING)
    return found if orders is None else found.filter(order_id__in=orders)


def waiting(orders: QuerySet[Any] | None = None) -> Waiting:
    """The queue now (of these orders); three bounded reads."""
    rows = those_waiting(orders)
    first = rows.order_by("promised_at").values_list("promised_at", flat=True).first()
    since = rows.order_by("created_at").values_list("created_at", flat=True).first()
    return Waiting(left(orders), first, since)


def today(user_id: int | None) -> dict[str, Any]:
    """A person's own day: how many, and the median seconds; None where nothing was decided."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT count(*), percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) FROM routing_addresspick
               WHERE user_id = %s AND undone_at IS NULL AND way IN ('key', 'mouse', 'touch')
                 AND (at AT TIME ZONE 'Asia/Shanghai')::date = %s""",
            [user_id, fences.today()],
        )
        count, median = cursor.fetchone()
    return {"count": count, "median": None if median is None else round(median, 1)}


PERSONAL = ("key", "mouse", "touch")


@dataclass(frozen=True, slots=True)
class Share:
    """Of the items decided in a time: how many automatically, and how right those are by blind checks.

    `precision` is measured; `low` its lower bound (Wilson, 95 %); both None without a blind check.
    """

    automatic: int
    memory: int
    person: int
    let_go: int
    checked: int
    precision: float | None
    low: float | None

    @property
    def share(self) -> float | None:
        """The automatic share, memory included."""
        all_of_them = self.automatic + self.memory + self.person + self.let_go
        return (self.automatic + self.memory) / all_of_them if all_of_them else None


def _since(days: int) -> dt.datetime:
    return timezone.now() - dt.timedelta(days=days)


def wilson(right: int, n: int) -> float | None:
    """The lower bound of a share at 95 %; None for no trial."""
    if not n:
        return None
    z, share = 1.96, right / n
    middle = share + z * z / (2 * n)
    return (middle - z * math.sqrt((share * (1 - share) + z * z / (4 * n)) / n)) / (1 + z * z / n)


def automatic(days: int) -> Share:
    """Who decided, and the measured precision of the automatic ones."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT count(*) FILTER (WHERE way = 'auto'), count(*) FILTER (WHERE way IN ('memory', 'same')),
                      count(*) FILTER (WHERE way IN ('key', 'mouse', 'touch', 'bulk') AND agrees IS NULL),
                      count(agrees), count(*) FILTER (WHERE agrees)
               FROM routing_addresspick WHERE at >= %s AND undone_at IS NULL""",
            [_since(days)],
        )
        auto, memory, person, checked, right = cursor.fetchone()
        cursor.execute(
            "SELECT count(*) FROM routing_addressreview WHERE state = 'let_go' AND created_at >= %s",
            [_since(days)],
        )
        (let_go,) = cursor.fetchone()
    return Share(
        auto, memory, person, let_go, checked, right / checked if checked else None, wilson(right, checked)
    )


def ranks(days: int) -> list[tuple[str, int, float]]:
    """What people picked: (1 2 3 search pin keep, how many, share)."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT CASE WHEN choice = 'candidate' AND rank > 0 THEN rank::text ELSE choice END AS what, count(*)
               FROM routing_addresspick WHERE at >= %s AND undone_at IS NULL AND way IN ('key', 'mouse', 'touch')
               GROUP BY what ORDER BY what""",
            [_since(days)],
        )
        rows = cursor.fetchall()
    total = sum(count for _what, count in rows)
    labels = dict(AddressPick.Choice.choices)
    return [(str(labels.get(what, what)), count, count / total) for what, count in rows]


def people(days: int) -> list[dict[str, Any]]:
    """Each person: decisions, median and 90 % seconds, undone ones."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT by, count(*) FILTER (WHERE undone_at IS NULL),
                      percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) FILTER (WHERE undone_at IS NULL),
                      percentile_cont(0.9) WITHIN GROUP (ORDER BY seconds) FILTER (WHERE undone_at IS NULL),
                      count(undone_at)
               FROM routing_addresspick WHERE at >= %s AND way IN ('key', 'mouse', 'touch')
               GROUP BY by ORDER BY 2 DESC LIMIT 50""",
            [_since(days)],
        )
        names = ("by", "count", "median", "most", "undone")
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def thresholds() -> list[dict[str, Any]]:
    """The thresholds in force, with what they promise."""
    return [
        {"city": regions.name(row.city) if row.city else "", "value": row.value, "error": row.error,
         "coverage": row.coverage, "picks": row.picks}
        for row in AddressThreshold.objects.order_by("-picks")[:30]
    ]  # fmt: skip


@dataclass(slots=True)
class Fate:
    """Parcels of one precision or area: how many, first attempts and successes, hours to signing."""

    label: str
    parcels: int = 0
    attempts: int = 0
    succeeded: int = 0
    hours: list[float] = field(default_factory=list)

    def add(self, row: Any) -> None:
        self.parcels += 1
        if row.first_attempt_ok is not None:
            self.attempts += 1
            self.succeeded += row.first_attempt_ok
        if row.signed_at is not None:
            self.hours.append((row.signed_at - row.shipped_at).total_seconds() / 3600)

    @property
    def first(self) -> float | None:
        """First-attempt success."""
        return self.succeeded / self.attempts if self.attempts else None

    @property
    def median_hours(self) -> float | None:
        return statistics.median(self.hours) if self.hours else None


def outcomes(days: int) -> list[Fate]:
    """Delivery by the precision to which the address was known; unreviewed ones apart."""
    rows = logistics.outcomes(_since(days))
    known = dict(
        AddressPick.objects.filter(order_id__in=[row.order_id for row in rows], undone_at=None)
        .order_by("id")
        .values_list("order_id", "precision")
    )
    fates = {code: Fate(address_words.precision(code)) for code in (*PRECISIONS, "given")}
    for row in rows:
        fates.get(known.get(row.order_id, "given"), fates["given"]).add(row)
    return [fate for fate in fates.values() if fate.parcels]


def areas(days: int) -> list[tuple[str, Fate, Fate]]:
    """First-attempt success of the districts with most reviews, before the first review there and after it."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT adcode, min(at), count(*) FROM routing_addresspick WHERE undone_at IS NULL AND adcode <> ''
               GROUP BY adcode ORDER BY 3 DESC LIMIT 12"""
        )
        firsts = {adcode: first for adcode, first, _count in cursor.fetchall()}
    if not firsts:
        return []
    pairs = {code: (Fate(regions.name(code)), Fate(regions.name(code))) for code in firsts}
    for row in logistics.deliveries(min(firsts.values()) - dt.timedelta(days=days)):
        code = row.adcode[:6]
        if code in firsts:
            pairs[code][row.shipped_at >= firsts[code]].add(row)
    return [(regions.name(code), before, after) for code, (before, after) in pairs.items()]
