"""Every page that the admin opens, looked at by axe: no violation of WCAG 2.2 AA, no sideways scrolling.

Each page is tried in one dress (width, theme, language), another one from page to page; all eight for every page
with ORDERHUB_EVERY_DRESS=1. PICTURES=folder keeps what was seen.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client
from django.urls import NoReverseMatch, reverse

from orderhub import modules
from orderhub.actors import Actor
from orderhub.admin_site import registry
from orderhub.lifecycle import apply
from orderhub.models import Connection
from orderhub.rules import engine, publishing, seeding
from orderhub.rules.models import RuleSet
from orderhub.testing.dresses import scrolls_sideways, settled, violations
from orderhub.tests.few_rows import few_rows
from orders.lifecycle import LIFECYCLE
from orders.models import ComplaintWord
from routing import fences, known
from routing.tests.cast import POINT, House, fence, outlet, rate

#: Icons are words that the small font draws as one sign; one that it lacks stands there as a word.
WORDS_FOR_ICONS = """document.fonts.ready.then(() => [...document.querySelectorAll('.material-symbols-outlined')].filter(icon => {
    const text = document.createRange(); text.selectNodeContents(icon);
    return text.getBoundingClientRect().width > 1.5 * parseFloat(getComputedStyle(icon).fontSize);
}).map(icon => icon.textContent.trim()))"""
DRESSES = tuple(itertools.product((1440, 390), ("light", "dark"), ("zh-hans", "en")))
PASSWORD = "right-horse-battery"


def world() -> dict[str, dict[str, Any]]:
    """A small house in which every list has a row or two; what pages with arguments are asked for, by name of the page."""
    seeding.seed()
    engine.forget()
    boss = User.objects.create_superuser("boss", password=PASSWORD)
    house = House()
    first = outlet(1)
    fence(first)
    rate(first.adcode, "outlet", first.code, 0.9, 0.99)
    orders = house.orders(3, point=POINT)
    apply(LIFECYCLE, "route", [order.id for order in orders[:2]], actor=Actor("person", "lin"))
    account = Connection.objects.get()
    few_rows(account)
    ComplaintWord.objects.create(word="破损")
    draft = publishing.new_draft("routing", "chain", boss)
    assert RuleSet.objects.filter(point="routing").exists()
    version = {"version_id": draft.id}
    return {
        "rules_point": {"code": "routing"}, "rules_table": version, "rules_canvas": version, "rules_try": version,
        "stock_sku": {"sku_id": house.sku.id}, "shown_sku": {"sku_id": house.sku.id},
    }  # fmt: skip


def addresses(asked: dict[str, dict[str, Any]]) -> list[str]:
    """Every page of the registry that opens by a link, every list, the form of its first row and an empty one."""
    made = [reverse("admin:index")]
    for page in registry.PAGES:
        try:
            made.append(reverse(f"admin:{page.name}", kwargs=asked.get(page.name)))
        except NoReverseMatch:  # a page about something of which this house has none
            continue
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        made += [reverse(f"{name}_changelist"), reverse(f"{name}_add")]
        row = model._default_manager.first()
        if row is not None:
            made.append(reverse(f"{name}_change", args=[row.pk]))
    return made


@pytest.fixture
def house(transactional_db: None) -> Iterator[list[str]]:
    for each in (modules, fences, known):
        each.forget()
    asked = world()
    client = Client()
    client.force_login(User.objects.get(username="boss"))
    opened = []
    for address in addresses(asked):
        answer = client.get(address)
        page = answer.status_code == 200 and answer["Content-Type"].startswith("text/html")
        if page and b"<html" in answer.content[:300]:
            opened.append(address)
    yield opened
    engine.forget()


@pytest.mark.browser
@pytest.mark.slow
def test_that_every_page_is_clean(house: list[str], live_server: Any, page: Any) -> None:
    assert len(house) > 60, house
    page.goto(f"{live_server.url}/admin/login/")
    page.fill("input[name=username]", "boss")
    page.fill("input[name=password]", PASSWORD)
    page.press("input[name=password]", "Enter")
    page.wait_for_url(f"{live_server.url}/admin/")
    every = bool(os.environ.get("ORDERHUB_EVERY_DRESS"))
    tried = sorted(
        (DRESSES[dress], address)
        for place, address in enumerate(house)
        for dress in (range(len(DRESSES)) if every else [place % len(DRESSES)])
    )
    faults, worn = [], None
    for dress, address in tried:
        if dress != worn:
            width, theme, language = worn = dress
            page.set_viewport_size({"width": width, "height": 900})
            page.context.add_cookies([{"name": "django_language", "value": language, "url": live_server.url}])
            page.evaluate("theme => localStorage.setItem('adminTheme', JSON.stringify(theme))", theme)
        page.goto(live_server.url + address)
        settled(page)
        for fault in violations(page):
            first = fault["nodes"][0]
            faults.append((dress, address, fault["id"], first["html"][:200], first["failureSummary"][-300:]))
        if scrolls_sideways(page):
            faults.append((dress, address, "scrolls sideways", ""))
        for icon in page.evaluate(WORDS_FOR_ICONS):
            faults.append((dress, address, "an icon that the small font lacks (make_fonts)", icon))
        if os.environ.get("PICTURES"):
            name = "-".join([*map(str, dress), address.strip("/").replace("/", "_")])
            page.screenshot(path=f"{os.environ['PICTURES']}/{name}.png", full_page=True)
    assert not faults, "\n".join(map(str, faults))
