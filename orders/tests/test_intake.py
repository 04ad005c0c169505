"""Raw payloads become orders, once each, and what can't be read is kept and explained."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from inventory.models import Reservation, Sku, Stock, UnknownCode
from inventory.queries import drift
from orderhub.actors import Actor
from orderhub.inbound import processing
from orderhub.inbound.keeping import Kept, keep_many
from orderhub.models import Payload
from orderhub.sweeping import sweep
from orders.lifecycle import LIFECYCLE
from orders.models import Event, Hold, Order, Receiver, Shop
from orders.operations import holds, mapping, pull
from orders.tests.conftest import beijing, own_order, raw, trade

pytestmark = pytest.mark.django_db
ALICE = Actor("person", "alice", 1)


def take(shop: Shop, *bodies: Any, version: str = "") -> None:
    rows = [
        Kept(
            "order",
            str(b.get("tid_str") or b.get("number")) if isinstance(b, dict) else f"x{i}",
            version or f"{i}-{b.get('modified') if isinstance(b, dict) else i}",
            b if isinstance(b, bytes) else raw(b),
        )
        for i, b in enumerate(bodies)
    ]
    keep_many(shop.connection_id, rows)
    processing.process("order")


def test_that_a_paid_trade_becomes_an_order_whose_lines_add_up(taobao: Shop) -> None:
    take(taobao, trade("1001"))
    order = Order.objects.get()
    amounts = (order.payable, order.discount, order.freight)
    assert (order.state, amounts) == ("claimed", (Decimal("50.00"), Decimal("3.00"), Decimal("5.00")))
    assert sum(line.payable for line in order.lines.all()) == Decimal("50.00")
    assert order.receiver.visibility == "masked" and order.receiver.plain_enc is None
    assert b"oaid1001" not in bytes(order.receiver.opaque_enc)


def test_that_an_own_shop_receiver_is_sealed_and_its_point_is_in_wgs84(own_shop: Shop) -> None:
    take(own_shop, own_order("OS1"))
    receiver = Receiver.objects.get()
    assert receiver.visibility == "plain" and "969" not in receiver.address_mask
    assert "文一西路".encode() not in bytes(receiver.plain_enc)
    assert abs(receiver.lng - 120.0) > 0.001


def test_that_the_same_payload_twice_is_one_order(taobao: Shop) -> None:
    take(taobao, trade("1001"))
    take(taobao, trade("1001", at=timezone.now()))
    assert Order.objects.count() == 1


def test_that_an_older_version_never_overwrites_a_newer_one(taobao: Shop) -> None:
    now = timezone.now()
    take(taobao, trade("1001", at=now, seller_memo="new"))
    body = trade("1001", status="TRADE_CLOSED", modified=beijing(now - dt.timedelta(hours=2)))
    take(taobao, body)
    assert Order.objects.get().state == "claimed"
    assert Payload.objects.filter(state="stale").count() == 1


def test_that_one_unreadable_payload_is_set_aside_and_the_rest_go_on(taobao: Shop) -> None:
    bodies = [trade(str(1000 + n)) for n in range(20)]
    bodies[7]["status"] = "WAIT_SELLER_STOCK_CHECK"
    bodies[8]["payment"] = "12.8O"
    take(taobao, *bodies, b"\x00{", b'{"tid": NaN')
    assert Order.objects.count() == 18
    aside = {p.reason_code: p.reason for p in Payload.objects.filter(state="set_aside")}
    assert {"unknown_word", "bad_money", "not_json"} <= set(aside)
    assert "WAIT_SELLER_STOCK_CHECK" in aside["unknown_word"]


def test_that_a_set_aside_payload_is_taken_in_after_a_replay(
    taobao: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    from orders.providers import taobao as provider

    take(taobao, trade("1001", status="NEW_WORD"))
    assert not Order.objects.exists()
    monkeypatch.setitem(provider.STATES, "NEW_WORD", provider.ChannelState.TO_SHIP)
    assert processing.replay([Payload.objects.get().id]) == 1
    processing.process("order")
    assert Order.objects.get().channel_state == "NEW_WORD"


def test_that_an_unknown_code_holds_its_order_until_it_is_mapped(taobao: Shop) -> None:
    body = trade("1001")
    body["orders"]["order"][0]["outer_sku_id"] = "MUG-X"
    take(taobao, body)
    assert Hold.objects.get().type == "mapping"
    unknown = UnknownCode.objects.get()
    assert mapping.map_code(unknown.id, Sku.objects.get(code="CUP-1").id, ALICE) == 1
    order = Order.objects.get()
    assert order.open_holds == 0 and not order.lines.filter(sku=None).exists()


def test_that_another_spelling_of_a_code_is_the_same_sku(taobao: Shop) -> None:
    body = trade("1001")
    body["orders"]["order"][0]["outer_sku_id"] = "ｃｕｐ1"
    take(taobao, body)
    assert not Hold.objects.exists()


def test_that_a_suspected_duplicate_is_held_and_the_first_goes_on(own_shop: Shop) -> None:
    take(own_shop, own_order("OS1"), own_order("OS2"))
    assert [h.order.channel_number for h in Hold.objects.filter(type="duplicate")] == ["OS2"]


def test_that_a_refund_before_shipping_holds_the_order_and_its_withdrawal_releases_it(taobao: Shop) -> None:
    now = timezone.now()
    take(taobao, trade("1001"))
    later = trade("1001", modified=beijing(now))
    later["orders"]["order"][0]["refund_status"] = "WAIT_SELLER_AGREE"
    take(taobao, later)
    assert Hold.objects.get(released_at=None).type == "refund"
    take(taobao, trade("1001", modified=beijing(now + dt.timedelta(seconds=5))))
    assert Order.objects.get().open_holds == 0


def test_that_a_closed_trade_is_cancelled_and_gives_its_stock_back(taobao: Shop) -> None:
    take(taobao, trade("1001"))
    sweep(LIFECYCLE, "claimed", ("verify", "reserve"))
    assert Order.objects.get().state == "reserved" and Stock.objects.filter(reserved__gt=0).exists()
    take(taobao, trade("1001", status="TRADE_CLOSED", modified=beijing(timezone.now())))
    assert Order.objects.get().state == "cancelled"
    assert not Stock.objects.filter(reserved__gt=0).exists() and drift() == []


def test_that_a_changed_address_makes_a_new_destination_version(taobao: Shop) -> None:
    take(taobao, trade("1001"))
    take(taobao, trade("1001", modified=beijing(timezone.now()), receiver_district="西湖区", oaid="oaidNEW"))
    order = Order.objects.get()
    assert order.destination_version == 2 and order.receiver.district == "西湖区"
    assert Event.objects.filter(code="address_changed").count() == 1


def test_that_two_holds_need_two_releases(taobao: Shop) -> None:
    take(taobao, trade("1001"))
    order = Order.objects.get()
    holds.open_holds([order.id], "manual", "look", ALICE)
    holds.open_holds([order.id], "weight", "heavy", ALICE)
    first, second = Hold.objects.order_by("id")
    assert holds.release(first.id, ALICE) and not holds.release(first.id, ALICE)
    sweep(LIFECYCLE, "claimed", ("verify",))
    order.refresh_from_db()
    assert (order.state, order.open_holds) == ("claimed", 1)
    holds.release(second.id, ALICE)
    sweep(LIFECYCLE, "claimed", ("verify",))
    order.refresh_from_db()
    assert order.state == "paid"


def test_that_a_payment_the_channel_denies_is_held(own_shop: Shop) -> None:
    from orders.models import PaymentProof

    take(
        own_shop,
        own_order("OS1"),
        own_order("OS2", receiver={**own_order("x")["receiver"], "phone": "13912345678"}),
    )
    Order.objects.update(state="claimed")
    one, two = Order.objects.order_by("id")
    PaymentProof.objects.create(
        order=one, source="alipay", trade_no="t", state="WAIT_BUYER_PAY", paid=False, amount=one.payable
    )
    PaymentProof.objects.create(
        order=two, source="alipay", trade_no="t", state="TRADE_SUCCESS", paid=True, amount=Decimal(1)
    )
    sweep(LIFECYCLE, "claimed", ("verify",))
    assert sorted(Hold.objects.values_list("type", flat=True)) == ["payment", "payment"]
    assert set(Order.objects.values_list("state", flat=True)) == {"claimed"}


def test_that_without_a_proof_nothing_is_confirmed(own_shop: Shop) -> None:
    take(own_shop, own_order("OS1"))
    Order.objects.update(state="claimed")
    sweep(LIFECYCLE, "claimed", ("verify",))
    order = Order.objects.get()
    assert (order.state, order.refusal) == ("claimed", "no_proof")


def test_that_stock_is_reserved_to_the_bin_and_never_beyond_it(taobao: Shop) -> None:
    bodies = [trade(str(2000 + n)) for n in range(60)]
    take(taobao, *bodies)
    sweep(LIFECYCLE, "claimed", ("verify", "reserve"), n=25)
    # 60 orders want 120 cups; HZ01 has 100 and SH01 10: 55 are served
    assert Order.objects.filter(state="reserved").count() == 55
    assert Hold.objects.filter(type="stock", released_at=None).count() == 5
    assert drift() == []
    assert all(s.reserved <= s.on_hand for s in Stock.objects.all())
    assert Reservation.objects.filter(state="active").exclude(bin=None).count() >= 110


def test_that_the_sql_of_a_batch_does_not_grow_with_it(taobao: Shop) -> None:
    counts = []
    for start, size in ((3000, 1), (3500, 3), (4000, 30)):
        with CaptureQueriesContext(connection) as queries:
            take(taobao, *[trade(str(start + n)) for n in range(size)])
            sweep(LIFECYCLE, "claimed", ("verify", "reserve"))
        counts.append(len(queries))
    assert counts[1] == counts[2], counts


def test_that_every_shop_is_pulled_in_a_task_of_its_own(
    monkeypatch: pytest.MonkeyPatch, taobao: Shop, own_shop: Shop
) -> None:
    rung: list[tuple[Any, ...]] = []
    monkeypatch.setattr(pull, "nudge", lambda task, *args, **more: rung.append((task, *args)))
    assert pull.ring_all() == [taobao.id]
    assert rung == [("orders.pull", taobao.id)]
