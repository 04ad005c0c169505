"""The board in the browser: looked at in every dress; it renews itself, politely."""

from __future__ import annotations

import os
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from inventory.models import Warehouse
from orderhub import modules
from orderhub.actors import CLOCK
from orderhub.testing.dresses import scrolls_sideways, settled, signed_in, violations, worn
from orders.admin import order_board
from orders.models import Order
from orders.operations import holds
from orders.tests import aftersale_cast as cast
from orders.tests.test_standing import World

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def house(transactional_db: None, live_server: Any, page: Any) -> Any:
    """A page signed in over a house with orders in every place."""
    modules.forget()
    signed_in(page, live_server.url, User.objects.create_superuser("boss"))
    world = World(5)
    Warehouse.objects.filter(code="SH01").update(name="上海嘉定仓")
    cast.shop("dy", "douyin")
    world.shops.append(cast.shop("dy", "douyin"))
    for _step in range(80):
        world.make()
        if world.dice.random() < 0.3:
            world.hold()
        if world.dice.random() < 0.3:
            world.send()
    return page


def test_that_the_board_is_clean_in_every_dress(house: Any, live_server: Any) -> None:
    page = house
    faults = []
    for name in ("board", "index"):
        for dress in worn(page, live_server.url, reverse(f"admin:{name}")):
            faults += looked_at(page, f"{name}-{dress}")
    for width in (1920, 390):
        page.set_viewport_size({"width": width, "height": 1080})
        page.goto(live_server.url + reverse("admin:board") + "?wall=1")
        faults += looked_at(page, f"wall-{width}")
    assert not faults


def looked_at(page: Any, name: str) -> list[Any]:
    """What axe and a ruler say of the page as it is; its picture is kept under PICTURES."""
    settled(page)
    if os.environ.get("PICTURES"):
        page.screenshot(path=f"{os.environ['PICTURES']}/{name}.png", full_page=True)
    found = [
        (name, fault["id"], fault["nodes"][0]["html"][:200], fault["nodes"][0]["failureSummary"][-300:])
        for fault in violations(page)
    ]
    if scrolls_sideways(page):
        found.append((name, "scrolls sideways", "", ""))
    return found


def test_that_it_renews_itself_unless_nobody_looks_or_it_is_paused(
    house: Any, live_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = house
    monkeypatch.setattr(order_board, "EVERY", 1)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/board/part/" in request.url else None)
    page.goto(live_server.url + reverse("admin:board"))
    mark = page.locator(".ob-queue").filter(has_text="暂缓发货")
    before = int(mark.locator(".ob-n").first.inner_text()) if mark.locator(".ob-n").count() else 0
    free = Order.objects.filter(open_holds=0, state="paid", refund_state="none").values_list("pk", flat=True)
    more = len(holds.open_holds(list(free[:3]), "manual", "why", CLOCK))
    assert more
    mark.locator(f".ob-n >> text=/^{before + more}$/").wait_for()
    page.evaluate(
        "Object.defineProperty(document, 'hidden', {get: () => window.away, configurable: true}); window.away = true"
    )
    # one that was on its way may still come; then none does, though its time is over several times
    page.wait_for_function("() => !document.querySelector('.htmx-request')")
    page.wait_for_timeout(1200)
    counted = len(asked)
    page.wait_for_timeout(3000)
    assert len(asked) == counted
    with page.expect_request("**/board/part/**"):
        page.evaluate("window.away = false; document.dispatchEvent(new Event('visibilitychange'))")
    page.click("#ob-pause")
    assert page.get_attribute("#ob-pause", "aria-pressed") == "true"
    User.objects.all().delete()  # signed out: the login page is not put into the board
    page.click("#ob-pause")
    page.wait_for_function("() => document.getElementById('ob-said').textContent.length > 0")
    assert page.locator("[data-board]").count() == 1
