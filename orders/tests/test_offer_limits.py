"""Limited purchase in a channel that hides who buys: the listing's own limit, told once, lifted again, audited in between."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.utils import timezone

from inventory.models import Stock
from orderhub.drills.cast import Cast
from orderhub.models import Ticket
from orderhub.testing.sandbox import RunningSandbox
from orders.models import ItemLimit, Listing, Shop
from orders.operations import offer_limits, offering
from orders.tests.test_offering import cast, listed, sandbox

__all__ = ["cast", "sandbox"]
ROUND = 200


def limits(sandbox: RunningSandbox, item: str) -> list[int]:
    return [entry["body"]["pieces"] for entry in sandbox.ledger("limit.set", item, "douyin")]


def left(row: Listing, pieces: int) -> None:
    """So many pieces of this SKU, and plenty of all others of its item."""
    assert row.sku_id is not None
    first = Stock.objects.filter(sku_id=row.sku_id).order_by("id").first()
    assert first is not None
    Stock.objects.filter(sku_id=row.sku_id).update(on_hand=0)
    Stock.objects.filter(id=first.id).update(on_hand=pieces)
    offer_limits.reckon()


def scarce(cast: Cast, **columns: Any) -> tuple[Shop, Listing]:
    shop, row = listed(cast, "douyin", usual_limit=ROUND, **columns)
    left(row, 7)
    return shop, row


def test_that_goods_in_limited_purchase_are_limited_in_the_channel_and_let_go_again(
    cast: Cast,
    sandbox: RunningSandbox,
) -> None:
    shop, row = scarce(cast)
    assert offer_limits.due() == [shop.id]
    told = offer_limits.tell(shop.id)
    assert (told, limits(sandbox, row.item)) == (1, [2])
    assert (offer_limits.due(), offer_limits.reckon(), offer_limits.tell(shop.id)) == ([], 0, 0), "told once"
    left(row, 400)
    assert (offer_limits.tell(shop.id), limits(sandbox, row.item)) == (1, [2, ROUND])
    assert ItemLimit.objects.count() == 1, "what was never limited has no row"
    assert offer_limits.summary() == {shop.id: (0, 0, 0)}


def test_that_an_item_in_audit_waits_without_a_ticket_and_a_refused_one_is_one(
    cast: Cast,
    sandbox: RunningSandbox,
) -> None:
    shop, row = scarce(cast)
    sandbox.drive("douyin_goods_audit", item=row.item)
    assert offer_limits.tell(shop.id) == 0
    kept = ItemLimit.objects.get()
    assert "审核" in kept.refusal and kept.next_try_at is not None
    assert dt.timedelta(minutes=9) < kept.next_try_at - timezone.now() < dt.timedelta(minutes=11)
    assert not Ticket.objects.filter(kind=offer_limits.REFUSED).exists() and offer_limits.due() == []
    sandbox.drive("douyin_goods_audit", item=row.item, over=True)
    ItemLimit.objects.update(item="9", next_try_at=None)
    assert offer_limits.tell(shop.id) == 0
    ticket = Ticket.objects.get(kind=offer_limits.REFUSED)
    assert "2" in ticket.body
    ItemLimit.objects.update(item=row.item, next_try_at=None)
    assert (offer_limits.tell(shop.id), limits(sandbox, row.item)) == (1, [2])
    ticket.refresh_from_db()
    assert ticket.state == "done"


def test_that_a_lost_answer_is_told_again_and_ends_at_the_newest_limit(
    cast: Cast,
    sandbox: RunningSandbox,
) -> None:
    shop, row = scarce(cast)
    sandbox.fault("500_after", "douyin", "product.editBuyerLimit", times=1)
    assert offer_limits.tell(shop.id) == 0
    shop.refresh_from_db()
    assert shop.stock_error and shop.stock_wait_until
    left(row, 400)
    Shop.objects.filter(id=shop.id).update(stock_wait_until=None)
    assert (offer_limits.tell(shop.id), limits(sandbox, row.item)[-1]) == (1, ROUND)


def test_that_without_a_usual_limit_and_in_other_channels_none_is_sent(cast: Cast) -> None:
    shop, _limited = scarce(cast)
    ItemLimit.objects.all().delete()
    Shop.objects.filter(id=shop.id).update(usual_limit=None)
    assert (offer_limits.reckon(), offer_limits.due(), offer_limits.tell(shop.id)) == (0, [], 0)
    other, row = listed(cast, "taobao", usual_limit=ROUND)
    left(row, 3)
    assert not ItemLimit.objects.filter(shop=other).exists()


def test_that_another_worker_who_speaks_to_the_shop_is_not_disturbed(
    cast: Cast,
    sandbox: RunningSandbox,
) -> None:
    shop, row = scarce(cast)
    assert offering.take(shop.id)
    assert (offer_limits.tell(shop.id), limits(sandbox, row.item)) == (0, [])
