"""Orders that ship in several parcels: pieces and fen are conserved whatever is done, and each parcel spends its own."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.db.models import Sum
from django.utils import timezone, translation
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inventory.models import Movement, Reservation, Stock
from logistics.models import Parcel, ParcelLine
from logistics.operations import dividing, follow, plan, together, voids, waves, waybill
from logistics.operations.dividing import SplitRefused
from logistics.operations.progress import apply_progress
from logistics.operations.steps import Progress
from logistics.providers import report
from logistics.queries import shipments
from orderhub.actors import Actor, platform
from orderhub.lifecycle import apply
from orderhub.models import Message
from orders.lifecycle import LIFECYCLE as ORDERS
from orders.models import Case, Event, Hold, Line, Order, Receiver, Share, Split
from orders.operations import holds
from orders.providers.channel import Told

CLERK = Actor("person", "li")
WMS = platform("wangdiantong")


@pytest.fixture(autouse=True)
def _gate(open_gate: Any) -> Iterator[None]:
    """Every channel says that its orders may go on; refusals are read in English."""
    with translation.override("en"):
        yield


def line_of(order: Order) -> Line:
    return Line.objects.filter(order=order).order_by("channel_line")[0]


def two_lines(house: Any, quantity: int = 3, **columns: Any) -> tuple[Order, list[Line]]:
    """An order with a second line of so many pieces, its stock held."""
    order = house.order(**columns)
    second = Line.objects.create(
        order=order, channel_line="2", sku=house.sku, seller_code="CUP-1", title="马克杯", quantity=quantity,
        unit_price=Decimal("10.00"), payable=Decimal("10.00"), freight_share=Decimal(0),
    )  # fmt: skip
    house.reserve(second, order.warehouse.code)
    return order, [line_of(order), second]


def held(order: Order) -> dict[str, int]:
    """Pieces held for the order, by warehouse."""
    references = [*Line.objects.filter(order=order).values_list("uuid", flat=True),
                  *Share.objects.filter(order=order).values_list("reference", flat=True)]  # fmt: skip
    rows = Reservation.objects.filter(reference__in=references, state="active")
    return {
        str(house): n
        for house, n in rows.values_list("bin__warehouse__code").annotate(n=Sum("quantity")).order_by()
    }


def parcels(order: Order) -> list[Parcel]:
    return list(Parcel.objects.filter(order=order).exclude(state="voided").order_by("place"))


def numbered(parcel: Parcel, number: str) -> None:
    message = Message.objects.get(kind="waybill.get", subject_id=parcel.id)
    message.answer, message.state = {"waybill_no": number, "service": parcel.service}, "done"
    message.save()
    waybill.numbered([message])
    parcel.refresh_from_db()


def test_that_a_split_order_becomes_two_parcels_each_with_its_pieces_and_number(house: Any) -> None:
    order, (first, second) = two_lines(house)
    dividing.divide(order.id, {second.uuid: 2}, CLERK)
    assert plan.plan() == 2
    one, other = parcels(order)
    assert [(p.role, p.place, p.number) for p in (one, other)] == [
        ("main", 1, f"{order.number}-1"), ("split", 2, f"{order.number}-2"),
    ]  # fmt: skip
    assert (one.expected_weight_g, other.expected_weight_g) == (3 * 300 + 80, 2 * 300 + 80)
    assert Message.objects.filter(kind="waybill.get").count() == 2
    assert held(order) == {"HZ01": 5}
    found = shipments([one.id, other.id])
    assert sum(s.payable for s in found.values()) == first.payable + second.payable
    assert found[other.id].payable == Decimal("6.67")
    assert Event.objects.get(order=order, code="split").data == {"parcels": 2}


def test_that_each_parcel_spends_its_own_pieces_and_the_order_follows_the_last(house: Any) -> None:
    order, (_first, second) = two_lines(house)
    dividing.divide(order.id, {second.uuid: 2}, CLERK)
    plan.plan()
    one, other = parcels(order)
    for parcel, weight in ((other, 680), (one, 980)):
        numbered(parcel, f"780000{parcel.place}")
        Parcel.objects.filter(id=parcel.id).update(state="handed", handed_at=timezone.now())
        apply_progress([Progress(parcel.id, "shipped", {"shipped": timezone.now()}, weight)], WMS)
        follow.follow()
        order.refresh_from_db()
        stock = Stock.objects.get(sku=house.sku, bin=house.bins["HZ01"])
        if parcel is other:
            assert (stock.on_hand, stock.reserved, order.state) == (998, 3, "routed")
    assert (stock.on_hand, stock.reserved, order.state) == (995, 0, "shipped")
    assert Message.objects.filter(kind="channel.ship").count() == 2
    assert Message.objects.filter(kind="trace.subscribe").count() == 2


def test_that_a_part_without_a_parcel_keeps_the_order_back_and_is_planned_again(house: Any) -> None:
    order, (_first, second) = two_lines(house)
    dividing.divide(order.id, {second.uuid: 2}, CLERK)
    plan.plan()
    one, other = parcels(order)
    Parcel.objects.filter(id=one.id).update(state="shipped", shipped_at=timezone.now(), waybill_no="7801")
    Parcel.objects.filter(id=other.id).update(state="voided")
    follow.follow()
    order.refresh_from_db()
    assert order.state == "routed"
    assert plan.plan() == 1
    assert [(p.place, p.state) for p in parcels(order)] == [(1, "shipped"), (2, "planned")]


def test_that_the_pick_list_of_each_parcel_names_its_own_pieces(house: Any) -> None:
    order, (_first, second) = two_lines(house, warehouse="SH01")
    dividing.divide(order.id, {second.uuid: 2}, CLERK)
    plan.plan()
    for parcel in parcels(order):
        numbered(parcel, f"780000{parcel.place}")
    (wave,) = waves.make_waves(CLERK)
    (pick,) = waves.pick_list(wave.id)
    assert (pick.quantity, len(pick.parcels)) == (5, 2)


@pytest.mark.parametrize(
    "how", ["too many", "all", "none", "merged", "held", "gift", "picked", "at the warehouse"]
)
def test_that_what_can_not_be_split_is_refused_and_nothing_happens(house: Any, how: str) -> None:
    order, (first, second) = two_lines(house)
    pieces = {second.uuid: 1}
    if how == "too many":
        pieces = {second.uuid: 4}
    elif how == "all":
        pieces = {first.uuid: 2, second.uuid: 3}
    elif how == "none":
        pieces = {second.uuid: 0}
    elif how == "merged":
        other = house.order()
        Receiver.objects.filter(order__in=[order, other]).update(address_key="door")
        together.merge([order.id, other.id], CLERK)
    elif how == "held":
        holds.open_holds([order.id], "manual", "look", CLERK)
    elif how == "gift":
        Order.objects.filter(id=order.id).update(sealed="gift")
    else:
        house.parcel(order, "waved" if how == "picked" else "handed")
    before = held(order)
    with pytest.raises(SplitRefused):
        dividing.divide(order.id, pieces, CLERK)
    assert not Share.objects.exists()
    assert not Split.objects.exists()
    assert held(order) == before
    assert not Parcel.objects.filter(state="voided").exists()


def snapshot(order: Order) -> Any:
    columns = Order.objects.filter(id=order.id).values_list("state", "payable", "warehouse_id", "open_holds")
    lines = Line.objects.filter(order=order).order_by("channel_line").values_list("quantity", "payable")
    rows = Reservation.objects.filter(state="active").values_list("reference", "bin_id", "quantity", "part")
    carried = [
        (
            p.place,
            p.role,
            p.warehouse_id,
            [(c.line_uuid, c.reference, c.quantity) for c in p.lines.order_by("id")],
        )
        for p in parcels(order)
    ]
    return list(columns), list(lines), sorted(rows), carried


def test_that_undoing_before_picking_restores_exactly_even_from_another_warehouse(house: Any) -> None:
    order, (_first, second) = two_lines(house)
    plan.plan()
    before = snapshot(order)
    dividing.divide(order.id, {second.uuid: 1}, CLERK)
    dividing.divide(order.id, {second.uuid: 1}, CLERK, warehouse_id=house.houses["SH01"].id)
    plan.plan()
    assert [p.warehouse.code for p in parcels(order)] == ["HZ01", "HZ01", "SH01"]
    assert held(order) == {"HZ01": 4, "SH01": 1}
    dividing.undo(order.id, CLERK)
    plan.plan()
    after = snapshot(order)
    assert (after[0], after[1], after[3]) == (before[0], before[1], before[3])
    totals = (
        Reservation.objects.filter(state="active")
        .values_list("reference", "bin_id")
        .annotate(n=Sum("quantity"))
    )
    assert sorted(totals.order_by()) == sorted((r, b, q) for r, b, q, _part in before[2])
    with pytest.raises(SplitRefused):
        dividing.undo(order.id, CLERK)


def test_that_undoing_is_refused_once_a_parcel_is_picked(house: Any) -> None:
    order, (_first, second) = two_lines(house)
    dividing.divide(order.id, {second.uuid: 1}, CLERK)
    plan.plan()
    Parcel.objects.filter(order=order, place=2).update(state="waved")
    with pytest.raises(SplitRefused, match="picked"):
        dividing.undo(order.id, CLERK)
    assert Share.objects.filter(order=order).count() == 3
    assert held(order) == {"HZ01": 5}


def test_that_a_cancelled_split_order_gives_everything_back(house: Any) -> None:
    order, (_first, second) = two_lines(house)
    dividing.divide(order.id, {second.uuid: 1}, CLERK, warehouse_id=house.houses["SH01"].id)
    plan.plan()
    outcome = apply(ORDERS, "cancel", [order.id], actor=platform("taobao"), params={"reason": "closed"})
    assert outcome.moved
    voids.stop_wrong()
    assert parcels(order) == []
    assert set(Stock.objects.values_list("reserved", flat=True)) == {0}


@pytest.mark.parametrize(("actor", "held_after"), [(CLERK, 0), (platform("taobao"), 1)])
def test_that_an_order_of_which_a_part_has_left_is_not_cancelled(
    house: Any, actor: Actor, held_after: int
) -> None:
    order, (_first, second) = two_lines(house)
    dividing.divide(order.id, {second.uuid: 1}, CLERK)
    plan.plan()
    gone = parcels(order)[1]
    numbered(gone, "7802")
    Parcel.objects.filter(id=gone.id).update(state="handed")
    apply_progress([Progress(gone.id, "shipped", {"shipped": timezone.now()}, 380)], WMS)
    outcome = apply(ORDERS, "cancel", [order.id], actor=actor, params={"reason": "closed"})
    order.refresh_from_db()
    assert (outcome.refused[order.id].code in ("part_left", "refund"), order.state) == (True, "routed")
    assert Hold.objects.filter(order=order, type="refund", released_at=None).count() == held_after
    assert held(order) == {"HZ01": 4}
    assert not Case.objects.exists()


class Heard:
    """A channel that writes down what it is told."""

    splits_lines = False

    def __init__(self) -> None:
        self.told: list[Told] = []

    def ship(self, _api: Any, told: Told) -> bool:
        self.told.append(told)
        return False


@pytest.mark.parametrize("splits_lines", [False, True])
def test_that_the_channel_hears_of_each_parcel_as_far_as_it_can(
    house: Any, monkeypatch: pytest.MonkeyPatch, splits_lines: bool
) -> None:
    order, (first, second) = two_lines(house)
    dividing.divide(order.id, {second.uuid: 3}, CLERK)
    dividing.divide(order.id, {first.uuid: 1}, CLERK)
    plan.plan()
    heard = Heard()
    heard.splits_lines = splits_lines
    monkeypatch.setattr(report, "channel_of", lambda _name: heard)
    monkeypatch.setattr(report, "client", lambda _connection: None)
    rows = parcels(order)
    assert [p.place for p in rows] == [1, 2, 3]
    made = [
        Message.objects.create(
            kind="channel.ship",
            key=p.number,
            subject_id=p.id,
            order_id=order.id,
            connection=house.accounts["own_shop"],
        )
        for p in rows
    ]
    answers = report.send(made)
    assert [told.lines for told in heard.told] == (
        [("1",), ("2",), ("1",)] if splits_lines else [("1",), ("2",)]
    )
    assert [told.role for told in heard.told][:2] == ["main", "split"]
    if not splits_lines:
        assert answers[made[2].id].data == {"only": f"{order.number}-1"}


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    quantities=st.lists(st.integers(1, 6), min_size=1, max_size=3),
    cents=st.integers(1, 99_999),
    steps=st.lists(st.tuples(st.integers(0, 2), st.integers(1, 5), st.booleans()), max_size=4),
    end=st.sampled_from(["leave", "undo", "cancel", "ship"]),
)
def test_that_pieces_and_fen_are_conserved_by_whatever_is_split_undone_cancelled_or_shipped(
    house: Any, quantities: list[int], cents: int, steps: list[tuple[int, int, bool]], end: str
) -> None:
    Message.objects.all().delete()
    on_hand = Stock.objects.aggregate(n=Sum("on_hand"))["n"]
    order = house.order()
    line_of(order).delete()
    Reservation.objects.filter(state="active").update(state="released")
    Stock.objects.update(reserved=0)
    lines = []
    for place, quantity in enumerate(quantities):
        line = Line.objects.create(
            order=order, channel_line=str(place), sku=house.sku, seller_code="CUP-1", title="杯", quantity=quantity,
            unit_price=Decimal(1), payable=Decimal(cents * (place + 1)) / 100,
        )  # fmt: skip
        house.reserve(line, "HZ01")
        lines.append(line)
    total, paid = sum(quantities), sum(line.payable for line in lines)
    for which, count, away in steps:
        wanted: dict[uuid.UUID, int] = {lines[which % len(lines)].uuid: count}
        try:
            dividing.divide(order.id, wanted, CLERK, warehouse_id=house.houses["SH01"].id if away else None)
        except SplitRefused:
            continue
        for line in lines:
            mine = Share.objects.filter(line=line).aggregate(n=Sum("quantity"), money=Sum("payable"))
            assert (mine["n"], mine["money"]) == (line.quantity, line.payable)
    assert sum(held(order).values()) == total
    if end == "undo" and Share.objects.filter(order=order).exists():
        dividing.undo(order.id, CLERK)
        assert held(order) == {"HZ01": total}
        assert Reservation.objects.filter(
            state="active", reference__in=[li.uuid for li in lines]
        ).count() == len(lines)
    plan.plan()
    live = parcels(order)
    carried = ParcelLine.objects.filter(parcel__in=live).aggregate(n=Sum("quantity"))["n"]
    assert carried == total
    assert sum(s.payable for s in shipments([p.id for p in live]).values()) in (paid, order.payable)
    if end == "cancel":
        assert apply(ORDERS, "cancel", [order.id], actor=platform("taobao"), params={"reason": "x"}).moved
        assert held(order) == {}
        assert Stock.objects.aggregate(n=Sum("reserved"))["n"] == 0
    if end == "ship":
        for n, parcel in enumerate(live):
            numbered(parcel, f"79{order.id:06d}{n}")
            Parcel.objects.filter(id=parcel.id).update(state="handed")
            told = Progress(parcel.id, "shipped", {"shipped": timezone.now()}, parcel.expected_weight_g)
            apply_progress([told], WMS)
            sent = sum(p.lines.aggregate(n=Sum("quantity"))["n"] for p in live[: n + 1])
            assert Stock.objects.aggregate(n=Sum("on_hand"))["n"] == on_hand - sent
            assert sum(held(order).values()) == total - sent
    apply(ORDERS, "cancel", [order.id], actor=platform("taobao"), params={"reason": "end"})
    Reservation.objects.filter(state="active").update(state="released")
    Stock.objects.update(reserved=0)
    moved = Movement.objects.filter(reason="rekeyed").aggregate(n=Sum("reserved_change"))["n"]
    assert moved in (0, None)
