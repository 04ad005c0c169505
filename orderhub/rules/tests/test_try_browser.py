"""Trying a draft in Chromium: pressed, watched without reloading, understood; both widths, themes and languages, axe."""

from __future__ import annotations

import os
from typing import Any

import pytest
from django.contrib.auth.models import User

from orderhub.jobs import running
from orderhub.rules import asserting, engine, seeding
from orderhub.rules.tests.test_trying import KEPT, declare, draft, fill
from orderhub.testing.dresses import scrolls_sideways, signed_in, violations, worn

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PASSWORD = "right-horse-battery"


@pytest.fixture
def desk(
    transactional_db: None, toy: None, monkeypatch: pytest.MonkeyPatch, live_server: Any, page: Any
) -> Any:
    seeding.seed()
    engine.forget()
    declare(monkeypatch, "TRIED")
    fill()
    boss = User.objects.create_superuser("boss")
    version = draft(boss, in_amount="> 400")
    asserting.add(version.rule_set, "", {"amount": "300"}, {"fee": "3"})
    signed_in(page, live_server.url, boss)
    yield version
    KEPT.clear()


def test_that_a_trial_is_pressed_watched_and_understood(desk: Any, live_server: Any, page: Any) -> None:
    address = f"/admin/rules/version/{desk.pk}/try/"
    outside: list[str] = []
    page.on("request", lambda request: outside.append(request.url))
    page.goto(live_server.url + address)
    page.get_by_role("button", name="试跑", exact=True).click()
    page.locator("progress").wait_for()
    running.run_due(seconds=20)
    page.get_by_text("300 次判断中有 80 次会不同").wait_for()
    for name, path in (("try", address), ("sample", f"{address}0/")):
        for dress in worn(page, live_server.url, path):
            found = violations(page)
            assert not found, (name, dress, [v["id"] for v in found], found[0]["nodes"][0]["html"])
            assert not scrolls_sideways(page), (name, dress)
            if os.environ.get("PICTURES"):
                page.screenshot(path=f"{os.environ['PICTURES']}/{name}-{dress}.png", full_page=True)
    assert all(url.startswith((live_server.url, "data:", "blob:")) for url in outside)
