"""The rules' pages in a real browser: going back is two clicks, and every size, theme and language is readable."""

from __future__ import annotations

import itertools
import os
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from orderhub.rules import engine, publishing, seeding
from orderhub.rules.models import RuleSet
from orderhub.testing.dresses import THEMES, WIDTHS, speaks, violations

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def open_page(live_server: Any, page: Any, client: Client) -> Any:
    """A superuser's browser; risk has three versions, the newest a draft."""
    seeding.seed()
    engine.forget()
    boss = User.objects.create_superuser("boss")
    client.force_login(boss)
    for limit, reason in (("> 20", "大促前收紧"), ("> 15", "")):
        draft = publishing.new_draft("payment", "careful", boss)
        draft.document["nodes"][1]["content"]["rules"][1]["in_phone_orders"] = limit
        publishing.save_draft(draft.id, draft.document, 1, boss)
        if reason:
            publishing.publish(draft.id, boss, reason)
    cookie = client.cookies["sessionid"].value
    page.context.add_cookies([{"name": "sessionid", "value": cookie, "url": live_server.url}])
    yield page
    engine.forget()


def test_that_going_back_is_two_clicks(open_page: Any, live_server: Any):
    open_page.goto(live_server.url + reverse("admin:rules_point", args=["payment"]))
    section = open_page.locator("section", has_text="黑名单与异常模式").first
    section.get_by_text("回滚", exact=True).click()
    section.get_by_role("button", name="回到 v1").click()
    open_page.wait_for_load_state()
    assert RuleSet.objects.get(point="payment", code="careful").live.number == 1  # type: ignore[union-attr]
    assert "五秒内所有进程生效" in open_page.content()


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_that_the_pages_fit_every_screen(open_page: Any, live_server: Any, language: str):
    speaks(open_page, live_server.url, language)
    screens = (("list", reverse("admin:rules")), ("point", reverse("admin:rules_point", args=["payment"])))
    for width, scheme, (name, address) in itertools.product(WIDTHS, THEMES, screens):
        open_page.set_viewport_size({"width": width, "height": 900})
        open_page.emulate_media(color_scheme=scheme)
        open_page.goto(live_server.url + address)
        if os.environ.get("SHOTS"):
            open_page.screenshot(
                path=f"{os.environ['SHOTS']}-{name}-{width}-{scheme}-{language}.png", full_page=True
            )
        wide = open_page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert wide <= 0, (name, width, scheme)
        found = violations(open_page)
        assert not found, (name, width, scheme, [(v["id"], v["nodes"][0]["html"]) for v in found])
