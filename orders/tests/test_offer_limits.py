"""Limited purchase in a channel that hides who buys: the listing's own limit, told once, lifted again, audited in between."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from inventory.models import Stock
from inventory.operations import claiming
from orderhub.drills.cast import Cast
from orderhub.integrations.errors import PlatformError
from orderhub.models import Ticket
from orderhub.testing.sandbox import RunningSandbox
from orders.models import ItemLimit, Listing, Shop
from orders.operations import offer_limits, offering
from orders.providers import channel_of
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
    assert offer_limits.due() == [], "the channel is left alone"
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


@pytest.mark.parametrize("off", [{"enabled": False}, {"stock_mode": "off"}, {"usual_limit": None}])
def test_that_a_shop_that_is_switched_off_is_neither_reckoned_nor_told(
    cast: Cast, sandbox: RunningSandbox, off: dict[str, Any]
) -> None:
    shop, row = scarce(cast)
    Shop.objects.filter(id=shop.id).update(**off)
    left(row, 400)
    assert ItemLimit.objects.get().wanted == 2
    assert (offer_limits.reckon(), offer_limits.due(), offer_limits.tell(shop.id)) == (0, [], 0)
    shop.refresh_from_db()
    assert limits(sandbox, row.item) == [] and shop.stock_lease_until is None


@pytest.mark.parametrize(("says", "sent"), [(0, 1), (1, 1), (500, ROUND)])
def test_that_a_limit_is_one_piece_at_least_and_the_usual_one_at_most(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, says: int, sent: int
) -> None:
    shop, _row = scarce(cast)
    hour = dt.timedelta(hours=1)
    monkeypatch.setattr(
        claiming, "sales", lambda numbers: dict.fromkeys(numbers, claiming.Sale(says, hour, hour))
    )
    offer_limits.reckon()
    assert {one.wanted for one in ItemLimit.objects.filter(shop=shop)} == {sent}


def test_that_a_refused_item_is_told_at_once_when_its_limit_changes_and_else_after_an_hour(
    cast: Cast, sandbox: RunningSandbox
) -> None:
    shop, row = scarce(cast)
    ItemLimit.objects.update(item="9")
    assert offer_limits.tell(shop.id) == 0
    kept = ItemLimit.objects.get()
    assert (
        kept.next_try_at
        and dt.timedelta(minutes=59) < kept.next_try_at - timezone.now() < 2 * offering.REFUSED_FOR
    )
    ItemLimit.objects.update(item=row.item)
    assert offer_limits.due() == []
    left(row, 400)
    assert (offer_limits.due(), offer_limits.tell(shop.id)) == ([shop.id], 1)
    kept.refresh_from_db()
    assert (kept.refusal, kept.next_try_at, limits(sandbox, row.item)) == ("", None, [ROUND])


def test_that_speaking_long_keeps_the_shop_and_a_failure_ends_it(
    cast: Cast, sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, row = scarce(cast)
    for n in range(3):
        ItemLimit.objects.create(shop=shop, item=f"x{n}", wanted=3)
    asked: list[str] = []
    kept: list[int] = []

    def limit(_self: Any, _api: Any, item: str, _pieces: int) -> None:
        asked.append(item)
        if len(asked) > 2:
            raise PlatformError("retry", "busy", "later")

    monkeypatch.setattr(type(channel_of("douyin")), "limit", limit)
    monkeypatch.setattr(offering, "TOGETHER", 1)
    monkeypatch.setattr(offering, "keep", kept.append)
    assert offer_limits.tell(shop.id) == 2
    assert (len(asked), kept) == (3, [shop.id] * 3), "after a failure nothing more is asked"
    assert sorted(ItemLimit.objects.exclude(sent=None).values_list("item", flat=True)) == sorted(asked[:2])
    shop.refresh_from_db()
    assert shop.stock_lease_until is None and row.item in asked
