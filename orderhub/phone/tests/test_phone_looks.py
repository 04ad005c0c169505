"""Every screen of the phone page in eight dresses: axe finds nothing, nothing scrolls sideways, and on a phone a gloved
thumb hits what can be pressed. A page is loaded once a language; width and theme are changed on it. PICTURES=folder keeps them.
"""

from __future__ import annotations

import datetime as dt
import itertools
import os
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from logistics.models import Parcel
from orderhub.phone.tests.phone_cast import PASSWORD, sign_in
from orderhub.testing.dresses import LANGUAGES, THEMES, WIDTHS, scrolls_sideways, settled, speaks, violations
from orderhub.tickets.models import Ticket
from orders.models import Order
from orders.tests.api_cast import make_world  # noqa: F401  a fixture
from routing.addresses.parse import parse
from routing.addresses.words import Candidate, Difference, Poi
from routing.models import AddressReview
from routing.operations import deciding

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
#: Pixels of CSS that a thumb in a glove needs; of a link within a sentence nothing is asked.
THUMB = 44
SMALL = """least => [...document.querySelectorAll('a, button, input, textarea, summary')].filter(one => {
    const box = one.getBoundingClientRect();
    return box.width && (box.height < least || box.width < least);
}).map(one => `${one.outerHTML.slice(0, 120)} ${JSON.stringify(one.getBoundingClientRect())}`)"""


def filled(world: dict[str, Any]) -> dict[str, str]:
    """Something on every screen; {name: address after the #}."""
    order: Order = world["own"]
    assert order.warehouse is not None
    Order.objects.filter(pk=order.pk).update(promised_ship_at=timezone.now() - dt.timedelta(hours=2))
    Parcel.objects.create(
        number="P1", order=order, warehouse=order.warehouse, worked_by="own", carrier="ZTO", service="zto",
        waybill_no="ZT778899001122", weight_g=420,
    )  # fmt: skip
    Ticket.objects.filter(order_id=order.pk).update(
        due_at=timezone.now() - dt.timedelta(hours=1), body="快递 48 小时未揽收。"
    )
    mine = Ticket.objects.get(order_id=world["foreign"].pk)
    mine.owner = User.objects.get(username="boss")
    mine.save()
    places = [
        Candidate(
            Poi(f"p{n}", f"西溪科创园 {n} 号楼", f"文一西路 {960 + n} 号", "330110", 120.0 + n / 100, 30.28), 0.9 - n / 10,
            differences=(Difference("number", "changed", "969", str(960 + n)),),
        )
        for n in (1, 2, 3)
    ]  # fmt: skip
    wrote = parse("浙江省杭州市余杭区文一西路969号西溪科创园")
    AddressReview.objects.filter(order_id=order.pk).update(sealed=deciding.sealed(wrote, places))
    return {
        "home": "", "search": "search", "order": f"order/{order.number}", "scan": "scan", "stock": "stock/CUP-1",
        "orders": "orders/colour/red", "review": "review", "tickets": "tickets/open", "tickets-mine": "tickets/mine",
    }  # fmt: skip


def looked_at(page: Any, screen: str, language: str) -> list[Any]:
    """What is wrong with what the page shows now, in both widths and themes."""
    faults: list[Any] = []
    for width, theme in itertools.product(WIDTHS, THEMES):
        page.set_viewport_size({"width": width, "height": 844})
        page.emulate_media(color_scheme=theme)
        name = f"{screen}-{width}-{theme}-{language}"
        settled(page)
        faults += [
            (name, one["id"], one["nodes"][0]["html"][:200], one["nodes"][0]["failureSummary"])
            for one in violations(page)
        ]
        if scrolls_sideways(page):
            faults.append((name, "scrolls sideways"))
        if width < 400 and theme == THEMES[0]:
            faults += [(name, "too small for a thumb", one) for one in page.evaluate(SMALL, THUMB)]
        if os.environ.get("PICTURES"):
            page.screenshot(path=f"{os.environ['PICTURES']}/{name}.png", full_page=True)
    return faults


@pytest.mark.parametrize("language", LANGUAGES)
def test_that_every_screen_is_clean_in_every_dress(
    language: str, browser: Any, live_server: Any, world: dict[str, Any]
) -> None:
    User.objects.create_superuser("boss", password=PASSWORD)
    context = browser.new_context(timezone_id="Asia/Shanghai")
    page = context.new_page()
    speaks(page, live_server.url, language)
    page.goto(f"{live_server.url}/m/")
    page.locator("#name").wait_for()
    faults = looked_at(page, "signin", language)
    sign_in(page, tap=False)
    for name, address in filled(world).items():
        page.evaluate("address => { location.hash = `#/${address}`; }", address)
        page.locator(f".stage[data-screen='{address.split('/')[0]}']").wait_for()
        if name in ("orders", "review", "tickets", "tickets-mine"):
            page.locator(".row-card, .pick, .ticket").first.wait_for()
        if name == "tickets-mine":
            page.locator(".ticket summary").click()
        faults += looked_at(page, name, language)
    page.evaluate("location.hash = '#/'")
    page.locator("#out").wait_for()
    context.set_offline(True)
    page.evaluate("number => { location.hash = `#/order/${number}`; }", world["own"].number)
    page.locator(".hold .small").first.click()
    page.locator(".hold .main").click()
    page.locator(".hold .notice.warn").wait_for()
    page.evaluate("location.hash = '#/'")
    page.locator("#unsent").wait_for()
    faults += looked_at(page, "home-offline", language)
    page.locator("#out").click()
    page.locator("#out-now").wait_for()
    faults += looked_at(page, "leaving", language)
    context.close()
    assert not faults, "\n".join(map(str, faults))
