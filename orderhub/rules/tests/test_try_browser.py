"""Trying a draft in Chromium: pressed, watched without reloading, understood; both widths, themes and languages, axe."""

from __future__ import annotations

import os
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import User

from orderhub.jobs import running
from orderhub.rules import asserting, engine, seeding
from orderhub.rules.tests.test_trying import KEPT, declare, draft, fill

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
WCAG = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
PASSWORD = "right-horse-battery"


@pytest.fixture
def desk(
    transactional_db: None, toy: None, monkeypatch: pytest.MonkeyPatch, live_server: Any, page: Any
) -> Any:
    seeding.seed()
    engine.forget()
    declare(monkeypatch, "TRIED")
    fill()
    boss = User.objects.create_superuser("boss", password=PASSWORD)
    version = draft(boss, in_amount="> 400")
    asserting.add(version.rule_set, "", {"amount": "300"}, {"fee": "3"})
    page.goto(f"{live_server.url}/admin/login/")
    page.fill("input[name=username]", "boss")
    page.fill("input[name=password]", PASSWORD)
    page.press("input[name=password]", "Enter")
    page.wait_for_url(f"{live_server.url}/admin/")
    yield version
    KEPT.clear()


def test_that_a_trial_is_pressed_watched_and_understood(desk: Any, live_server: Any, page: Any) -> None:
    address = f"{live_server.url}/admin/rules/version/{desk.pk}/try/"
    outside: list[str] = []
    page.on("request", lambda request: outside.append(request.url))
    page.goto(address)
    page.get_by_role("button", name="试跑", exact=True).click()
    page.locator("progress").wait_for()
    running.run_due(seconds=20)
    page.get_by_text("300 次判断中有 80 次会不同").wait_for()
    for width in (1440, 390):
        page.set_viewport_size({"width": width, "height": 900})
        for theme in ("light", "dark"):
            for language in ("zh-hans", "en"):
                page.context.add_cookies(
                    [{"name": "django_language", "value": language, "url": live_server.url}]
                )
                page.evaluate("theme => localStorage.setItem('adminTheme', JSON.stringify(theme))", theme)
                for name, path in (("try", address), ("sample", f"{address}0/")):
                    page.goto(path)
                    page.wait_for_timeout(150)
                    violations = Axe().run(page, options=WCAG).response["violations"]
                    assert not violations, (
                        name,
                        width,
                        theme,
                        [v["id"] for v in violations],
                        violations[0]["nodes"][0]["html"],
                    )
                    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (name, width)
                    if os.environ.get("PICTURES"):
                        page.screenshot(
                            path=f"{os.environ['PICTURES']}/{name}-{width}-{theme}-{language}.png",
                            full_page=True,
                        )
    assert all(url.startswith((live_server.url, "data:", "blob:")) for url in outside)
