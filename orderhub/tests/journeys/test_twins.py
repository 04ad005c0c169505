"""The same order twice, read by two workers at the same moment: the second one sees the first and is held."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections

from orderhub.inbound import keeping, processing
from orderhub.sandbox.own_shop_driver import order_json
from orderhub.tests.journeys.house import House
from orders.models import Hold, Order, Shop
from orders.operations.newcomers import Tables

pytestmark = [pytest.mark.journey, pytest.mark.race]


def test_that_of_twins_that_arrive_at_the_same_moment_one_is_held(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Tables.write

    def slowly(tables: Tables) -> None:
        time.sleep(0.4)  # the other one has looked for twins by now
        real(tables)

    monkeypatch.setattr(Tables, "write", slowly)
    bodies = [order_json(house.world.orders[number]) for number in house.world.scenarios["duplicate_pair"]]
    rows = [
        keeping.Kept("order", str(b["number"]), "1", json.dumps(b, ensure_ascii=False).encode(), "api")
        for b in bodies
    ]
    ids = list(keeping.keep_many(Shop.objects.get(code="own").connection_id, rows).values())

    def read(payload_id: int) -> None:
        try:
            processing.read("order", [payload_id])
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(read, ids))
    assert Order.objects.count() == 2 and Hold.objects.filter(type="duplicate").count() == 1
