"""The review screen in Chromium: fifty addresses by keys, by mouse, by finger; undo, leases, input methods, outages, axe."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User

from orderhub import modules
from orderhub.testing.dresses import signed_in, violations
from orders.models import Receiver
from routing import fences, known
from routing.models import AddressPick, AddressReview
from routing.providers import local
from routing.tests import review_cast as cast
from routing.tests.cast import House

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PHONE = {"width": 390, "height": 844}
SHANGHAI = ("上海市", "上海市", "浦东新区", "")
#: Numbers that are nobody's, so that no twin is decided along and every one is a decision of its own.
COUNT = """window.rvActs = 0; for (const kind of ['keydown', 'click'])
    addEventListener(kind, e => { if (e.isTrusted && (kind === 'keydown' || e.detail)) rvActs += 1 }, true)"""
MANY = [(SHANGHAI, f"张江路{200 + 2 * n}号启明科创园X栋") for n in range(50)]


@pytest.fixture
def house(transactional_db: None) -> Iterator[House]:
    modules.forget()
    local.forget()
    for name in ("boss", "mate"):
        User.objects.create_superuser(name)
    fences.forget()
    known.forget()
    yield cast.zhangjiang()
    local.forget()


def sign_in(page: Any, url: str, name: str = "boss") -> None:
    signed_in(page, url, User.objects.get(username=name))


def open_desk(page: Any, url: str) -> None:
    page.goto(f"{url}/admin/review/")
    page.locator(".rv-card").first.wait_for()


def shown(page: Any) -> int:
    return int(page.evaluate("ReviewDesk.state().item || 0"))


def settled(page: Any) -> None:
    page.wait_for_function("!ReviewDesk.state().busy")


def work(page: Any, act: Any, most: int = 50) -> tuple[int, float]:
    """Decide until nothing is left; (interactions, seconds). Each interaction must bring the next address."""
    begun, count = time.monotonic(), 0
    page.evaluate(COUNT)
    while count < most and (here := shown(page)):
        act(page)
        count += 1
        page.wait_for_function("here => ReviewDesk.state().item !== here", arg=here)
        if not shown(page):
            settled(page)
            page.wait_for_timeout(50)
    settled(page)
    return int(page.evaluate("rvActs")), time.monotonic() - begun


def say(what: str, acts: int, seconds: float, page: Any) -> None:
    painted = sorted(page.evaluate("ReviewDesk.painted"))
    p95 = painted[int(len(painted) * 0.95) - 1] if painted else 0
    print(f"{what}: 50 addresses, {acts} interactions, {seconds:.1f} s, next painted p95 {p95:.0f} ms")


def test_that_fifty_addresses_are_decided_by_keys_alone_and_undone(house, live_server, page):
    cast.waiting(house, 50, MANY)
    sign_in(page, live_server.url)
    open_desk(page, live_server.url)
    acts, seconds = work(page, lambda p: p.keyboard.press("1"))
    say("keys", acts, seconds, page)
    assert acts == 50
    assert AddressReview.objects.filter(state="picked").count() == 50
    assert set(AddressPick.objects.values_list("way", flat=True)) == {"key"}
    page.locator("#rv-empty").wait_for()
    last = AddressPick.objects.latest("id")
    page.keyboard.press("z")
    page.locator(".rv-card").first.wait_for()
    assert shown(page) == last.item_id
    assert Receiver.objects.get(order_id=last.order_id).lng is None
    page.keyboard.press("Enter")
    settled(page)
    assert AddressReview.objects.filter(state="picked").count() == 50


def test_that_fifty_addresses_are_decided_by_mouse_alone(house, live_server, page):
    cast.waiting(house, 50, MANY)
    sign_in(page, live_server.url)
    open_desk(page, live_server.url)
    acts, seconds = work(page, lambda p: p.locator(".rv-card").first.click())
    say("mouse", acts, seconds, page)
    assert acts == 50
    assert AddressPick.objects.filter(way="mouse", undone_at=None).count() == 50


def test_that_fifty_addresses_are_decided_by_thumb_on_a_phone(house, live_server, browser):
    cast.waiting(house, 50, MANY)
    context = browser.new_context(viewport=PHONE, has_touch=True, is_mobile=True)
    page = context.new_page()
    sign_in(page, live_server.url)
    open_desk(page, live_server.url)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    acts, seconds = work(page, lambda p: p.locator("#rv-thumb [data-rank='1']").tap())
    say("touch", acts, seconds, page)
    assert acts == 50
    assert AddressPick.objects.filter(way="touch", undone_at=None).count() == 50
    context.close()


def test_that_two_people_never_see_the_same_and_a_closed_page_hands_its_items_over(
    house, live_server, browser
):
    cast.waiting(house, 8, MANY)
    first, second = browser.new_context(), browser.new_context()
    one, two = first.new_page(), second.new_page()
    sign_in(one, live_server.url)
    sign_in(two, live_server.url, "mate")
    open_desk(one, live_server.url)
    open_desk(two, live_server.url)
    mine, theirs = one.evaluate("ReviewDesk.ids()"), two.evaluate("ReviewDesk.ids()")
    assert len({*mine, *theirs}) == 8
    one.goto(f"{live_server.url}/admin/")
    for _ in range(4):
        two.keyboard.press("2")
    settled(two)
    two.wait_for_function("ReviewDesk.ids().length > 0")
    assert set(two.evaluate("ReviewDesk.ids()")) == set(mine), "what the first had open is the second's now"
    first.close()
    second.close()


def test_that_an_input_method_a_dialog_and_keys_that_are_off_decide_nothing(house, live_server, page):
    cast.waiting(house, 4, MANY)
    sign_in(page, live_server.url)
    open_desk(page, live_server.url)
    here = shown(page)
    for init in ("{key: '1', isComposing: true, bubbles: true}", "{key: '1', keyCode: 229, bubbles: true}"):
        page.evaluate(f"document.body.dispatchEvent(new KeyboardEvent('keydown', {init}))")
    page.keyboard.press("f")
    page.keyboard.type("1 2 3 z s")
    assert page.locator("#rv-search-text").input_value() == "1 2 3 z s"
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    page.keyboard.press("1")
    page.keyboard.press("Escape")
    page.locator("#rv-keys").click()
    page.locator("body").press("1")
    assert shown(page) == here
    assert not AddressPick.objects.exists()
    page.locator("#rv-keys").click()
    page.locator("body").press("1")
    settled(page)
    assert AddressPick.objects.count() == 1


def test_that_an_outage_in_the_middle_loses_nothing(house, live_server, page):
    cast.waiting(house, 4, MANY)
    sign_in(page, live_server.url)
    open_desk(page, live_server.url)
    page.route("**/decide/", lambda route: route.abort())
    page.keyboard.press("1")
    page.keyboard.press("1")
    page.locator(".rv-toast-bad").wait_for()
    assert not AddressPick.objects.exists(), list(
        AddressPick.objects.values("way", "by", "choice", "sure", "rank")
    )
    page.unroute("**/decide/")
    page.wait_for_function("!ReviewDesk.state().busy")
    assert AddressPick.objects.count() == 2


def test_that_a_search_and_a_pin_decide_as_well(house, live_server, page):
    cast.waiting(house, 3, MANY)
    sign_in(page, live_server.url)
    open_desk(page, live_server.url)
    page.keyboard.press("f")
    page.keyboard.type("玉兰佳苑")
    page.keyboard.press("Enter")
    page.locator("#rv-found button").first.wait_for()
    page.keyboard.press("Enter")
    settled(page)
    page.locator("#rv-map").click(position={"x": 60, "y": 200})
    page.locator("#rv-pinned button").first.wait_for()
    page.locator("#rv-pinned .rv-means").wait_for()
    page.locator("body").press("ArrowUp")
    page.locator("body").press("Enter")
    settled(page)
    assert list(AddressPick.objects.order_by("id").values_list("choice", flat=True)) == ["search", "pin"]


def test_that_many_at_once_show_a_sample_first_and_can_be_undone(house, live_server, page):
    cast.waiting(house, 6, MANY)
    AddressReview.objects.update(verdict="confirm", sure=0.9)
    sign_in(page, live_server.url)
    open_desk(page, live_server.url)
    page.locator("#rv-bulk-open").click()
    page.locator("#rv-bulk-rows tr").first.wait_for()
    page.locator("#rv-bulk-go").click()
    page.locator("#rv-banner button").wait_for()
    assert AddressPick.objects.filter(way="bulk", undone_at=None).count() == 6
    page.locator("#rv-banner button").click()
    page.locator(".rv-card").first.wait_for()
    assert AddressReview.objects.filter(state="waiting").count() == 6


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_that_the_screen_holds_to_wcag_22_aa_at_both_widths(house, live_server, page, theme):
    cast.waiting(house, 2, MANY)
    sign_in(page, live_server.url)
    page.add_init_script(f"localStorage.setItem('adminTheme', JSON.stringify('{theme}'))")
    found = []
    for size in ({"width": 1440, "height": 900}, PHONE):
        page.set_viewport_size(size)
        open_desk(page, live_server.url)
        page.wait_for_timeout(200)
        for violation in violations(page, "#content"):
            found.append(
                f"{size['width']}: {violation['id']} {[n['target'] for n in violation['nodes']][:3]}"
            )
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    for name in ("review/quality", "routing/knownplace", "routing/addressmemory"):
        page.goto(f"{live_server.url}/admin/{name}/")
        assert page.evaluate("document.documentElement.classList.contains('dark')") == (theme == "dark")
        for violation in violations(page, "#content"):
            found.append(f"{name}: {violation['id']} {[n['target'] for n in violation['nodes']][:3]}")
    assert not found, "\n".join(found)
