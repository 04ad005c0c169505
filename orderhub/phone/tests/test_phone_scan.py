"""Scanning on the phone page: a scanner that types, the camera, what is nothing here; and a SKU's stock."""

from __future__ import annotations

from typing import Any

import pytest

from inventory.models import Bin, Sku, Stock
from orderhub.phone.tests.phone_cast import WAYBILL, labelled, make_phone, scanned, sign_in  # noqa: F401  fixtures
from orders.tests.api_cast import make_world  # noqa: F401  a fixture

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
#: A camera that sees one code: headless Chromium has none, and reads none on Linux.
CAMERA = """
    self.stopped = 0;
    self.BarcodeDetector = class { async detect() { return [{rawValue: '%s'}]; } };
    navigator.mediaDevices.getUserMedia = async () => {
        const stream = document.createElement('canvas').captureStream(5);
        const track = stream.getTracks()[0], stop = track.stop.bind(track);
        track.stop = () => { self.stopped += 1; stop(); };
        return stream;
    };
    HTMLMediaElement.prototype.play = async () => {};
"""


def test_that_a_scanner_that_types_opens_the_order_from_any_screen(phone: Any, world: dict[str, Any]) -> None:
    order = world["own"]
    labelled(order)
    scanned(phone, WAYBILL)  # on the home screen, no field has the cursor
    phone.locator("h1", has_text=order.number).wait_for()
    assert WAYBILL in phone.inner_text("#screen")
    phone.tap("#tabs a[href='#/search']")
    phone.fill("#q", "half a word")
    phone.focus("#q")
    scanned(phone, world["foreign"].channel_number)  # an 18-digit number, into a field
    phone.locator("h1", has_text=world["foreign"].number).wait_for()
    phone.go_back()
    phone.locator("#q").wait_for()
    assert WAYBILL not in phone.input_value("#q")


def test_that_a_scanner_that_is_held_up_loses_no_digit(phone: Any, world: dict[str, Any]) -> None:
    number = world["own"].channel_number
    phone.keyboard.type(number[:1])
    phone.wait_for_timeout(200)
    scanned(phone, number[1:])
    phone.locator("h1", has_text=world["own"].number).wait_for()


def test_that_a_person_who_types_is_no_scanner(phone: Any, world: dict[str, Any]) -> None:
    labelled(world["own"])
    phone.keyboard.type(WAYBILL, delay=90)
    phone.keyboard.press("Enter")
    phone.wait_for_timeout(300)
    assert phone.locator("#out").count() == 1


def test_that_goods_open_their_stock_and_what_is_nothing_is_said(phone: Any, world: dict[str, Any]) -> None:
    sku = Sku.objects.get(code="CUP-1")
    place = Bin.objects.create(warehouse=world["own"].warehouse, code="A-07-3")
    Stock.objects.create(sku=sku, bin=place, on_hand=9, reserved=2)
    scanned(phone, "cup-1")
    phone.locator("h1", has_text=sku.name).wait_for()
    text = phone.inner_text("#screen")
    assert "A-07-3" in text and "FAR-1" in text and "可用 7" in text
    scanned(phone, "NOTHING-HERE")
    phone.locator("#toast.bad", has_text="NOTHING-HERE").wait_for()
    assert phone.locator("h1", has_text=sku.name).count() == 1


def test_that_the_camera_opens_what_it_reads_and_is_closed(phone: Any, world: dict[str, Any]) -> None:
    labelled(world["own"])
    phone.add_init_script(CAMERA % WAYBILL)
    phone.reload()
    phone.tap("#tabs a[href='#/scan']")
    phone.tap("#camera .main")
    phone.locator("h1", has_text=world["own"].number).wait_for()
    assert phone.evaluate("self.stopped") == 1


def test_that_a_browser_that_reads_no_codes_says_so_and_takes_a_typed_one(
    phone: Any, world: dict[str, Any]
) -> None:
    phone.add_init_script("delete self.BarcodeDetector")
    phone.reload()
    phone.tap("#tabs a[href='#/scan']")
    phone.locator(".notice.info", has_text="扫描枪").wait_for()
    phone.fill("#code", world["own"].number)
    phone.press("#code", "Enter")
    phone.locator("h1", has_text=world["own"].number).wait_for()
