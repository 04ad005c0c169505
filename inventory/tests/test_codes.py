"""One SKU, many spellings: all of them reach it, none reaches two, and each system hears its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import IntegrityError, transaction

import inventory.queries
from inventory.models import Sku, SkuCode, UnknownCode
from inventory.operations import codes
from inventory.queries import find_sku, outside_code, outside_codes, sku_codes
from orderhub.actors import CLOCK
from orders.models import Hold, Line, Order
from orders.operations import mapping
from orders.tests import aftersale_cast as cast

pytestmark = pytest.mark.django_db
HEADBOARD = "B-2025-SH-001"
SPELLINGS = (
    "B-2025-SH-001", "B2025SH001", "B2025-SH-001", "b-2025-sh-001", "b2025sh001", " B-2025-SH-001 ", "B 2025 SH 001",
    "B_2025_SH_001", "B–2025—SH−001",
    "Ｂ－２０２５－ＳＨ－００１", "ｂ２０２５ｓｈ００１", "B\u3000-2025-SH\u00a0001", "B-2025-SH-001\u200b",
    "B‑2025‑SH‑001", "B-2025-SH-001\n",
)  # fmt: skip


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    inventory.queries._codes = None
    yield
    inventory.queries._codes = None


def waiting(shop_code: str, *seller_codes: str) -> Order:
    """An order held because its codes mean nothing."""
    order = cast.order("paid", goods=(("CUP-1", 1, "30.00"),))
    order.lines.all().delete()
    for place, code in enumerate(seller_codes):
        Line.objects.create(order=order, channel_line=str(place), seller_code=code, title="床头板 实木", quantity=1,
                            unit_price=1, payable=1)  # fmt: skip
    Hold.objects.create(order=order, type="mapping", reason="?", data={"codes": list(seller_codes)})
    Order.objects.filter(pk=order.pk).update(open_holds=1)
    for code in seller_codes:
        mapping.note_unknown({(shop_code, code): ("床头板", 1)})
    return order


@pytest.mark.parametrize("written", SPELLINGS)
def test_that_every_spelling_reaches_the_one_sku(written: str) -> None:
    sku = Sku.objects.create(code=HEADBOARD, name="床头板")
    assert find_sku("own", written, sku_codes(fresh=True)) == sku.pk


@pytest.mark.parametrize(
    "written", ["B-2025-SH-OO1", "B-2025-SH-01", "B.2025.SH.001", "B-2025-SH-0011", "", "-- --"]
)
def test_that_what_only_resembles_it_is_nobody(written: str) -> None:
    Sku.objects.create(code=HEADBOARD, name="床头板")
    assert find_sku("own", written, sku_codes(fresh=True)) is None


def test_that_an_outside_spelling_is_found_exactly_first_and_only_by_its_system() -> None:
    sku = Sku.objects.create(code=HEADBOARD, name="床头板")
    other = Sku.objects.create(code="CUP-1", name="杯")
    codes.spell("taobao", "7788", sku.pk)
    codes.spell("douyin", "77-88", other.pk)
    table = sku_codes(fresh=True)
    assert find_sku("taobao", "77 88", table) == sku.pk
    assert find_sku("douyin", "７７８８", table) == other.pk
    assert find_sku("pinduoduo", "7788", table) is None


def test_that_each_system_hears_its_own_spelling_and_the_rest_our_code() -> None:
    sku = Sku.objects.create(code=HEADBOARD, name="床头板")
    codes.spell("scanner", "B2025SH001", sku.pk)
    codes.spell("finance", "B2025-SH-001", sku.pk)
    assert outside_code("scanner", sku.pk) == "B2025SH001"
    assert outside_code("finance", sku.pk) == "B2025-SH-001"
    assert outside_code("purchasing", sku.pk) == HEADBOARD
    assert outside_codes(["kingdee-main", "finance"], [sku.pk]) == {sku.pk: "B2025-SH-001"}
    SkuCode.objects.create(system="kingdee-main", code="1405.001", sku=sku)
    SkuCode.objects.create(system="kingdee-main", code="1405.002", sku=sku, sent=True)
    assert outside_codes(["kingdee-main", "finance"], [sku.pk]) == {sku.pk: "1405.002"}


def test_that_a_second_sku_of_the_same_spelling_is_refused_by_the_database_too() -> None:
    Sku.objects.create(code=HEADBOARD, name="床头板")
    with pytest.raises(IntegrityError, match="one_sku_a_normal_code"), transaction.atomic():
        Sku.objects.create(code="ｂ2025sh001", name="另一个")
    assert Sku.objects.count() == 1


def test_that_a_spelling_which_would_mean_two_skus_is_refused_with_the_other_one() -> None:
    sku = Sku.objects.create(code=HEADBOARD, name="床头板")
    other = Sku.objects.create(code="CUP-1", name="杯")
    codes.spell("taobao", "X1", sku.pk)
    for attempt in (
        lambda: codes.spell("wms", "b2025sh001", other.pk),  # the first one's own code
        lambda: codes.spell("taobao", "x-1", other.pk),  # this system's spelling of the first one
        lambda: codes.spell("*", "X1", other.pk),  # everyone's, where one system means another by it
        lambda: codes.rename(other, "X 1", "杯"),
        lambda: codes.check_code("B2025 SH001"),
    ):
        with pytest.raises(codes.Collision) as refused:
            attempt()
        assert refused.value.sku == sku and sku.code in str(refused.value)
    with pytest.raises(ValueError, match=r"letters or digits|字母或数字"):
        codes.spell("wms", " - ", other.pk)
    assert SkuCode.objects.count() == 1 and Sku.objects.get(pk=other.pk).code == "CUP-1"
    codes.spell("wms", "X1", other.pk)  # another system may mean something else by it


def test_that_a_renamed_sku_is_still_found_by_its_old_code_and_told_outside_as_before() -> None:
    sku = Sku.objects.create(code=HEADBOARD, name="床头板")
    codes.rename(sku, "HB-001", "床头板 新")
    codes.rename(sku, "HB-002", "床头板 更新")
    table = sku_codes(fresh=True)
    assert {find_sku("own", code, table) for code in ("b2025sh001", "HB001", "HB-002")} == {sku.pk}
    assert outside_code("wdt-main", sku.pk) == HEADBOARD


def test_that_a_mapped_code_gives_the_lines_their_sku_and_releases_orders_of_every_spelling() -> None:
    sku = Sku.objects.create(code=HEADBOARD, name="床头板")
    first, second = waiting("own", "HB1"), waiting("own", "h b-1")
    third = waiting("own", "HB1", "nobody")
    unknown = UnknownCode.objects.get(code="HB1")
    assert unknown.seen == 2
    assert mapping.map_code(unknown.pk, sku.pk, CLOCK) == 2
    assert dict(Order.objects.values_list("id", "open_holds")) == {first.pk: 0, second.pk: 0, third.pk: 1}
    line = second.lines.get()
    assert (line.sku_id, line.sku_code, line.sku_name) == (sku.pk, HEADBOARD, "床头板")
    assert set(UnknownCode.objects.filter(sku=None).values_list("code", flat=True)) == {"nobody"}
    assert mapping.map_code(UnknownCode.objects.get(code="nobody").pk, sku.pk, CLOCK) == 1


def test_that_a_code_written_on_the_skus_own_page_releases_its_orders_too() -> None:
    sku = Sku.objects.create(code=HEADBOARD, name="床头板")
    order = waiting("own", "HB1")
    assert mapping.settle() == 0
    codes.spell("own", "HB1", sku.pk)
    assert mapping.settle() == 1 and mapping.settle() == 0
    assert Order.objects.get(pk=order.pk).open_holds == 0
    assert UnknownCode.objects.get().sku_id == sku.pk


def test_that_a_mapping_that_would_collide_is_refused_and_nothing_moves() -> None:
    sku, other = (
        Sku.objects.create(code=HEADBOARD, name="床头板"),
        Sku.objects.create(code="CUP-9", name="杯"),
    )
    order = waiting("own", "HB1")
    codes.spell("own", "HB1", other.pk)
    with pytest.raises(codes.Collision):
        mapping.map_code(UnknownCode.objects.get().pk, sku.pk, CLOCK)
    assert UnknownCode.objects.get().sku_id is None and Order.objects.get(pk=order.pk).open_holds == 1
