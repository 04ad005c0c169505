"""`manage.py bench route`: routing decisions a second on one core, 10,000 fences of 100 corners.

Measured is the pure part, as `route` runs it for a batch of 500: names to codes, points to fences, options with
their figures, both choices, places counted down. No SQL, no copying to the database. Options are made by the
very functions that the operation uses. `value` counts processor time, because it is about one core and other work on
the machine is none of its business; `wall` is the same by the clock, and the p99 of one order is by the clock.

Rules are on: the shipped chain with sixty further rows, of districts and of amounts, so that hardly two orders of a
batch ask the same. `without` is the same with the rules left out, `rules_us` what they cost an order.
"""

from __future__ import annotations

import contextlib
import math
import random
import statistics
import time
import types
import uuid
from collections.abc import Iterator
from typing import Any

import shapely
from django.utils import timezone

from inventory.operations.reserve import Book, Cell
from inventory.queries import WarehouseHead
from orderhub.rules import engine, registry, shaping
from orderhub.rules.compiled import Runnable
from orders.operations.stock import LineRow
from routing import policies
from routing.fences import Index
from routing.judgements import OUTPUTS
from routing.known import Figure, Known, OutletFact, RateFact
from routing.ladder import Place, climb
from routing.operations import judging
from routing.operations.capacity import Day, Places
from routing.operations.route import Desk, _decide, weight

GOAL, P99_MS = 10_000.0, 5.0
BATCH = 500
SIDE = 100


class Sink:
    """Stands where the writer stands: takes the decision and keeps nothing."""

    def __init__(self) -> None:
        self.now = timezone.now()
        self.context: dict[str, Any] = {}
        self.kept = 0

    def set(self, row: Any, **columns: Any) -> None:
        self.kept += 1

    def copy(self, table: str, columns: tuple[str, ...], row: Any) -> None:
        self.kept += 1


def _circle(lng: float, lat: float, draw: random.Random) -> Any:
    corners = [
        (
            lng + 0.02 * (1 + 0.2 * draw.random()) * math.cos(a),
            lat + 0.02 * (1 + 0.2 * draw.random()) * math.sin(a),
        )
        for a in (i * math.tau / 100 for i in range(100))
    ]
    return shapely.Polygon(corners)


def _world(draw: random.Random) -> tuple[Known, Index, list[tuple[str, str, str]]]:
    """10,000 outlets with a fence each on a grid, three a district, over the districts of Zhejiang."""
    from routing.addresses import regions

    names = [
        (c, n) for c, (n, _, depth) in regions._table().names.items() if depth == 2 and c.startswith("33")
    ]
    known, shapes = Known(()), []
    known.rates["", "all", ""] = RateFact(Figure(0.9, 0.9, 1000), Figure(0.95, 0.95, 1000))
    for n in range(SIDE * SIDE):
        code = names[n // 3 % len(names)][0]
        known.add(OutletFact(n, f"ZTO-{code}-{n}", f"网点{n}", "ZTO", code, "", 10**6))
        figure = Figure(draw.random(), draw.random(), 100)
        known.rates[code, "outlet", f"ZTO-{code}-{n}"] = RateFact(figure, figure)
        shapes.append(_circle(118 + 0.05 * (n % SIDE), 27 + 0.05 * (n // SIDE), draw))
    for code in list(known.by_district):
        known.by_district[code] = known.by_district[code][:3]
    triples = [(regions.name(code, "/"), code, name) for code, name in names]
    return known, Index.build((), shapes, list(range(SIDE * SIDE))), triples


def _order(
    identity: int, triples: list[tuple[str, str, str]], draw: random.Random
) -> tuple[Any, Place, list[LineRow]]:
    province, city, district = ([*triples[draw.randrange(len(triples))][0].split("/"), "", ""])[:3]
    point = (118 + 5 * draw.random(), 27 + 5 * draw.random()) if draw.random() < 0.5 else (None, None)
    row = types.SimpleNamespace(
        id=identity, warehouse_id=1, promised_ship_at=None, payable=round(draw.lognormvariate(4.3, 0.9), 2),
        piece_count=1, preferred="", refused_by="",
    )  # fmt: skip
    return (
        row,
        Place(identity, province, city, district, "", "", *point),
        [LineRow(str(uuid.uuid4()), 1, 1, 300)],
    )


def rules(triples: list[tuple[str, str, str]]) -> dict[str, Any]:
    """The shipped chain with thirty districts of their own, each with a row for dear orders before it."""
    document = policies.chain()
    table = next(n["content"] for n in document["nodes"] if n["id"] == "preferences")
    made = []
    for n, (_path, code, _name) in enumerate(triples[:30]):
        _province, city, district = judging.names(code)
        when = {"in_city": f"'{city}'", "in_district": f"'{district}'"}
        made.append(
            {
                "_id": f"dear{n}",
                **when,
                "in_amount": f"> {200 + n}",
                "out_prefer_warehouse": "'W2'",
                "out_preferred_left": "100",
            }
        )
        made.append({"_id": f"own{n}", **when, "out_preferred_left": str(120 + n)})
    table["rules"][:0] = made
    return document


@contextlib.contextmanager
def _in_use(document: dict[str, Any]) -> Iterator[None]:
    """The document decides, whatever the database says, and nothing is read while it does."""
    spec = registry.point(judging.POINT)
    key = (spec.code, spec.policies[0].code)
    engine._shipped[key] = Runnable(spec, document)
    engine._heads = (time.monotonic() + 1e6, {})
    choices = {code: {value for value, _label in registry.named(code)()} | {"W2"} for code in _CHOICES}
    shaping._choices.update({code: (time.monotonic() + 1e6, values) for code, values in choices.items()})
    try:
        yield
    finally:
        engine.forget()
        shaping._choices.clear()


_CHOICES = sorted({field.choices for field in OUTPUTS if field.choices})


def _part(
    part: list[Any], known: Known, index: Index, houses: list[Any], book: Book, places: Places, on: bool
) -> Desk:
    """What `lock` and `route` do for these orders, without the database."""
    sink: Any = Sink()
    desk = Desk(known, houses, climb([place for _, place, _ in part], known, index), {}, places)
    if on:
        desk.towns = {place.order_id: place.town for _, place, _ in part}
        grams = {row.id: weight(lines) for row, _, lines in part}
        desk.judged = judging.judge([row for row, _, _ in part], desk.spots, desk.towns, grams, sink.now)
    for row, _, lines in part:
        _decide(row, desk, book, lines, sink)
    return desk


def run(*, long: bool = False) -> dict[str, Any]:
    """Decisions a second (median of the rounds), and the p99 of deciding one order alone in milliseconds."""
    draw = random.Random(7)
    known, index, triples = _world(draw)
    houses = [WarehouseHead(i, f"W{i}", f"仓{i}", i != 2, i * 10, True) for i in (1, 2, 3)]
    for _, code, _ in triples:
        for house in houses:
            figure = Figure(draw.random(), draw.random(), 100)
            known.rates[code, "warehouse", house.code] = RateFact(figure, figure)
    speeds: dict[bool, list[float]] = {True: [], False: []}
    walls: list[float] = []
    nearest, asked, distinct = 0, 0, 0
    with _in_use(rules(triples)):
        for number in range(2 * (9 if long else 5)):  # with and without in turns
            on = number % 2 == 0
            orders = [_order(i, triples, draw) for i in range(BATCH * 20)]
            spent = clock = 0.0
            for start in range(0, len(orders), BATCH):
                part = orders[start : start + BATCH]
                book, places = _stock(houses), _free(known)
                begun, told = time.process_time(), time.perf_counter()
                desk = _part(part, known, index, houses, book, places, on)
                spent += time.process_time() - begun
                clock += time.perf_counter() - told
                if on and desk.judged is not None:
                    asked += len(part)
                    distinct += len(desk.judged.decided.said)
                nearest += sum(spot.rung == "nearest" for spot in desk.spots.values())
            speeds[on].append(len(orders) / spent)
            if on:
                walls.append(len(orders) / clock)
        single = statistics.median(
            _single(known, index, houses, triples, draw, 5000 if long else 1500) for _ in range(3)
        )
    value, bare = statistics.median(speeds[True]), statistics.median(speeds[False])
    return {
        "value": round(value), "unit": "decisions/s a core", "ok": value >= GOAL and single <= P99_MS,
        "wall": round(statistics.median(walls)),
        "p99_ms": round(single, 3), "fences": SIDE * SIDE, "corners": 100, "batch": BATCH, "warehouses": len(houses),
        "by_nearest": nearest, "rules": True, "rows": 61, "without": round(bare),
        "rules_us": round(1e6 / value - 1e6 / bare, 1), "evaluated": round(distinct / max(1, asked), 3),
    }  # fmt: skip


def _single(
    known: Known, index: Index, houses: list[Any], triples: list[Any], draw: random.Random, n: int
) -> float:
    times = []
    book, places = _stock(houses), _free(known)
    for i in range(n):
        one = _order(i, triples, draw)
        begun = time.perf_counter()
        _part([one], known, index, houses, book, places, True)
        times.append(time.perf_counter() - begun)
    times.sort()
    return times[int(len(times) * 0.99)] * 1000


def _stock(houses: list[Any]) -> Book:
    book = Book()
    for house in houses:
        book.add(Cell(house.id, 1, house.id, house.id, 10**9))
    return book


def _free(known: Known) -> Places:
    return Places(today={identity: Day(identity, identity, 10**6) for identity in known.outlets})
