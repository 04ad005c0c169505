"""From stored raw payloads to routed orders, against the floor: one worker, two workers, in turns, median of five.

No HTTP: own-shop orders are claimed and given the proof that the gateway's answer would be. Three lines an
order, 60 % Taobao, 40 % own shop; parse, de-duplicate, verify, reserve to the bin, route, timeline, outbox.
Rules are on; the same run with them left out says what they cost (of the CPU, in turns, median).
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack, nullcontext
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.apps import apps
from django.db import connection, transaction
from django.utils import timezone

from orderhub.actors import platform
from orderhub.benches import floor
from orderhub.benches.bypass import without_rules
from orderhub.copying import copy_rows
from orderhub.dotted import resolve
from orderhub.drills import payloads, workers
from orderhub.drills.cast import Cast, scalar, set_up
from orderhub.inbound import keeping, processing
from orderhub.lifecycle import apply
from orderhub.rules import seeding
from orderhub.sweeping import sweep
from orders.lifecycle import LIFECYCLE
from orders.operations.newcomers import PROOF_COLUMNS

OSCAR = 18.0
#: What rules may cost of a chain's CPU.
RULES_MOST = 0.15
TICKS = os.sysconf("SC_CLK_TCK")
Proofs = dict[str, tuple[Decimal, datetime]]


def run(*, long: bool) -> dict[str, Any]:
    rounds, orders = (5, 6000) if long else (5, 2000)
    cast = set_up(bins=4, stock=2_000_000)
    seeding.seed()
    codes, last, routing = stretch()
    if routing:
        lay_routes()
    feed = Feed(cast)
    _work(codes, feed.store(100), 0, 1)  # caches, statements and pages are warm for everybody
    figures: dict[str, list[float]] = {"floor": [], "one": [], "two": []}
    bill: list[float] = []
    costs: dict[str, list[float]] = {"with_rules": [], "without_rules": []}
    for _ in range(rounds):
        batches = floor.prepare(orders, cast.own_shop.id)
        figures["floor"].append(orders / floor.write(batches))
        for name, n in (("one", 1), ("two", 2)):
            proofs = feed.store(orders)
            answers = workers.together(_timed, [(codes, proofs, k, n) for k in range(n)])
            broken = [answer for answer in answers if isinstance(answer, str)]
            if broken:
                raise RuntimeError(broken[0])
            seconds = max(a[1] for a in answers) - min(a[0] for a in answers)
            figures[name].append(orders / seconds)
            if name == "one":
                bill.append(1000 * sum(a[2] for a in answers) / orders)
        for name, bare in (("with_rules", False), ("without_rules", True)):
            answers = workers.together(_timed, [(codes, feed.store(orders), 0, 1, bare)])
            if isinstance(answers[0], str):
                raise RuntimeError(answers[0])
            costs[name].append(1000 * answers[0][2] / orders)
    rules = {name: statistics.median(values) for name, values in costs.items()}
    rules_share = 1 - rules["without_rules"] / rules["with_rules"]
    statements = {
        size: min(count_statements(codes, feed.store(size), size) for _ in range(3)) for size in (100, 500)
    }  # the fewest of three: a cache that fell due costs a statement now and then
    left = int(scalar("SELECT count(*) FROM orders_order WHERE state <> %s", [last]))
    base = statistics.median(figures["floor"])
    one, two = (statistics.median(figures[name]) for name in ("one", "two"))
    ratio, ratio_one = two / base, one / base
    constant = statements[100] == statements[500]
    ok = (
        ratio >= 0.30
        and ratio_one >= 0.15
        and constant
        and statements[500] / 500 < 0.1
        and not left
        and routing
        and rules_share <= RULES_MOST
    )
    return {
        "ok": bool(ok and two >= 50 * OSCAR), "value": round(two), "unit": "orders/s, two workers", "one": round(one),
        "floor": round(base), "ratio": round(ratio, 3), "ratio_one": round(ratio_one, 3),
        "statements_per_batch": statements[500], "statements_at_100": statements[100],
        "cpu_ms": round(statistics.median(bill), 2), "rules_share": round(rules_share, 3),
        "rules_cpu_ms": {name: round(value, 3) for name, value in rules.items()}, "orders_a_round": orders, "rounds": rounds,
        "touches": list(codes), "ended_in": last, "left_behind": left,
        "all_rounds": {name: [round(value) for value in values] for name, values in figures.items()},
    }  # fmt: skip


def stretch() -> tuple[tuple[str, ...], str, bool]:
    """The touches from proof to route; without a routing package the bench says so and ends with reserved stock."""
    try:
        resolve(LIFECYCLE.by_code["route"].by)
    except ImportError:
        return ("verify", "reserve"), "reserved", False
    return ("verify", "reserve", "route"), "routed", True


def lay_routes() -> None:
    """The demonstration's outlets and fences, with places for every order of the measurement."""
    try:
        lay: Callable[..., Any] = resolve("routing.demo.load")
    except ImportError:
        return
    lay(timezone.now())
    apps.get_model("routing", "Outlet").objects.update(daily_capacity=10_000_000)


class Feed:
    """Stores payloads that nobody has read."""

    def __init__(self, cast: Cast) -> None:
        self.cast = cast
        self.seed = 100

    def store(self, n: int) -> Proofs:
        """`n` more payloads; what the gateway will say of the own shop's orders."""
        self.seed += 1
        proofs: Proofs = {}
        kept: dict[int, list[keeping.Kept]] = {}
        for raw in payloads.make(n, seed=self.seed):
            shop = self.cast.markets.get(raw.channel, self.cast.own_shop)
            source = "pull" if raw.channel in self.cast.markets else "api"
            row = keeping.Kept("order", raw.number, raw.version, raw.body, source)
            kept.setdefault(shop.connection_id, []).append(row)
            if raw.channel == "own_shop":
                proofs[raw.number] = (raw.payable, raw.paid_at)
        for connection_id, rows in kept.items():
            for start in range(0, len(rows), 500):
                keeping.keep_many(connection_id, rows[start : start + 500])
        return proofs


def _timed(
    codes: tuple[str, ...], proofs: Proofs, me: int, of: int, bare: bool = False
) -> tuple[float, float, float]:
    """(start, end, CPU seconds of this process and its database backend); `bare` leaves the rules out."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        backend = int(cursor.fetchone()[0])
    cpu = time.process_time() + _cpu_of(backend)
    started = time.monotonic()
    with without_rules() if bare else nullcontext():
        _work(codes, proofs, me, of)
    return started, time.monotonic(), time.process_time() + _cpu_of(backend) - cpu


def _cpu_of(pid: int) -> float:
    """CPU seconds of a local process; 0 where the database runs elsewhere."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICKS


def _work(codes: tuple[str, ...], proofs: Proofs, me: int, of: int) -> None:
    """What a worker's tasks do, until nothing is left that it could do."""
    idle = 0
    while idle < 2:
        done = processing.process("order")
        done += answer_gateway(proofs, me, of)
        outcome = sweep(LIFECYCLE, "claimed", codes)
        done += len(outcome.moved) + len(outcome.refused)
        idle = 0 if done else idle + 1


def answer_gateway(proofs: Proofs, me: int, of: int) -> int:
    """Claim this worker's share of the own shop's unpaid orders and write the gateway's words about them."""
    now = timezone.now()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """SELECT o.id, o.channel_number FROM orders_order o JOIN orders_shop s ON s.id = o.shop_id
               WHERE o.state = 'unpaid' AND s.channel = 'own_shop' AND o.id %% %s = %s ORDER BY o.id LIMIT 500""",
            [of, me],
        )
        mine = [row for row in cursor.fetchall() if row[1] in proofs]
        if not mine:
            return 0
        rows = []
        for identity, number in mine:
            amount, at = proofs[number]
            rows.append((identity, "alipay", number, "TRADE_SUCCESS", True, amount, "", at, now))
        copy_rows("orders_paymentproof", PROOF_COLUMNS, rows)
        times = {identity: proofs[number][1] for identity, number in mine}
        apply(
            LIFECYCLE,
            "claim",
            list(times),
            actor=platform("alipay"),
            params={"paid_at": times},
            occurred=times,
        )
    return len(mine)


def count_statements(codes: tuple[str, ...], proofs: Proofs, size: int) -> int:
    """Statements for one batch of `size` orders, from the claim of its payloads to its route."""
    count = 0

    def counting(execute: Any, sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        nonlocal count
        count += 1
        return execute(sql, params, many, context)

    with ExitStack() as stack:
        stack.enter_context(connection.execute_wrapper(counting))
        processing.read("order", _waiting())
        answer_gateway(proofs, 0, 1)
        sweep(LIFECYCLE, "claimed", codes, limit=size)
    return count


def _waiting() -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM orderhub_payload WHERE state = 'new' ORDER BY id")
        return [row[0] for row in cursor.fetchall()]
