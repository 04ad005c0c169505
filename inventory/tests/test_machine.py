"""Under any sequence of what can happen to stock: on hand = free + reserved, and what came = what is here + what left.

A model in plain Python is driven beside the database by hypothesis; at every quiet point both, the ledger and the
reservations must say the same.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections import Counter

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from inventory.models import Bin, Movement, Reservation, Sku, Stock, Warehouse
from inventory.operations.count import Counted, Refused, count
from inventory.operations.move import let_go, put_by, transfer
from inventory.operations.receive import opening, receive_return, shelve
from inventory.operations.rekey import rekey
from inventory.operations.release import expire, release
from inventory.operations.reserve import Book
from inventory.operations.ship import ship
from inventory.operations.take import reserve_many, reserve_one
from inventory.queries import drift

SKUS, BINS = 3, 4
Pieces = st.integers(0, 6)
Which = st.integers(0, 10**6)


class Shelves(RuleBasedStateMachine):
    """`held` {reference: {sku index: pieces}} is what was promised; `came` and `left` count pieces through the door."""

    @initialize()
    def begin(self) -> None:
        self.sid = transaction.savepoint()
        mark = uuid.uuid4().hex[:8]
        houses = [Warehouse.objects.create(code=f"{mark}{n}", name=str(n), priority=n) for n in range(2)]
        self.skus = [Sku.objects.create(code=f"{mark} S{n}", name="x").pk for n in range(SKUS)]
        self.bins = [Bin.objects.create(warehouse=houses[n % 2], code=f"{n}").pk for n in range(BINS)]
        self.bins.append(Bin.objects.create(warehouse=houses[0], code="X", sellable=False).pk)
        self.house = houses[0].pk
        self.held: dict[uuid.UUID, Counter[int]] = {}
        self.by_hand: set[uuid.UUID] = set()
        self.came: Counter[int] = Counter()
        self.left: Counter[int] = Counter()
        rows = [(sku, place, 5) for sku in self.skus for place in self.bins[:2]]
        opening(rows)
        for sku, _place, pieces in rows:
            self.came[sku] += pieces

    def free(self, sku: int, *, sellable: bool = True) -> int:
        rows = Stock.objects.filter(sku_id=sku, **({"bin__sellable": True} if sellable else {}))
        return sum(row.on_hand - row.reserved for row in rows)

    def sku(self, which: int) -> int:
        return self.skus[which % SKUS]

    def reference(self, which: int) -> uuid.UUID | None:
        names = sorted(self.held)
        return names[which % len(names)] if names else None

    def promised(self, name: uuid.UUID, sku: int, pieces: int) -> None:
        self.held.setdefault(name, Counter())[sku] += pieces

    @rule(which=Which, pieces=st.integers(1, 6))
    def buy_one(self, which: int, pieces: int) -> None:
        name, sku = uuid.uuid4(), self.sku(which)
        most = max(
            (r.on_hand - r.reserved for r in Stock.objects.filter(sku_id=sku, bin__sellable=True)), default=0
        )
        assert reserve_one(name, sku, pieces) == (most >= pieces)
        if most >= pieces:
            self.promised(name, sku, pieces)

    @rule(which=Which, wanted=st.lists(st.tuples(Which, st.integers(1, 4)), min_size=1, max_size=6))
    def buy_many(self, which: int, wanted: list[tuple[int, int]]) -> None:
        asked = {uuid.uuid4(): (self.sku(sku), pieces) for sku, pieces in wanted}
        for name in reserve_many([(name, *value) for name, value in asked.items()]):
            self.promised(name, *asked[name])

    @rule(wanted=st.lists(st.tuples(Which, st.integers(1, 4)), min_size=1, max_size=3))
    def buy_a_bundle(self, wanted: list[tuple[int, int]]) -> None:
        """All parts out of one warehouse, or nothing."""
        demand: Counter[int] = Counter()
        for which, pieces in wanted:
            demand[self.sku(which)] += pieces
        with transaction.atomic():
            book, name = Book.lock(demand), uuid.uuid4()
            house = next((w for w in book.warehouses if book.can_serve(dict(demand), w)), None)
            if house is not None:
                for sku, pieces in demand.items():
                    assert book.take(str(name), sku, pieces, house)
                    self.promised(name, sku, pieces)
            book.write("test")
            book.count()

    @rule(which=Which)
    def cancel(self, which: int) -> None:
        name = self.reference(which)
        if name is not None:
            assert release([name], "test") == sum(self.held.pop(name).values())
            assert release([name], "test") == 0
            self.by_hand.discard(name)

    @rule(which=Which)
    def send(self, which: int) -> None:
        name = self.reference(which)
        if name is not None:
            for sku, pieces in self.held[name].items():
                self.left[sku] += pieces
            assert ship([name], "test") == sum(self.held.pop(name).values())
            assert ship([name], "test") == 0
            self.by_hand.discard(name)

    @rule(which=Which, to=st.integers(0, 1))
    def carry(self, which: int, to: int) -> None:
        """To another warehouse, all of it or nothing."""
        name = self.reference(which)
        if name is None:
            return
        with transaction.atomic():
            book = Book.lock((), [str(name)])
            if book.warehouses:
                book.move([str(name)], book.warehouses[to % len(book.warehouses)])
            book.write("test")
            book.count()

    @rule(which=Which, pieces=st.integers(1, 6))
    def divide(self, which: int, pieces: int) -> None:
        name = self.reference(which)
        if name is None or name in self.by_hand:
            return
        sku = sorted(self.held[name])[0]
        moved, other = min(pieces, self.held[name][sku]), uuid.uuid4()
        rekey([(name, other, sku, moved)], "test")
        self.promised(other, sku, moved)
        self.held[name][sku] -= moved
        self.held[name] += Counter()
        if not self.held[name]:
            del self.held[name]

    @rule(which=Which, place=st.integers(0, BINS), pieces=st.integers(1, 6))
    def receive(self, which: int, place: int, pieces: int) -> None:
        sku = self.sku(which)
        shelve([(sku, self.bins[place], pieces, f"r:{uuid.uuid4()}", "")], Movement.Kind.RECEIVE, "test")
        self.came[sku] += pieces

    @rule(
        which=Which,
        pieces=st.integers(1, 3),
        word=st.sampled_from(["resell", "recondition", "scrap", "missing"]),
    )
    def comes_back(self, which: int, pieces: int, word: str) -> None:
        sku, name = self.sku(which), str(uuid.uuid4())
        for _told in range(2):
            receive_return([(sku, self.house, pieces, name, word)], "test")
        self.came[sku] += 0 if word == "missing" else pieces

    @rule(which=Which, place=st.integers(0, BINS), pieces=Pieces)
    def counted(self, which: int, place: int, pieces: int) -> None:
        sku, name = self.sku(which), f"c:{uuid.uuid4()}"
        try:
            found = count([Counted(sku, self.bins[place], pieces, "counted")], name, "test")
        except Refused:
            assert Stock.objects.get(sku_id=sku, bin_id=self.bins[place]).reserved > pieces
            return
        assert count([Counted(sku, self.bins[place], pieces, "counted")], name, "test") == {}
        self.came[sku] += sum(found.values())

    @rule(which=Which, source=st.integers(0, BINS), goal=st.integers(0, BINS), pieces=st.integers(1, 5))
    def moved(self, which: int, source: int, goal: int, pieces: int) -> None:
        sku = self.sku(which)
        row = Stock.objects.filter(sku_id=sku, bin_id=self.bins[source]).first()
        may = source != goal and row is not None and row.on_hand - row.reserved >= pieces
        try:
            transfer(sku, self.bins[source], self.bins[goal], pieces, "x", "test")
            assert may
        except Refused:
            assert not may

    @rule(which=Which, place=st.integers(0, BINS), pieces=st.integers(1, 4), over=st.booleans())
    def put_by_hand(self, which: int, place: int, pieces: int, over: bool) -> None:
        sku = self.sku(which)
        try:
            name = put_by(
                sku, self.bins[place], pieces, "sample", timezone.now() + dt.timedelta(days=1), "x", "test"
            )
        except Refused:
            return
        self.promised(name, sku, pieces)
        self.by_hand.add(name)
        if over:
            # the whole run is one transaction, whose now() is its beginning
            Reservation.objects.filter(reference=name).update(
                expires_at=timezone.now() - dt.timedelta(days=1)
            )

    @rule()
    def time_goes_by(self) -> None:
        ended = set(
            Reservation.objects.filter(state="active", expires_at__lt=timezone.now()).values_list(
                "reference", flat=True
            )
        )
        assert expire() == sum(sum(self.held.pop(name).values()) for name in ended)
        self.by_hand -= ended

    @rule(which=Which)
    def let_go_by_hand(self, which: int) -> None:
        name = self.reference(which)
        if name is None:
            return
        try:
            assert let_go(name, "test") == sum(self.held[name].values())
            assert name in self.by_hand
            del self.held[name]
            self.by_hand.discard(name)
        except Refused:
            assert name not in self.by_hand

    @invariant()
    def everything_adds_up(self) -> None:
        if not hasattr(self, "skus"):
            return
        rows = list(Stock.objects.filter(sku_id__in=self.skus))
        assert all(0 <= row.reserved <= row.on_hand for row in rows)
        for sku in self.skus:
            mine = [row for row in rows if row.sku_id == sku]
            on_hand, reserved = sum(r.on_hand for r in mine), sum(r.reserved for r in mine)
            promised = sum(held[sku] for held in self.held.values())
            assert reserved == promised, (sku, reserved, promised)
            assert on_hand == self.free(sku, sellable=False) + reserved
            assert self.came[sku] == on_hand + self.left[sku]
        assert not [row for row in drift() if row.sku_id in self.skus]

    def teardown(self) -> None:
        if hasattr(self, "sid"):
            transaction.savepoint_rollback(self.sid)


@pytest.mark.django_db
def test_that_stock_adds_up_under_any_sequence_of_events() -> None:
    """Forty sequences of up to thirty events."""
    run_state_machine_as_test(
        Shelves,
        settings=settings(
            max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
