"""What a carrier says of a parcel and when: derived from the schedule of the order to which the waybill belongs."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from orderhub.sandbox.places import CARRIERS, DEFAULT_WAREHOUSE, WAREHOUSES, hub
from orderhub.sandbox.schedule import Schedule, lot

if TYPE_CHECKING:
    from orderhub.sandbox.world import SourceOrder, World

GOT, DEPARTURE, ARRIVAL, DISPATCH, PROBLEM, SIGNED = (
    "GOT",
    "DEPARTURE",
    "ARRIVAL",
    "DISPATCH",
    "PROBLEM",
    "SIGNED",
)
_SHIPPED: WeakKeyDictionary[World, tuple[float, dict[str, str]]] = WeakKeyDictionary()
_LOCK = threading.Lock()
COURIERS = ("王建国", "李伟", "张勇", "刘洋", "陈军", "杨磊", "赵强", "黄斌")


@dataclass(frozen=True)
class Event:
    """One scan; `code` is Kuaidi100's advanced state."""

    at: datetime
    action: str
    code: str
    city: str
    site: str
    text: str


@dataclass(frozen=True)
class Journey:
    """A parcel that really set out: its order, who carries it and from where."""

    waybill: str
    carrier: str
    order: SourceOrder | None
    number: str
    warehouse: str
    schedule: Schedule


def hand_over(
    world: World, waybill: str, carrier: str, number: str, warehouse: str, paid_at: datetime | None
) -> None:
    """A warehouse got an order to send with this number; from here the carrier may scan it."""
    world.ledger.remember(
        "_handed",
        waybill,
        {
            "carrier": carrier, "number": number, "warehouse": warehouse,
            "paid_at": paid_at.isoformat() if paid_at else None,
        },
    )  # fmt: skip


def take_back(world: World, waybill: str) -> None:
    """The warehouse stopped the order; its parcel never sets out."""
    kept = world.ledger.recall("_handed", waybill)
    if kept:
        world.ledger.remember("_handed", waybill, {**kept, "stopped": True})


def journey(world: World, waybill: str) -> Journey | None:
    """The parcel behind a waybill, None while nobody sent it off: no warehouse has it and no shop was told of it."""
    taken = world.waybill(waybill) or {}
    handed = world.ledger.recall("_handed", waybill)
    if taken.get("state") == "cancelled" or (handed and handed.get("stopped")):
        return None
    if handed is None:
        shipped = shipped_by_shop(world, waybill)
        if shipped is None:
            return None
        handed = {
            "carrier": taken.get("carrier") or "ZTO",
            "number": shipped,
            "warehouse": "",
            "paid_at": None,
        }
    order = world.find(handed["number"]) or world.find(str(taken.get("number", "")))
    paid = datetime.fromisoformat(handed["paid_at"]) if handed["paid_at"] else None
    number = order.number if order else handed["number"]
    schedule = world.schedule(number, (order.paid_at if order else None) or paid)
    carrier = taken.get("carrier") or handed["carrier"]
    return Journey(waybill, carrier, order, number, handed["warehouse"] or DEFAULT_WAREHOUSE, schedule)


def shipped_by_shop(world: World, waybill: str) -> str | None:
    """The order that a shop was told to have left with this number; the index may lag two seconds behind."""
    with _LOCK:
        read_at, index = _SHIPPED.get(world, (0.0, {}))
        if waybill not in index and time.monotonic() - read_at > 2:
            index = {
                value: row["key"]
                for row in world.ledger.all("channel.ship")
                for value in row["body"].values()
                if isinstance(value, str) and 8 <= len(value) <= 32
            }
            _SHIPPED[world] = (time.monotonic(), index)
    return index.get(waybill)


def forget(world: World) -> None:
    """After a reset: the shops were told nothing yet."""
    with _LOCK:
        _SHIPPED.pop(world, None)


def events(world: World, waybill: str, now: datetime | None = None) -> list[Event]:
    """All scans up to now, oldest first; empty when there is none yet."""
    found = journey(world, waybill)
    return [] if found is None else scans(world.seed, found, now or world.now())


def scans(seed: int, parcel: Journey, now: datetime) -> list[Event]:
    return [event for event in every_scan(seed, parcel) if event.at <= now]


def every_scan(seed: int, parcel: Journey) -> list[Event]:
    """The whole way of a parcel, also what lies ahead; empty for one that is never picked up."""
    plan = parcel.schedule
    if plan.picked_up is None:
        return []
    draw = lot(seed, "trace", parcel.waybill)
    house = WAREHOUSES.get(parcel.warehouse, WAREHOUSES[DEFAULT_WAREHOUSE])
    receiver = parcel.order.receiver if parcel.order else None
    city, district = (receiver.city, receiver.district) if receiver else ("杭州市", "余杭区")
    start, end = (
        f"{house.city.removesuffix('市')}转运中心",
        f"{hub(receiver.province if receiver else '浙江省')}转运中心",
    )
    outlet = f"{city.removesuffix('市')}{district}网点"
    courier, other = draw.sample(COURIERS, 2)
    phone = f"1{draw.choice('3578')}{draw.randrange(10**9):09d}"
    name = CARRIERS.get(parcel.carrier, ("", "快递"))[1]
    made = [
        Event(plan.picked_up, GOT, "103", house.city, house.outlet,
              f"【{house.city}】{house.outlet} 已揽收，揽件员：{other}"),
    ]  # fmt: skip
    steps = (
        (DEPARTURE, "1002", house.city, start, f"【{house.city}】快件离开【{start}】，已发往【{end}】"),
        (
            ARRIVAL,
            "1002",
            city,
            end,
            f"【{hub(receiver.province if receiver else '浙江省')}】快件到达【{end}】",
        ),
        (ARRIVAL, "1001", city, outlet, f"【{city}】快件已到达【{outlet}】"),
    )
    made += [Event(at, *step) for at, step in zip(plan.transit, steps, strict=False)]
    dispatch = f"【{city}】{outlet}的{courier}（{phone[:3]}****{phone[-4:]}）正在派件"
    if plan.out_for_delivery:
        made.append(Event(plan.out_for_delivery, DISPATCH, "5", city, outlet, dispatch))
    if plan.out_for_delivery and plan.signed and not plan.first_attempt_ok:
        failed = plan.out_for_delivery + timedelta(hours=2, minutes=30)
        made.append(
            Event(failed, PROBLEM, "204", city, outlet, f"【{city}】派送不成功：客户不在家，约定次日派送")
        )
        made.append(Event(plan.signed - timedelta(hours=2), DISPATCH, "5", city, outlet, dispatch))
    if plan.signed:
        made.append(
            Event(plan.signed, SIGNED, "301", city, outlet, f"【{city}】您的快件已签收，感谢使用{name}")
        )
    return made
