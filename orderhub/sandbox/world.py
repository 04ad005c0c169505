"""What is true in the sandbox: goods, orders, what happens to them and when; all of it follows from seed and start."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from orderhub.sandbox import catalogue
from orderhub.sandbox.catalogue import Sku
from orderhub.sandbox.faults import Faults, Quota
from orderhub.sandbox.frame import BEIJING
from orderhub.sandbox.ledger import Ledger
from orderhub.sandbox.pushes import Pushes
from orderhub.sandbox.schedule import Schedule, lot, schedule


@dataclass(frozen=True)
class SourceLine:
    """``discount`` = ``line_discount`` + ``shared_discount`` (the order's promotion, shared out to the cent)."""

    line_id: str
    sku: str
    title: str
    quantity: int
    unit_price: Decimal
    line_discount: Decimal
    shared_discount: Decimal

    @property
    def total(self) -> Decimal:
        return self.unit_price * self.quantity

    @property
    def discount(self) -> Decimal:
        return self.line_discount + self.shared_discount

    @property
    def payable(self) -> Decimal:
        return self.total - self.discount


@dataclass(frozen=True)
class Receiver:
    """The true receiver; a Taobao product never sees it in the clear. Coordinates are GCJ-02."""

    name: str
    phone: str
    province: str
    city: str
    district: str
    town: str
    address: str
    adcode: str
    lng: float | None
    lat: float | None


@dataclass
class SourceOrder:
    """One order as its shop has it; ``number`` is the channel's own (the tid at Taobao, OS… at the own shop)."""

    number: str
    channel: str
    seq: int
    created_at: datetime
    paid_at: datetime | None
    lines: tuple[SourceLine, ...]
    receiver: Receiver
    buyer_id: str
    buyer_nick: str
    buyer_ip: str
    freight: Decimal
    scenario: str = ""
    traffic_source: str | None = None
    promised_ship_at: datetime | None = None
    remark: str = ""
    trade_no: str = ""

    @property
    def total(self) -> Decimal:
        return sum((line.total for line in self.lines), Decimal(0))

    @property
    def discount(self) -> Decimal:
        return sum((line.discount for line in self.lines), Decimal(0))

    @property
    def payable(self) -> Decimal:
        return self.total - self.discount + self.freight


class World:
    """Everything that the platforms share; made once at start, then only its ledger changes."""

    def __init__(
        self,
        seed: int = 1,
        orders: int = 1200,
        days: int = 15,
        now: datetime | None = None,
        *,
        ledger: Ledger | None = None,
        target: str = "",
        scenarios: bool = True,
        mix: str = "",
    ) -> None:
        """`mix` is each channel's part of the orders: `taobao=40,douyin=60`; by default Taobao and the own shop."""
        from orderhub.sandbox.population import MIX, mixed, populate

        self.seed = seed
        self.days = days
        self.ledger = ledger or Ledger()
        self.target = target.rstrip("/")
        self.faults = Faults(seed)
        self.quota = Quota()
        self.pushes = Pushes(self.faults)
        self.lock = threading.RLock()
        self.mix = mixed(mix) or MIX
        self.start = self._start({"seed": seed, "orders": orders, "days": days, "mix": mix}, now)
        self.catalogue: dict[str, Sku] = catalogue.skus()
        self.scenarios: dict[str, list[str]] = {}
        self.orders: dict[str, SourceOrder] = {}
        for order in populate(self, orders, scenarios):
            self.orders[order.number] = order
            if order.scenario:
                self.scenarios.setdefault(order.scenario, []).append(order.number)

    def _start(self, wanted: dict[str, Any], now: datetime | None) -> datetime:
        """The moment the history ends; a restart on the same ledger keeps it, so that the orders stay the same."""
        kept = self.ledger.recall("_world", "start")
        if now is None and kept and {name: kept.get(name) for name in wanted} == wanted:
            return datetime.fromisoformat(kept["now"])
        moment = (now or datetime.now(UTC)).replace(microsecond=0)
        self.ledger.remember("_world", "start", {**wanted, "now": moment.isoformat()})
        return moment

    def now(self) -> datetime:
        """The real moment."""
        return datetime.now(UTC)

    def of(self, channel: str) -> Iterator[SourceOrder]:
        """The orders of one channel, oldest first."""
        return (order for order in self.orders.values() if order.channel == channel)

    def find(self, reference: str) -> SourceOrder | None:
        """The order behind a reference that others made of its number (``<number>-1``, ``P<number>``…)."""
        found = self.orders.get(reference)
        if found is not None:
            return found
        for part in reference.replace("_", "-").replace(":", "-").split("-"):
            for candidate in (part, part[1:]):
                if candidate in self.orders:
                    return self.orders[candidate]
        return None

    def schedule(self, number: str, paid_at: datetime | None = None, warehouse: str = "") -> Schedule:
        """When what happens to an order; without ``paid_at`` the order's own payment (or now) counts."""
        order = self.find(number)
        paid = paid_at or (order.paid_at if order else None) or self.now()
        return schedule(
            self.seed,
            order.number if order else number,
            paid,
            warehouse=warehouse,
            province=order.receiver.province if order else "",
            scenario=order.scenario if order else "",
        )

    def weight_g(self, number: str, extra_g: int = 0) -> int:
        """What the scales say for a whole order in one parcel: goods, carton, ±3 %; the scenario weight_off lies."""
        order = self.find(number)
        draw = lot(self.seed, "weight", number)
        goods = (
            500
            if order is None
            else sum(
                line.quantity * (self.catalogue[line.sku].weight_g if line.sku in self.catalogue else 100)
                for line in order.lines
            )
        )
        weight = (goods + extra_g) * draw.uniform(0.97, 1.03) + draw.uniform(40, 120)
        if order is not None and order.scenario == "weight_off":
            weight = weight * 2.6 + 900
        return round(weight)

    def take_waybill(self, code: str, carrier: str, number: str, platform: str, **more: Any) -> None:
        """Make a waybill number known to the tracking platforms (``carrier`` in Taobao's codes: ZTO, YTO…)."""
        self.ledger.remember(
            "_waybill",
            code,
            {
                "code": code,
                "carrier": carrier,
                "number": number,
                "platform": platform,
                "at": self.now().isoformat(),
                "state": "taken",
                **more,
            },
        )

    def waybill(self, code: str) -> dict[str, Any] | None:
        """What take_waybill wrote: code, carrier, number, platform, at, state (taken/cancelled)."""
        return self.ledger.recall("_waybill", code)

    def cancel_waybill(self, code: str) -> None:
        kept = self.waybill(code)
        if kept is not None:
            self.ledger.remember("_waybill", code, {**kept, "state": "cancelled"})

    def beijing_day(self, moment: datetime, days: int = 0) -> datetime:
        """Midnight in Beijing of the moment's day, ``days`` later."""
        local = moment.astimezone(BEIJING)
        return local.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=days)
