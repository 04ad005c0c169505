"""The order list and what is done from it, in the browser: by keyboard, and looked at in every dress."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from orderhub import modules
from orderhub.admin_site import bulk
from orderhub.jobs import running
from orderhub.lists import keeping
from orderhub.testing.dresses import signed_in, worn
from orders.models import Hold, Order
from orders.operations import pasting
from orders.tests import aftersale_cast as cast
from orders.tests.test_order_board_screens import looked_at

#: Pages that are looked at with one of their boxes open.
OPENED = {"pasted": 0, "view": 1}
EVERY = ["order", "goods", "their_number", "receiver_masked", "goes_by", "tagged", "paid", "message", "buyer"]
pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def house(transactional_db: None, live_server: Any, page: Any) -> Any:
    """A page signed in over a dozen orders."""
    modules.forget()
    signed_in(page, live_server.url, User.objects.create_superuser("boss"))
    for n in range(12):
        cast.order(("paid", "paid", "shipped")[n % 3])
    return page


def test_that_orders_are_held_by_keyboard_alone(house: Any, live_server: Any) -> None:
    page = house
    page.goto(live_server.url + reverse("admin:orders_order_changelist") + "?state__exact=paid")
    page.locator("#oh-picked button[name=all]").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/bulk/?**")
    page.locator("details.oh-act summary").first.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("查一查")
    page.keyboard.press("Enter")
    page.wait_for_url("**/work/**")
    running.run_due()
    page.get_by_text("8 / 8").wait_for()
    assert Hold.objects.filter(reason="查一查").count() == 8
    assert page.locator("tbody tr").count() == 8


def test_that_numbers_are_searched_and_pasted_by_keyboard_alone(house: Any, live_server: Any) -> None:
    page = house
    page.goto(live_server.url + reverse("admin:orders_order_changelist"))
    orders = list(Order.objects.order_by("id"))
    page.keyboard.press("/")
    page.keyboard.type(orders[4].number)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/order/{orders[4].pk}/change/")
    page.go_back()
    wanted = [orders[n] for n in (7, 2, 9)]
    page.wait_for_url("**/admin/orders/order/")
    page.keyboard.press("/")
    page.keyboard.press("Control+A")
    page.evaluate(
        "text => document.execCommand('insertText', false, text)", "\n".join(one.number for one in wanted)
    )
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("NO-SUCH-9")
    page.keyboard.press("Enter")
    page.wait_for_url("**/?pasted=*")
    assert page.locator("#result_list .oh-known").all_inner_texts() == [one.number for one in wanted]
    assert page.locator(".oh-missing").inner_text() == "NO-SUCH-9"
    assert page.locator("#order-search").input_value().split() == [
        *(one.number for one in wanted),
        "NO-SUCH-9",
    ]


def test_that_views_and_columns_are_kept_by_keyboard_alone(house: Any, live_server: Any) -> None:
    page = house
    page.goto(live_server.url + reverse("admin:orders_order_changelist") + "?state__exact=paid")
    heads = page.locator("#result_list thead th")
    page.locator("summary", has_text="列").focus()
    page.keyboard.press("Enter")
    page.locator("[data-move='-1']").nth(2).focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    assert page.locator(".oh-columns-list li").first.inner_text().startswith("触点")
    assert "第 1 位" in page.locator("[data-said-here]").inner_text()
    page.keyboard.press("Escape")
    assert not page.locator("details.oh-pop[open]").count()
    page.keyboard.press("Enter")
    page.locator(".oh-columns-list input").nth(3).focus()
    page.keyboard.press("Space")
    page.locator("form[action$='/columns/'] .oh-button-main").focus()
    page.keyboard.press("Enter")
    page.get_by_text("列已记住").wait_for()
    shown = heads.all_inner_texts()
    assert "触点" in shown[1] and not any("承诺" in head for head in shown)
    page.locator("summary", has_text="保存视图").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("已付款的")
    page.keyboard.press("Enter")
    page.wait_for_url("**/?view=*&state__exact=paid")
    assert page.locator(".oh-view-open").inner_text() == "已付款的"
    page.locator("form[action$='/view/open/'] button").focus()
    page.keyboard.press("Enter")
    page.get_by_text("以后打开列表就是").wait_for()
    page.goto(live_server.url + reverse("admin:orders_order_changelist"))
    assert "state__exact=paid" in page.url and heads.all_inner_texts() == shown


def test_that_the_pages_of_a_list_are_clean_in_every_dress(house: Any, live_server: Any) -> None:
    page = house
    boss = User.objects.get()
    some = [*Order.objects.values_list("number", flat=True)[:3], "NO-SUCH-9", "284712903847561239"]
    pasted = pasting.keep(some, boss)
    for name, audience in (("今天要发的", "own"), ("大家的待处理", "all")):
        view = keeping.save(boss, "orders.order", name, "state__exact=shipped", EVERY, audience)
    job = bulk.begin(Order, "cancel", "", (), {"why": "客户不要了"}, boss)
    running.run_due()
    pages = {
        "list": reverse("admin:orders_order_changelist") + "?state__exact=shipped",
        "pasted": f"{reverse('admin:orders_order_changelist')}?pasted={pasted.pk}",
        "view": f"{reverse('admin:orders_order_changelist')}?view={view.pk}&state__exact=shipped",
        "views": reverse("admin:orderhub_savedview_changelist"),
        "own_view": reverse("admin:orderhub_savedview_change", args=[view.pk]),
        "bulk": reverse("admin:orders_order_bulk") + "?query=state__exact%3Dshipped&all=1&act=hold",
        "job": reverse("admin:bulk_job", args=[job.pk]),
        "jobs": reverse("admin:bulk_jobs"),
    }
    faults = []
    for name, address in pages.items():
        for dress in worn(page, live_server.url, address):
            if name in OPENED and not page.locator("details.oh-pop[open]").count():
                page.locator("details.oh-pop summary").nth(OPENED[name]).click()
            faults += looked_at(page, f"{name}-{dress}")
    assert not faults
