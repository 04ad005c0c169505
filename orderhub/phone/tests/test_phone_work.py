"""What waits for a person, on the phone page: numbers that open their lists, addresses by thumb, tickets taken and closed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User

from orderhub.phone.tests.phone_cast import PHONE, make_phone, sign_in  # noqa: F401  fixtures
from orderhub.tickets.models import Ticket
from orders.models import Order
from orders.tests.api_cast import bearer, call, make_world, person  # noqa: F401  fixtures
from routing import fences, known
from routing.models import AddressPick, AddressReview
from routing.providers import local
from routing.tests import review_cast
from routing.tests.cast import House

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
SHANGHAI = ("上海市", "上海市", "浦东新区", "")
MANY = [(SHANGHAI, f"张江路{200 + 2 * n}号启明科创园X栋") for n in range(4)]


@pytest.fixture
def house(transactional_db: None) -> Iterator[House]:
    for each in (local, fences, known):
        each.forget()
    User.objects.create_superuser("boss", password="right-horse-battery")
    yield review_cast.zhangjiang()
    local.forget()


@pytest.fixture
def thumb(browser: Any, live_server: Any, house: House) -> Any:
    review_cast.waiting(house, 4, MANY)
    context = browser.new_context(viewport=PHONE, has_touch=True, is_mobile=True, locale="zh-CN")
    page = context.new_page()
    page.goto(f"{live_server.url}/m/")
    sign_in(page)
    page.tap("#tabs a[href='#/review']")
    page.locator(".pick").first.wait_for()
    yield page
    context.close()


def test_that_addresses_are_decided_skipped_and_taken_back_by_thumb(thumb: Any) -> None:
    number = thumb.locator("p.line a.num")
    first = number.inner_text()
    thumb.locator(".pick").first.tap()
    thumb.locator(".notice.good").wait_for()
    second = number.inner_text()
    assert second != first and AddressReview.objects.filter(state="picked").count() == 1
    assert AddressPick.objects.get().way == "touch"
    thumb.locator(".thumb .button", has_text="撤回").tap()
    thumb.locator(".notice.info").wait_for()
    assert number.inner_text() == first and not AddressReview.objects.filter(state="picked").exists()
    thumb.locator(".thumb .button", has_text="跳过").tap()
    thumb.wait_for_function("was => document.querySelector('p.line a.num').textContent !== was", arg=first)
    assert AddressReview.objects.filter(skips=1).count() == 1
    left = number.inner_text()
    thumb.locator(".thumb .button", has_text="按原文").tap()
    thumb.wait_for_function("was => document.querySelector('p.line a.num')?.textContent !== was", arg=left)
    assert AddressReview.objects.get(order_id=Order.objects.get(number=left).pk).state != "waiting"


def test_that_an_address_that_another_decided_is_told_and_the_next_one_comes(thumb: Any) -> None:
    number = thumb.locator("p.line a.num").inner_text()
    AddressReview.objects.filter(order_id=Order.objects.get(number=number).pk).update(
        state="picked", version=9
    )
    thumb.locator(".pick").first.tap()
    thumb.locator(".notice.bad").wait_for()
    assert thumb.locator("p.line a.num").inner_text() != number


def test_that_each_number_opens_exactly_its_list(phone: Any, world: dict[str, Any]) -> None:
    phone.reload()
    tile = phone.locator("a[href='#/orders/queue/risk']")
    tile.wait_for()
    n = int(tile.locator("b").inner_text())
    assert n == 2
    tile.tap()
    phone.locator(".stage[data-screen=orders] .row-card").first.wait_for()
    assert phone.locator(".row-card").count() == n


def test_that_counts_and_lists_are_narrowed_alike(world: dict[str, Any]) -> None:
    for reach in ({"shops": ("own",)}, {"warehouses": ("HZ01",)}):
        heads = bearer(person("customer_service", **reach))
        counts = call("GET", "counts", heads).json()
        listed = call("GET", "orders?queue=risk", heads).json()["items"]
        assert [one["n"] for one in counts["queues"] if one["code"] == "risk"] == [1] == [len(listed)]
        assert listed[0]["number"] == world["own"].number
        assert counts["tickets"] is None or counts["tickets"]["nobody"] == 1
    assert call("GET", "orders?queue=odd", heads).status_code == 422
    assert call("GET", "orders?colour=blue", heads).status_code == 422


def test_that_a_ticket_is_taken_and_closed_with_a_note(phone: Any, world: dict[str, Any]) -> None:
    ticket = world["tickets"][world["own"].pk]
    phone.tap("#tabs a[href='#/tickets']")
    phone.tap("a[href='#/tickets/nobody']")
    mine = phone.locator(".ticket", has_text=world["own"].number)
    mine.locator(".take").tap()
    phone.locator(".notice.good").wait_for()
    assert Ticket.objects.get(pk=ticket.pk).owner.username == "boss"
    phone.tap("a[href='#/tickets/mine']")
    mine.locator("summary").tap()
    Ticket.objects.filter(pk=ticket.pk).update(
        title=f"{ticket.title}, again"
    )  # it moves under the reader's eyes
    mine.locator("textarea").fill("买家已收到")
    mine.locator(".main").tap()
    said = phone.locator(".notice.bad")
    said.wait_for()
    assert "现在可以：认领、备注、结单" in said.inner_text()
    mine.locator("summary").tap()
    mine.locator("textarea").fill("买家已收到")
    mine.locator(".main").tap()
    phone.locator(".notice.good", has_text="工单已").first.wait_for()
    row = Ticket.objects.get(pk=ticket.pk)
    assert row.state == "done" and row.resolution == "买家已收到"
