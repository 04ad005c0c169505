"""The map service fails while a reviewer works: the queue goes on, nothing is called "no match", nothing is lost."""

from __future__ import annotations

import datetime as dt
import os
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone

from orderhub.integrations import turns
from orderhub.models import Breaker, Budget
from orderhub.sandbox.tests.served import Served, served
from orderhub.testing.connections import connection
from orders.models import Event, Order
from routing.models import AddressCache, AddressPick, AddressPolicy, AddressReview, KnownPlace
from routing.operations import resolve
from routing.tests import review_cast as cast
from routing.tests.test_review_browser import SHANGHAI, house, open_desk, settled, shown, sign_in

__all__ = ["house"]
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
FAULTS = ("500_before", "html", "half_json", "quota", "slow")


@pytest.fixture
def amap(house: Any) -> Iterator[Served]:
    with served("amap", orders=20) as made:
        turns.forget()
        AddressPolicy.objects.update_or_create(
            pk=1, defaults={"threshold": 1.01, "sample": 0, "cache_days": 0}
        )
        yield made
    turns.forget()


def asked_again() -> None:
    """The clock goes on: what was put off is due, a breaker lets its probe through, and a spent quota is a new one.

    What a worker learned of the quota is shared once a second: forgetting it here alone brings it back from the table.
    """
    AddressReview.objects.filter(state="waiting").update(next_try_at=timezone.now(), lease_until=None)
    Breaker.objects.all().delete()
    Budget.objects.all().delete()
    turns.forget()
    resolve.run()


def come(house: Any, n: int, first: int, hours: float = 30) -> list[Order]:
    orders = [
        cast.order(house, SHANGHAI, f"张江路{first + 2 * k}号启明科创园X栋", hours=hours + k)
        for k in range(n)
    ]
    cast.look_up()
    return orders


def items(orders: list[Order]) -> list[AddressReview]:
    found = {item.order_id: item for item in AddressReview.objects.filter(kind="hold")}
    return [found[order.pk] for order in orders]


@pytest.mark.parametrize("fault", FAULTS)
def test_that_the_queue_goes_on_by_keys_while_the_map_service_fails(
    amap: Served, house: Any, live_server: Any, page: Any, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from orderhub.integrations.clients import amap as client_of

    monkeypatch.setattr(client_of, "READ_SECONDS", 0.5, raising=False)
    connection("amap", amap.url)
    before = come(house, 2, 200)
    assert {item.verdict for item in items(before)} <= {"confirm", "number", "fix"}
    sign_in(page, live_server.url)
    open_desk(page, live_server.url)
    begun = time.monotonic()
    page.keyboard.press("1")
    settled(page)
    amap.control("faults", platform="amap", method="*", kind=fault, times=0, seconds=30.0)
    during = come(house, 3, 300)
    lost = cast.order(house, SHANGHAI, "没人听说过的弄堂里", hours=29)
    cast.look_up()
    (unknown,) = items([lost])
    assert (unknown.verdict, unknown.reason) == ("failed", "provider_failed"), (
        "a failure is never called no match"
    )
    assert all(item.trouble for item in (*items(during), unknown)), "who answered instead is said"
    assert all(item.verdict in ("confirm", "number", "fix") for item in items(during)), (
        "our own places answer"
    )
    page.keyboard.press("1")
    settled(page)
    page.wait_for_function("ReviewDesk.ids().length > 0")
    page.get_by_text("查询失败").first.wait_for()
    assert "没有匹配" not in page.locator("#content").inner_text()
    if os.environ.get("PICTURES"):
        page.screenshot(path=f"{os.environ['PICTURES']}/outage-{fault}.png")
    page.keyboard.press("s")
    page.locator(".rv-card").first.wait_for()
    for _each in during:
        here = shown(page)
        page.keyboard.press("1")
        page.wait_for_function("here => ReviewDesk.state().item !== here", arg=here)
    settled(page)
    took = time.monotonic() - begun
    assert AddressPick.objects.filter(undone_at=None).count() == 5
    page.goto(f"{live_server.url}/admin/")
    amap.control("faults", clear=True)
    asked_again()
    unknown.refresh_from_db()
    assert unknown.verdict != "failed" and not unknown.trouble, "asked again when it was back"
    assert Order.objects.filter(pk=lost.pk, open_holds=1).exists()
    print(f"{fault}: 5 picks by 5 keys and a skip in {took:.1f} s, 3 of them while the map service failed")


def test_that_no_order_waits_longer_than_its_promise_allows(amap: Served, house: Any) -> None:
    connection("amap", amap.url)
    KnownPlace.objects.all().delete()
    amap.control("faults", platform="amap", method="*", kind="500_before", times=0)
    (order,) = come(house, 1, 400)
    (item,) = items([order])
    assert (item.verdict, item.state) == ("failed", "waiting")
    AddressReview.objects.filter(pk=item.pk).update(promised_at=timezone.now() + dt.timedelta(hours=11))
    asked_again()
    cast.route()
    order.refresh_from_db()
    assert (order.state, order.open_holds) == ("routed", 0)
    assert Event.objects.filter(order=order, code="address_let_go").exists()
    assert not AddressCache.objects.exists()
