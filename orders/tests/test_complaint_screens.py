"""Complaint words in Chromium, in every dress: the words, a word that is chosen, a file shown before it is kept; axe."""

from __future__ import annotations

import os
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from orderhub.rules import engine, publishing, seeding
from orderhub.rules.models import Version
from orderhub.testing.dresses import scrolls_sideways, settled, signed_in, violations, worn
from orders.models import ComplaintWord
from orders.operations import complaining
from orders.tests import aftersale_cast as cast
from orders.tests.test_complaints import DAY, said

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
#: A target smaller than this is not hit by a thumb (WCAG 2.2, 2.5.8).
THUMB = 24
FILE = "评价编号,店铺,订单号,评分,内容,时间\nr1,own,,1,还没发货 13812345678,2026-06-01 10:00\nr2,x,,1,破损,2026-06-01"


@pytest.fixture
def desk(transactional_db: None, live_server: Any, page: Any) -> Any:
    """Words that rose and fell on two channels; from one of them a rule was made that is four weeks old."""
    seeding.seed()
    engine.forget()
    complaining.seed_words()
    signed_in(page, live_server.url, User.objects.create_superuser("boss"))
    word = ComplaintWord.objects.get(word="没发货")
    draft = complaining.draft_rule(word, None)
    publishing.publish(draft.id, None)
    Version.objects.filter(id=draft.id).update(published_at=timezone.now() - 28 * DAY)
    for _ in range(3):
        cast.order("signed", goods=(("CUP-1", 1, "9.00"),))
    for weeks in range(12):
        said(
            "拍下一周了还没发货，问客服也没人理，包装太差劲，再也不会来这家店买东西了",
            1 + weeks % 4,
            weeks * 7 * DAY + DAY,
        )
    said("迟迟不发，包装太差", 3, 2 * DAY, "tb", "taobao")
    yield word
    engine.forget()


def faults(page: Any, name: str, width: int) -> list[Any]:
    """What axe finds, what sticks out sideways, and on a telephone what a thumb does not hit."""
    if os.environ.get("PICTURES"):
        page.screenshot(path=f"{os.environ['PICTURES']}/complaints-{name}.png", full_page=True)
    found = [(name, one["id"], one["nodes"][0]["html"][:200]) for one in violations(page)]
    if scrolls_sideways(page):
        found.append((name, "scrolls sideways", ""))
    if width == 390:
        small = page.evaluate(
            """least => [...document.querySelectorAll('.oh-card button, .oh-card select, .oh-card input:not([type=hidden])')]
               .filter(e => e.offsetParent && e.getBoundingClientRect().height < least).map(e => e.outerHTML.slice(0, 120))""",
            THUMB,
        )
        found += [(name, "too small for a thumb", each) for each in small]
    return found


def test_that_complaint_words_are_read_in_every_dress(
    desk: ComplaintWord, live_server: Any, page: Any
) -> None:
    here = "/admin/rules/complaints/"
    found: list[Any] = []
    for dress in worn(page, live_server.url, here, height=844):
        assert page.locator(".oh-card tbody tr").count() >= 5, "the words that ship"
        found += faults(page, f"words-{dress}", dress.width)
    for dress in worn(page, live_server.url, f"{here}?word={desk.pk}", height=844):
        assert page.locator("#chosen table").count() == 2, "by week, and before and after the rule"
        assert '">' not in page.locator("#chosen").inner_text(), "no mark-up is read as words"
        found += faults(page, f"chosen-{dress}", dress.width)
    for dress in worn(page, live_server.url, f"{here}bring/", height=844):
        if page.locator("#look-title").count() == 0:  # loaded anew, not only in another theme
            page.set_input_files(
                "#bring-file", {"name": "reviews.csv", "mimeType": "text/csv", "buffer": FILE.encode()}
            )
            page.locator("#bring-file").locator("xpath=ancestor::form").locator("button").click()
            page.locator("#look-title").wait_for()
        settled(page)
        assert "13812345678" not in page.content()
        found += faults(page, f"bring-{dress}", dress.width)
    assert not found, "\n".join(map(str, found))


def test_that_on_a_telephone_a_word_becomes_a_drafted_rule_by_one_tap(
    desk: ComplaintWord, live_server: Any, page: Any
) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{live_server.url}/admin/rules/complaints/")
    row = page.locator("tr", has_text="没物流")
    button = row.get_by_role("button")
    box = button.bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 390, "seen without scrolling a table sideways"
    button.click()
    page.wait_for_url("**/rules/version/*/table/")
    word = ComplaintWord.objects.get(word="一直没物流")
    assert Version.objects.get(id=word.version_id or 0).state == "draft"
