"""The measurement of pages, on a small house: what it fills is what it asks for, and it tells what a page takes."""

from __future__ import annotations

import pytest

from orderhub import modules
from orderhub.benches import board, reports
from orderhub.invariants import check
from orderhub.management.seeding import filling
from orders import standing
from orders.models import Measured, Order
from orders.reports import REPORTS


@pytest.mark.django_db
def test_that_every_page_is_asked_and_none_counts_all_orders(monkeypatch):
    modules.forget()
    monkeypatch.setattr(filling, "STEP", 200)
    filled = filling.fill(600)
    assert Order.objects.count() == 600
    assert not check()
    assert (
        sum(count.n for count in standing.counts())
        == 600 - Order.objects.filter(state__in=["closed", "cancelled"]).count()
    )
    assert Measured.objects.count() > 500
    said = board.measure(filled, 2)
    assert set(said["pages"]) == set(board.addresses(filled))
    assert said["counts_all_orders"] == []
    many = set(said["over_twelve_statements"])
    assert many <= {"order_page", "number", "phone_tail", "waybill"}, many
    asked = reports.measure(filled.orders, 1)
    assert len(asked["reports"]) == sum(len(report.dims) for report in REPORTS.values())
