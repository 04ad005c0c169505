"""Numbers in the channels, on a running sandbox: every channel shows what we reckon, the newest wins, strays are told again."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connections
from django.db.models import Count
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inventory.models import Stock
from orderhub.drills.cast import Cast, set_up
from orderhub.integrations import turns
from orderhub.models import Budget, Call, Ticket
from orderhub.testing.sandbox import RunningSandbox, running_sandbox
from orders.models import Listing, Shop
from orders.operations import offering, reading_stock
from orders.operations.offering import Ask, split
from orders.providers.showing import THREADS

CHANNELS = ("taobao", "pinduoduo", "douyin", "own_shop")
MODE = Shop.StockMode


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: Any) -> Iterator[RunningSandbox]:
    folder = tmp_path_factory.mktemp("goods")
    with running_sandbox(folder, seed=3, orders=10, days=1, platforms=",".join(CHANNELS)) as running:
        yield running


@pytest.fixture
def cast(sandbox: RunningSandbox, transactional_db: None) -> Iterator[Cast]:
    sandbox.clear_faults()
    sandbox.reset()
    yield set_up(sandbox.url, bins=1, stock=50)
    sandbox.clear_faults()


def shop_of(cast: Cast, channel: str, **columns: Any) -> Shop:
    shop = cast.own_shop if channel == "own_shop" else cast.markets[channel]
    Shop.objects.filter(id=shop.id).update(
        **{"stock_mode": MODE.POOL, "pulled_until": timezone.now(), **columns}
    )
    return Shop.objects.get(id=shop.id)


def listed(cast: Cast, channel: str, **columns: Any) -> tuple[Shop, Listing]:
    shop = shop_of(cast, channel, **columns)
    assert reading_stock.read(shop.id) > 300
    offering.reckon()
    row = Listing.objects.filter(shop=shop).order_by("id").first()
    assert row is not None
    return shop, row


def said(sandbox: RunningSandbox, channel: str, sku: str) -> list[int]:
    return [entry["body"]["quantity"] for entry in sandbox.ledger("stock.set", sku, channel)]


def sell(row: Listing, left: int) -> int:
    """So many pieces are left on the shelves of both warehouses together; what is to be shown."""
    assert row.sku_id is not None
    first, second = Stock.objects.filter(sku_id=row.sku_id).order_by("id")
    Stock.objects.filter(id=first.id).update(on_hand=left)
    Stock.objects.filter(id=second.id).update(on_hand=0)
    offering.reckon()
    return left


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.integers(0, 1000),
    st.lists(
        st.tuples(st.integers(1, 5), st.booleans(), st.integers(0, 100), st.integers(0, 20)),
        min_size=1,
        max_size=8,
    ),
)
def test_that_own_shares_never_come_to_more_than_there_is(
    pieces: int, given_: list[tuple[int, bool, int, int]]
) -> None:
    modes = {shop: own for shop, own, _share, _margin in given_}
    asks = [Ask(n, shop, modes[shop], share, margin) for n, (shop, _own, share, margin) in enumerate(given_)]
    found = split(pieces, asks)
    assert set(found) == {ask.listing for ask in asks} and all(0 <= n <= pieces for n in found.values())
    shops = {ask.shop for ask in asks if ask.own}
    own = sum(max(found[ask.listing] for ask in asks if ask.shop == shop) for shop in shops)
    pool = max((found[ask.listing] for ask in asks if not ask.own), default=0)
    assert own + pool <= pieces, "sold in every shop to the last piece, it would be more than there is"


def test_that_shares_and_margins_are_reckoned_as_entered() -> None:
    asks = [Ask(1, 1, True, 30, 0), Ask(2, 2, False, 100, 5), Ask(3, 3, False, 50, 0)]
    assert split(100, asks) == {1: 30, 2: 65, 3: 35}
    assert split(3, asks) == {1: 0, 2: 0, 3: 1}
    assert split(10, [Ask(1, 1, True, 80, 0), Ask(2, 2, True, 80, 0)]) == {1: 8, 2: 2}


@pytest.mark.parametrize("channel", CHANNELS)
def test_that_a_channel_shows_what_is_reckoned_and_says_so(
    channel: str, cast: Cast, sandbox: RunningSandbox
) -> None:
    shop, row = listed(cast, channel, stock_margin=3)
    assert row.sku is not None and row.sku.code == row.code and row.wanted == 97
    told = offering.tell(shop.id)
    assert told == Listing.objects.filter(shop=shop).count() > 300
    assert offering.tell(shop.id) == 0
    assert said(sandbox, channel, row.channel_sku) == [97]
    assert reading_stock.read(shop.id) == told
    row.refresh_from_db()
    assert (row.sent, row.read, row.sent_version) == (97, 97, row.wanted_version)
    sell(row, 10)
    assert offering.tell(shop.id) == 1
    assert said(sandbox, channel, row.channel_sku) == [97, 7]


@pytest.mark.parametrize("channel", CHANNELS)
def test_that_one_refused_listing_stops_no_other_and_is_a_ticket(
    channel: str, cast: Cast, sandbox: RunningSandbox
) -> None:
    shop, row = listed(cast, channel)
    sandbox.drive(f"{channel}_goods_gone", code=row.code)
    offering.tell(shop.id)
    row.refresh_from_db()
    assert row.refusal and row.sent is None and row.next_try_at > timezone.now()  # type: ignore[operator]
    assert (
        Listing.objects.filter(shop=shop, sent=100).count() == Listing.objects.filter(shop=shop).count() - 1
    )
    ticket = Ticket.objects.get(kind="stock_refused")
    assert row.code in ticket.title and "一小时" in ticket.body
    sandbox.reset()
    Listing.objects.filter(id=row.id).update(next_try_at=timezone.now())
    assert offering.tell(shop.id) == 1
    ticket.refresh_from_db()
    assert ticket.state == "done"


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("fault", ["lost_answer", "500_before", "500_after"])
def test_that_loss_and_repetition_end_at_the_newest_number(
    channel: str, fault: str, cast: Cast, sandbox: RunningSandbox
) -> None:
    shop, row = listed(cast, channel)
    method = {"taobao": "taobao.skus.quantity.update", "pinduoduo": "pdd.goods.quantity.update", "douyin": "sku.syncStockBatch",
              "own_shop": "stock"}[channel]  # fmt: skip
    sandbox.fault(fault, channel, method, times=3)
    for left in (9, 8, 7):
        sell(row, left)
        Shop.objects.filter(id=shop.id).update(stock_wait_until=None)
        offering.tell(shop.id)
    for _ in range(4):
        Shop.objects.filter(id=shop.id).update(stock_wait_until=None)
        offering.tell(shop.id)
    assert said(sandbox, channel, row.channel_sku)[-1] == 7
    row.refresh_from_db()
    assert (row.sent, row.wanted_version) == (7, row.sent_version)


def test_that_an_old_answer_never_covers_a_newer_number(cast: Cast) -> None:
    _shop, row = listed(cast, "taobao")
    sell(row, 9)
    old = Listing.objects.get(id=row.id)
    sell(row, 5)
    new = Listing.objects.get(id=row.id)
    offering._written([(row.id, row.item, row.channel_sku, 5, new.wanted_version)], {})
    offering._written([(row.id, row.item, row.channel_sku, 9, old.wanted_version)], {})
    row.refresh_from_db()
    assert (row.sent, row.sent_version) == (5, new.wanted_version)


def test_that_a_late_call_is_found_by_reading_and_told_again(cast: Cast, sandbox: RunningSandbox) -> None:
    shop, row = listed(cast, "taobao")
    offering.tell(shop.id)
    sandbox.drive("taobao_goods_sold", code=row.code, n=-20)  # an old call came through after the newer one
    Listing.objects.update(sent_at=timezone.now() - dt.timedelta(minutes=1))
    reading_stock.read(shop.id)
    assert reading_stock.judge() == 1
    assert offering.tell(shop.id) == 1
    assert said(sandbox, "taobao", row.channel_sku)[-1] == 100
    Listing.objects.update(sent_at=timezone.now() - dt.timedelta(minutes=1))
    reading_stock.read(shop.id)
    assert reading_stock.judge() == 0
    row.refresh_from_db()
    assert row.strayed == 0


def test_that_what_buyers_took_is_not_put_back_before_their_orders_are_known(
    cast: Cast, sandbox: RunningSandbox
) -> None:
    shop, row = listed(cast, "pinduoduo")
    offering.tell(shop.id)
    Listing.objects.update(sent_at=timezone.now() - dt.timedelta(minutes=1))
    sandbox.drive("pinduoduo_goods_sold", code=row.code, n=4)
    reading_stock.read(shop.id)
    assert reading_stock.judge() == 0, "pulled before it was read: the four may be orders that we do not know"
    Shop.objects.filter(id=shop.id).update(pulled_until=timezone.now() + dt.timedelta(seconds=1))
    reading_stock.read(shop.id)
    assert reading_stock.judge() == 1, "all orders are known and none took them"


def test_that_who_goes_on_showing_something_else_is_a_ticket(cast: Cast, sandbox: RunningSandbox) -> None:
    shop, row = listed(cast, "own_shop")
    offering.tell(shop.id)
    for _ in range(reading_stock.STRAYS):
        assert not Ticket.objects.filter(kind="stock_strays").exists()
        sandbox.drive("own_shop_goods_sold", code=row.code, n=-7)
        Listing.objects.update(sent_at=timezone.now() - dt.timedelta(minutes=1))
        reading_stock.read(shop.id)
        reading_stock.judge()
        offering.tell(shop.id)
    assert "107" in Ticket.objects.get(kind="stock_strays").body


def test_that_two_workers_never_tell_one_shop_at_once(cast: Cast, sandbox: RunningSandbox) -> None:
    shop, _row = listed(cast, "own_shop")
    told: list[int] = []

    def work() -> None:
        try:
            told.append(offering.tell(shop.id))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    every = sandbox.ledger("stock.set", platform="own_shop")
    assert max(told) == len(every) == len({entry["key"] for entry in every})


def test_that_a_channel_that_asks_for_patience_gets_it_and_others_go_on(
    cast: Cast, sandbox: RunningSandbox
) -> None:
    slow, quick = listed(cast, "taobao")[0], listed(cast, "own_shop")[0]
    sandbox.fault("quota", "taobao", "taobao.skus.quantity.update", times=1)
    offering.tell(slow.id)
    assert Call.objects.filter(method="taobao.skus.quantity.update").count() <= 2 * THREADS, (
        "what was under way beside it"
    )
    slow.refresh_from_db()
    assert slow.stock_wait_until > timezone.now() and slow.stock_error  # type: ignore[operator]
    assert slow.id not in offering.ring_all() and quick.id in offering.ring_all()
    assert offering.tell(slow.id) == 0, "it waits"
    assert offering.tell(quick.id) > 300
    Shop.objects.filter(id=slow.id).update(stock_wait_until=None)
    assert offering.tell(slow.id) == 0, "its budget knows that the minute is spent"
    Budget.objects.all().delete()  # a minute later
    turns.forget()
    Shop.objects.filter(id=slow.id).update(stock_wait_until=None)
    assert offering.tell(slow.id) > 300
    slow.refresh_from_db()
    assert slow.stock_error == ""


def test_that_calls_that_get_lost_are_made_again_and_stop_nothing(
    cast: Cast, sandbox: RunningSandbox
) -> None:
    shop, row = listed(cast, "taobao")
    sandbox.fault("500_before", "taobao", "taobao.skus.quantity.update", probability=0.15)
    assert offering.tell(shop.id) > 300
    shop.refresh_from_db()
    assert (shop.stock_error, shop.stock_wait_until) == ("", None)
    sandbox.clear_faults()
    sandbox.fault("500_before", "taobao", "taobao.skus.quantity.update", times=1)
    sell(row, 7)
    Listing.objects.filter(shop=shop).exclude(id=row.id).update(sku=None)
    assert offering.tell(shop.id) == 0
    shop.refresh_from_db()
    assert shop.stock_error and shop.stock_wait_until, "the number is not told, and the page says why"
    Shop.objects.filter(id=shop.id).update(stock_wait_until=None)
    assert (offering.tell(shop.id), said(sandbox, "taobao", row.channel_sku)[-1]) == (1, 7)
    shop.refresh_from_db()
    assert shop.stock_error == ""


def test_that_an_item_refused_whole_is_told_sku_by_sku(cast: Cast, sandbox: RunningSandbox) -> None:
    shop, _row = listed(cast, "taobao")
    item = (
        Listing.objects.filter(shop=shop)
        .values("item")
        .annotate(n=Count("id"))
        .filter(n__gt=1)
        .order_by("item")
        .first()
    )
    assert item is not None
    mine = list(Listing.objects.filter(shop=shop, item=item["item"]).order_by("id"))
    Listing.objects.filter(id=mine[0].id).update(channel_sku="9")
    assert offering.tell(shop.id) > 300
    refusals = dict(Listing.objects.filter(shop=shop).values_list("id", "refusal"))
    assert [one for one, why in refusals.items() if why] == [mine[0].id]


def test_that_a_shop_left_alone_is_read_and_never_told(cast: Cast, sandbox: RunningSandbox) -> None:
    shop = cast.markets["douyin"]
    assert reading_stock.read(shop.id) > 300
    assert (offering.reckon(), offering.ring_all(), offering.tell(shop.id)) == (0, [], 0)
    assert not sandbox.ledger("stock.set", platform="douyin")
    assert reading_stock.judge() == 0


def test_that_what_sells_out_and_what_sells_most_is_told_first(cast: Cast) -> None:
    shop, _row = listed(cast, "own_shop")
    ids = list(Listing.objects.filter(shop=shop).order_by("id").values_list("id", flat=True))
    Listing.objects.filter(id=ids[200]).update(hot=9)
    Listing.objects.filter(id=ids[300]).update(wanted=0)
    rows = list(
        Listing.objects.filter(offering.to_tell(shop.id))
        .order_by(*offering.ORDER)
        .values_list("id", flat=True)
    )
    assert rows[:2] == [ids[300], ids[200]]
