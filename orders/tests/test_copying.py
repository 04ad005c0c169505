"""Numbers and receivers are copied by one click: what is on the page, and what a person without the right never gets."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from logistics.models import Parcel
from orderhub import modules
from orderhub.actors import CLOCK
from orderhub.roles import sync_roles
from orderhub.testing.dresses import signed_in, speaks, violations
from orders.models import Event, Hold, Order
from orders.operations import holds
from orders.tests import aftersale_cast as cast
from orders.tests.api_cast import CANARY, make_world, person  # noqa: F401  a fixture

LIST = "/admin/orders/order/"


@pytest.fixture(autouse=True)
def _roles(db: None) -> None:
    sync_roles()
    modules.forget()


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.django_db
def test_that_every_row_has_its_numbers_to_copy_in_both_languages_and_no_statement_more() -> None:
    client = client_of(person("customer_service"))
    first = cast.order("paid")

    def asked(language: str) -> tuple[str, int]:
        client.cookies["django_language"] = language
        client.get(LIST)
        with CaptureQueriesContext(connection) as caught:
            body = client.get(LIST).content.decode()
        return body, len(caught.captured_queries)

    body, few = asked("zh-hans")
    for what in (f"复制订单号 {first.number}", f"复制渠道单号 {first.channel_number}"):
        assert f'aria-label="{what}"' in body
    assert f'data-copy="{first.number}"' in body and f'data-number="{first.number}"' in body
    assert f'aria-label="Copy: order number {first.number}"' in asked("en")[0]
    for _n in range(7):
        cast.order("paid")
    assert asked("zh-hans")[1] == few


def copied(body: str) -> list[str]:
    """What the buttons of a page copy."""
    return [part.split('"')[0] for part in body.split('data-copy="')[1:]]


@pytest.mark.django_db
def test_that_a_masked_receiver_is_copied_masked_and_a_plain_one_only_after_the_logged_look(
    world: dict[str, Any],
) -> None:
    order = world["own"]
    page, reveal = (
        reverse(f"admin:{name}", args=[order.pk]) for name in ("orders_order_change", "order_reveal")
    )
    for client in (client_of(person("customer_service")), client_of(User.objects.create_superuser("boss"))):
        body = client.get(page).content.decode()
        assert order.number in copied(body) and order.channel_number in copied(body)
        (shown,) = [text for text in copied(body) if text.startswith("金**")]
        assert "139****4321" in shown
        for secret in (CANARY["phone"], CANARY["address"], CANARY["name"]):
            assert secret not in body
    assert not Event.objects.filter(order=order, code="revealed").exists()
    plain = client.post(reveal, {"reason": "核对"})
    assert Event.objects.filter(order=order, code="revealed").count() == 1
    assert {CANARY["phone"], CANARY["address"], CANARY["name"]} <= set(copied(plain.content.decode()))
    assert CANARY["phone"] not in client.get(page).content.decode()


@pytest.mark.browser
@pytest.mark.slow
def test_that_one_click_copies_with_or_without_a_clipboard_and_the_bar_copies_the_picked(
    transactional_db: None, live_server: Any, page: Any
) -> None:
    signed_in(page, live_server.url, User.objects.create_superuser("boss"))
    speaks(page, live_server.url, "zh-hans")
    orders = [cast.order("shipped") for _n in range(3)]
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(live_server.url + LIST)
    first = page.locator(f'[data-copy="{orders[1].number}"]')
    box = first.bounding_box()
    assert box["width"] >= 24 and box["height"] >= 24
    first.focus()
    page.keyboard.press("Enter")
    status = page.locator("#oh-copied")
    page.get_by_text(f"已复制：{orders[1].number}").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == orders[1].number
    assert status.get_attribute("role") == "status" and first.evaluate("e => e === document.activeElement")
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.evaluate(
        "document.addEventListener('copy', () => { window.heard = String(document.activeElement.value) })"
    )
    page.locator(f'[data-copy="{orders[2].channel_number}"]').click()
    page.get_by_text(f"已复制：{orders[2].channel_number}").wait_for()
    assert page.evaluate("window.heard") == orders[2].channel_number
    bar = page.locator(".oh-picked-bar")
    assert not bar.is_visible()
    for order in orders[:2]:
        page.locator(f'.oh-pick[value="{order.pk}"]').check()
    assert "已选 2 行" in bar.inner_text()
    bar.get_by_text("复制订单号").click()
    page.get_by_text("已复制 2 行").wait_for()
    assert sorted(page.evaluate("window.heard").split("\n")) == sorted(one.number for one in orders[:2])
    assert not [(one["id"], [node["html"] for node in one["nodes"]]) for one in violations(page)]
    page.set_viewport_size({"width": 390, "height": 844})
    box = first.bounding_box()
    assert box["width"] >= 44 and box["height"] >= 44
    page.evaluate("document.execCommand = () => false")
    first.click()
    page.get_by_text("请自己选中").wait_for()
    assert not [(one["id"], [node["html"] for node in one["nodes"]]) for one in violations(page)]


BROKEN = """() => {
    const box = e => e.getBoundingClientRect(), all = s => [...document.querySelectorAll("#result_list " + s)]
    const cut = all(".field-status .oh-pill").filter(e => box(e).right > box(e.closest(".field-status")).right + 1)
    const below = e => box(e.querySelector(".oh-copy")).top > box(e.querySelector(".oh-known")).bottom - 4
    const under = all(".field-order").filter(below)
    return [...cut, ...under].map(e => e.outerHTML.slice(0, 120))
}"""


@pytest.mark.browser
@pytest.mark.slow
def test_that_a_phone_shows_what_is_wrong_first_and_an_order_of_the_list_in_four_lines(
    transactional_db: None, live_server: Any, page: Any
) -> None:
    signed_in(page, live_server.url, User.objects.create_superuser("boss"))
    held, well = cast.order("paid"), cast.order("shipped")
    soon = timezone.now() - dt.timedelta(hours=3)
    Order.objects.filter(pk=held.pk).update(
        tags=["急", "礼品", "会员"], priority=9, alarm="red", promised_ship_at=soon
    )
    holds.open_holds([held.pk], "manual", "买家要改颜色", CLOCK)
    Parcel.objects.create(
        number=f"P{well.pk}", order=well, warehouse=cast.warehouse(), worked_by="own", carrier="ZTO", service="zto",
        waybill_no="75000358173274",
    )  # fmt: skip
    Order.objects.filter(pk=well.pk).update(state="released")  # in English the longest word of all states
    page.set_viewport_size({"width": 390, "height": 844})
    page.context.add_cookies([{"name": "django_language", "value": "en", "url": live_server.url}])
    page.goto(live_server.url + LIST)
    broken = page.evaluate(BROKEN)
    assert not broken, f"words cut off, or a button to copy that lies under its number: {broken}"
    page.context.add_cookies([{"name": "django_language", "value": "zh-hans", "url": live_server.url}])
    page.goto(live_server.url + LIST)
    rows = page.locator("#result_list .data-row")
    assert rows.count() == 2
    for n in range(2):
        assert rows.nth(n).bounding_box()["height"] <= 170
    row = rows.filter(has_text=held.number)
    for part in (held.number, "买家要改颜色", "¥"):
        assert part in row.inner_text()
    assert row.locator(".oh-why").is_visible() and row.locator(".field-promised .oh-late").is_visible()

    def tops(order: Order) -> tuple[float, float]:
        page.goto(live_server.url + reverse("admin:orders_order_change", args=[order.pk]))
        return page.locator(".oh-step").bounding_box()["y"], page.locator(".oh-hero").bounding_box()["y"]

    step, hero = tops(held)
    assert step < hero and step < 200
    assert page.locator(".oh-bar").bounding_box()["height"] < 70
    page.locator("#step-note").fill("买家说不改了")
    page.locator(".oh-step .oh-button-main").click()
    page.wait_for_load_state()
    assert Hold.objects.get(order=held).released_at is not None
    step, hero = tops(well)
    assert hero < step, "what goes on by itself does not stand in the way"
