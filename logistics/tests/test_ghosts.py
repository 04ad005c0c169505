"""Ghost orders: each kind, injected through the sandbox, is one ticket after one cycle, and none once it is gone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from logistics import ghosts
from logistics.ghosts import BY_CODE, GHOSTS, View
from logistics.models import Comparison, Parcel
from logistics.operations import compare
from logistics.providers import wangdiantong
from logistics.queries import shipments
from logistics.tests.test_providers import (
    cast_at_the_sandbox,  # noqa: F401
    drain,
    own_order,
    taobao_order,
)
from orderhub.integrations import turns
from orderhub.integrations.registry import client
from orderhub.models import Connection, Ticket
from orderhub.testing.sandbox import RunningSandbox
from orderhub.testing.speaking import fresh_sandbox, start_sandbox  # noqa: F401
from orders.models import Order
from orders.operations import recheck
from orders.operations.recheck import channel_states as asked_really

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
NOW = dt.timedelta(0)
LONG_AGO, JUST_NOW = dt.timedelta(days=9), dt.timedelta(minutes=1)
HALF_A_DAY = dt.timedelta(
    hours=12
)  # whatever the sandbox draws: picked up within ten hours, signed after fifteen


def cycle() -> dict[str, int]:
    return compare.compare(grace=NOW)


def codes() -> set[str]:
    return {ticket.data["code"] for ticket in Ticket.objects.filter(kind="ghost").exclude(state="done")}


def handed(house: Any, paid: dt.timedelta) -> Parcel:
    """A plain parcel that Wangdiantong has, of an order paid that long ago."""
    order = own_order(house)
    Order.objects.filter(id=order.id).update(paid_at=timezone.now() - paid, ordered_at=timezone.now() - paid)
    parcel = house.parcel(order)
    drain("waybill.get", "wms.push")
    parcel.refresh_from_db()
    assert parcel.state == "handed"
    return parcel


def be(parcel: Parcel, state: str, **columns: Any) -> None:
    columns.setdefault("shipped_at", timezone.now() if state == "shipped" else None)
    Parcel.objects.filter(id=parcel.id).update(state=state, handed_at=timezone.now(), **columns)


def own_waves(house: Any, tid: str, state: str, **columns: Any) -> Parcel:
    """A masked parcel that our own people work: no warehouse system has a word in it."""
    made: Parcel = house.parcel(taobao_order(house, tid, "SH01"), state, **columns)
    Order.objects.filter(id=made.order_id).update(channel_version=timezone.now() - dt.timedelta(days=30))
    return made


def shipped_by_hand(house: Any, parcel: Parcel) -> None:
    """Somebody enters the number in the shop's own back office."""
    number = Order.objects.get(id=parcel.order_id).channel_number
    client(house.accounts["taobao"]).offline_send(number, "ZTO", parcel.waybill_no)


def heard(parcel: Parcel) -> None:
    """The channel's payload of the order as a pull would bring it."""
    asked_really([parcel.order_id])


def inject_shipped_unknown_there(house: Any) -> None:
    be(house.parcel(own_order(house), "numbered"), "shipped")


def inject_shipped_not_there(house: Any) -> None:
    be(handed(house, JUST_NOW), "shipped")


def inject_there_not_here(house: Any) -> None:
    handed(house, LONG_AGO)


def inject_lost_there(house: Any) -> None:
    be(house.parcel(own_order(house), "numbered"), "handed")


def inject_cancelled_there(house: Any) -> None:
    parcel = handed(house, JUST_NOW)
    wangdiantong.stop(house.accounts["wangdiantong"], shipments([parcel.id])[parcel.id])


def inject_cancelled_here(house: Any) -> None:
    be(handed(house, JUST_NOW), "voided")


def inject_moves_in_sorting(house: Any) -> None:
    """Its number travels on another parcel, which left half a day ago; here it is packed in a house without a system."""
    number = handed(house, HALF_A_DAY).waybill_no
    Parcel.objects.filter(waybill_no=number).update(waybill_no="", state="voided")
    house.parcel(own_order(house, "SH01"), "packed", waybill_no=number)


def inject_moves_voided(house: Any) -> None:
    be(handed(house, LONG_AGO), "voided")


def inject_signed_not_here(house: Any) -> None:
    handed(house, LONG_AGO)


def inject_channel_shipped(house: Any) -> None:
    parcel = own_waves(house, house.tids[0], "packed")
    shipped_by_hand(house, parcel)
    heard(parcel)


def inject_channel_waits(house: Any) -> None:
    parcel = own_waves(house, house.tids[1], "shipped", report_state="done")
    heard(parcel)


def inject_channel_closed(house: Any) -> None:
    rows = client(house.accounts["taobao"]).created_page(
        timezone.now() - dt.timedelta(days=20), timezone.now(), 1, 100
    )
    closed = next(row["tid_str"] for row in rows if row["status"].startswith("TRADE_CLOSED"))
    parcel = own_waves(house, closed, "packed")
    heard(parcel)
    # as after a restored backup: the cancellation that the payload made is lost again
    Order.objects.filter(id=parcel.order_id).update(state="packed", open_holds=0)
    Parcel.objects.filter(id=parcel.id).update(state="packed", stop_reason="")


INJECT: dict[str, Callable[[Any], None]] = {
    name.removeprefix("inject_"): function
    for name, function in list(globals().items())
    if name.startswith("inject_")
}


def test_that_every_kind_is_injected() -> None:
    assert set(INJECT) == set(BY_CODE) and len(BY_CODE) == len(GHOSTS)


@pytest.mark.parametrize("code", list(BY_CODE))
def test_that_an_injected_disagreement_is_a_ticket_within_one_cycle(
    code: str,
    world: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if code.startswith("channel"):  # the own shop of the sandbox does not know the cast's plain orders
        monkeypatch.setattr(recheck, "channel_states", asked_really)
    INJECT[code](world)
    cycle()
    assert code in codes()
    ticket = Ticket.objects.get(cause_key__startswith=f"ghost:{code}:")
    assert ticket.body and ticket.role and ticket.order_id and "%" not in ticket.title
    Comparison.objects.update(compared_at=timezone.now() - dt.timedelta(days=1))
    before = Ticket.objects.count()
    cycle()
    assert Ticket.objects.count() == before


def test_that_sides_that_agree_make_no_ticket_and_one_that_agrees_again_closes_its_own(
    world: Any,
    sandbox: RunningSandbox,
) -> None:
    fine, ghost = handed(world, JUST_NOW), handed(world, JUST_NOW)
    be(ghost, "shipped")
    assert cycle()["opened"] == 1 and codes() == {"shipped_not_there"}
    Parcel.objects.filter(id=ghost.id).update(state="handed")
    assert cycle()["closed"] == 1 and not codes()
    ticket = Ticket.objects.get(kind="ghost")
    assert ticket.state == "done" and ticket.resolution and ticket.done_at
    assert Comparison.objects.filter(parcel=fine).exists()


def test_that_silence_opens_nothing_and_closes_nothing(world: Any, sandbox: RunningSandbox) -> None:
    ghost = handed(world, JUST_NOW)
    be(ghost, "shipped")
    cycle()
    sandbox.fault("500_before", "wangdiantong")
    handed_before = Parcel.objects.get(id=ghost.id)
    be(handed_before, "handed")
    cycle()
    assert codes() == {"shipped_not_there"}


def test_that_questions_are_the_first_to_be_kept_back(world: Any, sandbox: RunningSandbox) -> None:
    parcel = handed(world, JUST_NOW)
    be(parcel, "shipped")
    account = world.accounts["wangdiantong"]
    Connection.objects.filter(id=account.id).update(
        options=account.options | {"budgets": {"wms.stockout.Sales.queryWithDetail": {"minute": 10}}}
    )
    account.refresh_from_db()
    for _ in range(7):
        turns.take(account, "wms.stockout.Sales.queryWithDetail")
    assert cycle()["opened"] == 0 and not Comparison.objects.exists()
    assert wangdiantong.known(account, parcel.number, "HZ01")  # what a hand-over asks still leaves


def test_that_a_ticket_closed_by_a_person_rests_for_a_day(world: Any, admin_user: Any) -> None:
    be(handed(world, JUST_NOW), "shipped")
    cycle()
    Ticket.objects.update(state="done", owner=admin_user, done_at=timezone.now())
    Comparison.objects.all().delete()
    assert cycle()["opened"] == 0
    Ticket.objects.update(done_at=timezone.now() - compare.PEACE)
    Comparison.objects.all().delete()
    assert cycle()["opened"] == 1


def test_that_no_kind_is_seen_where_nothing_is_known() -> None:
    states = [*ghosts.INSIDE, *ghosts.LEFT, "voided"]
    for state in states:
        assert [g.seen(View(1, "P", 1, "W", state)) for g in GHOSTS] == [None] * len(GHOSTS)


def test_that_agreeing_words_are_no_ghost() -> None:
    for state, warehouse, carrier, channel in (
        ("handed", "working", "none", "to_ship"), ("shipped", "shipped", "transit", "shipped"),
        ("shipped", "shipped", "none", "shipped"), ("signed", "shipped", "signed", "finished"),
        ("voided", "cancelled", "none", "cancelled"), ("voided", "missing", "none", "to_ship"),
        ("printed", "working", "none", "locked"),
    ):  # fmt: skip
        view = View(
            1,
            "P",
            1,
            "W",
            state,
            warehouse=warehouse,
            carrier=carrier,
            channel=channel,
            reported=state == "shipped",
        )
        assert not [g.code for g in GHOSTS if g.seen(view)]
