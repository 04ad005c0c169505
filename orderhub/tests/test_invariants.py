"""Each invariant holds of a house at work, and is seen to break."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from inventory.models import Bin, Movement, Stock
from inventory.operations import claiming
from logistics.models import Parcel
from orderhub.actors import CLOCK
from orderhub.invariants import check, invariants
from orders import timeline
from orders.models import Line, Order, Share
from orders.tests.stock_cast import goods, reserve, state, wants
from routing.models import CapacityDay
from routing.tests.cast import outlet

pytestmark = pytest.mark.django_db


@pytest.fixture
def order() -> Order:
    """Two sofas that were paid and reserved, one in a basket, and a day of an outlet."""
    sofa = goods("SOFA-1", 20)
    made = wants((sofa, 2))
    now = timezone.now()
    timeline.append(
        [timeline.line(made.pk, code, actor=CLOCK, now=now) for code in ("received", "claim", "verify")]
    )
    reserve(made)
    assert state(made) == "reserved"
    claiming.claim(1, "a-key-of-one", sofa.pk, 1, claiming.Buyer(ip="10.0.0.1"))
    CapacityDay.objects.create(outlet=outlet(1), day=timezone.localdate(), places=10)
    return made


def test_that_a_house_at_work_breaks_none(order: Order) -> None:
    assert check() == []
    out = StringIO()
    call_command("check_invariants", "--json", stdout=out)
    told = json.loads(out.getvalue())
    assert told["ok"] and told["asked"] == len(list(invariants())) == 17
    call_command("check_invariants", "money_adds_up", stdout=(out := StringIO()))
    assert "1 of 1 invariants hold" in out.getvalue()


def closed(order: Order) -> None:
    Order.objects.filter(pk=order.pk).update(state="closed")
    timeline.append([timeline.line(order.pk, "close", actor=CLOCK, now=timezone.now())])


def parcels(order: Order) -> None:
    for n in (1, 2):
        Parcel.objects.create(
            number=f"P{n}", order=order, warehouse_id=Order.objects.get(pk=order.pk).warehouse_id or 0,
            worked_by="own", carrier="ZTO", service="zto", waybill_no="7900001", place=n, state="numbered",
        )  # fmt: skip


def rider(order: Order) -> None:
    parcels(order)
    first, second = Parcel.objects.order_by("id")
    Parcel.objects.filter(pk=second.pk).update(rides_with=first, waybill_no="7900002")


def a_piece_short(order: Order) -> None:
    """Held, but not all of it; the counters agree."""
    sql("UPDATE inventory_reservation SET quantity = quantity - 1 WHERE kind = 'paid'")
    sql("UPDATE inventory_stock SET reserved = reserved - 1")


BREAKS: dict[str, Any] = {
    "stock_is_its_ledger": lambda o: Movement.objects.create(
        sku_id=Stock.objects.get().sku_id,
        bin_id=Stock.objects.get().bin_id,
        kind="count",
        on_hand_change=1,
        reference="x",
    ),
    "reserved_is_held": lambda o: sql("UPDATE inventory_reservation SET quantity = quantity + 1"),
    "claims_hold_their_goods": lambda o: sql(
        "UPDATE inventory_reservation SET state = 'released' WHERE reference IN (SELECT reference FROM inventory_claim)"
    ),
    "state_is_told": lambda o: Order.objects.filter(pk=o.pk).update(state="routed"),
    "holds_are_counted": lambda o: Order.objects.filter(pk=o.pk).update(open_holds=1),
    "money_adds_up": lambda o: Line.objects.filter(order=o).update(payable="1.00"),
    "pieces_are_counted": lambda o: Line.objects.filter(order=o).update(quantity=3),
    "goods_are_held": a_piece_short,
    "ended_orders_hold_nothing": lambda o: Order.objects.filter(pk=o.pk).update(state="cancelled"),
    "sent_orders_have_parcels": lambda o: Order.objects.filter(pk=o.pk).update(state="shipped"),
    "waybill_numbers_are_one_parcels": parcels,
    "riders_have_their_parcels_number": rider,
    "shares_are_whole": lambda o: Share.objects.create(
        order=o,
        line=Line.objects.get(order=o),
        place=1,
        warehouse_id=Bin.objects.get().warehouse_id,
        quantity=1,
        payable="1.00",
    ),
    "places_are_their_ledger": lambda o: CapacityDay.objects.update(held=1),
    "closed_orders_are_owed": closed,
    "board_counts_orders": lambda o: sql("DELETE FROM orders_stir"),
}


def sql(text: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(text)
        assert cursor.rowcount > 0


@pytest.mark.parametrize("code", list(BREAKS))
def test_that_each_is_seen_to_break(order: Order, code: str) -> None:
    BREAKS[code](order)
    assert code in {one.code for one in check()}
    with pytest.raises(SystemExit):
        call_command("check_invariants", code, stdout=(out := StringIO()))
    assert f"BROKEN  {code}" in out.getvalue()


def test_that_every_one_has_its_break() -> None:
    """`no_order_twice` is the database's own: its constraint lets no second one in."""
    assert {one.code for one in invariants()} - set(BREAKS) == {"no_order_twice"}
