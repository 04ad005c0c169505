"""The phone page in Chromium at 390 px: sign in, find by the phone's tail, release a hold, and what is refused in words."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from orderhub.phone.tests.phone_cast import (  # noqa: F401  fixtures
    PASSWORD,
    PHONE,
    WAYBILL,
    find,
    labelled,
    make_phone,
    open_order,
    scanned,
    sign_in,
)
from orders.models import Event, Hold
from orders.operations import holds
from orders.tests.api_cast import cast_actor, make_world  # noqa: F401  a fixture

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_the_whole_way_of_a_clerk(browser: Any, live_server: Any, world: dict[str, Any]) -> None:
    """Issue 7's flow at 390 px, on the running server: sign in, search by phone tail, open, release, scan a waybill."""
    order, other = world["own"], world["foreign"]
    labelled(other)
    User.objects.create_superuser("boss", password=PASSWORD)
    context = browser.new_context(viewport=PHONE, has_touch=True, is_mobile=True, locale="zh-CN")
    phone = context.new_page()
    faults: list[str] = []
    phone.on("pageerror", lambda error: faults.append(str(error)))
    phone.goto(f"{live_server.url}/m/")
    sign_in(phone)
    find(phone, "4321")
    phone.locator(".row-card", has_text=order.number).tap()
    phone.locator(".hold").wait_for()
    assert "139****4321" in phone.inner_text("#screen") and "13987654321" not in phone.content()
    assert "4321" not in phone.url
    phone.locator(".hold .small").first.tap()
    phone.locator(".hold .main").tap()
    phone.locator(".notice.good").wait_for()
    hold = Hold.objects.get(order=order)
    assert hold.released_at is not None and hold.release_note == "已与买家确认"
    assert phone.locator(".hold").count() == 0
    scanned(phone, WAYBILL)
    phone.locator("h1", has_text=other.number).wait_for()
    assert WAYBILL in phone.inner_text("#screen")
    context.close()
    assert not faults


def test_that_a_wrong_password_is_said(phone: Any) -> None:
    phone.tap("#out")
    phone.locator("#name").wait_for()
    phone.fill("#name", "boss")
    phone.fill("#password", "wrong")
    phone.tap("button.main")
    phone.locator(".notice.bad", has_text="用户名或密码不正确").wait_for()


def test_that_a_hold_that_somebody_else_released_is_told_with_what_is_allowed_now(
    phone: Any, world: dict[str, Any]
) -> None:
    order = world["own"]
    open_order(phone, order)
    phone.locator(".hold .small").first.tap()
    holds.release(Hold.objects.get(order=order).pk, cast_actor(), "by another")
    phone.locator(".hold .main").tap()
    said = phone.locator(".notice.bad")
    said.wait_for()
    assert "现在可以" in said.inner_text() and "取消订单" in said.inner_text()
    assert phone.locator(".hold").count() == 0  # read again


def test_that_an_answer_that_got_lost_is_asked_for_again_and_done_once(
    phone: Any, world: dict[str, Any]
) -> None:
    order = world["own"]
    open_order(phone, order)
    phone.locator(".hold .small").first.tap()
    keys: list[str] = []

    def lose(route: Any) -> None:
        keys.append(route.request.headers["idempotency-key"])
        route.fetch()
        route.abort()

    phone.route("**/release", lose, times=1)
    with phone.expect_request(lambda asked: asked.url.endswith("/release") and len(keys) == 1) as second:
        phone.locator(".hold .main").tap()
        phone.locator(".hold .notice.warn", has_text="只发一次").wait_for()
    assert second.value.headers["idempotency-key"] == keys[0]
    phone.locator("#toast.good").wait_for()
    assert Hold.objects.filter(order=order).count() == 1
    assert Event.objects.filter(order_id=order.pk, code="hold_released").count() == 1


def test_that_a_reload_stays_signed_in_without_a_token_in_any_storage(phone: Any) -> None:
    phone.reload()
    phone.locator("#out").wait_for()
    stored = phone.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
    assert "oha_" not in stored and "ohr_" not in stored
