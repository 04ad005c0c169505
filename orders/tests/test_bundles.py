"""A bundle is sold as one and stocked as its parts: taken whole or not at all, picked, pushed, split and given back as parts."""

from __future__ import annotations

import uuid

import pytest

from inventory.models import BundlePart, Movement, Reservation, Stock
from inventory.operations.ship import ship
from inventory.queries import drift, made_of
from orderhub.actors import CLOCK, Actor
from orderhub.lifecycle import apply
from orders.lifecycle import LIFECYCLE
from orders.models import Hold, Order
from orders.operations import split
from orders.operations.returning import Piece, receive_one
from orders.tests.stock_cast import bundle, free, goods, held, holds, on_the_way, place, reserve, state, wants

pytestmark = pytest.mark.django_db


def test_that_a_bundle_holds_its_parts_and_gives_them_back() -> None:
    goods("BED-1", 3), goods("MAT-1", 10)
    order = wants((bundle("SET-1", BED_1=1, MAT_1=2), 3))
    reserve(order)
    assert (state(order), held(order)) == ("reserved", {"BED-1": 3, "MAT-1": 6})
    apply(LIFECYCLE, "cancel", [order.pk], actor=CLOCK, params={"reason": "x"})
    assert held(order) == {} and drift() == []


def test_that_a_bundle_short_of_one_part_is_refused_whole() -> None:
    bed, mat = goods("BED-1", 3), goods("MAT-1", 5)
    order = wants((bundle("SET-1", BED_1=1, MAT_1=2), 3))
    reserve(order)
    assert (state(order), holds(order), held(order)) == ("paid", ["stock"], {})
    assert "MAT-1: 6 / 5" in Hold.objects.get().reason and "parcels" not in Hold.objects.get().data
    assert (free(bed), free(mat)) == (3, 5)


def test_that_lines_and_bundles_of_one_order_are_summed_before_they_are_checked() -> None:
    mat = goods("MAT-1", 5)
    goods("BED-1", 3)
    sets = bundle("SET-1", BED_1=1, MAT_1=2)
    short = wants((mat, 2), (sets, 2))
    reserve(short)
    assert holds(short) == ["stock"] and "MAT-1: 6 / 5" in Hold.objects.get().reason
    fits = wants((mat, 1), (sets, 2))
    reserve(fits)
    assert held(fits) == {"MAT-1": 5, "BED-1": 2} and free(mat) == 0


def test_that_a_bundle_waits_for_the_part_that_is_on_the_way() -> None:
    goods("BED-1", 3)
    on_the_way(goods("MAT-1"), 9, days=4)
    order = wants((bundle("SET-1", BED_1=1, MAT_1=2), 1))
    reserve(order)
    assert holds(order) == ["backorder"]


def test_that_parts_in_two_warehouses_are_no_bundle() -> None:
    goods("BED-1", 3)
    mat = goods("MAT-1")
    from inventory.operations.receive import opening

    opening([(mat.pk, place("SH01", "S-1", 20).pk, 10)])
    order = wants((bundle("SET-1", BED_1=1, MAT_1=2), 1))
    Order.objects.filter(pk=order.pk).update(sealed="")
    order.shop.split_automatic = True
    order.shop.save(update_fields=["split_automatic"])
    reserve(order)
    assert holds(order) == ["stock"] and not Reservation.objects.exists()


def test_that_a_bundle_changed_after_the_sale_is_still_what_was_sold() -> None:
    goods("BED-1", 3), goods("MAT-1", 10)
    sets = bundle("SET-1", BED_1=1, MAT_1=2)
    order = wants((sets, 2))
    reserve(order)
    BundlePart.objects.filter(part__code="MAT-1").update(quantity=5)
    line = order.lines.get()
    made = made_of([(line.uuid, sets.pk, 2)])[line.uuid]
    assert sorted(made.values()) == [2, 4]
    assert ship([line.uuid], "test") == 6
    assert {s.sku.code: s.on_hand for s in Stock.objects.select_related("sku")} == {"BED-1": 1, "MAT-1": 6}


def test_that_a_split_bundle_goes_part_by_part_and_comes_together_again() -> None:
    goods("BED-1", 3), goods("MAT-1", 10)
    order = wants((bundle("SET-1", BED_1=1, MAT_1=2), 3))
    reserve(order)
    line = order.lines.get()
    clerk = Actor("person", "clerk")
    split.divide(order.pk, {line.uuid: 1}, None, clerk)
    from orders.models import Share

    references = {share.quantity: share.reference for share in Share.objects.all()}
    pieces = {
        count: dict(
            Reservation.objects.filter(reference=ref, state="active").values_list("sku__code", "quantity")
        )
        for count, ref in references.items()
    }
    assert pieces == {1: {"BED-1": 1, "MAT-1": 2}, 2: {"BED-1": 2, "MAT-1": 4}}
    split.undo(order.pk, clerk)
    assert held(order) == {"BED-1": 3, "MAT-1": 6} and drift() == []


def shipped_set(count: int = 2) -> Order:
    goods("BED-1", 3), goods("MAT-1", 10)
    order = wants((bundle("SET-1", BED_1=1, MAT_1=2), count))
    reserve(order)
    ship([order.lines.get().uuid], "test")
    Order.objects.filter(pk=order.pk).update(state="shipped", refund_state="none")
    return order


def back() -> dict[str, int]:
    rows = Movement.objects.filter(kind="return").values_list("sku__code", "on_hand_change")
    found: dict[str, int] = {}
    for code, count in rows:
        found[code] = found.get(code, 0) + count
    return found


def test_that_a_returned_bundle_is_put_back_as_its_parts() -> None:
    order = shipped_set()
    line = order.lines.get().uuid
    house = place().warehouse_id
    assert receive_one(order.pk, [Piece(line, 1, "resell")], house, CLOCK).moved
    assert back() == {"BED-1": 1, "MAT-1": 2}
    assert (
        receive_one(order.pk, [Piece(line, 2, "resell")], house, CLOCK).refused[order.pk].code == "too_many"
    )
    assert receive_one(order.pk, [Piece(line, 1, "resell")], house, CLOCK).moved
    assert back() == {"BED-1": 2, "MAT-1": 4} and drift() == []


def test_that_one_part_may_come_back_alone_but_never_more_than_was_sold() -> None:
    order = shipped_set()
    line, house = order.lines.get().uuid, place().warehouse_id
    mat, bed = goods("MAT-1"), goods("BED-1")
    assert receive_one(order.pk, [Piece(line, 3, "resell", mat.pk)], house, CLOCK).moved
    refused = receive_one(order.pk, [Piece(line, 1, "resell")], house, CLOCK).refused[order.pk]
    assert refused.code == "too_many"  # a whole one would bring 5 of 4 mattresses
    assert receive_one(order.pk, [Piece(line, 2, "resell", bed.pk)], house, CLOCK).moved
    stranger = goods("CUP-1")
    assert receive_one(order.pk, [Piece(line, 1, "resell", stranger.pk)], house, CLOCK).refused
    assert back() == {"MAT-1": 3, "BED-1": 2} and drift() == []


def test_that_a_reference_nobody_knows_holds_what_the_bundle_is_now() -> None:
    bed = goods("BED-1")
    sets = bundle("SET-1", BED_1=2)
    name = uuid.uuid4()
    assert made_of([(name, sets.pk, 3)]) == {name: {bed.pk: 6}} and made_of([(name, bed.pk, 3)]) == {}
