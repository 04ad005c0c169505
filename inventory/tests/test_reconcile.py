"""The warehouse system's shelves against ours, over HTTP: a difference is noted, sure at the second look, and written."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

import inventory.queries
from inventory.models import Bin, Drift, Movement, Sku, Stock, UnknownCode, Warehouse
from inventory.operations import codes, drift, reconcile
from inventory.operations.count import Refused
from inventory.operations.receive import opening
from inventory.operations.take import reserve_one
from inventory.queries import drift as differences
from orderhub.integrations import turns
from orderhub.models import Connection
from orderhub.sandbox.tests.served import Served, served
from orderhub.testing.connections import connection

pytestmark = pytest.mark.django_db
PRODUCTS = ("wangdiantong", "wangdiantong_qiye")


@pytest.fixture(scope="module")
def world() -> Iterator[Served]:
    with served(*PRODUCTS, orders=60) as made:
        yield made


@pytest.fixture
def box(world: Served) -> Iterator[Served]:
    world.control("reset")
    world.control("faults", clear=True)
    turns.forget()
    inventory.queries._codes = None
    yield world
    world.control("faults", clear=True)
    inventory.queries._codes = None


def theirs(box: Served, platform: str, code: str) -> int:
    """What the system itself says of HZ01."""
    from orderhub.integrations.registry import client

    rows = (
        client(connection(platform, box.url, code="asked")).stock(spec_nos=[code], warehouse_no="HZ01").rows
    )
    return int(float(rows[0]["stock_num"]))


def cast(box: Served, platform: str, off: int = 0, wish: str = "write") -> tuple[Sku, Bin, int]:
    """One SKU of the sandbox, under our own code, whose shelf is `off` from what the system says; the rest is unknown."""
    account = connection(platform, box.url, code="wdt", options={"reconcile": wish})
    house = Warehouse.objects.create(code="HZ01", name="杭州自建仓", wms=account)
    place = Bin.objects.create(warehouse=house, code="A-01")
    code = sorted(box.world.catalogue)[0]
    there = theirs(box, platform, code)
    sku = Sku.objects.create(code="OUR-1", name="x")
    codes.spell("wdt", code, sku.pk)
    inventory.queries._codes = None
    opening([(sku.pk, place.pk, there + off)])
    return sku, place, there


@pytest.mark.parametrize("platform", PRODUCTS)
@pytest.mark.parametrize("off", [3, -2])
def test_that_a_difference_is_noted_first_and_written_at_the_second_look(
    box: Served, platform: str, off: int
) -> None:
    sku, place, there = cast(box, platform, off)
    assert reconcile.look() == {"differ": 1, "written": 0}
    found = Drift.objects.get()
    assert (found.kind, found.figures["theirs"], found.figures["ours"]) == ("wms", there, there + off)
    assert reconcile.look() == {"differ": 1, "written": 1}
    assert Stock.objects.get(sku=sku, bin=place).on_hand == there and differences() == []
    line = Movement.objects.get(kind="count")
    assert (line.on_hand_change, line.actor) == (-off, "wdt") and str(there) in line.reason
    assert (
        reconcile.look() == {"differ": 0, "written": 0} and Movement.objects.filter(kind="count").count() == 1
    )


def test_that_what_agrees_is_left_alone_and_unknown_codes_wait_to_be_mapped(box: Served) -> None:
    cast(box, "wangdiantong")
    assert reconcile.look() == {"differ": 0, "written": 0}
    assert UnknownCode.objects.filter(system="wdt").count() == len(box.world.catalogue) - 1


def test_that_goods_that_moved_in_between_start_it_anew(box: Served) -> None:
    sku, place, there = cast(box, "wangdiantong", 3)
    reconcile.look()
    opening([(sku.pk, place.pk, 1)])
    assert reconcile.look() == {"differ": 1, "written": 0}
    assert reconcile.look()["written"] == 1 and Stock.objects.get(sku=sku).on_hand == there


def test_that_an_account_that_only_shows_is_written_by_a_click_alone(box: Served) -> None:
    sku, place, there = cast(box, "wangdiantong", 3, wish="show")
    for _look in range(3):
        assert reconcile.look() == {"differ": 1, "written": 0}
    row = Drift.objects.get()
    opening([(sku.pk, place.pk, 1)])
    with pytest.raises(Refused):
        drift.repair(row.pk, "amy")
    reconcile.look()
    assert drift.repair(Drift.objects.get(ended_at=None).pk, "amy")
    assert Stock.objects.get(sku=sku).on_hand == there and Movement.objects.get(kind="count").actor == "amy"


def test_that_an_account_that_was_not_told_to_is_not_asked(box: Served) -> None:
    cast(box, "wangdiantong", 3, wish="")
    assert reconcile.look() == {"differ": 0, "written": 0} and not Drift.objects.exists()


def test_that_what_is_promised_here_is_not_taken_away_by_what_they_say(box: Served) -> None:
    sku, _place, there = cast(box, "wangdiantong", 3)
    assert reserve_one(uuid.uuid4(), sku.pk, there + 2)
    for _look in range(3):
        assert reconcile.look() == {"differ": 1, "written": 0}
    assert Stock.objects.get(sku=sku).on_hand == there + 3 and differences() == []


def test_that_a_system_that_does_not_answer_changes_no_mind(box: Served) -> None:
    cast(box, "wangdiantong", 3)
    reconcile.look()
    Connection.objects.filter(code="wdt").update(base_url="http://127.0.0.1:1")
    assert reconcile.look()["written"] == 0
    assert Drift.objects.get().ended_at is None
