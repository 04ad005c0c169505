"""Editing in Chromium: the plain table by keyboard, two people at one draft, Excel, the canvas; widths, themes, axe."""

from __future__ import annotations

import os
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User

from orderhub.rules import engine, publishing, seeding
from orderhub.rules.models import Version
from orderhub.rules.tests.test_try_browser import PASSWORD
from orderhub.testing.dresses import scrolls_sideways, signed_in, violations, worn

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def draft(transactional_db: None, toy: None, live_server: Any, page: Any) -> Version:
    seeding.seed()
    engine.forget()
    boss = User.objects.create_superuser("boss")
    signed_in(page, live_server.url, boss)
    return publishing.new_draft("toy", "plain", boss)


def saved(page: Any) -> None:
    page.wait_for_function("document.getElementById('rules-saved').textContent.startsWith('已保存')")


def rules(version: Version) -> list[dict[str, str]]:
    version.refresh_from_db()
    table = next(node for node in version.document["nodes"] if node["type"] == "decisionTableNode")
    found: list[dict[str, str]] = table["content"]["rules"]
    return found


def test_that_a_clerk_changes_a_figure_and_adds_a_row_by_keyboard(
    draft: Version, live_server: Any, page: Any
) -> None:
    page.goto(f"{live_server.url}/admin/rules/version/{draft.pk}/table/")
    page.get_by_label("行 1, Amount, 值", exact=True).fill("150")
    saved(page)
    assert rules(draft)[0]["in_amount"] == "> 150"
    page.get_by_role("button", name="添加一行").click()
    page.keyboard.press("Tab")
    row = page.locator("tbody tr").nth(2)
    row.get_by_label("行 3, Town, 条件").select_option("is")
    page.keyboard.type("萧山、滨江")
    row.get_by_label("行 3, Fee").fill("5")
    row.get_by_label("行 3, Insure").select_option("true")
    saved(page)
    assert [r["in_town"] for r in rules(draft)] == ["", "'余杭', '临安'", "'萧山', '滨江'", ""], (
        "before the one for the rest"
    )
    assert (rules(draft)[2]["out_fee"], rules(draft)[2]["out_insure"]) == ("5", "true")
    page.get_by_role("button", name="删除这一行 行 1").click()
    saved(page)
    page.get_by_role("button", name="撤销").click()
    saved(page)
    assert len(rules(draft)) == 4
    page.get_by_label("行 1, Fee").fill("amount / 0")
    page.locator("#rules-faults li").first.wait_for()
    assert "Fee" in page.locator("#rules-faults").inner_text()


def test_that_the_second_of_two_is_told_and_sees_both(draft: Version, live_server: Any, page: Any) -> None:
    page.goto(f"{live_server.url}/admin/rules/version/{draft.pk}/table/")
    other = User.objects.create_user("xiaoli")
    theirs = draft.document
    theirs["nodes"][1]["content"]["rules"][0]["in_amount"] = "> 999"
    publishing.save_draft(draft.pk, theirs, draft.revision, other)
    page.get_by_label("行 2, Fee").fill("7")
    page.locator("#rules-stale").wait_for()
    assert (
        "xiaoli" in page.locator("#rules-stale").inner_text()
        and "999" in page.locator("#rules-stale").inner_text()
    )
    assert rules(draft)[1]["out_fee"] == "3", "nothing was written over"
    page.get_by_role("button", name="采用对方的").click()
    assert page.get_by_label("行 1, Amount, 值", exact=True).input_value() == "999"
    page.get_by_label("行 2, Fee").fill("7")
    saved(page)
    assert (rules(draft)[0]["in_amount"], rules(draft)[1]["out_fee"]) == ("> 999", "7")


def test_that_the_canvas_loads_nothing_from_outside_and_saves(
    draft: Version, live_server: Any, page: Any
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{live_server.url}/admin/rules/version/{draft.pk}/canvas/")
    page.locator("#rules-canvas .react-flow__node").first.wait_for()
    assert page.locator("#rules-canvas").get_by_text("cover").count()
    assert page.locator("#rules-canvas").get_by_text("流程图", exact=True).count(), (
        "its own words are Chinese"
    )
    if os.environ.get("PICTURES"):
        page.screenshot(path=f"{os.environ['PICTURES']}/canvas-1440.png")
    page.get_by_text("编辑决策表").first.click()
    page.wait_for_timeout(700)
    if os.environ.get("PICTURES"):
        page.screenshot(path=f"{os.environ['PICTURES']}/canvas-table-1440.png")
    outside = [url for url in asked if not url.startswith((live_server.url, "data:", "blob:"))]
    assert not outside
    weight = page.evaluate(
        "performance.getEntriesByType('resource').reduce((sum, one) => sum + one.encodedBodySize, 0)"
    )
    print(f"canvas: {len(asked)} requests, {weight / 1e6:.2f} MB as served here")


def test_that_the_table_holds_to_wcag_22_aa_at_both_widths(
    draft: Version, live_server: Any, page: Any
) -> None:
    for dress in worn(page, live_server.url, f"/admin/rules/version/{draft.pk}/table/"):
        page.locator("tbody tr").first.wait_for()
        found = violations(page)
        assert not found, (dress, [(v["id"], v["nodes"][0]["html"]) for v in found])
        assert not scrolls_sideways(page), dress
        if os.environ.get("PICTURES"):
            page.screenshot(path=f"{os.environ['PICTURES']}/table-{dress}.png", full_page=True)


def test_that_javascript_is_offered_only_to_those_who_may_write_it(
    draft: Version, live_server: Any, page: Any
) -> None:
    page.goto(f"{live_server.url}/admin/rules/version/{draft.pk}/canvas/")
    page.locator("#rules-canvas .react-flow__node").first.wait_for()
    assert page.evaluate("globalThis.canvasFunctions") is True
    clerk = User.objects.create_user("clerk", password=PASSWORD, is_staff=True)
    clerk.user_permissions.add(*Permission.objects.filter(codename__in=["view_ruleset", "change_ruleset"]))
    page.context.clear_cookies()
    page.goto(f"{live_server.url}/admin/login/")
    page.fill("input[name=username]", "clerk")
    page.fill("input[name=password]", PASSWORD)
    page.press("input[name=password]", "Enter")
    page.goto(f"{live_server.url}/admin/rules/version/{draft.pk}/canvas/")
    page.locator("#rules-canvas .react-flow__node").first.wait_for()
    assert page.evaluate("globalThis.canvasFunctions") is False
    assert page.locator("#rules-canvas").get_by_text("决策表").count()
    assert not page.locator("#rules-canvas .draggable-component").filter(has_text="JavaScript").count()
    javascript = {"nodes": [{"id": "f", "type": "functionNode", "name": "f", "content": {}}], "edges": []}
    status = page.evaluate(
        """async ([url, document]) => (await fetch(url, {method: "POST", headers: {"Content-Type": "application/json",
        "X-CSRFToken": JSON.parse(window.document.getElementById("rules-canvas-config").textContent).token},
        body: JSON.stringify({document, input: {}})})).status""",
        [f"/admin/rules/version/{draft.pk}/run/", javascript],
    )
    assert status == 403


def test_that_the_built_canvas_is_built_from_these_sources() -> None:
    import hashlib
    from pathlib import Path

    from django.conf import settings

    source, built = (
        Path(settings.BASE_DIR, "orderhub/rules/canvas"),
        Path(settings.BASE_DIR, "static/rules/canvas"),
    )
    names = ("package.json", "package-lock.json", "vite.config.js", "zh.json", "src/main.jsx")
    said = hashlib.sha256(b"".join((source / name).read_bytes() for name in names)).hexdigest()
    assert (built / "SOURCE.sha256").read_text().strip() == said, (
        "npm ci && npm run build in orderhub/rules/canvas"
    )
    assert "@gorules/jdm-editor 1.52.0 (MIT)" in (built / "LICENCES.txt").read_text("utf-8")
    assert "http" not in "".join(
        line for line in (source / "package-lock.json").read_text().splitlines() if "resolved" in line
    )
