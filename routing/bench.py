"""`manage.py bench route`: routing decisions a second on one core, 10,000 fences of 100 corners.

Measured is the pure part, as `route` runs it for a batch of 500: names to codes, points to fences, options with
their figures, both choices, places counted down. No SQL, no copying to the database. Options are made by the
very functions that the operation uses. `value` counts processor time, because it is about one core and other work on
the machine is none of its business; `wall` is the same by the clock, and the p99 of one order is by the clock.
"""

from __future__ import annotations

import math
import random
import statistics
import time
import types
import uuid
from typing import Any

import shapely

from inventory.operations.reserve import Book, Cell
from inventory.queries import WarehouseHead
from orders.operations.stock import LineRow
from routing.fences import Index
from routing.known import Figure, Known, OutletFact, RateFact
from routing.ladder import Place, climb
from routing.operations.capacity import Day, Places
from routing.operations.route import Desk, _decide

GOAL, P99_MS = 10_000.0, 5.0
BATCH = 500
SIDE = 100


class Sink:
    """Stands where the writer stands: takes the decision and keeps nothing."""

    def __init__(self) -> None:
        self.now = None
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
    row = types.SimpleNamespace(id=identity, warehouse_id=1, promised_ship_at=None)
    return (
        row,
        Place(identity, province, city, district, "", "", *point),
        [LineRow(str(uuid.uuid4()), 1, 1, 300)],
    )


def run(*, long: bool = False) -> dict[str, Any]:
    """Decisions a second (median of the rounds), and the p99 of deciding one order alone in milliseconds."""
    draw = random.Random(7)
    known, index, triples = _world(draw)
    houses = [WarehouseHead(i, f"W{i}", f"仓{i}", i != 2, i * 10, True) for i in (1, 2, 3)]
    for _, code, _ in triples:
        for house in houses:
            figure = Figure(draw.random(), draw.random(), 100)
            known.rates[code, "warehouse", house.code] = RateFact(figure, figure)
    rounds, speeds, walls, nearest = 9 if long else 5, [], [], 0
    for _ in range(rounds):
        orders = [_order(i, triples, draw) for i in range(BATCH * 20)]
        spent = clock = 0.0
        for start in range(0, len(orders), BATCH):
            part = orders[start : start + BATCH]
            book, places = _stock(houses), _free(known)
            begun, told = time.process_time(), time.perf_counter()
            desk = Desk(known, houses, climb([place for _, place, _ in part], known, index), {}, places)
            sink: Any = Sink()
            for row, _, lines in part:
                _decide(row, desk, book, lines, sink)
            spent += time.process_time() - begun
            clock += time.perf_counter() - told
            nearest += sum(spot.rung == "nearest" for spot in desk.spots.values())
        speeds.append(len(orders) / spent)
        walls.append(len(orders) / clock)
    single = statistics.median(
        _single(known, index, houses, triples, draw, 5000 if long else 1500) for _ in range(3)
    )
    value = statistics.median(speeds)
    return {
        "value": round(value), "unit": "decisions/s a core", "ok": value >= GOAL and single <= P99_MS,
        "wall": round(statistics.median(walls)),
        "p99_ms": round(single, 3), "fences": SIDE * SIDE, "corners": 100, "batch": BATCH, "warehouses": len(houses),
        "by_nearest": nearest, "rules": False,
    }  # fmt: skip


def _single(
    known: Known, index: Index, houses: list[Any], triples: list[Any], draw: random.Random, n: int
) -> float:
    times = []
    book, places = _stock(houses), _free(known)
    for i in range(n):
        row, place, lines = _order(i, triples, draw)
        begun = time.perf_counter()
        desk = Desk(known, houses, climb([place], known, index), {}, places)
        sink: Any = Sink()
        _decide(row, desk, book, lines, sink)
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
