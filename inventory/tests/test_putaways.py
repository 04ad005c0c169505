"""From the dock to the shelf: measured from what both warehouse systems say, shown by warehouse and supplier; refusals."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

import inventory.queries
from inventory.models import PurchaseOrder, PutAway, Sku, Supplier, Warehouse
from inventory.operations.count import Counted, count
from inventory.putaways import delays
from inventory.tests.test_stockins import keep, receipt
from orderhub.actors import CLOCK
from orderhub.lifecycle import apply
from orderhub.testing.connections import connection
from orders.lifecycle import LIFECYCLE
from orders.models import Order
from orders.tests.stock_cast import goods, place, reserve, wants

pytestmark = pytest.mark.django_db


def ms(at: dt.datetime) -> str:
    return str(int(at.timestamp() * 1000))


@pytest.mark.parametrize("platform", ["wangdiantong", "wangdiantong_qiye"])
def test_that_the_delay_between_receipt_and_put_away_is_measured_and_shown(
    platform: str, client: Client
) -> None:
    inventory.queries._codes = None
    Warehouse.objects.create(code="HZ01", name="杭州自建仓")
    Sku.objects.create(code="CUP-1", name="杯", weight_g=1)
    account = connection(platform, "http://127.0.0.1:1")
    supplier = Supplier.objects.create(code="S1", name="木器厂")
    PurchaseOrder.objects.create(
        number="CG1", connection=account, supplier=supplier, warehouse=Warehouse.objects.get()
    )
    now = timezone.now().replace(microsecond=0)
    lines = [{"spec_no": "CUP-1", "num": 5}]
    for n, hours in enumerate((1, 2.5, 3)):
        begun = now - dt.timedelta(hours=hours)
        told: Any = (ms(begun), ms(now))
        if platform == "wangdiantong_qiye":
            told = tuple(f"{timezone.localtime(at):%Y-%m-%d %H:%M:%S}" for at in (begun, now))
        raw = receipt(f"RK{n}", lines, created_time=told[0], check_time=told[1])
        keep(account, f"RK{n}", "v1", raw)
        keep(account, f"RK{n}", "v2", receipt(f"RK{n}", lines, created_time=told[0], check_time=told[1], x=1))
    keep(account, "RK9", "v1", receipt("RK9", lines, created_time="soon", check_time="later"))
    assert PutAway.objects.count() == 3, (
        "each receipt once; one that says no times is put away and not measured"
    )
    (one,) = delays()
    assert (one.warehouse, one.supplier, one.receipts, one.pieces) == ("杭州自建仓", "木器厂", 3, 15)
    assert (one.half, one.most) == (dt.timedelta(hours=2.5), dt.timedelta(hours=3)) and one.slow
    client.force_login(User.objects.create_superuser("boss"))
    page = client.get(reverse("admin:shown_board")).content.decode()
    assert "从收货到上架" in page and "2 小时 30 分" in page and "3 小时 00 分" in page and "木器厂" in page


def test_that_a_warehouse_which_refuses_or_counts_wrong_is_believed_less(client: Client) -> None:
    sofa = goods("SOFA-1", 9)
    order = wants((sofa, 1))
    reserve(order)
    client.force_login(User.objects.create_superuser("boss"))
    page = client.get(reverse("admin:shown_board")).content.decode()
    assert "30 天内拒单 0 单" in page and "次，准确" not in page
    Order.objects.filter(pk=order.pk).update(state="routed", warehouse=place().warehouse)
    done = apply(
        LIFECYCLE, "refuse", [order.pk], actor=CLOCK,
        params={"houses": {order.pk: "HZ01"}, "reasons": {order.pk: "not there"}},
    )  # fmt: skip
    assert order.pk in done.moved
    count([Counted(sofa.pk, place().pk, 9, "x")], "one", "amy")
    count([Counted(sofa.pk, place().pk, 8, "x")], "two", "amy")
    page = client.get(reverse("admin:shown_board")).content.decode()
    assert "30 天内拒单 1 单" in page and "盘点 2 次，准确 1 次" in page
