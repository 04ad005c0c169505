"""The page of the steps: red where it is slow, beside the period before, a click to the slowest; the order's own steps."""

from __future__ import annotations

import os
import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from orderhub import modules
from orderhub.testing.dresses import scrolls_sideways, signed_in, violations, worn
from orders.admin.waterfall import took, x_of
from orders.models import Order
from orders.tests import aftersale_cast as cast
from orders.tests.test_order_board import person
from orders.tests.test_steps import measure, noon, walk

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def forget() -> None:
    modules.forget()


@pytest.fixture
def office(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("boss", password="right-horse-battery"))
    client.cookies.load({"django_language": "en"})
    return client


def story() -> tuple[list[Order], Order]:
    """A good week before, a bad one now: handing over takes minutes; one order of another shop is the slowest."""
    usual = [5, 2, 2, 20, 3600, 3600, 600, 3600, 86_400]
    before = [walk(noon(8), usual) for _n in range(5)]
    slow = [walk(noon(1), [5, 2, 2, 200.0 + n, *usual[4:]]) for n in range(6)]
    other = cast.order("paid", shop=cast.shop("tb", "taobao"), warehouse=None)
    worst = walk(noon(1), [5, 2, 2, 4000, *usual[4:]], other)
    measure(*before, *slow, worst)
    return slow, worst


def red(page: str) -> list[str]:
    return [
        re.sub(r"<[^>]+>", "", name).strip()
        for name in re.findall(r'<tr class="wf-red.*?<th scope="row">(.*?)</th>', page, re.S)
    ]


def test_that_the_slow_step_is_red_and_a_click_leads_to_its_slowest_orders(office: Client) -> None:
    slow, worst = story()
    page = office.get(reverse("admin:waterfall")).content.decode()
    assert len(red(page)) == 2
    assert "Handed to the warehouse" in red(page)[0]
    assert "times as long" in page
    link = re.search(r'href="([^"]*slow=release[^"]*)"', page)
    assert link
    opened = office.get(link[1].replace("&amp;", "&").split("#")[0]).content.decode()
    shown = re.findall(r"OH2026\d+", opened)
    assert shown == [order.number for order in (worst, *reversed(slow))]


def test_that_channel_warehouse_and_days_narrow_it(office: Client) -> None:
    _slow, worst = story()
    address = reverse("admin:waterfall")
    page = office.get(address, {"channel": "taobao", "slow": "release"}).content.decode()
    assert re.findall(r"OH2026\d+", page) == [worst.number]
    house = cast.warehouse().pk
    assert worst.number not in office.get(address, {"house": house, "slow": "release"}).content.decode()
    day = noon(8).date().isoformat()
    assert not red(office.get(address, {"from": day, "to": day}).content.decode())
    long_ago = {"from": "2020-01-01", "to": "2020-01-02"}
    assert "No step ended" in office.get(address, long_ago).content.decode()
    for bad in (
        {"from": "2026-02-31", "to": "x"},
        {"period": "9"},
        {"channel": "x", "house": "x", "slow": "x"},
    ):
        assert office.get(address, bad).status_code == 200


def test_that_who_is_narrowed_sees_neither_times_nor_orders_of_others() -> None:
    slow, worst = story()
    theirs = person("orders.view_order", shops=["own"])
    page = theirs.get(reverse("admin:waterfall"), {"slow": "release"}).content.decode()
    assert worst.number not in page
    assert all(order.number in page for order in slow)
    rows = theirs.get(reverse("admin:waterfall")).context["rows"]
    assert next(row for row in rows if row["step"].code == "release")["n"] == 6
    assert person("orderhub.view_ticket").get(reverse("admin:waterfall")).status_code == 403


def test_that_the_page_takes_twelve_statements_at_most(office: Client) -> None:
    story()
    client = person("orders.view_order")
    client.get(reverse("admin:waterfall"))
    with CaptureQueriesContext(connection) as caught:
        client.get(reverse("admin:waterfall"), {"slow": "release"})
    assert len([query for query in caught if "moduleswitch" not in query["sql"]]) <= 12


def test_that_an_orders_own_page_shows_its_steps(office: Client) -> None:
    _slow, worst = story()
    page = office.get(reverse("admin:orders_order_change", args=[worst.pk])).content.decode()
    assert any("Handed to the warehouse" in name for name in red(page))
    assert "1 h 6 min" in page
    bare = office.get(reverse("admin:orders_order_change", args=[cast.order("paid").pk])).content.decode()
    assert "wf-table" not in bare


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, "–"), (0.04, "0.0 s"), (9.96, "10.0 s"), (59.4, "59 s"), (90, "1 min 30 s"), (3599.6, "1 h 0 min"),
     (86_399.9, "1 d 0 h"), (200_000, "2 d 7 h")],
)  # fmt: skip
def test_that_durations_are_said_in_two_units(seconds: float | None, words: str) -> None:
    from django.utils import translation

    with translation.override("en"):
        assert took(seconds) == words
    assert x_of(0) == 0


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_that_it_is_clean_in_every_dress(live_server: Any, page: Any) -> None:
    signed_in(page, live_server.url, User.objects.create_superuser("boss"))
    _slow, worst = story()
    faults = []
    for name, address in (
        ("waterfall", reverse("admin:waterfall") + "?slow=release"),
        ("order", reverse("admin:orders_order_change", args=[worst.pk])),
    ):
        for dress in worn(page, live_server.url, address):
            if os.environ.get("PICTURES"):
                page.screenshot(path=f"{os.environ['PICTURES']}/{name}-{dress}.png", full_page=True)
            faults += [
                (
                    name,
                    dress,
                    one["id"],
                    one["nodes"][0]["html"][:200],
                    one["nodes"][0]["failureSummary"][-300:],
                )
                for one in violations(page)
            ]
            if scrolls_sideways(page):
                faults.append((name, dress, "scrolls sideways", "", ""))
    assert not faults
