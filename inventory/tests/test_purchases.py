"""What is ordered from suppliers is known as the WMS knows it, and what of it is received is what the ledger says."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from inventory import availability
from inventory.models import PurchaseLine, PurchaseOrder, Sku, Supplier
from inventory.providers import purchases as provider
from inventory.providers import stockins
from inventory.tests.test_stockins import PRODUCTS, box, codes, world
from orderhub.inbound.keeping import Kept, keep_many
from orderhub.inbound.processing import process
from orderhub.integrations.registry import client
from orderhub.models import Connection, Payload
from orderhub.sandbox.tests.served import Served
from orderhub.testing.connections import connection

__all__ = ["box", "codes", "world"]
pytestmark = pytest.mark.django_db


def buy(account: Connection, number: str, lines: list[tuple[str, int]], **more: Any) -> None:
    info = {
        "purchase_no": number, "provider_no": "S1", "receive_warehouse_nos": "HZ01", "expect_warehouse_no": "HZ01",
        "purchaser_name": "周敏", "expect_arrive_time": "2026-12-01 12:00:00",
        "purchase_details": [{"spec_no": code, "num": n, "price": 3} for code, n in lines], **more,
    }  # fmt: skip
    if account.platform == "wangdiantong":
        client(account).call("purchase.PurchaseOrder.createOrder", [info], effect=True)
    else:
        client(account).call("purchase_order_push", {"purchase_info": info}, effect=True)


def poll() -> None:
    provider.pull()
    process("purchase")
    stockins.pull()
    process("stockin")


def told(number: str = "CG1", **changes: Any) -> bytes:
    row: dict[str, Any] = {
        "purchase_no": number, "provider_no": "S1", "provider_name": "宁波织造厂", "warehouse_no": "HZ01", "status": 40,
        "modified": 1673511761000, "created": 1673511761000, "expect_arrive_time": "2026-12-01 12:00:00",
        "detail_list": [],
    }  # fmt: skip
    return json.dumps({**row, **changes}, ensure_ascii=False).encode()


def keep(account: Connection, raw: bytes, number: str = "CG1", version: str = "v") -> None:
    keep_many(account.id, [Kept("purchase", number, version, raw)])
    process("purchase")


def lines(number: str = "CG1") -> dict[str, tuple[int, int, int]]:
    rows = PurchaseLine.objects.filter(order__number=number)
    return {row[0]: row[1:] for row in rows.values_list("sku__code", "ordered", "received", "stopped")}


@pytest.mark.parametrize("platform", PRODUCTS)
def test_that_an_order_is_polled_and_its_parts_arrive_once_each(
    box: Served, codes: list[str], platform: str
) -> None:
    account = connection(platform, box.url)
    buy(
        account,
        "CG1",
        [(codes[0], 40), (codes[1], 7)],
        arrivals=[[0, {codes[0]: 15}], [9999, {codes[0]: 25, codes[1]: 7}]],
    )
    for _again in range(3):
        poll()
    order = PurchaseOrder.objects.get()
    assert (order.number, order.supplier.name, order.warehouse.code) == ("CG1", "宁波织造厂", "HZ01")
    assert order.state == "partial" and order.connection == account
    assert order.expected_at is not None and order.expected_at.isoformat() == "2026-12-01T04:00:00+00:00"
    assert lines() == {codes[0]: (40, 15, 0), codes[1]: (7, 0, 0)}
    assert [line.on_the_way for line in order.lines.order_by("sku__code")] == [25, 7]


def test_that_what_the_supplier_will_not_send_is_no_longer_on_the_way(box: Served, codes: list[str]) -> None:
    account = connection("wangdiantong", box.url)
    buy(account, "CG1", [(codes[0], 40)], arrivals=[[0, {codes[0]: 15}], [9999, {codes[0]: 25}]])
    poll()
    client(account).call("purchase.PurchaseOrder.pending", [["CG1"]], effect=True)
    poll()
    assert lines() == {codes[0]: (40, 15, 25)}
    line = PurchaseLine.objects.get()
    assert line.on_the_way == 0 and line.order.state == "received"


def test_that_a_receipt_before_its_order_is_counted_when_the_order_comes(
    box: Served, codes: list[str]
) -> None:
    account = connection("wangdiantong", box.url)
    buy(account, "CG1", [(codes[0], 9)])
    stockins.pull()
    process("stockin")
    assert not PurchaseOrder.objects.exists()
    provider.pull()
    process("purchase")
    assert lines() == {codes[0]: (9, 9, 0)}


def test_that_an_older_version_changes_nothing_and_a_newer_one_replaces_lines(
    box: Served, codes: list[str]
) -> None:
    account = connection("wangdiantong", box.url)
    first = [{"spec_no": codes[0], "num": "5"}, {"spec_no": codes[1], "num": "2", "price": "1.25"}]
    keep(account, told(detail_list=first, modified="2026-01-02 10:00:00"), version="b")
    keep(account, told(detail_list=[], modified="2026-01-01 10:00:00"), version="a")
    assert lines() == {codes[0]: (5, 0, 0), codes[1]: (2, 0, 0)}
    newer = [{"spec_no": codes[0], "num": "6"}, {"spec_no": codes[0].lower(), "num": 1}]
    keep(account, told(detail_list=newer, modified="2026-01-03 10:00:00", status=10), version="c")
    assert lines() == {codes[0]: (7, 0, 0)}
    assert PurchaseOrder.objects.get().state == "cancelled"


def test_that_the_same_number_at_two_systems_is_two_orders(box: Served, codes: list[str]) -> None:
    for platform in PRODUCTS:
        keep(connection(platform, box.url), told(detail_list=[{"spec_no": codes[0], "num": 5}]))
    assert PurchaseOrder.objects.count() == 2 and Supplier.objects.count() == 1


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"\x00{", "not_json"), (b"[]", "not_json"), (told(""), "bad_purchase"), (told(provider_no=""), "bad_purchase"),
        (told(status=77), "unknown_state"), (told(status="四"), "unknown_state"), (told(modified="soon"), "bad_time"),
        (told(modified="9" * 30), "bad_time"), (told(warehouse_no="MOON"), "no_warehouse"),
        (told(detail_list=[{"spec_no": "nobody-knows", "num": 1}]), "no_sku"),
        (told(detail_list=[{"spec_no": "X", "num": "NaN"}]), "bad_number"),
        (told(detail_list=[{"spec_no": "X", "num": "1.5"}]), "bad_number"),
    ],
)  # fmt: skip
def test_that_an_order_that_cannot_be_read_is_set_aside_alone(
    box: Served, codes: list[str], raw: bytes, code: str
) -> None:
    account = connection("wangdiantong", box.url)
    good = told("CG2", detail_list=[{"spec_no": codes[0], "num": 3}])
    keep_many(account.id, [Kept("purchase", "CG1", "v", raw), Kept("purchase", "CG2", "v", good)])
    process("purchase")
    aside = Payload.objects.get(external_id="CG1")
    assert (aside.state, aside.reason_code) == ("set_aside", code)
    assert lines("CG2") == {codes[0]: (3, 0, 0)}


@pytest.mark.parametrize("day", ["1970-01-01 08:00:00", "0", "2999-12-31 00:00:00", "0000-00-00 00:00:00"])
def test_that_a_day_that_is_none_of_trade_promises_nothing(box: Served, codes: list[str], day: str) -> None:
    account = connection("wangdiantong", box.url)
    keep(account, told(detail_list=[{"spec_no": codes[0], "num": 40}], expect_arrive_time=day))
    order = PurchaseOrder.objects.get(number="CG1")
    assert (order.expected_at, lines()) == (None, {codes[0]: (40, 0, 0)})
    assert not availability.shown([Sku.objects.get(code=codes[0]).pk])[
        Sku.objects.get(code=codes[0]).pk
    ].coming
    line = order.lines.get()
    for year in (1970, 2014, 2999):
        order.expected_at = line.expected_at = dt.datetime(year, 7, 1, tzinfo=dt.UTC)
        for one in (order, line):
            with pytest.raises(ValidationError) as refused:
                one.full_clean()
            assert list(refused.value.message_dict) == ["expected_at"], (one, year)
    order.expected_at = line.expected_at = dt.datetime(timezone.localdate().year + 1, 7, 1, tzinfo=dt.UTC)
    order.full_clean(), line.full_clean()


def test_that_the_sql_of_a_batch_does_not_grow_with_it(box: Served, codes: list[str]) -> None:
    account = connection("wangdiantong", box.url)
    keep(account, told("CG0", detail_list=[{"spec_no": codes[0], "num": 1}]), "CG0")
    counts = []
    for start, n in ((100, 1), (200, 5)):
        every = [
            Kept(
                "purchase",
                f"CG{start + i}",
                "v",
                told(f"CG{start + i}", detail_list=[{"spec_no": codes[0], "num": i + 1}]),
            )
            for i in range(n)
        ]
        keep_many(account.id, every)
        with CaptureQueriesContext(database) as queries:
            process("purchase")
        counts.append(len(queries))
    assert counts[0] == counts[1] and PurchaseOrder.objects.count() == 7
    assert Sku.objects.count() == 2
