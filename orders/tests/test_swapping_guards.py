"""What holds a swap and its undoing: an order in parts, goods held before it, a second swap, two people at once."""

from __future__ import annotations

import threading
import time
import uuid
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import translation

from inventory.models import Stock
from orderhub.actors import CLOCK
from orderhub.lifecycle import apply
from orders.lifecycle import LIFECYCLE
from orders.models import Event, Line, Order, Share
from orders.operations import swapping
from orders.operations.swapping import SwapRefused
from orders.tests.stock_cast import held, holds, place, reserve, state, wants
from orders.tests.test_swapping import CLERK, short, sofas
from orders.tests.test_unpaid import unpaid_order

pytestmark = pytest.mark.django_db


def in_parts(order: Order) -> None:
    line = Line.objects.get(order=order)
    for part in (1, 2):
        Share.objects.create(
            order=order, line=line, place=part, warehouse=place().warehouse, quantity=1, payable="1.00"
        )


def swapped() -> tuple[Order, Line, dict[str, Any]]:
    """An order that holds what goes instead."""
    order, made = short()
    line = Line.objects.get(order=order)
    swapping.swap(line.uuid, made["CLOUD-G3"].pk, CLERK)
    line.refresh_from_db()
    assert held(order) == {"CLOUD-G3": 2}
    return order, line, made


@pytest.mark.parametrize("reached", ["reserved", "routed"])
def test_that_an_order_in_parts_keeps_its_route_its_goods_and_its_article(reached: str) -> None:
    order, line, made = swapped()
    Order.objects.filter(pk=order.pk).update(state=reached)
    in_parts(order)
    with translation.override("en"), pytest.raises(SwapRefused, match="split or ships with others"):
        swapping.swap(line.uuid, made["CLOUD-W3"].pk, CLERK)
    line.refresh_from_db()
    assert (state(order), held(order), line.sku_code) == (reached, {"CLOUD-G3": 2}, "CLOUD-G3")
    assert not Event.objects.filter(order=order, code__in=("reroute", "give_back")).exists()


def test_that_goods_are_given_back_for_anybody_and_not_by_an_order_in_parts() -> None:
    order, _line, made = swapped()
    other = wants((made["CLOUD-B3"], 3))
    reserve(other)
    in_parts(other)
    outcome = apply(LIFECYCLE, "give_back", [order.pk, other.pk], actor=CLERK, params={"reason": "because"})
    assert list(outcome.moved) == [order.pk] and outcome.refused[other.pk].code == "tied"
    assert (state(order), held(order), state(other), held(other)) == ("paid", {}, "reserved", {"CLOUD-B3": 3})
    assert Stock.objects.get(sku=made["CLOUD-G3"]).reserved == 0
    assert Event.objects.get(order=order, code="give_back").data["reason"] == "because"


def test_that_an_order_in_parts_is_not_swapped_before_it_is_reserved_either() -> None:
    order, made = short()
    in_parts(order)
    line = Line.objects.get(order=order)
    with translation.override("en"), pytest.raises(SwapRefused, match="undo that first"):
        swapping.swap(line.uuid, made["CLOUD-G3"].pk, CLERK)
    line.refresh_from_db()
    assert line.sku_code != "CLOUD-G3" and holds(order) == ["stock"]


def test_that_goods_held_for_an_unpaid_order_are_free_when_another_goes_and_a_second_swap_knows_the_first() -> (
    None
):
    made = sofas()
    order = unpaid_order((made["CLOUD-G3"], 2))
    line = Line.objects.get(order=order)
    apply(LIFECYCLE, "hold_unpaid", [order.pk], actor=CLOCK)
    assert Order.objects.get(pk=order.pk).held_until is not None and held(order) == {"CLOUD-G3": 2}
    swapping.swap(line.uuid, made["CLOUD-B3"].pk, CLERK)
    assert held(order) == {} and Stock.objects.get(sku=made["CLOUD-G3"]).reserved == 0
    assert Order.objects.get(pk=order.pk).held_until is None, "held anew by the next round"
    swapping.swap(line.uuid, made["CLOUD-G2"].pk, CLERK)
    line.refresh_from_db()
    assert (line.sku_code, line.instead_of) == ("CLOUD-G2", made["CLOUD-G3"].pk), "what was bought is kept"
    swapping.swap(line.uuid, made["CLOUD-G3"].pk, CLERK)
    line.refresh_from_db()
    assert (line.sku_code, line.instead_of) == ("CLOUD-G3", None)


def test_that_a_line_that_is_gone_is_said() -> None:
    _order, made = short()
    with translation.override("en"), pytest.raises(SwapRefused, match="no longer there"):
        swapping.swap(uuid.uuid4(), made["CLOUD-G3"].pk, CLERK)


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("meanwhile", ["cancelled", "swapped"])
def test_that_who_comes_second_sees_what_the_first_did(meanwhile: str) -> None:
    made = sofas()
    order = wants((made["CLOUD-W3"], 1), state="unpaid")
    line = Line.objects.get(order=order)
    said: list[str] = []

    def second() -> None:
        try:
            swapping.swap(line.uuid, made["CLOUD-B3"].pk, CLERK)
            said.append("swapped")
        except SwapRefused:
            said.append("refused")
        finally:
            connection.close()

    thread = threading.Thread(target=second)
    with transaction.atomic():
        Order.objects.select_for_update().get(pk=order.pk)
        thread.start()
        waits = time.monotonic() + 20
        while time.monotonic() < waits and not waiting():
            time.sleep(0.05)
        if meanwhile == "cancelled":
            Order.objects.filter(pk=order.pk).update(state="cancelled")
        else:
            grey = made["CLOUD-G3"]
            Line.objects.filter(pk=line.pk).update(
                sku=grey, sku_code=grey.code, instead_of=made["CLOUD-W3"].pk
            )
    thread.join()
    line.refresh_from_db()
    if meanwhile == "cancelled":
        assert (said, line.sku_id, line.instead_of) == (["refused"], made["CLOUD-W3"].pk, None)
    else:
        assert (said, line.sku_code, line.instead_of) == (["swapped"], "CLOUD-B3", made["CLOUD-W3"].pk)
        assert Event.objects.get(order=order, code="swapped").data["from"] == "CLOUD-G3"


def waiting() -> bool:
    """Whether somebody waits for us. Activity is no way to ask: a transaction keeps what it read of it first."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid)))"""
        )
        return bool(cursor.fetchone()[0])
