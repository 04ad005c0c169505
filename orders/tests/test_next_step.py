"""Why an order waits is said in words, whichever refusal keeps it, and what a person can do about it."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone, translation

from orders.admin.next_step import HELD, REMEDY, WAITING, next_step, what_now
from orders.models import Hold, HoldType, Order
from routing.guards import PENDING
from routing.operations.route import FORBIDDEN, UNREACHED

FOLDERS = ("orders/operations", "orders", "routing/operations", "routing")
#: Nothing waits with these: the order is gone, or is somewhere else.
NOT_KEPT = {"missing", "wrong_state"}


@pytest.fixture(autouse=True)
def _in_chinese() -> Iterator[None]:
    """A request of another test may have left its language behind."""
    with translation.override("zh-hans"):
        yield


def refusals() -> set[str]:
    """Every code that the order's own touches refuse with, read from the sources."""
    found = {PENDING, FORBIDDEN, UNREACHED}
    for folder in FOLDERS:
        for file in Path(settings.BASE_DIR, folder).glob("*.py"):
            found.update(re.findall(r'Refusal\(\s*"([a-z_]+)"', file.read_text("utf-8")))
    return found - NOT_KEPT


def test_that_every_refusal_has_its_words() -> None:
    assert "no_capacity" in refusals() and refusals() <= set(WAITING)
    assert set(REMEDY) <= set(WAITING)


def test_that_every_hold_says_what_to_do_and_where_it_is_settled() -> None:
    assert set(HELD) == set(HoldType) and all(re.search("[一-鿿]", what_now(kind)) for kind in HoldType)
    step = next_step(Order(state="reserved"), [Hold(type="address", reason="两处相近")], [])
    assert (step.link, step.action) == ("/admin/review/", "去审核地址") and "地址审核" in step.text
    refund = next_step(Order(state="routed"), [Hold(type="refund", reason="买家申请退款。")], [])
    assert refund.text == "买家申请退款。 " + what_now("refund") and refund.link == "#holds"


@pytest.mark.parametrize("late", [False, True])
def test_that_an_order_without_a_place_says_why_when_and_what_can_be_done(late: bool) -> None:
    now = timezone.now()
    order = Order(
        state="reserved", refusal="no_capacity", next_try_at=now + dt.timedelta(minutes=30),
        promised_ship_at=now + dt.timedelta(hours=-1 if late else 5),
    )  # fmt: skip
    step = next_step(order, [], [])
    assert (step.tone, step.link, step.action) == ("warn", "#panel-route", "改选其他网点")
    assert "可达网点今日已无余量" in step.text and "分钟" in step.text
