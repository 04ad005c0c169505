"""Every screen of the phone page in eight dresses: axe finds nothing, nothing scrolls sideways. PICTURES=folder keeps them."""

from __future__ import annotations

import itertools
import os
from typing import Any

import pytest
from django.contrib.auth.models import User

from orderhub.phone.tests.phone_cast import PASSWORD, sign_in
from orderhub.testing.dresses import LANGUAGES, THEMES, WIDTHS, scrolls_sideways, settled, violations
from orders.tests.api_cast import make_world  # noqa: F401  a fixture

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def looked_at(page: Any, name: str) -> list[Any]:
    found = violations(page)
    faults = [
        (name, one["id"], one["nodes"][0]["html"][:200], one["nodes"][0]["failureSummary"]) for one in found
    ]
    if scrolls_sideways(page):
        faults.append((name, "scrolls sideways", "", ""))
    if os.environ.get("PICTURES"):
        page.screenshot(path=f"{os.environ['PICTURES']}/{name}.png", full_page=True)
    return faults


def in_both_themes(page: Any, name: str) -> list[Any]:
    """The page has no switch of its own: its style sheet asks the system."""
    faults = []
    for theme in THEMES:
        page.emulate_media(color_scheme=theme)
        settled(page)
        faults += looked_at(page, f"{name}-{theme}")
    return faults


def test_that_every_screen_is_clean_in_every_dress(
    browser: Any, live_server: Any, world: dict[str, Any]
) -> None:
    User.objects.create_superuser("boss", password=PASSWORD)
    order = world["own"].number
    screens = {
        "home": "",
        "search": "search",
        "order": f"order/{order}",
        "scan": "scan",
        "stock": "stock/CUP-1",
    }
    faults: list[Any] = []
    for width, language in itertools.product(WIDTHS, LANGUAGES):
        context = browser.new_context(viewport={"width": width, "height": 844}, timezone_id="Asia/Shanghai")
        context.add_cookies([{"name": "django_language", "value": language, "url": live_server.url}])
        page = context.new_page()
        page.goto(f"{live_server.url}/m/")
        page.locator("#name").wait_for()
        faults += in_both_themes(page, f"{width}-{language}-signin")
        sign_in(page, tap=False)
        for name, address in screens.items():
            page.evaluate("address => { location.hash = `#/${address}`; }", address)
            page.locator(f".stage[data-screen='{address.split('/')[0]}']").wait_for()
            faults += in_both_themes(page, f"{width}-{language}-{name}")
        context.close()
    assert not faults, "\n".join(map(str, faults))
