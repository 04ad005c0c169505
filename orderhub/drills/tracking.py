"""Every order in which a parcel's traces can arrive leads to the same end: by callback and by query, twice, corrected.

For each aggregator (a row of SOURCES) six events of one parcel arrive in all 720 orders, each parcel in its own
order, some events twice, and one push with the carrier corrected. All parcels must end as the one told in order.
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
import random
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from django.utils import timezone

from logistics.models import Delivery, Parcel, Trace
from logistics.operations import tracking
from orderhub.drills.cast import Cast, set_up
from orderhub.inbound import keeping, processing
from orderhub.sandbox.frame import beijing
from orders.models import Order, OrderState

#: (hours after shipping, code, text): pick-up, a hop, out for delivery, a failed try, out again, the signature.
EVENTS: tuple[tuple[float, str, str], ...] = (
    (2, "103", "已揽收"), (9, "1002", "干线"), (32, "5", "派件"), (34, "204", "派送不成功"), (54, "5", "再次派件"),
    (56, "301", "本人签收"),
)  # fmt: skip
Event = tuple[dt.datetime, str, str]


def kuaidi100(number: str, events: Sequence[Event], corrected: bool) -> bytes:
    """One callback of Kuaidi100 with these events, the newest first as it sends them."""
    rows = [
        {
            "time": beijing(at),
            "ftime": beijing(at),
            "context": text,
            "statusCode": code,
            "status": text,
            "areaName": "杭州",
        }
        for at, code, text in events
    ]
    return json.dumps(
        {
            "status": "polling", "billstatus": "change", "message": "", "autoCheck": "1" if corrected else "0",
            "comOld": "yuantong" if corrected else "", "comNew": "zhongtong" if corrected else "",
            "lastResult": {"message": "ok", "nu": number, "ischeck": "0", "com": "zhongtong", "status": "200", "state": "0",
                           "data": rows},
        },
        ensure_ascii=False,
    ).encode()  # fmt: skip


#: Who tells of traces: account and how one push of it is written.
SOURCES: dict[str, Callable[[str, Sequence[Event], bool], bytes]] = {"kuaidi100": kuaidi100}


def run(*, long: bool) -> dict[str, Any]:
    cast = set_up()
    said: dict[str, Any] = {"ok": True, "orders_of_arrival": 0, "pushes": 0, "duplicates": 0, "sources": {}}
    for source, write in SOURCES.items():
        result = _source(cast, source, write, rounds=4 if long else 1)
        said["sources"][source] = result
        said["ok"] = said["ok"] and result["ok"]
        for name in ("orders_of_arrival", "pushes", "duplicates"):
            said[name] += result[name]
    return said


def _source(
    cast: Cast, source: str, write: Callable[[str, Sequence[Event], bool], bytes], rounds: int
) -> dict[str, Any]:
    shipped = timezone.now().replace(microsecond=0) - dt.timedelta(days=4)
    events = [(shipped + dt.timedelta(hours=hours), code, text) for hours, code, text in EVENTS]
    ways = list(itertools.permutations(range(len(events)))) * rounds
    numbers = _parcels(cast, len(ways) + 1, shipped)
    account = cast.accounts[source].id
    rng = random.Random(41)
    pushes = duplicates = 0
    for step in range(len(events)):
        rows = []
        for place, (number, way) in enumerate(zip(numbers[1:], ways, strict=True)):
            told = [events[way[step]]]
            if place % 3 == 0:  # cumulative, as the real one sends; in the order of arrival all the same
                told = [events[n] for n in way[: step + 1]]
            rows.append((number, write(number, told, place % 5 == 0 and step == 2)))
            if rng.random() < 0.2:
                rows.append((number, write(number, [*told, *told], False)))
                duplicates += 1
        rng.shuffle(rows)
        pushes += len(rows)
        for start in range(0, len(rows), 500):
            keeping.keep_many(
                account,
                [
                    keeping.Kept("trace", number, f"{step} {start + n}", raw, "push")
                    for n, (number, raw) in enumerate(rows[start : start + 500])
                ],
            )
        processing.process("trace")
    keeping.keep(account, "trace", numbers[0], "all", write(numbers[0], events, False), "push")
    processing.process("trace")
    tracking.catch_up()
    ends = Counter(_end(number) for number in numbers)
    model = _end(numbers[0])
    doubled = Trace.objects.filter(waybill_no__in=numbers).count() - len(numbers) * len(events)
    return {
        "ok": len(ends) == 1 and model[0] == "signed" and not doubled and model[3] == "False", "orders_of_arrival": len(ways),
        "pushes": pushes, "duplicates": duplicates, "final_states": len(ends), "doubled_traces": doubled,
        "end": dict(zip(("state", "tracking", "first attempt at", "worked at once", "signed at"), model[:5], strict=True)),
        "others": [str(end) for end in ends if end != model][:3],
    }  # fmt: skip


def _end(number: str) -> tuple[str, ...]:
    """All that follows from traces, of one parcel."""
    parcel = Parcel.objects.get(waybill_no=number)
    row = (
        Delivery.objects.filter(waybill_no=number)
        .values_list("picked_up_at", "first_attempt_ok", "signed_at")
        .first()
    )
    return (
        parcel.state, parcel.tracking, str(parcel.first_attempt_at), str(parcel.first_attempt_ok), str(parcel.signed_at),
        parcel.carrier, str(parcel.picked_up_at), str(parcel.last_trace_at), str(row),
    )  # fmt: skip


def _parcels(cast: Cast, n: int, shipped: dt.datetime) -> list[str]:
    """Shipped parcels of as many shipped orders, all alike."""
    house = next(iter(cast.houses.values()))
    first = Order.objects.count()
    orders = Order.objects.bulk_create(
        Order(
            number=f"OHT{first + i:07d}", shop=cast.own_shop, channel_number=f"T{first + i}", state=OrderState.SHIPPED,
            channel_state="shipped", channel_version=shipped, ordered_at=shipped, paid_at=shipped, goods_amount=1, payable=1,
            piece_count=1, line_count=1, adcode="330110", warehouse=house, carrier="ZTO", shipped_at=shipped,
        )
        for i in range(n)
    )  # fmt: skip
    made = Parcel.objects.bulk_create(
        Parcel(
            number=f"PT{order.id:08d}", order=order, state="shipped", followed="shipped", warehouse=house, worked_by="own",
            carrier="ZTO", service="zto", waybill_no=f"7700{order.id:010d}", shipped_at=shipped,
        )
        for order in orders
    )  # fmt: skip
    return [parcel.waybill_no for parcel in made]
