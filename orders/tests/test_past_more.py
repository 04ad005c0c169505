"""Drafts about stock, twins, merging and limits are tried on what happened: pairs with their distance, shares by the ledger."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest
from django.utils import timezone

from inventory.models import Movement, ShownHistory
from inventory.past import shares, shown
from orderhub.actors import CLOCK
from orderhub.lifecycle import apply
from orderhub.rules import engine, registry, seeding, simulating
from orderhub.rules.documents import table
from orderhub.rules.tally import Tally
from orders.lifecycle import LIFECYCLE
from orders.models import Order, Receiver
from orders.past_pairs import neighbours, twins
from orders.tests.stock_cast import goods, wants

pytestmark = pytest.mark.django_db
DAY = dt.timedelta(days=1)


@pytest.fixture(autouse=True)
def _published(db: None) -> Iterator[None]:
    seeding.seed()
    engine.forget()
    yield
    engine.forget()


def tried(point: str, live: dict[str, object], draft: dict[str, object]) -> Tally:
    tally, now, spec = Tally(), timezone.now(), registry.point(point)
    simulating.compare(spec, simulating.read(spec, now - DAY, now + DAY, None, 0, 1000), live, draft, tally)
    return tally


def minutes_apart(*minutes: int, **columns: object) -> list[Order]:
    """Orders of one door and the same goods, so many minutes after the first."""
    start, made = timezone.now() - dt.timedelta(hours=5), []
    for n in minutes:
        at = start + dt.timedelta(minutes=n)
        order = wants((goods("A", 0), 1), ordered_at=at, paid_at=at, duplicate_key="same", **columns)
        Receiver.objects.filter(order=order).update(address_key="door")
        made.append(order)
    return made


def test_that_shares_are_reckoned_back_through_the_ledger() -> None:
    sku = goods("A", 100)
    orders = [wants((sku, 30)) for _ in range(3)]
    for order in orders:
        apply(LIFECYCLE, "reserve", [order.id], actor=CLOCK)
    now = timezone.now()
    assert Movement.objects.filter(kind="reserve").count() == 3
    found = shares(now - DAY, now + DAY, None, 0, 9)
    assert [(p.label, p.input["free"], p.input["on_shelf"], p.input["share"]) for p in found] == [
        ("A", 70, 100, 70.0), ("A", 40, 100, 40.0), ("A", 10, 100, 10.0)
    ]  # fmt: skip
    assert [p.id for p in shares(now - DAY, now + DAY, None, found[0].id, 1)] == [found[1].id]
    assert shares(now - DAY, now + DAY, [orders[0].id], 0, 9) == [] and found[0].order == 0
    head = [("share", "S")], [("lock", "L")]
    strict = table("t", *head, [("low", ("<= 50",), ("true",)), ("rest", ("",), ("false",))])
    never = table("t", *head, [("rest", ("",), ("false",))])
    tally = tried("stock", never, strict)
    assert (tally.seen, tally.differing) == (3, 2)


def test_that_a_wider_window_says_which_orders_would_have_been_twins() -> None:
    first, second, third = minutes_apart(0, 20, 100)
    now = timezone.now()
    found = twins(now - DAY, now + DAY, None, 0, 9)
    assert [(p.id, p.became["twin"], round(p.became["apart"])) for p in found] == [
        (second.id, first.number, 20), (third.id, second.number, 80)
    ]  # fmt: skip
    assert [p.id for p in twins(now - DAY, now + DAY, [third.id], 0, 9)] == [third.id]
    assert set(found[0].input) == {field.code for field in registry.point("duplicates").inputs}
    heads = [], [("minutes", "M"), ("mode", "W")]
    live, draft = (table("t", *heads, [("all", (), (m, "'hold'"))]) for m in ("30", "120"))
    tally = tried("duplicates", live, draft)
    assert (tally.seen, tally.differing) == (2, 1)


def test_that_merging_by_itself_says_which_would_have_been_one_parcel() -> None:
    first, second, third = minutes_apart(0, 20, 100)
    now = timezone.now()
    found = neighbours(now - DAY, now + DAY, None, 0, 9)
    assert [(p.id, p.became["next"], round(p.became["apart"])) for p in found] == [
        (first.id, second.number, 20), (second.id, third.number, 80)
    ]  # fmt: skip
    heads = [], [("minutes", "M"), ("mode", "W")]
    live, draft = (table("t", *heads, [("all", (), ("30", mode))]) for mode in ("'suggest'", "'auto'"))
    tally = tried("merge", live, draft)
    assert (tally.seen, tally.differing) == (2, 2), (
        "one parcel, and one that would not have waited long enough"
    )


def test_that_limits_are_tried_on_what_was_shown() -> None:
    sku = goods("A", 5)
    for n in (12, 9, 4):
        ShownHistory.objects.create(sku=sku, free=n, coming=0, unpaid=0, shown=n)
    now = timezone.now()
    assert [p.input["shown"] for p in shown(now - DAY, now + DAY, None, 0, 9)] == [12, 9, 4]
    heads = [("shown", "S")], [("limited", "L"), ("most", "M"), ("hours", "H"), ("hold_minutes", "B")]
    live, draft = (
        table(
            "t",
            *heads,
            [("few", (at,), ("true", "2", "24", "15")), ("rest", ("",), ("false", "2", "24", "15"))],
        )
        for at in ("< 10", "< 5")
    )
    tally = tried("limited", live, draft)
    assert (tally.seen, tally.differing) == (3, 1)
