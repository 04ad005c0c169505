"""Goods that come back: taken in by hand or told by the WMS, once, beside a closed order too."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from inventory.models import Bin, Movement, Stock
from orderhub.actors import person
from orderhub.inbound import windows
from orderhub.inbound.keeping import keep
from orderhub.inbound.processing import process
from orderhub.integrations.clients.wangdiantong import Page
from orderhub.integrations.errors import PlatformError
from orderhub.models import Connection, Payload
from orderhub.sandbox.tests.served import served
from orderhub.sandbox.warehouse import Line as Handed
from orderhub.testing.connections import connection as account_at
from orders.models import Case, Event, Order
from orders.operations.aftersale import close_case, open_case
from orders.operations.returning import Piece, receive_one
from orders.providers import returns
from orders.providers.base import beijing_time
from orders.tests import aftersale_cast as cast

pytestmark = pytest.mark.django_db
FULL = Decimal("257.00")


@pytest.fixture
def clerk() -> Any:
    return person(User.objects.create_user("clerk"))


# goods that come back


def test_that_goods_come_back_by_what_they_are_still_worth(clerk):
    order = cast.order("signed")
    cup, bed = order.lines.get(seller_code="CUP-1"), order.lines.get(seller_code="BED-2")
    case = open_case(order.id, "return", Decimal("60.00"), [{"line": cup.uuid, "quantity": 2}], "", "", clerk)
    pieces = [Piece(cup.uuid, 1, "resell"), Piece(cup.uuid, 1, "scrap"), Piece(bed.uuid, 1, "missing")]
    outcome = receive_one(order.id, pieces, cast.warehouse().id, clerk, case=case.number, key="K1")
    assert outcome.moved == {order.id: ["receive_return"]}
    shelves = {
        s.bin.code: (s.on_hand, s.bin.sellable)
        for s in Stock.objects.filter(sku=cup.sku).select_related("bin")
    }
    assert shelves["RETURN"] == (1, True) and shelves["SCRAP"] == (1, False)
    assert Movement.objects.filter(kind="return").count() == 2
    case.refresh_from_db()
    event = Event.objects.get(order=order, code="receive_return")
    assert (case.state, event.point, event.data["case"]) == ("received", 11, case.number)


def test_that_a_receipt_counts_once(clerk):
    order = cast.order("signed")
    cup = order.lines.get(seller_code="CUP-1")
    receive_one(order.id, [Piece(cup.uuid, 1, "resell")], cast.warehouse().id, clerk, key="K1")
    again = receive_one(order.id, [Piece(cup.uuid, 1, "resell")], cast.warehouse().id, clerk, key="K1")
    assert again.refused[order.id].code == "known"
    assert Movement.objects.filter(kind="return").count() == 1 and Case.objects.count() == 1


@pytest.mark.parametrize(
    ("quantity", "disposition", "code"),
    [(3, "resell", "too_many"), (1, "eat", "no_such_disposition"), (0, "resell", "no_such_line")],
)
def test_that_a_return_that_cannot_be_touches_nothing(clerk, quantity, disposition, code):
    order = cast.order("signed")
    cup = order.lines.get(seller_code="CUP-1")
    outcome = receive_one(order.id, [Piece(cup.uuid, quantity, disposition)], cast.warehouse().id, clerk)
    assert outcome.refused[order.id].code == code
    assert (
        not Movement.objects.filter(kind="return").exists()
        and not Case.objects.exists()
        and not Event.objects.exists()
    )


def test_that_a_return_before_shipping_is_refused(clerk):
    order = cast.order("packed")
    outcome = receive_one(
        order.id, [Piece(order.lines.get(seller_code="CUP-1").uuid, 1, "resell")], cast.warehouse().id, clerk
    )
    assert outcome.refused[order.id].code == "wrong_state"


def test_that_goods_of_a_closed_order_come_back_beside_it(clerk):
    order = cast.closed()
    frozen = list(order.lines.order_by("pk").values())
    cup = order.lines.get(seller_code="CUP-1")
    outcome = receive_one(order.id, [Piece(cup.uuid, 1, "resell")], cast.warehouse().id, clerk)
    after = Order.objects.get(id=order.id)
    assert outcome.moved and list(order.lines.order_by("pk").values()) == frozen
    assert (after.state, after.payable, after.refunded) == ("closed", FULL, Decimal("0"))
    assert Case.objects.get().state == "received"


def test_that_money_first_and_goods_later_is_one_case(clerk):
    order = cast.order("signed")
    case = open_case(order.id, "return", Decimal("30.00"), [], "", "", clerk)
    close_case(case.id, "done", clerk)
    receive_one(
        order.id, [Piece(order.lines.get(seller_code="CUP-1").uuid, 1, "resell")], cast.warehouse().id, clerk
    )
    case.refresh_from_db()
    assert Case.objects.count() == 1 and case.state == "done" and case.received_at is not None


# the WMS tells of it


@pytest.fixture
def wms() -> Connection:
    return Connection.objects.create(
        platform="wangdiantong", name="wdt", code="wdt-main", base_url="http://127.0.0.1:1"
    )


def receipt(order_number: str, number: str = "RK1", **changes: Any) -> bytes:
    goods = [{"spec_no": "CUP-1", "num": "1.0000", "stockin_num": "1.0000", "defect": False,
              "refund_order_detail_list": [{"oid": "1", "tid": order_number}]}]  # fmt: skip
    row = {"order_no": number, "status": 80, "warehouse_no": "HZ01", "refund_no": f"TK{order_number}", "tid_list": order_number,
           "check_time": "1790000000000", "modified": "2026-09-21 22:13:20", "details_list": goods}  # fmt: skip
    return json.dumps({**row, **changes}, ensure_ascii=False).encode()


def told(wms: Connection, raw: bytes, number: str = "RK1", version: str = "2026-09-21 22:13:20") -> Payload:
    keep(wms.id, "return", number, version, raw, "pull")
    process("return")
    return Payload.objects.get(external_id=number, version=version)


@pytest.mark.parametrize("by", ["channel_number", "number", "parcel"])
def test_that_a_receipt_finds_its_order_by_any_of_its_numbers(wms, by):
    order = cast.order("signed")
    name = {"channel_number": order.channel_number, "number": order.number, "parcel": f"{order.number}-1"}[by]
    payload = told(wms, receipt(name))
    case = Case.objects.get()
    assert (payload.state, payload.order_id, case.number, case.state) == (
        "parsed",
        order.id,
        f"TK{name}",
        "received",
    )
    event = Event.objects.get(order=order, code="receive_return")
    assert event.occurred_at == dt.datetime.fromtimestamp(1790000000, dt.UTC)
    assert Bin.objects.get(code="RETURN").sellable and Movement.objects.get(kind="return").on_hand_change == 1


def test_that_a_receipt_that_changes_later_is_still_one_return(wms):
    order = cast.order("signed")
    told(wms, receipt(order.number))
    again = told(wms, receipt(order.number, remark="改"), version="2026-09-22 00:00:00")
    assert again.state == "parsed" and Movement.objects.filter(kind="return").count() == 1


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"warehouse_no": "MARS"}, "no_warehouse"),
        ({"details_list": []}, "bad_receipt"),
        ({"details_list": [{"spec_no": "X", "stockin_num": "1.5"}]}, "bad_number"),
        ({"details_list": [{"spec_no": "X", "stockin_num": "1"}]}, "not_sold"),
        ({"details_list": [{"spec_no": "CUP-1", "stockin_num": "3"}]}, "not_sold"),
    ],
)
def test_that_an_unreadable_receipt_waits_for_a_person_and_the_others_go_on(wms, changes, code):
    bad, good = cast.order("signed"), cast.order("signed")
    keep(wms.id, "return", "RK2", "2026-09-21 22:13:20", receipt(good.number, "RK2"), "pull")
    payload = told(wms, receipt(bad.number, **changes))
    assert (payload.state, payload.reason_code) == ("set_aside", code)
    assert payload.reason and Case.objects.get().order_id == good.id


def test_that_a_receipt_of_an_order_not_here_yet_waits(wms):
    payload = told(wms, receipt("NOBODY"))
    assert (payload.state, payload.reason_code) == (
        "new",
        "no_order",
    ) and payload.next_try_at > timezone.now()


def test_that_receipts_cost_the_same_statements_for_one_and_for_five_but_for_the_shelf(wms):
    counts: list[int] = []
    for n in (1, 1, 5):  # the first warms the caches of codes and modules
        for i in range(n):
            order = cast.order("signed")
            name = f"Q{len(counts)}{i}"
            keep(wms.id, "return", name, "2026-09-21 22:13:20", receipt(order.number, name), "pull")
        with CaptureQueriesContext(connection) as queries:
            process("return")
        put_away = ("inventory_bin", "inventory_stock", "inventory_movement", "SAVEPOINT")
        counts.append(sum(not any(word in query["sql"] for word in put_away) for query in queries))
    assert counts[1] == counts[2]


class Receipts:
    """A WMS with so many receipts; `moving` of them change while the second page is read."""

    def __init__(self, rows: list[dict[str, Any]], moving: int = 0) -> None:
        self.rows, self.moving = rows, moving
        self.asked: list[tuple[dt.datetime, dt.datetime, int]] = []

    def refund_stockins(self, start: dt.datetime, end: dt.datetime, page: int, size: int) -> Page:
        self.asked.append((start, end, page))
        found = sorted((row for row in self.rows if start <= at(row) <= end), key=at)
        if self.moving and page:
            for row in found[: self.moving]:
                row["modified"] = "2099-01-01 00:00:00"
            self.moving = 0
        return Page([dict(row) for row in found[page * size : (page + 1) * size]], len(found))


def at(row: dict[str, Any]) -> dt.datetime:
    return beijing_time(row["modified"], "modified")


def rows_of(n: int) -> list[dict[str, Any]]:
    day = timezone.now() + dt.timedelta(hours=8) - dt.timedelta(days=5)
    return [
        {
            "order_no": f"RK{i}",
            "status": 80,
            "modified": (day + dt.timedelta(minutes=i)).strftime("%Y-%m-%d %H:%M:%S"),
        }
        for i in range(n)
    ]


def test_that_receipts_are_pulled_once_and_from_the_newest_on(wms, monkeypatch):
    source = Receipts(rows_of(250))
    monkeypatch.setattr(returns, "client", lambda account: source)
    assert returns.pull() == 250 and Payload.objects.filter(kind="return").count() == 250
    assert returns.pull() == 0
    assert source.asked[-1][0] == at(source.rows[-1]) - windows.OVERLAP


def test_that_receipts_that_change_while_paging_lose_none(wms, monkeypatch):
    source = Receipts(rows_of(250), moving=7)
    monkeypatch.setattr(returns, "client", lambda account: source)
    returns.pull()
    kept = set(Payload.objects.filter(kind="return").values_list("external_id", flat=True))
    assert {row["order_no"] for row in source.rows if row["modified"] < "2099"} <= kept


def test_that_a_pull_that_fails_half_way_keeps_its_old_mark(wms, monkeypatch):
    source = Receipts(rows_of(250))
    pages = source.refund_stockins

    def broken(start: dt.datetime, end: dt.datetime, page: int, size: int) -> Page:
        if page == 1:
            raise PlatformError("retry", "500", "later")
        return pages(start, end, page, size)

    monkeypatch.setattr(source, "refund_stockins", broken)
    monkeypatch.setattr(returns, "client", lambda account: source)
    assert returns.pull() == 0 and not Payload.objects.exists()
    monkeypatch.setattr(source, "refund_stockins", pages)
    assert returns.pull() == 250


def test_that_the_enterprise_systems_receipts_are_polled_and_counted_once():
    with served("wangdiantong_qiye", orders=400) as box:
        account = account_at("wangdiantong_qiye", box.url)
        number = box.world.scenarios["return"][0]
        order = cast.order("signed", number=number)
        cup = order.lines.get(seller_code="CUP-1")
        platform = box.platforms["wangdiantong_qiye"]
        platform.floor.accept(
            platform.prefix, number, warehouse=cast.warehouse().code, carrier="", waybill="", paid_at=None,
            lines=[Handed(f"{cup.uuid}", "CUP-1", "杯", 1.0)], extra={"trade": {}},
        )  # fmt: skip
        for _again in range(3):
            returns.pull()
            Payload.objects.update(next_try_at=timezone.now())
            process("return")
    assert Payload.objects.get(connection=account).state == "parsed", list(Payload.objects.values("reason"))
    assert Movement.objects.filter(kind="return").count() == 1 and Case.objects.count() == 1
