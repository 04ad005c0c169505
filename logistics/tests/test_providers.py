"""Parcels over the real protocols, against the sandbox: what its ledger says is what happened."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from inventory.models import Sku, Warehouse
from inventory.operations import codes
from logistics.models import Parcel, Trace
from logistics.operations import follow, overdue, plan, progress, tracking, voids, waybill
from logistics.providers import wangdiantong_qiye
from logistics.providers.traces import Scan
from logistics.queries import shipments
from logistics.tests.sandbox_cast import cast_at_the_sandbox, drain, own_order, taobao_order  # noqa: F401
from orderhub.models import Connection, Message, Recipient, Ticket
from orderhub.testing.connections import connection
from orderhub.testing.sandbox import RunningSandbox
from orderhub.testing.speaking import fresh_sandbox, start_sandbox  # noqa: F401
from orders.models import Order, Receiver

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def test_that_a_plain_parcel_goes_from_zto_by_wangdiantong_to_the_report(
    world: Any, sandbox: RunningSandbox
) -> None:
    order = own_order(world)
    parcel = world.parcel(order)
    drain("waybill.get", "wms.push")
    parcel.refresh_from_db()
    assert parcel.state == "handed", list(Message.objects.values("kind", "state", "error"))
    assert sandbox.ledger("waybill.number", parcel.number, "zto")
    handed = sandbox.ledger("wms.order", parcel.number, "wangdiantong")
    assert [row["body"]["waybill"] for row in handed] == [parcel.waybill_no]
    # the WMS weighs by its own catalogue: our expectation follows the sandbox's weights here
    Parcel.objects.filter(id=parcel.id).update(
        expected_weight_g=0, handed_at=timezone.now() - dt.timedelta(minutes=1)
    )
    weighed = progress.wangdiantong.by_number(world.accounts["wangdiantong"], parcel.number)[0]
    Parcel.objects.filter(id=parcel.id).update(expected_weight_g=int(float(weighed["weight"]) * 1000))
    assert progress.poll_wangdiantong() >= 1, list(progress.WmsCursor.objects.values())
    follow.follow()
    parcel.refresh_from_db()
    order.refresh_from_db()
    assert (parcel.state, order.state) == ("shipped", "shipped")
    assert order.shipped_at is not None and order.shipped_at < timezone.now() - dt.timedelta(days=5)


def test_that_the_enterprise_system_takes_a_parcel_stops_one_and_refuses_a_bad_one_alone(
    world: Any, sandbox: RunningSandbox
) -> None:
    account = connection("wangdiantong_qiye", sandbox.url)
    Warehouse.objects.filter(code="HZ01").update(wms=account)
    parcels = [world.parcel(own_order(world)) for _ in range(3)]
    parcel, bad, stopped = parcels
    Receiver.objects.filter(order=bad.order_id).update(plain_enc=None)
    drain("waybill.get")
    sandbox.fault("lost_answer", "wangdiantong_qiye", "trade_push", times=1)
    for _again in range(3):
        drain("wms.push")
    for one in parcels:
        one.refresh_from_db()
    said = list(Message.objects.filter(kind="wms.push").values("state", "error"))
    assert (parcel.state, stopped.state) == ("handed", "handed"), said
    assert bad.state != "handed"
    handed = sandbox.ledger("wms.order", parcel.number, "wangdiantong_qiye")
    assert [(row["effect"], row["body"]["waybill"]) for row in handed if row["effect"]] == [
        (True, parcel.waybill_no)
    ]
    Parcel.objects.filter(id=parcel.id).update(handed_at=timezone.now() - dt.timedelta(minutes=20))
    row = progress.wangdiantong.by_number(account, parcel.number)[0]
    assert progress.wangdiantong.known(account, parcel.number, "HZ01") == row["trade_no"]
    Parcel.objects.filter(id=parcel.id).update(expected_weight_g=int(float(row["weight"]) * 1000))
    assert progress.poll_wangdiantong() >= 1, list(progress.WmsCursor.objects.values())
    parcel.refresh_from_db()
    assert parcel.state == "shipped" and parcel.weight_state == "ok"
    shipment = shipments([parcel.id])[parcel.id]
    assert progress.wangdiantong.stop(account, shipment) is True, "it has left"


def test_that_a_word_of_the_enterprise_system_that_nobody_has_seen_becomes_a_ticket(world: Any) -> None:
    parcel = world.parcel(own_order(world), "handed")
    rows = wangdiantong_qiye._shaped(
        {"src_trade_no": f"{parcel.number},other", "status": 77, "weight": "1.2"}
    )
    assert [row["src_trade_no"] for row in rows] == [parcel.number, "other"]
    assert progress.take_stockouts(world.accounts["wangdiantong"], rows) == 0
    assert "77" in Ticket.objects.get(kind="wms_unreadable").body


def test_that_a_masked_parcel_goes_from_cainiao_by_qimen_to_taobaos_ship_report(
    world: Any, sandbox: RunningSandbox
) -> None:
    order = taobao_order(world, world.tids[0])
    parcel = world.parcel(order)
    drain("waybill.get")
    parcel.refresh_from_db()
    assert parcel.state == "numbered", list(Message.objects.values("kind", "state", "error"))
    assert "encryptedData" in waybill.payload_of(parcel)["print_data"]
    assert b"encryptedData" not in bytes(parcel.print_payload_enc or b"")
    drain("wms.push")
    parcel.refresh_from_db()
    assert parcel.state == "handed", list(Message.objects.values("kind", "state", "error"))
    qimen = world.accounts["qimen"]
    weight = progress.qimen._weight(progress.qimen.read(qimen, parcel.number, "HZ01") or {}) or 0
    Parcel.objects.filter(id=parcel.id).update(expected_weight_g=weight)
    assert progress.poll_qimen(every_seconds=0) == 1
    parcel.refresh_from_db()
    assert (parcel.state, parcel.weight_state) == ("shipped", "ok")
    drain("channel.ship", "trace.subscribe")
    parcel.refresh_from_db()
    assert parcel.report_state == "done", list(Message.objects.values("kind", "state", "error"))
    assert sandbox.ledger("channel.ship", order.channel_number, "taobao")
    assert sandbox.ledger("trace.subscribe", parcel.waybill_no)


def test_that_a_lost_answer_is_asked_about_and_no_second_number_is_taken(
    world: Any, sandbox: RunningSandbox
) -> None:
    plain, masked = world.parcel(own_order(world)), world.parcel(taobao_order(world, world.tids[1]))
    sandbox.fault("lost_answer", "zto", "zto.open.createOrder", times=1)
    sandbox.fault("lost_answer", "taobao", "cainiao.waybill.ii.get", times=1)
    drain("waybill.get")
    assert set(Message.objects.filter(kind="waybill.get").values_list("state", flat=True)) == {"unknown"}
    drain("waybill.get")
    for parcel in (plain, masked):
        parcel.refresh_from_db()
        assert parcel.waybill_no
    effects = [row for row in sandbox.ledger("waybill.number") if row["effect"]]
    assert len(effects) == 2


def test_that_a_refund_found_at_the_gate_takes_no_number(
    world: Any, sandbox: RunningSandbox, open_gate: dict[int, Any]
) -> None:
    from orders.operations.recheck import ChannelState

    order = own_order(world)
    parcel = world.parcel(order)
    open_gate[order.id] = ChannelState(False, "refund asked")
    drain("waybill.get")
    assert Message.objects.get(subject_id=parcel.id).state == "cancelled"
    assert not sandbox.ledger("waybill.number")


def test_that_a_channel_that_cannot_be_asked_delays_and_decides_nothing(
    world: Any, sandbox: RunningSandbox, open_gate: dict[int, Any]
) -> None:
    from orders.operations.recheck import ChannelState

    order = own_order(world)
    parcel = world.parcel(order)
    open_gate[order.id] = ChannelState(False, "busy", again=True)
    drain("waybill.get")
    assert Message.objects.get(subject_id=parcel.id).state == "new"
    assert not sandbox.ledger("waybill.number")


def test_that_ten_masked_parcels_are_one_call_and_one_bad_oaid_does_not_stop_the_others(
    world: Any, sandbox: RunningSandbox
) -> None:
    from orderhub import crypto

    orders = [taobao_order(world, tid) for tid in world.tids[:4]]
    Receiver.objects.filter(order=orders[2]).update(opaque_enc=crypto.encrypt(b'{"oaid": "wrong"}'))
    plan.plan()
    drain("waybill.get")
    states = dict(Parcel.objects.values_list("order_id", "state"))
    assert [states[order.id] for order in orders] == ["numbered", "numbered", "planned", "numbered"]


def test_that_a_cancel_gives_the_number_back_and_stops_the_warehouse(
    world: Any, sandbox: RunningSandbox
) -> None:
    order = own_order(world)
    Order.objects.filter(id=order.id).update(paid_at=timezone.now())
    parcel = world.parcel(order)
    drain("waybill.get", "wms.push")
    Order.objects.filter(id=order.id).update(state="cancelled")
    voids.stop_wrong()
    drain("wms.cancel", "waybill.cancel")
    parcel.refresh_from_db()
    assert parcel.state == "voided", list(Message.objects.values("kind", "state", "error", "answer"))
    assert sandbox.ledger("wms.cancel", parcel.number)
    assert sandbox.ledger("waybill.cancel", parcel.waybill_no)


def test_that_traces_are_polled_signed_and_asked_for_again_only_when_due(
    world: Any, sandbox: RunningSandbox
) -> None:
    order = own_order(world)
    parcel = world.parcel(order)
    drain("waybill.get", "wms.push")
    parcel.refresh_from_db()
    shipped = timezone.now() - dt.timedelta(days=8)
    Parcel.objects.filter(id=parcel.id).update(
        state="shipped",
        shipped_at=shipped,
        handed_at=shipped,
        waved_at=shipped,
        packed_at=shipped,
        printed_at=shipped,
    )
    assert tracking.poll() == 1
    assert tracking.poll() == 0
    parcel.refresh_from_db()
    assert parcel.state == "signed", list(Trace.objects.values("meaning", "text"))
    assert parcel.first_attempt_ok is not None and parcel.picked_up_at is not None
    follow.follow()
    order.refresh_from_db()
    assert (order.state, order.signed_at) == ("signed", parcel.signed_at)


def test_that_an_overdue_pick_up_is_one_ticket_and_one_sms(world: Any, sandbox: RunningSandbox) -> None:
    old = timezone.now() - dt.timedelta(hours=49)
    late = [world.parcel(own_order(world), "shipped", shipped_at=old) for _ in range(2)]
    fresh = world.parcel(own_order(world), "shipped", shipped_at=timezone.now() - dt.timedelta(hours=47))
    assert overdue.overdue() == 0, "the carrier was not asked yet"
    group = connection("dingtalk", sandbox.url)
    Recipient.objects.create(role="warehouse_manager", connection=group)
    Parcel.objects.update(polled_at=timezone.now() - dt.timedelta(minutes=9))
    assert overdue.overdue() == 0, "asked, but its answer is not in yet"
    Parcel.objects.update(trace_answered_at=timezone.now() - dt.timedelta(hours=3))
    assert overdue.overdue() == 0, "what the carrier said before the 48 hours were over says nothing"
    Parcel.objects.update(trace_answered_at=timezone.now())
    assert overdue.overdue() == 2
    assert overdue.overdue() == 0
    assert Ticket.objects.filter(kind="pickup_overdue").count() == 2
    assert Message.objects.filter(kind="notice.send", connection=group).count() == 2
    sandbox.fault("lost_answer", "aliyun_sms", times=1)
    drain("sms.send")
    drain("sms.send")
    assert Message.objects.get(kind="sms.send").state == "done", Message.objects.get(kind="sms.send").error
    assert len([row for row in sandbox.ledger("sms.sent") if row["effect"]]) == 1
    fresh.refresh_from_db()
    assert not fresh.overdue_told
    tracking.take(
        {late[0].waybill_no: [Scan(late[0].waybill_no, timezone.now(), "103", "picked_up", "已揽收")]}
    )
    states = dict(Ticket.objects.filter(kind="pickup_overdue").values_list("cause_key", "state"))
    assert states[f"pickup:{late[0].number}"] == "done" and states[f"pickup:{late[1].number}"] == "open"


def test_that_no_receiver_is_kept_in_a_message(world: Any, sandbox: RunningSandbox) -> None:
    world.parcel(own_order(world))
    drain("waybill.get", "wms.push")
    assert Connection.objects.exists()
    for message in Message.objects.all():
        said = f"{message.data}{message.answer}{message.error}"
        assert "王小明" not in said and "13812345678" not in said and "文一西路" not in said


def test_that_the_warehouse_system_is_told_its_own_spelling(world: Any, sandbox: RunningSandbox) -> None:
    sku = Sku.objects.get(id=world.sku.id)
    theirs = sku.code
    sku.code = "B-2025-SH-001"
    sku.save(update_fields=["code"])
    codes.spell(world.accounts["wangdiantong"].code, theirs, sku.id)
    parcel = world.parcel(own_order(world))
    drain("waybill.get", "wms.push")
    handed = sandbox.ledger("wms.order", parcel.number, "wangdiantong")
    assert [row["body"]["lines"] for row in handed] == [[[theirs, 2.0]]]
