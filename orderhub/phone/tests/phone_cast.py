"""A telephone: the page at 390 px with somebody signed in, and the steps that its tests share."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from logistics.models import Parcel
from orders.models import Order

PASSWORD = "right-horse-battery"
WAYBILL = "ZT778899001122"
PHONE = {"width": 390, "height": 844}


@pytest.fixture(name="phone")
def make_phone(browser: Any, live_server: Any, world: dict[str, Any]) -> Any:
    """A signed-in page at 390 px; an error of its scripts or a breach of its policy fails the test."""
    User.objects.create_superuser("boss", password=PASSWORD)
    context = browser.new_context(
        viewport=PHONE, has_touch=True, is_mobile=True, locale="zh-CN", timezone_id="Asia/Shanghai"
    )
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on(
        "console", lambda said: faults.append(said.text) if "Content Security Policy" in said.text else None
    )
    page.goto(f"{live_server.url}/m/")
    sign_in(page)
    yield page
    context.close()
    assert not faults, faults


def sign_in(page: Any, tap: bool = True) -> None:
    page.fill("#name", "boss")
    page.fill("#password", PASSWORD)
    page.locator("button.main").tap() if tap else page.locator("button.main").click()
    page.locator("#out").wait_for()


def find(page: Any, text: str) -> None:
    page.tap("#tabs a[href='#/search']")
    page.fill("#q", text)
    page.press("#q", "Enter")


def open_order(page: Any, order: Order) -> None:
    find(page, order.number)
    page.locator("h1", has_text=order.number).wait_for()


def labelled(order: Any) -> Parcel:
    return Parcel.objects.create(
        number="P1", order=order, warehouse=order.warehouse, worked_by="own", carrier="zto", service="zto",
        waybill_no=WAYBILL,
    )  # fmt: skip


def scanned(page: Any, code: str) -> None:
    page.keyboard.type(code, delay=4)
    page.keyboard.press("Enter")
