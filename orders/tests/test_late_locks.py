"""A sweep reads stock and places without locks and writes them last: what was taken in between is never promised twice."""

from __future__ import annotations

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from inventory.models import Reservation, Stock
from inventory.operations.reserve import Book
from inventory.operations.take import reserve_many
from inventory.queries import drift
from orderhub.sweeping import sweep
from orders.lifecycle import LIFECYCLE
from orders.models import Hold, Order, Shop
from orders.tests.conftest import trade
from orders.tests.test_intake import take

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]
STEPS = ("verify", "reserve")


def elsewhere(work: Any, *args: Any) -> Any:
    """`work(*args)` on a connection of its own, committed when this returns."""

    def run() -> Any:
        try:
            return work(*args)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(run).result(30)


def test_that_stock_taken_after_it_was_read_is_not_promised_twice(
    taobao: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    take(taobao, trade("1001"), trade("1002"))
    cup = Stock.objects.values_list("sku_id", flat=True).earliest("sku__id")
    lock, tries = Book.lock, []

    def lock_then_lose(*args: Any, late: bool = False) -> Book:
        book = lock(*args, late=late)
        tries.append(late)
        if len(tries) == 1:  # a shop's own counter sells all there is, but for one order's pieces
            elsewhere(reserve_many, [(uuid.uuid4(), cup, n) for n in (60, 40, 8)])
        return book

    monkeypatch.setattr(Book, "lock", lock_then_lose)
    outcome = sweep(LIFECYCLE, "claimed", STEPS)
    assert tries == [True, False]
    assert sorted(Order.objects.values_list("state", flat=True)) == ["paid", "reserved"]
    assert Hold.objects.get(released_at=None).type == "stock"
    assert not outcome.set_aside and not drift()
    assert Order.objects.filter(attempts=0, lease_token=None).count() == 2


def test_that_six_sweeps_at_once_sell_what_there_is_and_hold_the_rest(taobao: Shop) -> None:
    take(
        taobao, *(trade(str(2000 + n)) for n in range(90))
    )  # two cups each, 110 cups in three bins of 60, 40, 10
    start = threading.Barrier(6)

    def work() -> None:
        start.wait(60)
        try:
            sweep(LIFECYCLE, "claimed", STEPS, n=8)
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        for done in [pool.submit(work) for _ in range(6)]:
            done.result(60)
    assert Order.objects.filter(state="reserved").count() == 55
    assert Hold.objects.filter(type="stock", released_at=None).count() == 35
    assert sum(Reservation.objects.filter(state="active").values_list("quantity", flat=True)) == 55 * 3
    assert all(row.reserved <= row.on_hand for row in Stock.objects.all()) and not drift()
