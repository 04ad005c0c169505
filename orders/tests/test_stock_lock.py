"""A SKU that is nearly used up: new orders wait, it is told once a crossing, and they go when there is more."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from inventory.models import Bin, Sku
from inventory.operations.receive import opening
from inventory.queries import drift
from orderhub.actors import person
from orderhub.models import Connection, Message, Recipient, Ticket, Trace
from orderhub.rules import engine, publishing, seeding
from orderhub.sweeping import sweep
from orders.lifecycle import LIFECYCLE
from orders.models import Hold, Order, Shop, StockLock
from orders.operations import holds, stock_lock
from orders.tests.conftest import trade
from orders.tests.test_intake import take


@pytest.fixture
def boss(db: None) -> Iterator[User]:
    """Locking at 95 % is in use; a DingTalk group listens."""
    seeding.seed()
    user = User.objects.create_superuser("boss")
    publishing.choose("stock", "threshold", user)
    engine.forget()
    robot = Connection.objects.create(
        code="ding", platform="dingtalk", name="钉钉", base_url="http://127.0.0.1:1"
    )
    Recipient.objects.create(role="warehouse_manager", connection=robot)
    yield user
    engine.forget()


def go(n: int = 500) -> None:
    sweep(LIFECYCLE, "claimed", ("verify", "reserve"), n=n)


def told() -> int:
    return Message.objects.filter(kind="notice.send", data__template="stock_lock").count()


@pytest.mark.django_db
@pytest.mark.parametrize("n", [1, 7, 500])
def test_that_new_orders_wait_at_five_percent_and_it_is_told_once(taobao: Shop, boss: User, n: int) -> None:
    # 110 cups, two an order: after 53 orders 4 are free, 3.6 %; boxes, one an order, are far from it
    take(taobao, *(trade(str(2000 + k)) for k in range(60)))
    go(n)
    assert Order.objects.filter(state="reserved").count() == 53
    waiting = Hold.objects.filter(type="stock_lock", released_at=None)
    assert waiting.count() == 7 and Order.objects.filter(state="paid", open_holds=1).count() == 7
    assert "CUP-1 4/110" in waiting[0].reason
    assert told() == 1 and Ticket.objects.filter(kind="stock_lock").count() == 1
    assert StockLock.objects.get().sku.code == "CUP-1"
    assert Trace.objects.filter(point="stock").count() == 7
    take(taobao, trade("3000"))
    go()
    stock_lock.watch()
    assert waiting.count() == 8 and told() == 1
    assert not drift()


@pytest.mark.django_db
def test_that_they_go_when_there_is_more_and_a_second_crossing_is_told_again(
    taobao: Shop, boss: User
) -> None:
    take(taobao, *(trade(str(2000 + k)) for k in range(55)))
    go()
    assert Hold.objects.filter(type="stock_lock", released_at=None).count() == 2
    assert stock_lock.watch() == {"locked": 0, "released": 0}
    cup = Sku.objects.get(code="CUP-1")
    opening([(cup.id, Bin.objects.get(code="S-01").id, 8)])
    assert stock_lock.watch()["released"] == 2
    assert StockLock.objects.get().ended_at is not None
    assert Ticket.objects.get(kind="stock_lock").state == "done"
    sweep(LIFECYCLE, "paid", ("reserve",))
    assert Order.objects.filter(state="reserved").count() == 55 and told() == 1
    take(taobao, *(trade(str(4000 + k)) for k in range(3)))
    go()
    stock_lock.watch()
    assert told() == 2 and StockLock.objects.count() == 2


@pytest.mark.django_db
def test_that_an_order_released_by_hand_goes_out_all_the_same(taobao: Shop, boss: User) -> None:
    take(taobao, *(trade(str(2000 + k)) for k in range(55)))
    go()
    hold = Hold.objects.filter(type="stock_lock").first()
    assert hold is not None
    holds.release(hold.id, person(boss), "a good customer")
    sweep(LIFECYCLE, "paid", ("reserve",))
    assert Order.objects.get(id=hold.order_id).state == "reserved"


@pytest.mark.django_db
def test_that_a_crossing_that_no_order_made_is_told_by_the_clock(taobao: Shop, boss: User) -> None:
    from inventory.models import Stock

    Stock.objects.filter(sku__code="BOX-1").update(on_hand=40, reserved=39)
    assert stock_lock.watch()["locked"] == 1 and told() == 1
    assert stock_lock.watch()["locked"] == 0 and told() == 1


@pytest.mark.django_db
def test_that_the_shipped_policy_in_use_sells_to_the_last_piece(taobao: Shop, boss: User) -> None:
    publishing.choose("stock", "unlocked", boss)
    engine.forget_heads()
    take(taobao, *(trade(str(2000 + k)) for k in range(60)))
    go()
    assert Order.objects.filter(state="reserved").count() == 55 and told() == 0


@pytest.mark.django_db
def test_that_locks_cost_the_same_whatever_the_batch(taobao: Shop, boss: User) -> None:
    take(taobao, *(trade(str(2000 + k)) for k in range(53)))
    go()
    counts = []
    for size in (1, 6):
        take(taobao, *(trade(f"{size}{k}77") for k in range(size)))
        engine.decide("stock", [{}])
        with CaptureQueriesContext(connection) as seen:
            go()
        counts.append(len(seen))
    assert counts[0] == counts[1]
    assert Hold.objects.filter(type="stock_lock").count() == 7


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_that_several_workers_tell_it_once(taobao: Shop, boss: User) -> None:
    take(taobao, *(trade(str(2000 + k)) for k in range(60)))
    gate = threading.Barrier(3)

    def work() -> None:
        try:
            gate.wait(60)
            go(7)
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as pool:
        for done in [pool.submit(work) for _ in range(3)]:
            done.result(60)
    go()
    assert Order.objects.filter(state="reserved").count() == 53
    assert Hold.objects.filter(type="stock_lock").count() == 7
    assert told() == 1 and StockLock.objects.count() == 1 and not drift()
