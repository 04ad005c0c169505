"""The screens of parcels: they open, act only by POST and permission, and say what they refuse."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from logistics.models import Parcel
from logistics.operations import waves, waybill
from orderhub.actors import Actor

CLERK = Actor("person", "li")


@pytest.fixture
def browser(db: None) -> Client:
    made = Client()
    made.force_login(User.objects.create_superuser("boss", "", "long-enough-password"))
    return made


@pytest.mark.parametrize("name", ["parcel", "wave", "delivery", "trace", "policy"])
def test_that_the_lists_open(browser: Client, house: Any, name: str) -> None:
    house.parcel(house.order(), "shipped")
    assert browser.get(reverse(f"admin:logistics_{name}_changelist")).status_code == 200


def test_that_the_list_asks_a_constant_number_of_questions(browser: Client, house: Any) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as captured:
            browser.get(reverse("admin:logistics_parcel_changelist"))
        return len(captured)

    house.parcel(house.order(), "shipped")
    cost()
    one = cost()
    for _ in range(5):
        house.parcel(house.order(), "shipped")
    assert cost() == one


def test_that_the_pages_of_a_parcel_a_wave_and_the_station_open(browser: Client, house: Any) -> None:
    parcel = house.parcel(house.order(warehouse="SH01"), "handed")
    wave = waves.make_waves(CLERK)[0]
    page = browser.get(reverse("admin:logistics_parcel_change", args=[parcel.id])).content.decode()
    assert parcel.number in page and parcel.waybill_no in page
    assert (
        parcel.number in browser.get(reverse("admin:logistics_wave_change", args=[wave.id])).content.decode()
    )
    assert browser.get(reverse("admin:pack_station")).status_code == 200


def test_that_the_station_packs_and_the_label_is_a_pdf(browser: Client, house: Any) -> None:
    parcel = house.parcel(house.order(warehouse="SH01"), "waved")
    waybill.keep_payloads({parcel.id: {"waybill_no": parcel.waybill_no, "mark": "A", "bag": "B"}})
    answer = browser.post(reverse("admin:pack_station"), {"number": parcel.waybill_no, "weight": "700"})
    assert parcel.number in answer.content.decode()
    parcel.refresh_from_db()
    assert parcel.state == "packed"
    label = browser.post(reverse("admin:parcel_label", args=[parcel.id]), {"size": "76x130"})
    assert label["Content-Type"] == "application/pdf"
    parcel.refresh_from_db()
    assert parcel.state == "printed"


def test_that_nobody_without_the_permission_prints_or_voids(house: Any) -> None:
    parcel = house.parcel(house.order(warehouse="SH01"), "waved")
    viewer = User.objects.create_user("viewer", password="long-enough-password", is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_parcel"))
    browser = Client()
    browser.force_login(viewer)
    assert browser.post(reverse("admin:parcel_label", args=[parcel.id])).status_code == 403
    assert browser.post(reverse("admin:parcel_void", args=[parcel.id]), {"reason": "x"}).status_code == 403
    assert browser.get(reverse("admin:pack_station")).status_code == 403
    parcel.refresh_from_db()
    assert (parcel.state, parcel.prints) == ("waved", 0)


def test_that_voiding_needs_a_reason_and_a_post(browser: Client, house: Any) -> None:
    parcel = house.parcel(house.order(warehouse="SH01"), "waved")
    address = reverse("admin:parcel_void", args=[parcel.id])
    assert browser.get(address).status_code == 405
    browser.post(address, {"reason": "  "})
    assert Parcel.objects.get(id=parcel.id).state == "waved"
    browser.post(address, {"reason": "torn carton"})
    assert Parcel.objects.get(id=parcel.id).stop_reason == "torn carton"
    assert Parcel.objects.get(id=parcel.id).state == "voided"


def test_that_the_orders_page_shows_its_parcels(browser: Client, house: Any) -> None:
    order = house.order()
    parcel = house.parcel(order, "shipped")
    page = browser.get(reverse("admin:orders_order_change", args=[order.id]))
    assert parcel.waybill_no in page.content.decode()


def test_that_a_platforms_print_task_is_not_cached(browser: Client, house: Any) -> None:
    parcel = house.parcel(house.order("taobao", "SH01"), "packed")
    waybill.keep_payloads({parcel.id: {"waybill_no": parcel.waybill_no, "print_data": "{}"}})
    answer = browser.post(reverse("admin:parcel_task", args=[parcel.id]))
    assert answer.json()["tasks"][0]["print_data"] == "{}"
    assert "no-store" in answer["Cache-Control"]
