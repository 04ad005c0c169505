"""Stock share falls to 5 %: new orders for that SKU are held and DingTalk is told once, by the sandbox's ledger."""

from __future__ import annotations

import datetime as dt
from collections import Counter

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

import orderhub.tasks as ground
import orders.tasks as orders
from inventory.models import Sku, Stock
from inventory.operations.move import put_by
from inventory.operations.receive import opening
from inventory.queries import drift, shelf_shares
from orderhub.models import Ticket, Trace
from orderhub.rules import engine, publishing, seeding
from orderhub.tests.journeys.house import House, hurry
from orders.models import Hold, Order, StockLock

pytestmark = pytest.mark.journey


def ready(house: House, policy: str) -> tuple[Sku, list[str], str, int]:
    """The SKU that most orders want, one piece above the threshold; their numbers, that of one without it, and its bin."""
    seeding.seed()
    publishing.choose("stock", policy, User.objects.get(username="admin"))
    engine.forget()
    plain = house.plain("taobao")
    ((code, _n),) = Counter(line.sku for order in plain for line in order.lines).most_common(1)
    wanted = [order for order in plain if any(line.sku == code for line in order.lines)]
    assert len(wanted) >= 3
    other = next(order for order in plain if order not in wanted)
    most = max(line.quantity for order in wanted for line in order.lines if line.sku == code)
    sku = Sku.objects.get(code=code)
    rows = Stock.objects.filter(sku=sku, bin__sellable=True, bin__warehouse__active=True)
    place = rows.order_by("-on_hand").values_list("bin_id", flat=True)[0]
    opening([(sku.id, place, 40 * most)])  # so that a twentieth is enough for whoever comes first
    on_shelf = shares()[code][1]
    keep = on_shelf // 20 + 1
    until = timezone.now() + dt.timedelta(days=1)
    for row in rows:
        pieces = row.on_hand - row.reserved - (keep if row.bin_id == place else 0)
        if pieces > 0:
            put_by(sku.id, row.bin_id, pieces, "manual", until, "大客户预留", "amy")
    assert shares()[code] == (keep, on_shelf)
    return sku, [order.number for order in wanted], other.number, place


def shares() -> dict[str, tuple[int, int]]:
    return {code: (int(free), int(all_)) for _sku, code, free, all_ in shelf_shares()}


def go() -> None:
    """Every step that the clock does for a new order, the look at all shelves, and what is to be told leaves."""
    for _round in range(3):
        for task in (orders.questions, ground.drain_outbox, orders.advance, orders.watch_stock):
            task()
        hurry()
        ground.drain_outbox("notice.send")


def told(house: House, code: str) -> int:
    """How often the DingTalk group was told of the SKU, by the sandbox's ledger."""
    said = house.sandbox.ledger("group.told", platform="dingtalk")
    return sum(code in entry["body"]["text"] for entry in said)


def test_that_new_orders_for_a_scarce_sku_wait_and_dingtalk_is_told_once(house: House) -> None:
    sku, numbers, other, place = ready(house, "threshold")
    first, *later = numbers
    house.fetch(first)
    go()
    assert Order.objects.get(channel_number=first).state != "paid", (
        "one piece above the threshold it is served"
    )
    free, on_shelf = shares()[sku.code]
    assert 20 * free <= on_shelf, "and by that the share has fallen to 5 %"
    house.fetch(*later, other)
    go()
    held = Hold.objects.filter(type="stock_lock", released_at=None)
    assert {hold.order.channel_number for hold in held.select_related("order")} == set(later)
    assert all(f"{sku.code} {free}/{on_shelf}" in hold.reason for hold in held)
    assert set(Order.objects.filter(channel_number__in=later).values_list("state", flat=True)) == {"paid"}
    assert not Hold.objects.filter(order__channel_number=other, type="stock_lock").exists()
    assert Order.objects.get(channel_number=other).state != "paid", "other goods go on"
    assert told(house, sku.code) == 1 and Ticket.objects.filter(kind="stock_lock", state="open").count() == 1
    assert Trace.objects.filter(point="stock").count() == len(later)
    go()
    assert told(house, sku.code) == 1
    opening([(sku.id, place, on_shelf)])
    assert shares()[sku.code] == (free + on_shelf, 2 * on_shelf)
    go()
    assert not held.all().exists()
    assert StockLock.objects.get().ended_at is not None
    assert not Order.objects.filter(channel_number__in=later, state="paid").exists(), "they go by themselves"
    assert told(house, sku.code) == 1 and not drift()


def test_that_as_shipped_the_lock_is_off(house: House) -> None:
    sku, numbers, _other, _place = ready(house, "unlocked")
    house.fetch(*numbers)
    go()
    assert not Hold.objects.filter(type="stock_lock").exists() and not StockLock.objects.exists()
    assert told(house, sku.code) == 0
