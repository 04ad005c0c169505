"""The warehouse floor behind both warehouse protocols: which orders it took, how far they are, what they weigh."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from orderhub.sandbox import traces
from orderhub.sandbox.places import DEFAULT_WAREHOUSE
from orderhub.sandbox.schedule import Schedule, lot

if TYPE_CHECKING:
    from orderhub.sandbox.world import SourceOrder, World

STAGES = ("waved", "picked", "packed", "printed", "weighed", "shipped")
REFUSAL = "缺货：拣货位实物不足，仓库拒单"
_FLOORS: WeakKeyDictionary[World, Floor] = WeakKeyDictionary()
_LOCK = threading.Lock()


@dataclass(frozen=True)
class Line:
    ref: str
    sku: str
    name: str
    quantity: float


@dataclass(frozen=True)
class Handed:
    """One order as a warehouse took it over; `number` is the sender's key, `source` the shop's order behind it."""

    platform: str
    number: str
    source: str
    serial: int
    warehouse: str
    carrier: str
    waybill: str
    paid_at: str
    accepted_at: str
    touched_at: str
    lines: tuple[Line, ...]
    cancelled_at: str = ""
    block: int = 0
    weighed: bool = False
    told: tuple[str, ...] = ()
    extra: dict[str, Any] = field(default_factory=dict)


def restored(row: dict[str, Any]) -> Handed:
    lines = tuple(Line(**line) for line in row["lines"])
    return Handed(**{**row, "lines": lines, "told": tuple(row.get("told", ()))})


class Floor:
    """All orders of all warehouses of one world."""

    @classmethod
    def of(cls, world: World) -> Floor:
        with _LOCK:
            if world not in _FLOORS:
                _FLOORS[world] = cls(world)
            return _FLOORS[world]

    def __init__(self, world: World) -> None:
        self.world = world
        self.lock = threading.RLock()
        rows = (restored(row) for row in world.ledger.recall_all("_floor").values())
        self.orders = {(row.platform, row.number): row for row in sorted(rows, key=lambda row: row.serial)}
        self.plans: dict[tuple[str, str], tuple[Schedule, dict[str, datetime]]] = {}
        self.by_line = {line.line_id: o.number for o in world.orders.values() for line in o.lines}
        own = sorted(o.number for o in world.of("own_shop") if not o.scenario and o.paid_at)
        chosen = world.scenarios.setdefault("wms_refused", own[len(own) // 2 : len(own) // 2 + 1])
        self.refusing = set(chosen)

    def reset(self) -> None:
        with self.lock:
            self.orders.clear()
            self.plans.clear()

    def get(self, platform: str, number: str) -> Handed | None:
        with self.lock:
            return self.orders.get((platform, number))

    def all(self, platform: str) -> list[Handed]:
        with self.lock:
            return [row for (owner, _), row in self.orders.items() if owner == platform]

    def keep(self, row: Handed) -> Handed:
        with self.lock:
            self.orders[row.platform, row.number] = row
            self.world.ledger.remember("_floor", f"{row.platform}:{row.number}", asdict(row))
            return row

    def refuses(self, number: str, warehouse: str, remark: str = "") -> bool:
        """One order of the scenario is refused by the warehouse that is asked first; another one takes it.

        A sender with numbers of its own names the shop's order in the remark.
        """
        source = self.world.find(number)
        if source is not None:
            number = source.number
        elif words := [word for word in remark.split() if word in self.world.orders]:
            number = words[0]
        if number not in self.refusing:
            return False
        with self.lock:
            first = self.world.ledger.recall("_refused", number)
            if first is None:
                self.world.ledger.remember("_refused", number, warehouse)
            return first in (None, warehouse)

    def accept(self, platform: str, number: str, *, warehouse: str, carrier: str, waybill: str,
               paid_at: datetime | None, lines: list[Line], extra: dict[str, Any],
               source: str = "") -> tuple[Handed, bool]:  # fmt: skip
        """Take an order over, or change one that is there (its number and source stay); the flag says new."""
        now = self.world.now()
        behind = self.behind(number, source, lines)
        paid = (behind.paid_at if behind else None) or paid_at or now
        with self.lock:
            old = self.orders.get((platform, number))
            if old is None:
                row = Handed(platform, number, behind.number if behind else "", len(self.orders) + 1,
                             warehouse or DEFAULT_WAREHOUSE, carrier, waybill, paid.isoformat(), now.isoformat(),
                             now.isoformat(), tuple(lines), extra=extra)  # fmt: skip
            else:
                row = replace(old, touched_at=now.isoformat(), extra={**old.extra, **extra})
                if self.stage(old) not in ("printed", "weighed", "shipped", "cancelled"):
                    row = replace(row, warehouse=warehouse or old.warehouse, carrier=carrier or old.carrier,
                                  waybill=waybill or old.waybill, lines=tuple(lines) or old.lines)  # fmt: skip
            self.keep(row)
        if row.waybill:
            traces.hand_over(self.world, row.waybill, row.carrier, row.source or number, row.warehouse, paid)
        return row, old is None

    def behind(self, number: str, hint: str, lines: list[Line]) -> SourceOrder | None:
        """The shop's order behind a hand-over: by its number, the sender's hint or a line's own id."""
        found = self.world.find(number) or (self.world.orders.get(hint) if hint else None)
        lined = (self.by_line.get(line.ref) for line in lines)
        return found or next((self.world.orders[known] for known in lined if known), None)

    def cancel(self, platform: str, number: str) -> str:
        """Stop an order: "cancelled", "already", "shipped" (too late) or "unknown"."""
        with self.lock:
            row = self.orders.get((platform, number))
            if row is None:
                return "unknown"
            if row.cancelled_at:
                return "already"
            if self.stage(row) == "shipped":
                return "shipped"
            now = self.world.now().isoformat()
            self.keep(replace(row, cancelled_at=now, touched_at=now, block=row.block | 2))
        if row.waybill:
            traces.take_back(self.world, row.waybill)
        return "cancelled"

    def schedule(self, row: Handed) -> Schedule:
        return self.plan(row)[0]

    def plan(self, row: Handed) -> tuple[Schedule, dict[str, datetime]]:
        """The order's schedule and its moments on this floor, past and to come; it never changes."""
        key = (row.platform, row.number)
        kept = self.plans.get(key)
        if kept is None:
            plan = self.world.schedule(row.source or row.number, datetime.fromisoformat(row.paid_at))
            planned = {
                "waved": plan.waved,
                "picked": plan.waved + (plan.packed - plan.waved) * 0.6,
                "packed": plan.packed,
                "printed": plan.printed,
                "weighed": plan.printed + (plan.shipped - plan.printed) * 0.5,
                "shipped": plan.shipped,
            }
            kept = (plan, {name: at.replace(microsecond=0) for name, at in planned.items()})
            self.plans[key] = kept
        return kept

    def moments(self, row: Handed) -> dict[str, datetime]:
        """What has happened so far, by stage; a cancelled order stops where it was."""
        now = self.world.now()
        if row.cancelled_at:
            now = min(now, datetime.fromisoformat(row.cancelled_at))
        return {name: at for name, at in self.plan(row)[1].items() if at <= now}

    def stage(self, row: Handed) -> str:
        if row.cancelled_at:
            return "cancelled"
        done = self.moments(row)
        return next((name for name in reversed(STAGES) if name in done), "accepted")

    def modified(self, row: Handed) -> datetime:
        """When the warehouse's record last changed: the hand-over or a stage reached since."""
        touched = datetime.fromisoformat(row.touched_at)
        return max([touched, *self.moments(row).values()])

    def weight_g(self, row: Handed) -> int:
        """The scales: goods by the catalogue ±2 % and a carton; the scenario weight_off is far off."""
        draw = lot(self.world.seed, "scales", row.number)
        goods = sum(
            line.quantity
            * (self.world.catalogue[line.sku].weight_g if line.sku in self.world.catalogue else 100)
            for line in row.lines
        )
        weight = goods * draw.uniform(0.98, 1.02) + draw.uniform(40, 120)
        source = self.world.orders.get(row.source)
        if source is not None and source.scenario == "weight_off":
            weight = weight * 2.6 + 900
        return round(weight)

    def observed(self, row: Handed) -> Handed:
        """Called before an order is shown to anybody: what has happened by now becomes an effect, once."""
        with self.lock:
            row = self.orders.get((row.platform, row.number), row)
            done = self.moments(row)
            if "printed" in done and not row.waybill:
                row = self.number(row)
            if "weighed" in done and not row.weighed:
                body = {
                    "weight_g": self.weight_g(row),
                    "at": done["weighed"].isoformat(),
                    "waybill": row.waybill,
                }
                self.world.ledger.record(row.platform, "wms.weight", row.number, body)
                row = self.keep(replace(row, weighed=True))
        return row

    def number(self, row: Handed) -> Handed:
        """The warehouse takes a number of its own where none came with the order."""
        draw = lot(self.world.seed, "wms-number", row.number)
        carrier = row.carrier or "ZTO"
        waybill = f"76{draw.randrange(10**12):012d}"
        self.world.ledger.record(
            row.platform, "waybill.number", row.number, {"waybill": waybill, "carrier": carrier}
        )
        self.world.take_waybill(waybill, carrier, row.source or row.number, row.platform)
        paid = datetime.fromisoformat(row.paid_at)
        traces.hand_over(self.world, waybill, carrier, row.source or row.number, row.warehouse, paid)
        return self.keep(replace(row, waybill=waybill, carrier=carrier))

    def returned(self, row: Handed) -> datetime | None:
        """When the goods of a scenario `return` came back, if they did."""
        plan = self.schedule(row)
        if row.cancelled_at or plan.returned is None or plan.returned > self.world.now():
            return None
        return plan.returned.replace(microsecond=0)


class Stock:
    """What lies where: a fixed opening stock from the seed, less what left, plus what came back."""

    def __init__(self, world: World, floor: Floor) -> None:
        self.world, self.floor = world, floor
        wanted: Counter[str] = Counter()
        for order in world.orders.values():
            for line in order.lines:
                wanted[line.sku] += line.quantity
        self.wanted = wanted
        self.skus = sorted(world.catalogue)
        self.place = {sku: at for at, sku in enumerate(self.skus)}

    def opening(self, warehouse: str, sku: str) -> int:
        draw = lot(self.world.seed, "stock", warehouse, sku)
        share = {"HZ01": 1.0, "YH01": 1.0}.get(warehouse, 0.35)
        return round(self.wanted[sku] * share) + draw.randrange(40, 160)

    def moved(
        self,
    ) -> tuple[Counter[tuple[str, str]], Counter[tuple[str, str]], dict[tuple[str, str], datetime]]:
        """(left for good, promised but still here, last change) by (warehouse, sku)."""
        left: Counter[tuple[str, str]] = Counter()
        promised: Counter[tuple[str, str]] = Counter()
        changed: dict[tuple[str, str], datetime] = {}
        with self.floor.lock:
            rows = list(self.floor.orders.values())
        for row in rows:
            stage, at = self.floor.stage(row), self.floor.modified(row)
            back = self.floor.returned(row)
            for line in row.lines:
                key = (row.warehouse, line.sku)
                changed[key] = max(at, back or at, changed.get(key, at))
                if stage == "shipped":
                    left[key] += int(line.quantity) if back is None else 0
                elif stage != "cancelled":
                    promised[key] += int(line.quantity)
        return left, promised, changed

    def bins(self, warehouse: str, sku: str, quantity: int) -> list[tuple[str, str, int]]:
        """(zone, bin, quantity): one bin for a little, two for more; the first holds seven tenths."""
        at = self.place[sku]
        zone = "ABCDEF"[at // 160 % 6]
        first = f"{zone}-{at // 20 % 8 + 1:02d}-{at % 20 + 1:02d}"
        if quantity < 80:
            return [(zone, first, quantity)]
        upper = f"{zone}-{at // 20 % 8 + 11:02d}-{at % 20 + 1:02d}"
        part = quantity * 7 // 10
        return [(zone, first, part), (zone, upper, quantity - part)]
