"""The storefront asks for the numbers of 5,000 SKUs at once: how long its page waits for the whole answer.

Stock in eight bins each, a part on the way, a part held by unpaid orders, some bundles; rules decide the limit of each.
"""

from __future__ import annotations

import statistics
import time
import uuid
from datetime import timedelta
from typing import Any

from django.db import connection
from django.test import Client
from django.utils import timezone

from inventory.models import (
    Bin,
    BundlePart,
    PurchaseLine,
    PurchaseOrder,
    Reservation,
    Sku,
    SkuCode,
    Stock,
    Supplier,
    Warehouse,
)
from orderhub import collecting, crypto
from orderhub.integrations.models import Connection
from orders.models import Shop

SKUS, BINS, GOAL = 5_000, 8, 50.0
TOKEN = "available-bench-token"


def run(*, long: bool) -> dict[str, Any]:
    """Twenty questions (`long`: a hundred) after a warm one; milliseconds as the shop's page waits."""
    codes = _goods()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")  # as autovacuum does within a minute
    client = Client(SERVER_NAME="127.0.0.1", headers={"Authorization": f"Bearer {TOKEN}"})
    collecting.settle()  # as `orderhub/wsgi.py` does
    spent, size = [], 0
    for n in range(101 if long else 21):
        started = time.perf_counter()
        answer = client.post("/api/v1/availability", {"skus": codes}, content_type="application/json")
        if n:
            spent.append((time.perf_counter() - started) * 1000)
        if answer.status_code != 200 or len(answer.json()["items"]) != SKUS:
            raise RuntimeError(f"{answer.status_code}: {answer.content[:300]!r}")
        size = len(answer.content)
    p50, p95 = statistics.median(spent), statistics.quantiles(spent, n=20)[-1]
    return {"ok": p95 <= GOAL, "value": round(p95, 1), "unit": "ms p95, 5,000 SKUs", "p50": round(p50, 1),
            "fastest": round(min(spent), 1), "goal": GOAL, "bytes": size, "questions": len(spent)}  # fmt: skip


def _goods() -> list[str]:
    account = Connection.objects.create(
        platform="own_shop", name="商城", options={"api_token_hash": crypto.keyed_hash(TOKEN)}
    )
    Shop.objects.create(code="mall", name="商城", channel="own_shop", connection=account)
    house = Warehouse.objects.create(code="HZ01", name="杭州自建仓")
    bins = Bin.objects.bulk_create(Bin(warehouse=house, code=f"A-{n}") for n in range(BINS))
    skus = Sku.objects.bulk_create(
        Sku(code=f"S{n:05}", name=f"S{n:05}", normal=f"S{n:05}", category=f"C{n % 20}") for n in range(SKUS)
    )
    SkuCode.objects.bulk_create(SkuCode(sku=sku, system="mall", code=f"M-{sku.code}") for sku in skus)
    whole, bundles = skus[:-100], skus[-100:]
    Stock.objects.bulk_create(
        Stock(sku=sku, bin=place, on_hand=(n * 7 + k) % 23)
        for n, sku in enumerate(whole)
        for k, place in enumerate(bins)
    )
    BundlePart.objects.bulk_create(
        BundlePart(bundle=bundle, part=whole[n * 3 + k], quantity=k + 1)
        for n, bundle in enumerate(bundles)
        for k in range(2)
    )
    order = PurchaseOrder.objects.create(
        number="PO-1", supplier=Supplier.objects.create(code="S", name="供应商"), warehouse=house,
        expected_at=timezone.now() + timedelta(days=3), state="placed",
    )  # fmt: skip
    PurchaseLine.objects.bulk_create(PurchaseLine(order=order, sku=sku, ordered=20) for sku in whole[::3])
    Reservation.objects.bulk_create(
        Reservation(
            reference=uuid.uuid4(), sku=sku, bin=bins[0], warehouse_id=house.id, quantity=1, kind="unpaid"
        )
        for sku in whole[::5]
    )
    return [f"m-{sku.code}" if n % 2 else f"M-{sku.code}" for n, sku in enumerate(skus)]
