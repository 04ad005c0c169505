"""Counts, transfers and goods put by are movements with a reason; drift is found and repaired by compensating ones."""

from __future__ import annotations

import datetime as dt
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from inventory.models import Bin, Drift, Movement, Reservation, Stock
from inventory.operations import drift
from inventory.operations.count import Counted, Refused, count
from inventory.operations.move import let_go, put_by, transfer
from inventory.operations.release import expire
from inventory.operations.take import reserve_one
from inventory.queries import drift as differences
from orderhub.tickets.models import Ticket
from orders.models import Order
from orders.operations import orphans
from orders.tests.stock_cast import goods, place, reserve, wants

pytestmark = pytest.mark.django_db


def on(sku: Any, where: Bin) -> tuple[int, int]:
    return Stock.objects.values_list("on_hand", "reserved").get(sku=sku, bin=where)


def test_that_a_count_writes_the_difference_with_its_reason_and_who() -> None:
    cup, shelf = goods("CUP-1", 10), place()
    assert count([Counted(cup.pk, shelf.pk, 7, "three broken")], "count:1", "amy") == {(cup.pk, shelf.pk): -3}
    row = Movement.objects.get(kind="count")
    assert (row.on_hand_change, row.reason, row.actor, row.reference) == (
        -3,
        "three broken",
        "amy",
        "count:1",
    )
    assert on(cup, shelf) == (7, 0) and differences() == []


def test_that_the_same_count_told_twice_is_one() -> None:
    cup, shelf = goods("CUP-1", 10), place()
    for _again in range(3):
        count([Counted(cup.pk, shelf.pk, 7, "x")], "count:1", "amy")
    reserve_one(uuid.uuid4(), cup.pk, 2)
    assert count([Counted(cup.pk, shelf.pk, 7, "x")], "count:1", "amy") == {}
    assert on(cup, shelf) == (7, 2) and Movement.objects.filter(kind="count").count() == 1


def test_that_what_moved_while_it_was_counted_is_no_difference() -> None:
    cup, shelf = goods("CUP-1", 10), place()
    goods("CUP-1", 5)  # five arrive after the counter began
    assert count([Counted(cup.pk, shelf.pk, 9, "one missing", seen=10)], "count:1", "amy") == {
        (cup.pk, shelf.pk): -1
    }
    assert on(cup, shelf) == (14, 0)


def test_that_an_exact_count_is_in_the_ledger_and_an_unknown_shelf_gets_a_counter() -> None:
    cup, shelf = goods("CUP-1", 10), place("HZ01", "A-02")
    count(
        [Counted(cup.pk, shelf.pk, 4, "found"), Counted(cup.pk, place().pk, 10, "yearly")], "count:1", "amy"
    )
    assert on(cup, shelf) == (4, 0) and Movement.objects.filter(kind="count").count() == 2
    assert differences() == []


@pytest.mark.parametrize(("pieces", "reason"), [(-1, "x"), (10**9, "x"), (5, " ")])
def test_that_a_count_that_makes_no_sense_is_refused_and_nothing_of_the_batch_is_written(
    pieces: int, reason: str
) -> None:
    cup, bed = goods("CUP-1", 10), goods("BED-1", 10)
    with pytest.raises(Refused):
        count([Counted(bed.pk, place().pk, 3, "x"), Counted(cup.pk, place().pk, pieces, reason)], "c", "amy")
    assert not Movement.objects.filter(kind="count").exists() and on(bed, place()) == (10, 0)


def test_that_a_count_below_what_is_promised_is_refused_in_words() -> None:
    cup, bed = goods("CUP-1", 10), goods("BED-1", 10)
    reserve_one(uuid.uuid4(), cup.pk, 4)
    with pytest.raises(Refused, match=r"3.*4"):
        count([Counted(bed.pk, place().pk, 3, "x"), Counted(cup.pk, place().pk, 3, "x")], "c", "amy")
    assert on(cup, place()) == (10, 4) and on(bed, place()) == (10, 0)


def test_that_counting_many_costs_what_counting_one_costs() -> None:
    skus = [goods(f"CUP-{n}", 5) for n in range(6)]
    costs, shelf = [], place().pk
    for name, part in (("a", skus[:1]), ("b", skus)):
        with CaptureQueriesContext(connection) as queries:
            count([Counted(sku.pk, shelf, 4, "x") for sku in part], name, "amy")
        costs.append(len(queries))
    assert costs[0] == costs[1]


def test_that_a_transfer_moves_free_pieces_between_warehouses_and_no_more() -> None:
    cup, here, there = goods("CUP-1", 10), place(), place("SH01", "S-1", 20)
    reserve_one(uuid.uuid4(), cup.pk, 4)
    reference = transfer(cup.pk, here.pk, there.pk, 6, "for Shanghai", "amy")
    assert (on(cup, here), on(cup, there)) == ((4, 4), (6, 0))
    assert sorted(Movement.objects.filter(reference=reference).values_list("on_hand_change", flat=True)) == [
        -6,
        6,
    ]
    for pieces, target in ((1, there), (0, there), (-3, there), (1, here)):
        with pytest.raises(Refused):
            transfer(cup.pk, here.pk, target.pk, pieces, "x", "amy")
    with pytest.raises(Refused):
        transfer(cup.pk, there.pk, here.pk, 1, "", "amy")
    assert Movement.objects.filter(kind="move").count() == 2 and differences() == []


def test_that_goods_put_by_are_nobody_elses_until_their_time_is_over() -> None:
    cup, now = goods("CUP-1", 5), timezone.now()
    photo = put_by(cup.pk, place().pk, 3, "sample", now + dt.timedelta(days=1), "photo shoot", "amy")
    kept = put_by(cup.pk, place().pk, 1, "manual", now + dt.timedelta(days=2), "for the fair", "amy")
    row = Reservation.objects.get(reference=photo)
    assert (row.kind, row.reason, row.made_by) == ("sample", "photo shoot", "amy")
    assert not reserve_one(uuid.uuid4(), cup.pk, 2)
    Reservation.objects.filter(reference=photo).update(expires_at=now - dt.timedelta(seconds=1))
    assert expire() == 3 and expire() == 0
    assert on(cup, place()) == (5, 1)
    assert let_go(kept, "amy") == 1 and on(cup, place()) == (5, 0) and differences() == []


@pytest.mark.parametrize(
    ("pieces", "kind", "days", "reason"),
    [(9, "sample", 1, "x"), (0, "sample", 1, "x"), (1, "paid", 1, "x"), (1, "manual", -1, "x"), (1, "manual", 400, "x"),
     (1, "manual", 1, "")],
)  # fmt: skip
def test_that_what_may_not_be_put_by_is_refused(pieces: int, kind: str, days: int, reason: str) -> None:
    cup = goods("CUP-1", 5)
    with pytest.raises(Refused):
        put_by(cup.pk, place().pk, pieces, kind, timezone.now() + dt.timedelta(days=days), reason, "amy")
    assert on(cup, place()) == (5, 0) and not Reservation.objects.exists()


def test_that_what_an_order_holds_is_not_let_go_by_hand() -> None:
    cup = goods("CUP-1", 5)
    name = uuid.uuid4()
    reserve_one(name, cup.pk, 2)
    with pytest.raises(Refused):
        let_go(name, "amy")
    assert on(cup, place()) == (5, 2)


@pytest.mark.parametrize(
    "columns",
    [{"on_hand": 13}, {"on_hand": 8}, {"reserved": 5}, {"reserved": 0}, {"on_hand": 20, "reserved": 7}],
)
def test_that_injected_drift_is_found_told_once_and_repaired_by_one_click(columns: dict[str, int]) -> None:
    cup, bed = goods("CUP-1", 10), goods("BED-1", 4)
    reserve_one(uuid.uuid4(), cup.pk, 3)
    Stock.objects.filter(sku=cup).update(**columns)
    before = Movement.objects.count()
    for _night in range(2):
        assert drift.look() == 1
    found = Drift.objects.get()
    assert (found.sku_id, found.kind, found.figures["ledger_on_hand"], found.figures["held"]) == (
        cup.pk,
        "counter",
        10,
        3,
    )
    assert Ticket.objects.get().kind == "stock_drift"
    assert drift.repair(found.pk, "amy") and not drift.repair(found.pk, "amy")
    assert on(cup, place()) == (10, 3) and on(bed, place()) == (4, 0) and differences() == []
    lines = Movement.objects.filter(kind="repair")
    assert Movement.objects.count() == before + 2 and all(
        line.reason and line.actor == "amy" for line in lines
    )
    assert sum(line.on_hand_change for line in lines) == sum(line.reserved_change for line in lines) == 0
    assert Ticket.objects.get().state == "done"


def test_that_a_ledger_that_left_the_reservations_is_repaired_by_a_line_of_the_ledger() -> None:
    cup = goods("CUP-1", 10)
    reserve_one(uuid.uuid4(), cup.pk, 3)
    Movement.objects.filter(kind="reserve").delete()
    assert drift.look() == 1
    drift.repair(Drift.objects.get().pk, "amy")
    assert differences() == [] and on(cup, place()) == (10, 3)


def test_that_a_counter_without_its_row_is_drift_too_and_one_that_needs_counting_says_so() -> None:
    cup = goods("CUP-1", 10)
    reserve_one(uuid.uuid4(), cup.pk, 3)
    Stock.objects.all().delete()
    assert drift.look() == 1
    drift.repair(Drift.objects.get().pk, "amy")
    assert on(cup, place()) == (10, 3)
    Movement.objects.filter(kind="opening").update(on_hand_change=1)
    drift.look()
    with pytest.raises(Refused):
        drift.repair(Drift.objects.get(ended_at=None).pk, "amy")


def test_that_drift_which_went_away_is_ended() -> None:
    cup = goods("CUP-1", 10)
    Stock.objects.filter(sku=cup).update(on_hand=9)
    drift.look()
    Stock.objects.filter(sku=cup).update(on_hand=10)
    assert (
        drift.look() == 0
        and Drift.objects.get().ended_at is not None
        and Ticket.objects.get().state == "done"
    )


def test_that_goods_held_for_nobody_and_orders_without_their_goods_are_both_found() -> None:
    cup = goods("CUP-1", 10)
    order, ghost, fine = wants((cup, 1)), wants((cup, 2)), wants((cup, 3))
    reserve(order, ghost, fine)
    Reservation.objects.filter(reference=order.lines.get().uuid).update(state="released")
    Order.objects.filter(pk=ghost.pk).update(state="cancelled")
    reserve_one(uuid.uuid4(), cup.pk, 1)
    put_by(cup.pk, place().pk, 1, "manual", timezone.now() + dt.timedelta(days=1), "x", "amy")
    Reservation.objects.update(created_at=timezone.now() - dt.timedelta(hours=1))
    assert orphans.look() == (2, 1)
    assert Drift.objects.get(kind="unheld").figures["number"] == order.number
    for row in Drift.objects.filter(kind="orphan"):
        assert drift.repair(row.pk, "amy")
    with pytest.raises(Refused):
        drift.repair(Drift.objects.get(kind="unheld").pk, "amy")
    assert orphans.look() == (0, 1)


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_that_counts_transfers_and_buyers_at_once_never_promise_what_is_not_there() -> None:
    cup, here, there = goods("CUP-1", 40), place(), place("SH01", "S-1", 20)
    start = threading.Barrier(8)

    def work(n: int) -> None:
        try:
            start.wait(60)
            for step in range(12):
                try:
                    if n % 4 == 0:
                        count([Counted(cup.pk, here.pk, 20 + step % 3, "x")], f"count:{n}:{step}", "amy")
                    elif n % 4 == 1:
                        transfer(
                            cup.pk, *((here.pk, there.pk) if step % 2 else (there.pk, here.pk)), 2, "x", "amy"
                        )
                    elif n % 4 == 2:
                        reserve_one(uuid.uuid4(), cup.pk, 1)
                    else:
                        put_by(
                            cup.pk, here.pk, 1, "manual", timezone.now() + dt.timedelta(hours=1), "x", "amy"
                        )
                except Refused:
                    continue
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        for job in [pool.submit(work, n) for n in range(8)]:
            job.result(60)
    assert all(0 <= row.reserved <= row.on_hand for row in Stock.objects.all()) and differences() == []
