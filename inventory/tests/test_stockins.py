"""Purchased goods are put on the shelf once, whoever tells of them and however often."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

import inventory.queries
from inventory.models import Bin, Movement, Sku, Stock, Warehouse
from inventory.operations import stockins
from inventory.providers import stockins as provider
from inventory.queries import drift
from orderhub.inbound.keeping import Kept, keep_many
from orderhub.inbound.processing import process, read, replay
from orderhub.integrations import turns
from orderhub.integrations.registry import client
from orderhub.models import Connection, Payload
from orderhub.sandbox import wangdiantong_stock
from orderhub.sandbox.tests.served import Served, served
from orderhub.testing.connections import connection

pytestmark = pytest.mark.django_db
PRODUCTS = ("wangdiantong", "wangdiantong_qiye")


@pytest.fixture(scope="module")
def world() -> Iterator[Served]:
    with served(*PRODUCTS, orders=60) as made:
        yield made


@pytest.fixture
def box(world: Served, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    world.control("reset")
    world.control("faults", clear=True)
    turns.forget()
    inventory.queries._codes = None
    monkeypatch.setattr(wangdiantong_stock, "ARRIVES_AFTER", dt.timedelta(0))
    yield world
    world.control("faults", clear=True)
    inventory.queries._codes = None


@pytest.fixture
def codes(box: Served) -> list[str]:
    """Two goods that the sandbox knows, and HZ01."""
    Warehouse.objects.create(code="HZ01", name="杭州自建仓")
    found = sorted(box.world.catalogue)[:2]
    for code in found:
        Sku.objects.create(code=code, name=code, weight_g=300)
    return found


def buy(account: Connection, number: str, lines: list[tuple[str, int]]) -> None:
    """A purchase order at the WMS; in this sandbox it arrives at once."""
    info = {
        "purchase_no": number, "provider_no": "S1", "receive_warehouse_nos": "HZ01", "expect_warehouse_no": "HZ01",
        "purchaser_name": "周敏", "purchase_details": [{"spec_no": code, "num": n, "price": 3} for code, n in lines],
    }  # fmt: skip
    if account.platform == "wangdiantong":
        client(account).call("purchase.PurchaseOrder.createOrder", [info], effect=True)
    else:
        client(account).call("purchase_order_push", {"purchase_info": info}, effect=True)


def on_hand() -> dict[str, int]:
    return {stock.sku.code: stock.on_hand for stock in Stock.objects.select_related("sku")}


def receipt(number: str, lines: list[dict[str, Any]], **changes: Any) -> bytes:
    row = {
        "order_no": number,
        "status": 80,
        "warehouse_no": "HZ01",
        "purchase_no": "CG1",
        "details_list": lines,
    }
    return json.dumps({**row, **changes}, ensure_ascii=False).encode()


def keep(account: Connection, number: str, version: str, raw: bytes) -> None:
    keep_many(account.id, [Kept("stockin", number, version, raw)])
    process("stockin")


@pytest.mark.parametrize("platform", PRODUCTS)
def test_that_a_receipt_is_polled_and_put_on_the_shelf_once_however_often_it_is_seen(
    box: Served, codes: list[str], platform: str
) -> None:
    account = connection(platform, box.url)
    buy(account, "CG1", [(codes[0], 40), (codes[1], 7)])
    for _again in range(5):
        provider.pull()
        process("stockin")
    assert Payload.objects.filter(kind="stockin", state="parsed").count() == 1
    assert on_hand() == {codes[0]: 40, codes[1]: 7} and drift() == []
    assert set(Movement.objects.values_list("kind", "reason", "actor")) == {("receive", "CG1", platform)}
    buy(account, "CG2", [(codes[0], 2)])
    assert provider.pull() == 1
    process("stockin")
    assert on_hand()[codes[0]] == 42
    named = Bin.objects.get(stock__sku__code=codes[1])
    assert named.sellable and named.code == box.platforms[platform].stock.bins("HZ01", codes[1], 1)[0][1]  # type: ignore[attr-defined]


@pytest.mark.parametrize("platform", PRODUCTS)
def test_that_a_reading_that_breaks_off_keeps_nothing_and_the_next_keeps_all(
    box: Served, codes: list[str], platform: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = connection(platform, box.url)
    for n in range(25):
        buy(account, f"CG{n:02d}", [(codes[0], 1)])
    real = provider.keep_changes
    monkeypatch.setattr(provider, "keep_changes", lambda *args, **more: real(*args, **{**more, "size": 10}))
    method = (
        "stockin_order_query_purchase"
        if platform == "wangdiantong_qiye"
        else "wms.stockin.Purchase.queryWithDetail"
    )
    box.control("faults", platform=platform, method=method, kind="500_before", times=1, after=2)
    assert provider.pull() == 0 and not Payload.objects.exists()
    assert provider.pull() == 25
    process("stockin")
    assert on_hand() == {codes[0]: 25}


def test_that_a_later_version_of_a_receipt_is_no_second_arrival(box: Served, codes: list[str]) -> None:
    account = connection("wangdiantong", box.url)
    lines = [{"spec_no": codes[0], "num": "5.0000", "position_no": "A-01-01"}]
    for minute in range(15):
        keep(account, "RK1", f"2026-01-02 03:{minute:02d}:00", receipt("RK1", lines))
    assert on_hand() == {codes[0]: 5} and Movement.objects.count() == 1
    keep(account, "RK1", "2026-01-02 04:00:00", receipt("RK1", [{**lines[0], "num": "6"}]))
    aside = Payload.objects.get(state="set_aside")
    assert aside.reason_code == "changed" and "RK1" in aside.reason and on_hand() == {codes[0]: 5}


def test_that_two_receipts_of_one_number_in_one_batch_arrive_once(box: Served, codes: list[str]) -> None:
    account = connection("wangdiantong", box.url)
    raw = receipt("RK1", [{"spec_no": codes[0], "num": 5}])
    keep_many(account.id, [Kept("stockin", "RK1", f"v{n}", raw) for n in range(3)])
    process("stockin")
    assert on_hand() == {codes[0]: 5}
    assert Bin.objects.get().code == "INBOUND"


def test_that_the_same_number_at_two_accounts_is_two_receipts(box: Served, codes: list[str]) -> None:
    for platform in PRODUCTS:
        keep(connection(platform, box.url), "RK1", "v", receipt("RK1", [{"spec_no": codes[0], "num": 5}]))
    assert on_hand() == {codes[0]: 10}


def test_that_damaged_goods_are_not_sold(box: Served, codes: list[str]) -> None:
    lines = [
        {"spec_no": codes[0], "num": 5, "defect": True, "position_no": "A-01"},
        {"spec_no": codes[0], "num": 1},
    ]
    keep(connection("wangdiantong", box.url), "RK1", "v", receipt("RK1", lines))
    shelves = {s.bin.code: (s.on_hand, s.bin.sellable) for s in Stock.objects.select_related("bin")}
    assert shelves == {"SECOND": (5, False), "INBOUND": (1, True)}


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"\x00{", "not_json"),
        (b"[]", "not_json"),
        (receipt("", [{"spec_no": "X", "num": 1}]), "bad_receipt"),
        (receipt("RK1", []), "bad_receipt"),
        (receipt("RK1", [{"spec_no": "X", "num": "1.5"}]), "bad_number"),
        (receipt("RK1", [{"spec_no": "X", "num": "NaN"}]), "bad_number"),
        (receipt("RK1", [{"spec_no": "X", "num": -3}]), "bad_number"),
        (receipt("RK1", [{"spec_no": "X", "num": 1}], warehouse_no="MOON"), "no_warehouse"),
        (receipt("RK1", [{"spec_no": "nobody-knows", "num": 1}]), "no_sku"),
        (receipt("RK\0", [{"spec_no": "\0", "num": 1}]), "no_sku"),
    ],
)
def test_that_a_receipt_that_cannot_be_read_is_set_aside_alone_and_touches_no_stock(
    box: Served, codes: list[str], raw: bytes, code: str
) -> None:
    account = connection("wangdiantong", box.url)
    good = receipt("RK2", [{"spec_no": codes[0], "num": 3}])
    keep_many(account.id, [Kept("stockin", "RK1", "v", raw), Kept("stockin", "RK2", "v", good)])
    process("stockin")
    assert Payload.objects.get(external_id="RK1").reason_code == code
    assert on_hand() == {codes[0]: 3} and Movement.objects.count() == 1


def test_that_a_code_mapped_later_lets_a_replay_put_the_goods_away(box: Served, codes: list[str]) -> None:
    account = connection("wangdiantong", box.url)
    keep(account, "RK1", "v", receipt("RK1", [{"spec_no": "OTHER", "num": 3}]))
    aside = Payload.objects.get(state="set_aside")
    Sku.objects.create(code="OTHER", name="other", weight_g=1)
    inventory.queries._codes = None
    replay([aside.id])
    Payload.objects.update(next_try_at=timezone.now())
    process("stockin")
    assert on_hand() == {"OTHER": 3}


def test_that_the_sql_of_a_batch_does_not_grow_with_it(box: Served, codes: list[str]) -> None:
    account = connection("wangdiantong", box.url)
    raw = [{"spec_no": codes[0], "num": 1, "position_no": "A-1"}]
    keep(account, "RK0", "v", receipt("RK0", raw))  # the bin is there
    counts = []
    for start, n in ((100, 1), (200, 5)):
        keep_many(
            account.id,
            [Kept("stockin", f"RK{start + i}", "v", receipt(f"RK{start + i}", raw)) for i in range(n)],
        )
        with CaptureQueriesContext(database) as queries:
            process("stockin")
        counts.append(len(queries))
    assert counts[0] == counts[1] and on_hand() == {codes[0]: 7}
    assert stockins.ARRIVALS == "INBOUND"


@pytest.mark.django_db(transaction=True)
def test_that_two_workers_with_two_versions_of_a_receipt_put_it_away_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Both have looked into the ledger before either writes: without the lock that is two arrivals."""
    inventory.queries._codes = None
    Warehouse.objects.create(code="HZ01", name="杭州自建仓")
    Sku.objects.create(code="CUP-1", name="杯", weight_g=1)
    account = connection("wangdiantong", "http://127.0.0.1:1")
    raw = receipt("RK1", [{"spec_no": "CUP-1", "num": 5}])
    ids = list(keep_many(account.id, [Kept("stockin", "RK1", f"v{n}", raw) for n in range(2)]).values())
    both, real = threading.Barrier(2), stockins._known

    def looked(references: set[str]) -> Any:
        found = real(references)
        with contextlib.suppress(threading.BrokenBarrierError):
            both.wait(1.5)
        return found

    def work(identity: int) -> None:
        try:
            read("stockin", [identity])
        finally:
            database.close()

    monkeypatch.setattr(stockins, "_known", looked)
    workers = [threading.Thread(target=work, args=(identity,)) for identity in ids]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert set(Payload.objects.values_list("state", flat=True)) == {"parsed"}
    assert on_hand() == {"CUP-1": 5} and drift() == []
    inventory.queries._codes = None
