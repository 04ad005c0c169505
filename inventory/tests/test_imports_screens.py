"""The pages of imports in every dress, and a file brought and applied by hand on a telephone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from inventory.models import Stock
from inventory.tests.test_imports import COUNTS, applied, brought, sheet
from orderhub.jobs import running
from orderhub.testing.dresses import scrolls_sideways, signed_in, violations, worn
from orders.tests.stock_cast import goods

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_that_the_pages_are_clean_in_every_dress_and_a_file_is_brought_on_a_telephone(
    live_server: Any, page: Any, tmp_path: Path
) -> None:
    for n in range(8):
        goods(f"SOFA-{n}", 8)
    boss = User.objects.create_superuser("boss")
    signed_in(page, live_server.url, boss)
    rows = [("HZ01", "A-01", f"SOFA-{n}", 8 if n % 3 else 7, "年终盘点") for n in range(8)]
    bad = [("HZ01", "A-01", "SOFA-1", "2.5", "年终盘点"), ("HZ01", "Z-99", "SOFA-2", 3, "年终盘点")]
    checked = brought("counts", sheet(COUNTS, *rows, *bad), boss, "年终盘点-杭州.csv")
    done = applied(
        brought(
            "skus", sheet(("SKU", "名称"), ("SOFA-0", "云朵沙发"), ("SOFA-9", "新沙发")), boss, "goods.csv"
        ),
        boss,
    )
    unread = brought("counts", sheet(("A", "B"), (1, 2)), boss, "wrong.csv")
    one = {name: reverse("admin:imports_one", args=[made.pk]) for name, made in
           (("checked", checked), ("applied", done), ("unreadable", unread))}  # fmt: skip
    screens = {"all": reverse("admin:imports"), **one}
    for name, path in screens.items():
        for dress in worn(page, live_server.url, path):
            found = violations(page)
            if os.environ.get("PICTURES"):
                page.screenshot(path=f"{os.environ['PICTURES']}-{name}-{dress}.png", full_page=True)
            told = [(v["id"], v["nodes"][0]["html"][:160]) for v in found]
            assert not told, (name, dress, told)
            assert not scrolls_sideways(page), (name, dress)
    file = tmp_path / "count.csv"
    file.write_bytes(sheet(COUNTS, ("HZ01", "A-01", "SOFA-1", 5, "found fewer")))
    page.goto(live_server.url + screens["all"])
    page.get_by_label("What is in it").select_option("counts")
    page.get_by_label("File", exact=True).set_input_files(str(file))
    page.get_by_role("button", name="Show what it would change").click()
    page.get_by_text("The file is being checked").wait_for()
    running.run_due()
    page.get_by_role("button", name="Apply 1 rows").click()
    page.get_by_text("The file is being applied").wait_for()
    running.run_due()
    page.get_by_role("heading", name="Applied").wait_for()
    assert Stock.objects.get(sku__code="SOFA-1").on_hand == 5
