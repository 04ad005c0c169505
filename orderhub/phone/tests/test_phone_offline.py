"""The phone page without a network: it opens, what was decided is sent once when there is one again, and signing out forgets."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from orderhub.api.models import Device
from orderhub.phone.tests.phone_cast import make_phone, open_order, sign_in  # noqa: F401  fixtures
from orderhub.tickets.models import Ticket
from orders.models import Event, Hold
from orders.operations import holds
from orders.tests.api_cast import cast_actor, make_world  # noqa: F401  a fixture

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
SIZE = """async src => {
    const one = new Image();
    one.src = src;
    await one.decode();
    return [one.naturalWidth, one.naturalHeight];
}"""
KEPT = "navigator.serviceWorker.ready.then(() => caches.keys()).then(names => names.length > 0)"


def kept(page: Any) -> None:
    """Wait until the worker has the page."""
    page.wait_for_function(KEPT)
    page.reload()  # from now on it answers
    page.locator("#out").wait_for()


def release_offline(page: Any, order: Any) -> None:
    """Read an order, lose the network, open it again from a cold start, and release its hold."""
    open_order(page, order)
    page.locator(".hold").wait_for()
    page.context.set_offline(True)
    page.goto(page.url.split("#")[0] + "#/")
    page.reload()
    page.locator("#out").wait_for()
    page.locator(".row-card", has_text=order.number).tap()
    page.locator(".notice.warn", has_text="离线").first.wait_for()
    page.locator(".hold .small").first.tap()
    page.locator(".hold .main").tap()
    page.locator(".hold .notice.warn", has_text="只发一次").wait_for()
    assert page.locator(".hold .main").count() == 0


def test_that_the_page_opens_and_a_decision_is_sent_once_when_the_network_is_back(
    phone: Any, world: dict[str, Any]
) -> None:
    order = world["own"]
    kept(phone)
    release_offline(phone, order)
    phone.reload()  # a phone that was switched off in between
    phone.tap("#tabs a[href='#/']")
    phone.locator("#unsent .card", has_text=order.number).wait_for()
    assert "待发送 1" in phone.inner_text("#net") and "离线" in phone.inner_text("#net")
    assert Hold.objects.get(order=order).released_at is None
    sent: list[str] = []
    phone.on("request", lambda asked: sent.append(asked.url) if asked.url.endswith("/release") else None)
    phone.context.set_offline(False)
    phone.locator("#toast.good", has_text="已发送 1 个决定").wait_for()
    phone.wait_for_timeout(2500)  # longer than the next try
    assert len(sent) == 1 and Hold.objects.get(order=order).released_at is not None
    assert Event.objects.filter(order_id=order.pk, code="hold_released").count() == 1
    assert phone.locator("#unsent").count() == 0 and not phone.locator("#net").is_visible()
    assert phone.evaluate("localStorage.getItem('m.later')") is None


def test_that_what_moved_meanwhile_is_refused_in_words(phone: Any, world: dict[str, Any]) -> None:
    order = world["own"]
    kept(phone)
    release_offline(phone, order)
    holds.release(Hold.objects.get(order=order).pk, cast_actor(), "by another")
    phone.tap("#tabs a[href='#/']")
    phone.locator("#unsent").wait_for()
    phone.context.set_offline(False)
    phone.locator("#toast.bad", has_text="被拒绝").wait_for()
    said = phone.locator("#unsent .notice.bad")
    said.wait_for()
    assert said.inner_text().strip() and Hold.objects.get(order=order).release_note == "by another"
    phone.locator("#unsent button", has_text="知道了").tap()
    phone.locator("#unsent").wait_for(state="detached")


def test_that_signing_out_warns_of_what_waits_and_forgets_everything(
    phone: Any, world: dict[str, Any]
) -> None:
    kept(phone)
    release_offline(phone, world["own"])
    phone.tap("#tabs a[href='#/']")
    phone.tap("#out")
    phone.locator("#leaving .main").tap()  # stay
    phone.tap("#out")
    phone.tap("#out-now")
    phone.locator("#toast.warn", has_text="已退出").wait_for()
    phone.locator("#name").wait_for()
    stored = phone.evaluate("caches.keys().then(names => JSON.stringify([{...localStorage}, names]))")
    storage, caches = json.loads(stored)
    assert "m.later" not in storage and "m.who" not in storage and "m-kept" not in caches
    assert Device.objects.get().revoked_at is None  # the server does not know yet
    assert Hold.objects.get(order=world["own"]).released_at is None


def test_that_a_ticket_taken_without_a_network_is_taken_once(phone: Any, world: dict[str, Any]) -> None:
    ticket = world["tickets"][world["own"].pk]
    phone.tap("#tabs a[href='#/tickets']")
    phone.tap("a[href='#/tickets/nobody']")
    mine = phone.locator(".ticket", has_text=world["own"].number)
    mine.wait_for()
    phone.context.set_offline(True)
    mine.locator(".take").tap()
    mine.locator(".notice.warn").wait_for()
    assert mine.locator(".take").count() == 0
    phone.context.set_offline(False)
    phone.locator("#toast.good").wait_for()
    assert Ticket.objects.get(pk=ticket.pk).owner is not None


def test_that_a_phone_can_install_the_page(phone: Any, live_server: Any) -> None:
    """By Chromium's own rules: the manifest as it reads it, its icons as pictures of the size they say, a worker in reach."""
    kept(phone)
    asked = phone.context.new_cdp_session(phone)
    read = asked.send("Page.getAppManifest")
    assert read["errors"] == [], read["errors"]
    told = json.loads(read["data"])
    assert (
        told["start_url"].startswith(told["scope"])
        and told["display"] == "standalone"
        and told["lang"] == "zh-hans"
    )
    hindered = {one["errorId"] for one in asked.send("Page.getInstallabilityErrors")["installabilityErrors"]}
    assert hindered <= {"in-incognito"}, hindered  # a test's browser window is always a private one
    for icon in told["icons"]:
        size = phone.evaluate(
            SIZE,
            icon["src"],
        )
        assert icon["sizes"] == "any" or icon["sizes"] == f"{size[0]}x{size[1]}", icon
    assert {icon["sizes"] for icon in told["icons"]} >= {"192x192", "512x512"}
    assert (
        phone.evaluate("navigator.serviceWorker.ready.then(one => new URL(one.scope).pathname)")
        == told["scope"]
    )
    assert Client().get(told["start_url"]).status_code == 200
