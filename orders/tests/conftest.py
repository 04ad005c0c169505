"""A small named cast: a Taobao shop, an own shop, two warehouses with stock, and payloads like the channels send."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from django.utils import timezone

from inventory.models import Bin, Sku, Warehouse
from inventory.operations.receive import opening
from orderhub import modules
from orderhub.models import Connection
from orders.models import Shop

SHANGHAI = dt.timezone(dt.timedelta(hours=8))


@pytest.fixture(autouse=True)
def fresh_caches() -> None:
    import inventory.queries as queries

    queries._codes = None
    modules.forget()


@pytest.fixture
def warehouses(db: None) -> dict[str, Warehouse]:
    """HZ01 with 100 of each good in two bins, SH01 with 10 of each."""
    made = {
        "HZ01": Warehouse.objects.create(code="HZ01", name="杭州自建仓", priority=10),
        "SH01": Warehouse.objects.create(code="SH01", name="上海小仓", priority=20),
    }
    skus = [
        Sku.objects.create(code=code, name=name, weight_g=300)
        for code, name in (("CUP-1", "马克杯"), ("BOX-1", "收纳箱"))
    ]
    bins = {
        "A": Bin.objects.create(warehouse=made["HZ01"], code="A-01-01"),
        "B": Bin.objects.create(warehouse=made["HZ01"], code="A-01-02"),
        "C": Bin.objects.create(warehouse=made["SH01"], code="S-01"),
    }
    opening([(s.id, bins["A"].id, 60) for s in skus] + [(s.id, bins["B"].id, 40) for s in skus])
    opening([(s.id, bins["C"].id, 10) for s in skus])
    return made


@pytest.fixture
def taobao(warehouses: dict[str, Warehouse]) -> Shop:
    connection = Connection.objects.create(
        code="taobao-main", platform="taobao", name="淘宝店", base_url="http://127.0.0.1:1"
    )
    return Shop.objects.create(code="taobao", name="淘宝店", channel="taobao", connection=connection)


@pytest.fixture
def own_shop(warehouses: dict[str, Warehouse]) -> Shop:
    connection = Connection.objects.create(
        code="own-shop", platform="own_shop", name="自营", base_url="http://127.0.0.1:1"
    )
    pay = Connection.objects.create(
        code="alipay-main",
        platform="alipay",
        name="支付宝",
        base_url="http://127.0.0.1:1",
        options={"seller_id": "2088"},
    )
    shop = Shop.objects.create(code="own", name="自营", channel="own_shop", connection=connection)
    shop.payment_connections.add(pay)
    return shop


def beijing(at: dt.datetime) -> str:
    return at.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")


def trade(tid: str, **changes: Any) -> dict[str, Any]:
    """A paid Taobao trade of two lines, 50.00 in all with 5.00 freight and 3.00 off."""
    at = changes.pop("at", timezone.now() - dt.timedelta(hours=1))
    body: dict[str, Any] = {
        "tid": int(tid), "tid_str": tid, "status": "WAIT_SELLER_SEND_GOODS", "payment": "50.00", "post_fee": "5.00",
        "created": beijing(at), "pay_time": beijing(at), "modified": beijing(at), "buyer_open_uid": f"buyer{tid}",
        "receiver_name": "王**", "receiver_mobile": "1**********", "receiver_state": "浙江省", "receiver_city": "杭州市",
        "receiver_district": "余杭区", "receiver_town": "仓前街道", "receiver_address": "****", "oaid": f"oaid{tid}",
        "orders": {"order": [
            {"oid_str": f"{tid}1", "title": "马克杯", "outer_sku_id": "CUP-1", "num": 2, "price": "12.00",
             "divide_order_fee": "22.50", "refund_status": "NO_REFUND"},
            {"oid_str": f"{tid}2", "title": "收纳箱", "outer_sku_id": "BOX-1", "num": 1, "price": "24.00",
             "divide_order_fee": "22.50", "refund_status": "NO_REFUND"},
        ]},
    }  # fmt: skip
    body.update(changes)
    return body


def own_order(number: str, **changes: Any) -> dict[str, Any]:
    """An own-shop order of one line, 29.00 with 5.00 freight."""
    at = changes.pop("at", timezone.now())
    body: dict[str, Any] = {
        "number": number, "created_at": at.astimezone(SHANGHAI).isoformat(), "buyer": {"id": f"b-{number}"},
        "receiver": {"name": "王小明", "phone": "13812345678", "province": "浙江省", "city": "杭州市", "district": "余杭区",
                     "town": "仓前街道", "address": "文一西路969号3栋201", "lng": 120.0, "lat": 30.28, "datum": "gcj02"},
        "lines": [{"line_id": f"{number}-1", "sku": "CUP-1", "title": "马克杯", "quantity": 2, "unit_price": "12.00"}],
        "freight": "5.00", "payable": "29.00",
    }  # fmt: skip
    body.update(changes)
    return body


def raw(body: Any) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()
