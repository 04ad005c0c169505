"""Routing waiting orders again in Chromium: looked at, moved, explained; both widths, themes and languages, axe."""

import os

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from orderhub.rules import engine, publishing
from orderhub.testing.dresses import speaks, violations, worn
from routing.tests.cast import House, outlet, rate
from routing.tests.test_browser import signed_in
from routing.tests.test_rerouting import work
from routing.tests.test_rules import boss, go, publish

__all__ = ["boss", "signed_in"]  # fixtures

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def looked_at(page, live_server, screens):
    """Each screen at both widths, in both themes and languages: nothing wider than the window, no faults of access."""
    for name, path in screens.items():
        for dress in worn(page, live_server.url, path):
            for details in page.locator("details.oh-more:has(.oh-table)").all():
                details.evaluate("one => { one.open = true }")
            found = violations(page)
            assert not found, (name, dress, found[0]["id"], found[0]["nodes"][0]["html"])
            wide = page.evaluate(
                "() => document.documentElement.scrollWidth <= innerWidth ? [] : [...document.querySelectorAll('body *')]"
                ".filter(e => e.getBoundingClientRect().right > innerWidth).map(e => e.outerHTML.slice(0, 120))"
            )
            assert not wide, (name, dress, wide[:6])
            if os.environ.get("PICTURES"):
                page.screenshot(path=f"{os.environ['PICTURES']}/d2-{name}-{dress}.png", full_page=True)
    speaks(page, live_server.url, "zh-hans")


def test_that_waiting_orders_are_looked_at_and_routed_again_and_the_order_says_why(
    signed_in, live_server, boss
):
    page, house = signed_in, House()
    a, b = outlet(1), outlet(2, carrier="YTO")
    rate("330110", "outlet", a.code, 0.9, 0.99)
    rate("330110", "outlet", b.code, 0.9, 0.80)
    rate("330110", "warehouse", "YH01", 0.946, 0.99, 130)
    rate("330110", "warehouse", "HZ01", 0.833, 0.99, 90)
    orders = house.orders(4)
    go(orders)
    publish(boss, [({"district": "'余杭区'"}, {"prefer_carrier": "'YTO'", "exclude_warehouses": "['YH01']"})])
    again = reverse("admin:routing_again")
    page.goto(live_server.url + again)
    page.locator("#again .oh-button-main").click()
    page.locator("progress").wait_for()
    work()
    page.get_by_text("4 个待发订单会改变去向").wait_for()
    looked_at(page, live_server, {"again-look": again})
    page.goto(live_server.url + again)
    page.locator("input[name=reason]").fill("新规则")
    page.locator("#again .oh-button-main").click()
    page.locator("progress").wait_for()
    work()
    page.get_by_text("已重新分单 4 单").wait_for()
    order = reverse("admin:orders_order_change", args=[orders[0].id])
    looked_at(page, live_server, {"again-done": again, "explained-chain": order})
    owner = User.objects.get(username="boss")
    publishing.choose("routing", "weighted", owner)
    engine.forget_heads()
    (other,) = house.orders(1)
    go([other])
    weighted = reverse("admin:orders_order_change", args=[other.id])
    looked_at(page, live_server, {"explained-weighted": weighted})
    page.goto(live_server.url + weighted)
    assert "总分最高" in page.content() and "94.6 %" in page.content()
