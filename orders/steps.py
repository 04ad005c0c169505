"""The steps between the touchpoints: from which moment to which, how long they may take, and how long they took.

Moments are facts of the timeline: `occurred` is when it happened (the platform's time), `recorded` when we learned of it.
What is ours to do is measured from when we knew; what people and carriers do, from when it happened. A touch that was
made twice counts from the first time. Durations are kept in buckets that grow by a tenth, so that a percentile read from
them is at most 5 % off.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.utils.translation import gettext_lazy as _

from orders.lifecycle import LIFECYCLE
from orders.models import SlowStep

#: Buckets: number b holds durations from SMALLEST * GROWTH**b to the next; what is shorter is in -1.
SMALLEST, GROWTH = 0.1, 1.1
QUANTILES = (0.50, 0.90, 0.99)

_KNOWN = "coalesce(claim_recorded, received_recorded)"


@dataclass(frozen=True, slots=True)
class Step:
    """`start` and `end` are moments, `code_occurred` or `code_recorded`; `whole` spans other steps and is no part of the sum."""

    code: str
    label: Any
    start: str
    end: str
    target: dt.timedelta | None
    point: int | None = None
    whole: bool = False


def _touch(code: str, start: str, end: str) -> Step:
    touch = LIFECYCLE.by_code[code]
    return Step(code, touch.label, start, end, touch.target, touch.point)


#: The place of a step is kept with what was measured: new ones go to the end.
STEPS: tuple[Step, ...] = (
    Step("learn", _("Learned of the payment"), "verify_occurred", _KNOWN, dt.timedelta(minutes=15)),
    _touch("verify", _KNOWN, "verify_recorded"),
    _touch("reserve", "verify_recorded", "reserve_recorded"),
    _touch("route", "reserve_recorded", "route_recorded"),
    _touch("release", "route_recorded", "release_recorded"),
    Step(
        "push", _("Whole way: payment known to warehouse told"), _KNOWN, "release_recorded", dt.timedelta(seconds=90), whole=True
    ),
    _touch("wave", "release_occurred", "wave_occurred"),
    _touch("pack", "wave_occurred", "pack_occurred"),
    _touch("print", "pack_occurred", "print_occurred"),
    _touch("ship", "print_occurred", "ship_occurred"),
    _touch("sign", "ship_occurred", "sign_occurred"),
    _touch("invoice", "sign_occurred", "invoice_recorded"),
    _touch("close", "sign_occurred", "close_occurred"),
)  # fmt: skip
PLACES = {step.code: place for place, step in enumerate(STEPS)}
#: Events whose moments are asked for.
CODES = (
    "received", "claim", "verify", "reserve", "route", "release", "wave", "pack", "print", "ship", "sign", "invoice", "close",
)  # fmt: skip
_MOMENTS = ", ".join(
    f"min(e.{clock}_at) FILTER (WHERE e.code = '{code}') AS {code}_{clock}"
    for code in CODES
    for clock in ("occurred", "recorded")
)
#: (order_id, step, since, until) of every step whose two moments are known; `%(ids)s` are the orders.
TIMES = f"""SELECT t.order_id, s.step, s.since, greatest(s.until, s.since) AS until
    FROM (SELECT e.order_id, {_MOMENTS} FROM orders_event e
          WHERE e.order_id = ANY (%(ids)s) AND e.code IN ({", ".join(f"'{code}'" for code in CODES)}) GROUP BY e.order_id) t
    CROSS JOIN LATERAL (VALUES {", ".join(f"({place}, {step.start}, {step.end})" for place, step in enumerate(STEPS))})
        AS s(step, since, until)
    WHERE s.since IS NOT NULL AND s.until IS NOT NULL"""
#: (step, target in seconds) as rows for SQL; a step without one is never late.
TARGETS = ", ".join(
    f"({place}, {step.target.total_seconds() if step.target else 'NULL'}::float8)"
    for place, step in enumerate(STEPS)
)
BUCKET = f"CASE WHEN seconds < {SMALLEST} THEN -1 ELSE floor(ln(seconds / {SMALLEST}) / ln({GROWTH}::float8)) END::smallint"


def middle(bucket: int) -> float:
    """The seconds that a bucket stands for: the geometric middle of its ends, 4.9 % from either."""
    return float(SMALLEST if bucket < 0 else SMALLEST * GROWTH ** (bucket + 0.5))


@dataclass(frozen=True, slots=True)
class Figures:
    """One step over a period: `n` orders, `late` past the target, the 50th, 90th and 99th percentile in seconds."""

    n: int = 0
    late: int = 0
    p50: float | None = None
    p90: float | None = None
    p99: float | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """A step in a period and in the one before."""

    step: Step
    now: Figures
    before: Figures

    @property
    def red(self) -> bool:
        """Past its target: more than one order in ten took longer."""
        return bool(
            self.step.target and self.now.p90 is not None and self.now.p90 > self.step.target.total_seconds()
        )

    @property
    def change(self) -> float | None:
        """How much longer nine in ten took than before: 0.2 is 20 % longer."""
        if not self.now.p90 or not self.before.p90:
            return None
        return self.now.p90 / self.before.p90 - 1


def figures(counts: Sequence[tuple[int, int, int]]) -> Figures:
    """The figures of [(bucket, orders, late)]."""
    n = sum(row[1] for row in counts)
    if not n:
        return Figures()
    found: list[float] = []
    ordered = sorted(counts)
    for quantile in QUANTILES:
        wanted, seen = math.ceil(quantile * n), 0
        for bucket, orders, _late in ordered:
            seen += orders
            if seen >= wanted:
                found.append(middle(bucket))
                break
    return Figures(n, sum(row[2] for row in counts), *found)


def taken(
    begin: dt.date, end: dt.date, shops: Iterable[int] | None = None, warehouses: Iterable[int] | None = None
) -> list[Taken]:
    """Every step that ended from `begin` to `end` (both included), beside as many days before. One statement."""
    days = (end - begin).days + 1
    wanted, params = _narrowed(shops, warehouses)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT step, day >= %(begin)s, bucket, sum(n)::int, sum(late)::int FROM orders_stepcount
                WHERE day BETWEEN %(before)s AND %(end)s {wanted} GROUP BY 1, 2, 3""",
            {**params, "begin": begin, "end": end, "before": begin - dt.timedelta(days=days)},
        )
        kept: dict[tuple[int, bool], list[tuple[int, int, int]]] = {}
        for step, current, bucket, n, late in cursor.fetchall():
            kept.setdefault((step, current), []).append((bucket, n, late))
    return [
        Taken(step, figures(kept.get((place, True), [])), figures(kept.get((place, False), [])))
        for place, step in enumerate(STEPS)
    ]


def _narrowed(shops: Iterable[int] | None, warehouses: Iterable[int] | None) -> tuple[str, dict[str, Any]]:
    wanted, params = "", {}
    if shops is not None:
        wanted += " AND shop_id = ANY(%(shops)s)"
        params["shops"] = list(shops)
    if warehouses is not None:
        wanted += " AND warehouse_id = ANY(%(houses)s)"
        params["houses"] = list(warehouses)
    return wanted, params


def slowest(
    code: str,
    begin: dt.date,
    end: dt.date,
    shops: Iterable[int] | None = None,
    warehouses: Iterable[int] | None = None,
    limit: int = 100,
) -> list[tuple[int, float]]:
    """(order, seconds) of the orders whose step took longest, of those past its target. One statement."""
    found = SlowStep.objects.filter(step=PLACES[code], day__gte=begin, day__lte=end)
    if shops is not None:
        found = found.filter(shop_id__in=list(shops))
    if warehouses is not None:
        found = found.filter(warehouse_id__in=list(warehouses))
    return list(found.order_by("-seconds").values_list("order_id", "seconds")[:limit])


@dataclass(frozen=True, slots=True)
class Stretch:
    """One step of one order."""

    step: Step
    since: dt.datetime
    until: dt.datetime

    @property
    def seconds(self) -> float:
        return (self.until - self.since).total_seconds()

    @property
    def red(self) -> bool:
        return bool(self.step.target and self.seconds > self.step.target.total_seconds())


def of_order(order_id: int) -> list[Stretch]:
    """The steps that an order has made, from its timeline, in their order. One statement."""
    with connection.cursor() as cursor:
        cursor.execute(TIMES + " ORDER BY 2", {"ids": [order_id]})
        return [Stretch(STEPS[step], since, until) for _order, step, since, until in cursor.fetchall()]
