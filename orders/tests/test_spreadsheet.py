"""A channel that is a file: how little the next channel takes, tried."""

from __future__ import annotations

import datetime as dt
import io
from decimal import Decimal
from typing import Any

import openpyxl
import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from inventory.models import Sku
from orderhub.inbound.models import Payload
from orderhub.models import Connection
from orders.models import Hold, Order, Shop
from orders.providers import channel_of
from orders.providers.base import Unreadable
from orders.tasks import advance

pytestmark = pytest.mark.django_db
NOW = dt.datetime(2026, 11, 26, 1, 0, tzinfo=dt.UTC)
HEAD = "订单号,下单时间,状态,付款时间,收款单号,应付金额,实收金额,运费,收货人,电话,省,市,区,详细地址,商品编码,商品名称,数量,单价"
PAID = (
    "S1,2026-11-25 10:00:00,已付款,2026-11-25 10:01:00,R-778,{due},{paid},5,王秀英,13812345678,浙江省,杭州市,余杭区,"
    "文一西路969号,B1,花瓶,2,10"
)
SECOND = "S1,,,,,,,,,,,,,,B2,花盆,1,30.5"
DUE = Decimal("55.50")


def sheet(*rows: str, encoding: str = "gb18030") -> bytes:
    return "\r\n".join((HEAD, *rows)).encode(encoding)


@pytest.fixture
def shop() -> Shop:
    Sku.objects.bulk_create([Sku(code=code, name=code, weight_g=100) for code in ("B1", "B2")])
    account = Connection.objects.create(
        code="sheet", platform="spreadsheet", name="团购", base_url="https://x.example"
    )
    return Shop.objects.create(code="sheet", name="团购表", channel="spreadsheet", connection=account)


@pytest.fixture
def desk(shop: Shop) -> Client:
    browser = Client()
    browser.force_login(User.objects.create_superuser("boss"))
    return browser


def bring(desk: Client, shop: Shop, data: bytes) -> Any:
    """Both presses: the preview, then what it shows is taken in."""
    address = reverse("admin:shop_file", args=[shop.pk])
    seen = desk.post(address, {"file": io.BytesIO(data)})
    assert Payload.objects.count() == 0 or Order.objects.exists(), "the preview writes nothing"
    if "sealed" in seen.context:
        desk.post(address, {"sealed": seen.context["sealed"]})
    return seen


def test_that_rows_of_one_number_are_one_order_and_the_same_sheet_again_is_no_news(
    desk: Client, shop: Shop
) -> None:
    for _again in range(2):
        bring(desk, shop, sheet(PAID.format(due=DUE, paid=DUE), SECOND))
    order = Order.objects.get()
    assert (order.channel_number, order.state, order.payable, order.line_count) == ("S1", "claimed", DUE, 2)
    assert sum(order.lines.values_list("payable", flat=True)) == DUE
    assert order.receiver.visibility == "plain" and b"969" not in bytes(order.receiver.plain_enc)
    assert Payload.objects.filter(kind="order").count() == 1
    advance()
    order.refresh_from_db()
    assert order.state in ("paid", "reserved", "routed") and not Hold.objects.filter(type="payment").exists()


def test_that_money_that_is_not_what_was_due_is_held(desk: Client, shop: Shop) -> None:
    bring(desk, shop, sheet(PAID.format(due=DUE, paid="50"), SECOND))
    advance()
    assert Order.objects.get().state == "claimed"
    assert "50.00" in Hold.objects.get(type="payment").reason


def test_that_a_bad_row_is_set_aside_in_words_and_the_others_come_in(desk: Client, shop: Shop) -> None:
    bad = PAID.format(due=DUE, paid=DUE).replace("S1,", "S2,").replace("已付款", "已成交")
    seen = bring(desk, shop, sheet(bad, PAID.format(due=DUE, paid=DUE), SECOND, encoding="utf-8-sig"))
    assert (seen.context["good"], seen.context["bad"]) == (1, 1)
    assert Order.objects.get().channel_number == "S1"
    assert "已成交" in Payload.objects.get(state="set_aside").reason


def test_that_a_file_changed_between_the_presses_is_refused(desk: Client, shop: Shop) -> None:
    answer = desk.post(reverse("admin:shop_file", args=[shop.pk]), {"sealed": "QUJD"})
    assert answer.context["error"] and not Payload.objects.exists()


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xfe\x00", b"PK\x03\x04 no", "订单号\nS1".encode(), HEAD.encode()]
)
def test_that_a_file_that_is_no_sheet_brings_nothing_and_no_fault(data: bytes) -> None:
    try:
        assert channel_of("spreadsheet").split(data, NOW) == []
    except Unreadable as error:
        assert error.text


def test_that_an_excel_sheet_reads_like_its_csv() -> None:
    book = openpyxl.Workbook()
    for row in (HEAD, PAID.format(due=DUE, paid=DUE), SECOND):
        book.active.append(row.split(","))
    file = io.BytesIO()
    book.save(file)
    written = sheet(PAID.format(due=DUE, paid=DUE), SECOND)
    (excel,), (text,) = (channel_of("spreadsheet").split(data, NOW) for data in (file.getvalue(), written))
    assert (excel.raw, excel.version) == (text.raw, text.version)
