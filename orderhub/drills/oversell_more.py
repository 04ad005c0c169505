"""Two further casts of the oversell drill: bundles in random order, and unpaid orders that expire while they are paid.

What sixty-four buyers see is counted as in the others: nothing twice, nothing half, nothing promised that is not there.
"""

from __future__ import annotations

import datetime as dt
import random
import threading
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from django.db import connections, transaction
from django.utils import timezone

from inventory.models import Bin, Sku, Stock, Warehouse
from inventory.operations.receive import opening
from inventory.operations.reserve import Book
from inventory.operations.take import reserve_many, reserve_one
from orderhub.actors import platform
from orderhub.drills import workers
from orderhub.drills.cast import scalar, set_up
from orderhub.drills.payloads import make
from orderhub.inbound import keeping, processing
from orderhub.sweeping import sweep
from orders.lifecycle import LIFECYCLE
from orders.models import Order, PaymentProof
from orders.operations import payment, unpaid

PARTS, BUNDLES, BUYERS, PROCESSES = 4, 300, 64, 4


def bundles(number: int) -> dict[str, Any]:
    """Sets of two to four of four goods, their parts named in random order, against buyers of single pieces.

    A third of the goods was promised before. Every set is had whole or not at all.
    """
    house, _ = Warehouse.objects.get_or_create(code="HZ01", defaults={"name": "杭州自建仓"})
    skus = [Sku.objects.create(code=f"PART {number} {n}", name="x") for n in range(PARTS)]
    for n, sku in enumerate(skus):
        shelves = [Bin.objects.create(warehouse=house, code=f"P{number} {n} {k}") for k in range(2)]
        opening([(sku.pk, shelf.pk, BUNDLES // 2) for shelf in shelves])
        reserve_many([(uuid.uuid4(), sku.pk, 1) for _ in range(BUNDLES // 3)])
    ids = [sku.pk for sku in skus]
    earlier = PARTS * (BUNDLES // 3)
    hands = [(ids, number * 1000 + n) for n in range(BUYERS)]
    per = BUYERS // PROCESSES
    answers = workers.together(_crew, [(_sets, hands[n * per : (n + 1) * per]) for n in range(PROCESSES)])
    errors = [e for a in answers for e in ([a] if isinstance(a, str) else a[1])]
    told: list[tuple[uuid.UUID, int]] = [row for a in answers if not isinstance(a, str) for row in a[0]]
    pieces = sum(count for _name, count in told)
    rows = "FROM inventory_reservation WHERE sku_id = ANY(%s) AND state = 'active'"
    sold = int(scalar(f"SELECT coalesce(sum(quantity), 0) {rows}", [ids]))
    kept = int(
        scalar(
            f"SELECT coalesce(sum(quantity), 0) {rows} AND reference = ANY(%s)", [ids, [n for n, _ in told]]
        )
    )
    counted = int(scalar("SELECT sum(reserved) FROM inventory_stock WHERE sku_id = ANY(%s)", [ids]))
    there = int(scalar("SELECT sum(on_hand) FROM inventory_stock WHERE sku_id = ANY(%s)", [ids]))
    return {
        "ok": sold == counted == earlier + pieces and kept == pieces and sold <= there and not errors and bool(told),
        "requests": BUYERS * 40, "retries": 0, "sold": sold, "oversold": max(0, sold - there), "half": abs(pieces - kept),
        "deadlocks": len(errors), "errors": sorted(set(errors))[:3],
    }  # fmt: skip


def _sets(ids: list[int], seed: int) -> list[tuple[uuid.UUID, int]]:
    """One buyer's forty wishes; what he was told that he has."""
    rng, mine = random.Random(seed), []
    for _ in range(40):
        name = uuid.uuid4()
        if rng.random() < 0.3:
            if reserve_one(name, rng.choice(ids), 1):
                mine.append((name, 1))
            continue
        wanted = {sku: rng.randint(1, 2) for sku in rng.sample(ids, rng.randint(2, PARTS))}
        with transaction.atomic():
            book = Book.lock(list(wanted))
            house = next((w for w in book.warehouses if book.can_serve(wanted, w)), None)
            if house is not None:
                for sku, count in wanted.items():
                    book.take(str(name), sku, count, house)
                book.write("drill")
                book.count()
        if house is not None:
            mine.append((name, sum(wanted.values())))
    return mine


def expiring(number: int) -> dict[str, Any]:
    """Unpaid orders hold their goods and all expire now, while half of the threads pay them and half let them expire.

    Each ends with its goods or, where they are gone, held with a refund proposed. Nobody's money is without an answer.
    """
    cast = set_up(bins=2, stock=1000)
    raws = list(make(400, seed=900 + number, mix="o" * 10))
    rows = [keeping.Kept("order", raw.number, raw.version, raw.body, "api") for raw in raws]
    for start in range(0, len(rows), 200):
        keeping.keep_many(cast.own_shop.connection_id, rows[start : start + 200])
    processing.process("order")
    sweep(LIFECYCLE, "unpaid", ("hold_unpaid",))
    held = int(scalar("SELECT count(DISTINCT reference) FROM inventory_reservation WHERE kind = 'unpaid'"))
    ids = list(Order.objects.filter(state="unpaid").values_list("id", flat=True))
    Order.objects.filter(id__in=ids).update(expires_at=timezone.now() - dt.timedelta(seconds=1))
    hands: list[tuple[list[int], int]] = [(ids[n :: BUYERS // 2], n) for n in range(BUYERS // 2)]
    hands += [([], n) for n in range(BUYERS // 2)]
    random.Random(number).shuffle(hands)
    per = BUYERS // PROCESSES
    answers = workers.together(_crew, [(_pay, hands[n * per : (n + 1) * per]) for n in range(PROCESSES)])
    errors = [e for a in answers for e in ([a] if isinstance(a, str) else a[1])]
    unpaid.expire(limit=10_000)
    for _round in range(3):
        Order.objects.filter(state__in=["claimed", "paid"]).update(next_try_at=timezone.now())
        sweep(LIFECYCLE, "claimed", ("verify", "reserve"))
    states = dict(Order.objects.order_by().values_list("id", "state"))
    good = sum(state == "reserved" for state in states.values())
    answered = Order.objects.filter(state="paid", open_holds__gt=0).count()
    over = Stock.objects.filter(reserved__gt=1000).count()
    return {
        "ok": good + answered == len(ids) and held > 0 and not errors and not over and bool(ids),
        "requests": len(ids), "retries": 0, "sold": good, "oversold": over, "held_before": held,
        "expired_and_back": int(scalar("SELECT count(*) FROM orders_event WHERE code = 'revive'")),
        "without_an_answer": len(ids) - good - answered, "deadlocks": len(errors), "errors": sorted(set(errors))[:3],
    }  # fmt: skip


def _pay(mine: list[int], seed: int) -> list[tuple[uuid.UUID, int]]:
    """A buyer pays his orders one by one; a clock (who has none) lets a few expire at a time."""
    if not mine:
        while unpaid.expire(limit=5):
            pass
        return []
    now = timezone.now()
    for order in Order.objects.filter(id__in=mine).order_by("id"):
        PaymentProof.objects.create(
            order=order, source="alipay", trade_no=order.channel_number, state="TRADE_SUCCESS", paid=True,
            amount=order.payable, payee="", paid_at=now,
        )  # fmt: skip
        payment.claimed_or_back({order.id: now}, platform("alipay"))
    return []


def _crew(
    work: Callable[..., list[Any]], hands: Sequence[tuple[list[int], int]]
) -> tuple[list[Any], list[str]]:
    """Several buyers of one process; what they were told, and every error that one of them saw."""
    told: list[Any] = []
    errors: list[str] = []

    def one(ids: list[int], seed: int) -> None:
        try:
            told.extend(work(ids, seed))
        except Exception as error:  # noqa: BLE001 - what a buyer sees is what is counted
            errors.append(f"{type(error).__name__}: {error}"[:200])
        finally:
            connections.close_all()

    threads = [threading.Thread(target=one, args=hand) for hand in hands]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return told, errors
