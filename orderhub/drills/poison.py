"""One unreadable payload in a thousand, a record that breaks its batch, a record that kills its worker.

The two bad records are made bad in this drill's own workers only: their stock reservation is wrapped by a
function that sends the database a statement that fails, or ends the process at once.
"""

from __future__ import annotations

import os
from typing import Any

from django.db import connection

from orderhub.dotted import resolve
from orderhub.drills import payloads, workers
from orderhub.drills.cast import end_leases, scalar, set_up
from orderhub.inbound import keeping, processing
from orderhub.models import Payload, Ticket
from orderhub.sweeping import sweep
from orders.lifecycle import LIFECYCLE
from orders.models import Hold, Order
from orders.operations import stock

CODES = ("verify", "reserve")
TRIES = 12


def run(*, long: bool) -> dict[str, Any]:
    n = 10_000 if long else 1_000
    cast = set_up()
    raws = list(payloads.make(n + 2, mix="t"))
    bad, breaker, killer = raws[n // 2].number, raws[n // 3].number, raws[n // 4].number
    rows = [
        keeping.Kept(
            "order", raw.number, raw.version, b"{" + raw.body[:200] if raw.number == bad else raw.body
        )
        for raw in raws
    ]
    for start in range(0, len(rows), 500):
        keeping.keep_many(cast.taobao.connection_id, rows[start : start + 500])
    processing.process("order")
    deaths = 0
    for _ in range(TRIES):
        child = workers.start(_work, breaker, killer)
        child.join(60)
        died = child.exitcode != 0
        deaths += died
        end_leases("orders_order", "orderhub_payload")
        if not died:
            break
    good = int(scalar("SELECT count(*) FROM orders_order WHERE state = 'reserved'"))
    payload = Payload.objects.filter(external_id=bad).first()
    explained = {
        "unreadable": bool(payload and payload.state == "set_aside" and payload.reason and payload.raw_enc),
        "breaks_its_batch": _explained(breaker),
        "kills_its_worker": _explained(killer),
    }
    reasons = {
        "unreadable": payload.reason if payload else "",
        "breaks_its_batch": _reason(breaker),
        "kills_its_worker": _reason(killer),
    }
    replayed = _replays(killer, breaker)
    return {
        "ok": good == n - 1 and all(explained.values()) and deaths <= 5 and replayed,
        "payloads": len(raws), "went_on": good, "lost": n - 1 - good, "explained": explained,
        "worker_deaths": deaths, "tries": deaths, "replayed_by_a_person": replayed,
        "reasons": reasons,
    }  # fmt: skip


def _work(breaker: str, killer: str) -> None:
    """A worker whose reservation of two orders is broken."""
    real = stock.reserve
    numbers = dict(
        Order.objects.filter(channel_number__in=[breaker, killer]).values_list("channel_number", "id")
    )

    def broken(live: list[Any], writer: Any) -> None:
        ids = {row.id for row in live}
        if numbers.get(killer) in ids:
            os._exit(9)
        if numbers.get(breaker) in ids:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 / 0")
        real(live, writer)

    stock.reserve = broken
    resolve.cache_clear()
    sweep(LIFECYCLE, "claimed", CODES)


def _reason(number: str) -> str:
    hold = Hold.objects.filter(order__channel_number=number, type="broken", released_at=None).first()
    return hold.reason if hold else ""


def _explained(number: str) -> bool:
    """Held with its reason in words, and a ticket that somebody sees."""
    order = Order.objects.filter(channel_number=number).first()
    return bool(order and _reason(number) and Ticket.objects.filter(cause_key=f"broken:{order.id}").exists())


def _replays(*numbers: str) -> bool:
    """The fault is mended, a person releases the holds, and the orders go on."""
    from orderhub.actors import Actor
    from orders.operations import holds

    person = Actor("person", "drill")
    for hold_id in Hold.objects.filter(order__channel_number__in=numbers, released_at=None).values_list(
        "id", flat=True
    ):
        holds.release(hold_id, person, "mended")
    sweep(LIFECYCLE, "claimed", CODES)
    return Order.objects.filter(channel_number__in=numbers, state="reserved").count() == len(numbers)
