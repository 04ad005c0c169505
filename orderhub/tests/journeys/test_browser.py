"""The admin in a real browser: by mouse and by keyboard, at a desk and on a phone, in both themes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import TimeoutError

from orderhub import crypto, modules
from orderhub.actors import CLOCK
from orderhub.models import Heartbeat, Message, Payload, Ticket
from orderhub.testing.dresses import signed_in, violations
from orders.models import Hold, Order
from orders.operations import holds
from orders.tests import aftersale_cast as cast

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PHONE = {"width": 390, "height": 844}


@pytest.fixture
def held(transactional_db: None) -> Order:
    """An order that two holds stop, among others; a message, a payload and a ticket that need a person."""
    modules.forget()
    User.objects.create_superuser("boss")
    order = cast.order("paid", promised_ship_at=timezone.now() - timezone.timedelta(hours=3))
    for state in ("unpaid", "shipped", "signed", "cancelled"):
        cast.order(state)
    cast.closed()
    holds.open_holds([order.pk], "manual", "等买家确认颜色", CLOCK)
    holds.open_holds([order.pk], "duplicate", "与另一单收件人相同", CLOCK)
    Message.objects.create(
        kind="channel.ship", key="k", subject_id=1, order_id=order.pk, state="needs_person", error_kind="business", error="B150",
        connection=order.shop.connection,
    )  # fmt: skip
    Payload.objects.create(
        connection=order.shop.connection, kind="order", external_id="X1", version="1", source="pull",
        raw_enc=crypto.encrypt(b"{}"), state="set_aside", reason="不认识的状态", order_id=order.pk,
    )  # fmt: skip
    Ticket.objects.create(
        kind="k", cause_key="c", title="超时未揽收", due_at=timezone.now(), order_id=order.pk
    )
    Heartbeat.objects.create(name="worker@here", at=timezone.now())
    return order


@pytest.fixture
def desk(held: Order, live_server: Any, page: Any) -> Iterator[Any]:
    """A signed-in page that fails the test when anything is asked of another machine."""
    outside: list[str] = []

    def look(request: Any) -> None:
        if not request.url.startswith((live_server.url, "data:", "blob:")):
            outside.append(request.url)

    page.on("request", look)
    sign_in(page, live_server.url)
    yield page
    assert not outside, f"asked other machines: {outside}"


def sign_in(page: Any, url: str) -> None:
    signed_in(page, url, User.objects.get(username="boss"))
    page.goto(url + reverse("admin:index"))


def order_page(order: Order) -> str:
    return reverse("admin:orders_order_change", args=[order.pk])


def test_that_a_held_order_is_found_from_the_front_page_and_released_hold_by_hold(desk, held, live_server):
    desk.get_by_role("link", name=re.compile("异常订单")).first.click()
    desk.get_by_role("link", name=re.compile(held.number)).click()
    desk.wait_for_url(f"**{order_page(held)}*")
    assert desk.get_by_text("被拦截：").is_visible()
    for left in (1, 0):
        desk.get_by_placeholder("解除原因").first.fill("已与买家确认")
        desk.get_by_role("button", name="解除").first.click()
        desk.wait_for_load_state()
        held.refresh_from_db()
        assert (held.open_holds, held.state) == (left, "paid")
    assert Hold.objects.filter(order=held, released_by="boss").count() == 2


def test_that_cancelling_takes_a_second_look_and_a_reason(desk, held, live_server):
    desk.goto(live_server.url + order_page(held))
    confirm = desk.get_by_role("button", name="确认：取消订单")
    assert not confirm.is_visible()
    desk.get_by_text("取消订单", exact=True).click()
    confirm.click()
    held.refresh_from_db()
    assert held.state == "paid", "without a reason the browser itself holds the form back"
    desk.get_by_label("原因（将写入时间线）").fill("买家不要了")
    confirm.click()
    desk.wait_for_load_state()
    held.refresh_from_db()
    assert held.state == "cancelled"
    assert desk.get_by_text("买家不要了").first.is_visible()


def test_that_a_form_left_open_while_the_order_is_cancelled_says_so(desk, held, live_server):
    desk.goto(live_server.url + order_page(held))
    desk.get_by_text("更正承诺时间或标签").click()
    desk.locator("input[name=tags]").fill("加急")
    Order.objects.filter(pk=held.pk).update(state="cancelled")
    desk.locator("#order_form button").click()
    desk.wait_for_load_state()
    assert desk.get_by_text("已被他人更改").is_visible()
    held.refresh_from_db()
    assert (held.state, held.tags) == ("cancelled", [])


def test_that_the_search_answers_the_keyboard(desk, held, live_server):
    field = desk.locator("#search-input-command")
    for _again in range(20):  # the page's scripts may still be starting
        desk.keyboard.press("Control+k")
        try:
            field.wait_for(state="visible", timeout=500)
            break
        except TimeoutError:
            continue
    field.press_sequentially(held.number, delay=5)
    desk.locator("#command-results-list a").first.wait_for()
    desk.keyboard.press("ArrowDown")
    desk.keyboard.press("Enter")
    desk.wait_for_url(f"**{order_page(held)}")


def test_that_the_language_and_the_theme_are_changed_from_the_corner(desk, live_server):
    desk.get_by_text("boss").last.click()
    desk.get_by_text("深色").click()
    assert "dark" in desk.locator("html").get_attribute("class")
    desk.get_by_role("button", name="English").click()
    desk.wait_for_load_state()
    assert desk.get_by_text("Past promised time").is_visible()


SCREENS = {
    "front page": "/admin/",
    "orders": "/admin/orders/order/",
    "sync health": "/admin/sync/",
    "outbox": "/admin/orderhub/message/",
    "tickets": "/admin/orderhub/ticket/",
    "stock": "/admin/inventory/stock/",
    "modules": "/admin/modules/",
}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_that_screens_fit_a_phone_without_scrolling_sideways(desk, held, live_server, theme):
    desk.evaluate("theme => localStorage.setItem('adminTheme', JSON.stringify(theme))", theme)
    desk.set_viewport_size(PHONE)
    for name, address in {**SCREENS, "order": order_page(held)}.items():
        desk.goto(live_server.url + address)
        assert desk.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], name


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_that_our_screens_hold_to_wcag_22_aa(desk, held, live_server, theme):
    """axe over what is ours; the theme's own sidebar and header are its authors'."""
    desk.evaluate("theme => localStorage.setItem('adminTheme', JSON.stringify(theme))", theme)
    found = []
    for name, address in {**SCREENS, "order": order_page(held)}.items():
        desk.goto(live_server.url + address)
        desk.wait_for_load_state("networkidle")
        for violation in violations(desk, "#content"):
            places = [node["target"] for node in violation["nodes"]][:3]
            found.append(f"{name}: {violation['id']} {places}")
    assert not found, "\n".join(found)
