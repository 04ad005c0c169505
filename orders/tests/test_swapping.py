"""Goods that are short and what may go instead: found, said to the buyer, swapped by one click, and the way back."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import translation

from inventory.models import Reservation, Stock
from inventory.substitutes import substitutes
from orderhub.actors import Actor
from orderhub.testing.dresses import scrolls_sideways, signed_in, speaks, violations, wear
from orders.models import Event, Line, Order
from orders.operations import swapping
from orders.operations.swapping import SwapRefused
from orders.tests.stock_cast import bundle, goods, held, holds, reserve, state, wants

pytestmark = pytest.mark.django_db
CLERK = Actor("person", "lin")


@pytest.fixture(autouse=True)
def _in_chinese() -> Iterator[None]:
    """A request of another test may have left its language behind."""
    with translation.override("zh-hans"):
        yield


def sofas() -> dict[str, Any]:
    """Rice white of three seats is gone; of the series there are others, near and far, many and few."""
    return {
        code: goods(code, count, series=series, colour=colour, size=size)
        for code, count, series, colour, size in (
            ("CLOUD-W3", 1, "云朵", "米白", "三人位"), ("CLOUD-G3", 5, "云朵", "雾灰", "三人位"),
            ("CLOUD-B3", 30, "云朵", "藏蓝", "三人位"), ("CLOUD-W2", 40, "云朵", "米白", "双人位"),
            ("CLOUD-G2", 90, "云朵", "雾灰", "双人位"), ("CLOUD-R3", 1, "云朵", "酒红", "三人位"),
            ("RIVER-W3", 90, "河流", "米白", "三人位"), ("CUP-9", 9, "", "白", ""),
        )
    }  # fmt: skip


def short() -> tuple[Order, dict[str, Any]]:
    made = sofas()
    order = wants((made["CLOUD-W3"], 2))
    reserve(order)
    assert holds(order) == ["stock"]
    return order, made


def test_that_one_difference_goes_before_two_and_plenty_before_little() -> None:
    made = sofas()
    found = substitutes([(made["CLOUD-W3"].pk, 2), (made["CUP-9"].pk, 1)])
    assert [other.code for other in found[made["CLOUD-W3"].pk]] == ["CLOUD-B3", "CLOUD-G3", "CLOUD-W2"]
    first = found[made["CLOUD-W3"].pk][0]
    assert (first.colour, first.size, first.free) == ("藏蓝", "", 30)
    assert made["CUP-9"].pk not in found, "without a series nothing is guessed"


def test_that_one_click_changes_the_line_and_the_order_goes_on() -> None:
    order, made = short()
    line = Line.objects.get(order=order)
    swapping.swap(line.uuid, made["CLOUD-G3"].pk, CLERK)
    assert (holds(order), state(order)) == ([], "reserved"), "held at once"
    after = Line.objects.get(order=order)
    assert (after.uuid, after.sku_code, after.seller_code, after.payable) == (
        line.uuid, "CLOUD-G3", line.seller_code, line.payable,
    )  # fmt: skip
    assert after.instead_of == made["CLOUD-W3"].pk
    assert Reservation.objects.get(reference=line.uuid, state="active").sku_id == made["CLOUD-G3"].pk
    assert Event.objects.get(order=order, code="swapped").data == {
        "from": "CLOUD-W3",
        "to": "CLOUD-G3",
        "pieces": 2,
    }
    with pytest.raises(SwapRefused):
        swapping.swap(line.uuid, made["CLOUD-B3"].pk, CLERK)


@pytest.mark.parametrize("reached", ["reserved", "routed"])
def test_that_it_goes_back_to_what_was_bought_until_a_warehouse_has_it(reached: str) -> None:
    order, made = short()
    line = Line.objects.get(order=order)
    swapping.swap(line.uuid, made["CLOUD-G3"].pk, CLERK)
    Order.objects.filter(pk=order.pk).update(state=reached)
    swapping.swap(line.uuid, made["CLOUD-W3"].pk, CLERK)
    line.refresh_from_db()
    assert (line.sku_code, line.instead_of) == ("CLOUD-W3", None)
    assert (state(order), holds(order), held(order)) == ("paid", ["stock"], {})
    assert Stock.objects.get(sku=made["CLOUD-G3"]).reserved == 0, "others may have them again"


@pytest.mark.parametrize("reached", ["released", "packed", "shipped"])
def test_that_what_a_warehouse_has_stays_as_it_is(reached: str) -> None:
    order, made = short()
    line = Line.objects.get(order=order)
    swapping.swap(line.uuid, made["CLOUD-G3"].pk, CLERK)
    Order.objects.filter(pk=order.pk).update(state=reached)
    with pytest.raises(SwapRefused):
        swapping.swap(line.uuid, made["CLOUD-W3"].pk, CLERK)
    assert (state(order), held(order)) == (reached, {"CLOUD-G3": 2})


@pytest.mark.parametrize("other", ["RIVER-W3", "CLOUD-R3", "CUP-9"])
def test_that_another_series_or_too_few_are_refused_and_nothing_changes(other: str) -> None:
    order, made = short()
    line = Line.objects.get(order=order)
    with pytest.raises(SwapRefused):
        swapping.swap(line.uuid, made[other].pk, CLERK)
    line.refresh_from_db()
    assert line.sku.code == "CLOUD-W3" and holds(order) == ["stock"]


def test_that_pieces_which_others_wait_for_are_not_offered(client: Client) -> None:
    made = sofas()
    older = wants((made["CLOUD-G3"], 9), promise_in=1)
    reserve(older)
    found = substitutes([(made["CLOUD-W3"].pk, 2)])
    assert "CLOUD-G3" not in [other.code for other in found[made["CLOUD-W3"].pk]]


def test_that_only_who_may_change_orders_swaps_and_a_bundle_has_no_panel(client: Client) -> None:
    order, made = short()
    line = Line.objects.get(order=order)
    address = reverse("admin:swap_line", args=[line.uuid, made["CLOUD-G3"].pk])
    client.force_login(User.objects.create_user("guest", is_staff=True))
    assert client.post(address).status_code == 403
    client.force_login(User.objects.create_superuser("boss"))
    assert client.get(address).status_code == 405
    page = client.get(reverse("admin:orders_order_change", args=[order.pk])).content.decode()
    assert "藏蓝" in page and "同系列" in page and "改发这个" in page
    client.post(address)
    line.refresh_from_db()
    assert line.sku_code == "CLOUD-G3"
    bundle("SET-9", CUP_9=20)
    from inventory.models import Sku

    other = wants((Sku.objects.get(code="SET-9"), 1))
    reserve(other)
    page = client.get(reverse("admin:orders_order_change", args=[other.pk])).content.decode()
    assert "改发这个" not in page


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_that_the_panel_is_clean_and_swaps_on_a_telephone(live_server: Any, page: Any) -> None:
    order, _made = short()
    signed_in(page, live_server.url, User.objects.create_superuser("boss"))
    address = live_server.url + reverse("admin:orders_order_change", args=[order.pk])
    for width, theme, language in (
        (1440, "light", "zh-hans"),
        (390, "dark", "en"),
        (390, "light", "zh-hans"),
    ):
        page.set_viewport_size({"width": width, "height": 900})
        speaks(page, live_server.url, language)
        page.goto(address)
        wear(page, theme)
        found = violations(page)
        assert not found, [(v["id"], v["nodes"][0]["html"][:160]) for v in found]
        assert not scrolls_sideways(page), width
        if os.environ.get("PICTURES"):
            page.screenshot(
                path=f"{os.environ['PICTURES']}/swap-{width}-{theme}-{language}.png", full_page=True
            )
    page.get_by_role("button", name="改发 CLOUD-B3").click()
    page.get_by_text("商品已更换").wait_for()
    assert Line.objects.get(order=order).sku_code == "CLOUD-B3"
