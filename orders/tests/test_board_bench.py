"""The measurement of pages, on a small house: what it fills is what it asks for, and it tells what a page takes."""

from __future__ import annotations

import pytest

from orderhub import modules
from orderhub.benches import board, board_fill
from orderhub.invariants import check
from orders import standing
from orders.models import Measured, Order


@pytest.mark.django_db
def test_that_every_page_is_asked_and_none_counts_all_orders(monkeypatch):
    modules.forget()
    monkeypatch.setattr(board_fill, "STEP", 200)
    filled = board_fill.fill(600)
    assert Order.objects.count() == 600
    assert set(Order.objects.values_list("state", flat=True)) >= {"closed", *board_fill.OPEN}
    broken = check(["board_counts_orders", "holds_are_counted", "money_adds_up", "pieces_are_counted"])
    assert not broken
    assert sum(count.n for count in standing.counts()) == 600 - Order.objects.filter(state="closed").count()
    assert Measured.objects.count() > 540
    said = board.measure(filled, 2)
    assert set(said["pages"]) == set(board.addresses(filled))
    assert said["counts_all_orders"] == []
    for name in ("board", "waterfall"):
        assert said["pages"][name]["statements"] <= board.MOST_STATEMENTS
    assert "board" not in said["over_twelve_statements"]
